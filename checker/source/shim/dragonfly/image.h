/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A DragonFly kernel with nothing in it but what ptrace(2) needs: four processes, six threads, their registers, a few
 * bytes of memory each, and the functions that sys_process.c calls.  Locks, credentials, signals and the process tree
 * are the harness's (abi.h).  Here is what its files share; the kernel's source sees dragonfly.h.
 *
 *   state.c      pr_state and the structures
 *   locks.c      tokens, critical sections, holds
 *   process.c    processes, credentials, signals
 *   memory.c     bytes between the kernel, the caller and a process
 *   registers.c  registers, the program counter, single-stepping
 *   call.c       one call, and what the caller has prepared for it
 *   answer.c     what the caller got
 *
 * The structures that the source sees are pr_procs, pr_lwps and pr_threads.  Memory and registers are elsewhere, where
 * only the functions that move bytes reach them; so an answer that is right came by way of them.
 */
#ifndef PROCTOR_SHIM_DRAGONFLY_IMAGE_H
#define PROCTOR_SHIM_DRAGONFLY_IMAGE_H

#include "../common.h"
#include "dragonfly.h"
/* after the kernel's numbers */
#include "../requests.h"

#pragma GCC visibility push(hidden)

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

/* ---- one call ---- */

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
extern struct work* pr_flying[PR_LWPS]; /* by the thread that calls */

/* answer.c: what the request has moved.  Nothing else may have changed of the caller's memory or a process's. */
void pr_see(struct work* w, struct pr_result* result);

/* ---- state.c: processes and threads ---- */

extern struct pr_state pr_kept; /* as last stored */
extern struct proc pr_procs[PR_PROCS];
extern struct lwp pr_lwps[PR_LWPS];
extern struct thread pr_threads[PR_LWPS];

void pr_start_state(void);
void pr_store(const struct pr_state* state);
void pr_load(struct pr_state* state);
void pr_reset_state(void);

/* The slot of p, or PR_NONE for the swapper. */
static inline int slot_of(const struct proc* p, const char* what) {
  unsigned long at = (unsigned long)((const char*)p - (const char*)pr_procs);
  if (__predict_true(at < sizeof pr_procs && at % sizeof *p == 0)) {
    int slot = (int)(at / sizeof *p);
    if (__predict_false(pr_kept.proc[slot].state == PR_FREE))
      complain("%s of a freed struct proc (slot %d)", what, slot);
    return slot;
  }
  if (p != &proc0) complain(p == NULL ? "%s of a NULL struct proc" : "%s of %p, which is no struct proc", what, p);
  return PR_NONE;
}

static inline int lwp_slot_of(const struct lwp* lp, const char* what) {
  unsigned long at = (unsigned long)((const char*)lp - (const char*)pr_lwps);
  if (__predict_false(at >= sizeof pr_lwps || at % sizeof *lp != 0))
    complain(lp == NULL ? "%s of a NULL struct lwp" : "%s of %p, which is no struct lwp", what, lp);
  if (__predict_false(pr_kept.lwp[at / sizeof *lp].proc == PR_NONE))
    complain("%s of a freed struct lwp (slot %d)", what, (int)(at / sizeof *lp));
  return (int)(at / sizeof *lp);
}

/* ---- locks.c ---- */

void pr_needs_hold(int slot, const char* what);
void pr_needs_token(int slot, const char* what);
void pr_needs_lwp_hold(int l, const char* what);

/* ---- memory.c, registers.c ---- */

extern unsigned char pr_memory[PR_PROCS][kMemoryBytes];
extern unsigned char pr_pattern[PR_PROCS][kMemoryBytes]; /* pr_memory while nobody writes */

static inline int word_at(const unsigned char* bytes) {
  int word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

void pr_start_memory(void);
int pr_procfs_may(struct proc* curp, struct proc* p);
void pr_check_uio(struct proc* curp, struct uio* uio, const char* what);

struct registers {
  struct reg reg;
  struct fpreg fpreg;
  struct dbreg dbreg;
  int step;
};
extern struct registers pr_registers[PR_LWPS];

#pragma GCC visibility pop

#endif
