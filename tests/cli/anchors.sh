#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# anchors: what is found is written, what is not is said, and the exit status says which.
. "$(dirname -- "$0")/lib.sh"

# A kern_fork.c that has all that a kernel's rules look for there, one line shifted against the other.
cat >kern_fork.c <<'END'
/* $FreeBSD: head/sys/kern/kern_fork.c 1234 2015-12-01 someone $ */
static int
fork_findpid(int flags)
{
}

static void
do_fork(struct thread *td)
{
	while ((td2->td_dbgflags & TDB_STOPATFORK) != 0)
		;
}

void
fork_return(struct thread *td)
{

	if (td->td_dbgflags &
	    TDB_STOPATFORK) {
	}
}
END
run anchors --kernel freebsd-10.4 kern_fork.c
wants_status 0
wants_out '^// Where the clauses of freebsd-10\.4 stand'
wants_out '^// kern_fork\.c, 21 lines: head/sys/kern/kern_fork\.c 1234 2015-12-01 someone$'
wants_out '^\{"fork-pid-free", "kern_fork\.c", 3\},$'
wants_out '^\{"fork-runs", "kern_fork\.c", 8\},$'
wants_out '^\{"stop-at-fork", "kern_fork\.c", 18\},$'
wants_out '^\{"fork-child-attached", "kern_fork\.c", 10\},$'
[[ $(grep -c '^{' out) == 7 ]] || fail "$ran: found more than there is: $(cat out)"
wants_err '^proctor: sys_process\.c was not given, so these have no line: .*not-traced'

run anchors --kernel freebsd-10.4 -o lines.inc kern_fork.c
wants_status 0
wants_silence out
"$proctor" anchors --kernel freebsd-10.4 kern_fork.c 2>/dev/null | cmp -s - lines.inc || fail "-o wrote something else"
[[ $(ls lines.inc*) == lines.inc ]] || fail "-o left files behind: $(ls lines.inc*)"

sed -i 's/^	    TDB_STOPATFORK/	    TDB_FORK/' kern_fork.c
run anchors --kernel freebsd-10.4 kern_fork.c
wants_status 1
wants_err '^proctor: kern_fork\.c: stop-at-fork: not found in fork_return\(\): td->td_dbgflags & TDB_STOPATFORK$'
[[ $(grep -c '^{' out) == 6 ]] || fail "$ran: what is found should be written: $(cat out)"

# A listing has its name in its first line.
printf 'xref: /freebsd/sys/kern/kern_fork.c (revision 0123456789ab)\n1\u00a0do_fork()\n2\u00a0{\n3\u00a0}\n4\n' >listing.txt
run anchors --kernel freebsd-10.4 listing.txt
wants_status 1
wants_out '^// kern_fork\.c, 3 lines: revision 0123456789ab$'
wants_out '^\{"fork-runs", "kern_fork\.c", 1\},$'

run anchors --kernel freebsd-10.4
wants_refusal 'no source given.*sys_process\.c'
run anchors --kernel freebsd-99.9 kern_fork.c
wants_refusal 'freebsd-99\.9.*expected.*freebsd-10\.4'
run anchors --kernel freebsd-10.4 missing.c
wants_refusal 'missing\.c'
cp kern_fork.c other.c
run anchors --kernel freebsd-10.4 other.c
wants_refusal 'other\.c.*expected.*kern_fork\.c'
run anchors --kernel freebsd-10.4 kern_fork.c kern_fork.c
wants_refusal 'second kern_fork\.c'
run anchors --kernel freebsd-10.4 -o missing/lines.inc kern_fork.c
wants_status 3
wants_err 'missing/lines\.inc'
finish
