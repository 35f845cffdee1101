/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Not FreeBSD's headers, and of no use for building anything: declarations of our own, just enough to let a C
 * compiler check the syntax and types of the programs that `proctor run --format atf` prints.  Nothing runs with
 * these numbers.
 */
#ifndef PROCTOR_STAND_IN_H
#define PROCTOR_STAND_IN_H

typedef unsigned long size_t;
typedef long ssize_t, off_t;
typedef int pid_t, uid_t;
typedef char* caddr_t;
typedef struct stand_in_thread* pthread_t;
#define NULL ((void*)0)

extern int* stand_in_errno(void);
#define errno (*stand_in_errno())
enum { EPERM = 1, ENOENT, ESRCH, EINTR, EIO, ECHILD = 10, ENOMEM = 12, EFAULT = 14, EBUSY = 16, EINVAL = 22 };
enum { EAGAIN = 35, ENAMETOOLONG = 63, ECAPMODE = 94 };

enum { SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGEMT, SIGFPE, SIGKILL, SIGBUS, SIGSEGV, SIGSYS };
enum { SIGPIPE = 13, SIGALRM, SIGTERM, SIGURG, SIGSTOP, SIGTSTP, SIGCONT, SIGCHLD, SIGTTIN, SIGTTOU, SIGIO };
enum { SIGXCPU = 24, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGINFO, SIGUSR1, SIGUSR2, SIGTHR };
typedef void (*stand_in_handler)(int);
#define SIG_IGN ((stand_in_handler)1)
#define SIG_DFL ((stand_in_handler)0)
typedef struct stand_in_set {
  unsigned bits[4];
} sigset_t;
struct sigaction {
  stand_in_handler sa_handler;
  int sa_flags;
  sigset_t sa_mask;
};
int sigaction(int, const struct sigaction*, struct sigaction*);
int sigemptyset(sigset_t*);
int sigaddset(sigset_t*, int);
enum { SIG_BLOCK = 1, SIG_UNBLOCK };
int sigprocmask(int, const sigset_t*, sigset_t*);
int kill(pid_t, int);
int thr_kill(long, int);
void thr_exit(long*);
void breakpoint(void);

pid_t fork(void);
pid_t vfork(void);
pid_t rfork(int);
enum { RFNOWAIT = 1, RFFDG = 2, RFPROC = 4 };
pid_t getpid(void);
pid_t getppid(void);
pid_t getpgid(pid_t);
pid_t getsid(pid_t);
pid_t setsid(void);
int setpgid(pid_t, pid_t);
int pdfork(int*, int);
int setuid(uid_t);
int execl(const char*, const char*, ...);
int atexit(void (*)(void));
void _exit(int) __attribute__((noreturn));
int pipe(int[2]);
int dup2(int, int);
int close(int);
int unlink(const char*);
int usleep(unsigned);
ssize_t read(int, void*, size_t);
ssize_t write(int, const void*, size_t);
int ftruncate(int, off_t);
enum { PROT_READ = 1, PROT_WRITE, MAP_SHARED = 1 };
#define MAP_FAILED ((void*)-1)
void* mmap(void*, size_t, int, int, int, off_t);
enum { RLIMIT_CPU };
struct rlimit {
  long rlim_cur, rlim_max;
};
int setrlimit(int, const struct rlimit*);
char* getenv(const char*);
int setenv(const char*, const char*, int);
int atoi(const char*);
int mkstemp(char*);
int snprintf(char*, size_t, const char*, ...) __attribute__((format(printf, 3, 4)));
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);

pid_t waitpid(pid_t, int*, int);
enum { WNOHANG = 1, WUNTRACED = 2, WCONTINUED = 4, WNOWAIT = 8 };
int stand_in_status(int, int);
#define WIFEXITED(s) stand_in_status(s, 0)
#define WEXITSTATUS(s) stand_in_status(s, 1)
#define WIFSIGNALED(s) stand_in_status(s, 2)
#define WTERMSIG(s) stand_in_status(s, 3)
#define WIFSTOPPED(s) stand_in_status(s, 4)
#define WSTOPSIG(s) stand_in_status(s, 5)
#define WIFCONTINUED(s) stand_in_status(s, 6)

int pthread_create(pthread_t*, const void*, void* (*)(void*), void*);

int ptrace(int, pid_t, caddr_t, int);
#define PT_READ_I 1
#define PT_READ_D 2
#define PT_WRITE_I 4
#define PT_WRITE_D 5
#define PT_IO 12
#define PT_LWPINFO 13
#define PT_GETLWPLIST 15
#define PT_GET_EVENT_MASK 25
#define PT_SET_EVENT_MASK 26
#define PT_GETREGS 33
#define PT_SETREGS 34
#define PT_GETFPREGS 35
#define PT_SETFPREGS 36
#define PT_GETDBREGS 37
#define PT_SETDBREGS 38
enum { PIOD_READ_D = 1, PIOD_WRITE_D };
struct ptrace_io_desc {
  int piod_op;
  void* piod_offs;
  void* piod_addr;
  size_t piod_len;
};

struct ptrace_lwpinfo {
  int pl_lwpid, pl_event, pl_flags;
};

enum stand_in_id { P_PID };
int procctl(enum stand_in_id, pid_t, int, void*);
#define PROC_REAP_ACQUIRE 2
#define PROC_REAP_RELEASE 3
#define PROC_REAP_KILL 6
struct procctl_reaper_kill {
  int rk_sig;
};

enum { CTL_KERN = 1, KERN_PROC = 14, KERN_PROC_PATHNAME = 12, KERN_PROC_PID = 1 };
enum { KERN_PROC_SESSION = 3, KERN_PROC_INC_THREAD = 16 };
int sysctl(const int*, unsigned, void*, size_t*, const void*, size_t);
struct kinfo_proc {
  pid_t ki_pid;
  int ki_tid;
  char ki_stat;
};
enum { SSLEEP = 3, SSTOP, SZOMB };

/* libatf-c */
typedef struct stand_in_case {
  int unused;
} atf_tc_t;
typedef struct stand_in_program {
  int unused;
} atf_tp_t;
typedef int atf_error_t;
atf_error_t atf_no_error(void);
atf_error_t stand_in_add(atf_tp_t*, void (*)(const atf_tc_t*));
void atf_tc_fail(const char*, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define ATF_TC_WITHOUT_HEAD(name) static void name##_body(const atf_tc_t*)
#define ATF_TC_BODY(name, tc) static void name##_body(const atf_tc_t* tc __attribute__((unused)))
#define ATF_TP_ADD_TCS(tp) atf_error_t stand_in_cases(atf_tp_t* tp)
#define ATF_TP_ADD_TC(tp, name) (void)stand_in_add(tp, name##_body)
#define ATF_REQUIRE(condition) ATF_REQUIRE_MSG(condition, "%s", #condition)
#define ATF_REQUIRE_MSG(condition, ...)         \
  do {                                          \
    if (!(condition)) atf_tc_fail(__VA_ARGS__); \
  } while (0)
#define ATF_REQUIRE_EQ(a, b) ATF_REQUIRE((a) == (b))

#endif
