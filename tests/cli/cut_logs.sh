#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A log that ends in the middle of a record or line: what is whole is judged, the cut is reported with its offset, and the
# status is 2, unless something was found before the cut.
. "$(dirname -- "$0")/lib.sh"

# offset_of FILE N: where record N (from 0) of a ktrace.out begins.  Each is a header of 56 bytes, whose first four are
# the length of what follows.
offset_of() {
  local at=0 n
  for ((n = 0; n < $2; n++)); do
    at=$((at + 56 + $(od -An -tu4 -j "$at" -N 4 "$1")))
  done
  echo "$at"
}

ktrace=$base/attach_sibling/ktrace.out
start=$(offset_of "$ktrace" 140)
for extra in 1 55 57; do  # within the header twice, then within the data
  head -c $((start + extra)) "$ktrace" >cut.out
  run check cut.out
  wants_status 2
  wants_out "byte $start\b"
  wants_out '^cut.out: inconclusive by freebsd-10.4'
done
head -c "$start" "$ktrace" >whole.out  # between two records nothing is cut
run check whole.out
wants_status 0

kdump=$base/attach_sibling/kdump.txt
start=$(head -n 120 "$kdump" | wc -c)
head -c $((start + 9)) "$kdump" >cut.txt
run check cut.txt
wants_status 2
wants_out "byte $start\b"
wants_out '^cut.txt: inconclusive by freebsd-10.4'
head -c "$start" "$kdump" >whole.txt
run check whole.txt
wants_status 0

# The change is in record 41, long before the cut.
mutant=$mutants/048-errors_self-self-attach-succeeds.ktrace.out
changed=$(awk -F'\t' '$1 ~ /^048-/ { print $4 }' "$mutants/INDEX.tsv")
start=$(offset_of "$mutant" $((changed + 20)))
head -c $((start + 30)) "$mutant" >cut_mutant.out
run check cut_mutant.out
wants_status 1
wants_out "byte $start\b"
wants_out "^cut_mutant.out:record $changed .*error: "
wants_out '^cut_mutant.out: rejected by freebsd-10.4'
finish
