/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Locks and holds.
 */
#include "image.h"

struct mtx Giant = {"Giant"}, sched_lock = {"sched_lock"}, vm_page_queue_mtx = {"vm page queue"};
struct sx proctree_lock = {"proctree"}, allproc_lock = {"allproc"};

/* Whether the target is in memory belongs to a call. */
static void set_in_memory(int slot, int yes) {
  struct proc* p = &pr_procs[slot];
  if (pr_shadow.proc[slot].state == PR_FREE) return;
#if PROCTOR_2003
  p->p_sflag = yes ? p->p_sflag | PS_INMEM : p->p_sflag & ~PS_INMEM;
#else
  p->p_flag = yes ? p->p_flag | P_INMEM : p->p_flag & ~P_INMEM;
#endif
}
void pr_leave(void) {
  if (pr_call != NULL && pr_call->swapped) set_in_memory(pr_call->target, 1);
}
void pr_enter(void) {
  if (pr_call != NULL && pr_call->swapped) set_in_memory(pr_call->target, 0);
}
void pr_sleeps(const char* where) {
  for (int i = 0; i < pr_call->locks; i++)
    if (!pr_call->lock[i].sleepable) complain("%s may sleep, with a %s lock held", where, pr_call->lock[i].kind);
  pr_may_sleep(where);
}

/* ---- locks that the harness does not know ---- */

struct held_lock* pr_find_lock(const void* lock) {
  for (int i = 0; i < pr_call->locks; i++)
    if (pr_call->lock[i].lock == lock) return &pr_call->lock[i];
  return NULL;
}
void shim_lock(const void* lock, const char* kind, int shared, int sleepable) {
  if (lock == NULL) complain("%s lock of nothing (NULL)", kind);
  if (sleepable) pr_sleeps(kind);
  if (pr_find_lock(lock)) complain("%s lock taken twice", kind);
  if (pr_call->locks == (int)nitems(pr_call->lock)) complain("too many locks held at once, the last a %s", kind);
  pr_call->lock[pr_call->locks++] = (struct held_lock){lock, kind, shared, sleepable};
}
void shim_unlock(const void* lock, const char* kind, int shared) {
  struct held_lock* held = pr_find_lock(lock);
  if (!held) complain("%s lock released that is not held", kind);
  if (shared >= 0 && held->shared != shared)
    complain("%s lock taken %s released %s", kind, held->shared ? "shared" : "exclusive",
             shared ? "shared" : "exclusive");
  *held = pr_call->lock[--pr_call->locks];
}
void shim_assert(const void* lock, const char* kind, int shared_is_enough, const char* where) {
  struct held_lock* held = pr_find_lock(lock);
  if (!held) complain("%s without the %s lock", where, kind);
  if (held->shared && !shared_is_enough) complain("%s with the %s lock only shared", where, kind);
}

/* ---- mutexes and proctree_lock ---- */

/* A mutex that is the harness's: its kind and process, or -1. */
static int mutex_kind(const struct mtx* m, int* slot, int* spin, const char* where) {
  *slot = PR_NONE;
  *spin = 0;
  if (m == &Giant) return PR_GIANT;
  if (m == &sched_lock) return *spin = 1, PR_SCHED;
  u_long at = (u_long)m - (u_long)pr_procs;
  if (at >= sizeof pr_procs) return -1;
  struct proc* p = &pr_procs[at / sizeof pr_procs[0]];
  *slot = slot_of(p, where);
  if (m == &p->p_slock) return *spin = 1, PR_SLOCK;
  if (m != &p->p_mtx) complain("%s: no mutex", where);
  return PR_PROC;
}
void shim_mtx_lock(struct mtx* m, int spin, int try, const char* where) {
  int slot, is_spin, kind = mutex_kind(m, &slot, &is_spin, where);
  if (kind < 0) {
    shim_lock(m, m->name, 0, 0);
    return;
  }
  if (spin != is_spin) complain("%s: %s", where, spin ? "mtx_lock_spin() of a mutex" : "mtx_lock() of a spin mutex");
  pr_lock_op(PR_LOCK, (enum pr_lock)kind, slot);
}
void shim_mtx_unlock(struct mtx* m, int spin, const char* where) {
  int slot, is_spin, kind = mutex_kind(m, &slot, &is_spin, where);
  if (kind < 0) {
    shim_unlock(m, m->name, 0);
    return;
  }
  if (spin != is_spin)
    complain("%s: %s", where, spin ? "mtx_unlock_spin() of a mutex" : "mtx_unlock() of a spin mutex");
  pr_lock_op(PR_UNLOCK, (enum pr_lock)kind, slot);
}
int shim_mtx_owned(struct mtx* m) {
  int slot, spin, kind = mutex_kind(m, &slot, &spin, "mtx_owned");
  return kind < 0 ? pr_find_lock(m) != NULL : pr_host->owns((enum pr_lock)kind, slot);
}
void shim_mtx_assert(struct mtx* m, int what, const char* where, int line) {
  int owned = shim_mtx_owned(m);
  if ((what & MA_OWNED) && !owned) complain("%s, line %d: %s not owned", where, line, m->name);
  if ((what & MA_NOTOWNED) && owned) complain("%s, line %d: %s owned", where, line, m->name);
}
void shim_giant_required(const char* where, int line) {
  if (!pr_host->owns(PR_GIANT, PR_NONE)) complain("%s, line %d: Giant not owned", where, line);
}

void shim_sx_lock(struct sx* sx, int shared, const char* where) {
  if (sx != &proctree_lock) {
    shim_lock(sx, sx->name, shared, 1);
    return;
  }
  pr_sleeps("sx_xlock(&proctree_lock)");
  pr_lock_op(shared ? PR_SHARED : PR_LOCK, PR_PROCTREE, PR_NONE);
  pr_call->tree_shared = shared;
}
void shim_sx_unlock(struct sx* sx, int shared, const char* where) {
  if (sx != &proctree_lock) {
    shim_unlock(sx, sx->name, shared);
    return;
  }
  if (shared >= 0 && pr_host->owns(PR_PROCTREE, PR_NONE) && pr_call->tree_shared != shared)
    complain("%s: proctree_lock is held %s and released %s", where, shared ? "exclusive" : "shared",
             shared ? "shared" : "exclusive");
  pr_lock_op(PR_UNLOCK, PR_PROCTREE, PR_NONE);
}
static int sx_state(struct sx* sx) {
  if (sx == &proctree_lock)
    return !pr_host->owns(PR_PROCTREE, PR_NONE) ? SX_UNLOCKED : pr_call->tree_shared ? SX_SLOCKED : SX_XLOCKED;
  struct held_lock* held = pr_find_lock(sx);
  return !held ? SX_UNLOCKED : held->shared ? SX_SLOCKED : SX_XLOCKED;
}
void shim_sx_assert(struct sx* sx, int what, const char* where, int line) {
  int state = sx_state(sx);
  if (what & SX_LOCKED) what |= SX_SLOCKED | SX_XLOCKED;
  if ((what & state) == 0)
    complain("%s, line %d: %s lock is %s", where, line, sx->name,
             state == SX_UNLOCKED  ? "not held"
             : state == SX_SLOCKED ? "held shared"
                                   : "held exclusive");
}
int shim_sx_xlocked(struct sx* sx) { return sx_state(sx) == SX_XLOCKED; }

/* ---- locks and holds of a process, locks of a thread ---- */

void shim_proc_lock(struct proc* p, const char* where) {
  int slot = slot_of(p, where);
  if (slot == PR_NONE)
    shim_lock(p, "process (of pid 0)", 0, 0);
  else
    pr_lock_op(PR_LOCK, PR_PROC, slot);
}
void shim_proc_unlock(struct proc* p, const char* where) {
  int slot = slot_of(p, where);
  if (slot == PR_NONE)
    shim_unlock(p, "process (of pid 0)", 0);
  else
    pr_lock_op(PR_UNLOCK, PR_PROC, slot);
}
int pr_owns_proc(int slot) { return slot == PR_NONE ? pr_find_lock(&proc0) != NULL : pr_host->owns(PR_PROC, slot); }
int shim_proc_owned(struct proc* p) { return pr_owns_proc(slot_of(p, "PROC_LOCKED")); }
void shim_proc_assert(struct proc* p, int what, const char* where, int line) {
  int slot = slot_of(p, where), owned = pr_owns_proc(slot);
  if ((what & MA_OWNED) && !owned)
    complain("%s, line %d: process lock of pid %d not owned", where, line, slot == PR_NONE ? 0 : PR_PID(slot));
  if ((what & MA_NOTOWNED) && owned)
    complain("%s, line %d: process lock of pid %d owned", where, line, slot == PR_NONE ? 0 : PR_PID(slot));
}
void shim_hold(struct proc* p, int locked, const char* where, int line) {
  if (locked)
    shim_proc_assert(p, MA_OWNED, where, line);
  else
    shim_proc_lock(p, where);
  int slot = slot_of(p, where);
#if !PROCTOR_2003
  if ((p->p_flag & P_WEXIT) != 0 && p != curproc)
    complain("%s, line %d: PHOLD of pid %d, which is exiting", where, line, p->p_pid);
#endif
  p->p_lock++;
  pr_lock_op(PR_HOLD, PR_PROC, slot);
  if (!locked) shim_proc_unlock(p, where);
}
void shim_release(struct proc* p, int locked, const char* where, int line) {
  if (locked)
    shim_proc_assert(p, MA_OWNED, where, line);
  else
    shim_proc_lock(p, where);
  int slot = slot_of(p, where);
  p->p_lock--;
  pr_lock_op(PR_RELEASE, PR_PROC, slot);
  if (!locked) shim_proc_unlock(p, where);
}
void shim_assert_held(struct proc* p, const char* where, int line) {
  int slot = slot_of(p, where);
  if (slot != PR_NONE && pr_host->held(slot) <= 0)
    complain("%s, line %d: pid %d is not held", where, line, PR_PID(slot));
}
#if !PROCTOR_2003
void thread_lock(struct thread* td) {
  pr_lock_op(PR_LOCK, PR_THREAD, pr_shadow.lwp[thread_of(td, "thread_lock")].proc);
}
void thread_unlock(struct thread* td) {
  pr_lock_op(PR_UNLOCK, PR_THREAD, pr_shadow.lwp[thread_of(td, "thread_unlock")].proc);
}
void shim_thread_assert(struct thread* td, int what, const char* where, int line) {
  int owned = pr_host->owns(PR_THREAD, pr_shadow.lwp[thread_of(td, where)].proc);
  if ((what & MA_OWNED) && !owned) complain("%s, line %d: thread lock not owned", where, line);
  if ((what & MA_NOTOWNED) && owned) complain("%s, line %d: thread lock owned", where, line);
}
#endif
