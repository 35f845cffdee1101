/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the caller got, and what moved on the way.
 */
#include "image.h"

/* All memory is as it was, but for what this call may have written; that is undone. */
static void see_memory(struct work* w, int wrote_all, int offset, int length, unsigned flag, struct pr_result* result) {
  for (int slot = 0; slot < PR_PROCS; slot++) {
    if (__predict_true(memcmp(pr_memory[slot], pr_pattern[slot], kMemoryBytes) == 0)) continue;
    for (int i = 0; i < kMemoryBytes; i++) {
      int owner = i % kIo / kWords;
      if (pr_memory[slot][i] == pr_pattern[slot][i] || (owner != w->td && pr_flying[owner] != NULL)) continue;
      if (slot != w->target || flag == 0 || i < offset || i >= offset + length)
        complain("request %d on process slot %d wrote to the memory of process %d, at %#x", w->args.req, w->target,
                 PR_PID(slot), kMemory + i);
      if (!wrote_all) complain("request %d wrote other bytes than the caller's to its target's memory", w->args.req);
      result->moves |= flag;
    }
  }
  if (result->moves & flag) memcpy(pr_memory[w->target] + offset, pr_pattern[w->target] + offset, length);
}

static void see_descriptor(struct work* w, struct pr_result* result) {
  const struct ptrace_io_desc* piod = (const struct ptrace_io_desc*)w->user;
  const struct ptrace_io_desc* was = (const struct ptrace_io_desc*)w->before;
  const size_t hole = offsetof(struct ptrace_io_desc, piod_op) + sizeof piod->piod_op;
  const size_t hole_bytes = offsetof(struct ptrace_io_desc, piod_offs) - hole;
  if (w->length_copied && piod->piod_len == w->io_bytes)
    result->moves |= PR_MOVED_PIOD;
  else if (pr_is_unset(&piod->piod_len, sizeof piod->piod_len))
    result->uninit |= PR_UNINIT_OTHER;
  if (memcmp(piod, was, offsetof(struct ptrace_io_desc, piod_len)) == 0) return;
  if (pr_is_unset(&piod->piod_op, sizeof piod->piod_op) || pr_is_unset(&piod->piod_offs, sizeof(void*)) ||
      pr_is_unset(&piod->piod_addr, sizeof(void*)))
    result->uninit |= PR_UNINIT_OTHER;
  else if (piod->piod_op != was->piod_op || piod->piod_offs != was->piod_offs || piod->piod_addr != was->piod_addr)
    complain("PT_IO changed more of the caller's descriptor than its length");
  if (pr_is_unset(w->user + hole, hole_bytes)) result->uninit |= PR_UNINIT_PADDING;
}

static void see_registers_out(struct work* w, size_t size, struct pr_result* result) {
  size_t i;
  if (memcmp(w->user, w->before, size) == 0) return;
  if (w->regs_request == w->args.req && memcmp(w->user, w->regs, size) == 0) {
    result->moves |= PR_MOVED_REGS_OUT;
    result->move_td = w->regs_td;
    return;
  }
  for (i = 0; i < size; i += sizeof(register_t)) {
    if (pr_is_unset(w->user + i, sizeof(register_t)))
      result->uninit |= PR_UNINIT_OTHER;
    else if (w->regs_request != w->args.req || memcmp(w->user + i, w->regs + i, sizeof(register_t)) != 0)
      complain("request %d: byte %d of the answer is nothing of the registers asked for", w->args.req, (int)i);
  }
}

/* The caller's memory is as it was in [first, last). */
static void same(struct work* w, size_t first, size_t last) {
  if (__predict_true(memcmp(w->user + first, w->before + first, last - first) == 0)) return;
  for (size_t i = first; i < last; i++)
    if (w->user[i] != w->before[i])
      complain("request %d wrote to the caller's memory at byte %d, where no answer belongs", w->args.req, (int)i);
}

void pr_see(struct work* w, struct pr_result* result) {
  int request = w->args.req, slot = w->target;
  int set, kind = register_kind(request, &set);
  size_t size = kind >= 0 ? register_bytes(kind) : 0;
  unsigned long addr = (unsigned long)w->args.addr;

  if (is_write(request)) {
    int offset = (int)(addr - kMemory);
    int all = slot != PR_NONE && word_at(pr_memory[slot] + offset) == w->args.data;
    see_memory(w, all, offset, 4, PR_MOVED_WORD_WRITE, result);
  } else if (request == PT_IO) {
    const struct ptrace_io_desc* was = (const struct ptrace_io_desc*)w->before;
    int writes = was->piod_op == PIOD_WRITE_D || was->piod_op == PIOD_WRITE_I;
    int reads = was->piod_op == PIOD_READ_D || was->piod_op == PIOD_READ_I;
    int offset = kIo + kWords * w->td;
    int all = slot != PR_NONE && memcmp(pr_memory[slot] + offset, w->before + kIoBuffer, kWords) == 0;
    see_memory(w, all, offset, kWords, writes ? PR_MOVED_IO_WRITE : 0, result);
    if (reads && memcmp(w->user + kIoBuffer, w->before + kIoBuffer, kWords) != 0) {
      if (slot == PR_NONE || memcmp(w->user + kIoBuffer, pr_memory[slot] + offset, kWords) != 0)
        complain("PT_IO read other bytes than its target's memory");
      result->moves |= PR_MOVED_IO_READ;
    }
    same(w, sizeof *was, kIoBuffer);
    same(w, reads ? kIoBuffer + kWords : kIoBuffer, kUserBytes);
    see_descriptor(w, result);
  } else {
    see_memory(w, 0, 0, 0, 0, result);
  }
  if (is_read(request) && result->error == 0) {
    int offset = (int)(addr - kMemory), word = w->args.sysmsg_result;
    for (int s = 0; s < PR_PROCS; s++) {
      if (word_at(pr_memory[s] + offset) != word) continue;
      if (s != slot) complain("request %d read the memory of process %d", request, PR_PID(s));
      result->moves |= PR_MOVED_WORD_READ;
    }
    if (!(result->moves & PR_MOVED_WORD_READ) && pr_is_unset(&word, sizeof word)) result->uninit |= PR_UNINIT_OTHER;
  }

  if (kind >= 0 && !set) {
    same(w, size, kUserBytes);
    see_registers_out(w, size, result);
  } else if (request != PT_IO) {
    same(w, 0, kUserBytes);
  }
  if (w->regs_td != PR_NONE) {
    if (pr_kept.lwp[w->regs_td].proc != slot && pr_kept.lwp[w->regs_td].proc != PR_NONE)
      complain("request %d went to the registers of process %d", request, PR_PID(pr_kept.lwp[w->regs_td].proc));
    if (w->regs_request != request) complain("request %d did what request %d does", request, w->regs_request);
    if (set) {
      if (memcmp(w->regs, w->before, size) != 0) complain("request %d set other registers than the caller's", request);
      result->moves |= PR_MOVED_REGS_SET;
      result->move_td = w->regs_td;
    }
  }
  if (w->pc_td != PR_NONE) {
    if (pr_kept.lwp[w->pc_td].proc != slot && pr_kept.lwp[w->pc_td].proc != PR_NONE)
      complain("request %d set the program counter of process %d", request, PR_PID(pr_kept.lwp[w->pc_td].proc));
    result->moves |= PR_MOVED_PC;
    result->move_td = w->pc_td;
  }
  if (w->runnable_td != PR_NONE) {
    result->moves |= PR_MOVED_RUNNABLE;
    result->move_td = w->runnable_td;
  }
}
