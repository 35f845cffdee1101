/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What kind of request it is, by the numbers of the header of the kernel, which comes before this one.
 */
#ifndef PROCTOR_SHIM_REQUESTS_H
#define PROCTOR_SHIM_REQUESTS_H

/* The kinds of registers. */
enum { REGS, FPREGS, DBREGS, REG_KINDS };

static inline unsigned register_bytes(int kind) {
  return kind == REGS ? sizeof(struct reg) : kind == FPREGS ? sizeof(struct fpreg) : sizeof(struct dbreg);
}

/* The kind of registers that the request gets, or with *set those that it sets; -1: it has to do with none. */
static inline int register_kind(int req, int* set) {
  *set = req == PT_SETREGS || req == PT_SETFPREGS || req == PT_SETDBREGS;
  return req == PT_GETREGS || req == PT_SETREGS       ? REGS
         : req == PT_GETFPREGS || req == PT_SETFPREGS ? FPREGS
         : req == PT_GETDBREGS || req == PT_SETDBREGS ? DBREGS
                                                      : -1;
}

static inline int is_read(int req) { return req == PT_READ_I || req == PT_READ_D; }
static inline int is_write(int req) { return req == PT_WRITE_I || req == PT_WRITE_D; }

#endif
