/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A DragonFly kernel with nothing in it but what ptrace(2) needs: four processes, six threads, their registers, a few
 * bytes of memory each, and the functions that sys_process.c calls.  Locks, credentials, signals and the process tree
 * are the harness's (abi.h).
 *
 * The structures that the source sees are procs[], lwps[] and threads[].  Memory and registers are elsewhere, where
 * only the functions below that move bytes reach them; so an answer that is right came by way of them.
 */
#include "dragonfly.h"

enum {
  kUserBytes = 1024,
  kMemory = 0x10000,      /* where a tracee's memory begins, as the debugger sees it */
  kWords = 16,            /* bytes for PT_READ and PT_WRITE, and as many for PT_IO, of each caller */
  kIo = kWords * PR_LWPS, /* so that calls in flight at once cannot disturb each other's memory */
  kMemoryBytes = 2 * kWords * PR_LWPS,
  kIoBuffer = 64,  /* piod_addr, in the user buffer */
  kUnknown = 0xff, /* state of a slot that was never stored */
  kFree = 0xde
};

struct registers {
  struct reg reg;
  struct fpreg fpreg;
  struct dbreg dbreg;
  int step;
};

/* One call in flight. */
struct work {
  struct ptrace_args args;
  int td, caller, target, lwp_holds;
  size_t io_bytes; /* moved by procfs_domem() */
  int regs_td, regs_request, pc_td, runnable_td;
  int length_copied;                        /* a copyout() to where PT_IO's descriptor has piod_len */
  unsigned char regs[sizeof(struct fpreg)]; /* of regs_td, when they were read or set */
  unsigned char user[kUserBytes] __aligned(16);
  unsigned char before[kUserBytes] __aligned(16);
};

const struct pr_host* pr_host;
struct thread* pr_curthread;
struct proc proc0, *initproc;
struct lwkt_token proc_token;
int securelevel;

static struct proc procs[PR_PROCS];
static struct lwp lwps[PR_LWPS];
static struct thread threads[PR_LWPS];
static struct registers registers[PR_LWPS];
static unsigned char memory[PR_PROCS][kMemoryBytes] __aligned(16);
static unsigned char pattern[PR_PROCS][kMemoryBytes] __aligned(16); /* memory[] while nobody writes */
static unsigned char freed[1024];                                   /* what a free structure looks like */
static struct pr_state kept;                                        /* as last stored */
static struct work *current, *flying[PR_LWPS];
static int fill = -1; /* what the compiler fills automatic variables with */
static unsigned serial;

_Static_assert(sizeof(struct proc) <= sizeof freed && sizeof(struct lwp) <= sizeof freed, "freed[] is too short");

#define complain(...) pr_host->finding(__VA_ARGS__)

/* ---- the harness may run other calls before these return ---- */

static void host_lock(enum pr_op op, enum pr_lock lock, int slot) {
  struct work* w = current;
  struct thread* td = pr_curthread;
  pr_host->lock(op, lock, slot);
  current = w;
  pr_curthread = td;
}

static int host_help(enum pr_help what, int a, int b) {
  struct work* w = current;
  struct thread* td = pr_curthread;
  int answer = pr_host->help(what, a, b);
  current = w;
  pr_curthread = td;
  return answer;
}

static int host_open(enum pr_open kind) {
  struct work* w = current;
  struct thread* td = pr_curthread;
  int answer = pr_host->open(kind);
  current = w;
  pr_curthread = td;
  return answer;
}

static void may_sleep(const char* where) {
  struct work* w = current;
  struct thread* td = pr_curthread;
  pr_host->may_sleep(where);
  current = w;
  pr_curthread = td;
}

/* ---- slots ---- */

/* The slot of p, or PR_NONE for the swapper. */
static int slot_of(const struct proc* p, const char* what) {
  unsigned long at = (unsigned long)((const char*)p - (const char*)procs);
  if (__predict_true(at < sizeof procs && at % sizeof *p == 0)) {
    int slot = (int)(at / sizeof *p);
    if (__predict_false(kept.proc[slot].state == PR_FREE)) complain("%s of a freed struct proc (slot %d)", what, slot);
    return slot;
  }
  if (p != &proc0) complain(p == NULL ? "%s of a NULL struct proc" : "%s of %p, which is no struct proc", what, p);
  return PR_NONE;
}

static int lwp_slot_of(const struct lwp* lp, const char* what) {
  unsigned long at = (unsigned long)((const char*)lp - (const char*)lwps);
  if (__predict_false(at >= sizeof lwps || at % sizeof *lp != 0))
    complain(lp == NULL ? "%s of a NULL struct lwp" : "%s of %p, which is no struct lwp", what, lp);
  if (__predict_false(kept.lwp[at / sizeof *lp].proc == PR_NONE))
    complain("%s of a freed struct lwp (slot %d)", what, (int)(at / sizeof *lp));
  return (int)(at / sizeof *lp);
}

static int cred_slot_of(const struct ucred* cr, const char* what) {
  unsigned long at = (unsigned long)((const char*)cr - (const char*)procs);
  if (__predict_false(at >= sizeof procs || at % sizeof *procs != offsetof(struct proc, p_cred0))) {
    if (cr != &proc0.p_cred0) complain("%s of %p, which is no process' credentials", what, cr);
    return PR_NONE;
  }
  return (int)(at / sizeof *procs);
}

static void needs_hold(int slot, const char* what) {
  if (slot != PR_NONE && pr_host->held(slot) <= 0) complain("%s of process %d, which nobody holds", what, PR_PID(slot));
}

static void needs_token(int slot, const char* what) {
  if (slot != PR_NONE && !pr_host->owns(PR_TOKEN, slot))
    complain("%s of process %d without its token", what, PR_PID(slot));
}

static void needs_lwp_hold(int l, const char* what) {
  if (lwps[l].lwp_lock <= 0) complain("%s of thread %d without LWPHOLD", what, PR_TID(l));
}

/* ---- kern/lwkt_token.c, sys/thread2.h ---- */

/* The slot of a process' token; PR_NONE: another token, that the harness does not know. */
static int token_slot(struct lwkt_token* t, const char* what) {
  unsigned long at = (unsigned long)((const char*)t - (const char*)procs);
  if (at < sizeof procs && at % sizeof *procs == offsetof(struct proc, p_token))
    return slot_of(&procs[at / sizeof *procs], what);
  if (t == NULL) complain("%s of a NULL token", what);
  return PR_NONE;
}

void lwkt_gettoken(struct lwkt_token* t) {
  int slot = token_slot(t, "lwkt_gettoken");
  if (slot != PR_NONE) host_lock(PR_LOCK, PR_TOKEN, slot);
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
  if (slot != PR_NONE) host_lock(PR_UNLOCK, PR_TOKEN, slot);
}

int pr_token_held(struct lwkt_token* t) {
  int slot = token_slot(t, "an assertion");
  return slot != PR_NONE ? pr_host->owns(PR_TOKEN, slot) : t->t_count > 0;
}

void crit_enter(void) { host_lock(PR_LOCK, PR_CRIT, PR_NONE); }
void crit_exit(void) { host_lock(PR_UNLOCK, PR_CRIT, PR_NONE); }

/* ---- kern/kern_proc.c ---- */

void phold(struct proc* p) {
  int slot = slot_of(p, "PHOLD");
  if (slot != PR_NONE)
    host_lock(PR_HOLD, PR_PROC, slot);
  else
    p->p_lock++;
}

void prele(struct proc* p) {
  int slot = slot_of(p, "PRELE");
  if (slot != PR_NONE)
    host_lock(PR_RELEASE, PR_PROC, slot);
  else if (--p->p_lock < 0)
    complain("PRELE of the swapper, which is not held");
}

int pholdzomb(struct proc* p) {
  phold(p);
  return 0;
}

void prelezomb(struct proc* p) { prele(p); }

void pstall(struct proc* p, const char* why, int count) {
  needs_token(slot_of(p, "pstall"), "pstall");
  may_sleep("pstall");
}

void lwphold(struct lwp* lp, int count) {
  const char* what = count > 0 ? "LWPHOLD" : "LWPRELE";
  int l = lwp_slot_of(lp, what);
  if (count < 0) needs_lwp_hold(l, what);
  host_lock(count > 0 ? PR_HOLD : PR_RELEASE, PR_LWPHOLD, kept.lwp[l].proc);
  lp->lwp_lock += count;
  if (current != NULL) current->lwp_holds += count;
}

static struct proc* find(pid_t pid, int state, int hold) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    if (PR_PID(slot) != pid || kept.proc[slot].state != state) continue;
    if (!hold) return &procs[slot];
    host_lock(PR_HOLD, PR_PROC, slot);
    if (kept.proc[slot].state == state) return &procs[slot];
    host_lock(PR_RELEASE, PR_PROC, slot); /* it exited while others ran: it was not there to be found */
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

int pr_prison_check(struct ucred* subject, struct ucred* object) {
  int a = cred_slot_of(subject, "PRISON_CHECK"), b = cred_slot_of(object, "PRISON_CHECK");
  return a == PR_NONE || b == PR_NONE || host_help(PR_CANSEE, a, b) == 0;
}

int priv_check_cred(struct ucred* cr, int priv, int flags) {
  int slot = cred_slot_of(cr, "priv_check_cred");
  return slot == PR_NONE ? 0 : host_help(PR_PRIV, slot, 0);
}

int priv_check(struct thread* td, int priv) { return priv_check_cred(td->td_proc->p_ucred, priv, 0); }

int p_trespass(struct ucred* subject, struct ucred* object) {
  if (subject == object || (subject->cr_ruid == object->cr_ruid && subject->cr_ruid == object->cr_svuid)) return 0;
  return priv_check_cred(subject, PRIV_ROOT, 0) == 0 ? 0 : EPERM;
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
  needs_hold(c, "proc_reparent");
  if (c == PR_NONE || p == PR_NONE) complain("proc_reparent of or to the swapper");
  may_sleep("proc_reparent"); /* on the tokens of three processes */
  host_help(PR_REPARENT, c, p);
}

void ksignal(struct proc* p, int sig) {
  int slot = slot_of(p, "ksignal");
  if (!_SIG_VALID(sig)) panic("ksignal: signal %d to process %d", sig, p->p_pid);
  needs_token(slot, "ksignal");
  if (slot != PR_NONE) host_help(PR_PSIGNAL, slot, sig);
}

void lwpsignal(struct proc* p, struct lwp* lp, int sig) {
  if (lp != NULL) lwp_slot_of(lp, "lwpsignal");
  ksignal(p, sig);
}

void proc_unstop(struct proc* p, int stat) {
  int slot = slot_of(p, "proc_unstop");
  needs_token(slot, "proc_unstop");
  if (!pr_host->owns(PR_CRIT, PR_NONE)) complain("proc_unstop outside a critical section");
  if (slot == PR_NONE || p->p_stat != stat) return;
  if (stat != SSTOP) complain("proc_unstop of process %d, stat %d", PR_PID(slot), stat);
  host_help(PR_UNSTOP, slot, 0);
}

void proc_stop(struct proc* p, int stat) {
  complain("proc_stop of process %d: ptrace stops nobody itself", PR_PID(slot_of(p, "proc_stop")));
}

void setrunnable(struct lwp* lp) {
  int l = lwp_slot_of(lp, "setrunnable");
  needs_token(kept.lwp[l].proc, "setrunnable");
  if (current != NULL) current->runnable_td = l;
}

int tsleep(const volatile void* ident, int flags, const char* why, int timeout) {
  may_sleep(why);
  complain("tsleep(\"%s\"), and nobody is there to wake it", why);
  return EWOULDBLOCK;
}

int kprintf(const char* format, ...) { return 0; }

int ksnprintf(char* to, size_t n, const char* format, ...) {
  if (n > 0) *to = '\0';
  return 0;
}

/* ---- platform: memory of the caller ---- */

static int in_user(const void* at, size_t n) {
  unsigned long offset;
  if (current == NULL) return 0;
  offset = (unsigned long)((const unsigned char*)at - current->user);
  return offset < kUserBytes && n <= kUserBytes - offset;
}

static void not_user(const void* at, size_t n, const char* what) {
  if (in_user(at, n)) complain("%s: the kernel's side of the copy is an address of the caller", what);
}

int copyin(const void* user, void* kernel, size_t n) {
  may_sleep("copyin");
  not_user(kernel, n, "copyin");
  if (!in_user(user, n) || host_open(PR_OPEN_COPYIN) != 0) return EFAULT;
  memcpy(kernel, user, n);
  return 0;
}

int copyout(const void* kernel, void* user, size_t n) {
  const unsigned long length = offsetof(struct ptrace_io_desc, piod_len);
  unsigned long at;
  may_sleep("copyout");
  not_user(kernel, n, "copyout");
  if (!in_user(user, n) || host_open(PR_OPEN_COPYOUT) != 0) return EFAULT;
  at = (unsigned long)((unsigned char*)user - current->user);
  if (at <= length && at + n >= length + sizeof(size_t)) current->length_copied = 1;
  memcpy(user, kernel, n);
  return 0;
}

int uiomove(caddr_t kernel, size_t n, struct uio* uio) {
  if (uio->uio_td != pr_curthread)
    complain("uio_td is not the calling thread: the memory of another process would be used");
  while (n > 0 && uio->uio_resid > 0 && uio->uio_iovcnt > 0) {
    struct iovec* iov = uio->uio_iov;
    size_t count = szmin(szmin(n, iov->iov_len), uio->uio_resid);
    if (count == 0) {
      uio->uio_iov++;
      uio->uio_iovcnt--;
      continue;
    }
    if (uio->uio_segflg == UIO_SYSSPACE)
      not_user(iov->iov_base, count, "uiomove (UIO_SYSSPACE)");
    else if (uio->uio_segflg != UIO_USERSPACE || !in_user(iov->iov_base, count))
      return EFAULT;
    if (uio->uio_rw == UIO_READ)
      memcpy(iov->iov_base, kernel, count);
    else
      memcpy(kernel, iov->iov_base, count);
    iov->iov_base = (caddr_t)iov->iov_base + count;
    iov->iov_len -= count;
    uio->uio_resid -= count;
    uio->uio_offset += count;
    kernel += count;
    n -= count;
  }
  return 0;
}

int uiomove_frombuf(void* buffer, size_t size, struct uio* uio) {
  if (uio->uio_offset < 0) return EINVAL;
  if ((size_t)uio->uio_offset >= size) return 0;
  return uiomove((caddr_t)buffer + uio->uio_offset, size - (size_t)uio->uio_offset, uio);
}

/* ---- vfs/procfs ---- */

static void check_uio(struct proc* curp, struct uio* uio, const char* what) {
  if (curp != curproc) complain("%s: the first argument is not the calling process", what);
  if (uio->uio_td != pr_curthread) complain("%s: uio_td is not the calling thread", what);
}

int procfs_rwmem(struct proc* curp, struct proc* p, struct uio* uio) {
  int slot = slot_of(p, "procfs_rwmem"), error;
  size_t resid = uio->uio_resid;
  off_t offset = uio->uio_offset - kMemory;
  check_uio(curp, uio, "procfs_rwmem");
  needs_hold(slot, "procfs_rwmem");
  if (resid == 0) return 0;
  may_sleep("procfs_rwmem");
  switch (host_open(PR_OPEN_MEMORY)) {
    case 0: break;
    case 2: return 0; /* not a byte moved, and no error */
    default: return EFAULT;
  }
  if (slot == PR_NONE || offset < 0 || offset >= kMemoryBytes) return EFAULT;
  error = uiomove((caddr_t)memory[slot] + offset, kMemoryBytes - offset, uio);
  if (error == 0 && uio->uio_resid > 0) error = EFAULT; /* beyond the end */
  if (current != NULL) current->io_bytes += resid - uio->uio_resid;
  return error;
}

int procfs_domem(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return procfs_rwmem(curp, &procs[kept.lwp[lwp_slot_of(lp, "procfs_domem")].proc], uio);
}

static int valid(struct lwp* lp, const char* what) {
  lwp_slot_of(lp, what);
  return host_open(PR_OPEN_REGISTERS) != 1;
}

int procfs_validregs(struct lwp* lp) { return valid(lp, "procfs_validregs"); }
int procfs_validfpregs(struct lwp* lp) { return valid(lp, "procfs_validfpregs"); }
int procfs_validdbregs(struct lwp* lp) { return valid(lp, "procfs_validdbregs"); }

/* request: the PT_GET that reads these registers; the one that sets them is the next number. */
static int do_registers(struct proc* curp, struct lwp* lp, struct uio* uio, int request, size_t at, size_t size) {
  static const char what[] = "procfs_doregs";
  int l = lwp_slot_of(lp, what), slot = kept.lwp[l].proc, error;
  caddr_t area = (caddr_t)&registers[l] + at;
  check_uio(curp, uio, what);
  needs_hold(slot, what);
  if (uio->uio_offset < 0 || (size_t)uio->uio_offset > size) return EINVAL;
  if (uio->uio_rw == UIO_WRITE && procs[slot].p_stat != SSTOP) return EBUSY;
  if (host_open(PR_OPEN_REGISTERS) == 2) return EINVAL;
  error = uiomove_frombuf(area, size, uio);
  uio->uio_offset = 0;
  if (error == 0 && current != NULL) {
    current->regs_td = l;
    current->regs_request = uio->uio_rw == UIO_READ ? request : request + 1;
    memcpy(current->regs, area, size);
  }
  return error;
}

int procfs_doregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETREGS, offsetof(struct registers, reg), sizeof(struct reg));
}
int procfs_dofpregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETFPREGS, offsetof(struct registers, fpreg), sizeof(struct fpreg));
}
int procfs_dodbregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETDBREGS, offsetof(struct registers, dbreg), sizeof(struct dbreg));
}

/* ---- platform: ptrace ---- */

int ptrace_set_pc(struct lwp* lp, unsigned long addr) {
  int l = lwp_slot_of(lp, "ptrace_set_pc");
  needs_lwp_hold(l, "ptrace_set_pc");
  if (host_open(PR_OPEN_SET_PC) == 2) return EINVAL;
  registers[l].reg.r_rip = (register_t)addr;
  if (current != NULL) {
    if (addr != (unsigned long)current->args.addr) complain("ptrace_set_pc to %#lx, which is not addr", addr);
    current->pc_td = l;
  }
  return 0;
}

static int set_step(struct lwp* lp, int step, const char* what) {
  int l = lwp_slot_of(lp, what);
  needs_lwp_hold(l, what);
  if (host_open(PR_OPEN_SINGLE_STEP) != 0) return EINVAL;
  registers[l].step = step;
  return 0;
}

int ptrace_single_step(struct lwp* lp) { return set_step(lp, 1, "ptrace_single_step"); }
int ptrace_clear_single_step(struct lwp* lp) { return set_step(lp, 0, "ptrace_clear_single_step"); }

/* ---- pr_state and the structures ---- */

static const struct {
  unsigned short bit;
  int flag;
} flags[] = {
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

static void new_proc(struct proc* p, int slot) {
  memset(p, 0, sizeof *p);
  p->p_pid = PR_PID(slot);
  p->p_ucred = &p->p_cred0;
  p->p_cred0.cr_ref = 1;
  p->p_leader = p;
}

static void new_lwp(int l, struct proc* p) {
  unsigned char* at = (unsigned char*)&registers[l];
  memset(&lwps[l], 0, sizeof lwps[l]);
  memset(&threads[l], 0, sizeof threads[l]);
  for (size_t i = 0; i < offsetof(struct registers, step); i++) at[i] = 0x40 | ((l * 7 + i * 5) & 0x3f);
  registers[l].step = 0;
  lwps[l].lwp_tid = PR_TID(l);
  lwps[l].lwp_stat = LSRUN;
  lwps[l].lwp_proc = p;
  lwps[l].lwp_thread = &threads[l];
  threads[l].td_proc = p;
  threads[l].td_lwp = &lwps[l];
  threads[l].td_ucred = &p->p_cred0;
}

static void store(const struct pr_state* state) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    const struct pr_proc* from = &state->proc[slot];
    struct proc* p = &procs[slot];
    int was = kept.proc[slot].state, bits = 0;
    if (from->state == PR_FREE) {
      if (was != PR_FREE) memset(p, kFree, sizeof *p);
      continue;
    }
    if (was == PR_FREE || was == kUnknown) new_proc(p, slot);
    for (unsigned i = 0; i < nitems(flags); i++)
      if (from->p_flag & flags[i].bit) bits |= flags[i].flag;
    p->p_flags = (p->p_flags & ~kFlags) | bits;
    p->p_stat = from->state == PR_ZOMBIE ? SZOMB : from->p_flag & PR_P_STOPPED_SIG ? SSTOP : SACTIVE;
    p->p_pptr = from->p_pptr != PR_NONE ? &procs[from->p_pptr] : slot == 0 ? &proc0 : NULL;
    p->p_ppid = from->p_pptr != PR_NONE ? PR_PID(from->p_pptr) : 0;
    p->p_oppid = from->p_oppid != PR_NONE ? PR_PID(from->p_oppid) : 0;
    p->p_xstat = from->p_xstat;
    p->p_nthreads = from->p_numthreads;
    p->p_sigparent = from->p_cred & PR_SIGPARENT ? SIGUSR1 : SIGCHLD;
    p->p_cred0.cr_uid = p->p_cred0.cr_ruid = p->p_cred0.cr_svuid = (from->p_cred & 3) == 1 ? 0 : 1000 + (from->p_cred & 3);
    p->p_lwp_tree.first = NULL;
  }
  for (int l = PR_LWPS; l-- > 0;) {
    const struct pr_lwp* from = &state->lwp[l];
    struct proc* p;
    if (from->proc == PR_NONE) {
      if (kept.lwp[l].proc != PR_NONE) {
        memset(&lwps[l], kFree, sizeof lwps[l]);
        memset(&threads[l], kFree, sizeof threads[l]);
      }
      continue;
    }
    p = &procs[from->proc];
    if (kept.lwp[l].proc != from->proc) new_lwp(l, p);
    registers[l].step = (from->td_flag & PR_TD_STEP) != 0;
    if (state->proc[from->proc].state == PR_FREE) continue;
    lwps[l].lwp_next = p->p_lwp_tree.first;
    p->p_lwp_tree.first = &lwps[l];
  }
  securelevel = (state->proc[0].p_cred & 0x10) != 0;
  kept = *state;
}

static int slot_of_pid(int slot, pid_t pid) {
  if (pid == 0) return PR_NONE;
  for (int s = 0; s < PR_PROCS; s++)
    if (PR_PID(s) == pid) return s;
  complain("p_oppid of process %d is %d, nobody's pid", PR_PID(slot), pid);
  return PR_NONE;
}

static int parent_slot(int slot, const struct proc* parent) {
  unsigned long at = (unsigned long)((const char*)parent - (const char*)procs);
  if (at < sizeof procs && at % sizeof *procs == 0) return (int)(at / sizeof *procs);
  if (parent != NULL && parent != &proc0) complain("p_pptr of process %d points nowhere: %p", PR_PID(slot), parent);
  return PR_NONE;
}

static void load(struct pr_state* state) {
  *state = kept;
  for (int slot = 0; slot < PR_PROCS; slot++) {
    struct pr_proc* to = &state->proc[slot];
    const struct proc* p = &procs[slot];
    int bits = 0, extra;
    if (to->state == PR_FREE) {
      if (memcmp(p, freed, sizeof *p) != 0) complain("freed struct proc of slot %d written to", slot);
      continue;
    }
    if (to->state == kUnknown) continue;
    extra = p->p_flags & ~kFlags;
    if (extra != 0) complain("p_flags of process %d: %s (%#x) set", PR_PID(slot), flag_name(extra), extra);
    for (unsigned i = 0; i < nitems(flags); i++)
      if (p->p_flags & flags[i].flag) bits |= flags[i].bit;
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
      to->td_flag = registers[l].step ? to->td_flag | PR_TD_STEP : to->td_flag & ~PR_TD_STEP;
    else if (memcmp(&lwps[l], freed, sizeof *lwps) != 0 || memcmp(&threads[l], freed, sizeof *threads) != 0)
      complain("freed struct lwp or struct thread of slot %d written to", l);
  }
}

/* ---- a call ---- */

static size_t registers_size(int request) {
  switch (request) {
    case PT_GETREGS:
    case PT_SETREGS: return sizeof(struct reg);
    case PT_GETFPREGS:
    case PT_SETFPREGS: return sizeof(struct fpreg);
    case PT_GETDBREGS:
    case PT_SETDBREGS: return sizeof(struct dbreg);
    default: return 0;
  }
}

static int is_read(int request) { return request == PT_READ_I || request == PT_READ_D; }
static int is_write(int request) { return request == PT_WRITE_I || request == PT_WRITE_D; }

static int word_at(const unsigned char* bytes) {
  int word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static void build_descriptor(struct work* w) {
  struct ptrace_io_desc* piod = (struct ptrace_io_desc*)w->user;
  int op = host_open(PR_OPEN_IO_OP), data_or_text = pr_host->dice(2);
  piod->piod_op = op == 1        ? 9
                  : op == 0      ? data_or_text ? PIOD_READ_I : PIOD_READ_D
                  : data_or_text ? PIOD_WRITE_I
                                 : PIOD_WRITE_D;
  piod->piod_offs = (void*)(unsigned long)(kMemory + kIo + kWords * w->td);
  piod->piod_addr = w->user + kIoBuffer;
  piod->piod_len = kWords;
  if (op == 2)
    for (int i = 0; i < kWords; i++) w->user[kIoBuffer + i] = 0x10 + i;
}

/* addr, and what the caller has prepared there */
static void build_addr(struct work* w) {
  int request = w->args.req;
  size_t size = registers_size(request);
  w->args.addr = (caddr_t)w->user;
  if (is_read(request) || is_write(request)) {
    int offset = kWords * w->td, at = pr_host->dice(kWords / 4);
    if (is_write(request) && w->target != PR_NONE && word_at(pattern[w->target] + offset + 4 * at) == w->args.data)
      at = (at + 1) % (kWords / 4); /* a word that the write changes */
    w->args.addr = (caddr_t)(unsigned long)(kMemory + offset + 4 * at);
  } else if (request == PT_STEP || request == PT_CONTINUE || request == PT_DETACH) {
    w->args.addr = (caddr_t)(host_open(PR_OPEN_SET_PC) == 0 ? 1ul : 0x2000ul);
  } else if (request == PT_IO) {
    build_descriptor(w);
  } else if (size != 0 && (request - PT_GETREGS) % 2 == 1) {
    unsigned first = serial++ * 7;
    for (unsigned i = 0; i < size; i++) w->user[i] = 0x40 | ((first + i * 5) & 0x3f);
  }
}

/* Whether the n bytes are what nobody wrote. */
static int untouched(const void* at, size_t n) {
  const unsigned char* byte = at;
  if (fill < 0) return 0;
  for (size_t i = 0; i < n; i++)
    if (byte[i] != fill) return 0;
  return 1;
}

/* All memory is as it was, but for what this call may have written; that is undone. */
static void see_memory(struct work* w, int wrote_all, int offset, int length, unsigned flag, struct pr_result* result) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    if (__predict_true(memcmp(memory[slot], pattern[slot], kMemoryBytes) == 0)) continue;
    for (int i = 0; i < kMemoryBytes; i++) {
      int owner = i % kIo / kWords;
      if (memory[slot][i] == pattern[slot][i] || (owner != w->td && flying[owner] != NULL)) continue;
      if (slot != w->target || flag == 0 || i < offset || i >= offset + length)
        complain("request %d on process slot %d wrote to the memory of process %d, at %#x", w->args.req, w->target,
                 PR_PID(slot), kMemory + i);
      if (!wrote_all) complain("request %d wrote other bytes than the caller's to its target's memory", w->args.req);
      result->moves |= flag;
    }
  }
  if (result->moves & flag) memcpy(memory[w->target] + offset, pattern[w->target] + offset, length);
}

static void see_descriptor(struct work* w, struct pr_result* result) {
  const struct ptrace_io_desc* piod = (const struct ptrace_io_desc*)w->user;
  const struct ptrace_io_desc* was = (const struct ptrace_io_desc*)w->before;
  const size_t hole = offsetof(struct ptrace_io_desc, piod_op) + sizeof piod->piod_op;
  const size_t hole_bytes = offsetof(struct ptrace_io_desc, piod_offs) - hole;
  if (w->length_copied && piod->piod_len == w->io_bytes)
    result->moves |= PR_MOVED_PIOD;
  else if (untouched(&piod->piod_len, sizeof piod->piod_len))
    result->uninit |= PR_UNINIT_OTHER;
  if (memcmp(piod, was, offsetof(struct ptrace_io_desc, piod_len)) == 0) return;
  if (untouched(&piod->piod_op, sizeof piod->piod_op) || untouched(&piod->piod_offs, sizeof(void*)) ||
      untouched(&piod->piod_addr, sizeof(void*)))
    result->uninit |= PR_UNINIT_OTHER;
  else if (piod->piod_op != was->piod_op || piod->piod_offs != was->piod_offs || piod->piod_addr != was->piod_addr)
    complain("PT_IO changed more of the caller's descriptor than its length");
  if (untouched(w->user + hole, hole_bytes)) result->uninit |= PR_UNINIT_PADDING;
}

static void see_registers_out(struct work* w, size_t size, struct pr_result* result) {
  size_t i;
  if (memcmp(w->user, w->before, size) == 0) return;
  if (w->regs_request == w->args.req && memcmp(w->user, w->regs, size) == 0) {
    result->moves |= PR_MOVED_REGS_OUT;
    result->move_td = w->regs_td;
    return;
  }
  for (i = 0; i < size; i += sizeof(register_t)) {
    if (untouched(w->user + i, sizeof(register_t)))
      result->uninit |= PR_UNINIT_OTHER;
    else if (w->regs_request != w->args.req || memcmp(w->user + i, w->regs + i, sizeof(register_t)) != 0)
      complain("request %d: byte %d of the answer is nothing of the registers asked for", w->args.req, (int)i);
  }
}

/* The caller's memory is as it was in [first, last). */
static void same(struct work* w, size_t first, size_t last) {
  if (__predict_true(memcmp(w->user + first, w->before + first, last - first) == 0)) return;
  for (size_t i = first; i < last; i++)
    if (w->user[i] != w->before[i])
      complain("request %d wrote to the caller's memory at byte %d, where no answer belongs", w->args.req, (int)i);
}

static void see(struct work* w, struct pr_result* result) {
  int request = w->args.req, slot = w->target;
  size_t size = registers_size(request);
  unsigned long addr = (unsigned long)w->args.addr;

  if (is_write(request)) {
    int offset = (int)(addr - kMemory);
    int all = slot != PR_NONE && word_at(memory[slot] + offset) == w->args.data;
    see_memory(w, all, offset, 4, PR_MOVED_WORD_WRITE, result);
  } else if (request == PT_IO) {
    const struct ptrace_io_desc* was = (const struct ptrace_io_desc*)w->before;
    int writes = was->piod_op == PIOD_WRITE_D || was->piod_op == PIOD_WRITE_I;
    int reads = was->piod_op == PIOD_READ_D || was->piod_op == PIOD_READ_I;
    int offset = kIo + kWords * w->td;
    int all = slot != PR_NONE && memcmp(memory[slot] + offset, w->before + kIoBuffer, kWords) == 0;
    see_memory(w, all, offset, kWords, writes ? PR_MOVED_IO_WRITE : 0, result);
    if (reads && memcmp(w->user + kIoBuffer, w->before + kIoBuffer, kWords) != 0) {
      if (slot == PR_NONE || memcmp(w->user + kIoBuffer, memory[slot] + offset, kWords) != 0)
        complain("PT_IO read other bytes than its target's memory");
      result->moves |= PR_MOVED_IO_READ;
    }
    same(w, sizeof *was, kIoBuffer);
    same(w, reads ? kIoBuffer + kWords : kIoBuffer, kUserBytes);
    see_descriptor(w, result);
  } else {
    see_memory(w, 0, 0, 0, 0, result);
  }
  if (is_read(request) && result->error == 0) {
    int offset = (int)(addr - kMemory), word = w->args.sysmsg_result;
    for (int s = 0; s < PR_PROCS; s++) {
      if (word_at(memory[s] + offset) != word) continue;
      if (s != slot) complain("request %d read the memory of process %d", request, PR_PID(s));
      result->moves |= PR_MOVED_WORD_READ;
    }
    if (!(result->moves & PR_MOVED_WORD_READ) && untouched(&word, sizeof word)) result->uninit |= PR_UNINIT_OTHER;
  }

  if (request == PT_GETREGS || request == PT_GETFPREGS || request == PT_GETDBREGS) {
    same(w, size, kUserBytes);
    see_registers_out(w, size, result);
  } else if (request != PT_IO) {
    same(w, 0, kUserBytes);
  }
  if (w->regs_td != PR_NONE) {
    if (kept.lwp[w->regs_td].proc != slot && kept.lwp[w->regs_td].proc != PR_NONE)
      complain("request %d went to the registers of process %d", request, PR_PID(kept.lwp[w->regs_td].proc));
    if (w->regs_request != request) complain("request %d did what request %d does", request, w->regs_request);
    if (size != 0 && (request - PT_GETREGS) % 2 == 1) {
      if (memcmp(w->regs, w->before, size) != 0) complain("request %d set other registers than the caller's", request);
      result->moves |= PR_MOVED_REGS_SET;
      result->move_td = w->regs_td;
    }
  }
  if (w->pc_td != PR_NONE) {
    if (kept.lwp[w->pc_td].proc != slot && kept.lwp[w->pc_td].proc != PR_NONE)
      complain("request %d set the program counter of process %d", request, PR_PID(kept.lwp[w->pc_td].proc));
    result->moves |= PR_MOVED_PC;
    result->move_td = w->pc_td;
  }
  if (w->runnable_td != PR_NONE) {
    result->moves |= PR_MOVED_RUNNABLE;
    result->move_td = w->runnable_td;
  }
}

static void current_thread(int td) {
  if (kept.lwp[td].proc == PR_NONE) complain("the caller is a free thread slot, %d", td);
  pr_curthread = &threads[td];
}

static void call(void* memory_of_call, int td, int request, int target, int by_tid, int data,
                 struct pr_result* result) {
  struct work* w = memory_of_call;
  current_thread(td);
  current = w;
  flying[td] = w;

  memset(&w->args, 0, sizeof w->args);
  w->td = td;
  w->caller = kept.lwp[td].proc;
  w->target = request == PT_TRACE_ME ? w->caller : by_tid ? PR_NONE : target;
  w->lwp_holds = w->length_copied = 0;
  w->io_bytes = 0;
  w->regs_td = w->pc_td = w->runnable_td = PR_NONE;
  w->regs_request = -1;
  memset(w->user, 0xa5, kUserBytes);
  w->args.req = request;
  w->args.pid = target == PR_NONE ? (by_tid ? PR_NO_TID : PR_NO_PID) : by_tid ? PR_TID(target) : PR_PID(target);
  w->args.data = data;
  build_addr(w);
  memcpy(w->before, w->user, kUserBytes);

  memset(result, 0, sizeof *result);
  result->move_td = PR_NONE;
  result->lwpinfo_tid = result->lwpinfo_event = result->lwpinfo_flags = result->lwpinfo_code = 0;
  result->error = sys_ptrace(&w->args);
  result->retval = w->args.sysmsg_result;
  if (w->lwp_holds != 0) complain("request %d returns with %d LWPHOLD more than it found", request, w->lwp_holds);
  see(w, result);

  flying[td] = NULL;
  current = NULL;
}

static void reset(void) {
  memset(flying, 0, sizeof flying);
  current = NULL;
  pr_curthread = NULL;
  memcpy(memory, pattern, sizeof memory);
  for (int slot = 0; slot < PR_PROCS; slot++) kept.proc[slot].state = kUnknown;
  for (int l = 0; l < PR_LWPS; l++) kept.lwp[l].proc = kUnknown - 1; /* no slot, and not PR_NONE: stored anew */
  memset(&proc0, 0, sizeof proc0);
  proc0.p_flags = P_SYSTEM;
  proc0.p_stat = SACTIVE;
  proc0.p_ucred = &proc0.p_cred0;
  proc_token.t_count = 0;
}

/* Copies out a variable that nobody has set. */
static __noinline void copy_unset(unsigned char* to, size_t n) {
  unsigned char unset[64];
  __asm__ __volatile__("" : : "r"(unset) : "memory");
  memcpy(to, unset, n);
}

static void start(const struct pr_host* host) {
  unsigned char unset[64] = {0};
  pr_host = host;
  initproc = &procs[0];
  memset(freed, kFree, sizeof freed);
  for (int slot = 0; slot < PR_PROCS; slot++)
    for (int i = 0; i < kMemoryBytes; i++) pattern[slot][i] = 0x80 | ((slot * 37 + i * 11) & 0x3f);
  copy_unset(unset, sizeof unset);
  fill = unset[0];
  for (unsigned i = 0; i < sizeof unset; i++)
    if (unset[i] != fill) fill = -1;
  if (fill == 0) fill = -1; /* compiled without -ftrivial-auto-var-init=pattern */
  reset();
}

__attribute__((visibility("default"))) const struct pr_image proctor_image = {
    .abi = PR_ABI,
    .family = "dragonfly",
    .start = start,
    .store = store,
    .load = load,
    .current = current_thread,
    .call = call,
    .work_size = sizeof(struct work),
    .reset = reset,
};
