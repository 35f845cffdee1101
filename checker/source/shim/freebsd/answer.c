/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the caller got, and what moved on the way: compared with what is in the structures.
 */
#include "image.h"

/* Whether exactly these bytes of the user buffer were written. */
static int wrote(const struct work* w, unsigned at, unsigned size) {
  unsigned done = 0;
  for (int i = 0; i < w->spans; i++)
    if (w->span[i].at >= at && w->span[i].at < at + size) {
      if (w->span[i].at != at + done) return 0;
      done += w->span[i].size;
    }
  return done == size && size != 0;
}

static void see_word(struct work* w, struct pr_result* r) {
  const int req = w->args.req;
  if (is_read(req) && r->error == 0) {
    int word = (int)r->retval;
    if (pr_is_unset(&word, sizeof word)) r->uninit |= PR_UNINIT_OTHER;
  }
  if (w->transfers != 1 || w->transfer[0].size != 4 || w->transfer[0].va != (vm_offset_t)w->args.addr) {
    if (w->transfers != 0)
      complain("request %d at %p moved %d bytes at %#lx", req, w->args.addr, w->transfer[0].size, w->transfer[0].va);
    return;
  }
  int word;
  memcpy(&word, w->transfer[0].now, sizeof word);
  if (is_read(req) && r->retval == word) w->moves |= PR_MOVED_WORD_READ;
  if (is_write(req)) {
    if (word != w->args.data) complain("request %d wrote %#x instead of %#x", req, word, w->args.data);
    w->moves |= PR_MOVED_WORD_WRITE;
  }
}

static void see_io(struct work* w, struct pr_result* r) {
  const struct ptrace_io_desc *d = (const struct ptrace_io_desc*)w->before, *now = (const void*)w->user;
  int bytes = 0, write = d->piod_op == PIOD_WRITE_D || d->piod_op == PIOD_WRITE_I, good = 1;
  for (int i = 0; i < w->transfers; i++) {
    struct transfer* t = &w->transfer[i];
    if (t->write != write || t->va != (vm_offset_t)d->piod_offs + bytes)
      complain("PT_IO operation %d at %p %s %d bytes at %#lx", d->piod_op, d->piod_offs, t->write ? "wrote" : "read",
               t->size, t->va);
    good &= bytes + t->size <= IO_BYTES && memcmp(w->user + IO_AT + bytes, t->now, t->size) == 0;
    bytes += t->size;
  }
  if (good && bytes == IO_BYTES) w->moves |= write ? PR_MOVED_IO_WRITE : PR_MOVED_IO_READ;
  if (!wrote(w, 0, sizeof *d)) return;
  if (pr_is_unset(&now->piod_op, 4) || pr_is_unset(&now->piod_offs, 8) || pr_is_unset(&now->piod_addr, 8) ||
      pr_is_unset(&now->piod_len, 8))
    r->uninit |= PR_UNINIT_OTHER;
  if (pr_is_unset((const char*)now + 4, 4)) r->uninit |= PR_UNINIT_PADDING;
  if (now->piod_op == d->piod_op && now->piod_offs == d->piod_offs && now->piod_addr == d->piod_addr &&
      now->piod_len == (size_t)bytes)
    w->moves |= PR_MOVED_PIOD;
}

static void see_registers(struct work* w, struct pr_result* r, int kind, int set) {
  const unsigned size = register_bytes(kind);
  if (set && w->reg_set == kind && memcmp(pr_pcbs[w->move_td].registers[kind], w->before, size) == 0)
    w->moves |= PR_MOVED_REGS_SET;
  if (set || !wrote(w, 0, size)) return;
  for (unsigned i = 0; i < size; i += 8)
    if (pr_is_unset(w->user + i, 8)) r->uninit |= PR_UNINIT_OTHER;
  if (w->move_td != PR_NONE && memcmp(pr_pcbs[w->move_td].registers[kind], w->user, size) == 0)
    w->moves |= PR_MOVED_REGS_OUT;
}

#if !PROCTOR_2003
static void see_lwplist(struct work* w, struct pr_result* r) {
  lwpid_t expected[PR_LWPS];
  int n = 0, data = w->args.data;
  for (int rank = 0; rank < PR_LWPS; rank++)  // oldest first, as in p_threads
    for (int t = 0; t < PR_LWPS; t++)
      if (pr_shadow.lwp[t].proc == w->target && pr_shadow.lwp[t].td_rank == rank && n < data) expected[n++] = PR_TID(t);
  if (n == 0 || !wrote(w, 0, n * 4)) return;
  for (int i = 0; i < n; i++)
    if (pr_is_unset(w->user + i * 4, 4)) r->uninit |= PR_UNINIT_OTHER;
  if (memcmp(w->user, expected, n * 4) == 0) w->moves |= PR_MOVED_LWPLIST;
}

static void see_lwpinfo(struct work* w, struct pr_result* r) {
  const int data = w->args.data;
  if (data <= 0 || data > (int)sizeof(struct ptrace_lwpinfo) || !wrote(w, 0, data)) return;
  struct ptrace_lwpinfo pl;
  const char* wrong = NULL;
  bzero(&pl, sizeof pl);
  memcpy(&pl, w->user, data);
  unsigned bytes = data;
#define COVERED(field) (bytes >= offsetof(struct ptrace_lwpinfo, field) + sizeof pl.field)
#define PART(at, size) (bytes <= (at) ? 0 : bytes - (at) < (size) ? bytes - (at) : (size))
#define UNWRITTEN(field) pr_is_unset(&pl.field, PART(offsetof(struct ptrace_lwpinfo, field), sizeof pl.field))
  if (UNWRITTEN(pl_lwpid) || UNWRITTEN(pl_event) || UNWRITTEN(pl_flags) || UNWRITTEN(pl_sigmask) ||
      UNWRITTEN(pl_siglist) || UNWRITTEN(pl_siginfo) || UNWRITTEN(pl_syscall_code) || UNWRITTEN(pl_syscall_narg))
    r->uninit |= PR_UNINIT_OTHER;
  if (UNWRITTEN(pl_child_pid)) r->uninit |= PR_UNINIT_CHILD_PID;
  const unsigned siglist_end = offsetof(struct ptrace_lwpinfo, pl_siglist) + sizeof pl.pl_siglist;
  if (pr_is_unset(w->user + siglist_end, PART(siglist_end, offsetof(struct ptrace_lwpinfo, pl_siginfo) - siglist_end)))
    r->uninit |= PR_UNINIT_PADDING;
  const unsigned name_at = offsetof(struct ptrace_lwpinfo, pl_tdname), name_bytes = PART(name_at, sizeof pl.pl_tdname);
  const unsigned name_end = strlen("t0") + 1;
  for (unsigned i = name_end; i < name_bytes; i++)
    if (pr_is_unset(w->user + name_at + i, 1)) r->uninit |= PR_UNINIT_TDNAME;
  if (name_bytes != 0 && pr_is_unset(w->user + name_at, name_bytes < name_end ? name_bytes : name_end))
    r->uninit |= PR_UNINIT_OTHER;

  int t = pl.pl_lwpid - PR_TID(0);
  r->lwpinfo_tid = COVERED(pl_lwpid) ? pl.pl_lwpid : 0;
  r->lwpinfo_event = COVERED(pl_event) ? pl.pl_event : 0;
  r->lwpinfo_flags = COVERED(pl_flags) ? pl.pl_flags : 0;
  r->lwpinfo_code = COVERED(pl_syscall_code) ? pl.pl_syscall_code : 0;
  w->moves |= PR_MOVED_LWPINFO;
  if (!COVERED(pl_lwpid) || t < 0 || t >= PR_LWPS || pr_shadow.lwp[t].proc == PR_NONE) return;
  pr_moved(0, t);
  const struct thread* td = &pr_threads[t];
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
  if (wrong && !(r->uninit & PR_UNINIT_OTHER)) complain("PT_LWPINFO of tid %d: wrong %s", PR_TID(t), wrong);
}

#define UNWRITTEN_IN(of, field) pr_is_unset(&(of)->field, sizeof(of)->field)
static void see_vm_entry(struct work* w, struct pr_result* r) {
  const struct ptrace_vm_entry *asked = (const void*)w->before, *now = (const void*)w->user;
  if (!wrote(w, 0, sizeof *now)) return;
  if (UNWRITTEN_IN(now, pve_entry) || UNWRITTEN_IN(now, pve_timestamp) || UNWRITTEN_IN(now, pve_start) ||
      UNWRITTEN_IN(now, pve_end) || UNWRITTEN_IN(now, pve_offset) || UNWRITTEN_IN(now, pve_prot) ||
      UNWRITTEN_IN(now, pve_pathlen) || UNWRITTEN_IN(now, pve_fileid) || UNWRITTEN_IN(now, pve_fsid) ||
      UNWRITTEN_IN(now, pve_path))
    r->uninit |= PR_UNINIT_OTHER;
  const unsigned hole = offsetof(struct ptrace_vm_entry, pve_fsid) + sizeof now->pve_fsid;
  if (pr_is_unset(w->user + hole, offsetof(struct ptrace_vm_entry, pve_path) - hole)) r->uninit |= PR_UNINIT_PADDING;
  int index = asked->pve_entry == 1 ? 2 : asked->pve_entry; /* 1 is a submap: the next one that is not */
  if (w->target >= PR_PROCS || index < 0 || index >= ENTRIES) return;
  const struct vm_map_entry* e = &pr_machine[w->target].entry[index];
  int path = asked->pve_pathlen != 0, file = path && index == 2, named = file && !w->nameless;
  u_long offset = e->offset;
  for (struct vm_object* o = path ? e->object.vm_object : NULL; o != NULL; o = o->backing_object)
    offset += o->backing_object_offset;
  if (now->pve_entry != index + 1 || now->pve_timestamp != TIMESTAMP + w->target || now->pve_start != e->start ||
      now->pve_end != e->end - 1 || now->pve_offset != offset || now->pve_prot != e->protection ||
      now->pve_path != asked->pve_path || now->pve_pathlen != (named ? sizeof kPath : 0) ||
      now->pve_fileid != (file ? FILE_ID + w->target : VNOVAL) ||
      now->pve_fsid != (file ? (uint32_t)FILE_SYSTEM : (uint32_t)VNOVAL))
    return;
  if (named && (!wrote(w, PATH_AT, sizeof kPath) || memcmp(w->user + PATH_AT, kPath, sizeof kPath) != 0)) return;
  w->moves |= PR_MOVED_VM_ENTRY;
}
#endif

/* No request may write elsewhere in the caller's memory, nor there except by copyout() and uiomove(). */
static void check_user(struct work* w) {
  const int req = w->args.req;
  int set, kind = register_kind(req, &set);
  unsigned answer = 0, at = 0, size = 0;
  if (kind >= 0 && !set) answer = register_bytes(kind);
  if (req == PT_IO) {
    const struct ptrace_io_desc* d = (const struct ptrace_io_desc*)w->before;
    answer = sizeof *d;
    if (d->piod_op == PIOD_READ_D || d->piod_op == PIOD_READ_I) at = IO_AT, size = IO_BYTES;
  }
#if !PROCTOR_2003
  const int data = w->args.data;
  if (req == PT_LWPINFO) answer = data < 0 ? 0 : data;
  if (req == PT_GETLWPLIST && w->target < PR_PROCS && data > 0)
    answer = 4 * imin(data, pr_shadow.proc[w->target].p_numthreads);
  if (req == PT_VM_ENTRY) answer = sizeof(struct ptrace_vm_entry), at = PATH_AT, size = sizeof kPath;
  if (PROCTOR_EVENT_MASK && req == PT_GET_EVENT_MASK) answer = sizeof(u_int);
  if (req >= PT_FIRSTMACH) answer = USER_SIZE;
#endif
  for (int i = 0; i < w->spans; i++) {
    unsigned from = w->span[i].at, to = from + w->span[i].size;
    if (to > answer && (from < at || to > at + size))
      complain("request %d wrote bytes %u to %u of the caller's memory, of which its answer has %u", req, from, to - 1,
               answer);
    memcpy(w->before + from, w->user + from, to - from);
  }
  if (memcmp(w->before, w->user, USER_SIZE) != 0) complain("request %d wrote to user memory without copyout()", req);
}

void pr_see(struct work* w, struct pr_result* r) {
  const int req = w->args.req;
  int set, kind = register_kind(req, &set);
  if (w->transfers != 0 && req != PT_IO && !is_read(req) && !is_write(req))
    complain("request %d moved memory of pid %d", req, PR_PID(w->transfer[0].slot));
  for (int i = 0; i < w->transfers; i++) {
    if (w->transfer[i].slot != w->target)
      complain("request %d moved memory of pid %d", req, PR_PID(w->transfer[i].slot));
    if (w->transfer[i].write && is_read(req))
      complain("request %d wrote to the memory of pid %d", req, PR_PID(w->target));
  }
  if (w->reg_set >= 0 && (!set || w->reg_set != kind)) complain("request %d set registers it should not", req);
  if ((w->moves & PR_MOVED_PC) && w->pc != (u_long)w->args.addr)
    complain("request %d set the program counter to %#lx, not %p", req, w->pc, w->args.addr);
  if (is_read(req) || is_write(req)) see_word(w, r);
  if (req == PT_IO) see_io(w, r);
  if (kind >= 0) see_registers(w, r, kind, set);
#if !PROCTOR_2003
  if (req == PT_GETLWPLIST) see_lwplist(w, r);
  if (req == PT_LWPINFO) see_lwpinfo(w, r);
  if (req == PT_VM_ENTRY) see_vm_entry(w, r);
  if (req == PT_VM_TIMESTAMP && r->error == 0 && r->retval != TIMESTAMP + w->target)
    complain("PT_VM_TIMESTAMP returned %ld", r->retval);
#endif
  r->moves = w->moves;
  r->move_td = w->move_td;
  check_user(w);
}
