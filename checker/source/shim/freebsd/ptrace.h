/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What of ptrace(2) user space sees: numbers and layouts of sys/ptrace.h and machine/reg.h, those of amd64.
 */
enum {
  PT_TRACE_ME = 0, PT_READ_I = 1, PT_READ_D = 2, PT_WRITE_I = 4, PT_WRITE_D = 5, PT_CONTINUE = 7, PT_KILL = 8,
  PT_STEP = 9, PT_ATTACH = 10, PT_DETACH = 11, PT_IO = 12, PT_LWPINFO = 13, PT_GETNUMLWPS = 14, PT_GETLWPLIST = 15,
  PT_CLEARSTEP = 16, PT_SETSTEP = 17, PT_SUSPEND = 18, PT_RESUME = 19, PT_TO_SCE = 20, PT_TO_SCX = 21, PT_SYSCALL = 22,
  PT_FOLLOW_FORK = 23, PT_LWP_EVENTS = 24, PT_GET_EVENT_MASK = 25, PT_SET_EVENT_MASK = 26, PT_GETREGS = 33, PT_SETREGS = 34, PT_GETFPREGS = 35, PT_SETFPREGS = 36,
  PT_GETDBREGS = 37, PT_SETDBREGS = 38, PT_VM_TIMESTAMP = 40, PT_VM_ENTRY = 41, PT_FIRSTMACH = 64
};
enum { PIOD_READ_D = 1, PIOD_WRITE_D = 2, PIOD_READ_I = 3, PIOD_WRITE_I = 4 };
enum { PL_EVENT_NONE = 0, PL_EVENT_SIGNAL = 1 };
enum {
  PL_FLAG_SA = 0x01, PL_FLAG_BOUND = 0x02, PL_FLAG_SCE = 0x04, PL_FLAG_SCX = 0x08, PL_FLAG_EXEC = 0x10,
  PL_FLAG_SI = 0x20, PL_FLAG_FORKED = 0x40, PL_FLAG_CHILD = 0x80, PL_FLAG_BORN = 0x100, PL_FLAG_EXITED = 0x200,
  PL_FLAG_VFORKED = 0x400, PL_FLAG_VFORK_DONE = 0x800
};
enum {
  PTRACE_EXEC = 0x1, PTRACE_SCE = 0x2, PTRACE_SCX = 0x4, PTRACE_SYSCALL = PTRACE_SCE | PTRACE_SCX, PTRACE_FORK = 0x8,
  PTRACE_LWP = 0x10, PTRACE_VFORK = 0x20, PTRACE_DEFAULT = PTRACE_EXEC
};
struct ptrace_io_desc {
  int piod_op;
  void *piod_offs, *piod_addr;
  size_t piod_len;
};
struct ptrace_lwpinfo {
  lwpid_t pl_lwpid;
  int pl_event, pl_flags;
  sigset_t pl_sigmask, pl_siglist;
  siginfo_t pl_siginfo;
  char pl_tdname[MAXCOMLEN + 1];
  pid_t pl_child_pid;
  u_int pl_syscall_code, pl_syscall_narg;
};
CTASSERT(sizeof(struct ptrace_lwpinfo) == 160);
struct ptrace_vm_entry {
  int pve_entry, pve_timestamp;
  u_long pve_start, pve_end, pve_offset;
  u_int pve_prot, pve_pathlen;
  long pve_fileid;
  uint32_t pve_fsid;
  char *pve_path;
};
struct reg {
  register_t r_r15, r_r14, r_r13, r_r12, r_r11, r_r10, r_r9, r_r8, r_rdi, r_rsi, r_rbp, r_rbx, r_rdx, r_rcx, r_rax;
  uint32_t r_trapno;
  uint16_t r_fs, r_gs;
  uint32_t r_err;
  uint16_t r_es, r_ds;
  register_t r_rip, r_cs, r_rflags, r_rsp, r_ss;
};
struct fpreg { u_long fpr_env[4]; uint8_t fpr_acc[8][16], fpr_xacc[16][16]; u_long fpr_spare[12]; };
struct dbreg { u_long dr[16]; };
CTASSERT(sizeof(struct reg) == 176 && sizeof(struct fpreg) == 512 && sizeof(struct dbreg) == 128);
