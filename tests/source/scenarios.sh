#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Scenarios run on a source beside the model.  scenarios.sh PROCTOR [NUMBER KERNEL]: on that listing; without them on
# small_process.c.
. "$(dirname -- "$0")/lib.sh"
kernel=${3:-freebsd-5.1}
file=$small
if [[ $# -gt 1 ]]; then
  [[ -d $seeds ]] || skip "the kernel listings are not here ($seeds)"
  file=$(compgen -G "$seeds/$2_*" | head -n 1)
  [[ -n $file ]] || file=$(compgen -G "$seeds/../kernels/$2*/sys/kern/sys_process.c" | head -n 1)
fi

count=0
for scenario in "$root"/tests/scenarios/*.scn; do
  kernels=$(sed -n 's/^kernels //p' "$scenario")
  [[ -z $kernels || " $kernels " == *" $kernel "* ]] || continue
  count=$((count + 1))
  run source "$file" --kernel "$kernel" --scenario "$scenario"
  wants_status 0
  wants_silence err
  wants_out ': nothing found in the [0-9]+ actions that .*\.scn stands for$'
done
((count >= 20)) || fail "only $count scenarios are about $kernel"
[[ $# -eq 1 ]] || finish

cat >typed.scn <<'END'
# What the scenario runner adds to the actions.
kernels freebsd-5.1
p1 fork p2
[freebsd-11c] p2 exit
p2 fork p3
p2 ptrace PT_ATTACH p3 -> 0
p2 wait p3 -> trapped=SIGSTOP
check p3 P_TRACED parent=p2
p2 ptrace PT_DETACH p3 data=SIGTERM -> 0
p2 kill p3 SIGTERM -> 0
check p3 zombie
p2 wait p3 -> killed=SIGTERM
END
cp -- "$small" small.c
source_run small.c --scenario typed.scn
wants_status 0
# Internal steps are among the actions: the signals found, the stop that is left, the end of the exit.
wants_out '^small\.c and .*: nothing found in the 11 actions that typed\.scn stands for$'
source_run small.c small.c --scenario typed.scn
wants_status 0

# Its expectations are about the model.
sed 's/^check p3 P_TRACED.*/check p3 !P_TRACED/; s/killed=SIGTERM/exited=0/' typed.scn >wrong.scn
source_run small.c --scenario wrong.scn
wants_status 1
wants_out '^small\.c and the model of freebsd-5\.1: expectation$'
wants_out '^  wrong\.scn:8: expected !P_TRACED of p3, but it is '
wants_out '^  wrong\.scn:12: expected exited=0, but it is killed=SIGTERM'
wants_out '^again: proctor source small\.c --kernel freebsd-5\.1 --scenario wrong\.scn$'

change flag 's/~(P_TRACED | P_WAITED)/~P_TRACED/'
source_run flag.c --scenario typed.scn
wants_status 1
wants_out '^flag\.c and the model of freebsd-5\.1: state$'
wants_out '^  in typed\.scn:9$'
wants_last_action '^  p2 ptrace PT_DETACH p3 data=15$'
wants_out '^again: proctor source flag\.c --kernel freebsd-5\.1 --scenario typed\.scn$'
source_run flag.c --scenario wrong.scn
wants_status 1
wants_out '^flag\.c and .*: expectation$'
wants_out '^flag\.c and .*: state$'

change null 's/^\t\tgive_back(tc);/\t\t((volatile struct proc *)NULL)->p_flag = 0;/'
source_run null.c --scenario typed.scn
wants_status 1
wants_out '^null\.c and .*: crash$'
wants_out '^  in p2 ptrace PT_DETACH p3 data=15$'

sed 's/PT_DETACH/PT_DTACH/' typed.scn >broken.scn
source_run small.c --scenario broken.scn
wants_refusal '^proctor: broken\.scn:9:[0-9]+: .*PT_DTACH.*did you mean PT_DETACH'
mkdir folder.scn
source_run small.c --scenario folder.scn
wants_refusal '^proctor: folder\.scn: cannot be read: it is a folder'
finish
