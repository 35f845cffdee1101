// SPDX-License-Identifier: BSD-2-Clause
//
// The first part of a printed program, the same for all: what an actor does, a thread of a process of the scenario.
// It makes no system call that it was not ordered to: which call a debugger stops is the scenario's choice.
#pragma once

#include <string_view>

namespace proctor::scenario {

inline constexpr std::string_view kAtfActor = R"C(
#include <sys/types.h>
#include <sys/param.h>
#include <sys/mman.h>
#include <sys/procctl.h>
#include <sys/procdesc.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <sys/thr.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__amd64__) || defined(__i386__)
#include <machine/cpufunc.h>
#define	HAVE_BREAKPOINT
#endif

#include <atf-c.h>

/*
 * Processes and threads have the numbers of the scenario; process 0 is this
 * test case.  A thread finds its orders in shared memory and leaves its answers
 * there; it spins, so that it makes no system call but those it is ordered to.
 * What it needs after an exec is at fixed descriptors.
 */
#define	PROCESSES	4
#define	THREADS		6
#define	SHARED		100	/* the file of the shared memory */
#define	SLEEP(t, end)	(101 + 2 * (t) + (end))	/* a pipe that it sleeps on */
#define	PROCDESC(p)	(120 + (p))		/* what pdfork(2) gave */
#define	NOBODY		99999	/* PID_MAX */

enum op {
	OP_FORK, OP_VFORK, OP_RFORK, OP_PDFORK, OP_PDCLOSE, OP_PTRACE, OP_WAIT,
	OP_KILL, OP_KILLPG, OP_THR_KILL, OP_EXIT, OP_EXEC, OP_THR_NEW,
	OP_THR_EXIT, OP_DEFAULT, OP_IGNORE, OP_CATCH, OP_BLOCK, OP_UNBLOCK,
	OP_SETUID, OP_SETPGID, OP_REAP, OP_REAP_KILL, OP_GETPPID, OP_CALL,
	OP_SLEEP, OP_TRAP
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
	int	status;		/* of a wait; pl_flags of PT_LWPINFO */
};
struct shared {
	char	self[1024];	/* this program */
	struct slot {
		volatile int	ordered, answered;	/* how many */
		struct order	o;
		struct answer	a;
	} slot[THREADS];
};

static struct shared *shared;
static int word = 42;		/* something in the memory of a tracee */

static void
map_shared(void)
{

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
	    SHARED, 0);
	if (shared == MAP_FAILED)
		_exit(125);
}

static void
answer(int t, const struct answer *a)
{

	shared->slot[t].a = *a;
	__sync_synchronize();
	shared->slot[t].answered = shared->slot[t].ordered;
}

static void
catcher(int sig)
{

	(void)sig;
}

static int
react(int sig, void (*handler)(int))
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	return (sigaction(sig, &act, NULL));
}

static int
mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return (sigprocmask(how, &set, NULL));
}

static void obey(int t) __attribute__((noreturn));

/* A process descriptor is closed when the last process closes it. */
static void obey_as_child(int t) __attribute__((noreturn));
static void
obey_as_child(int t)
{
	int p;

	for (p = 0; p < PROCESSES; p++)
		close(PROCDESC(p));
	obey(t);
}

static void *
new_thread(void *arg)
{

	obey((int)(long)arg);
}

static long
do_ptrace(int req, int pid, int data, int how, int events, int *flags)
{
	static char buffer[4096];
	struct ptrace_io_desc io;
	caddr_t addr, bad;
	long result;

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
		memcpy(buffer, &events, sizeof(events));
		addr = (how & HOW_COPYIN) ? bad : buffer;
		break;
	case PT_GET_EVENT_MASK:
		addr = (how & HOW_COPYOUT) ? bad : buffer;
		break;
#endif
	default:
		(void)events;
		break;
	}
	result = ptrace(req, pid, addr, data);
#ifdef PT_LWPINFO
	if (req == PT_LWPINFO && result == 0) {
		struct ptrace_lwpinfo pl;

		memcpy(&pl, buffer, sizeof(pl));
		*flags = pl.pl_flags;
	}
#else
	(void)flags;
#endif
	return (result);
}

static pid_t
do_vfork(int t)
{
	pid_t pid;

	/* The child must not come back into the frame of the parent. */
	pid = vfork();
	if (pid == 0)
		obey_as_child(t);
	return (pid);
}

static long
do_pdfork(int t, int p)
{
	long pid;
	int fd;

	pid = pdfork(&fd, 0);
	if (pid == 0)
		obey_as_child(t);
	if (pid != -1 && (dup2(fd, PROCDESC(p)) == -1 || close(fd) == -1))
		pid = -1;
	return (pid);
}

static void
do_exec(int t)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", t);
	setenv("PROCTOR_ACTOR", number, 1);
	execl(shared->self, shared->self, (char *)NULL);
}

#ifdef PROC_REAP_KILL
static long
do_procctl(int command, int sig)
{
	struct procctl_reaper_kill rk;

	memset(&rk, 0, sizeof(rk));
	rk.rk_sig = sig;
	return (procctl(P_PID, getpid(), command,
	    command == PROC_REAP_KILL ? &rk : NULL));
}
#endif

static void
obey(int t)
{
	struct slot *s;
	pthread_t thread;
	struct answer a;
	struct order o;
	char c;

	s = &shared->slot[t];
	for (;;) {
		while (s->ordered == s->answered)
			continue;
		__sync_synchronize();
		o = s->o;
		memset(&a, 0, sizeof(a));
		errno = 0;
		switch (o.op) {
		case OP_FORK:
		case OP_RFORK:
			a.result = o.op == OP_FORK ? fork() : rfork(o.arg[1]);
			if (a.result == 0)
				obey_as_child(o.arg[0]);
			break;
		case OP_VFORK:
			a.result = do_vfork(o.arg[0]);
			break;
		case OP_PDFORK:
			a.result = do_pdfork(o.arg[0], o.arg[1]);
			break;
		case OP_PDCLOSE:
			a.result = close(PROCDESC(o.arg[0]));
			break;
		case OP_PTRACE:
			a.result = do_ptrace(o.arg[0], o.arg[1], o.arg[2],
			    o.arg[3], o.arg[4], &a.status);
			break;
		case OP_WAIT:
			a.result = waitpid(o.arg[0], &a.status, o.arg[1]);
			break;
		case OP_KILL:
			a.result = kill(o.arg[0], o.arg[1]);
			break;
		case OP_KILLPG:
			a.result = kill(-o.arg[0], o.arg[1]);
			break;
		case OP_THR_KILL:
			a.result = thr_kill(o.arg[0], o.arg[1]);
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
			thr_exit(NULL);
			break;
		case OP_DEFAULT:
			a.result = react(o.arg[0], SIG_DFL);
			break;
		case OP_IGNORE:
			a.result = react(o.arg[0], SIG_IGN);
			break;
		case OP_CATCH:
			a.result = react(o.arg[0], catcher);
			break;
		case OP_BLOCK:
			a.result = mask(SIG_BLOCK, o.arg[0]);
			break;
		case OP_UNBLOCK:
			a.result = mask(SIG_UNBLOCK, o.arg[0]);
			break;
		case OP_SETUID:
			a.result = setuid(o.arg[0]);
			break;
		case OP_SETPGID:
			a.result = setpgid(o.arg[0], o.arg[1]);
			break;
		case OP_GETPPID:
			a.result = getppid();
			break;
		case OP_REAP:
#ifdef PROC_REAP_KILL
			a.result = do_procctl(o.arg[0] ? PROC_REAP_ACQUIRE :
			    PROC_REAP_RELEASE, 0);
#endif
			break;
		case OP_REAP_KILL:
#ifdef PROC_REAP_KILL
			a.result = do_procctl(PROC_REAP_KILL, o.arg[0]);
#endif
			break;
		case OP_CALL:		/* any system call */
			(void)getppid();
			break;
		case OP_SLEEP:		/* one that does not come back */
			(void)read(SLEEP(t, 0), &c, 1);
			break;
		case OP_TRAP:
#ifdef HAVE_BREAKPOINT
			breakpoint();
#else
			a.result = -1;
#endif
			break;
		}
		a.error = a.result == -1 ? errno : 0;
		answer(t, &a);
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
	map_shared();
	memset(&a, 0, sizeof(a));
	answer(atoi(t), &a);
	obey(atoi(t));
}
)C";

}  // namespace proctor::scenario
