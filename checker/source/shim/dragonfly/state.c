/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pr_state and the structures, each into the other.
 */
#include "image.h"

struct pr_state pr_kept;
struct proc pr_procs[PR_PROCS], proc0, *initproc;
struct lwp pr_lwps[PR_LWPS];
struct thread pr_threads[PR_LWPS];
int securelevel;
static unsigned char freed[1024]; /* what a free structure looks like */

_Static_assert(sizeof(struct proc) <= sizeof freed && sizeof(struct lwp) <= sizeof freed, "freed[] is too short");

/* ---- flags ---- */

static const struct {
  unsigned short bit;
  int flag;
} kFlag[] = {
    {PR_P_TRACED, P_TRACED}, {PR_P_WAITED, P_WAITED},       {PR_P_WEXIT, P_WEXIT}, {PR_P_PPWAIT, P_PPWAIT},
    {PR_P_SYSTEM, P_SYSTEM}, {PR_P_CONTINUED, P_CONTINUED}, {PR_P_SUGID, P_SUGID}, {PR_P_INEXEC, P_INEXEC},
};
enum {
  kBits =
      PR_P_TRACED | PR_P_WAITED | PR_P_WEXIT | PR_P_PPWAIT | PR_P_SYSTEM | PR_P_CONTINUED | PR_P_SUGID | PR_P_INEXEC,
  kFlags = P_TRACED | P_WAITED | P_WEXIT | P_PPWAIT | P_SYSTEM | P_CONTINUED | P_SUGID | P_INEXEC
};

static const char* flag_name(int bits) {
  switch (bits & -bits) {
    case P_CONTROLT: return "P_CONTROLT";
    case P_SWAPPEDOUT: return "P_SWAPPEDOUT";
    case P_SYSVSEM: return "P_SYSVSEM";
    case P_PROFIL: return "P_PROFIL";
    case P_POSTEXIT: return "P_POSTEXIT";
    case P_SCMOUSE: return "P_SCMOUSE";
    case P_MAYBETHREADED: return "P_MAYBETHREADED";
    case P_EXEC: return "P_EXEC";
    case P_LOWMEMKILL: return "P_LOWMEMKILL";
    case P_MUSTKILL: return "P_MUSTKILL";
    case P_IDLESWAP: return "P_IDLESWAP";
    case P_JAILED: return "P_JAILED";
    case P_SIGVTALRM: return "P_SIGVTALRM";
    case P_SIGPROF: return "P_SIGPROF";
    case P_DIDCHROOT: return "P_DIDCHROOT";
    case P_XCPU: return "P_XCPU";
    default: return "a bit without a name";
  }
}

/* ---- store ---- */

static void new_proc(struct proc* p, int slot) {
  memset(p, 0, sizeof *p);
  p->p_pid = PR_PID(slot);
  p->p_ucred = &p->p_cred0;
  p->p_cred0.cr_ref = 1;
  p->p_leader = (struct proc*)0xdedededededeUL; /* nothing here may look */
}

static void new_lwp(int l, struct proc* p) {
  unsigned char* at = (unsigned char*)&pr_registers[l];
  memset(&pr_lwps[l], 0, sizeof pr_lwps[l]);
  memset(&pr_threads[l], 0, sizeof pr_threads[l]);
  for (size_t i = 0; i < offsetof(struct registers, step); i++) at[i] = 0x40 | ((l * 7 + i * 5) & 0x3f);
  pr_registers[l].step = 0;
  pr_lwps[l].lwp_tid = PR_TID(l);
  pr_lwps[l].lwp_stat = LSRUN;
  pr_lwps[l].lwp_proc = p;
  pr_lwps[l].lwp_thread = &pr_threads[l];
  pr_threads[l].td_proc = p;
  pr_threads[l].td_lwp = &pr_lwps[l];
  pr_threads[l].td_ucred = &p->p_cred0;
}

static uid_t user(int number) { return number == 1 ? 0 : 1000 + number; }

void pr_store(const struct pr_state* state) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    const struct pr_proc* from = &state->proc[slot];
    struct proc* p = &pr_procs[slot];
    int was = pr_kept.proc[slot].state, bits = 0;
    if (from->state == PR_FREE) {
      if (was != PR_FREE) memset(p, kFree, sizeof *p);
      continue;
    }
    if (was == PR_FREE || was == kUnknown) new_proc(p, slot);
    for (unsigned i = 0; i < nitems(kFlag); i++)
      if (from->p_flag & kFlag[i].bit) bits |= kFlag[i].flag;
    p->p_flags = (p->p_flags & ~kFlags) | bits;
    p->p_stat = from->state == PR_ZOMBIE ? SZOMB : from->p_flag & PR_P_STOPPED_SIG ? SSTOP : SACTIVE;
    p->p_pptr = from->p_pptr != PR_NONE ? &pr_procs[from->p_pptr] : slot == 0 ? &proc0 : NULL;
    p->p_ppid = from->p_pptr != PR_NONE ? PR_PID(from->p_pptr) : 0;
    p->p_oppid = from->p_oppid != PR_NONE ? PR_PID(from->p_oppid) : 0;
    p->p_xstat = from->p_xstat;
    p->p_nthreads = from->p_numthreads;
    p->p_sigparent = from->p_cred & PR_SIGPARENT ? SIGUSR1 : SIGCHLD;
    p->p_cred0.cr_uid = p->p_cred0.cr_svuid = user(PR_CRED_UID(from->p_cred));
    p->p_cred0.cr_ruid = PR_CRED_RUID(from->p_cred) ? user(PR_CRED_RUID(from->p_cred)) : p->p_cred0.cr_uid;
    p->p_lwp_tree.first = NULL;
  }
  int order[PR_LWPS]; /* the youngest first: each goes in front of those before */
  for (int l = 0, rank = PR_LWPS; rank-- > 0;)
    for (int i = 0; i < PR_LWPS; i++)
      if (state->lwp[i].td_rank == rank) order[l++] = i;
  for (int i = 0; i < PR_LWPS; i++) {
    const int l = order[i];
    const struct pr_lwp* from = &state->lwp[l];
    struct proc* p;
    if (from->proc == PR_NONE) {
      if (pr_kept.lwp[l].proc != PR_NONE) {
        memset(&pr_lwps[l], kFree, sizeof pr_lwps[l]);
        memset(&pr_threads[l], kFree, sizeof pr_threads[l]);
      }
      continue;
    }
    p = &pr_procs[from->proc];
    if (pr_kept.lwp[l].proc != from->proc) new_lwp(l, p);
    pr_registers[l].step = (from->td_flag & PR_TD_STEP) != 0;
    if (state->proc[from->proc].state == PR_FREE) continue;
    pr_lwps[l].lwp_next = p->p_lwp_tree.first;
    p->p_lwp_tree.first = &pr_lwps[l];
  }
  securelevel = (state->proc[0].p_cred & 0x10) != 0;
  pr_kept = *state;
}

/* ---- load ---- */

static int slot_of_pid(int slot, pid_t pid) {
  if (pid == 0) return PR_NONE;
  for (int s = 0; s < PR_PROCS; s++)
    if (PR_PID(s) == pid) return s;
  complain("p_oppid of process %d is %d, nobody's pid", PR_PID(slot), pid);
  return PR_NONE;
}

static int parent_slot(int slot, const struct proc* parent) {
  unsigned long at = (unsigned long)((const char*)parent - (const char*)pr_procs);
  if (at < sizeof pr_procs && at % sizeof *pr_procs == 0) return (int)(at / sizeof *pr_procs);
  if (parent != NULL && parent != &proc0) complain("p_pptr of process %d points nowhere: %p", PR_PID(slot), parent);
  return PR_NONE;
}

void pr_load(struct pr_state* state) {
  *state = pr_kept;
  for (int slot = 0; slot < PR_PROCS; slot++) {
    struct pr_proc* to = &state->proc[slot];
    const struct proc* p = &pr_procs[slot];
    int bits = 0, extra;
    if (to->state == PR_FREE) {
      if (memcmp(p, freed, sizeof *p) != 0) complain("freed struct proc of slot %d written to", slot);
      continue;
    }
    if (to->state == kUnknown) continue;
    extra = p->p_flags & ~kFlags;
    if (extra != 0) complain("p_flags of process %d: %s (%#x) set", PR_PID(slot), flag_name(extra), extra);
    for (unsigned i = 0; i < nitems(kFlag); i++)
      if (p->p_flags & kFlag[i].flag) bits |= kFlag[i].bit;
    to->p_flag = (to->p_flag & ~kBits) | bits;
    if (to->state == PR_ZOMBIE ? p->p_stat != SZOMB : p->p_stat != SSTOP && p->p_stat != SACTIVE)
      complain("p_stat of process %d is %d", PR_PID(slot), (int)p->p_stat);
    if (to->state == PR_NORMAL)
      to->p_flag = p->p_stat == SSTOP ? to->p_flag | PR_P_STOPPED_SIG : to->p_flag & ~PR_P_STOPPED_SIG;
    if (p->p_pid != PR_PID(slot)) complain("p_pid of process %d is now %d", PR_PID(slot), p->p_pid);
    to->p_pptr = parent_slot(slot, p->p_pptr);
    to->p_oppid = slot_of_pid(slot, p->p_oppid);
    to->p_xstat = p->p_xstat;
    to->p_numthreads = p->p_nthreads;
    to->p_cred = p->p_sigparent != SIGCHLD ? to->p_cred | PR_SIGPARENT : to->p_cred & ~PR_SIGPARENT;
  }
  for (int l = 0; l < PR_LWPS; l++) {
    struct pr_lwp* to = &state->lwp[l];
    if (to->proc != PR_NONE)
      to->td_flag = pr_registers[l].step ? to->td_flag | PR_TD_STEP : to->td_flag & ~PR_TD_STEP;
    else if (memcmp(&pr_lwps[l], freed, sizeof *pr_lwps) != 0 || memcmp(&pr_threads[l], freed, sizeof *pr_threads) != 0)
      complain("freed struct lwp or struct thread of slot %d written to", l);
  }
}

/* ---- the beginning, and the next beginning ---- */

void pr_start_state(void) {
  initproc = &pr_procs[0];
  memset(freed, kFree, sizeof freed);
}

void pr_reset_state(void) {
  for (int slot = 0; slot < PR_PROCS; slot++) pr_kept.proc[slot].state = kUnknown;
  for (int l = 0; l < PR_LWPS; l++) pr_kept.lwp[l].proc = kUnknown - 1; /* no slot, and not PR_NONE: stored anew */
  memset(&proc0, 0, sizeof proc0);
  proc0.p_flags = P_SYSTEM;
  proc0.p_stat = SACTIVE;
  proc0.p_ucred = &proc0.p_cred0;
}
