/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers, the program counter, single-stepping.
 */
#include "image.h"

struct registers pr_registers[PR_LWPS];

/* ---- vfs/procfs ---- */

static int valid(struct lwp* lp, const char* what) {
  lwp_slot_of(lp, what);
  return pr_host->open(PR_OPEN_REGISTERS) != 1;
}

int procfs_validregs(struct lwp* lp) { return valid(lp, "procfs_validregs"); }
int procfs_validfpregs(struct lwp* lp) { return valid(lp, "procfs_validfpregs"); }
int procfs_validdbregs(struct lwp* lp) { return valid(lp, "procfs_validdbregs"); }

/* request: the PT_GET that reads these registers; the one that sets them is the next number. */
static int do_registers(struct proc* curp, struct lwp* lp, struct uio* uio, int request, size_t at, size_t size) {
  static const char what[] = "procfs_doregs";
  int l = lwp_slot_of(lp, what), slot = pr_kept.lwp[l].proc, error;
  caddr_t area = (caddr_t)&pr_registers[l] + at;
  pr_check_uio(curp, uio, what);
  pr_needs_hold(slot, what);
  if (!pr_procfs_may(curp, &pr_procs[slot])) return EPERM;
  if (uio->uio_offset < 0 || (size_t)uio->uio_offset > size) return EINVAL;
  if (uio->uio_rw == UIO_WRITE && pr_procs[slot].p_stat != SSTOP) return EBUSY;
  if (pr_host->open(PR_OPEN_REGISTERS) == 2) return EINVAL;
  error = uiomove_frombuf(area, size, uio);
  uio->uio_offset = 0;
  if (error == 0 && pr_call != NULL) {
    pr_call->regs_td = l;
    pr_call->regs_request = uio->uio_rw == UIO_READ ? request : request + 1;
    memcpy(pr_call->regs, area, size);
  }
  return error;
}

int procfs_doregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETREGS, offsetof(struct registers, reg), sizeof(struct reg));
}
int procfs_dofpregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETFPREGS, offsetof(struct registers, fpreg), sizeof(struct fpreg));
}
int procfs_dodbregs(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  return do_registers(curp, lp, uio, PT_GETDBREGS, offsetof(struct registers, dbreg), sizeof(struct dbreg));
}

/* ---- platform: ptrace ---- */

int ptrace_set_pc(struct lwp* lp, unsigned long addr) {
  int l = lwp_slot_of(lp, "ptrace_set_pc");
  pr_needs_lwp_hold(l, "ptrace_set_pc");
  if (pr_host->open(PR_OPEN_SET_PC) == 2) return EINVAL;
  pr_registers[l].reg.r_rip = (register_t)addr;
  if (pr_call != NULL) {
    if (addr != (unsigned long)pr_call->args.addr) complain("ptrace_set_pc to %#lx, which is not addr", addr);
    pr_call->pc_td = l;
  }
  return 0;
}

static int set_step(struct lwp* lp, int step, const char* what) {
  int l = lwp_slot_of(lp, what);
  pr_needs_lwp_hold(l, what);
  if (pr_host->open(PR_OPEN_SINGLE_STEP) != 0) return EINVAL;
  pr_registers[l].step = step;
  return 0;
}

int ptrace_single_step(struct lwp* lp) { return set_step(lp, 1, "ptrace_single_step"); }
int ptrace_clear_single_step(struct lwp* lp) { return set_step(lp, 0, "ptrace_clear_single_step"); }
