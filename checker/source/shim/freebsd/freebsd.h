/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What sys/kern/sys_process.c of FreeBSD sees: every header it includes is this one.  The small kernel behind it is
 * declared in image.h.  PROCTOR_KERNEL says which one's: 51 (early 2003), 52 (August 2003), 110 (December 2015), 104
 * (10.4 of 2017, which has the event mask), 111 (11.1 of 2017, which has it too).
 *
 * No host header is included; the layouts that reach user space are those of amd64.
 */
#ifndef PROCTOR_SHIM_FREEBSD_H
#define PROCTOR_SHIM_FREEBSD_H

#ifndef PROCTOR_KERNEL
#error "PROCTOR_KERNEL must be 51, 52, 104, 110 or 111"
#endif
#define PROCTOR_2003 (PROCTOR_KERNEL < 100)
#define PROCTOR_EVENT_MASK (PROCTOR_KERNEL == 104 || PROCTOR_KERNEL == 111) /* p_ptevents */
#define PROCTOR_XSIG (PROCTOR_KERNEL == 110 || PROCTOR_KERNEL == 111)       /* p_xsig and p_xexit, not p_xstat */

/* ---- types ---- */
typedef unsigned char u_char, uint8_t, u_int8_t;
typedef unsigned short u_short, uint16_t, u_int16_t;
typedef unsigned int u_int, uint32_t, u_int32_t;
typedef unsigned long u_long, uint64_t, u_int64_t, uintptr_t, uintfptr_t, size_t, vm_offset_t, vm_size_t, vm_pindex_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t, pid_t, lwpid_t, boolean_t, bool_t;
typedef long int64_t, intptr_t, ssize_t, off_t, register_t, vm_ooffset_t, time_t, quad_t;
typedef unsigned int uid_t, gid_t, dev_t;
typedef unsigned char vm_prot_t, vm_inherit_t;
typedef unsigned long vm_paddr_t, cpuset_t;
typedef char *caddr_t;
typedef const char *c_caddr_t;
#define bool _Bool
#define true 1
#define false 0
#define NULL ((void *)0)
#define TRUE 1
#define FALSE 0
#define offsetof(type, field) __builtin_offsetof(type, field)
#define nitems(x) (sizeof(x) / sizeof((x)[0]))
#define __DECONST(type, var) ((type)(uintptr_t)(const void *)(var))
#define __unused __attribute__((__unused__))
#define __predict_true(x) __builtin_expect((x) != 0, 1)
#define __predict_false(x) __builtin_expect((x) != 0, 0)
#define __FBSDID(s) struct shim_ident
#define __packed __attribute__((__packed__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define CTASSERT(x) _Static_assert(x, #x)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define howmany(x, y) (((x) + ((y)-1)) / (y))
#define roundup(x, y) ((((x) + ((y)-1)) / (y)) * (y))
#define roundup2(x, y) (((x) + ((y)-1)) & ~((y)-1))
static inline u_int min(u_int a, u_int b) { return a < b ? a : b; }
static inline u_int max(u_int a, u_int b) { return a > b ? a : b; }
static inline int imin(int a, int b) { return a < b ? a : b; }
static inline int imax(int a, int b) { return a > b ? a : b; }
static inline long lmin(long a, long b) { return a < b ? a : b; }
static inline long lmax(long a, long b) { return a > b ? a : b; }
static inline u_long ulmin(u_long a, u_long b) { return a < b ? a : b; }
static inline u_long ulmax(u_long a, u_long b) { return a > b ? a : b; }
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 0xffffffffU
#define LONG_MAX 0x7fffffffffffffffL
#define ULONG_MAX 0xffffffffffffffffUL
#define SSIZE_MAX LONG_MAX
#define MAXCOMLEN 19
#define MAXPATHLEN 1024
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096
#define PAGE_MASK (PAGE_SIZE - 1)
#define trunc_page(x) ((vm_offset_t)(x) & ~(vm_offset_t)PAGE_MASK)
#define round_page(x) (((vm_offset_t)(x) + PAGE_MASK) & ~(vm_offset_t)PAGE_MASK)
#define atop(x) ((vm_offset_t)(x) >> PAGE_SHIFT)
#define ptoa(x) ((vm_offset_t)(x) << PAGE_SHIFT)
#define OFF_TO_IDX(x) ((vm_pindex_t)((vm_ooffset_t)(x) >> PAGE_SHIFT))
#define IDX_TO_OFF(x) ((vm_ooffset_t)(x) << PAGE_SHIFT)
#define VM_MIN_ADDRESS 0UL
#define VM_MAXUSER_ADDRESS 0x0000800000000000UL
#define PID_MAX 99999
#define NO_PID 100000
#define PWAIT 76
#define PCATCH 0x100
#define PDROP 0x200

/* From libc: seen with default visibility, everything after is of this image alone. */
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
char *strcpy(char *, const char *);
char *strncpy(char *, const char *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
int snprintf(char *, size_t, const char *, ...);
int vsnprintf(char *, size_t, const char *, __builtin_va_list);
/* ptrace, malloc, psignal are also names of the C library: hidden, they cannot be mistaken for one another. */
#pragma GCC visibility push(hidden)
#define bzero(p, n) ((void)__builtin_memset((p), 0, (n)))
#define bcopy(from, to, n) ((void)__builtin_memmove((to), (from), (n)))
#define bcmp(a, b, n) __builtin_memcmp((a), (b), (n))
size_t strlcpy(char *, const char *, size_t);

/* ---- errno ---- */
enum {
  EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10,
  EDEADLK = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, ENODEV = 19, ENOTDIR = 20, EISDIR = 21,
  EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, EFBIG = 27, ENOSPC = 28, EPIPE = 32, EDOM = 33, ERANGE = 34,
  EAGAIN = 35, EWOULDBLOCK = 35, EINPROGRESS = 36, EALREADY = 37, EOPNOTSUPP = 45, ETIMEDOUT = 60, ENAMETOOLONG = 63,
  EPROCLIM = 67, ENOLCK = 77, ENOSYS = 78, EOVERFLOW = 84, ECANCELED = 85, ERESTART = -1, EJUSTRETURN = -2
};

/* ---- lists ---- */
#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
#define TAILQ_INIT(head) ((head)->tqh_first = NULL, (head)->tqh_last = &(head)->tqh_first)
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_EMPTY(head) ((head)->tqh_first == NULL)
#define TAILQ_NEXT(elm, field) ((elm)->field.tqe_next)
#define TAILQ_FOREACH(var, head, field) for ((var) = TAILQ_FIRST(head); (var) != NULL; (var) = TAILQ_NEXT(var, field))
#define TAILQ_FOREACH_SAFE(var, head, field, next) \
  for ((var) = TAILQ_FIRST(head); (var) != NULL && ((next) = TAILQ_NEXT(var, field), 1); (var) = (next))
#define TAILQ_INSERT_TAIL(head, elm, field)                                                        \
  ((elm)->field.tqe_next = NULL, (elm)->field.tqe_prev = (head)->tqh_last, *(head)->tqh_last = (elm), \
   (head)->tqh_last = &(elm)->field.tqe_next)
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) ((head)->lh_first == NULL)
#define LIST_NEXT(elm, field) ((elm)->field.le_next)
#define LIST_FOREACH(var, head, field) for ((var) = LIST_FIRST(head); (var) != NULL; (var) = LIST_NEXT(var, field))

/* ---- locks ---- */
struct mtx { const char *name; };
struct sx { const char *name; };
struct rwlock { const char *name; };
enum { MA_OWNED = 1, MA_NOTOWNED = 2, MA_RECURSED = 4, MA_NOTRECURSED = 8 };
enum { SX_LOCKED = 1, SX_SLOCKED = 2, SX_XLOCKED = 4, SX_UNLOCKED = 8 };
enum { SA_LOCKED = 1, SA_SLOCKED = 2, SA_XLOCKED = 4, SA_UNLOCKED = 8 };
enum { RA_LOCKED = 1, RA_RLOCKED = 2, RA_WLOCKED = 4, RA_UNLOCKED = 8 };
extern struct mtx Giant, sched_lock;
extern struct sx proctree_lock, allproc_lock;
struct proc;
struct thread;
void shim_mtx_lock(struct mtx *, int spin, int try, const char *where);
void shim_mtx_unlock(struct mtx *, int spin, const char *where);
int shim_mtx_owned(struct mtx *);
void shim_mtx_assert(struct mtx *, int what, const char *where, int line);
void shim_sx_lock(struct sx *, int shared, const char *where);
void shim_sx_unlock(struct sx *, int shared, const char *where); /* shared < 0: whichever it is */
void shim_sx_assert(struct sx *, int what, const char *where, int line);
int shim_sx_xlocked(struct sx *);
void shim_proc_lock(struct proc *, const char *where);
void shim_proc_unlock(struct proc *, const char *where);
int shim_proc_owned(struct proc *);
void shim_proc_assert(struct proc *, int what, const char *where, int line);
void shim_hold(struct proc *, int locked, const char *where, int line);
void shim_release(struct proc *, int locked, const char *where, int line);
void shim_assert_held(struct proc *, const char *where, int line);
void shim_giant_required(const char *where, int line);
/* Locks that the harness does not know: checked here, call by call. */
void shim_lock(const void *lock, const char *kind, int shared, int sleepable);
void shim_unlock(const void *lock, const char *kind, int shared);
void shim_assert(const void *lock, const char *kind, int shared_is_enough, const char *where);

#define mtx_lock(m) shim_mtx_lock((m), 0, 0, __func__)
#define mtx_trylock(m) (shim_mtx_lock((m), 0, 1, __func__), 1)
#define mtx_unlock(m) shim_mtx_unlock((m), 0, __func__)
#define mtx_lock_spin(m) shim_mtx_lock((m), 1, 0, __func__)
#define mtx_unlock_spin(m) shim_mtx_unlock((m), 1, __func__)
#define mtx_lock_flags(m, f) mtx_lock(m)
#define mtx_unlock_flags(m, f) mtx_unlock(m)
#define mtx_owned(m) shim_mtx_owned(m)
#define mtx_assert(m, what) shim_mtx_assert((m), (what), __func__, __LINE__)
#define GIANT_REQUIRED shim_giant_required(__func__, __LINE__)
#define sx_xlock(sx) shim_sx_lock((sx), 0, __func__)
#define sx_slock(sx) shim_sx_lock((sx), 1, __func__)
#define sx_xunlock(sx) shim_sx_unlock((sx), 0, __func__)
#define sx_sunlock(sx) shim_sx_unlock((sx), 1, __func__)
#define sx_unlock(sx) shim_sx_unlock((sx), -1, __func__)
#define sx_try_xlock(sx) (sx_xlock(sx), 1)
#define sx_try_slock(sx) (sx_slock(sx), 1)
#define sx_xlocked(sx) shim_sx_xlocked(sx)
#define sx_assert(sx, what) shim_sx_assert((sx), (what), __func__, __LINE__)
#define rw_wlock(l) shim_lock((l), "rwlock", 0, 0)
#define rw_rlock(l) shim_lock((l), "rwlock", 1, 0)
#define rw_wunlock(l) shim_unlock((l), "rwlock", 0)
#define rw_runlock(l) shim_unlock((l), "rwlock", 1)
#define PROC_LOCK(p) shim_proc_lock((p), __func__)
#define PROC_TRYLOCK(p) (shim_proc_lock((p), __func__), 1)
#define PROC_UNLOCK(p) shim_proc_unlock((p), __func__)
#define PROC_LOCKED(p) shim_proc_owned(p)
#define PROC_LOCK_ASSERT(p, what) shim_proc_assert((p), (what), __func__, __LINE__)
#define _PHOLD(p) shim_hold((p), 1, __func__, __LINE__)
#define PHOLD(p) shim_hold((p), 0, __func__, __LINE__)
#define _PRELE(p) shim_release((p), 1, __func__, __LINE__)
#define PRELE(p) shim_release((p), 0, __func__, __LINE__)
#define PROC_ASSERT_HELD(p) shim_assert_held((p), __func__, __LINE__)
#if !PROCTOR_2003
#define PROC_SLOCK(p) shim_mtx_lock(&(p)->p_slock, 1, 0, __func__)
#define PROC_SUNLOCK(p) shim_mtx_unlock(&(p)->p_slock, 1, __func__)
#define PROC_SLOCK_ASSERT(p, what) shim_mtx_assert(&(p)->p_slock, (what), __func__, __LINE__)
void thread_lock(struct thread *);
void thread_unlock(struct thread *);
void shim_thread_assert(struct thread *, int what, const char *where, int line);
#define THREAD_LOCK_ASSERT(td, what) shim_thread_assert((td), (what), __func__, __LINE__)
#endif

/* ---- assertions, printing, tracing ---- */
void panic(const char *format, ...) __attribute__((__noreturn__));
#define KASSERT(exp, msg)                \
  do {                                   \
    if (__predict_false(!(exp))) panic msg; \
  } while (0)
#define MPASS(exp) KASSERT(exp, ("Assertion %s failed in %s, line %d", #exp, __func__, __LINE__))
#define WITNESS_WARN(flags, lock, ...) ((void)0)
static inline int shim_printf(const char *format, ...) { return 0; }
#define printf shim_printf
#define uprintf shim_printf
#define log(level, ...) ((void)0)
void shim_ktr(const char *format, int count, const u_long *args);
#define KTR_PTRACE 0x00100000
#define KTR_PROC 0x00001000
#define KTR_SIG 0x00000400
#define CTR_N(m, f, n, ...)                                                  \
  do {                                                                       \
    if ((m)&KTR_PTRACE) shim_ktr((f), (n), (const u_long[]){__VA_ARGS__, 0}); \
  } while (0)
#define CTR0(m, f) CTR_N(m, f, 0, 0)
#define CTR1(m, f, a) CTR_N(m, f, 1, (u_long)(a))
#define CTR2(m, f, a, b) CTR_N(m, f, 2, (u_long)(a), (u_long)(b))
#define CTR3(m, f, a, b, c) CTR_N(m, f, 3, (u_long)(a), (u_long)(b), (u_long)(c))
#define CTR4(m, f, a, b, c, d) CTR_N(m, f, 4, (u_long)(a), (u_long)(b), (u_long)(c), (u_long)(d))
#define CTR5(m, f, a, b, c, d, e) CTR_N(m, f, 5, (u_long)(a), (u_long)(b), (u_long)(c), (u_long)(d), (u_long)(e))
#define CTR6(m, f, a, b, c, d, e, g) \
  CTR_N(m, f, 6, (u_long)(a), (u_long)(b), (u_long)(c), (u_long)(d), (u_long)(e), (u_long)(g))
#define AUDIT_ARG_PID(x) ((void)0)
#define AUDIT_ARG_CMD(x) ((void)0)
#define AUDIT_ARG_VALUE(x) ((void)0)
#define AUDIT_ARG_PROCESS(x) ((void)0)
#define AUDIT_ARG_SIGNUM(x) ((void)0)
#define AUDIT_ARG_ADDR(x) ((void)0)

/* ---- signals ---- */
#define _SIG_WORDS 4
#define _SIG_MAXSIG 128
#define _SIG_VALID(sig) ((sig) > 0 && (sig) <= _SIG_MAXSIG)
#define NSIG 32
enum {
  SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGFPE = 8, SIGKILL = 9, SIGBUS = 10,
  SIGSEGV = 11, SIGSYS = 12, SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGURG = 16, SIGSTOP = 17, SIGTSTP = 18,
  SIGCONT = 19, SIGCHLD = 20, SIGTTIN = 21, SIGTTOU = 22, SIGUSR1 = 30, SIGUSR2 = 31
};
typedef struct { uint32_t __bits[_SIG_WORDS]; } sigset_t;
#define SIG_WORD(sig) (((sig)-1) >> 5)
#define SIG_BIT(sig) (1U << (((sig)-1) & 31))
#define SIGISMEMBER(set, sig) (((set).__bits[SIG_WORD(sig)] & SIG_BIT(sig)) != 0)
#define SIGADDSET(set, sig) ((set).__bits[SIG_WORD(sig)] |= SIG_BIT(sig))
#define SIGDELSET(set, sig) ((set).__bits[SIG_WORD(sig)] &= ~SIG_BIT(sig))
union sigval { int sival_int; void *sival_ptr; };
typedef struct {
  int si_signo, si_errno, si_code;
  pid_t si_pid;
  uid_t si_uid;
  int si_status;
  void *si_addr;
  union sigval si_value;
  union { long spare1; int spare2[8]; char bytes[40]; } _reason;
} siginfo_t;
CTASSERT(sizeof(siginfo_t) == 80);
struct sigqueue { struct proc *sq_proc; };
typedef struct ksiginfo {
  TAILQ_ENTRY(ksiginfo) ksi_link;
  siginfo_t ksi_info;
  int ksi_flags;
  struct sigqueue *ksi_sigq;
} ksiginfo_t;
#define ksi_signo ksi_info.si_signo

/* ---- processes and threads: what ptrace touches of them, in state.c's order ---- */
enum {
  P_ADVLOCK = 0x1, P_CONTROLT = 0x2, P_KTHREAD = 0x4, P_PPWAIT = 0x10, P_PROFIL = 0x20, P_STOPPROF = 0x40,
  P_SUGID = 0x100, P_SYSTEM = 0x200, P_SINGLE_EXIT = 0x400, P_TRACED = 0x800, P_WAITED = 0x1000, P_WEXIT = 0x2000,
  P_EXEC = 0x4000, P_CONTINUED = 0x10000, P_STOPPED_SIG = 0x20000, P_STOPPED_TRACE = 0x40000,
  P_STOPPED_SINGLE = 0x80000, P_PROTECTED = 0x100000, P_SIGEVENT = 0x200000, P_JAILED = 0x1000000, P_INEXEC = 0x4000000,
#if PROCTOR_2003
  P_NOLOAD = 0x8, P_KSES = 0x8000, P_THREADED = 0x8000, P_ALTSTACK = 0x2000000,
#else
  P_KPROC = 0x4, P_FOLLOWFORK = 0x8, P_HADTHREADS = 0x80, P_WKILLED = 0x8000, P_SINGLE_BOUNDARY = 0x400000,
  P_HWPMC = 0x800000, P_TOTAL_STOP = 0x2000000, P_STATCHILD = 0x8000000, P_INMEM = 0x10000000,
  P_SWAPPINGOUT = 0x20000000, P_SWAPPINGIN = 0x40000000,
#endif
};
#define P_STOPPED (P_STOPPED_SIG | P_STOPPED_SINGLE | P_STOPPED_TRACE)
#define P_SHOULDSTOP(p) ((p)->p_flag & P_STOPPED)
#if PROCTOR_2003
enum { PS_INMEM = 0x1, PS_PROFIL = 0x4, PS_SWAPPING = 0x200, PS_NEEDSIGCHK = 0x2000 };
#else
#define P_PPTRACE 0x80000000U
enum { P2_INHERIT_PROTECTED = 0x1, P2_NOTRACE = 0x2, P2_NOTRACE_EXEC = 0x4 };
enum { P2_LWP_EVENTS = 0x10 };  /* three weeks younger than this kernel */
enum { P2_PTRACE_FSTP = 0x20 }; /* of 2016, when 0x10 was free again and was its value */
enum { P_TREE_ORPHANED = 0x1, P_TREE_FIRST_ORPHAN = 0x2, P_TREE_REAPER = 0x4 };
enum {
  TDB_SUSPEND = 0x1, TDB_XSIG = 0x2, TDB_USERWR = 0x4, TDB_SCE = 0x8, TDB_SCX = 0x10, TDB_EXEC = 0x20, TDB_FORK = 0x40,
  TDB_STOPATFORK = 0x80, TDB_CHILD = 0x100, TDB_BORN = 0x200, TDB_EXIT = 0x400, TDB_VFORK = 0x800, TDB_FSTP = 0x1000
};
#endif
enum {
  TDF_BORROWED = 0x1, TDF_INPANIC = 0x2, TDF_INMEM = 0x4, TDF_SINTR = 0x8, TDF_TIMEOUT = 0x10, TDF_CANSWAP = 0x40,
  TDF_ASTPENDING = 0x800, TDF_SBDRY = 0x2000, TDF_NEEDSUSPCHK = 0x8000, TDF_NEEDRESCHED = 0x10000
};
enum { S_EXEC = 0x1, S_SIG = 0x2, S_SCE = 0x4, S_SCX = 0x8, S_CORE = 0x10, S_EXIT = 0x20 };
enum { S_PT_SCE = 0x10000, S_PT_SCX = 0x20000 };
enum proc_state { PRS_NEW, PRS_NORMAL, PRS_ZOMBIE };

struct ucred { uid_t cr_uid, cr_ruid, cr_svuid; };
struct pcb;
struct vmspace;
struct thread {
  TAILQ_ENTRY(thread) td_plist;
  struct proc *td_proc;
  lwpid_t td_tid;
  int td_flags;
  sigset_t td_sigmask, td_siglist;
  struct ucred *td_ucred;
  struct pcb *td_pcb;
  char td_name[MAXCOMLEN + 1];
#if !PROCTOR_2003
  int td_dbgflags;
  int td_xsig;
  ksiginfo_t td_dbgksi;
  pid_t td_dbg_forked;
  u_int td_dbg_sc_code, td_dbg_sc_narg;
  u_long td_dbg_sc_pad;
  struct sigqueue td_sigqueue;
#endif
  /* not compared from here on */
  register_t td_retval[2];
};
struct proc {
  TAILQ_HEAD(, thread) p_threads;
  struct mtx p_mtx, p_slock;
  struct proc *p_pptr;
  struct ucred *p_ucred;
  struct vmspace *p_vmspace;
  u_int p_flag;
  enum proc_state p_state;
  pid_t p_pid, p_oppid;
  int p_numthreads, p_suspcount;
  u_int p_stype, p_step, p_stops;
  char p_comm[MAXCOMLEN + 1];
#if PROCTOR_2003
  int p_sflag;
  u_short p_xstat;
#else
  struct thread *p_xthread;
  ksiginfo_t *p_ksi;
  struct sigqueue p_sigqueue;
  int p_flag2, p_treeflag;
#if PROCTOR_EVENT_MASK
  u_int p_ptevents;
#endif
#if PROCTOR_XSIG
  int p_xsig, p_xexit;
#else
  u_short p_xstat;
#endif
  int p_sigparent;
#endif
  /* not compared from here on */
  int p_lock;
};
extern struct proc proc0, *initproc;
extern struct thread *pr_curthread;
#define curthread pr_curthread
#define curproc (curthread->td_proc)
#define FIRST_THREAD_IN_PROC(p) TAILQ_FIRST(&(p)->p_threads)
#define FOREACH_THREAD_IN_PROC(p, td) TAILQ_FOREACH((td), &(p)->p_threads, td_plist)
#define FOREACH_PROC_IN_SYSTEM(p) for ((p) = shim_next_proc(NULL); (p) != NULL; (p) = shim_next_proc(p))
struct proc *shim_next_proc(struct proc *);
#define SV_ILP32 0x000100
#define SV_LP64 0x000200
#define SV_PROC_FLAG(p, x) (SV_LP64 & (x))
#define SV_CURPROC_FLAG(x) SV_PROC_FLAG(curproc, x)

struct proc *pfind(pid_t);
struct thread *tdfind(lwpid_t, pid_t);
int inferior(struct proc *);
int p_cansee(struct thread *, struct proc *);
int p_candebug(struct thread *, struct proc *);
int suser(struct thread *);
int priv_check(struct thread *, int priv);
int securelevel_gt(struct ucred *, int level);
void proc_reparent(struct proc *child, struct proc *parent); void thread_unsuspend(struct proc *);
void wakeup(const void *); int msleep(const void *, struct mtx *, int, const char *, int);
#if PROCTOR_2003
void psignal(struct proc *, int);
void setrunnable(struct thread *);
#else
struct proc *proc_realparent(struct proc *);
void kern_psignal(struct proc *, int);
#define psignal(p, sig) kern_psignal((p), (sig))
void sigqueue_take(ksiginfo_t *);
void sigqueue_delete(struct sigqueue *, int);
enum { PRIV_ROOT = 1, PRIV_DEBUG_DIFFCRED = 80, PRIV_DEBUG_SUGID = 81, PRIV_DEBUG_UNPRIV = 82 };
#define __HAVE_PTRACE_MACHDEP 1
int cpu_ptrace(struct thread *, int, void *, int);
#endif

/* ---- memory: malloc, copying, uio ---- */
struct malloc_type { const char *name; };
extern struct malloc_type M_TEMP[1], M_PROC[1];
enum { M_NOWAIT = 1, M_WAITOK = 2, M_ZERO = 0x100 };
void *shim_malloc(u_long size, struct malloc_type *, int flags);
void shim_free(void *, struct malloc_type *);
#define malloc(size, type, flags) shim_malloc((size), (type), (flags))
#define free(addr, type) shim_free((addr), (type))
int copyin(const void *uaddr, void *kaddr, size_t len);
int copyout(const void *kaddr, void *uaddr, size_t len);
enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE, UIO_NOCOPY };
struct iovec { void *iov_base; size_t iov_len; };
struct uio {
  struct iovec *uio_iov;
  int uio_iovcnt;
  off_t uio_offset;
#if PROCTOR_2003
  int uio_resid;
#else
  ssize_t uio_resid;
#endif
  enum uio_seg uio_segflg;
  enum uio_rw uio_rw;
  struct thread *uio_td;
};
struct vm_page;
#if PROCTOR_2003
int uiomove(caddr_t, int, struct uio *);
#else
int uiomove(void *, int, struct uio *);
#endif
int uiomove_fromphys(struct vm_page *[], vm_offset_t, int, struct uio *);
static inline void atomic_add_int(volatile u_int *p, u_int v) { *p += v; }
static inline void atomic_subtract_int(volatile u_int *p, u_int v) { *p -= v; }

/* ---- virtual memory ---- */
enum {
  KERN_SUCCESS, KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE, KERN_NO_SPACE, KERN_INVALID_ARGUMENT, KERN_FAILURE,
  KERN_RESOURCE_SHORTAGE, KERN_NOT_RECEIVER, KERN_NO_ACCESS
};
#define VM_PROT_NONE 0x00
#define VM_PROT_READ 0x01
#define VM_PROT_WRITE 0x02
#define VM_PROT_EXECUTE 0x04
#define VM_PROT_COPY 0x08
#define VM_PROT_OVERRIDE_WRITE 0x08
#define VM_PROT_RW (VM_PROT_READ | VM_PROT_WRITE)
#define VM_PROT_ALL (VM_PROT_RW | VM_PROT_EXECUTE)
enum { VM_FAULT_NORMAL = 0, VM_FAULT_CHANGE_WIRING = 1, VM_FAULT_WIRE = 1, VM_FAULT_DIRTY = 2 };
enum { MAP_ENTRY_NOSYNC = 0x1, MAP_ENTRY_IS_SUB_MAP = 0x2, MAP_ENTRY_COW = 0x4, MAP_ENTRY_NEEDS_COPY = 0x8 };
enum obj_type { OBJT_DEFAULT, OBJT_SWAP, OBJT_VNODE };
struct vnode { int v_usecount, v_type; };
typedef struct vm_page {
  int hold_count, wire_count, shim_slot;
  uint8_t *shim_bytes;
  vm_offset_t shim_va;
} *vm_page_t;
typedef struct vm_object {
  struct vm_object *backing_object;
  vm_ooffset_t backing_object_offset;
  int ref_count;
  enum obj_type type;
  struct vnode *handle;
  vm_pindex_t shim_first; /* resident pages begin here */
  vm_page_t shim_pages[2];
} *vm_object_t;
typedef struct vm_map_entry {
  struct vm_map_entry *prev, *next;
  vm_offset_t start, end;
  vm_ooffset_t offset;
  union { struct vm_object *vm_object; struct vm_map *sub_map; } object;
  u_int eflags;
  vm_prot_t protection, max_protection;
} *vm_map_entry_t;
typedef struct vm_map {
  struct vm_map_entry header;
  u_int timestamp;
  int nentries;
} *vm_map_t;
struct vmspace {
  struct vm_map vm_map;
  int vm_refcnt;
};
extern vm_map_t kernel_map;
int vm_fault(vm_map_t, vm_offset_t, vm_prot_t, int);
int vm_fault_hold(vm_map_t, vm_offset_t, vm_prot_t, int, vm_page_t *);
int vm_map_lookup(vm_map_t *, vm_offset_t, vm_prot_t, vm_map_entry_t *, vm_object_t *, vm_pindex_t *, vm_prot_t *,
                  boolean_t *);
void vm_map_lookup_done(vm_map_t, vm_map_entry_t);
boolean_t vm_map_check_protection(vm_map_t, vm_offset_t, vm_offset_t, vm_prot_t);
#define vm_map_lock_read(map) shim_lock((map), "vm_map", 1, 1)
#define vm_map_unlock_read(map) shim_unlock((map), "vm_map", 1)
#define vm_map_lock(map) shim_lock((map), "vm_map", 0, 1)
#define vm_map_unlock(map) shim_unlock((map), "vm_map", 0)
#define VM_OBJECT_LOCK(o) shim_lock((o), "vm_object", 0, 0)
#define VM_OBJECT_UNLOCK(o) shim_unlock((o), "vm_object", 0)
#define VM_OBJECT_WLOCK(o) shim_lock((o), "vm_object", 0, 0)
#define VM_OBJECT_WUNLOCK(o) shim_unlock((o), "vm_object", 0)
#define VM_OBJECT_RLOCK(o) shim_lock((o), "vm_object", 1, 0)
#define VM_OBJECT_RUNLOCK(o) shim_unlock((o), "vm_object", 1)
#define VM_OBJECT_LOCK_ASSERT(o, what) shim_assert((o), "vm_object", 0, __func__)
#define VM_OBJECT_ASSERT_LOCKED(o) shim_assert((o), "vm_object", 1, __func__)
extern struct mtx vm_page_queue_mtx;
#define vm_page_lock_queues() shim_lock(&vm_page_queue_mtx, "vm_page_queue_mtx", 0, 0)
#define vm_page_unlock_queues() shim_unlock(&vm_page_queue_mtx, "vm_page_queue_mtx", 0)
#define vm_page_lock(m) shim_lock((m), "vm_page", 0, 0)
#define vm_page_unlock(m) shim_unlock((m), "vm_page", 0)
vm_page_t vm_page_lookup(vm_object_t, vm_pindex_t); void vm_page_wire(vm_page_t); void vm_page_unwire(vm_page_t, int);
void vm_page_hold(vm_page_t); void vm_page_unhold(vm_page_t); void vm_object_reference(vm_object_t);
void vm_object_deallocate(vm_object_t); struct vnode *vm_object_vnode(vm_object_t);
void vm_sync_icache(vm_map_t, vm_offset_t, vm_size_t); struct vmspace *vmspace_acquire_ref(struct proc *);
void vmspace_free(struct vmspace *); vm_offset_t kmem_alloc_pageable(vm_map_t, vm_size_t);
vm_offset_t kmem_alloc_nofault(vm_map_t, vm_size_t); void kmem_free(vm_map_t, vm_offset_t, vm_size_t);
void pmap_qenter(vm_offset_t, vm_page_t *, int); void pmap_qremove(vm_offset_t, int);

/* ---- vnodes ---- */
#define VNOVAL (-1)
enum { LK_EXCLUSIVE = 0x080000, LK_SHARED = 0x200000, LK_RETRY = 0x400 };
struct vattr { long va_fileid; dev_t va_fsid; u_short va_mode; off_t va_size; };
void vref(struct vnode *); void vrele(struct vnode *); void vput(struct vnode *); int vn_lock(struct vnode *, int);
int VOP_GETATTR(struct vnode *, struct vattr *, struct ucred *); void VOP_UNLOCK(struct vnode *, int);
int vn_fullpath(struct thread *, struct vnode *, char **, char **);

/* ---- ptrace ---- */
#include "ptrace.h"
#define _SYS_SYSPROTO_H_ 1
struct ptrace_args { /* each argument in a register's space */
  int req __aligned(8);
  pid_t pid __aligned(8);
  caddr_t addr;
  int data __aligned(8);
};
int fill_regs(struct thread *, struct reg *); int set_regs(struct thread *, struct reg *);
int fill_fpregs(struct thread *, struct fpreg *); int set_fpregs(struct thread *, struct fpreg *);
int fill_dbregs(struct thread *, struct dbreg *); int set_dbregs(struct thread *, struct dbreg *);
int ptrace_single_step(struct thread *); int ptrace_clear_single_step(struct thread *);
int ptrace_set_pc(struct thread *, u_long);

/* sys_process.c itself */
#if PROCTOR_2003
int ptrace(struct thread *, struct ptrace_args *);
#else
int sys_ptrace(struct thread *, struct ptrace_args *);
ssize_t proc_readmem(struct thread *, struct proc *, vm_offset_t, void *, size_t);
ssize_t proc_writemem(struct thread *, struct proc *, vm_offset_t, void *, size_t);
void proc_set_traced(struct proc *, bool);
#endif
int kern_ptrace(struct thread *, int, pid_t, void *, int); int proc_rwmem(struct proc *, struct uio *);
int proc_read_regs(struct thread *, struct reg *); int proc_write_regs(struct thread *, struct reg *);
int proc_read_fpregs(struct thread *, struct fpreg *); int proc_write_fpregs(struct thread *, struct fpreg *);
int proc_read_dbregs(struct thread *, struct dbreg *); int proc_write_dbregs(struct thread *, struct dbreg *);
int proc_sstep(struct thread *); void stopevent(struct proc *, u_int, u_int);
#pragma GCC visibility pop

#endif
