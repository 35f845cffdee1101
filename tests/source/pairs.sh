#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two sources beside each other: the old one and the new one.
. "$(dirname -- "$0")/lib.sh"
cp -- "$small" old.c
cp -- "$small" new.c

source_run old.c new.c --calls 40000
wants_status 0
wants_silence err
wants_out '^old\.c and new\.c: no difference in [0-9]+ calls \(atomic, '

# differs NAME KIND ACTIONS TEXT: the run that shows it is short
differs() {
  source_run old.c "$1.c" --calls 60000 --findings 1 --save "$1.run"
  wants_status 1
  wants_silence err
  [[ $(head -n 1 out) =~ ^"old.c and $1.c: "($2)$ ]] || fail "$ran: kind $2 expected: $(head -n 3 out)"
  wants_actions "$3"
  wants_out "$4"
  wants_out "^again: proctor source old\.c $1\.c --kernel freebsd-5\.1 --rerun $1\.run$"
}
change answer 's/return (EPERM);/return (ESRCH);/'
differs answer errno 3 '^  EPERM returned before, ESRCH now'

# What SA-03:09 was about: fork, attach, stop, wait, step.  Where the step itself fails too, only the hold tells.
change step 's/tc->tc_req != PT_STEP && //'
differs step 'errno|locks' 6 '^(  0 returned before, EINVAL now|    before lock .*, hold process p[1-4], )'
wants_last_action 'ptrace PT_STEP .*data='

change tree 's/{ PT_KILL, R_TRACEE/{ PT_KILL, R_TREE | R_TRACEE/'
differs tree locks 4 '^    now    lock proctree_lock, '

change state 's/^\tp->p_oppid = 0;/\t;/'
differs state state 8 '^    p[1-4] p_oppid: '
wants_last_action 'ptrace PT_DETACH'

# More than one difference: each request that goes another way is shown once, with a run of its own.
change two 's/return (EPERM);/return (ESRCH);/; s/^\tp->p_oppid = 0;/\t;/'
source_run old.c two.c --save two.run
wants_status 1
kinds=$(grep -c '^old\.c and two\.c: errno$' out)
((kinds >= 5)) || fail "$ran: $kinds requests with another errno, expected at least 5"
wants_out '^old\.c and two\.c: state$'
wants_out '^again: proctor source old\.c two\.c --kernel freebsd-5\.1 --rerun two-2\.run$'
source_run old.c two.c --rerun two-2.run
wants_status 1
source_run old.c two.c --findings 2 --save two.run
[[ $(grep -c '^again: ' out) == 2 ]] || fail "$ran: two findings expected"

# A bug that both have is no difference; one that the old one had is.
cp answer.c also.c
source_run answer.c also.c --calls 5000
wants_status 0
source_run answer.c old.c --findings 1 --save back.run --as-found
wants_status 1
wants_out '^  ESRCH returned before, EPERM now'

# What the new one cannot do at all is found too, and a saved run shows it again.
change null 's/^\t\tgive_back(tc);/\t\t((volatile struct proc *)NULL)->p_flag = 0;/'
differs null crash 8 '^  the source crashed: '
source_run old.c null.c --rerun null.run
wants_status 1
wants_out '^old\.c and null\.c: crash$'
source_run old.c new.c --rerun null.run
wants_status 0
wants_out '^old\.c and new\.c: nothing found in the [1-9][0-9]* actions of null\.run$'

for turn in 1 2; do
  source_run old.c answer.c --seed 4 --findings 3 --save answer.run
  mv out "turn$turn"
done
cmp -s turn1 turn2 || fail "the same seed prints something else: $(diff turn1 turn2 | head -n 4)"
finish
