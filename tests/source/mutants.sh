#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mutants.sh PROCTOR MUTATE NUMBER KERNEL: of what is changed in a kernel's source, how much is noticed.
. "$(dirname -- "$0")/lib.sh"
[[ -d $seeds ]] || skip "the kernel listings are not here ($seeds): nothing to change"
count=(24)
[[ ${PROCTOR_LONG:-0} == 0 ]] || count=()
file=$(compgen -G "$seeds/$3_*" | head -n 1)
explained=$root/tests/mutate/explained.tsv
[[ -e $explained ]] || fail "$explained is missing: it says why some changes cannot be noticed"
"$2" "$proctor" "$4" "$file" "$explained" "${count[@]}" || fail "mutate $4: exit status $?"
finish
