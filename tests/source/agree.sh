#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A source that does what the model says: nothing is found, and the same seed does the same again.
. "$(dirname -- "$0")/lib.sh"
calls=100000
[[ ${PROCTOR_LONG:-0} == 0 ]] || calls=1000000

cp -- "$small" small.c
source_run small.c --calls $calls --seed 7 --coverage
wants_status 0
wants_silence err
wants_out "^small\.c and the model of freebsd-5\.1: no difference in [0-9]+ calls \(atomic, [0-9]+ sequences, "
made=$(sed -nE '1s/.* in ([0-9]+) calls.*/\1/p' out)
((made >= calls)) || fail "$ran: $made calls made"
# A check that never fails is not tested by the sentence above.
for clause in attach-ancestor attach-self attach-traced copyin copyout in-exec io-memory io-op may-not-debug \
  memory-unmapped no-such-process not-in-memory not-stopped not-traced not-traced-by-you not-visible not-waited \
  pc-refused registers-refused signal-range single-step-refused system-process unknown-request; do
  wants_out "^$clause +[0-9]+ +[1-9][0-9]*$"
done

source_run small.c --calls $((calls / 2)) --seed 7 --preemptive
wants_status 0
wants_out 'no difference in [0-9]+ calls \(preemptive, '

for mode in '' --preemptive; do
  for turn in 1 2; do
    source_run small.c --calls 10000 --seed 11 --coverage $mode
    wants_status 0
    mv out "turn$turn"
  done
  cmp -s turn1 turn2 || fail "the same seed prints something else: $(diff turn1 turn2 | head -n 4)"
  source_run small.c --calls 10000 --seed 12 --coverage $mode
  ! cmp -s turn1 out || fail "$ran: another seed makes the same calls"
done

# Nothing found leaves nothing behind.
[[ $(ls) == $'err\nout\nsmall.c\nturn1\nturn2' ]] || fail "files were left behind: $(ls)"

if command -v jq >/dev/null; then
  source_run small.c --calls 2000 --format jsonl
  wants_status 0
  jq -es 'length == 1 and .[0].verdict == "nothing_found" and .[0].kernel == "freebsd-5.1" and .[0].calls >= 2000 and
    .[0].files == ["small.c"]' out >/dev/null || fail "$ran: not true of the output: $(head -c 300 out)"
else
  echo "not tried: --format jsonl, because jq is not installed"
fi
finish
