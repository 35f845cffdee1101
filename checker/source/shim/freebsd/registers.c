/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers, single-stepping and cpu_ptrace().
 */
#include "image.h"

struct pcb pr_pcbs[PR_LWPS];

void pr_moved(unsigned what, int td) {
  pr_call->moves |= what;
  if (pr_call->move_td != PR_NONE && pr_call->move_td != td)
    complain("one call touched tid %d and tid %d", PR_TID(pr_call->move_td), PR_TID(td));
  pr_call->move_td = td;
}

void pr_fill_registers(int td, int kind) {
  unsigned char* to = pr_pcbs[td].registers[kind];
  for (unsigned i = 0; i < register_bytes(kind); i++) to[i] = (i * 3 + td * 29 + kind * 17 + 2) & 0x7f;
}

static int machine_thread(struct thread* td, const char* where) {
  int slot = thread_of(td, where), p = pr_shadow.lwp[slot].proc;
  shim_proc_assert(&pr_procs[p], MA_OWNED, where, 0);
  if (pr_host->held(p) <= 0) complain("%s: pid %d is not held", where, PR_PID(p));
  return slot;
}
static int get_registers(struct thread* td, int kind, void* to, const char* where) {
  int slot = machine_thread(td, where);
  pr_moved(0, slot);
  memcpy(to, pr_pcbs[slot].registers[kind], register_bytes(kind));
  return 0;
}
static int set_registers(struct thread* td, int kind, const void* from, const char* where) {
  int slot = machine_thread(td, where);
  if (pr_call->registers == 2) return EINVAL;
  pr_moved(0, slot);
  if (pr_call->reg_set >= 0) complain("registers set twice in one call");
  pr_call->reg_set = kind;
  memcpy(pr_pcbs[slot].registers[kind], from, register_bytes(kind));
  return 0;
}
int fill_regs(struct thread* td, struct reg* r) { return get_registers(td, REGS, r, __func__); }
int set_regs(struct thread* td, struct reg* r) { return set_registers(td, REGS, r, __func__); }
int fill_fpregs(struct thread* td, struct fpreg* r) { return get_registers(td, FPREGS, r, __func__); }
int set_fpregs(struct thread* td, struct fpreg* r) { return set_registers(td, FPREGS, r, __func__); }
int fill_dbregs(struct thread* td, struct dbreg* r) { return get_registers(td, DBREGS, r, __func__); }
int set_dbregs(struct thread* td, struct dbreg* r) { return set_registers(td, DBREGS, r, __func__); }
static int step(struct thread* td, int on, const char* where) {
  int slot = machine_thread(td, where);
  if (pr_host->open(PR_OPEN_SINGLE_STEP) != 0) return EINVAL;
  pr_pcbs[slot].step = on;
  return 0;
}
int ptrace_single_step(struct thread* td) { return step(td, 1, __func__); }
int ptrace_clear_single_step(struct thread* td) { return step(td, 0, __func__); }
int ptrace_set_pc(struct thread* td, u_long pc) {
  int slot = machine_thread(td, __func__);
  if (pr_call->set_pc == 2) return EINVAL;
  pr_moved(PR_MOVED_PC, slot);
  pr_pcbs[slot].pc = pr_call->pc = pc;
  return 0;
}
#if !PROCTOR_2003
int cpu_ptrace(struct thread* td, int req, void* addr, int data) {
  int slot = thread_of(td, __func__);
  pr_sleeps(__func__);
  if (req != pr_call->args.req || addr != pr_call->args.addr || data != pr_call->args.data)
    complain("cpu_ptrace(%d, %p, %d) instead of (%d, %p, %d)", req, addr, data, pr_call->args.req, pr_call->args.addr,
             pr_call->args.data);
  pr_moved(PR_MOVED_MACHINE, slot);
  int answer = pr_host->open(PR_OPEN_MACHINE);
  return answer == 0 ? 0 : answer == 1 ? EINVAL : EFAULT;
}
#endif
