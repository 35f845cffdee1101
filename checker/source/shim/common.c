/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of both small kernels: the calls of the harness, and bytes that nobody wrote.
 */
#include "common.h"

const struct pr_host* pr_host;
struct work* pr_call;
struct thread* pr_curthread;
int pr_unset = -1;

/* ---- the harness ---- */

struct here {
  struct work* call;
  struct thread* thread;
};

static struct here leave(void) {
  pr_leave();
  return (struct here){pr_call, pr_curthread};
}

static void come_back(struct here here) {
  pr_call = here.call;
  pr_curthread = here.thread;
  pr_enter();
}

void pr_lock_op(enum pr_op op, enum pr_lock lock, int slot) {
  const struct here here = leave();
  pr_host->lock(op, lock, slot);
  come_back(here);
}

int pr_help_with(enum pr_help what, int a, int b) {
  const struct here here = leave();
  const int answer = pr_host->help(what, a, b);
  come_back(here);
  return answer;
}

void pr_may_sleep(const char* where) {
  const struct here here = leave();
  pr_host->may_sleep(where);
  come_back(here);
}

/* ---- what nobody wrote ---- */

enum { GCC_PATTERN = 0xfe, CLANG_PATTERN = 0xaa };

/* Copies out a variable that nobody has set. */
static __attribute__((__noinline__)) void copy_unset(unsigned char* to, unsigned long size) {
  unsigned char unset[64];
  __asm__ __volatile__("" : : "r"(unset) : "memory");
  __builtin_memcpy(to, unset, size);
}

void pr_find_unset(void) {
  unsigned char bytes[64] = {0};
  copy_unset(bytes, sizeof bytes);
  pr_unset = bytes[0] == GCC_PATTERN || bytes[0] == CLANG_PATTERN ? bytes[0] : -1;
  for (unsigned i = 0; i < sizeof bytes; i++)
    if (bytes[i] != pr_unset) pr_unset = -1;
}

int pr_is_unset(const void* at, unsigned long size) {
  const unsigned char* byte = at;
  if (pr_unset < 0 || size == 0) return 0;
  for (unsigned long i = 0; i < size; i++)
    if (byte[i] != pr_unset) return 0;
  return 1;
}
