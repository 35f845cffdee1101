/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pr_state and the kernel's structures: each into the other, and what else the structures have.
 */
#include "image.h"

struct pr_state pr_shadow;
struct proc pr_procs[PR_PROCS], proc0, *initproc = &pr_procs[0];
struct thread pr_threads[PR_LWPS];
static int stale; /* after reset(): the structures need not be what pr_shadow says */
/* The structures as they were when they and pr_shadow last said the same. */
static struct proc seen_proc[PR_PROCS], seen_proc0;
static struct thread seen_thread[PR_LWPS];
enum { PROC_SEEN = offsetof(struct proc, p_lock), THREAD_SEEN = offsetof(struct thread, td_retval) };
static unsigned char poison[sizeof(struct proc) > sizeof(struct thread) ? sizeof(struct proc) : sizeof(struct thread)];
static struct ucred cred;

/* ---- flags ---- */

struct bit {
  unsigned abstract, kernel;
};
static const struct bit kFlag[] = {
    {PR_P_TRACED, P_TRACED},
    {PR_P_WAITED, P_WAITED},
    {PR_P_WEXIT, P_WEXIT},
    {PR_P_STOPPED_SIG, P_STOPPED_SIG},
    {PR_P_STOPPED_TRACE, P_STOPPED_TRACE},
    {PR_P_PPWAIT, P_PPWAIT},
    {PR_P_CONTINUED, P_CONTINUED},
    {PR_P_SYSTEM, P_SYSTEM},
    {PR_P_SUGID, P_SUGID},
    {PR_P_INEXEC, P_INEXEC},
#if !PROCTOR_2003
    {PR_P_PPTRACE, P_PPTRACE},
    {PR_P_WKILLED, P_WKILLED},
#endif
};
#if !PROCTOR_2003
static const struct bit kFlag2[] = {{PR_P2_PTRACE_FSTP, P2_PTRACE_FSTP}};
static const struct bit kTreeFlag[] = {{PR_P_TREE_REAPER, P_TREE_REAPER}};
#if PROCTOR_EVENT_MASK
enum { EVENTS = PR_EXEC | PR_SCE | PR_SCX | PR_FORK | PR_LWP | PR_VFORK };
CTASSERT(PR_EXEC == PTRACE_EXEC && PR_SCE == PTRACE_SCE && PR_SCX == PTRACE_SCX && PR_FORK == PTRACE_FORK &&
         PR_LWP == PTRACE_LWP && PR_VFORK == PTRACE_VFORK);
#else
/* p_ptevents, of three words */
static const struct bit kEventStops[] = {{PR_SCE, S_PT_SCE}, {PR_SCX, S_PT_SCX}};
static const struct bit kEventFlag[] = {{PR_FORK, P_FOLLOWFORK}};
static const struct bit kEventFlag2[] = {{PR_LWP, P2_LWP_EVENTS}};
#endif
enum { TDB_MASK = 0x1fff };
/* The signal of the stop; in 10.4 it shares a field with the status of an exit. */
#if PROCTOR_XSIG
#define XSIG p_xsig
#else
#define XSIG p_xstat
#endif
#endif

/* to_kernel: the kernel's word with the bits of the abstract one.  from_kernel: the other way; of *change, the bits
 * that are no longer what they were, it leaves those that mean nothing to us. */
static unsigned to_kernel(const struct bit* table, int n, unsigned word, unsigned abstract) {
  for (int i = 0; i < n; i++) word = abstract & table[i].abstract ? word | table[i].kernel : word & ~table[i].kernel;
  return word;
}
static unsigned from_kernel(const struct bit* table, int n, unsigned word, unsigned abstract, unsigned* change) {
  for (int i = 0; i < n; i++) {
    abstract = word & table[i].kernel ? abstract | table[i].abstract : abstract & ~table[i].abstract;
    *change &= ~table[i].kernel;
  }
  return abstract;
}
#define TO(table, word, abstract) to_kernel(table, nitems(table), (word), (abstract))
#define FROM(table, word, abstract, change) from_kernel(table, nitems(table), (word), (abstract), (change))

/* ---- store ---- */

static void make_proc(int slot) {
  struct proc* p = &pr_procs[slot];
  bzero(p, sizeof *p);
  p->p_pid = PR_PID(slot);
  p->p_ucred = &cred;
  p->p_vmspace = &pr_machine[slot].space;
  p->p_mtx.name = "process lock";
  strcpy(p->p_comm, "p0");
  p->p_comm[1] += slot;
#if PROCTOR_2003
  p->p_sflag = PS_INMEM;
#else
  p->p_flag = P_INMEM;
  p->p_slock.name = "process slock";
  p->p_ksi = &pr_machine[slot].ksi;
  p->p_sigparent = SIGCHLD;
#endif
  seen_proc[slot] = *p;
}

static void make_thread(int slot) {
  struct thread* td = &pr_threads[slot];
  bzero(td, sizeof *td);
  td->td_tid = PR_TID(slot);
  td->td_ucred = &cred;
  td->td_pcb = &pr_pcbs[slot];
  strcpy(td->td_name, "t0");
  td->td_name[1] += slot;
  for (int i = 0; i < _SIG_WORDS; i++) {
    td->td_sigmask.__bits[i] = 0x01020304 * (i + 1) + slot;
    td->td_siglist.__bits[i] = 0x04010203 * (i + 1) + slot;
  }
#if !PROCTOR_2003
  td->td_dbg_forked = FORKED_PID;
  td->td_dbg_sc_code = SC_CODE;
  td->td_dbg_sc_narg = SC_NARG;
  siginfo_t* info = &td->td_dbgksi.ksi_info;
  memset(info, 0x41 + slot, sizeof *info);
#endif
  seen_thread[slot] = *td;
}

static void put_proc(int slot, const struct pr_proc* n) {
  struct proc* p = &pr_procs[slot];
  memcpy(p, &seen_proc[slot], PROC_SEEN);
  p->p_state = (enum proc_state)n->state;
  p->p_pptr = pointer_of(n->p_pptr);
  p->p_oppid = n->p_oppid == PR_NONE ? 0 : PR_PID(n->p_oppid);
  p->p_flag = TO(kFlag, p->p_flag, n->p_flag);
  p->p_numthreads = n->p_numthreads;
  p->p_suspcount = n->p_suspcount;
#if PROCTOR_2003
  p->p_xstat = n->p_xstat;
#else
  p->p_flag2 = TO(kFlag2, p->p_flag2, n->p_flag);
#if PROCTOR_EVENT_MASK
  p->p_ptevents = n->p_ptevents;
#else
  p->p_flag = TO(kEventFlag, p->p_flag, n->p_ptevents);
  p->p_flag2 = TO(kEventFlag2, p->p_flag2, n->p_ptevents);
  p->p_stops = TO(kEventStops, p->p_stops, n->p_ptevents);
#endif
  p->p_treeflag = TO(kTreeFlag, p->p_treeflag, n->p_flag);
  p->p_xthread = n->p_xthread == PR_NONE ? NULL : &pr_threads[n->p_xthread];
  p->XSIG = n->p_xstat;
  if (((n->p_cred & PR_SIGPARENT) != 0) != (p->p_sigparent != SIGCHLD))
    p->p_sigparent = n->p_cred & PR_SIGPARENT ? SIGUSR1 : SIGCHLD;
#endif
  pr_shadow.proc[slot] = *n;
  memcpy(&seen_proc[slot], p, PROC_SEEN);
}

static void put_thread(int slot, const struct pr_lwp* n) {
  struct thread* td = &pr_threads[slot];
  memcpy(td, &seen_thread[slot], THREAD_SEEN);
  td->td_proc = &pr_procs[n->proc];
#if !PROCTOR_2003
  td->td_dbgflags = (td->td_dbgflags & ~TDB_MASK) | (n->td_flag & TDB_MASK);
  td->td_xsig = n->td_xsig;
  td->td_dbgksi.ksi_signo = n->td_dbgksi;
#endif
  pr_pcbs[slot].step = (n->td_flag & PR_TD_STEP) != 0;
  pr_shadow.lwp[slot] = *n;
  memcpy(&seen_thread[slot], td, THREAD_SEEN);
}

static void relink(void) {
  for (int s = 0; s < PR_PROCS; s++)
    if (pr_shadow.proc[s].state != PR_FREE) TAILQ_INIT(&pr_procs[s].p_threads);
  for (int rank = 0; rank < PR_LWPS; rank++)
    for (int t = 0; t < PR_LWPS; t++) {
      int s = pr_shadow.lwp[t].proc;
      if (pr_shadow.lwp[t].td_rank == rank && s < PR_PROCS && pr_shadow.proc[s].state != PR_FREE)
        TAILQ_INSERT_TAIL(&pr_procs[s].p_threads, &pr_threads[t], td_plist);
    }
  for (int s = 0; s < PR_PROCS; s++)
    if (pr_shadow.proc[s].state != PR_FREE) seen_proc[s].p_threads = pr_procs[s].p_threads;
  for (int t = 0; t < PR_LWPS; t++)
    if (pr_shadow.lwp[t].proc != PR_NONE) seen_thread[t].td_plist = pr_threads[t].td_plist;
}

void pr_store(const struct pr_state* state) {
  int pr_moved = 0;
  for (int s = 0; s < PR_PROCS; s++) {
    const struct pr_proc* n = &state->proc[s];
    int was_free = pr_shadow.proc[s].state == PR_FREE;
    if (n->state == PR_FREE) {
      if (!was_free) memset(&pr_procs[s], POISON, sizeof pr_procs[s]), pr_moved = 1;
      pr_shadow.proc[s] = *n;
      continue;
    }
    if (was_free)
      make_proc(s), pr_moved = 1;
    else if (!stale && memcmp(n, &pr_shadow.proc[s], sizeof *n) == 0 &&
             memcmp(&pr_procs[s], &seen_proc[s], PROC_SEEN) == 0)
      continue;
    put_proc(s, n);
  }
  for (int t = 0; t < PR_LWPS; t++) {
    const struct pr_lwp* n = &state->lwp[t];
    int was_free = pr_shadow.lwp[t].proc == PR_NONE;
    if (n->proc == PR_NONE) {
      if (!was_free) memset(&pr_threads[t], POISON, sizeof pr_threads[t]), pr_moved = 1;
      pr_shadow.lwp[t] = *n;
      continue;
    }
    pr_moved |= n->proc != pr_shadow.lwp[t].proc;
    if (was_free)
      make_thread(t);
    else if (!stale && memcmp(n, &pr_shadow.lwp[t], sizeof *n) == 0 &&
             memcmp(&pr_threads[t], &seen_thread[t], THREAD_SEEN) == 0) {
      pr_pcbs[t].step = (n->td_flag & PR_TD_STEP) != 0;
      continue;
    }
    put_thread(t, n);
  }
  if (pr_moved || stale) relink();
  stale = 0;
}

/* ---- load ---- */

struct field {
  const char* name;
  unsigned at;
};
#define NAME_OF(f) #f
#define PROC_FIELD(f) \
  { NAME_OF(f), offsetof(struct proc, f) }
#define THREAD_FIELD(f) \
  { #f, offsetof(struct thread, f) }
static const struct field kProcField[] = {
    PROC_FIELD(p_threads), PROC_FIELD(p_mtx),     PROC_FIELD(p_slock),      PROC_FIELD(p_pptr),
    PROC_FIELD(p_ucred),   PROC_FIELD(p_vmspace), PROC_FIELD(p_flag),       PROC_FIELD(p_state),
    PROC_FIELD(p_pid),     PROC_FIELD(p_oppid),   PROC_FIELD(p_numthreads), PROC_FIELD(p_suspcount),
    PROC_FIELD(p_stype),   PROC_FIELD(p_step),    PROC_FIELD(p_stops),      PROC_FIELD(p_comm),
#if PROCTOR_2003
    PROC_FIELD(p_sflag),   PROC_FIELD(p_xstat),
#else
    PROC_FIELD(p_xthread), PROC_FIELD(p_ksi),     PROC_FIELD(p_flag2),      PROC_FIELD(p_treeflag),
    PROC_FIELD(XSIG),      PROC_FIELD(p_sigparent),
#endif
};
static const struct field kThreadField[] = {
    THREAD_FIELD(td_plist),      THREAD_FIELD(td_proc),        THREAD_FIELD(td_tid),
    THREAD_FIELD(td_flags),      THREAD_FIELD(td_sigmask),     THREAD_FIELD(td_siglist),
    THREAD_FIELD(td_ucred),      THREAD_FIELD(td_pcb),         THREAD_FIELD(td_name),
#if !PROCTOR_2003
    THREAD_FIELD(td_dbgflags),   THREAD_FIELD(td_xsig),        THREAD_FIELD(td_dbgksi),
    THREAD_FIELD(td_dbg_forked), THREAD_FIELD(td_dbg_sc_code), THREAD_FIELD(td_dbg_sc_narg),
#endif
};

static const char* first_difference(const struct field* field, int n, const void* a, const void* b, unsigned size) {
  const unsigned char *x = a, *y = b;
  unsigned at = 0;
  while (at < size && x[at] == y[at]) at++;
  if (at == size) return NULL;
  while (n > 1 && field[n - 1].at > at) n--;
  return field[n - 1].name;
}

static void get_proc(int slot) {
  struct proc *p = &pr_procs[slot], *seen = &seen_proc[slot];
  struct pr_proc* n = &pr_shadow.proc[slot];
  const int pid = PR_PID(slot);
  unsigned change = p->p_flag ^ seen->p_flag;
  n->p_flag = FROM(kFlag, p->p_flag, n->p_flag, &change);
#if !PROCTOR_2003 && !PROCTOR_EVENT_MASK
  n->p_ptevents = FROM(kEventFlag, p->p_flag, n->p_ptevents, &change);
#endif
  if (change != 0) complain("p_flag of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_flag = p->p_flag;
  if (p->p_pptr != seen->p_pptr) {
    n->p_pptr = slot_of(p->p_pptr, "p_pptr");
    seen->p_pptr = p->p_pptr;
  }
  if (p->p_oppid != seen->p_oppid) {
    int s = PR_NONE;
    if (p->p_oppid != 0)
      for (s = 0; PR_PID(s) != p->p_oppid; s++)
        if (s == PR_PROCS) complain("p_oppid of pid %d is now %d, which is no pid", pid, p->p_oppid);
    n->p_oppid = s;
    seen->p_oppid = p->p_oppid;
  }
  n->p_numthreads = seen->p_numthreads = p->p_numthreads;
  n->p_suspcount = seen->p_suspcount = p->p_suspcount;
#if PROCTOR_2003
  n->p_xstat = seen->p_xstat = p->p_xstat;
#else
  change = p->p_flag2 ^ seen->p_flag2;
  n->p_flag = FROM(kFlag2, p->p_flag2, n->p_flag, &change);
#if !PROCTOR_EVENT_MASK
  n->p_ptevents = FROM(kEventFlag2, p->p_flag2, n->p_ptevents, &change);
#endif
  if (change != 0) complain("p_flag2 of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_flag2 = p->p_flag2;
  change = p->p_treeflag ^ seen->p_treeflag;
  n->p_flag = FROM(kTreeFlag, p->p_treeflag, n->p_flag, &change);
  if (change != 0) complain("p_treeflag of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_treeflag = p->p_treeflag;
  change = p->p_stops ^ seen->p_stops;
#if PROCTOR_EVENT_MASK
  if ((p->p_ptevents & ~EVENTS) != 0) complain("p_ptevents of pid %d: 0x%x is no set of events", pid, p->p_ptevents);
  n->p_ptevents = seen->p_ptevents = p->p_ptevents;
#else
  n->p_ptevents = FROM(kEventStops, p->p_stops, n->p_ptevents, &change);
#endif
  if (change != 0) complain("p_stops of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_stops = p->p_stops;
  if (p->p_xthread != seen->p_xthread) {
    n->p_xthread = p->p_xthread == NULL ? PR_NONE : thread_of(p->p_xthread, "p_xthread");
    seen->p_xthread = p->p_xthread;
  }
  n->p_xstat = seen->XSIG = p->XSIG;
  n->p_cred = p->p_sigparent != SIGCHLD ? n->p_cred | PR_SIGPARENT : n->p_cred & ~PR_SIGPARENT;
  seen->p_sigparent = p->p_sigparent;
#endif
  const char* other = first_difference(kProcField, nitems(kProcField), p, seen, PROC_SEEN);
  if (other) complain("%s of pid %d changed, which ptrace has no business with", other, pid);
}

static void get_thread(int slot) {
  struct thread *td = &pr_threads[slot], *seen = &seen_thread[slot];
  unsigned change = (td->td_flags ^ seen->td_flags) & ~TDF_NEEDSUSPCHK;
  if (change != 0) complain("td_flags of tid %d: 0x%x changed, which ptrace has no business with", td->td_tid, change);
  seen->td_flags = td->td_flags;
#if !PROCTOR_2003
  struct pr_lwp* n = &pr_shadow.lwp[slot];
  change = (td->td_dbgflags ^ seen->td_dbgflags) & ~TDB_MASK;
  if (change != 0) complain("td_dbgflags of tid %d: unknown 0x%x changed", td->td_tid, change);
  n->td_flag = (n->td_flag & ~TDB_MASK) | (td->td_dbgflags & TDB_MASK);
  seen->td_dbgflags = td->td_dbgflags;
  n->td_xsig = seen->td_xsig = td->td_xsig;
#endif
  const char* other = first_difference(kThreadField, nitems(kThreadField), td, seen, THREAD_SEEN);
  if (other) complain("%s of tid %d changed, which ptrace has no business with", other, PR_TID(slot));
}

void pr_load(struct pr_state* state) {
  for (int s = 0; s < PR_PROCS; s++) {
    if (pr_shadow.proc[s].state == PR_FREE) {
      if (memcmp(&pr_procs[s], poison, sizeof pr_procs[s]) != 0)
        complain("%s of pid %d was written to after the process was freed",
                 first_difference(kProcField, nitems(kProcField), &pr_procs[s], poison, sizeof pr_procs[s]), PR_PID(s));
    } else if (memcmp(&pr_procs[s], &seen_proc[s], PROC_SEEN) != 0) {
      get_proc(s);
    }
  }
  for (int t = 0; t < PR_LWPS; t++) {
    if (pr_shadow.lwp[t].proc == PR_NONE) {
      if (memcmp(&pr_threads[t], poison, sizeof pr_threads[t]) != 0)
        complain("%s of tid %d was written to after the thread was freed",
                 first_difference(kThreadField, nitems(kThreadField), &pr_threads[t], poison, sizeof pr_threads[t]),
                 PR_TID(t));
      continue;
    }
    if (memcmp(&pr_threads[t], &seen_thread[t], THREAD_SEEN) != 0) get_thread(t);
    struct pr_lwp* n = &pr_shadow.lwp[t];
    n->td_flag = pr_pcbs[t].step ? n->td_flag | PR_TD_STEP : n->td_flag & ~PR_TD_STEP;
  }
  if (memcmp(&proc0, &seen_proc0, sizeof proc0) != 0) {
    proc0 = seen_proc0;
    complain("struct proc of pid 0 was written to");
  }
  *state = pr_shadow;
}

/* ---- the beginning, and the next beginning ---- */

void pr_start_state(void) {
  memset(poison, POISON, sizeof poison);
  for (int t = 0; t < PR_LWPS; t++) pr_shadow.lwp[t].proc = PR_NONE;
  TAILQ_INIT(&proc0.p_threads);
  proc0.p_state = PRS_NORMAL;
  proc0.p_flag = P_SYSTEM;
  proc0.p_ucred = &cred;
  seen_proc0 = proc0;
  for (int s = 0; s < PR_PROCS; s++) {
    pr_machine[s].queue.sq_proc = &pr_procs[s];
    pr_machine[s].ksi.ksi_sigq = &pr_machine[s].queue;
  }
}

void pr_reset_state(void) {
  stale = 1;
  for (int s = 0; s < PR_PROCS; s++) {
    if (pr_shadow.proc[s].state == PR_FREE) {
      memset(&pr_procs[s], POISON, sizeof pr_procs[s]);
    } else {
      memcpy(&pr_procs[s], &seen_proc[s], PROC_SEEN);
      pr_procs[s].p_lock = 0;
    }
  }
  for (int t = 0; t < PR_LWPS; t++) {
    if (pr_shadow.lwp[t].proc == PR_NONE) {
      memset(&pr_threads[t], POISON, sizeof pr_threads[t]);
    } else {
      memcpy(&pr_threads[t], &seen_thread[t], THREAD_SEEN);
      pr_pcbs[t].step = (pr_shadow.lwp[t].td_flag & PR_TD_STEP) != 0;
    }
  }
}

/* ---- suspending ---- */

#if PROCTOR_2003
void pr_note_suspended(void) {}
void pr_check_suspended(void) {}
#else
static int suspended_before; /* threads with TDB_SUSPEND when the first of the calls in flight began */

void pr_note_suspended(void) {
  suspended_before = 0;
  for (int t = 0; t < PR_LWPS; t++) {
    if (pr_shadow.lwp[t].proc == PR_NONE) continue;
    pr_threads[t].td_flags &= ~TDF_NEEDSUSPCHK;
    seen_thread[t].td_flags &= ~TDF_NEEDSUSPCHK;
    if (pr_threads[t].td_dbgflags & TDB_SUSPEND) suspended_before |= 1 << t;
  }
}

void pr_check_suspended(void) {
  for (int t = 0; t < PR_LWPS; t++)
    if (pr_shadow.lwp[t].proc != PR_NONE && (pr_threads[t].td_dbgflags & TDB_SUSPEND) != 0 &&
        (suspended_before & 1 << t) == 0 && (pr_threads[t].td_flags & TDF_NEEDSUSPCHK) == 0)
      complain("tid %d has TDB_SUSPEND but was not told to look (TDF_NEEDSUSPCHK)", PR_TID(t));
}
#endif
