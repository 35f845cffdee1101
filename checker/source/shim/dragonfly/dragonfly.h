/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What DragonFly's sys_process.c includes, in one header: every <sys/...>, <vm/...> and <vfs/...> of it resolves here.
 * Only what a system call on processes can name is there; the structures are this project's own and have the fields
 * that ptrace(2) touches.  Numbers are DragonFly 5.5's on amd64.
 */
#ifndef PROCTOR_SHIM_DRAGONFLY_H
#define PROCTOR_SHIM_DRAGONFLY_H

#include "../abi.h"

/* Of libc, declared before visibility changes. */
void* memcpy(void*, const void*, unsigned long);
void* memmove(void*, const void*, unsigned long);
void* memset(void*, int, unsigned long);
int memcmp(const void*, const void*, unsigned long);
char* strcpy(char*, const char*);
char* strncpy(char*, const char*, unsigned long);
unsigned long strlen(const char*);
int strcmp(const char*, const char*);
int strncmp(const char*, const char*, unsigned long);

/* The kernel's names are not to meet those of the program that loads the image (libc has a psignal, too). */
#pragma GCC visibility push(hidden)

/* ---- sys/types.h, sys/param.h, sys/cdefs.h ---- */
#define _KERNEL 1
#define __DragonFly__ 5
#define __DragonFly_version 500500
#define __amd64__ 1
#define INVARIANTS 1
#define SMP 1

typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned char u_char, u_int8_t, uint8_t;
typedef unsigned short u_short, u_int16_t, uint16_t;
typedef unsigned int u_int, uint, u_int32_t, uint32_t;
typedef unsigned long u_long, ulong, u_int64_t, uint64_t, uintptr_t, uintfptr_t, size_t, vm_offset_t, vm_size_t;
typedef unsigned long vm_pindex_t, vm_paddr_t, register_u_t;
typedef long ssize_t, off_t, intptr_t, register_t, time_t, vm_ooffset_t;
typedef int pid_t, lwpid_t, boolean_t;
typedef unsigned int uid_t, gid_t, mode_t;
typedef char* caddr_t;
typedef const char* c_caddr_t;
typedef unsigned char vm_prot_t;
typedef _Bool bool;

#define NULL ((void*)0)
#define TRUE 1
#define FALSE 0
#define true 1
#define false 0
#define MAXCOMLEN 16
#define PAGE_SIZE 4096
#define PAGE_MASK (PAGE_SIZE - 1)
#define trunc_page(x) ((unsigned long)(x) & ~(unsigned long)PAGE_MASK)
#define round_page(x) trunc_page((unsigned long)(x) + PAGE_MASK)
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 0xffffffffu
#define LONG_MAX 0x7fffffffffffffffL
#define SSIZE_MAX LONG_MAX
#define SIZE_T_MAX 0xffffffffffffffffUL
#define offsetof(type, field) __builtin_offsetof(type, field)
#define nitems(x) (sizeof(x) / sizeof((x)[0]))
#define howmany(x, y) (((x) + ((y)-1)) / (y))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define imin(a, b) min((int)(a), (int)(b))
#define imax(a, b) max((int)(a), (int)(b))
#define szmin(a, b) min((size_t)(a), (size_t)(b))
#define szmax(a, b) max((size_t)(a), (size_t)(b))

#define __unused __attribute__((unused))
#define __used __attribute__((used))
#define __packed __attribute__((packed))
#define __aligned(x) __attribute__((aligned(x)))
#define __dead2 __attribute__((noreturn))
#define __inline inline
#define __always_inline inline
#define __noinline __attribute__((noinline))
#define __predict_true(e) __builtin_expect(!!(e), 1)
#define __predict_false(e) __builtin_expect(!!(e), 0)
#define __FBSDID(s)
#define __DECONST(type, v) ((type)(uintptr_t)(const void*)(v))
#define CTASSERT(e) _Static_assert(e, "CTASSERT")
#define __cachealign
#define __VM_CACHELINE_ALIGN
#define SYSCTL_NODE(...)
#define SYSCTL_INT(...)
#define SYSCTL_DECL(...)
#define SYSCTL_PROC(...)
#define TUNABLE_INT(...)
#define SYSINIT(...)
#define MALLOC_DEFINE(...)
#define MALLOC_DECLARE(...)

#define bcopy(from, to, n) memmove(to, from, n)
#define bzero(to, n) memset(to, 0, n)
#define bcmp(a, b, n) memcmp(a, b, n)

struct proc;
struct lwp;
struct thread;

/* ---- the harness ---- */
extern const struct pr_host* pr_host;
#define panic(...) pr_host->finding("panic: " __VA_ARGS__)
#define KASSERT(e, message)                   \
  do {                                        \
    if (__predict_false(!(e))) panic message; \
  } while (0)
#define KKASSERT(e)                                                                                    \
  do {                                                                                                 \
    if (__predict_false(!(e))) pr_host->finding("panic: assertion \"%s\" failed in %s", #e, __func__); \
  } while (0)
#define MPASS(e) KKASSERT(e)
int kprintf(const char*, ...);
int ksnprintf(char*, size_t, const char*, ...);
#define krateprintf(...) ((void)0)
#define log(...) ((void)0)
#define print_backtrace(n) ((void)0)
#define Debugger(message) pr_host->finding("panic: %s", message)

/* ---- sys/errno.h ---- */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EDEADLK 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define ENOTBLK 15
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define EAGAIN 35
#define EWOULDBLOCK EAGAIN
#define EINPROGRESS 36
#define EALREADY 37
#define EOPNOTSUPP 45
#define ENOTSUP EOPNOTSUPP
#define ETIMEDOUT 60
#define ELOOP 62
#define ENAMETOOLONG 63
#define EPROCLIM 67
#define ENOSYS 78
#define EOVERFLOW 84
#define ECANCELED 85
#define ENOTCAPABLE 93
#define ERESTART (-1)
#define EJUSTRETURN (-2)
#define ENOIOCTL (-3)

/* ---- sys/signal.h, sys/signalvar.h ---- */
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGEMT 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGBUS 10
#define SIGSEGV 11
#define SIGSYS 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGURG 16
#define SIGSTOP 17
#define SIGTSTP 18
#define SIGCONT 19
#define SIGCHLD 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGIO 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGINFO 29
#define SIGUSR1 30
#define SIGUSR2 31
#define SIGTHR 32
#define SIGCKPT 33
#define SIGCKPTEXIT 34
#define NSIG 64
#define _SIG_MAXSIG 128
#define _SIG_VALID(s) ((s) > 0 && (s) <= _SIG_MAXSIG)

typedef struct {
  unsigned int __bits[4];
} sigset_t;
#define SIGEMPTYSET(s) memset(&(s), 0, sizeof(sigset_t))
#define SIGADDSET(s, n) ((s).__bits[((n)-1) >> 5] |= 1u << (((n)-1) & 31))
#define SIGDELSET(s, n) ((s).__bits[((n)-1) >> 5] &= ~(1u << (((n)-1) & 31)))
#define SIGISMEMBER(s, n) (((s).__bits[((n)-1) >> 5] >> (((n)-1) & 31)) & 1)

/* ---- sys/lock.h, sys/spinlock2.h, sys/thread2.h ---- */
typedef struct lwkt_token {
  long t_count;
  const char* t_desc;
} * lwkt_token_t;
struct spinlock {
  int lock;
};
struct lock {
  int lk_count;
};
void lwkt_gettoken(struct lwkt_token*);
void lwkt_gettoken_shared(struct lwkt_token*);
int lwkt_trytoken(struct lwkt_token*);
void lwkt_reltoken(struct lwkt_token*);
int pr_token_held(struct lwkt_token*);
#define lwkt_gettoken_hard(t) lwkt_gettoken(t)
#define LWKT_TOKEN_HELD_ANY(t) pr_token_held(t)
#define LWKT_TOKEN_HELD_EXCL(t) pr_token_held(t)
#define ASSERT_LWKT_TOKEN_HELD(t) KASSERT(pr_token_held(t), ("token %s is not held in %s", #t, __func__))
#define ASSERT_LWKT_TOKEN_HELD_EXCL(t) ASSERT_LWKT_TOKEN_HELD(t)
extern struct lwkt_token proc_token;

#define spin_lock(s) ((void)((s)->lock++))
#define spin_unlock(s) ((void)((s)->lock--))
#define spin_lock_quick(gd, s) spin_lock(s)
#define spin_unlock_quick(gd, s) spin_unlock(s)
#define spin_lock_shared(s) spin_lock(s)
#define spin_unlock_shared(s) spin_unlock(s)
#define spin_trylock(s) (spin_lock(s), 1)
#define spin_init(s, name) ((void)((s)->lock = 0))

void crit_enter(void);
void crit_exit(void);
#define crit_enter_id(id) crit_enter()
#define crit_exit_id(id) crit_exit()
#define crit_enter_gd(gd) crit_enter()
#define crit_exit_gd(gd) crit_exit()
#define crit_enter_quick(td) crit_enter()
#define crit_exit_quick(td) crit_exit()
#define crit_exit_noyield(td) crit_exit()
#define ASSERT_IN_CRIT_SECTION() KASSERT(pr_host->owns(PR_CRIT, PR_NONE), ("not in a critical section in %s", __func__))
#define CRIT_PRINTF(...) ((void)0)
#define mycpu ((void*)0)
#define lwkt_yield() ((void)0)
#define lwkt_user_yield() ((void)0)

#define atomic_add_int(a, n) ((void)(*(volatile int*)(a) += (n)))
#define atomic_subtract_int(a, n) ((void)(*(volatile int*)(a) -= (n)))
#define atomic_set_int(a, n) ((void)(*(volatile int*)(a) |= (n)))
#define atomic_clear_int(a, n) ((void)(*(volatile int*)(a) &= ~(n)))
#define cpu_ccfence() __asm__ __volatile__("" ::: "memory")
#define cpu_lfence() cpu_ccfence()
#define cpu_sfence() cpu_ccfence()
#define cpu_mfence() cpu_ccfence()

/* ---- sys/ucred.h, sys/priv.h, sys/jail.h ---- */
struct prison;
struct ucred {
  int cr_ref;
  uid_t cr_uid, cr_ruid, cr_svuid;
  gid_t cr_rgid, cr_svgid;
  short cr_ngroups;
  gid_t cr_groups[2];
  struct prison* cr_prison;
};
#define PRIV_ROOT 1
#define PRIV_DEBUG_DIFFCRED 80
#define PRIV_DEBUG_SUGID 81
#define PRIV_DEBUG_UNPRIV 82
#define NULL_CRED_OKAY 0x2
#define NOCRED ((struct ucred*)0)
#define FSCRED ((struct ucred*)-1)
int pr_prison_check(struct ucred*, struct ucred*);
#define PRISON_CHECK(a, b) pr_prison_check(a, b)
#define jailed(cr) ((cr)->cr_prison != NULL)
int priv_check_cred(struct ucred*, int, int);
int priv_check(struct thread*, int);
#define suser_cred(cr, flags) priv_check_cred(cr, PRIV_ROOT, flags)
int p_trespass(struct ucred*, struct ucred*);
struct ucred* crhold(struct ucred*);
void crfree(struct ucred*);
extern int securelevel;

/* ---- sys/proc.h ---- */
enum procstat { SIDL = 1, SACTIVE, SSTOP, SZOMB, SCORE };
enum lwpstat { LSRUN = 1, LSSTOP, LSSLEEP };

struct lwp_rb_tree {
  struct lwp* first;
};
struct proc {
  struct ucred* p_ucred; /* &p_cred0 */
  struct vmspace* p_vmspace;
  int p_flags;
  enum procstat p_stat;
  pid_t p_pid, p_ppid, p_oppid;
  struct proc* p_pptr;
  unsigned int p_stops, p_stype;
  char p_step;
  unsigned char p_pfsflags;
  int p_sigparent, p_traceflag;
  sigset_t p_siglist;
  char p_comm[MAXCOMLEN + 1];
  u_short p_xstat, p_acflag;
  int p_lock; /* of proc0 only: the harness counts the others */
  int p_nthreads, p_nstopped, p_lasttid, p_deathsig;
  struct lwp_rb_tree p_lwp_tree;
  void *p_aioinfo, *p_drv_priv;
  struct proc *p_peers, *p_leader;
  struct spinlock p_spin;
  struct lwkt_token p_token;
  struct ucred p_cred0;
};
struct thread {
  struct proc* td_proc;
  struct lwp* td_lwp;
  struct ucred* td_ucred;
  int td_pri, td_critcount, td_flags;
  const void* td_wchan;
  const char* td_wmesg;
  char td_comm[MAXCOMLEN + 1];
};
typedef struct thread* thread_t;
struct lwp {
  struct proc* lwp_proc;
  struct vmspace* lwp_vmspace;
  struct thread* lwp_thread; /* in a table of its own */
  struct lwp* lwp_next;
  lwpid_t lwp_tid;
  u_int lwp_flags, lwp_mpflags;
  enum lwpstat lwp_stat;
  int lwp_lock, lwp_sig, lwp_traceflag;
  sigset_t lwp_siglist, lwp_sigmask, lwp_oldsigmask;
  struct spinlock lwp_spin;
  struct lwkt_token lwp_token;
};

#define P_CONTROLT 0x00002
#define P_SWAPPEDOUT 0x00004
#define P_SYSVSEM 0x00008
#define P_PPWAIT 0x00010
#define P_PROFIL 0x00020
#define P_POSTEXIT 0x00040
#define P_SCMOUSE 0x00080
#define P_SUGID 0x00100
#define P_SYSTEM 0x00200
#define P_MAYBETHREADED 0x00400
#define P_TRACED 0x00800
#define P_WAITED 0x01000
#define P_WEXIT 0x02000
#define P_EXEC 0x04000
#define P_CONTINUED 0x08000
#define P_LOWMEMKILL 0x00010000
#define P_MUSTKILL 0x00020000
#define P_IDLESWAP 0x00400000
#define P_JAILED 0x01000000
#define P_SIGVTALRM 0x02000000
#define P_SIGPROF 0x04000000
#define P_INEXEC 0x08000000
#define P_DIDCHROOT 0x10000000
#define P_XCPU 0x40000000

#define LWP_ALTSTACK 0x001
#define LWP_OLDMASK 0x002
#define LWP_SINTR 0x008
#define LWP_SELECT 0x010
#define LWP_PASSIVE_ACQ 0x100
#define LWP_PAGING 0x200
#define LWP_MP_ONRUNQ 0x01
#define LWP_MP_WEXIT 0x02
#define LWP_MP_WSTOP 0x04
#define LWP_MP_ULOAD 0x08
#define LWP_MP_RRFORCE 0x10

#define PID_MAX 999999
#define NO_PID 0x7fffffff
#define PS_NOCLDWAIT 0x0001
#define PS_NOCLDSTOP 0x0002

#define RB_FIRST(name, head) ((head)->first)
#define RB_MIN(name, head) ((head)->first)
#define RB_ROOT(head) ((head)->first)
#define RB_EMPTY(head) ((head)->first == NULL)
#define RB_NEXT(name, head, lp) ((lp)->lwp_next)
#define RB_FOREACH(lp, name, head) for ((lp) = (head)->first; (lp) != NULL; (lp) = (lp)->lwp_next)
#define lwp_rb_tree_RB_LOOKUP(head, tid) pr_lwp_lookup(head, tid)
#define FIRST_LWP_IN_PROC(p) RB_FIRST(lwp_rb_tree, &(p)->p_lwp_tree)
#define FOREACH_LWP_IN_PROC(lp, p) RB_FOREACH(lp, lwp_rb_tree, &(p)->p_lwp_tree)
struct lwp* pr_only_lwp(struct proc*, const char*);
#define ONLY_LWP_IN_PROC(p) pr_only_lwp(p, __func__)
struct lwp* pr_lwp_lookup(struct lwp_rb_tree*, lwpid_t);
struct lwp* lwpfind(struct proc*, lwpid_t);

struct proc* pfind(pid_t);
struct proc* pfindn(pid_t);
struct proc* zpfind(pid_t);
void phold(struct proc*);
void prele(struct proc*);
int pholdzomb(struct proc*);
void prelezomb(struct proc*);
void pstall(struct proc*, const char*, int);
void lwphold(struct lwp*, int);
#define PHOLD(p) phold(p)
#define PRELE(p) prele(p)
#define _PHOLD(p) phold(p)
#define _PRELE(p) prele(p)
#define PHOLDZOMB(p) pholdzomb(p)
#define PRELEZOMB(p) prelezomb(p)
#define PSTALL(p, msg, n) pstall(p, msg, n)
#define LWPHOLD(lp) lwphold(lp, 1)
#define LWPRELE(lp) lwphold(lp, -1)
#define STOPLWP(p, lp) (((p)->p_stat == SSTOP || (p)->p_stat == SCORE) && ((lp)->lwp_mpflags & LWP_MP_WEXIT) == 0)

void proc_reparent(struct proc*, struct proc*);
void ksignal(struct proc*, int);
void lwpsignal(struct proc*, struct lwp*, int);
void proc_unstop(struct proc*, int);
void proc_stop(struct proc*, int);
void setrunnable(struct lwp*);
int inferior(struct proc*);
int trace_req(struct proc*);
void stopevent(struct proc*, unsigned int, unsigned int);

extern struct proc proc0;
extern struct proc* initproc;
extern struct thread* pr_curthread;
#define curthread pr_curthread
#define curproc (pr_curthread->td_proc)
#define curlwp (pr_curthread->td_lwp)

#define PINTERLOCKED 0x00000400
#define PCATCH 0x00000100
int tsleep(const volatile void*, int, const char*, int);
#define tsleep_interlock(ident, flags) ((void)0)
#define wakeup(ident) ((void)0)
#define wakeup_one(ident) ((void)0)
#define hz 100

/* ---- sys/uio.h, sys/systm.h ---- */
enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE, UIO_NOCOPY };
struct iovec {
  void* iov_base;
  size_t iov_len;
};
struct uio {
  struct iovec* uio_iov;
  int uio_iovcnt;
  off_t uio_offset;
  size_t uio_resid;
  enum uio_seg uio_segflg;
  enum uio_rw uio_rw;
  struct thread* uio_td;
};
int copyin(const void*, void*, size_t);
int copyout(const void*, void*, size_t);
int uiomove(caddr_t, size_t, struct uio*);
int uiomove_frombuf(void*, size_t, struct uio*);

/* ---- sys/reg.h, sys/ptrace.h, machine/ptrace.h ---- */
struct reg {
  register_t r_rdi, r_rsi, r_rdx, r_rcx, r_r8, r_r9, r_rax, r_rbx, r_rbp, r_r10, r_r11, r_r12, r_r13, r_r14, r_r15;
  register_t r_xflags, r_trapno, r_addr, r_flags, r_err, r_rip, r_cs, r_rflags, r_rsp, r_ss;
};
struct fpreg {
  u_int64_t fpr_env[4];
  u_int8_t fpr_acc[8][16], fpr_xacc[16][16];
  u_int64_t fpr_spare[12];
};
struct dbreg {
  u_int64_t dr[16];
};

#define PT_TRACE_ME 0
#define PT_READ_I 1
#define PT_READ_D 2
#define PT_WRITE_I 4
#define PT_WRITE_D 5
#define PT_CONTINUE 7
#define PT_KILL 8
#define PT_STEP 9
#define PT_ATTACH 10
#define PT_DETACH 11
#define PT_IO 12
#define PT_FIRSTMACH 32
#define PT_GETREGS (PT_FIRSTMACH + 1)
#define PT_SETREGS (PT_FIRSTMACH + 2)
#define PT_GETFPREGS (PT_FIRSTMACH + 3)
#define PT_SETFPREGS (PT_FIRSTMACH + 4)
#define PT_GETDBREGS (PT_FIRSTMACH + 5)
#define PT_SETDBREGS (PT_FIRSTMACH + 6)

struct ptrace_io_desc {
  int piod_op;
  void* piod_offs;
  void* piod_addr;
  size_t piod_len;
};
#define PIOD_READ_D 1
#define PIOD_WRITE_D 2
#define PIOD_READ_I 3
#define PIOD_WRITE_I 4

int kern_ptrace(struct proc*, int, pid_t, void*, int, int*);
int ptrace_set_pc(struct lwp*, unsigned long);
int ptrace_single_step(struct lwp*);
int ptrace_clear_single_step(struct lwp*);

/* ---- vfs/procfs/procfs.h: what follows a lwp or a vnode is opaque ---- */
struct pfsnode;
struct vnode;
#define S_EXEC 0x00000001
#define S_SIG 0x00000002
#define S_SCE 0x00000004
#define S_SCX 0x00000008
#define S_CORE 0x00000010
#define S_EXIT 0x00000020
#define STOPEVENT(p, e, v)                      \
  do {                                          \
    if ((p)->p_stops & (e)) stopevent(p, e, v); \
  } while (0)
#define CHECKIO(p1, p2) pr_prison_check((p1)->p_ucred, (p2)->p_ucred)
int procfs_domem(struct proc*, struct lwp*, struct pfsnode*, struct uio*);
int procfs_rwmem(struct proc*, struct proc*, struct uio*);
int procfs_doregs(struct proc*, struct lwp*, struct pfsnode*, struct uio*);
int procfs_dofpregs(struct proc*, struct lwp*, struct pfsnode*, struct uio*);
int procfs_dodbregs(struct proc*, struct lwp*, struct pfsnode*, struct uio*);
int procfs_validregs(struct lwp*);
int procfs_validfpregs(struct lwp*);
int procfs_validdbregs(struct lwp*);

/* ---- sys/sysproto.h ---- */
struct sysmsg {
  union {
    int iresult;
    long lresult;
    void* resultp;
    int fds[2];
    size_t szresult;
    off_t offset;
    register_t reg;
  } sm_result;
};
#define sysmsg_result sysmsg.sm_result.iresult
#define sysmsg_iresult sysmsg.sm_result.iresult
#define sysmsg_lresult sysmsg.sm_result.lresult
#define sysmsg_resultp sysmsg.sm_result.resultp
#define sysmsg_fds sysmsg.sm_result.fds
#define sysmsg_szresult sysmsg.sm_result.szresult
#define sysmsg_offset sysmsg.sm_result.offset
#define sysmsg_reg sysmsg.sm_result.reg
struct ptrace_args {
  struct sysmsg sysmsg;
  int req;
  pid_t pid;
  caddr_t addr;
  int data;
};
int sys_ptrace(struct ptrace_args*);

#endif
