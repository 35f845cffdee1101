// SPDX-License-Identifier: BSD-2-Clause
//
// The second part of a printed program, the same for all: what the test case does, that gives the orders.
#pragma once

#include <string_view>

namespace proctor::scenario {

inline constexpr std::string_view kAtfPrelude = R"C(
/* The test case.  Not every scenario has lines of all kinds. */
#define	FOR_LINES	static __attribute__((unused))

static pid_t pids[PROCESSES];
static int tids[THREADS];
static int owed[THREADS];	/* an answer that has not come yet */

/* What has not ended by itself; a tracee dies with its debugger. */
static void
end(void)
{
	int p;

	for (p = 1; p < PROCESSES && getpid() == pids[0]; p++)
		if (pids[p] != 0)
			(void)kill(pids[p], SIGKILL);
}

static void
begin(void)
{
	int mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1 };
	char path[] = "shared.XXXXXX";
	struct rlimit limit = { 120, 120 };
	size_t size;
	int fd, p[2], t;

	/*
	 * A group of its own that nobody outside can continue, as that of init
	 * is in the scenario; a session tells which processes are its own.
	 */
	if (getsid(0) != getpid()) {
		(void)setpgid(0, getpgid(getppid()));
		ATF_REQUIRE(setsid() != -1);
	}
	/* Who spins must not do so for ever if the test case is killed. */
	ATF_REQUIRE(setrlimit(RLIMIT_CPU, &limit) == 0);
	fd = mkstemp(path);
	ATF_REQUIRE(fd != -1);
	unlink(path);
	ATF_REQUIRE(dup2(fd, SHARED) != -1);
	close(fd);
	ATF_REQUIRE(ftruncate(SHARED, sizeof(*shared)) == 0);
	map_shared();
	size = sizeof(shared->self);
	ATF_REQUIRE(sysctl(mib, 4, shared->self, &size, NULL, 0) == 0);
	for (t = 0; t < THREADS; t++) {
		ATF_REQUIRE(pipe(p) == 0);
		ATF_REQUIRE(dup2(p[0], SLEEP(t, 0)) != -1);
		ATF_REQUIRE(dup2(p[1], SLEEP(t, 1)) != -1);
		close(p[0]);
		close(p[1]);
	}
	pids[0] = getpid();
	atexit(end);
}

/* A thread that is to begin; another one may have had its number. */
FOR_LINES void
fresh(int t)
{

	owed[t] = 0;
	tids[t] = 0;
	shared->slot[t].ordered = shared->slot[t].answered = 0;
}

/* Waits for the answer to the order before; what blocks for ever is an error. */
static struct answer
await(int t)
{
	struct slot *s;
	int i;

	s = &shared->slot[t];
	for (i = 0; s->answered != s->ordered; i++) {
		if (i == 5000)
			atf_tc_fail("thread %d does not answer", t);
		usleep(1000);
	}
	__sync_synchronize();
	owed[t] = 0;
	return (s->a);
}

/* Gives an order; with `comes' the answer is waited for. */
FOR_LINES struct answer
ask(int t, int comes, struct order o)
{
	struct answer a;

	if (owed[t])
		(void)await(t);
	memset(&a, 0, sizeof(a));
	shared->slot[t].o = o;
	__sync_synchronize();
	shared->slot[t].ordered++;
	owed[t] = 1;
	return (comes ? await(t) : a);
}

FOR_LINES struct order
order(enum op op, int a, int b, int c, int d, int e)
{
	struct order o = { op, { a, b, c, d, e } };

	return (o);
}

/* Ends the call that a thread sleeps in. */
FOR_LINES void
wake(int t)
{

	ATF_REQUIRE(write(SLEEP(t, 1), "", 1) == 1);
}

/* The answer to a call that can fail. */
FOR_LINES void
check(int line, struct answer a, int error)
{

	ATF_REQUIRE_MSG(a.error == error, "line %d: errno %d, expected %d",
	    line, a.error, error);
}

/* The processes of a set, or their threads; how many. */
static size_t
list(int what, int arg, struct kinfo_proc *kp, size_t room)
{
	int mib[] = { CTL_KERN, KERN_PROC, what, arg };
	size_t size;

	size = room * sizeof(*kp);
	if (sysctl(mib, 4, kp, &size, NULL, 0) != 0)
		return (0);
	return (size / sizeof(*kp));
}

/* 0 free, else ki_stat. */
static int
stat_of(pid_t pid)
{
	struct kinfo_proc kp;

	return (list(KERN_PROC_PID, pid, &kp, 1) == 0 ? 0 : kp.ki_stat);
}

/*
 * The kernel has time to do by itself what the model did.  Of a zombie that is
 * a child of init nothing may be left.
 */
FOR_LINES void
until(int line, int p, int stat)
{
	int i, now;

	for (i = 0; i < 500; i++) {
		now = stat_of(pids[p]);
		if (now == stat || (stat == SZOMB && now == 0))
			return;
		usleep(10000);
	}
	atf_tc_fail("line %d: p%d is in state %d, expected %d", line, p + 1,
	    stat_of(pids[p]), stat);
}

/* A thread sleeps in its call. */
FOR_LINES void
until_sleeping(int line, int p, int t)
{
	struct kinfo_proc kp[2 * THREADS];
	size_t i, n;
	int turn;

	for (turn = 0; turn < 500; turn++) {
		n = list(KERN_PROC_PID | KERN_PROC_INC_THREAD, pids[p], kp,
		    2 * THREADS);
		for (i = 0; i < n; i++)
			if (kp[i].ki_tid == tids[t] && kp[i].ki_stat == SSLEEP)
				return;
		usleep(10000);
	}
	atf_tc_fail("line %d: t%d does not sleep", line, t);
}

/* A new thread may be stopped before it can tell who it is. */
FOR_LINES void
until_thread(int line, int p, int t)
{
	struct kinfo_proc kp[2 * THREADS];
	size_t i, n;
	int known, other, turn;

	for (turn = 0; turn < 500; turn++) {
		n = list(KERN_PROC_PID | KERN_PROC_INC_THREAD, pids[p], kp,
		    2 * THREADS);
		for (i = 0; i < n; i++) {
			known = 0;
			for (other = 0; other < THREADS; other++)
				known = known || kp[i].ki_tid == tids[other];
			if (!known) {
				tids[t] = kp[i].ki_tid;
				return;
			}
		}
		usleep(10000);
	}
	atf_tc_fail("line %d: t%d was not born", line, t);
}

/* So may a new process. */
FOR_LINES void
until_born(int line, int p, int t)
{
	struct kinfo_proc kp[32];
	size_t i, n;
	int known, q, turn;

	pids[p] = 0;
	for (turn = 0; turn < 500; turn++) {
		n = list(KERN_PROC_SESSION, pids[0], kp, 32);
		for (i = 0; i < n; i++) {
			known = 0;
			for (q = 0; q < PROCESSES; q++)
				known = known || kp[i].ki_pid == pids[q];
			if (!known) {
				pids[p] = kp[i].ki_pid;
				until_thread(line, p, t);
				return;
			}
		}
		usleep(10000);
	}
	atf_tc_fail("line %d: p%d was not born", line, p + 1);
}
)C";

}  // namespace proctor::scenario
