#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A finding is saved as a run, which shows it again, and nothing once the source is right.
. "$(dirname -- "$0")/lib.sh"
cp -- "$small" right.c

# The same again, up to the line that counts the actions; with the right source nothing.
wants_again() {  # NAME
  source_run "$1.c" --rerun "$1.run"
  wants_status 1
  wants_silence err
  diff <(sed '/^the run, /d' found) <(sed '/^the run, /d' out) >differs ||
    fail "$ran: not the finding that was saved: $(cat differs)"
  source_run right.c --rerun "$1.run"
  wants_status 0
  wants_silence err
  wants_out "^right\.c and the model of freebsd-5\.1: nothing found in the [1-9][0-9]* actions of $1\.run$"
}
saves() {  # NAME KIND OPTION...
  local name=$1 kind=$2
  shift 2
  source_run "$name.c" --calls 60000 --save "$name.run" "$@"
  wants_status 1
  wants_out "^$name\.c and .*: $kind$"
  [[ -s $name.run ]] || fail "$ran: $name.run was not written"
  cp out found
}

change answer 's/return (EPERM);/return (ESRCH);/'
saves answer errno
wants_again answer
[[ $(ls answer.run*) == answer.run ]] || fail "files were left behind: $(ls answer.run*)"
saves answer errno --preemptive --as-found
wants_again answer
change unlocked 's/^\tgive_tree(&tc);/\t;/'
saves unlocked 'held at return' --preemptive
wants_again unlocked
change null 's/^\t\tgive_back(tc);/\t\t((volatile struct proc *)NULL)->p_flag = 0;/'
saves null crash
wants_again null
change hang 's/^\twake_with(tc, SIGKILL);/\twhile (1)\n\t\t;/'
saves hang hang --as-found --patience 300
source_run hang.c --rerun hang.run --patience 300
wants_status 1
wants_out '^hang\.c and .*: hang$'

# A saved run is a scenario: it can be written by hand, and what a call must return is not needed.
printf '%s\n' '# by hand' 'p1 fork p2' '' 'p2 fork p3' 'p2 ptrace PT_PEEK p3' >typed.run
cp typed.run broken.run
source_run right.c --rerun broken.run
wants_refusal '^proctor: broken\.run:5:[0-9]+: .*PT_PEEK.*expected'
sed -i 's/PT_PEEK/PT_READ_D/' typed.run
source_run right.c --rerun typed.run
wants_status 0
source_run answer.c --rerun typed.run
wants_status 1
wants_out '^  EPERM expected \[not-traced, '

breaks() {  # LINE WORDS TEXT: a run with this text
  printf '%s\n' "$3" >broken.run
  source_run right.c --rerun broken.run
  wants_refusal "^proctor: broken\.run:$1:[1-9][0-9]*: $2"
}
breaks 1 '.*frobs.*expected' 'p1 frobs p2'
breaks 2 '.*p9.*expected' $'p1 fork p2\np9 ptrace PT_TRACE_ME'
breaks 2 'unknown word .mapped.: .*expected a value of memory=' $'p1 fork p2\np2 ptrace PT_READ_D p1 memory=mapped'
breaks 1 'unknown word .*colour.*: expected seed, init, schedule or action' '#! colour red'
breaks 1 'unknown word .*p1fork.*: expected seed, init, schedule or action' '#!p1fork'
breaks 1 'the line ends here: expected seed, init' '#!'
breaks 1 'the line ends here: expected a rule' '#! action'
breaks 1 'no such action in freebsd-5\.1: expected ptrace\(PT_[A-Z_]+(, [pt]id)?\); .* or [0-9]+ others' \
  '#! action ptrace(PT_PEEK, pid) 0 1 2 ; 0'
breaks 1 'no such action in freebsd-5\.1: expected wait6\(P_ALL\): exited; ' '#! action wait6(P_ALL): 0'
breaks 1 'no such action in freebsd-5\.1: expected a name that begins with ptrace, .*fork' '#! action sleep 1 ; 0'
breaks 1 "'t2': expected child, 0 to 3 or 255" '#! action fork 0 t2 1 ; 0'
breaks 1 "'99': expected child_td, 0 to 5 or 255" '#! action fork 0 1 99 ; 0'
breaks 1 'the line ends here: expected .*child_td' '#! action fork 0 1'
breaks 1 "unknown word '1': expected ; after the 3 arguments of fork" '#! action fork 0 1 1 1 ; 0'
breaks 1 "'300': expected a choice, 0 to 255" '#! action fork 0 1 1 ; 300'
breaks 1 "'abc': expected a number from 0 to 18446744073709551615" '#! seed abc'
breaks 1 'the line ends here: expected a number' '#! seed'
breaks 1 "unknown word '7': expected the end" '#! seed 7 7'
breaks 1 "unknown word 'nonsense': expected system or plain" '#! init nonsense'
breaks 2 'init comes too late' $'p1 fork p2\n#! init plain'
breaks 1 "'-': expected letters and digits" '#! schedule 1-2'
breaks 1 'no action: expected at least one line' ''
breaks 2 'no action: expected at least one line' $'#! seed 4\n# nothing'
breaks 3 '.*; the scenario runner.s own lines are for --scenario' $'p1 fork p2\np2 fork p3\np3 exit'
: >broken.run
source_run right.c --rerun broken.run
wants_refusal '^proctor: broken\.run:1:1: no action: expected '
source_run right.c --rerun missing.run
wants_refusal '^proctor: missing\.run: cannot be read: .*: expected a run'
mkdir folder.run
source_run right.c --rerun folder.run
wants_refusal '^proctor: folder\.run: cannot be read: it is a folder: expected a run'

# Actions that nobody can take are left out, and it is said that there were some.
printf '%s\n' 'p1 fork p2' 'p2 fork p3' 'p3 thr_exit' 'p3 fork p4' 'p2 ptrace PT_READ_D p3' >partly.run
source_run right.c --rerun partly.run
wants_status 0
wants_out '^right\.c and .*: nothing found in the 5 actions of partly\.run$'
wants_out '^4 of 5 actions could be taken$'
source_run answer.c --rerun partly.run
wants_status 1
wants_out '^the run, [0-9]+ of 5 actions; 4 of 5 actions could be taken:$'
source_run right.c --rerun typed.run
! grep -q 'could be taken' out || fail "$ran: all actions can be taken: $(cat out)"

# Without --save the run has a name of its own, with --save FILE it is there and nowhere else.
mkdir here
cd here || exit 1
cp ../answer.c .
source_run answer.c --seed 5
wants_status 1
[[ $(ls) == $'answer.c\nerr\nout\nproctor-freebsd-5.1-5.run' ]] || fail "$ran: expected proctor-freebsd-5.1-5.run: $(ls)"
rm -- *.run
source_run answer.c --save no/such/folder/x.run
wants_status 1
wants_err 'no/such/folder/x\.run: cannot be written'
wants_out '^answer\.c and .*: errno$'
! grep -q '^again:' out || fail "$ran: names a run that was not saved"
[[ $(ls) == $'answer.c\nerr\nout' ]] || fail "$ran: files were left behind: $(ls)"

# The same seed finds the same and saves the same.
for turn in 1 2; do
  source_run answer.c --seed 9 --save answer.run
  mv out "turn$turn"
  mv answer.run "run$turn"
done
cmp -s turn1 turn2 || fail "the same seed prints something else: $(diff turn1 turn2 | head -n 4)"
cmp -s run1 run2 || fail "the same seed saves something else: $(diff run1 run2 | head -n 4)"

if command -v jq >/dev/null; then
  source_run answer.c --format jsonl --save answer.run
  wants_status 1
  jq -es 'length == 1 and (.[0] | .verdict == "finding" and .kind == "errno" and .kernel == "freebsd-5.1" and
    .files == ["answer.c"] and .saved == "answer.run" and (.text | test("EPERM expected")) and
    (.run | split("\n") | length > 1))' out >/dev/null || fail "$ran: not true of the output: $(head -c 600 out)"
  source_run answer.c --format jsonl --rerun answer.run
  wants_status 1
  jq -es 'length == 1 and .[0].verdict == "finding" and .[0].kind == "errno"' out >/dev/null ||
    fail "$ran: not true of the output: $(head -c 600 out)"
else
  echo "not tried: --format jsonl, because jq is not installed"
fi
finish
