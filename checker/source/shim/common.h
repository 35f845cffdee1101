/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What both small kernels have in common, and neither kernel's source sees.
 *
 * A global name of the shim begins with pr_ or shim_, unless the kernel has it too: sys_process.c is linked with the
 * shim and has names of its own.
 */
#ifndef PROCTOR_SHIM_COMMON_H
#define PROCTOR_SHIM_COMMON_H

#include "abi.h"

#pragma GCC visibility push(hidden)

struct thread;
struct work; /* one call, as each of the two keeps it */

extern const struct pr_host* pr_host;
extern struct work* pr_call;        /* the call that runs; each stack has its own */
extern struct thread* pr_curthread; /* curthread */

#define complain(...) (pr_host->finding(__VA_ARGS__), __builtin_trap())

/* The calls of the harness during which it may run another system call, or look at the structures. */
void pr_lock_op(enum pr_op op, enum pr_lock lock, int slot);
int pr_help_with(enum pr_help what, int a, int b);
void pr_may_sleep(const char* where);
/* Each of the two has these: what only the running call may see is taken out of the structures, and put back. */
void pr_leave(void);
void pr_enter(void);

/* What the compiler fills automatic variables with (-ftrivial-auto-var-init=pattern), -1 if it does not. */
extern int pr_unset;
void pr_find_unset(void);
/* Whether these bytes are what nobody wrote. */
int pr_is_unset(const void* at, unsigned long size);

#pragma GCC visibility pop

#endif
