#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A source that keeps something between runs, and what a signal leaves behind.
. "$(dirname -- "$0")/lib.sh"

# The counter goes past its limit after many sequences only.
change kept 's/^\tif (tc->tc_req != PT_STEP \&\& .*/\tstatic int kept;\n\n\tif (++kept > 300)\n\t\treturn (EPERM);\n&/'
source_run kept.c --calls 60000 --save kept.run
wants_status 1
wants_out '^kept\.c and .*: errno$'
wants_out '^  [A-Za-z]+ expected.*, EPERM returned$'
wants_out '^the run alone does not show it: the source keeps something between runs$'
wants_out '^again: proctor source kept\.c --kernel freebsd-5\.1 --seed 1 --calls 60000$'
wants_last_action 'ptrace PT_(CONTINUE|STEP|DETACH)'
cp out first
source_run kept.c --seed 1 --calls 60000 --save kept.run
cmp -s first out || fail "$ran: not what it says shows it again: $(diff first out | head -n 4)"

# One that shows it at once has a run like any other.
change at_once 's/^\tif (tc->tc_req != PT_STEP \&\& .*/\tstatic int kept;\n\n\tif (++kept > 0)\n\t\treturn (EPERM);\n&/'
source_run at_once.c --calls 60000 --save at_once.run
wants_status 1
! grep -q 'the run alone' out || fail "$ran: the run alone shows it: $(cat out)"
wants_actions 6
source_run at_once.c --rerun at_once.run
wants_status 1

# A signal: one line, the status of a program that it ended, and nothing is left.
change hang 's/^\twake_with(tc, SIGKILL);/\twhile (1)\n\t\t;/'
mkdir temporary
for signal in TERM INT HUP; do
  ran="proctor source with SIG$signal"
  # A shell without job control has its background jobs ignore SIGINT.
  TMPDIR=$scratch/temporary env --default-signal=INT "$proctor" source hang.c --kernel freebsd-5.1 --patience 60000 \
    >out 2>err &
  main=$!
  child=
  for ((i = 0; i < 200 && ${#child} == 0; i++)); do
    sleep 0.05
    # The compiler is a child too, but not another proctor.
    child=$(ps -o pid=,comm= --ppid $main | awk -v name="${proctor##*/}" '$2 == name { print $1 }')
  done
  [[ -n $child ]] || fail "$ran: no child was seen"
  sleep 0.2
  kill -$signal $main
  wait $main
  status=$?
  wants_status $((128 + $(kill -l $signal)))
  wants_silence out
  [[ $(cat err) == 'proctor: stopped by a signal' ]] || fail "$ran: $(head -c 300 err)"
  [[ -z $child ]] || [[ $(ps -o stat= -p $child) != [RSD]* ]] || fail "$ran: the child goes on"
  [[ -z $(ls temporary) ]] || fail "$ran: left behind: $(ls temporary)"
done
finish
