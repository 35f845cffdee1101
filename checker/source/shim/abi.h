/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the harness (C++, checker/source) and an image: a sys_process.c compiled together with one of the two small
 * kernels of this folder (freebsd, dragonfly) into a shared object.  Plain C, no kernel types.
 *
 * The image holds the kernel's own structures.  The harness sees them only as pr_state, which is the model's state
 * written out; slots name processes and threads, and the pid and tid of a slot never change.  What surrounds
 * kern_ptrace() and is not in the source (credentials, reparenting, signals) the image asks of the harness by
 * pr_host.help, which answers from the model's own rules.
 */
#ifndef PROCTOR_SHIM_ABI_H
#define PROCTOR_SHIM_ABI_H

#ifdef __cplusplus
extern "C" {
#endif

#define PR_ABI 2
#define PR_PROCS 4
#define PR_LWPS 6
#define PR_NONE 0xff   /* no process, no thread */
#define PR_NO_PID 9999 /* a pid and a tid that nobody has */
#define PR_NO_TID 199999
#define PR_PID(slot) ((slot) == 0 ? 1 : 100 + (slot)) /* slot 0 is init */
#define PR_TID(slot) (100100 + (slot))

/* pr_proc.state */
enum { PR_FREE, PR_NORMAL, PR_ZOMBIE };

/* pr_proc.p_flag: the model's bits (model/state.hpp; a test compares the two lists). */
enum {
  PR_P_TRACED = 0x0001,
  PR_P_WAITED = 0x0002,
  PR_P_WEXIT = 0x0004,
  PR_P_STOPPED_SIG = 0x0008,   /* DragonFly: p_stat is SSTOP */
  PR_P_STOPPED_TRACE = 0x0010, /* FreeBSD only */
  PR_P_PPWAIT = 0x0020,
  PR_P_PPTRACE = 0x0040,
  PR_P_CONTINUED = 0x0080,
  PR_P_WKILLED = 0x0100,
  PR_P_TREE_REAPER = 0x0200,
  PR_P2_PTRACE_FSTP = 0x0400,
  PR_P_SYSTEM = 0x0800,
  PR_P_SUGID = 0x1000,
  PR_P_INEXEC = 0x2000,
  PR_KEPT = 0xc000 /* kept by the image, the source cannot see it */
};
/* pr_proc.p_ptevents.  In FreeBSD of 2015: SCE and SCX are S_PT_SCE and S_PT_SCX of p_stops, FORK is P_FOLLOWFORK. */
enum { PR_EXEC = 1, PR_SCE = 2, PR_SCX = 4, PR_FORK = 8, PR_LWP = 16, PR_VFORK = 32 };
/* pr_proc.p_cred: the image keeps it and gives it back, but for the bit below */
#define PR_CRED_UID(cred) ((cred) & 3)         /* 1: root */
#define PR_CRED_RUID(cred) ((cred) >> 10 & 3) /* 0: the same user */
enum { PR_SIGPARENT = 0x0008 }; /* p_sigparent is another signal than SIGCHLD */
/* pr_lwp.td_flag: the kernel's TDB_ values, and above them: */
enum {
  PR_TD_SUSPENDED = 0x2000, /* kept by the image */
  PR_TD_RFPPWAIT = 0x4000,  /* kept by the image */
  PR_TD_STEP = 0x8000       /* single-stepping: set by ptrace_single_step(), cleared by ptrace_clear_single_step() */
};

struct pr_proc {
  unsigned char state, p_ptevents, p_pptr, p_oppid, p_orphan, p_xthread, p_reaper, p_numthreads, p_suspcount;
  unsigned short p_flag, p_xstat, p_cred; /* p_xstat: p_xsig in FreeBSD of 2015 */
};
struct pr_lwp {
  unsigned char proc, td_xsig;
  unsigned char td_dbgksi; /* ksi_signo */
  unsigned char td_rank;   /* 0: the first of p_threads */
  unsigned short td_flag;
};
struct pr_state {
  struct pr_proc proc[PR_PROCS];
  struct pr_lwp lwp[PR_LWPS];
};

/* Locks.  PR_SHARED: taken shared (only proctree_lock has that). */
enum pr_op { PR_LOCK, PR_UNLOCK, PR_HOLD, PR_RELEASE, PR_SHARED };
enum pr_lock {
  PR_PROCTREE, /* sx_xlock(&proctree_lock) */
  PR_PROC,     /* PROC_LOCK(p); also the operand of PR_HOLD and PR_RELEASE: _PHOLD, _PRELE, PHOLD, PRELE */
  PR_SLOCK,    /* PROC_SLOCK(p) */
  PR_GIANT,
  PR_SCHED,  /* sched_lock, a spin mutex */
  PR_THREAD, /* thread_lock(td); proc is the process of td */
  PR_TOKEN,  /* lwkt_gettoken(&p->p_token) */
  PR_CRIT,   /* crit_enter(), crit_exit() */
  PR_LWPHOLD /* LWPHOLD(lp), LWPRELE(lp): PR_HOLD and PR_RELEASE of the process of lp */
};

/* What the state does not decide, and how it is answered: model/words/open_choices.inc.  0 is the answer by which the call
 * goes on.  An image does not ask for cansee, candebug and sigchld. */
enum pr_open {
  PR_OPEN_COPYIN,
  PR_OPEN_COPYOUT,
  PR_OPEN_CANSEE,
  PR_OPEN_CANDEBUG,
  PR_OPEN_IO_OP,
  PR_OPEN_MEMORY,    /* 2: EFAULT; 3: ENOMEM, in FreeBSD since some time between 2003 and 2015 */
  PR_OPEN_REGISTERS, /* 1: the process is swapped out; 2: EINVAL */
  PR_OPEN_MACHINE,   /* cpu_ptrace(): 1 EINVAL, 2 EFAULT */
  PR_OPEN_VM_ENTRY,
  PR_OPEN_SIGCHLD,
  PR_OPEN_SET_PC,      /* addr: 0 is (caddr_t)1, 1 another one, 2 another one and ptrace_set_pc() refuses it (EINVAL) */
  PR_OPEN_SINGLE_STEP, /* 1: ptrace_single_step() and ptrace_clear_single_step() fail (EINVAL) */
  PR_OPENS
};

/* What the image asks the harness to do to the state.  The image stores its structures before it asks and loads them
 * after (pr_image.load and .store are called by the harness). */
enum pr_help {
  PR_CANSEE,     /* a: caller process, b: target process; returns an errno */
  PR_CANDEBUG,   /* the same */
  PR_PRIV,       /* a: caller process: priv_check_cred(PRIV_ROOT); returns an errno */
  PR_REPARENT,   /* a: child, b: new parent */
  PR_REALPARENT, /* a: child; returns the slot of its real parent */
  PR_PSIGNAL,    /* a: process, b: signal */
  PR_UNSUSPEND,  /* a: process: thread_unsuspend() */
  PR_UNSTOP,     /* a: process: DragonFly's proc_unstop() */
  PR_SIGTAKE,    /* a: process: sigqueue_take() of its p_ksi */
  PR_SIGDEL      /* a: process, b: signal: sigqueue_delete() out of the queue of the process */
};

struct pr_host {
  /* A lock operation is about to happen; returns when it has.  proc is a slot, PR_NONE for locks that are global. */
  void (*lock)(enum pr_op op, enum pr_lock lock, int proc);
  /* Whether the running thread holds the lock (any mode); PR_HOLD counts are asked with held(). */
  int (*owns)(enum pr_lock lock, int proc);
  int (*held)(int proc);                /* holds of the process by anybody */
  void (*may_sleep)(const char* where); /* the kernel may sleep here: no mutex, spin mutex or critical section */
  int (*open)(enum pr_open kind);
  int (*help)(enum pr_help what, int a, int b);
  int (*dice)(int ways); /* 0..ways-1, for what makes no difference (PIOD_READ_D or PIOD_READ_I) */
  void (*ktr)(const char* format, int count, const unsigned long* args);
  /* Something the kernel would panic over, or a protocol broken: printf-like, one line, does not return. */
  void (*finding)(const char* format, ...);
};

/* pr_result.moves: what the image saw move, by comparing memory before and after the call. */
enum {
  PR_MOVED_WORD_READ = 0x0001,  /* the return value is the target's word at addr */
  PR_MOVED_WORD_WRITE = 0x0002, /* the target's word at addr is now data */
  PR_MOVED_IO_READ = 0x0004,    /* the caller's buffer holds the target's bytes, all of them */
  PR_MOVED_IO_WRITE = 0x0008,   /* the target's memory holds the caller's bytes, all of them */
  PR_MOVED_PIOD = 0x0010,       /* the caller's descriptor says how many bytes moved */
  PR_MOVED_REGS_OUT = 0x0020,   /* the caller's buffer holds the registers asked for of thread move_td */
  PR_MOVED_REGS_SET = 0x0040,   /* the registers named, of thread move_td, are the caller's */
  PR_MOVED_PC = 0x0080,         /* the program counter of thread move_td is addr */
  PR_MOVED_KSI = 0x0100,        /* sigqueue_take(p->p_ksi) was called */
  PR_MOVED_LWPLIST = 0x0200,    /* the caller's buffer holds min(data, p_numthreads) tids in order, and no more */
  PR_MOVED_LWPINFO = 0x0400,    /* the caller's buffer holds exactly data bytes of the answer (see lwpinfo_*) */
  PR_MOVED_VM_ENTRY = 0x0800,   /* the caller's buffer describes the entry that was asked for */
  PR_MOVED_MACHINE = 0x1000,    /* cpu_ptrace() was called with thread move_td, this request, addr and data */
  PR_MOVED_RUNNABLE = 0x2000,   /* setrunnable() was called with thread move_td */
  PR_MOVED_OTHER = 0x8000       /* something else moved that should not have; said by pr_host.finding in detail */
};
/* pr_result.uninit: fields of what was copied out that hold bytes nobody wrote. */
enum {
  PR_UNINIT_CHILD_PID = 1, /* pl_child_pid */
  PR_UNINIT_TDNAME = 2,    /* pl_tdname after its NUL */
  PR_UNINIT_PADDING = 4,   /* bytes between fields */
  PR_UNINIT_OTHER = 8      /* any other byte of any answer */
};

struct pr_result {
  int error;
  long retval; /* td_retval[0] or sysmsg_result */
  unsigned moves, uninit;
  int move_td;
  /* As the caller sees them in its buffer; if MOVED_LWPINFO. */
  int lwpinfo_tid, lwpinfo_event, lwpinfo_flags, lwpinfo_code;
};

struct pr_image {
  int abi;
  const char* family; /* "freebsd", "dragonfly" */
  /* Once, before anything else. */
  void (*start)(const struct pr_host* host);
  /* State into the kernel's structures, and back.  A free slot is filled with 0xde bytes by store; load calls finding
   * if a free slot was written to.  Whatever of the structures pr_state does not show is kept between the two, unless
   * the slot changes from or to free. */
  void (*store)(const struct pr_state* state);
  void (*load)(struct pr_state* state);
  /* Sets curthread, for a harness that runs several calls at once. */
  void (*current)(int td);
  /* sys_ptrace() by thread td.  target is a process slot, or with by_tid a thread slot; PR_NONE names nobody.  Can run
   * on several stacks at once; each has its own struct ptrace_args, user buffer and before-image in `work`.
   * `mask` is what addr points to in PT_SET_EVENT_MASK. */
  void (*call)(void* work, int td, int req, int target, int by_tid, int data, int mask, struct pr_result* result);
  unsigned long work_size; /* bytes of *work, zeroed by the harness before its first use */
  /* Forgets what a call that never came back has left behind. */
  void (*reset)(void);
};
extern const struct pr_image proctor_image;

#ifdef __cplusplus
}
#endif
#endif
