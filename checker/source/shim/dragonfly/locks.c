/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens, critical sections, holds.
 */
#include "image.h"

/* Nothing of the structures belongs to a call. */
void pr_leave(void) {}
void pr_enter(void) {}

void pr_needs_hold(int slot, const char* what) {
  if (slot != PR_NONE && pr_host->held(slot) <= 0) complain("%s of process %d, which nobody holds", what, PR_PID(slot));
}

void pr_needs_token(int slot, const char* what) {
  if (slot != PR_NONE && !pr_host->owns(PR_TOKEN, slot))
    complain("%s of process %d without its token", what, PR_PID(slot));
}

void pr_needs_lwp_hold(int l, const char* what) {
  if (pr_lwps[l].lwp_lock <= 0) complain("%s of thread %d without LWPHOLD", what, PR_TID(l));
}

/* ---- kern/lwkt_token.c, sys/thread2.h ---- */

struct lwkt_token proc_token;

/* The slot of a process' token; PR_NONE: another token, that the harness does not know. */
static int token_slot(struct lwkt_token* t, const char* what) {
  unsigned long at = (unsigned long)((const char*)t - (const char*)pr_procs);
  if (at < sizeof pr_procs && at % sizeof *pr_procs == offsetof(struct proc, p_token))
    return slot_of(&pr_procs[at / sizeof *pr_procs], what);
  if (t == NULL) complain("%s of a NULL token", what);
  return PR_NONE;
}

void lwkt_gettoken(struct lwkt_token* t) {
  int slot = token_slot(t, "lwkt_gettoken");
  if (slot != PR_NONE) pr_lock_op(PR_LOCK, PR_TOKEN, slot);
  t->t_count++;
}

void lwkt_gettoken_shared(struct lwkt_token* t) { lwkt_gettoken(t); }

int lwkt_trytoken(struct lwkt_token* t) {
  lwkt_gettoken(t);
  return 1;
}

void lwkt_reltoken(struct lwkt_token* t) {
  int slot = token_slot(t, "lwkt_reltoken");
  if (slot == PR_NONE && t->t_count <= 0) complain("lwkt_reltoken of a token that is not held");
  t->t_count--;
  if (slot != PR_NONE) pr_lock_op(PR_UNLOCK, PR_TOKEN, slot);
}

int pr_token_held(struct lwkt_token* t) {
  int slot = token_slot(t, "an assertion");
  return slot != PR_NONE ? pr_host->owns(PR_TOKEN, slot) : t->t_count > 0;
}

void crit_enter(void) { pr_lock_op(PR_LOCK, PR_CRIT, PR_NONE); }
void crit_exit(void) { pr_lock_op(PR_UNLOCK, PR_CRIT, PR_NONE); }

/* ---- kern/kern_proc.c: holds ---- */

void phold(struct proc* p) {
  int slot = slot_of(p, "PHOLD");
  if (slot != PR_NONE)
    pr_lock_op(PR_HOLD, PR_PROC, slot);
  else
    p->p_lock++;
}

void prele(struct proc* p) {
  int slot = slot_of(p, "PRELE");
  if (slot != PR_NONE)
    pr_lock_op(PR_RELEASE, PR_PROC, slot);
  else if (--p->p_lock < 0)
    complain("PRELE of the swapper, which is not held");
}

int pholdzomb(struct proc* p) {
  phold(p);
  return 0;
}

void prelezomb(struct proc* p) { prele(p); }

void pstall(struct proc* p, const char* why, int count) {
  pr_needs_token(slot_of(p, "pstall"), "pstall");
  pr_may_sleep("pstall");
}

void lwphold(struct lwp* lp, int count) {
  const char* what = count > 0 ? "LWPHOLD" : "LWPRELE";
  int l = lwp_slot_of(lp, what);
  if (count < 0) pr_needs_lwp_hold(l, what);
  pr_lock_op(count > 0 ? PR_HOLD : PR_RELEASE, PR_LWPHOLD, pr_kept.lwp[l].proc);
  lp->lwp_lock += count;
  if (pr_call != NULL) pr_call->lwp_holds += count;
}
