/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small FreeBSD around one sys_process.c (see abi.h): its structures, locks, memory and registers.
 *
 * Order: state and structures; locks; processes and signals; memory; registers; one call and what it moved.
 */
#include "abi.h"
#include "freebsd.h"

enum {
  POISON = 0xde, /* of structures that are free */
  USER_BYTE = 0xa5,
  USER_SIZE = 1024,
  IO_AT = 512, /* in the user buffer: what PT_IO moves */
  IO_BYTES = 16,
  PATH_AT = 640, /* and where PT_VM_ENTRY puts the path */
  PATH_BYTES = 64,
  FORKED_PID = 4242,
  SC_CODE = 26,
  SC_NARG = 4,
  TIMESTAMP = 1000,
  MEMORY_AT = 0x10000,
  PAGES = 2,
  ENTRIES = 5
};
static const vm_offset_t kKva = 0xfffffe0012340000UL;
static const char kPath[] = "/usr/bin/target";

struct held_lock {
  const void *lock;
  const char *kind;
  int shared, sleepable;
};
struct span {
  unsigned at, size;
};
struct transfer { /* between a process's memory and a buffer */
  int slot, write, size;
  vm_offset_t va;
  unsigned char now[64], old[64];
};
enum { REGS, FPREGS, DBREGS, REG_KINDS };

/* One call. */
struct work {
  struct ptrace_args args __aligned(16);
  unsigned char user[USER_SIZE] __aligned(16), before[USER_SIZE] __aligned(16);
  int td, caller, target;                  /* thread and process slots; the target is the caller in PT_TRACE_ME */
  int swapped;                             /* the target is not in memory during this call */
  int memory, registers, set_pc, vm_entry; /* answers of pr_host.open; memory < 0: not asked */
  int tree_shared;
  int locks, spans, transfers, allocations;
  struct held_lock lock[12];
  struct span span[8];
  struct transfer transfer[4];
  unsigned moves;
  int move_td, reg_set; /* reg_set: which registers were set, or -1 */
  u_long pc;
  int mapped; /* kernel address space: 0 none, 1 allocated, 2 with the page below */
  struct vm_page *page;
  struct {
    u_long size; /* 0: free */
    unsigned char *bytes;
  } allocation[4];
  unsigned arena_used;
  unsigned char arena[1024] __aligned(16);
};

static const struct pr_host *host;
static struct work *cw; /* the call that runs; each stack has its own */
struct thread *shim_curthread;
static int in_flight;
static int suspended_before; /* threads with TDB_SUSPEND when the first of the calls in flight began */
static int uninit_byte = -1;

static struct pr_state shadow; /* what store() was told last, kept up to date by load() */
static int stale;              /* after reset(): the structures need not be what shadow says */
static struct proc procs[PR_PROCS], seen_proc[PR_PROCS];
static struct thread threads[PR_LWPS], seen_thread[PR_LWPS];
struct proc proc0, *initproc = &procs[0];
static struct proc seen_proc0;
static unsigned char poison[sizeof(struct proc) > sizeof(struct thread) ? sizeof(struct proc) : sizeof(struct thread)];
enum { PROC_SEEN = offsetof(struct proc, p_lock), THREAD_SEEN = offsetof(struct thread, td_retval) };

/* What a process has that no rule speaks of. */
static struct machine {
  struct vmspace space;
  struct vm_map_entry entry[ENTRIES];
  struct vm_object top, bottom, shadowing, file;
  struct vnode vnode;
  struct vm_page page[PAGES];
  uint8_t bytes[PAGES][PAGE_SIZE];
  ksiginfo_t ksi;
  struct sigqueue queue;
} machine[PR_PROCS];
struct pcb {
  unsigned char registers[REG_KINDS][sizeof(struct fpreg)];
  u_long pc;
  int step;
};
static struct pcb pcbs[PR_LWPS];
static const unsigned kRegBytes[REG_KINDS] = {sizeof(struct reg), sizeof(struct fpreg), sizeof(struct dbreg)};
static struct ucred cred;
struct mtx Giant = {"Giant"}, sched_lock = {"sched_lock"}, vm_page_queue_mtx = {"vm page queue"};
struct sx proctree_lock = {"proctree"}, allproc_lock = {"allproc"};
struct malloc_type M_TEMP[1] = {{"temp"}}, M_PROC[1] = {{"proc"}};
static struct vm_map the_kernel_map;
vm_map_t kernel_map = &the_kernel_map;

#define finding(...) (host->finding(__VA_ARGS__), __builtin_trap())

void panic(const char *format, ...) {
  char text[200];
  __builtin_va_list args;
  __builtin_va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  __builtin_va_end(args);
  for (char *c = text; *c; c++)
    if (*c == '\n') *c = ' ';
  finding("panic: %s", text);
  __builtin_unreachable();
}

size_t strlcpy(char *to, const char *from, size_t size) {
  size_t length = strlen(from);
  if (size != 0) {
    size_t n = length < size ? length : size - 1;
    memcpy(to, from, n);
    to[n] = 0;
  }
  return length;
}

/* ---- state and structures ---- */

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
/* p_ptevents, of three words */
static const struct bit kEventStops[] = {{PR_SCE, S_PT_SCE}, {PR_SCX, S_PT_SCX}};
static const struct bit kEventFlag[] = {{PR_FORK, P_FOLLOWFORK}};
static const struct bit kEventFlag2[] = {{PR_LWP, P2_LWP_EVENTS}};
enum { TDB_MASK = 0x1fff };
#endif

/* to_kernel: the kernel's word with the bits of the abstract one.  from_kernel: the other way; of *change, the bits
 * that are no longer what they were, it leaves those that mean nothing to us. */
static unsigned to_kernel(const struct bit *table, int n, unsigned word, unsigned abstract) {
  for (int i = 0; i < n; i++) word = abstract & table[i].abstract ? word | table[i].kernel : word & ~table[i].kernel;
  return word;
}
static unsigned from_kernel(const struct bit *table, int n, unsigned word, unsigned abstract, unsigned *change) {
  for (int i = 0; i < n; i++) {
    abstract = word & table[i].kernel ? abstract | table[i].abstract : abstract & ~table[i].abstract;
    *change &= ~table[i].kernel;
  }
  return abstract;
}
#define TO(table, word, abstract) to_kernel(table, nitems(table), (word), (abstract))
#define FROM(table, word, abstract, change) from_kernel(table, nitems(table), (word), (abstract), (change))

static int slot_of(const struct proc *p, const char *where) {
  u_long at = (u_long)p - (u_long)procs;
  if (p == &proc0) return PR_NONE;
  if (at >= sizeof procs || at % sizeof procs[0] != 0) {
    if (p == NULL) finding("%s: no process (NULL)", where);
    finding("%s: a pointer that is no struct proc (%p)", where, p);
  }
  int slot = at / sizeof procs[0];
  if (shadow.proc[slot].state == PR_FREE) finding("%s: pid %d is used after it was freed", where, PR_PID(slot));
  return slot;
}

static int thread_of(const struct thread *td, const char *where) {
  u_long at = (u_long)td - (u_long)threads;
  if (at >= sizeof threads || at % sizeof threads[0] != 0) {
    if (td == NULL) finding("%s: no thread (NULL)", where);
    finding("%s: a pointer that is no struct thread (%p)", where, td);
  }
  int slot = at / sizeof threads[0];
  if (shadow.lwp[slot].proc == PR_NONE) finding("%s: tid %d is used after it was freed", where, PR_TID(slot));
  return slot;
}

static struct proc *pointer_of(int slot) { return slot >= PR_PROCS ? &proc0 : &procs[slot]; }

static void link_object(struct vm_object *o, struct vm_object *backing, int behind) {
  o->backing_object = backing;
  o->backing_object_offset = IDX_TO_OFF(behind);
}

static void make_memory(int slot) {
  struct machine *m = &machine[slot];
  struct vm_map *map = &m->space.vm_map;
  for (int page = 0; page < PAGES; page++) {
    m->page[page].shim_bytes = m->bytes[page];
    m->page[page].shim_slot = slot;
    m->page[page].shim_va = MEMORY_AT + page * PAGE_SIZE;
    for (int i = 0; i < PAGE_SIZE; i++)
      m->bytes[page][i] = ((i * 5 + slot * 37 + page * 11 + (i >> 7) + 1) & 0x7f) | ((i & 7) == 7 ? 0x80 : 0);
  }
  /* The first page is where one looks first, the second in the object behind; the third entry maps a file likewise. */
  m->top.shim_pages[0] = &m->page[0];
  m->bottom.shim_first = 3;
  m->bottom.shim_pages[1] = &m->page[1];
  link_object(&m->top, &m->bottom, 3);
  link_object(&m->shadowing, &m->file, 2);
  m->file.type = OBJT_VNODE;
  m->file.handle = &m->vnode;
  m->top.ref_count = m->bottom.ref_count = m->shadowing.ref_count = m->file.ref_count = m->vnode.v_usecount = 1;
  struct vm_map_entry *e = m->entry, *last = &map->header;
  e[0].start = MEMORY_AT, e[0].end = MEMORY_AT + PAGES * PAGE_SIZE, e[0].object.vm_object = &m->top;
  e[0].protection = VM_PROT_ALL;
  e[1].start = 0x18000, e[1].end = 0x1a000, e[1].eflags = MAP_ENTRY_IS_SUB_MAP;
  e[2].start = 0x20000, e[2].end = 0x23000, e[2].offset = 0x1000, e[2].object.vm_object = &m->shadowing;
  e[2].protection = VM_PROT_READ | VM_PROT_EXECUTE;
  e[3].start = 0x30000, e[3].end = 0x31000, e[3].protection = VM_PROT_RW;
  e[4].start = 0x40000, e[4].end = 0x41000, e[4].eflags = MAP_ENTRY_IS_SUB_MAP;
  for (int i = 0; i < ENTRIES; last = &e[i++]) last->next = &e[i], e[i].prev = last;
  last->next = &map->header, map->header.prev = last;
  map->nentries = ENTRIES;
  map->timestamp = TIMESTAMP + slot;
  m->space.vm_refcnt = 1;
}

static void fill_registers(int td, int kind) {
  unsigned char *to = pcbs[td].registers[kind];
  for (unsigned i = 0; i < kRegBytes[kind]; i++) to[i] = (i * 3 + td * 29 + kind * 17 + 2) & 0x7f;
}

static void make_proc(int slot) {
  struct proc *p = &procs[slot];
  bzero(p, sizeof *p);
  p->p_pid = PR_PID(slot);
  p->p_ucred = &cred;
  p->p_vmspace = &machine[slot].space;
  p->p_mtx.name = "process lock";
  strcpy(p->p_comm, "p0");
  p->p_comm[1] += slot;
#if PROCTOR_2003
  p->p_sflag = PS_INMEM;
#else
  p->p_flag = P_INMEM;
  p->p_slock.name = "process slock";
  p->p_ksi = &machine[slot].ksi;
  p->p_sigparent = SIGCHLD;
#endif
  seen_proc[slot] = *p;
}

static void make_thread(int slot) {
  struct thread *td = &threads[slot];
  bzero(td, sizeof *td);
  td->td_tid = PR_TID(slot);
  td->td_ucred = &cred;
  td->td_pcb = &pcbs[slot];
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
  siginfo_t *info = &td->td_dbgksi.ksi_info;
  memset(info, 0x41 + slot, sizeof *info);
#endif
  seen_thread[slot] = *td;
}

static int same_proc(const struct pr_proc *a, const struct pr_proc *b) { return memcmp(a, b, sizeof *a) == 0; }

static void put_proc(int slot, const struct pr_proc *n) {
  struct proc *p = &procs[slot];
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
  p->p_flag = TO(kEventFlag, p->p_flag, n->p_ptevents);
  p->p_flag2 = TO(kEventFlag2, TO(kFlag2, p->p_flag2, n->p_flag), n->p_ptevents);
  p->p_stops = TO(kEventStops, p->p_stops, n->p_ptevents);
  p->p_treeflag = TO(kTreeFlag, p->p_treeflag, n->p_flag);
  p->p_xthread = n->p_xthread == PR_NONE ? NULL : &threads[n->p_xthread];
  p->p_xsig = n->p_xstat;
  if (((n->p_cred & PR_SIGPARENT) != 0) != (p->p_sigparent != SIGCHLD))
    p->p_sigparent = n->p_cred & PR_SIGPARENT ? SIGUSR1 : SIGCHLD;
#endif
  shadow.proc[slot] = *n;
  memcpy(&seen_proc[slot], p, PROC_SEEN);
}

static void put_thread(int slot, const struct pr_lwp *n) {
  struct thread *td = &threads[slot];
  memcpy(td, &seen_thread[slot], THREAD_SEEN);
  td->td_proc = &procs[n->proc];
#if !PROCTOR_2003
  td->td_dbgflags = (td->td_dbgflags & ~TDB_MASK) | (n->td_flag & TDB_MASK);
  td->td_xsig = n->td_xsig;
  td->td_dbgksi.ksi_signo = n->td_xsig;
#endif
  pcbs[slot].step = (n->td_flag & PR_TD_STEP) != 0;
  shadow.lwp[slot] = *n;
  memcpy(&seen_thread[slot], td, THREAD_SEEN);
}

static void relink(void) {
  for (int s = 0; s < PR_PROCS; s++)
    if (shadow.proc[s].state != PR_FREE) TAILQ_INIT(&procs[s].p_threads);
  for (int t = 0; t < PR_LWPS; t++) {
    int s = shadow.lwp[t].proc;
    if (s < PR_PROCS && shadow.proc[s].state != PR_FREE) TAILQ_INSERT_TAIL(&procs[s].p_threads, &threads[t], td_plist);
  }
  for (int s = 0; s < PR_PROCS; s++)
    if (shadow.proc[s].state != PR_FREE) seen_proc[s].p_threads = procs[s].p_threads;
  for (int t = 0; t < PR_LWPS; t++)
    if (shadow.lwp[t].proc != PR_NONE) seen_thread[t].td_plist = threads[t].td_plist;
}

static void store(const struct pr_state *state) {
  int moved = 0;
  for (int s = 0; s < PR_PROCS; s++) {
    const struct pr_proc *n = &state->proc[s];
    int was_free = shadow.proc[s].state == PR_FREE;
    if (n->state == PR_FREE) {
      if (!was_free) memset(&procs[s], POISON, sizeof procs[s]), moved = 1;
      shadow.proc[s] = *n;
      continue;
    }
    if (was_free)
      make_proc(s), moved = 1;
    else if (!stale && same_proc(n, &shadow.proc[s]) && memcmp(&procs[s], &seen_proc[s], PROC_SEEN) == 0)
      continue;
    put_proc(s, n);
  }
  for (int t = 0; t < PR_LWPS; t++) {
    const struct pr_lwp *n = &state->lwp[t];
    int was_free = shadow.lwp[t].proc == PR_NONE;
    if (n->proc == PR_NONE) {
      if (!was_free) memset(&threads[t], POISON, sizeof threads[t]), moved = 1;
      shadow.lwp[t] = *n;
      continue;
    }
    moved |= n->proc != shadow.lwp[t].proc;
    if (was_free)
      make_thread(t);
    else if (!stale && memcmp(n, &shadow.lwp[t], sizeof *n) == 0 &&
             memcmp(&threads[t], &seen_thread[t], THREAD_SEEN) == 0) {
      pcbs[t].step = (n->td_flag & PR_TD_STEP) != 0;
      continue;
    }
    put_thread(t, n);
  }
  if (moved || stale) relink();
  stale = 0;
}

struct field {
  const char *name;
  unsigned at;
};
#define PROC_FIELD(f) \
  { #f, offsetof(struct proc, f) }
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
    PROC_FIELD(p_xsig),    PROC_FIELD(p_xexit),   PROC_FIELD(p_sigparent),
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

static const char *first_difference(const struct field *field, int n, const void *a, const void *b, unsigned size) {
  const unsigned char *x = a, *y = b;
  unsigned at = 0;
  while (at < size && x[at] == y[at]) at++;
  if (at == size) return NULL;
  while (n > 1 && field[n - 1].at > at) n--;
  return field[n - 1].name;
}

static void get_proc(int slot) {
  struct proc *p = &procs[slot], *seen = &seen_proc[slot];
  struct pr_proc *n = &shadow.proc[slot];
  const int pid = PR_PID(slot);
  unsigned change = p->p_flag ^ seen->p_flag;
  n->p_flag = FROM(kFlag, p->p_flag, n->p_flag, &change);
#if !PROCTOR_2003
  n->p_ptevents = FROM(kEventFlag, p->p_flag, n->p_ptevents, &change);
#endif
  if (change != 0) finding("p_flag of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_flag = p->p_flag;
  if (p->p_pptr != seen->p_pptr) {
    n->p_pptr = slot_of(p->p_pptr, "p_pptr");
    seen->p_pptr = p->p_pptr;
  }
  if (p->p_oppid != seen->p_oppid) {
    int s = PR_NONE;
    if (p->p_oppid != 0)
      for (s = 0; PR_PID(s) != p->p_oppid; s++)
        if (s == PR_PROCS) finding("p_oppid of pid %d is now %d, which is no pid", pid, p->p_oppid);
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
  n->p_ptevents = FROM(kEventFlag2, p->p_flag2, n->p_ptevents, &change);
  if (change != 0) finding("p_flag2 of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_flag2 = p->p_flag2;
  change = p->p_treeflag ^ seen->p_treeflag;
  n->p_flag = FROM(kTreeFlag, p->p_treeflag, n->p_flag, &change);
  if (change != 0) finding("p_treeflag of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_treeflag = p->p_treeflag;
  change = p->p_stops ^ seen->p_stops;
  n->p_ptevents = FROM(kEventStops, p->p_stops, n->p_ptevents, &change);
  if (change != 0) finding("p_stops of pid %d: 0x%x changed, which ptrace has no business with", pid, change);
  seen->p_stops = p->p_stops;
  if (p->p_xthread != seen->p_xthread) {
    n->p_xthread = p->p_xthread == NULL ? PR_NONE : thread_of(p->p_xthread, "p_xthread");
    seen->p_xthread = p->p_xthread;
  }
  n->p_xstat = seen->p_xsig = p->p_xsig;
  n->p_cred = p->p_sigparent != SIGCHLD ? n->p_cred | PR_SIGPARENT : n->p_cred & ~PR_SIGPARENT;
  seen->p_sigparent = p->p_sigparent;
#endif
  const char *other = first_difference(kProcField, nitems(kProcField), p, seen, PROC_SEEN);
  if (other) finding("%s of pid %d changed, which ptrace has no business with", other, pid);
}

static void get_thread(int slot) {
  struct thread *td = &threads[slot], *seen = &seen_thread[slot];
  unsigned change = (td->td_flags ^ seen->td_flags) & ~TDF_NEEDSUSPCHK;
  if (change != 0) finding("td_flags of tid %d: 0x%x changed, which ptrace has no business with", td->td_tid, change);
  seen->td_flags = td->td_flags;
#if !PROCTOR_2003
  struct pr_lwp *n = &shadow.lwp[slot];
  change = (td->td_dbgflags ^ seen->td_dbgflags) & ~TDB_MASK;
  if (change != 0) finding("td_dbgflags of tid %d: unknown 0x%x changed", td->td_tid, change);
  n->td_flag = (n->td_flag & ~TDB_MASK) | (td->td_dbgflags & TDB_MASK);
  seen->td_dbgflags = td->td_dbgflags;
  if (td->td_xsig != seen->td_xsig) {
    n->td_xsig = seen->td_xsig = td->td_xsig;
    td->td_dbgksi.ksi_signo = seen->td_dbgksi.ksi_signo = td->td_xsig;
  }
#endif
  const char *other = first_difference(kThreadField, nitems(kThreadField), td, seen, THREAD_SEEN);
  if (other) finding("%s of tid %d changed, which ptrace has no business with", other, PR_TID(slot));
}

static void load(struct pr_state *state) {
  for (int s = 0; s < PR_PROCS; s++) {
    if (shadow.proc[s].state == PR_FREE) {
      if (memcmp(&procs[s], poison, sizeof procs[s]) != 0)
        finding("%s of pid %d was written to after the process was freed",
                first_difference(kProcField, nitems(kProcField), &procs[s], poison, sizeof procs[s]), PR_PID(s));
    } else if (memcmp(&procs[s], &seen_proc[s], PROC_SEEN) != 0) {
      get_proc(s);
    }
  }
  for (int t = 0; t < PR_LWPS; t++) {
    if (shadow.lwp[t].proc == PR_NONE) {
      if (memcmp(&threads[t], poison, sizeof threads[t]) != 0)
        finding("%s of tid %d was written to after the thread was freed",
                first_difference(kThreadField, nitems(kThreadField), &threads[t], poison, sizeof threads[t]),
                PR_TID(t));
      continue;
    }
    if (memcmp(&threads[t], &seen_thread[t], THREAD_SEEN) != 0) get_thread(t);
    struct pr_lwp *n = &shadow.lwp[t];
    n->td_flag = pcbs[t].step ? n->td_flag | PR_TD_STEP : n->td_flag & ~PR_TD_STEP;
  }
  if (memcmp(&proc0, &seen_proc0, sizeof proc0) != 0) {
    proc0 = seen_proc0;
    finding("struct proc of pid 0 was written to");
  }
  *state = shadow;
}

static void current(int td) { shim_curthread = &threads[td]; }

/* ---- locks ---- */

/* The harness can run another call before it returns from these; whether the target is in memory belongs to a call. */
static void set_in_memory(int slot, int yes) {
  struct proc *p = &procs[slot];
  if (shadow.proc[slot].state == PR_FREE) return;
#if PROCTOR_2003
  p->p_sflag = yes ? p->p_sflag | PS_INMEM : p->p_sflag & ~PS_INMEM;
#else
  p->p_flag = yes ? p->p_flag | P_INMEM : p->p_flag & ~P_INMEM;
#endif
}
static inline struct work *leave(void) {
  if (cw != NULL && cw->swapped) set_in_memory(cw->target, 1);
  return cw;
}
static inline void enter(struct work *w, struct thread *td) {
  cw = w;
  shim_curthread = td;
  if (w != NULL && w->swapped) set_in_memory(w->target, 0);
}
static void lock_op(enum pr_op op, enum pr_lock lock, int slot) {
  struct thread *td = shim_curthread;
  struct work *w = leave();
  host->lock(op, lock, slot);
  enter(w, td);
}
static int help(enum pr_help what, int a, int b) {
  struct thread *td = shim_curthread;
  struct work *w = leave();
  int answer = host->help(what, a, b);
  enter(w, td);
  return answer;
}
static void sleeps(const char *where) {
  for (int i = 0; i < cw->locks; i++)
    if (!cw->lock[i].sleepable) finding("%s may sleep, with a %s lock held", where, cw->lock[i].kind);
  struct thread *td = shim_curthread;
  struct work *w = leave();
  host->may_sleep(where);
  enter(w, td);
}

static struct held_lock *find_lock(const void *lock) {
  for (int i = 0; i < cw->locks; i++)
    if (cw->lock[i].lock == lock) return &cw->lock[i];
  return NULL;
}
void shim_lock(const void *lock, const char *kind, int shared, int sleepable) {
  if (lock == NULL) finding("%s lock of nothing (NULL)", kind);
  if (sleepable) sleeps(kind);
  if (find_lock(lock)) finding("%s lock taken twice", kind);
  if (cw->locks == (int)nitems(cw->lock)) finding("too many locks held at once, the last a %s", kind);
  cw->lock[cw->locks++] = (struct held_lock){lock, kind, shared, sleepable};
}
void shim_unlock(const void *lock, const char *kind, int shared) {
  struct held_lock *held = find_lock(lock);
  if (!held) finding("%s lock released that is not held", kind);
  if (shared >= 0 && held->shared != shared)
    finding("%s lock taken %s released %s", kind, held->shared ? "shared" : "exclusive",
            shared ? "shared" : "exclusive");
  *held = cw->lock[--cw->locks];
}
void shim_assert(const void *lock, const char *kind, int shared_is_enough, const char *where) {
  struct held_lock *held = find_lock(lock);
  if (!held) finding("%s without the %s lock", where, kind);
  if (held->shared && !shared_is_enough) finding("%s with the %s lock only shared", where, kind);
}

/* A mutex that is the harness's: its kind and process, or -1. */
static int mutex_kind(const struct mtx *m, int *slot, int *spin, const char *where) {
  *slot = PR_NONE;
  *spin = 0;
  if (m == &Giant) return PR_GIANT;
  if (m == &sched_lock) return *spin = 1, PR_SCHED;
  u_long at = (u_long)m - (u_long)procs;
  if (at >= sizeof procs) return -1;
  struct proc *p = &procs[at / sizeof procs[0]];
  *slot = slot_of(p, where);
  if (m == &p->p_slock) return *spin = 1, PR_SLOCK;
  if (m != &p->p_mtx) finding("%s: no mutex", where);
  return PR_PROC;
}
void shim_mtx_lock(struct mtx *m, int spin, int try, const char *where) {
  int slot, is_spin, kind = mutex_kind(m, &slot, &is_spin, where);
  if (kind < 0) {
    shim_lock(m, m->name, 0, 0);
    return;
  }
  if (spin != is_spin) finding("%s: %s", where, spin ? "mtx_lock_spin() of a mutex" : "mtx_lock() of a spin mutex");
  lock_op(PR_LOCK, (enum pr_lock)kind, slot);
}
void shim_mtx_unlock(struct mtx *m, int spin, const char *where) {
  int slot, is_spin, kind = mutex_kind(m, &slot, &is_spin, where);
  if (kind < 0) {
    shim_unlock(m, m->name, 0);
    return;
  }
  if (spin != is_spin) finding("%s: %s", where, spin ? "mtx_unlock_spin() of a mutex" : "mtx_unlock() of a spin mutex");
  lock_op(PR_UNLOCK, (enum pr_lock)kind, slot);
}
int shim_mtx_owned(struct mtx *m) {
  int slot, spin, kind = mutex_kind(m, &slot, &spin, "mtx_owned");
  return kind < 0 ? find_lock(m) != NULL : host->owns((enum pr_lock)kind, slot);
}
void shim_mtx_assert(struct mtx *m, int what, const char *where, int line) {
  int owned = shim_mtx_owned(m);
  if ((what & MA_OWNED) && !owned) finding("%s, line %d: %s not owned", where, line, m->name);
  if ((what & MA_NOTOWNED) && owned) finding("%s, line %d: %s owned", where, line, m->name);
}
void shim_giant_required(const char *where, int line) {
  if (!host->owns(PR_GIANT, PR_NONE)) finding("%s, line %d: Giant not owned", where, line);
}

void shim_sx_lock(struct sx *sx, int shared, const char *where) {
  if (sx != &proctree_lock) {
    shim_lock(sx, sx->name, shared, 1);
    return;
  }
  sleeps("sx_xlock(&proctree_lock)");
  lock_op(shared ? PR_SHARED : PR_LOCK, PR_PROCTREE, PR_NONE);
  cw->tree_shared = shared;
}
void shim_sx_unlock(struct sx *sx, int shared, const char *where) {
  if (sx != &proctree_lock) {
    shim_unlock(sx, sx->name, shared);
    return;
  }
  if (shared >= 0 && host->owns(PR_PROCTREE, PR_NONE) && cw->tree_shared != shared)
    finding("%s: proctree_lock is held %s and released %s", where, shared ? "exclusive" : "shared",
            shared ? "shared" : "exclusive");
  lock_op(PR_UNLOCK, PR_PROCTREE, PR_NONE);
}
static int sx_state(struct sx *sx) {
  if (sx == &proctree_lock)
    return !host->owns(PR_PROCTREE, PR_NONE) ? SX_UNLOCKED : cw->tree_shared ? SX_SLOCKED : SX_XLOCKED;
  struct held_lock *held = find_lock(sx);
  return !held ? SX_UNLOCKED : held->shared ? SX_SLOCKED : SX_XLOCKED;
}
void shim_sx_assert(struct sx *sx, int what, const char *where, int line) {
  int state = sx_state(sx);
  if (what & SX_LOCKED) what |= SX_SLOCKED | SX_XLOCKED;
  if ((what & state) == 0)
    finding("%s, line %d: %s lock is %s", where, line, sx->name,
            state == SX_UNLOCKED  ? "not held"
            : state == SX_SLOCKED ? "held shared"
                                  : "held exclusive");
}
int shim_sx_xlocked(struct sx *sx) { return sx_state(sx) == SX_XLOCKED; }

void shim_proc_lock(struct proc *p, const char *where) {
  int slot = slot_of(p, where);
  if (slot == PR_NONE)
    shim_lock(p, "process (of pid 0)", 0, 0);
  else
    lock_op(PR_LOCK, PR_PROC, slot);
}
void shim_proc_unlock(struct proc *p, const char *where) {
  int slot = slot_of(p, where);
  if (slot == PR_NONE)
    shim_unlock(p, "process (of pid 0)", 0);
  else
    lock_op(PR_UNLOCK, PR_PROC, slot);
}
static int owns_proc(int slot) { return slot == PR_NONE ? find_lock(&proc0) != NULL : host->owns(PR_PROC, slot); }
int shim_proc_owned(struct proc *p) { return owns_proc(slot_of(p, "PROC_LOCKED")); }
void shim_proc_assert(struct proc *p, int what, const char *where, int line) {
  int slot = slot_of(p, where), owned = owns_proc(slot);
  if ((what & MA_OWNED) && !owned)
    finding("%s, line %d: process lock of pid %d not owned", where, line, slot == PR_NONE ? 0 : PR_PID(slot));
  if ((what & MA_NOTOWNED) && owned)
    finding("%s, line %d: process lock of pid %d owned", where, line, slot == PR_NONE ? 0 : PR_PID(slot));
}
void shim_hold(struct proc *p, int locked, const char *where, int line) {
  if (locked)
    shim_proc_assert(p, MA_OWNED, where, line);
  else
    shim_proc_lock(p, where);
  int slot = slot_of(p, where);
#if !PROCTOR_2003
  if ((p->p_flag & P_WEXIT) != 0 && p != curproc)
    finding("%s, line %d: PHOLD of pid %d, which is exiting", where, line, p->p_pid);
#endif
  p->p_lock++;
  lock_op(PR_HOLD, PR_PROC, slot);
  if (!locked) shim_proc_unlock(p, where);
}
void shim_release(struct proc *p, int locked, const char *where, int line) {
  if (locked)
    shim_proc_assert(p, MA_OWNED, where, line);
  else
    shim_proc_lock(p, where);
  int slot = slot_of(p, where);
  p->p_lock--;
  lock_op(PR_RELEASE, PR_PROC, slot);
  if (!locked) shim_proc_unlock(p, where);
}
void shim_assert_held(struct proc *p, const char *where, int line) {
  int slot = slot_of(p, where);
  if (slot != PR_NONE && host->held(slot) <= 0) finding("%s, line %d: pid %d is not held", where, line, PR_PID(slot));
}
#if !PROCTOR_2003
void thread_lock(struct thread *td) { lock_op(PR_LOCK, PR_THREAD, shadow.lwp[thread_of(td, "thread_lock")].proc); }
void thread_unlock(struct thread *td) {
  lock_op(PR_UNLOCK, PR_THREAD, shadow.lwp[thread_of(td, "thread_unlock")].proc);
}
void shim_thread_assert(struct thread *td, int what, const char *where, int line) {
  int owned = host->owns(PR_THREAD, shadow.lwp[thread_of(td, where)].proc);
  if ((what & MA_OWNED) && !owned) finding("%s, line %d: thread lock not owned", where, line);
  if ((what & MA_NOTOWNED) && owned) finding("%s, line %d: thread lock owned", where, line);
}
#endif

/* ---- processes and signals ---- */

static int lookup(int slot) {
  if (shadow.proc[slot].state != PR_NORMAL) return 0;
  lock_op(PR_LOCK, PR_PROC, slot);
  if (shadow.proc[slot].state == PR_NORMAL) return 1;
  lock_op(PR_UNLOCK, PR_PROC, slot); /* it died meanwhile */
  return 0;
}
struct proc *pfind(pid_t pid) {
  for (int s = 0; s < PR_PROCS; s++)
    if (PR_PID(s) == pid) return lookup(s) ? &procs[s] : NULL;
  return NULL;
}
struct thread *tdfind(lwpid_t tid, pid_t pid) {
  for (int t = 0; t < PR_LWPS; t++) {
    int s = shadow.lwp[t].proc;
    if (PR_TID(t) != tid || s == PR_NONE || (pid != -1 && PR_PID(s) != pid)) continue;
    if (!lookup(s)) return NULL;
    if (shadow.lwp[t].proc == s) return &threads[t];
    lock_op(PR_UNLOCK, PR_PROC, s);
  }
  return NULL;
}
struct proc *shim_next_proc(struct proc *p) {
  for (int s = p == NULL ? 0 : p - procs + 1; s < PR_PROCS; s++)
    if (shadow.proc[s].state == PR_NORMAL) return &procs[s];
  return NULL;
}
int inferior(struct proc *p) {
  shim_sx_assert(&proctree_lock, SX_LOCKED, __func__, __LINE__);
  for (int turns = 0; turns <= PR_PROCS && p != NULL; turns++, p = p->p_pptr)
    if (p == curproc) return 1;
  return 0;
}

static int may(enum pr_help what, struct thread *td, struct proc *p, const char *where) {
  if (td != curthread) finding("%s: td is not curthread", where);
  shim_proc_assert(p, MA_OWNED, where, 0);
  return help(what, shadow.lwp[thread_of(td, where)].proc, slot_of(p, where));
}
int p_cansee(struct thread *td, struct proc *p) { return may(PR_CANSEE, td, p, __func__); }
int p_candebug(struct thread *td, struct proc *p) { return may(PR_CANDEBUG, td, p, __func__); }
int suser(struct thread *td) { return help(PR_PRIV, shadow.lwp[thread_of(td, __func__)].proc, PR_NONE); }
int priv_check(struct thread *td, int priv) { return suser(td); }
int securelevel_gt(struct ucred *cr, int level) { return (shadow.proc[0].p_cred & 0x10 ? 1 : 0) > level ? EPERM : 0; }

void proc_reparent(struct proc *child, struct proc *parent) {
  shim_sx_assert(&proctree_lock, SX_XLOCKED, __func__, 0);
  shim_proc_assert(child, MA_OWNED, __func__, 0);
  int a = slot_of(child, __func__), b = slot_of(parent, __func__);
  help(PR_REPARENT, a, b);
}
static void signal_process(struct proc *p, int sig, const char *where) {
  int slot = slot_of(p, where);
  shim_proc_assert(p, MA_OWNED, where, 0);
  if (!_SIG_VALID(sig)) finding("panic: %s(): invalid signal %d", where, sig);
  if (slot == PR_NONE) finding("%s: a signal for pid 0", where);
  help(PR_PSIGNAL, slot, sig);
}
void thread_unsuspend(struct proc *p) {
  int slot = slot_of(p, __func__);
  shim_proc_assert(p, MA_OWNED, __func__, 0);
  if (PROCTOR_2003 && !host->owns(PR_SCHED, PR_NONE)) finding("%s: sched_lock not owned", __func__);
  if (!PROCTOR_2003 && !host->owns(PR_SLOCK, slot))
    finding("%s: process slock of pid %d not owned", __func__, PR_PID(slot));
  help(PR_UNSUSPEND, slot, PR_NONE);
}
static void moved(unsigned what, int td) {
  cw->moves |= what;
  if (cw->move_td != PR_NONE && cw->move_td != td)
    finding("one call touched tid %d and tid %d", PR_TID(cw->move_td), PR_TID(td));
  cw->move_td = td;
}
#if PROCTOR_2003
void psignal(struct proc *p, int sig) { signal_process(p, sig, __func__); }
void setrunnable(struct thread *td) {
  if (!host->owns(PR_SCHED, PR_NONE)) finding("%s: sched_lock not owned", __func__);
  moved(PR_MOVED_RUNNABLE, thread_of(td, __func__));
}
#else
void kern_psignal(struct proc *p, int sig) { signal_process(p, sig, __func__); }
struct proc *proc_realparent(struct proc *child) {
  shim_sx_assert(&proctree_lock, SX_LOCKED, __func__, 0);
  return pointer_of(help(PR_REALPARENT, slot_of(child, __func__), PR_NONE));
}
void sigqueue_take(ksiginfo_t *ksi) {
  for (int s = 0; s < PR_PROCS; s++) {
    if (ksi != &machine[s].ksi) continue;
    if (s != cw->target) finding("%s: p_ksi of pid %d, not of pid %d", __func__, PR_PID(s), PR_PID(cw->target));
    struct proc *parent = procs[s].p_pptr;
    if (!owns_proc(slot_of(parent, __func__)))
      finding("%s: process lock of pid %d, whose queue it is, not owned", __func__, parent->p_pid);
    cw->moves |= PR_MOVED_KSI;
    return;
  }
  finding("%s: not a p_ksi", __func__);
}
#endif
void wakeup(const void *channel) {}
int msleep(const void *channel, struct mtx *m, int priority, const char *message, int ticks) {
  finding("msleep() on \"%s\" in ptrace", message);
  return 0;
}
void shim_ktr(const char *format, int count, const u_long *args) { host->ktr(format, count, args); }

/* ---- memory ---- */

void *shim_malloc(u_long size, struct malloc_type *type, int flags) {
  enum { GUARD = 16 };
  if (flags & M_WAITOK) sleeps("malloc(M_WAITOK)");
  if ((flags & (M_WAITOK | M_NOWAIT)) == 0) finding("malloc() with neither M_WAITOK nor M_NOWAIT");
  u_long room = (size + 15) & ~15UL;
  if (size > sizeof cw->arena || cw->arena_used + room + GUARD > sizeof cw->arena)
    finding("malloc(%lu): more than any request needs", size);
  int i = 0;
  while (i < (int)nitems(cw->allocation) && cw->allocation[i].bytes != NULL) i++;
  if (i == (int)nitems(cw->allocation)) finding("malloc() called %d times without free()", i + 1);
  unsigned char *bytes = cw->arena + cw->arena_used;
  cw->arena_used += room + GUARD;
  cw->allocation[i].bytes = bytes;
  cw->allocation[i].size = size;
  cw->allocations++;
  memset(bytes, flags & M_ZERO ? 0 : uninit_byte < 0 ? 0xfe : uninit_byte, size);
  memset(bytes + size, POISON, room - size + GUARD);
  return bytes;
}
void shim_free(void *at, struct malloc_type *type) {
  if (at == NULL) return;
  for (int i = 0; i < (int)nitems(cw->allocation); i++) {
    if (cw->allocation[i].bytes != at) continue;
    u_long size = cw->allocation[i].size;
    for (int k = 0; k < 16; k++)
      if (cw->allocation[i].bytes[size + k] != POISON) finding("written beyond the %lu bytes of a malloc()", size);
    memset(at, POISON, size);
    cw->allocation[i].bytes = NULL;
    cw->allocations--;
    return;
  }
  finding("free() of what was not allocated, or twice");
}

static int in_user(const void *at, size_t size) {
  u_long offset = (u_long)at - (u_long)cw->user;
  return offset <= USER_SIZE && size <= USER_SIZE - offset;
}
static void note_user_write(const void *at, size_t size) {
  if (size == 0) return;
  if (cw->spans == (int)nitems(cw->span)) finding("copyout() called %d times", cw->spans + 1);
  cw->span[cw->spans++] = (struct span){(unsigned char *)at - cw->user, size};
}
int copyin(const void *uaddr, void *kaddr, size_t size) {
  sleeps("copyin");
  if (host->open(PR_OPEN_COPYIN) != 0 || !in_user(uaddr, size)) return EFAULT;
  memcpy(kaddr, uaddr, size);
  return 0;
}
int copyout(const void *kaddr, void *uaddr, size_t size) {
  sleeps("copyout");
  if (host->open(PR_OPEN_COPYOUT) != 0 || !in_user(uaddr, size)) return EFAULT;
  memcpy(uaddr, kaddr, size);
  note_user_write(uaddr, size);
  return 0;
}

static int memory_answer(void) {
  if (cw->memory < 0) cw->memory = host->open(PR_OPEN_MEMORY);
  return cw->memory;
}

static int transfer(struct vm_page *m, vm_offset_t offset, int n, struct uio *uio) {
  if (n < 0 || offset > PAGE_SIZE || n > PAGE_SIZE - (int)offset)
    finding("uiomove() of %d bytes at %#lx of a page", n, offset);
  if (uio->uio_segflg == UIO_USERSPACE) sleeps("uiomove");
  if (uio->uio_segflg == UIO_USERSPACE && uio->uio_td != curthread) finding("panic: uiomove proc");
  if (uio->uio_rw != UIO_READ && uio->uio_rw != UIO_WRITE) finding("panic: uiomove: mode");
  if (memory_answer() == 2) return EFAULT;
  while (n > 0 && uio->uio_resid > 0) {
    struct iovec *iov = uio->uio_iov;
    size_t count = iov->iov_len < (size_t)n ? iov->iov_len : (size_t)n;
    if (count == 0) {
      if (--uio->uio_iovcnt <= 0) finding("uiomove(): uio_resid is more than the buffers");
      uio->uio_iov++;
      continue;
    }
    if (uio->uio_segflg == UIO_USERSPACE && !in_user(iov->iov_base, count)) return EFAULT;
    struct transfer *t = &cw->transfer[cw->transfers];
    if (cw->transfers == (int)nitems(cw->transfer) || count > sizeof t->now)
      finding("uiomove() of %lu bytes: more than was asked for", (u_long)count);
    unsigned char *bytes = m->shim_bytes + offset;
    cw->transfers++;
    t->slot = m->shim_slot;
    t->va = m->shim_va + offset;
    t->size = count;
    t->write = uio->uio_rw == UIO_WRITE;
    memcpy(t->old, bytes, count);
    if (t->write) {
      memcpy(bytes, iov->iov_base, count);
    } else {
      memcpy(iov->iov_base, bytes, count);
      if (uio->uio_segflg == UIO_USERSPACE) note_user_write(iov->iov_base, count);
    }
    memcpy(t->now, bytes, count);
    iov->iov_base = (char *)iov->iov_base + count;
    iov->iov_len -= count;
    uio->uio_resid -= count;
    uio->uio_offset += count;
    offset += count;
    n -= count;
  }
  return 0;
}
int uiomove_fromphys(struct vm_page *pages[], vm_offset_t offset, int n, struct uio *uio) {
  if (pages[0]->hold_count + pages[0]->wire_count <= 0) finding("uiomove_fromphys() of a page that is not held");
  return transfer(pages[0], offset, n, uio);
}
#if PROCTOR_2003
int uiomove(caddr_t at, int n, struct uio *uio)
#else
int uiomove(void *at, int n, struct uio *uio)
#endif
{
  u_long offset = (u_long)at - kKva;
  if (cw->mapped != 2 || offset >= PAGE_SIZE) finding("uiomove() at %p, where no page is mapped", at);
  return transfer(cw->page, offset, n, uio);
}

static struct machine *machine_of(vm_map_t map, const char *where) {
  for (int s = 0; s < PR_PROCS; s++)
    if (map == &machine[s].space.vm_map) return &machine[s];
  finding("%s: not the map of a process", where);
  return NULL;
}
static int fault(struct machine *m, vm_offset_t va, int write) {
  sleeps("vm_fault");
  if (memory_answer() == 1) return KERN_INVALID_ADDRESS;
  if (va < MEMORY_AT || va >= MEMORY_AT + PAGES * PAGE_SIZE) return KERN_INVALID_ADDRESS;
  if (write) { /* the private copy of a page is in the first object */
    int page = (va - MEMORY_AT) >> PAGE_SHIFT;
    m->top.shim_pages[page] = &m->page[page];
  }
  return KERN_SUCCESS;
}
int vm_fault(vm_map_t map, vm_offset_t va, vm_prot_t prot, int flags) {
  return fault(machine_of(map, __func__), va, prot & VM_PROT_WRITE);
}
int vm_fault_hold(vm_map_t map, vm_offset_t va, vm_prot_t prot, int flags, vm_page_t *page) {
  struct machine *m = machine_of(map, __func__);
  int error = fault(m, va, prot & (VM_PROT_WRITE | VM_PROT_COPY));
  if (error != KERN_SUCCESS) return error;
  *page = &m->page[(va - MEMORY_AT) >> PAGE_SHIFT];
  (*page)->hold_count++;
  return KERN_SUCCESS;
}
int vm_map_lookup(vm_map_t *map, vm_offset_t va, vm_prot_t prot, vm_map_entry_t *entry, vm_object_t *object,
                  vm_pindex_t *index, vm_prot_t *out_prot, boolean_t *wired) {
  struct machine *m = machine_of(*map, __func__);
  if (va < MEMORY_AT || va >= MEMORY_AT + PAGES * PAGE_SIZE) return KERN_INVALID_ADDRESS;
  shim_lock(*map, "vm_map", 1, 1);
  *entry = &m->entry[0];
  *object = &m->top;
  *index = OFF_TO_IDX(va - MEMORY_AT);
  *out_prot = m->entry[0].protection;
  *wired = 0;
  return KERN_SUCCESS;
}
void vm_map_lookup_done(vm_map_t map, vm_map_entry_t entry) { shim_unlock(map, "vm_map", 1); }
boolean_t vm_map_check_protection(vm_map_t map, vm_offset_t start, vm_offset_t end, vm_prot_t prot) {
  shim_assert(map, "vm_map", 1, __func__);
  struct vm_map_entry *e = &machine_of(map, __func__)->entry[0];
  return start >= e->start && end <= e->end && (e->protection & prot) == prot;
}
vm_page_t vm_page_lookup(vm_object_t object, vm_pindex_t index) {
  if (PROCTOR_KERNEL > 51) shim_assert(object, "vm_object", 1, __func__);
  return index - object->shim_first < PAGES ? object->shim_pages[index - object->shim_first] : NULL;
}
static void count_page(vm_page_t m, int *count, int by, const char *where) {
  if (m == NULL) finding("%s: no page (NULL)", where);
#if PROCTOR_2003
  shim_assert(&vm_page_queue_mtx, "vm_page_queue_mtx", 0, where);
#else
  shim_assert(m, "vm_page", 0, where);
#endif
  if ((*count += by) < 0) finding("%s: more often than it was taken", where);
}
void vm_page_wire(vm_page_t m) { count_page(m, &m->wire_count, 1, __func__); }
void vm_page_unwire(vm_page_t m, int activate) { count_page(m, &m->wire_count, -1, __func__); }
void vm_page_hold(vm_page_t m) { count_page(m, &m->hold_count, 1, __func__); }
void vm_page_unhold(vm_page_t m) { count_page(m, &m->hold_count, -1, __func__); }
void vm_object_reference(vm_object_t object) {
  if (object != NULL) object->ref_count++;
}
void vm_object_deallocate(vm_object_t object) {
  if (object == NULL) return;
  if (find_lock(object)) finding("vm_object_deallocate() of an object whose lock is held");
  if (--object->ref_count < 1) finding("vm_object_deallocate() of an object that was not referenced");
}
struct vnode *vm_object_vnode(vm_object_t object) {
  shim_assert(object, "vm_object", 1, __func__);
  return object->type == OBJT_VNODE ? object->handle : NULL;
}
void vm_sync_icache(vm_map_t map, vm_offset_t va, vm_size_t size) {}
struct vmspace *vmspace_acquire_ref(struct proc *p) {
  slot_of(p, __func__);
  p->p_vmspace->vm_refcnt++;
  return p->p_vmspace;
}
void vmspace_free(struct vmspace *space) {
  if (PROCTOR_2003) shim_giant_required(__func__, 0);
#ifdef PROCTOR_WITNESS /* sources of 2015 do it in PT_VM_ENTRY, with the lock of a vm_object: corrected in 2016 */
  sleeps("vmspace_free");
#endif
  if (find_lock(&space->vm_map)) finding("vmspace_free() with the lock of its map held");
  if (--space->vm_refcnt < 1) finding("vmspace_free() of a space that was not referenced");
}
static vm_offset_t allocate_kva(vm_size_t size) {
  sleeps("kmem_alloc");
  if (cw->mapped != 0) finding("kmem_alloc() twice");
  if (size != PAGE_SIZE) finding("kmem_alloc() of %lu bytes", size);
  cw->mapped = 1;
  return kKva;
}
vm_offset_t kmem_alloc_pageable(vm_map_t map, vm_size_t size) { return allocate_kva(size); }
vm_offset_t kmem_alloc_nofault(vm_map_t map, vm_size_t size) { return allocate_kva(size); }
void kmem_free(vm_map_t map, vm_offset_t at, vm_size_t size) {
  if (cw->mapped == 0 || at != kKva || size != PAGE_SIZE) finding("kmem_free() of what was not allocated");
  if (cw->mapped == 2) finding("kmem_free() with a page still mapped");
  cw->mapped = 0;
}
void pmap_qenter(vm_offset_t at, vm_page_t *page, int n) {
  if (cw->mapped != 1 || at != kKva || n != 1) finding("pmap_qenter() at %#lx", at);
  if ((*page)->hold_count + (*page)->wire_count <= 0) finding("pmap_qenter() of a page neither wired nor held");
  cw->mapped = 2;
  cw->page = *page;
}
void pmap_qremove(vm_offset_t at, int n) {
  if (cw->mapped != 2 || at != kKva || n != 1) finding("pmap_qremove() at %#lx", at);
  cw->mapped = 1;
}

void vref(struct vnode *vp) { vp->v_usecount++; }
void vrele(struct vnode *vp) {
  sleeps("vrele");
  if (--vp->v_usecount < 1) finding("vrele() of a vnode that was not referenced");
}
void vput(struct vnode *vp) {
  sleeps("vput");
  shim_unlock(vp, "vnode", -1);
  if (--vp->v_usecount < 1) finding("vput() of a vnode that was not referenced");
}
int vn_lock(struct vnode *vp, int flags) {
  if (vp->v_usecount <= 1) finding("vn_lock() of a vnode that is not referenced");
  shim_lock(vp, "vnode", (flags & LK_SHARED) != 0, 1);
  return 0;
}
void VOP_UNLOCK(struct vnode *vp, int flags) { shim_unlock(vp, "vnode", -1); }
static long vnode_number(struct vnode *vp) {
  for (int s = 0; s < PR_PROCS; s++)
    if (vp == &machine[s].vnode) return s;
  finding("not a vnode");
  return 0;
}
int VOP_GETATTR(struct vnode *vp, struct vattr *va, struct ucred *cr) {
  shim_assert(vp, "vnode", 1, __func__);
  sleeps(__func__);
  va->va_fileid = 70000 + vnode_number(vp);
  va->va_fsid = 0x3301;
  va->va_mode = 0100755;
  va->va_size = 12288;
  return 0;
}
int vn_fullpath(struct thread *td, struct vnode *vp, char **path, char **freebuf) {
  vnode_number(vp);
  if (vp->v_usecount <= 1) finding("vn_fullpath() of a vnode that is not referenced");
  *freebuf = shim_malloc(sizeof kPath + 8, M_TEMP, M_WAITOK);
  *path = *freebuf + 8;
  memcpy(*path, kPath, sizeof kPath);
  return 0;
}

/* ---- registers ---- */

static int machine_thread(struct thread *td, const char *where) {
  int slot = thread_of(td, where), p = shadow.lwp[slot].proc;
  shim_proc_assert(&procs[p], MA_OWNED, where, 0);
  if (host->held(p) <= 0) finding("%s: pid %d is not held", where, PR_PID(p));
  return slot;
}
static int get_registers(struct thread *td, int kind, void *to, const char *where) {
  int slot = machine_thread(td, where);
  moved(0, slot);
  memcpy(to, pcbs[slot].registers[kind], kRegBytes[kind]);
  return 0;
}
static int set_registers(struct thread *td, int kind, const void *from, const char *where) {
  int slot = machine_thread(td, where);
  if (cw->registers == 2) return EINVAL;
  moved(0, slot);
  if (cw->reg_set >= 0) finding("registers set twice in one call");
  cw->reg_set = kind;
  memcpy(pcbs[slot].registers[kind], from, kRegBytes[kind]);
  return 0;
}
int fill_regs(struct thread *td, struct reg *r) { return get_registers(td, REGS, r, __func__); }
int set_regs(struct thread *td, struct reg *r) { return set_registers(td, REGS, r, __func__); }
int fill_fpregs(struct thread *td, struct fpreg *r) { return get_registers(td, FPREGS, r, __func__); }
int set_fpregs(struct thread *td, struct fpreg *r) { return set_registers(td, FPREGS, r, __func__); }
int fill_dbregs(struct thread *td, struct dbreg *r) { return get_registers(td, DBREGS, r, __func__); }
int set_dbregs(struct thread *td, struct dbreg *r) { return set_registers(td, DBREGS, r, __func__); }
static int step(struct thread *td, int on, const char *where) {
  int slot = machine_thread(td, where);
  if (host->open(PR_OPEN_SINGLE_STEP) != 0) return EINVAL;
  pcbs[slot].step = on;
  return 0;
}
int ptrace_single_step(struct thread *td) { return step(td, 1, __func__); }
int ptrace_clear_single_step(struct thread *td) { return step(td, 0, __func__); }
int ptrace_set_pc(struct thread *td, u_long pc) {
  int slot = machine_thread(td, __func__);
  if (cw->set_pc == 2) return EINVAL;
  moved(PR_MOVED_PC, slot);
  pcbs[slot].pc = cw->pc = pc;
  return 0;
}
#if !PROCTOR_2003
int cpu_ptrace(struct thread *td, int req, void *addr, int data) {
  int slot = thread_of(td, __func__);
  sleeps(__func__);
  if (req != cw->args.req || addr != cw->args.addr || data != cw->args.data)
    finding("cpu_ptrace(%d, %p, %d) instead of (%d, %p, %d)", req, addr, data, cw->args.req, cw->args.addr,
            cw->args.data);
  moved(PR_MOVED_MACHINE, slot);
  int answer = host->open(PR_OPEN_MACHINE);
  return answer == 0 ? 0 : answer == 1 ? EINVAL : EFAULT;
}
#endif

/* ---- one call ---- */

static int register_kind(int req, int *set) {
  *set = req == PT_SETREGS || req == PT_SETFPREGS || req == PT_SETDBREGS;
  return req == PT_GETREGS || req == PT_SETREGS       ? REGS
         : req == PT_GETFPREGS || req == PT_SETFPREGS ? FPREGS
         : req == PT_GETDBREGS || req == PT_SETDBREGS ? DBREGS
                                                      : -1;
}
static int is_read(int req) { return req == PT_READ_I || req == PT_READ_D; }
static int is_write(int req) { return req == PT_WRITE_I || req == PT_WRITE_D; }
static int resumes(int req) {
  return req == PT_STEP || req == PT_CONTINUE || req == PT_DETACH ||
         (!PROCTOR_2003 && (req == PT_TO_SCE || req == PT_TO_SCX || req == PT_SYSCALL));
}

static void prepare_io(struct work *w) {
  static const vm_offset_t kOffset[] = {64, PAGE_SIZE - 8, PAGE_SIZE + 64};
  struct ptrace_io_desc *d = (struct ptrace_io_desc *)w->user;
  int answer = host->open(PR_OPEN_IO_OP), way = host->dice(2);
  d->piod_op = answer == 0   ? way ? PIOD_READ_D : PIOD_READ_I
               : answer == 2 ? way ? PIOD_WRITE_D : PIOD_WRITE_I
                             : (way ? 9 : 0);
  d->piod_offs = (void *)(MEMORY_AT + kOffset[host->dice(nitems(kOffset))]);
  d->piod_addr = w->user + IO_AT;
  d->piod_len = IO_BYTES;
  if (answer == 2)
    for (int i = 0; i < IO_BYTES; i++) w->user[IO_AT + i] = 0x31 + i;
}

static void prepare_vm_entry(struct work *w) {
  static const int kGood[] = {0, 1, 2, 3}, kEnd[] = {4, 5};
  struct ptrace_vm_entry *e = (struct ptrace_vm_entry *)w->user;
  w->vm_entry = host->open(PR_OPEN_VM_ENTRY);
  e->pve_pathlen = host->dice(2) ? PATH_BYTES : 0;
  e->pve_path = (char *)w->user + PATH_AT;
  switch (w->vm_entry) {
    case 0: e->pve_entry = kGood[host->dice(4)]; break;
    case 1: e->pve_entry = 100; break;
    case 2: e->pve_entry = kEnd[host->dice(2)]; break;
    default: e->pve_entry = 1 + host->dice(2); e->pve_pathlen = 3;
  }
}

static void prepare(struct work *w, int td, int req, int target, int by_tid, int data) {
  static const vm_offset_t kWord[] = {0, 12, PAGE_SIZE - 4, PAGE_SIZE + 20};
  int set, kind = register_kind(req, &set);
  w->td = td;
  w->caller = shadow.lwp[td].proc;
  w->target = target == PR_NONE ? PR_NONE : by_tid ? shadow.lwp[target].proc : target;
  if (req == PT_TRACE_ME) w->target = w->caller;
  w->swapped = w->registers = w->set_pc = w->vm_entry = w->tree_shared = 0;
  w->memory = w->reg_set = -1;
  w->locks = w->spans = w->transfers = w->allocations = w->mapped = 0;
  w->moves = w->arena_used = 0;
  w->move_td = PR_NONE;
  for (unsigned i = 0; i < nitems(w->allocation); i++) w->allocation[i].bytes = NULL;
  memset(w->user, USER_BYTE, USER_SIZE);
  w->args.req = req;
  w->args.pid = target == PR_NONE ? (by_tid ? PR_NO_TID : PR_NO_PID) : by_tid ? PR_TID(target) : PR_PID(target);
  w->args.addr = (caddr_t)w->user;
  w->args.data = data;
  if (is_read(req) || is_write(req)) {
    w->args.addr = (caddr_t)(MEMORY_AT + kWord[host->dice(nitems(kWord))]);
  } else if (req == PT_IO) {
    prepare_io(w);
  } else if (!PROCTOR_2003 && req == PT_VM_ENTRY) {
    prepare_vm_entry(w);
  } else if (kind >= 0) {
    w->registers = host->open(PR_OPEN_REGISTERS);
    w->swapped = w->registers == 1 && w->target < PR_PROCS;
    if (set)
      for (unsigned i = 0; i < kRegBytes[kind]; i++) w->user[i] = i * 7 + 3;
  } else if (resumes(req)) {
    w->set_pc = host->open(PR_OPEN_SET_PC);
    w->args.addr = (caddr_t)(w->set_pc == 0 ? 1UL : 0x2000UL);
  }
  memcpy(w->before, w->user, USER_SIZE);
}

static int unwritten(const void *at, unsigned size) {
  const unsigned char *c = at;
  if (uninit_byte < 0 || size == 0) return 0;
  for (unsigned i = 0; i < size; i++)
    if (c[i] != uninit_byte) return 0;
  return 1;
}

/* Whether exactly these bytes of the user buffer were written. */
static int wrote(const struct work *w, unsigned at, unsigned size) {
  unsigned done = 0;
  for (int i = 0; i < w->spans; i++)
    if (w->span[i].at >= at && w->span[i].at < at + size) {
      if (w->span[i].at != at + done) return 0;
      done += w->span[i].size;
    }
  return done == size && size != 0;
}

static void see_word(struct work *w, struct pr_result *r) {
  const int req = w->args.req;
  if (is_read(req) && r->error == 0) {
    int word = (int)r->retval;
    if (unwritten(&word, sizeof word)) r->uninit |= PR_UNINIT_OTHER;
  }
  if (w->transfers != 1 || w->transfer[0].size != 4 || w->transfer[0].va != (vm_offset_t)w->args.addr) {
    if (w->transfers != 0)
      finding("request %d at %p moved %d bytes at %#lx", req, w->args.addr, w->transfer[0].size, w->transfer[0].va);
    return;
  }
  int word;
  memcpy(&word, w->transfer[0].now, sizeof word);
  if (is_read(req) && r->retval == word) w->moves |= PR_MOVED_WORD_READ;
  if (is_write(req)) {
    if (word != w->args.data) finding("request %d wrote %#x instead of %#x", req, word, w->args.data);
    w->moves |= PR_MOVED_WORD_WRITE;
  }
}

static void see_io(struct work *w, struct pr_result *r) {
  const struct ptrace_io_desc *d = (const struct ptrace_io_desc *)w->before, *now = (const void *)w->user;
  int bytes = 0, write = d->piod_op == PIOD_WRITE_D || d->piod_op == PIOD_WRITE_I, good = 1;
  for (int i = 0; i < w->transfers; i++) {
    struct transfer *t = &w->transfer[i];
    if (t->write != write || t->va != (vm_offset_t)d->piod_offs + bytes)
      finding("PT_IO operation %d at %p %s %d bytes at %#lx", d->piod_op, d->piod_offs, t->write ? "wrote" : "read",
              t->size, t->va);
    good &= bytes + t->size <= IO_BYTES && memcmp(w->user + IO_AT + bytes, t->now, t->size) == 0;
    bytes += t->size;
  }
  if (good && bytes == IO_BYTES) w->moves |= write ? PR_MOVED_IO_WRITE : PR_MOVED_IO_READ;
  if (!wrote(w, 0, sizeof *d)) return;
  if (unwritten(&now->piod_op, 4) || unwritten(&now->piod_offs, 8) || unwritten(&now->piod_addr, 8) ||
      unwritten(&now->piod_len, 8))
    r->uninit |= PR_UNINIT_OTHER;
  if (unwritten((const char *)now + 4, 4)) r->uninit |= PR_UNINIT_PADDING;
  if (now->piod_op == d->piod_op && now->piod_offs == d->piod_offs && now->piod_addr == d->piod_addr &&
      now->piod_len == (size_t)bytes)
    w->moves |= PR_MOVED_PIOD;
}

static void see_registers(struct work *w, struct pr_result *r, int kind, int set) {
  const unsigned size = kRegBytes[kind];
  if (set && w->reg_set == kind && memcmp(pcbs[w->move_td].registers[kind], w->before, size) == 0)
    w->moves |= PR_MOVED_REGS_SET;
  if (set || !wrote(w, 0, size)) return;
  for (unsigned i = 0; i < size; i += 8)
    if (unwritten(w->user + i, 8)) r->uninit |= PR_UNINIT_OTHER;
  if (w->move_td != PR_NONE && memcmp(pcbs[w->move_td].registers[kind], w->user, size) == 0)
    w->moves |= PR_MOVED_REGS_OUT;
}

#if !PROCTOR_2003
static void see_lwplist(struct work *w, struct pr_result *r) {
  lwpid_t expected[PR_LWPS];
  int n = 0, data = w->args.data;
  for (int t = 0; t < PR_LWPS; t++)
    if (shadow.lwp[t].proc == w->target && n < data) expected[n++] = PR_TID(t);
  if (n == 0 || !wrote(w, 0, n * 4)) return;
  for (int i = 0; i < n; i++)
    if (unwritten(w->user + i * 4, 4)) r->uninit |= PR_UNINIT_OTHER;
  if (memcmp(w->user, expected, n * 4) == 0) w->moves |= PR_MOVED_LWPLIST;
}

static void see_lwpinfo(struct work *w, struct pr_result *r) {
  const int data = w->args.data;
  if (data <= 0 || data > (int)sizeof(struct ptrace_lwpinfo) || !wrote(w, 0, data)) return;
  struct ptrace_lwpinfo pl;
  const char *wrong = NULL;
  bzero(&pl, sizeof pl);
  memcpy(&pl, w->user, data);
  unsigned bytes = data;
#define COVERED(field) (bytes >= offsetof(struct ptrace_lwpinfo, field) + sizeof pl.field)
#define PART(at, size) (bytes <= (at) ? 0 : bytes - (at) < (size) ? bytes - (at) : (size))
#define UNWRITTEN(field) unwritten(&pl.field, PART(offsetof(struct ptrace_lwpinfo, field), sizeof pl.field))
  if (UNWRITTEN(pl_lwpid) || UNWRITTEN(pl_event) || UNWRITTEN(pl_flags) || UNWRITTEN(pl_sigmask) ||
      UNWRITTEN(pl_siglist) || UNWRITTEN(pl_siginfo) || UNWRITTEN(pl_syscall_code) || UNWRITTEN(pl_syscall_narg))
    r->uninit |= PR_UNINIT_OTHER;
  if (UNWRITTEN(pl_child_pid)) r->uninit |= PR_UNINIT_CHILD_PID;
  const unsigned siglist_end = offsetof(struct ptrace_lwpinfo, pl_siglist) + sizeof pl.pl_siglist;
  if (unwritten(w->user + siglist_end, PART(siglist_end, offsetof(struct ptrace_lwpinfo, pl_siginfo) - siglist_end)))
    r->uninit |= PR_UNINIT_PADDING;
  const unsigned name_at = offsetof(struct ptrace_lwpinfo, pl_tdname), name_bytes = PART(name_at, sizeof pl.pl_tdname);
  const unsigned name_end = strlen("t0") + 1;
  for (unsigned i = name_end; i < name_bytes; i++)
    if (unwritten(w->user + name_at + i, 1)) r->uninit |= PR_UNINIT_TDNAME;
  if (name_bytes != 0 && unwritten(w->user + name_at, name_bytes < name_end ? name_bytes : name_end))
    r->uninit |= PR_UNINIT_OTHER;

  int t = pl.pl_lwpid - PR_TID(0);
  r->lwpinfo_tid = COVERED(pl_lwpid) ? pl.pl_lwpid : 0;
  r->lwpinfo_event = COVERED(pl_event) ? pl.pl_event : 0;
  r->lwpinfo_flags = COVERED(pl_flags) ? pl.pl_flags : 0;
  r->lwpinfo_code = COVERED(pl_syscall_code) ? pl.pl_syscall_code : 0;
  w->moves |= PR_MOVED_LWPINFO;
  if (!COVERED(pl_lwpid) || t < 0 || t >= PR_LWPS || shadow.lwp[t].proc == PR_NONE) return;
  moved(0, t);
  const struct thread *td = &threads[t];
  if (COVERED(pl_sigmask) && memcmp(&pl.pl_sigmask, &td->td_sigmask, sizeof pl.pl_sigmask) != 0) wrong = "pl_sigmask";
  if (COVERED(pl_siglist) && memcmp(&pl.pl_siglist, &td->td_siglist, sizeof pl.pl_siglist) != 0) wrong = "pl_siglist";
  if (COVERED(pl_siginfo)) {
    siginfo_t none;
    bzero(&none, sizeof none);
    if (memcmp(&pl.pl_siginfo, pl.pl_flags & PL_FLAG_SI ? &td->td_dbgksi.ksi_info : &none, sizeof none) != 0)
      wrong = "pl_siginfo";
  }
  if (COVERED(pl_tdname) && strncmp(pl.pl_tdname, td->td_name, sizeof pl.pl_tdname) != 0) wrong = "pl_tdname";
  if (COVERED(pl_child_pid) && !UNWRITTEN(pl_child_pid) &&
      pl.pl_child_pid != (pl.pl_flags & PL_FLAG_FORKED ? FORKED_PID : 0))
    wrong = "pl_child_pid";
  if (COVERED(pl_syscall_narg) &&
      pl.pl_syscall_narg != (pl.pl_flags & (PL_FLAG_SCE | PL_FLAG_SCX) ? (u_int)SC_NARG : 0))
    wrong = "pl_syscall_narg";
  if (wrong && !(r->uninit & PR_UNINIT_OTHER)) finding("PT_LWPINFO of tid %d: wrong %s", PR_TID(t), wrong);
}

#define UNWRITTEN_IN(of, field) unwritten(&(of)->field, sizeof(of)->field)
static void see_vm_entry(struct work *w, struct pr_result *r) {
  const struct ptrace_vm_entry *asked = (const void *)w->before, *now = (const void *)w->user;
  if (!wrote(w, 0, sizeof *now)) return;
  if (UNWRITTEN_IN(now, pve_entry) || UNWRITTEN_IN(now, pve_timestamp) || UNWRITTEN_IN(now, pve_start) ||
      UNWRITTEN_IN(now, pve_end) || UNWRITTEN_IN(now, pve_offset) || UNWRITTEN_IN(now, pve_prot) ||
      UNWRITTEN_IN(now, pve_pathlen) || UNWRITTEN_IN(now, pve_fileid) || UNWRITTEN_IN(now, pve_fsid) ||
      UNWRITTEN_IN(now, pve_path))
    r->uninit |= PR_UNINIT_OTHER;
  const unsigned hole = offsetof(struct ptrace_vm_entry, pve_fsid) + sizeof now->pve_fsid;
  if (unwritten(w->user + hole, offsetof(struct ptrace_vm_entry, pve_path) - hole)) r->uninit |= PR_UNINIT_PADDING;
  int index = asked->pve_entry == 1 ? 2 : asked->pve_entry; /* 1 is a submap: the next one that is not */
  if (w->target >= PR_PROCS || index < 0 || index >= ENTRIES) return;
  const struct vm_map_entry *e = &machine[w->target].entry[index];
  int path = asked->pve_pathlen != 0, file = path && index == 2;
  u_long offset = e->offset;
  for (struct vm_object *o = path ? e->object.vm_object : NULL; o != NULL; o = o->backing_object)
    offset += o->backing_object_offset;
  if (now->pve_entry != index + 1 || now->pve_timestamp != TIMESTAMP + w->target || now->pve_start != e->start ||
      now->pve_end != e->end - 1 || now->pve_offset != offset || now->pve_prot != e->protection ||
      now->pve_path != asked->pve_path || now->pve_pathlen != (file ? sizeof kPath : 0) ||
      now->pve_fileid != (file ? 70000 + w->target : VNOVAL) || now->pve_fsid != (file ? 0x3301U : (uint32_t)VNOVAL))
    return;
  if (file && (!wrote(w, PATH_AT, sizeof kPath) || memcmp(w->user + PATH_AT, kPath, sizeof kPath) != 0)) return;
  w->moves |= PR_MOVED_VM_ENTRY;
}
#endif

/* No request may write elsewhere in the caller's memory, nor there except by copyout() and uiomove(). */
static void check_user(struct work *w) {
  const int req = w->args.req;
  int set, kind = register_kind(req, &set);
  unsigned answer = 0, at = 0, size = 0;
  if (kind >= 0 && !set) answer = kRegBytes[kind];
  if (req == PT_IO) {
    const struct ptrace_io_desc *d = (const struct ptrace_io_desc *)w->before;
    answer = sizeof *d;
    if (d->piod_op == PIOD_READ_D || d->piod_op == PIOD_READ_I) at = IO_AT, size = IO_BYTES;
  }
#if !PROCTOR_2003
  const int data = w->args.data;
  if (req == PT_LWPINFO) answer = data < 0 ? 0 : data;
  if (req == PT_GETLWPLIST && w->target < PR_PROCS && data > 0)
    answer = 4 * imin(data, shadow.proc[w->target].p_numthreads);
  if (req == PT_VM_ENTRY) answer = sizeof(struct ptrace_vm_entry), at = PATH_AT, size = sizeof kPath;
  if (req >= PT_FIRSTMACH) answer = USER_SIZE;
#endif
  for (int i = 0; i < w->spans; i++) {
    unsigned from = w->span[i].at, to = from + w->span[i].size;
    if (to > answer && (from < at || to > at + size))
      finding("request %d wrote bytes %u to %u of the caller's memory, of which its answer has %u", req, from, to - 1,
              answer);
    memcpy(w->before + from, w->user + from, to - from);
  }
  if (memcmp(w->before, w->user, USER_SIZE) != 0) finding("request %d wrote to user memory without copyout()", req);
}

static void settle_memory(void) {
  for (int s = 0; s < PR_PROCS; s++) {
    struct machine *m = &machine[s];
    m->top.shim_pages[1] = NULL;
    m->space.vm_refcnt = m->top.ref_count = m->bottom.ref_count = m->shadowing.ref_count = m->file.ref_count = 1;
    m->vnode.v_usecount = 1;
    for (int i = 0; i < PAGES; i++) m->page[i].hold_count = m->page[i].wire_count = 0;
  }
}

/* Nothing of the caller's is left behind; what several calls share is looked at when the last of them ends. */
static void check_left(struct work *w) {
  if (w->locks != 0) finding("%s lock still held at the end of the call", w->lock[0].kind);
  if (w->allocations != 0) finding("malloc() without free()");
  if (w->mapped != 0) finding("kmem_alloc() without kmem_free()");
  if (in_flight != 0) return;
  for (int s = 0; s < PR_PROCS; s++) {
    struct machine *m = &machine[s];
    const char *what = NULL;
    if (m->space.vm_refcnt != 1) what = "reference to a vmspace";
    if (m->top.ref_count + m->bottom.ref_count + m->shadowing.ref_count + m->file.ref_count != 4)
      what = "reference to a vm_object";
    if (m->vnode.v_usecount != 1) what = "reference to a vnode";
    for (int i = 0; i < PAGES; i++)
      if (m->page[i].hold_count != 0 || m->page[i].wire_count != 0) what = "hold of a page";
    m->top.shim_pages[1] = NULL;
    if (what) {
      settle_memory();
      finding("%s of pid %d not released at the end of the call", what, PR_PID(s));
    }
  }
#if !PROCTOR_2003
  for (int t = 0; t < PR_LWPS; t++)
    if (shadow.lwp[t].proc != PR_NONE && (threads[t].td_dbgflags & TDB_SUSPEND) != 0 &&
        (suspended_before & 1 << t) == 0 && (threads[t].td_flags & TDF_NEEDSUSPCHK) == 0)
      finding("tid %d has TDB_SUSPEND but was not told to look (TDF_NEEDSUSPCHK)", PR_TID(t));
#endif
}

static void begin(void) {
  if (in_flight++ != 0) return;
  suspended_before = 0;
#if !PROCTOR_2003
  for (int t = 0; t < PR_LWPS; t++) {
    if (shadow.lwp[t].proc == PR_NONE) continue;
    threads[t].td_flags &= ~TDF_NEEDSUSPCHK;
    seen_thread[t].td_flags &= ~TDF_NEEDSUSPCHK;
    if (threads[t].td_dbgflags & TDB_SUSPEND) suspended_before |= 1 << t;
  }
#endif
}

static void call(void *work, int td, int req, int target, int by_tid, int data, struct pr_result *r) {
  struct work *w = work;
  int set, kind = register_kind(req, &set);
  struct thread *self = &threads[td];
  prepare(w, td, req, target, by_tid, data);
  begin();
  enter(w, self);
  self->td_retval[0] = self->td_retval[1] = 0;
#if PROCTOR_2003
  int error = ptrace(self, &w->args);
#else
  int error = sys_ptrace(self, &w->args);
#endif
  leave();
  cw = w;
  w->swapped = 0;
  in_flight--;

  memset(r, 0, sizeof *r);
  r->error = error;
  r->retval = self->td_retval[0];
  if (w->transfers != 0 && req != PT_IO && !is_read(req) && !is_write(req))
    finding("request %d moved memory of pid %d", req, PR_PID(w->transfer[0].slot));
  for (int i = 0; i < w->transfers; i++) {
    if (w->transfer[i].slot != w->target)
      finding("request %d moved memory of pid %d", req, PR_PID(w->transfer[i].slot));
    if (w->transfer[i].write && is_read(req))
      finding("request %d wrote to the memory of pid %d", req, PR_PID(w->target));
  }
  if (w->reg_set >= 0 && (!set || w->reg_set != kind)) finding("request %d set registers it should not", req);
  if ((w->moves & PR_MOVED_PC) && w->pc != (u_long)w->args.addr)
    finding("request %d set the program counter to %#lx, not %p", req, w->pc, w->args.addr);
  if (is_read(req) || is_write(req)) see_word(w, r);
  if (req == PT_IO) see_io(w, r);
  if (kind >= 0) see_registers(w, r, kind, set);
#if !PROCTOR_2003
  if (req == PT_GETLWPLIST) see_lwplist(w, r);
  if (req == PT_LWPINFO) see_lwpinfo(w, r);
  if (req == PT_VM_ENTRY) see_vm_entry(w, r);
  if (req == PT_VM_TIMESTAMP && error == 0 && r->retval != TIMESTAMP + w->target)
    finding("PT_VM_TIMESTAMP returned %ld", r->retval);
#endif
  r->moves = w->moves;
  r->move_td = w->move_td;
  check_user(w);
  /* as it was, for the next call */
  if (w->reg_set >= 0 && w->move_td != PR_NONE) fill_registers(w->move_td, w->reg_set);
  for (int i = w->transfers; i-- > 0;) {
    struct transfer *t = &w->transfer[i];
    unsigned char *bytes = &machine[t->slot].bytes[0][0] + (t->va - MEMORY_AT);
    if (t->write && memcmp(bytes, t->now, t->size) == 0) memcpy(bytes, t->old, t->size);
  }
  check_left(w);
  cw = NULL;
}

static void reset(void) {
  cw = NULL;
  stale = 1;
  in_flight = 0;
  settle_memory();
  for (int s = 0; s < PR_PROCS; s++) {
    make_memory(s);
    if (shadow.proc[s].state == PR_FREE) {
      memset(&procs[s], POISON, sizeof procs[s]);
    } else {
      memcpy(&procs[s], &seen_proc[s], PROC_SEEN);
      procs[s].p_lock = 0;
    }
  }
  for (int t = 0; t < PR_LWPS; t++) {
    for (int kind = 0; kind < REG_KINDS; kind++) fill_registers(t, kind);
    if (shadow.lwp[t].proc == PR_NONE) {
      memset(&threads[t], POISON, sizeof threads[t]);
    } else {
      memcpy(&threads[t], &seen_thread[t], THREAD_SEEN);
      pcbs[t].step = (shadow.lwp[t].td_flag & PR_TD_STEP) != 0;
    }
  }
}

/* What the compiler fills automatic variables with (-ftrivial-auto-var-init=pattern). */
static __attribute__((__noinline__)) void look_at_stack(unsigned char *to) {
  unsigned char never_written[16];
  memcpy(to, never_written, sizeof never_written);
}

static void start(const struct pr_host *of) {
  unsigned char bytes[16];
  host = of;
  look_at_stack(bytes);
  uninit_byte = bytes[0] == 0xfe || bytes[0] == 0xaa ? bytes[0] : -1;
  for (int i = 1; i < 16; i++)
    if (bytes[i] != uninit_byte) uninit_byte = -1;
  memset(poison, POISON, sizeof poison);
  for (int t = 0; t < PR_LWPS; t++) shadow.lwp[t].proc = PR_NONE;
  TAILQ_INIT(&proc0.p_threads);
  proc0.p_state = PRS_NORMAL;
  proc0.p_flag = P_SYSTEM;
  proc0.p_ucred = &cred;
  seen_proc0 = proc0;
  for (int s = 0; s < PR_PROCS; s++) {
    machine[s].queue.sq_proc = &procs[s];
    machine[s].ksi.ksi_sigq = &machine[s].queue;
  }
  reset();
}

const struct pr_image proctor_image = {PR_ABI, "freebsd",           start, store, load, current,
                                       call,   sizeof(struct work), reset};
