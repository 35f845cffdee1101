/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes, credentials, signals; and what of a kernel's library fits nowhere else.
 */
#include "image.h"

/* ---- finding one ---- */

static int lookup(int slot) {
  if (pr_shadow.proc[slot].state != PR_NORMAL) return 0;
  pr_lock_op(PR_LOCK, PR_PROC, slot);
  if (pr_shadow.proc[slot].state == PR_NORMAL) return 1;
  pr_lock_op(PR_UNLOCK, PR_PROC, slot); /* it died meanwhile */
  return 0;
}
struct proc* pfind(pid_t pid) {
  for (int s = 0; s < PR_PROCS; s++)
    if (PR_PID(s) == pid) return lookup(s) ? &pr_procs[s] : NULL;
  return NULL;
}
struct thread* tdfind(lwpid_t tid, pid_t pid) {
  for (int t = 0; t < PR_LWPS; t++) {
    int s = pr_shadow.lwp[t].proc;
    if (PR_TID(t) != tid || s == PR_NONE || (pid != -1 && PR_PID(s) != pid)) continue;
    if (!lookup(s)) return NULL;
    if (pr_shadow.lwp[t].proc == s) return &pr_threads[t];
    pr_lock_op(PR_UNLOCK, PR_PROC, s);
  }
  return NULL;
}
struct proc* shim_next_proc(struct proc* p) {
  for (int s = p == NULL ? 0 : p - pr_procs + 1; s < PR_PROCS; s++)
    if (pr_shadow.proc[s].state == PR_NORMAL) return &pr_procs[s];
  return NULL;
}
int inferior(struct proc* p) {
  shim_sx_assert(&proctree_lock, SX_LOCKED, __func__, __LINE__);
  for (int turns = 0; turns <= PR_PROCS && p != NULL; turns++, p = p->p_pptr)
    if (p == curproc) return 1;
  return 0;
}

/* ---- credentials ---- */

static int may(enum pr_help what, struct thread* td, struct proc* p, const char* where) {
  if (td != curthread) complain("%s: td is not curthread", where);
  shim_proc_assert(p, MA_OWNED, where, 0);
  return pr_help_with(what, pr_shadow.lwp[thread_of(td, where)].proc, slot_of(p, where));
}
int p_cansee(struct thread* td, struct proc* p) { return may(PR_CANSEE, td, p, __func__); }
int p_candebug(struct thread* td, struct proc* p) { return may(PR_CANDEBUG, td, p, __func__); }
int suser(struct thread* td) { return pr_help_with(PR_PRIV, pr_shadow.lwp[thread_of(td, __func__)].proc, PR_NONE); }
int priv_check(struct thread* td, int priv) { return suser(td); }
int securelevel_gt(struct ucred* cr, int level) {
  return (pr_shadow.proc[0].p_cred & 0x10 ? 1 : 0) > level ? EPERM : 0;
}

/* ---- the tree, signals ---- */

void proc_reparent(struct proc* child, struct proc* parent) {
  shim_sx_assert(&proctree_lock, SX_XLOCKED, __func__, 0);
  shim_proc_assert(child, MA_OWNED, __func__, 0);
  int a = slot_of(child, __func__), b = slot_of(parent, __func__);
  pr_help_with(PR_REPARENT, a, b);
}
static void signal_process(struct proc* p, int sig, const char* where) {
  int slot = slot_of(p, where);
  shim_proc_assert(p, MA_OWNED, where, 0);
  if (!_SIG_VALID(sig)) complain("panic: %s(): invalid signal %d", where, sig);
  if (slot == PR_NONE) complain("%s: a signal for pid 0", where);
  pr_help_with(PR_PSIGNAL, slot, sig);
}
void thread_unsuspend(struct proc* p) {
  int slot = slot_of(p, __func__);
  shim_proc_assert(p, MA_OWNED, __func__, 0);
  if (PROCTOR_2003 && !pr_host->owns(PR_SCHED, PR_NONE)) complain("%s: sched_lock not owned", __func__);
  if (!PROCTOR_2003 && !pr_host->owns(PR_SLOCK, slot))
    complain("%s: process slock of pid %d not owned", __func__, PR_PID(slot));
  pr_help_with(PR_UNSUSPEND, slot, PR_NONE);
}
#if PROCTOR_2003
void psignal(struct proc* p, int sig) { signal_process(p, sig, __func__); }
void setrunnable(struct thread* td) {
  if (!pr_host->owns(PR_SCHED, PR_NONE)) complain("%s: sched_lock not owned", __func__);
  pr_moved(PR_MOVED_RUNNABLE, thread_of(td, __func__));
}
#else
void kern_psignal(struct proc* p, int sig) { signal_process(p, sig, __func__); }
struct proc* proc_realparent(struct proc* child) {
  shim_sx_assert(&proctree_lock, SX_LOCKED, __func__, 0);
  return pointer_of(pr_help_with(PR_REALPARENT, slot_of(child, __func__), PR_NONE));
}
void sigqueue_take(ksiginfo_t* ksi) {
  for (int s = 0; s < PR_PROCS; s++) {
    if (ksi != &pr_machine[s].ksi) continue;
    if (s != pr_call->target)
      complain("%s: p_ksi of pid %d, not of pid %d", __func__, PR_PID(s), PR_PID(pr_call->target));
    struct proc* parent = pr_procs[s].p_pptr;
    if (!pr_owns_proc(slot_of(parent, __func__)))
      complain("%s: process lock of pid %d, whose queue it is, not owned", __func__, parent->p_pid);
    pr_call->moves |= PR_MOVED_KSI;
    pr_help_with(PR_SIGTAKE, s, PR_NONE);
    return;
  }
  complain("%s: not a p_ksi", __func__);
}
void sigqueue_delete(struct sigqueue* queue, int sig) {
  for (int s = 0; s < PR_PROCS; s++) {
    if (pr_shadow.proc[s].state == PR_FREE) continue;
    struct thread* td;
    int found = queue == &pr_procs[s].p_sigqueue;
    const int of_process = found;
    TAILQ_FOREACH(td, &pr_procs[s].p_threads, td_plist) found |= queue == &td->td_sigqueue;
    if (!found) continue;
    shim_proc_assert(&pr_procs[s], MA_OWNED, __func__, 0);
    if (of_process) pr_help_with(PR_SIGDEL, s, sig);
    return;
  }
  complain("%s: not the queue of a process or thread", __func__);
}
#endif

/* ---- the library ---- */

void panic(const char* format, ...) {
  char text[200];
  __builtin_va_list args;
  __builtin_va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  __builtin_va_end(args);
  for (char* c = text; *c; c++)
    if (*c == '\n') *c = ' ';
  complain("panic: %s", text);
  __builtin_unreachable();
}

size_t strlcpy(char* to, const char* from, size_t size) {
  size_t length = strlen(from);
  if (size != 0) {
    size_t n = length < size ? length : size - 1;
    memcpy(to, from, n);
    to[n] = 0;
  }
  return length;
}

void wakeup(const void* channel) {}
int msleep(const void* channel, struct mtx* m, int priority, const char* message, int ticks) {
  complain("msleep() on \"%s\" in ptrace", message);
  return 0;
}
void shim_ktr(const char* format, int count, const u_long* args) { pr_host->ktr(format, count, args); }
