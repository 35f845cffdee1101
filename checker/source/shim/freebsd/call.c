/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One call: what the caller has prepared, the call, what is left when it is over.
 */
#include "image.h"

/* ---- what the caller has prepared ---- */

static int resumes(int req) {
  return req == PT_STEP || req == PT_CONTINUE || req == PT_DETACH ||
         (!PROCTOR_2003 && (req == PT_TO_SCE || req == PT_TO_SCX || req == PT_SYSCALL));
}

static void prepare_io(struct work* w) {
  static const vm_offset_t kOffset[] = {64, PAGE_SIZE - 8, PAGE_SIZE + 64};
  struct ptrace_io_desc* d = (struct ptrace_io_desc*)w->user;
  int answer = pr_host->open(PR_OPEN_IO_OP), way = pr_host->dice(2);
  d->piod_op = answer == 0   ? way ? PIOD_READ_D : PIOD_READ_I
               : answer == 2 ? way ? PIOD_WRITE_D : PIOD_WRITE_I
                             : (way ? 9 : 0);
  d->piod_offs = (void*)(MEMORY_AT + kOffset[pr_host->dice(nitems(kOffset))]);
  d->piod_addr = w->user + IO_AT;
  d->piod_len = IO_BYTES;
  if (answer == 2)
    for (int i = 0; i < IO_BYTES; i++) w->user[IO_AT + i] = 0x31 + i;
}

static void prepare_vm_entry(struct work* w) {
  static const int kGood[] = {0, 1, 2, 3}, kEnd[] = {4, 5};
  struct ptrace_vm_entry* e = (struct ptrace_vm_entry*)w->user;
  w->vm_entry = pr_host->open(PR_OPEN_VM_ENTRY);
  e->pve_pathlen = 0;
  e->pve_path = (char*)w->user + PATH_AT;
  switch (w->vm_entry) {
    case 0: /* entries 1 and 2 have a path, and nobody asks for it */
      e->pve_entry = kGood[pr_host->dice(4)];
      if (e->pve_entry == 0 || e->pve_entry == 3) e->pve_pathlen = pr_host->dice(2) ? PATH_BYTES : 0;
      break;
    case 4:
      e->pve_entry = 1 + pr_host->dice(2);
      e->pve_pathlen = pr_host->dice(2) ? sizeof kPath : PATH_BYTES; /* it just fits, or with room to spare */
      w->nameless = pr_host->dice(4) == 0 && pr_host->open(PR_OPEN_COPYOUT) == 0;
      break;
    case 1: e->pve_entry = 100; break;
    case 2: e->pve_entry = kEnd[pr_host->dice(2)]; break;
    default: e->pve_entry = 1 + pr_host->dice(2); e->pve_pathlen = pr_host->dice(2) ? sizeof kPath - 1 : 3;
  }
}

static void prepare(struct work* w, int td, int req, int target, int by_tid, int data, int mask) {
  static const vm_offset_t kWord[] = {0, 12, PAGE_SIZE - 4, PAGE_SIZE + 20};
  int set, kind = register_kind(req, &set);
  w->td = td;
  w->caller = pr_shadow.lwp[td].proc;
  w->target = target == PR_NONE ? PR_NONE : by_tid ? pr_shadow.lwp[target].proc : target;
  if (req == PT_TRACE_ME) w->target = w->caller;
  w->swapped = w->registers = w->set_pc = w->vm_entry = w->tree_shared = w->nameless = 0;
  w->memory = w->reg_set = -1;
  w->fault_at = w->faulted_for_writing = 0;
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
    w->args.addr = (caddr_t)(MEMORY_AT + kWord[pr_host->dice(nitems(kWord))]);
  } else if (req == PT_IO) {
    prepare_io(w);
  } else if (!PROCTOR_2003 && req == PT_VM_ENTRY) {
    prepare_vm_entry(w);
  } else if (PROCTOR_EVENT_MASK && req == PT_SET_EVENT_MASK) {
    memcpy(w->user, &mask, sizeof mask);
  } else if (kind >= 0) {
    w->registers = pr_host->open(PR_OPEN_REGISTERS);
    w->swapped = w->registers == 1 && w->target < PR_PROCS;
    if (set)
      for (unsigned i = 0; i < register_bytes(kind); i++) w->user[i] = i * 7 + 3;
  } else if (resumes(req)) {
    w->set_pc = pr_host->open(PR_OPEN_SET_PC);
    w->args.addr = (caddr_t)(w->set_pc == 0 ? 1UL : 0x2000UL);
  }
  memcpy(w->before, w->user, USER_SIZE);
}

/* ---- before and after ---- */

static int in_flight;

/* Nothing of the caller's is left behind; what several calls share is looked at when the last of them ends. */
static void check_left(struct work* w) {
  if (w->locks != 0) complain("%s lock still held at the end of the call", w->lock[0].kind);
  if (w->allocations != 0) complain("malloc() without free()");
  if (w->mapped != 0) complain("kmem_alloc() without kmem_free()");
  if (in_flight != 0) return;
  for (int s = 0; s < PR_PROCS; s++) {
    const char* left = pr_check_memory(s);
    if (left == NULL) continue;
    pr_settle_memory();
    complain("%s of pid %d not released at the end of the call", left, PR_PID(s));
  }
  pr_check_suspended();
}

static void call(void* work, int td, int req, int target, int by_tid, int data, int mask, struct pr_result* r) {
  struct work* w = work;
  struct thread* self = &pr_threads[td];
  prepare(w, td, req, target, by_tid, data, mask);
  if (in_flight++ == 0) pr_note_suspended();
  pr_call = w;
  pr_curthread = self;
  pr_enter();
  self->td_retval[0] = self->td_retval[1] = 0x5a5a; /* what an earlier call left */
#if PROCTOR_2003
  int error = ptrace(self, &w->args);
#else
  int error = sys_ptrace(self, &w->args);
#endif
  pr_leave();
  pr_call = w;
  w->swapped = 0;
  in_flight--;

  memset(r, 0, sizeof *r);
  r->error = error;
  r->retval = self->td_retval[0];
  pr_see(w, r);
#if PROCTOR_EVENT_MASK
  unsigned events;
  memcpy(&events, w->user, sizeof events);
  if (req == PT_GET_EVENT_MASK && error == 0 && in_flight == 0 && events != pr_procs[w->target].p_ptevents)
    complain("PT_GET_EVENT_MASK copied out 0x%x, and p_ptevents is 0x%x", events, pr_procs[w->target].p_ptevents);
#endif
  /* as it was, for the next call */
  if (w->reg_set >= 0 && w->move_td != PR_NONE) pr_fill_registers(w->move_td, w->reg_set);
  for (int i = w->transfers; i-- > 0;) {
    struct transfer* t = &w->transfer[i];
    unsigned char* bytes = &pr_machine[t->slot].bytes[0][0] + (t->va - MEMORY_AT);
    if (t->write && memcmp(bytes, t->now, t->size) == 0) memcpy(bytes, t->old, t->size);
  }
  check_left(w);
  pr_call = NULL;
}

/* ---- the image ---- */

static void current(int td) { pr_curthread = &pr_threads[td]; }

static void reset(void) {
  pr_call = NULL;
  in_flight = 0;
  pr_settle_memory();
  for (int s = 0; s < PR_PROCS; s++) pr_make_memory(s);
  for (int t = 0; t < PR_LWPS; t++)
    for (int kind = 0; kind < REG_KINDS; kind++) pr_fill_registers(t, kind);
  pr_reset_state();
}

static void start(const struct pr_host* host) {
  pr_host = host;
  pr_find_unset();
  pr_start_state();
  reset();
}

__attribute__((visibility("default"))) const struct pr_image proctor_image = {
    .abi = PR_ABI,
    .family = "freebsd",
    .start = start,
    .store = pr_store,
    .load = pr_load,
    .current = current,
    .call = call,
    .work_size = sizeof(struct work),
    .reset = reset,
};
