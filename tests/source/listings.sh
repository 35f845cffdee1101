#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel sources that the model was written from do what it says.  They are not part of this repository.
. "$(dirname -- "$0")/lib.sh"
[[ -d $seeds ]] || skip "the kernel listings are not here ($seeds): the model is compared with no kernel's own source"
atomic=150000 preemptive=50000
[[ ${PROCTOR_LONG:-0} == 0 ]] || atomic=1000000 preemptive=1000000

listing() {  # NUMBER or FOLDER: its path, in $file
  file=$(compgen -G "$seeds/$1_*" | head -n 1)
  [[ -n $file ]] || file=$(compgen -G "$seeds/../kernels/$1*/sys/kern/sys_process.c" | head -n 1)
  [[ -n $file || -d $seeds/../kernels ]] || skip "the kernels' sources are not here ($seeds/../kernels)"
  [[ -n $file ]] || fail "no listing $1 in $seeds"
}
agrees() {  # NUMBER or FOLDER, KERNEL
  listing "$1"
  run source "$file" --kernel "$2" --calls $atomic
  wants_status 0
  wants_out 'no difference in [0-9]+ calls \(atomic, '
  run source "$file" --kernel "$2" --calls $preemptive --preemptive
  wants_status 0
  wants_out 'no difference in [0-9]+ calls \(preemptive, '
}
if [[ $# -gt 2 ]]; then
  agrees "$2" "$3"
  finish
fi

# SA-03:09: a signal number that PT_STEP did not check.  Where the step itself fails too, only the hold tells.
listing 003
old=$file
listing 000
run source "$old" "$file" --kernel freebsd-5.1 --findings 1 --save pair.run
wants_status 1
wants_out '^(  0 returned before, EINVAL now|    before lock proctree_lock, lock process lock p[1-4], hold process p[1-4], )'
wants_actions 6
wants_last_action 'ptrace PT_STEP .*data='
# To the kernel of August the old source does more that is wrong; that is not all that is found.
run source "$old" "$file" --kernel freebsd-5.1-sa0309 --save later.run
wants_status 1
wants_out '^  before: vm_page_lookup without the vm_object lock'
wants_out '^  0 returned before, EINVAL now'
# The model without the check says so too.
run source "$file" --kernel freebsd-5.1 --save new.run
wants_status 1
wants_out '^(  success expected, EINVAL returned|    expected lock proctree_lock, lock process lock p[1-4], hold process p[1-4], )'
wants_actions 6
wants_last_action 'ptrace PT_STEP '
finish
