// SPDX-License-Identifier: BSD-2-Clause
//
// The part of the printed program that is the same for all scenarios.
#pragma once

#include <string_view>

namespace proctor::scenario {

inline constexpr std::string_view kAtfPrelude = R"C(
#include <sys/types.h>
#include <sys/param.h>
#include <sys/procctl.h>
#include <sys/ptrace.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pthread_np.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

/*
 * Processes and threads have the numbers of the scenario; process 0 is this
 * test case.  A thread takes orders from one pipe and answers through another,
 * both at fixed descriptors, so that they are found again after an exec.
 */
#define	PROCESSES	4
#define	THREADS		6
#define	ORDER(t, end)	(100 + 4 * (t) + (end))
#define	ANSWER(t, end)	(102 + 4 * (t) + (end))
#define	TIDS		140	/* a file with the thread ids */
#define	NOBODY		99999	/* PID_MAX */

enum op {
	OP_FORK, OP_VFORK, OP_RFORK, OP_PTRACE, OP_WAIT, OP_KILL, OP_EXIT,
	OP_EXEC, OP_THR_NEW, OP_THR_EXIT, OP_IGNORE, OP_CATCH, OP_SETUID,
	OP_REAP, OP_GETPPID
};

/* How a request of ptrace(2) is made. */
#define	HOW_UNMAPPED	0x01	/* an address that is not mapped */
#define	HOW_COPYIN	0x02	/* the argument cannot be read */
#define	HOW_COPYOUT	0x04	/* the answer cannot be written */
#define	HOW_IO_NONE	0x08	/* PT_IO with no operation */
#define	HOW_IO_WRITE	0x10	/* PT_IO that writes */

struct order {
	enum op	op;
	int	arg[5];
};
struct answer {
	long	result;
	int	error;
	int	status;
};

static pid_t pids[PROCESSES];
static int owed[THREADS];	/* an answer that has not come yet */
static int word = 42;		/* something in the memory of a tracee */

static int
transfer(int fd, void *bytes, size_t size, int out)
{
	ssize_t n;

	do
		n = out ? write(fd, bytes, size) : read(fd, bytes, size);
	while (n == -1 && errno == EINTR);
	return (n == (ssize_t)size);
}

static void
catcher(int sig)
{

	(void)sig;
}

static void obey(int t) __attribute__((noreturn));

static void *
new_thread(void *arg)
{

	obey((int)(long)arg);
}

static long
do_ptrace(int req, int pid, int data, int how, int mask)
{
	static char buffer[4096];
	struct ptrace_io_desc io;
	caddr_t addr, bad;

	addr = (caddr_t)1;
	bad = (caddr_t)-4096;
	switch (req) {
	case PT_READ_I:
	case PT_READ_D:
	case PT_WRITE_I:
	case PT_WRITE_D:
		addr = (how & HOW_UNMAPPED) ? (caddr_t)0 : (caddr_t)&word;
		break;
	case PT_IO:
		io.piod_op = (how & HOW_IO_NONE) ? 0 :
		    (how & HOW_IO_WRITE) ? PIOD_WRITE_D : PIOD_READ_D;
		io.piod_offs = (how & HOW_UNMAPPED) ? NULL : &word;
		io.piod_addr = buffer;
		io.piod_len = sizeof(word);
		memcpy(buffer, &word, sizeof(word));
		addr = (how & HOW_COPYIN) ? bad : (caddr_t)&io;
		break;
	case PT_SETREGS:
	case PT_SETFPREGS:
	case PT_SETDBREGS:
		/* What is written is what is there: each is its reader + 1. */
		addr = (how & HOW_COPYIN) ? bad : buffer;
		(void)ptrace(req - 1, pid, buffer, 0);
		errno = 0;
		break;
	case PT_GETREGS:
	case PT_GETFPREGS:
	case PT_GETDBREGS:
#ifdef PT_LWPINFO
	case PT_LWPINFO:
	case PT_GETLWPLIST:
#endif
		addr = (how & HOW_COPYOUT) ? bad : buffer;
		break;
#ifdef PT_SET_EVENT_MASK
	case PT_SET_EVENT_MASK:
		memcpy(buffer, &mask, sizeof(mask));
		addr = (how & HOW_COPYIN) ? bad : buffer;
		break;
	case PT_GET_EVENT_MASK:
		addr = (how & HOW_COPYOUT) ? bad : buffer;
		break;
#endif
	default:
		(void)mask;
		break;
	}
	return (ptrace(req, pid, addr, data));
}

static pid_t
do_vfork(int t)
{
	pid_t pid;

	/* The child must not come back into the frame of the parent. */
	pid = vfork();
	if (pid == 0)
		obey(t);
	return (pid);
}

static void
do_exec(int t)
{
	int mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1 };
	char path[1024], number[16];
	size_t size;

	size = sizeof(path);
	if (sysctl(mib, 4, path, &size, NULL, 0) != 0)
		return;
	snprintf(number, sizeof(number), "%d", t);
	setenv("PROCTOR_ACTOR", number, 1);
	execl(path, path, (char *)NULL);
}

static void
obey(int t)
{
	pthread_t thread;
	struct answer a;
	struct order o;
	int tid;

	tid = pthread_getthreadid_np();
	(void)pwrite(TIDS, &tid, sizeof(tid), t * (off_t)sizeof(tid));
	for (;;) {
		if (!transfer(ORDER(t, 0), &o, sizeof(o), 0))
			_exit(125);
		memset(&a, 0, sizeof(a));
		errno = 0;
		switch (o.op) {
		case OP_FORK:
		case OP_RFORK:
			a.result = o.op == OP_FORK ? fork() : rfork(o.arg[1]);
			if (a.result == 0)
				obey(o.arg[0]);
			break;
		case OP_VFORK:
			a.result = do_vfork(o.arg[0]);
			break;
		case OP_PTRACE:
			a.result = do_ptrace(o.arg[0], o.arg[1], o.arg[2],
			    o.arg[3], o.arg[4]);
			break;
		case OP_WAIT:
			a.result = waitpid(o.arg[0], &a.status, o.arg[1]);
			break;
		case OP_KILL:
			a.result = kill(o.arg[0], o.arg[1]);
			break;
		case OP_EXIT:
			_exit(o.arg[0]);
		case OP_EXEC:
			do_exec(t);
			a.result = -1;
			break;
		case OP_THR_NEW:
			errno = pthread_create(&thread, NULL, new_thread,
			    (void *)(long)o.arg[0]);
			a.result = errno == 0 ? 0 : -1;
			break;
		case OP_THR_EXIT:
			pthread_exit(NULL);
		case OP_IGNORE:
			(void)signal(o.arg[0], SIG_IGN);
			break;
		case OP_CATCH:
			(void)signal(o.arg[0], catcher);
			break;
		case OP_SETUID:
			a.result = setuid(o.arg[0]);
			break;
		case OP_GETPPID:
			a.result = getppid();
			break;
		case OP_REAP:
#ifdef PROC_REAP_ACQUIRE
			a.result = procctl(P_PID, getpid(), o.arg[0] ?
			    PROC_REAP_ACQUIRE : PROC_REAP_RELEASE, NULL);
#endif
			break;
		}
		a.error = a.result == -1 ? errno : 0;
		if (!transfer(ANSWER(t, 1), &a, sizeof(a), 1))
			_exit(126);
	}
}

/* After an exec the new image goes on where the old one was. */
__attribute__((constructor)) static void
resume(void)
{
	struct answer a;
	const char *t;

	t = getenv("PROCTOR_ACTOR");
	if (t == NULL)
		return;
	memset(&a, 0, sizeof(a));
	if (!transfer(ANSWER(atoi(t), 1), &a, sizeof(a), 1))
		_exit(126);
	obey(atoi(t));
}

static void
begin(void)
{
	char path[] = "tids.XXXXXX";
	int fd, p[2], t;

	for (t = 0; t < THREADS; t++) {
		ATF_REQUIRE(pipe(p) == 0);
		ATF_REQUIRE(dup2(p[0], ORDER(t, 0)) != -1);
		ATF_REQUIRE(dup2(p[1], ORDER(t, 1)) != -1);
		close(p[0]);
		close(p[1]);
		ATF_REQUIRE(pipe(p) == 0);
		ATF_REQUIRE(dup2(p[0], ANSWER(t, 0)) != -1);
		ATF_REQUIRE(dup2(p[1], ANSWER(t, 1)) != -1);
		close(p[0]);
		close(p[1]);
	}
	fd = mkstemp(path);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE(dup2(fd, TIDS) != -1);
	close(fd);
	unlink(path);
}

/* What has not ended by itself; a tracee dies with its debugger. */
static void
end(void)
{
	int p;

	for (p = 1; p < PROCESSES; p++)
		if (pids[p] != 0)
			(void)kill(pids[p], SIGKILL);
}

/* A thread that is to begin; another one may have had its number. */
static void
fresh(int t)
{
	int tid;

	tid = 0;
	owed[t] = 0;
	(void)pwrite(TIDS, &tid, sizeof(tid), t * (off_t)sizeof(tid));
}

static int
tid_of(int t)
{
	int i, tid;

	for (i = 0; i < 500; i++) {
		tid = 0;
		(void)pread(TIDS, &tid, sizeof(tid), t * (off_t)sizeof(tid));
		if (tid != 0)
			return (tid);
		usleep(10000);
	}
	atf_tc_fail("thread %d has not begun", t);
}

/* Gives an order; with `comes' the answer is waited for. */
static struct answer
ask(int t, int comes, struct order o)
{
	struct answer a;

	memset(&a, 0, sizeof(a));
	if (owed[t])
		ATF_REQUIRE(transfer(ANSWER(t, 0), &a, sizeof(a), 0));
	owed[t] = !comes;
	ATF_REQUIRE(transfer(ORDER(t, 1), &o, sizeof(o), 1));
	if (comes)
		ATF_REQUIRE(transfer(ANSWER(t, 0), &a, sizeof(a), 0));
	return (a);
}

static struct order
order(enum op op, int a, int b, int c, int d, int e)
{
	struct order o = { op, { a, b, c, d, e } };

	return (o);
}

/* The answer to a call that can fail. */
static void
check(int line, struct answer a, int error)
{

	ATF_REQUIRE_MSG(a.error == error, "line %d: errno %d, expected %d",
	    line, a.error, error);
}

/* 0 free, else ki_stat. */
static int
stat_of(pid_t pid)
{
	int mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_PID, pid };
	struct kinfo_proc kp;
	size_t size;

	size = sizeof(kp);
	if (sysctl(mib, 4, &kp, &size, NULL, 0) != 0 || size == 0)
		return (0);
	return (kp.ki_stat);
}

/* The kernel has time to do by itself what the model did. */
static void
until(int line, int p, int stat)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (stat_of(pids[p]) == stat)
			return;
		usleep(10000);
	}
	atf_tc_fail("line %d: p%d is in state %d, expected %d", line, p + 1,
	    stat_of(pids[p]), stat);
}

/* A new process may be stopped before it can tell who it is. */
static void
until_born(int line, int p)
{
	int mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_PGRP, getpgrp() };
	struct kinfo_proc kp[32];
	size_t i, size;
	int known, q, turn;

	pids[p] = 0;
	for (turn = 0; turn < 500; turn++) {
		size = sizeof(kp);
		if (sysctl(mib, 4, kp, &size, NULL, 0) != 0)
			size = 0;
		for (i = 0; i < size / sizeof(kp[0]); i++) {
			known = kp[i].ki_pid == getpid() ||
			    kp[i].ki_pid == getppid();
			for (q = 1; q < PROCESSES; q++)
				known = known || kp[i].ki_pid == pids[q];
			if (!known) {
				pids[p] = kp[i].ki_pid;
				return;
			}
		}
		usleep(10000);
	}
	atf_tc_fail("line %d: p%d was not born", line, p + 1);
}
)C";

}  // namespace proctor::scenario
