/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One call, and what the caller has prepared for it.
 */
#include "image.h"

struct work* pr_flying[PR_LWPS];

/* ---- what the caller has prepared ---- */

static unsigned serial;

static void build_descriptor(struct work* w) {
  struct ptrace_io_desc* piod = (struct ptrace_io_desc*)w->user;
  int op = pr_host->open(PR_OPEN_IO_OP), data_or_text = pr_host->dice(2);
  piod->piod_op = op == 1        ? 9
                  : op == 0      ? data_or_text ? PIOD_READ_I : PIOD_READ_D
                  : data_or_text ? PIOD_WRITE_I
                                 : PIOD_WRITE_D;
  piod->piod_offs = (void*)(unsigned long)(kMemory + kIo + kWords * w->td);
  piod->piod_addr = w->user + kIoBuffer;
  piod->piod_len = kWords;
  if (op == 2)
    for (int i = 0; i < kWords; i++) w->user[kIoBuffer + i] = 0x10 + i;
}

/* addr, and what the caller has prepared there */
static void prepare(struct work* w) {
  int request = w->args.req;
  int set, kind = register_kind(request, &set);
  w->args.addr = (caddr_t)w->user;
  if (is_read(request) || is_write(request)) {
    int offset = kWords * w->td, at = pr_host->dice(kWords / 4);
    if (is_write(request) && w->target != PR_NONE && word_at(pr_pattern[w->target] + offset + 4 * at) == w->args.data)
      at = (at + 1) % (kWords / 4); /* a word that the write changes */
    w->args.addr = (caddr_t)(unsigned long)(kMemory + offset + 4 * at);
  } else if (request == PT_STEP || request == PT_CONTINUE || request == PT_DETACH) {
    w->args.addr = (caddr_t)(pr_host->open(PR_OPEN_SET_PC) == 0 ? 1ul : 0x2000ul);
  } else if (request == PT_IO) {
    build_descriptor(w);
  } else if (set) {
    unsigned first = serial++ * 7;
    for (unsigned i = 0; i < register_bytes(kind); i++) w->user[i] = 0x40 | ((first + i * 5) & 0x3f);
  }
}

/* ---- the call ---- */

static void current_thread(int td) {
  if (pr_kept.lwp[td].proc == PR_NONE) complain("the caller is a free thread slot, %d", td);
  pr_curthread = &pr_threads[td];
}

static void call(void* memory_of_call, int td, int request, int target, int by_tid, int data, int mask,
                 struct pr_result* result) {
  struct work* w = memory_of_call;
  current_thread(td);
  pr_call = w;
  pr_flying[td] = w;

  memset(&w->args, 0, sizeof w->args);
  w->td = td;
  w->caller = pr_kept.lwp[td].proc;
  w->target = request == PT_TRACE_ME ? w->caller : by_tid ? PR_NONE : target;
  w->lwp_holds = w->length_copied = 0;
  w->io_bytes = 0;
  w->regs_td = w->pc_td = w->runnable_td = PR_NONE;
  w->regs_request = -1;
  memset(w->user, 0xa5, kUserBytes);
  w->args.req = request;
  w->args.pid = target == PR_NONE ? (by_tid ? PR_NO_TID : PR_NO_PID) : by_tid ? PR_TID(target) : PR_PID(target);
  w->args.data = data;
  prepare(w);
  memcpy(w->before, w->user, kUserBytes);

  memset(result, 0, sizeof *result);
  result->move_td = PR_NONE;
  result->lwpinfo_tid = result->lwpinfo_event = result->lwpinfo_flags = result->lwpinfo_code = 0;
  result->error = sys_ptrace(&w->args);
  result->retval = w->args.sysmsg_result;
  if (w->lwp_holds != 0) complain("request %d returns with %d LWPHOLD more than it found", request, w->lwp_holds);
  pr_see(w, result);

  pr_flying[td] = NULL;
  pr_call = NULL;
}

/* ---- the image ---- */

static void reset(void) {
  memset(pr_flying, 0, sizeof pr_flying);
  pr_call = NULL;
  pr_curthread = NULL;
  memcpy(pr_memory, pr_pattern, sizeof pr_memory);
  proc_token.t_count = 0;
  pr_reset_state();
}

static void start(const struct pr_host* host) {
  pr_host = host;
  pr_find_unset();
  pr_start_state();
  pr_start_memory();
  reset();
}

__attribute__((visibility("default"))) const struct pr_image proctor_image = {
    .abi = PR_ABI,
    .family = "dragonfly",
    .start = start,
    .store = pr_store,
    .load = pr_load,
    .current = current_thread,
    .call = call,
    .work_size = sizeof(struct work),
    .reset = reset,
};
