/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes, credentials, signals.
 */
#include "image.h"

/* ---- kern/kern_proc.c: finding one ---- */

static struct proc* find(pid_t pid, int state, int hold) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    if (PR_PID(slot) != pid || pr_kept.proc[slot].state != state) continue;
    if (!hold) return &pr_procs[slot];
    pr_lock_op(PR_HOLD, PR_PROC, slot);
    if (pr_kept.proc[slot].state == state) return &pr_procs[slot];
    pr_lock_op(PR_RELEASE, PR_PROC, slot); /* it exited while others ran: it was not there to be found */
  }
  return NULL;
}

struct proc* pfind(pid_t pid) {
  return find(pid, PR_NORMAL, 1);
}
struct proc* pfindn(pid_t pid) {
  return find(pid, PR_NORMAL, 0);
}
struct proc* zpfind(pid_t pid) {
  return find(pid, PR_ZOMBIE, 1);
}

struct lwp* pr_lwp_lookup(struct lwp_rb_tree* tree, lwpid_t tid) {
  struct lwp* lp;
  RB_FOREACH(lp, lwp_rb_tree, tree)
  if (lp->lwp_tid == tid) break;
  return lp;
}

struct lwp* lwpfind(struct proc* p, lwpid_t tid) {
  return pr_lwp_lookup(&p->p_lwp_tree, tid);
}

struct lwp* pr_only_lwp(struct proc* p, const char* caller) {
  if (p->p_nthreads != 1) panic("%s: process %d has %d threads", caller, p->p_pid, p->p_nthreads);
  return p->p_lwp_tree.first;
}

int inferior(struct proc* p) {
  for (; p != curproc; p = p->p_pptr)
    if (p == NULL || p->p_pid == 0) return 0;
  return 1;
}

/* ---- kern/kern_prot.c, kern/kern_jail.c ---- */

static int cred_slot_of(const struct ucred* cr, const char* what) {
  unsigned long at = (unsigned long)((const char*)cr - (const char*)pr_procs);
  if (__predict_false(at >= sizeof pr_procs || at % sizeof *pr_procs != offsetof(struct proc, p_cred0))) {
    if (cr != &proc0.p_cred0) complain("%s of %p, which is no process' credentials", what, cr);
    return PR_NONE;
  }
  return (int)(at / sizeof *pr_procs);
}

int pr_prison_check(struct ucred* subject, struct ucred* object) {
  int a = cred_slot_of(subject, "PRISON_CHECK"), b = cred_slot_of(object, "PRISON_CHECK");
  return a == PR_NONE || b == PR_NONE || pr_help_with(PR_CANSEE, a, b) == 0;
}

int priv_check_cred(struct ucred* cr, int priv, int flags) {
  int slot = cred_slot_of(cr, "priv_check_cred");
  return slot == PR_NONE ? 0 : pr_help_with(PR_PRIV, slot, 0);
}

int priv_check(struct thread* td, int priv) { return priv_check_cred(td->td_proc->p_ucred, priv, 0); }

int p_trespass(struct ucred* subject, struct ucred* object) {
  if (subject == object || (subject->cr_ruid == object->cr_ruid && subject->cr_ruid == object->cr_svuid)) return 0;
  return priv_check_cred(subject, PRIV_ROOT, 0) == 0 ? 0 : EPERM;
}

/* CHECKIO() and p_trespass(), vfs/procfs; root may in a jail too (PRIV_DEBUG_UNPRIV) */
int pr_procfs_may(struct proc* curp, struct proc* p) {
  struct ucred *subject = curp->p_ucred, *object = p->p_ucred;
  if (subject->cr_uid == 0) return 1;
  return subject->cr_uid == object->cr_ruid && subject->cr_ruid == object->cr_ruid &&
         subject->cr_svuid == object->cr_ruid && !(p->p_flags & (P_SUGID | P_INEXEC));
}

struct ucred* crhold(struct ucred* cr) {
  cr->cr_ref++;
  return cr;
}

void crfree(struct ucred* cr) {
  if (--cr->cr_ref <= 0) complain("crfree of credentials in use");
}

/* ---- kern/kern_exit.c, kern/kern_sig.c, kern/kern_synch.c ---- */

void proc_reparent(struct proc* child, struct proc* parent) {
  int c = slot_of(child, "proc_reparent (child)"), p = slot_of(parent, "proc_reparent (parent)");
  pr_needs_hold(c, "proc_reparent");
  if (c == PR_NONE || p == PR_NONE) complain("proc_reparent of or to the swapper");
  pr_may_sleep("proc_reparent"); /* on the tokens of three processes */
  pr_help_with(PR_REPARENT, c, p);
}

void ksignal(struct proc* p, int sig) {
  int slot = slot_of(p, "ksignal");
  if (!_SIG_VALID(sig)) panic("ksignal: signal %d to process %d", sig, p->p_pid);
  pr_needs_token(slot, "ksignal");
  if (slot != PR_NONE) pr_help_with(PR_PSIGNAL, slot, sig);
}

void lwpsignal(struct proc* p, struct lwp* lp, int sig) {
  if (lp != NULL) lwp_slot_of(lp, "lwpsignal");
  ksignal(p, sig);
}

void proc_unstop(struct proc* p, int stat) {
  int slot = slot_of(p, "proc_unstop");
  pr_needs_token(slot, "proc_unstop");
  if (!pr_host->owns(PR_CRIT, PR_NONE)) complain("proc_unstop outside a critical section");
  if (slot == PR_NONE || p->p_stat != stat) return;
  if (stat != SSTOP) complain("proc_unstop of process %d, stat %d", PR_PID(slot), stat);
  pr_help_with(PR_UNSTOP, slot, 0);
}

void proc_stop(struct proc* p, int stat) {
  complain("proc_stop of process %d: ptrace stops nobody itself", PR_PID(slot_of(p, "proc_stop")));
}

void setrunnable(struct lwp* lp) {
  int l = lwp_slot_of(lp, "setrunnable");
  pr_needs_token(pr_kept.lwp[l].proc, "setrunnable");
  if (pr_call != NULL) pr_call->runnable_td = l;
}

int tsleep(const volatile void* ident, int flags, const char* why, int timeout) {
  pr_may_sleep(why);
  complain("tsleep(\"%s\"), and nobody is there to wake it", why);
  return EWOULDBLOCK;
}

int kprintf(const char* format, ...) { return 0; }

int ksnprintf(char* to, size_t n, const char* format, ...) {
  if (n > 0) *to = '\0';
  return 0;
}
