/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small FreeBSD around one sys_process.c (see abi.h), as its files share it; the kernel's source sees freebsd.h.
 *
 *   state.c      pr_state and the structures
 *   locks.c      locks and holds
 *   process.c    processes, credentials, signals
 *   memory.c     malloc(9), and bytes between the kernel, the caller and a process
 *   vm.c         maps, objects, pages and the mapped file
 *   registers.c  registers, single-stepping, cpu_ptrace()
 *   call.c       one call, from what the caller has prepared to what is left when it is over
 *   answer.c     what the caller got
 */
#ifndef PROCTOR_SHIM_FREEBSD_IMAGE_H
#define PROCTOR_SHIM_FREEBSD_IMAGE_H

#include "../common.h"
#include "freebsd.h"
/* after the kernel's numbers */
#include "../requests.h"

#pragma GCC visibility push(hidden)

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
  ENTRIES = 5,
  FILE_ID = 70000, /* of the file that process slot 0 has mapped, and of the others on */
  FILE_SYSTEM = 0x3301
};
static const char kPath[] = "/usr/bin/target"; /* of that file */

/* ---- one call ---- */

struct held_lock {
  const void* lock;
  const char* kind;
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

struct work {
  struct ptrace_args args __aligned(16);
  unsigned char user[USER_SIZE] __aligned(16), before[USER_SIZE] __aligned(16);
  int td, caller, target;                  /* thread and process slots; the target is the caller in PT_TRACE_ME */
  int swapped;                             /* the target is not in memory during this call */
  int memory, registers, set_pc, vm_entry; /* answers of pr_host.open; memory < 0: not asked */
  int tree_shared;
  int nameless; /* vn_fullpath() does not find the file's name */
  int fault_at; /* where an unmapped address shows: 0 vm_fault(), 1 vm_map_lookup(), 2 no page in any object */
  int faulted_for_writing;
  int locks, spans, transfers, allocations;
  struct held_lock lock[12];
  struct span span[8];
  struct transfer transfer[4];
  unsigned moves;
  int move_td, reg_set; /* reg_set: which registers were set, or -1 */
  u_long pc;
  int mapped; /* kernel address space: 0 none, 1 allocated, 2 with the page below */
  struct vm_page* page;
  struct {
    u_long size; /* 0: free */
    unsigned char* bytes;
  } allocation[4];
  unsigned arena_used;
  unsigned char arena[1024] __aligned(16);
};

/* answer.c: what the request has moved.  Nothing else of the caller's memory or a process's may have changed. */
void pr_see(struct work* w, struct pr_result* r);
/* registers.c: the call has to do with this thread, and moved that of it. */
void pr_moved(unsigned what, int td);

/* ---- state.c: processes and threads ---- */

extern struct pr_state pr_shadow; /* what store() was told last, kept up to date by load() */
extern struct proc pr_procs[PR_PROCS];
extern struct thread pr_threads[PR_LWPS];

void pr_start_state(void);
void pr_store(const struct pr_state* state);
void pr_load(struct pr_state* state);
void pr_reset_state(void);
/* Before the first and after the last of the calls in flight: a thread that is newly suspended was told to look. */
void pr_note_suspended(void);
void pr_check_suspended(void);

static inline int slot_of(const struct proc* p, const char* where) {
  u_long at = (u_long)p - (u_long)pr_procs;
  if (p == &proc0) return PR_NONE;
  if (at >= sizeof pr_procs || at % sizeof pr_procs[0] != 0) {
    if (p == NULL) complain("%s: no process (NULL)", where);
    complain("%s: a pointer that is no struct proc (%p)", where, p);
  }
  int slot = at / sizeof pr_procs[0];
  if (pr_shadow.proc[slot].state == PR_FREE) complain("%s: pid %d is used after it was freed", where, PR_PID(slot));
  return slot;
}

static inline int thread_of(const struct thread* td, const char* where) {
  u_long at = (u_long)td - (u_long)pr_threads;
  if (at >= sizeof pr_threads || at % sizeof pr_threads[0] != 0) {
    if (td == NULL) complain("%s: no thread (NULL)", where);
    complain("%s: a pointer that is no struct thread (%p)", where, td);
  }
  int slot = at / sizeof pr_threads[0];
  if (pr_shadow.lwp[slot].proc == PR_NONE) complain("%s: tid %d is used after it was freed", where, PR_TID(slot));
  return slot;
}

static inline struct proc* pointer_of(int slot) { return slot >= PR_PROCS ? &proc0 : &pr_procs[slot]; }

/* ---- locks.c ---- */

void pr_sleeps(const char* where); /* it may sleep here: no lock is held with which that is forbidden */
struct held_lock* pr_find_lock(const void* lock);
int pr_owns_proc(int slot);

/* ---- vm.c, memory.c, registers.c: what processes and threads have that no rule speaks of ---- */

struct machine {
  struct vmspace space;
  struct vm_map_entry entry[ENTRIES];
  struct vm_object top, bottom, shadowing, file;
  struct vnode vnode;
  struct vm_page page[PAGES];
  uint8_t bytes[PAGES][PAGE_SIZE];
  ksiginfo_t ksi;
  struct sigqueue queue;
};
extern struct machine pr_machine[PR_PROCS];
void pr_make_memory(int slot);
void pr_settle_memory(void);
const char* pr_check_memory(int slot); /* what of it is still referenced, NULL if nothing */
int pr_memory_answer(void);            /* PR_OPEN_MEMORY of this call */

struct pcb {
  unsigned char registers[REG_KINDS][sizeof(struct fpreg)];
  u_long pc;
  int step;
};
extern struct pcb pr_pcbs[PR_LWPS];
void pr_fill_registers(int td, int kind);

#pragma GCC visibility pop

#endif
