#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A word that does not exist is told once, with the nearest that do, and nothing runs: in a scenario, among the options,
# and where a rule is asked for.
. "$(dirname -- "$0")/lib.sh"

printf '%s\n' 'kernels freebsd-5.1 freebsd-10.4' 'p1 fork p2' 'p2 ptrace PT_ATACH p1 -> EPRM' >one.scn
run run one.scn
wants_status 3
wants_silence out
[[ $(wc -l <err) == 2 ]] || fail "$ran: two words are wrong, but stderr has $(wc -l <err) lines"
wants_err "^proctor: one\.scn:3:11: unknown word 'PT_ATACH': did you mean PT_ATTACH or PT_DETACH\?$"
wants_err "^proctor: one\.scn:3:26: unknown word 'EPRM': did you mean EPERM\?$"
run run --format atf -k freebsd-10.4 one.scn
wants_status 3
wants_silence out
run run --format jsonl one.scn
wants_status 3
wants_out '"kernel":null.*"unreadable":\["one\.scn:3:11: .*"verdict":"unreadable"'

for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo 'p1 frok p2'; done >many.scn
run run many.scn
wants_status 3
[[ $(wc -l <err) == 11 ]] || fail "$ran: expected ten words and how many are left out, not $(wc -l <err) lines"
wants_err '^proctor: many\.scn: 2 more like these: only the first 10 are shown$'

# A readable scenario beside it still runs.
echo 'p1 fork p2' >good.scn
run run -k freebsd-10.4 one.scn good.scn
wants_status 3
wants_out '^good\.scn on freebsd-10\.4: as expected'

# Who is not there is a finding of the run, on each kernel.
printf '%s\n' 'kernels freebsd-5.1 freebsd-10.4' 'p1 fork p2' 'p3 execve' >nobody.scn
run run nobody.scn
wants_status 1
wants_silence err
wants_out '^nobody\.scn:3: error: not possible here: there is no p3 at this place in the scenario$'
[[ $(grep -c 'error:' out) == 2 ]] || fail "$ran: expected a finding on each of two kernels"
run run --format jsonl -k freebsd-10.4 nobody.scn
wants_out '"findings":\[\{"clause":null,"line":3,"what":"not possible here: there is no p3 '

run run -k freebsd-10.3 good.scn
wants_refusal '^proctor: --kernel freebsd-10\.3: no such kernel: did you mean freebsd-10\.4'
for command in rules 'source x.c' 'check x.out'; do
  # shellcheck disable=SC2086  # plain words
  run $command --kernel freebsd-10.5
  wants_refusal '^proctor: --kernel freebsd-10\.5: no such kernel: did you mean freebsd-10\.4'
done
run chekc x.out
wants_refusal '^proctor: chekc: no such command: did you mean check\?'
run check --formt jsonl x.out
wants_refusal '^proctor: --formt: no such option of check: did you mean --format\?'
run run --format jsnl good.scn
wants_refusal 'jsnl: did you mean jsonl\?'
run run --states all good.scn
wants_refusal '--states: all: expected one of these: none, end or both'
run rules PT_ATACH
wants_refusal '^proctor: rules: PT_ATACH: no such rule: did you mean PT_ATTACH or PT_DETACH\?'
run rules not-traced-by-you
wants_status 0
wants_out '^  EBUSY unless .*\[not-traced-by-you, sys_process\.c:829\]$'
run rules wait4
wants_status 0
wants_out '^freebsd-10\.4: wait6\(P_PID\): exited, '

for states in none end both; do
  run run --format jsonl --states "$states" -k freebsd-10.4 good.scn
  wants_status 0
  after=$(grep -c '"after":' out) end=$(grep -c '"end":' out)
  [[ $states,$after,$end == none,0,0 || $states,$after,$end == end,0,1 || $states,$after,$end == both,1,1 ]] ||
    fail "$ran: has \"after\" $after times and \"end\" $end times"
done
finish
