#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The miniature kernel of 10.4: the event mask goes in, is kept, and comes out.
. "$(dirname -- "$0")/lib.sh"
cp -- "$tests/small_events.c" old.c
cp -- old.c new.c

run source old.c new.c --kernel freebsd-10.4 --calls 40000
wants_status 0
wants_silence err
wants_out '^old\.c and new\.c: no difference in [0-9]+ calls \(atomic, '

# differs NAME SED KIND TEXT
differs() {
  sed -e "$2" old.c >"$1.c"
  ! cmp -s old.c "$1.c" || fail "$1: nothing in small_events.c is as the test expects it: sed $2"
  run source old.c "$1.c" --kernel freebsd-10.4 --calls 40000 --findings 1 --save "$1.run"
  wants_status 1
  wants_silence err
  wants_out "^old\.c and $1\.c: $3$"
  wants_out "$4"
}
differs adds 's/p->p_ptevents = \*events;/p->p_ptevents |= *events;/' state \
  '^    p[1-4] p_ptevents: .* expected, .* seen$'
differs more 's/p->p_ptevents = PTRACE_DEFAULT;/p->p_ptevents = PTRACE_DEFAULT | PTRACE_FORK;/' state \
  '^    p[1-4] p_ptevents: PTRACE_EXEC expected, PTRACE_EXEC PTRACE_FORK seen$'
differs unknown 's/p->p_ptevents = \*events;/p->p_ptevents = 0x40 | *events;/' panic \
  '^  now: p_ptevents of pid [0-9]+: 0x[0-9a-f]+ is no set of events'
differs stale 's/\*events = p->p_ptevents;/*events = 0;/' panic \
  '^  now: PT_GET_EVENT_MASK copied out 0x0, and p_ptevents is 0x[0-9a-f]+'
differs first 's/p->p_flag2 |= P2_PTRACE_FSTP;/;/' state '^    p[1-4] p_flag: .*P2_PTRACE_FSTP'
differs queue 's/sigqueue_delete(&p->p_sigqueue, SIGSTOP);/;/' state '^    p[1-4] p_siglist: .* expected, .*SIGSTOP.* seen$'
finish
