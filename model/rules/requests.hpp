// SPDX-License-Identifier: BSD-2-Clause
//
// The requests of ptrace(2): numbers, which kernel has which, what a call passes.
#pragma once

#include "model/kernel.hpp"

namespace proctor::model::rules {

// sys/ptrace.h.  DragonFly's register requests have the same numbers (its PT_FIRSTMACH is 32).
enum Request : int {
  PT_TRACE_ME = 0,
  PT_READ_I = 1,
  PT_READ_D = 2,
  PT_WRITE_I = 4,
  PT_WRITE_D = 5,
  PT_CONTINUE = 7,
  PT_KILL = 8,
  PT_STEP = 9,
  PT_ATTACH = 10,
  PT_DETACH = 11,
  PT_IO = 12,
  PT_LWPINFO = 13,
  PT_GETNUMLWPS = 14,
  PT_GETLWPLIST = 15,
  PT_CLEARSTEP = 16,
  PT_SETSTEP = 17,
  PT_SUSPEND = 18,
  PT_RESUME = 19,
  PT_TO_SCE = 20,
  PT_TO_SCX = 21,
  PT_SYSCALL = 22,
  PT_FOLLOW_FORK = 23,
  PT_LWP_EVENTS = 24,
  PT_GET_EVENT_MASK = 25,
  PT_SET_EVENT_MASK = 26,
  PT_GETREGS = 33,
  PT_SETREGS = 34,
  PT_GETFPREGS = 35,
  PT_SETFPREGS = 36,
  PT_GETDBREGS = 37,
  PT_SETDBREGS = 38,
  PT_VM_TIMESTAMP = 40,
  PT_VM_ENTRY = 41,
  PT_FIRSTMACH = 64,
};
// struct ptrace_lwpinfo on LP64: its size, and the offsets of what nobody writes: the hole before pl_siginfo, pl_tdname
// after a name of two letters and its NUL, pl_child_pid.
inline constexpr int kLwpinfoBytes = 160, kLwpinfoHole = 44, kLwpinfoNameTail = 128 + 3, kLwpinfoChild = 148;
inline constexpr int kSiginfoEnd = 128;  // up to and with pl_siginfo

template <Kernel K>
struct PtraceArgs {
  Request req;                 // the number itself is data of the rule, not of the state
  typename K::Num pid;         // slot of the process named, kNone: no such, or a thread was named
  typename K::Num tid;         // slot of the thread named (pid above PID_MAX), kNone: a pid was given
  typename K::Num data;        // int data
  typename K::Num event_mask;  // PT_SET_EVENT_MASK: *(int *)addr
  typename K::Bool capmode;    // the caller is in capability mode (cap_enter(2))
};

// Whether the kernel has the request at all.
constexpr bool has_request(const Behaviours& b, Request req) {
  switch (req) {
    case PT_TRACE_ME:
    case PT_READ_I:
    case PT_READ_D:
    case PT_WRITE_I:
    case PT_WRITE_D:
    case PT_CONTINUE:
    case PT_KILL:
    case PT_STEP:
    case PT_ATTACH:
    case PT_DETACH:
    case PT_IO:
    case PT_GETREGS:
    case PT_SETREGS:
    case PT_GETFPREGS:
    case PT_SETFPREGS:
    case PT_GETDBREGS:
    case PT_SETDBREGS: return true;
    case PT_LWPINFO:
    case PT_GETNUMLWPS:
    case PT_GETLWPLIST:
    case PT_CLEARSTEP:
    case PT_SETSTEP:
    case PT_SUSPEND:
    case PT_RESUME: return b.thread_requests;
    case PT_TO_SCE:
    case PT_TO_SCX:
    case PT_SYSCALL: return b.syscall_stops;
    case PT_FOLLOW_FORK: return b.follow_fork;
    case PT_LWP_EVENTS: return b.lwp_events;
    case PT_GET_EVENT_MASK:
    case PT_SET_EVENT_MASK: return b.event_mask;
    case PT_VM_TIMESTAMP:
    case PT_VM_ENTRY: return b.vm_requests;
    default: return b.thread_requests && req >= PT_FIRSTMACH;  // cpu_ptrace()
  }
}

// "Lock proctree before locking the process."
constexpr bool takes_proctree_lock(const Behaviours& b, Request req) {
  if (b.tokens || !has_request(b, req)) return false;
  switch (req) {
    case PT_TRACE_ME:
    case PT_ATTACH:
    case PT_STEP:
    case PT_CONTINUE:
    case PT_TO_SCE:
    case PT_TO_SCX:
    case PT_SYSCALL:
    case PT_FOLLOW_FORK:
    case PT_LWP_EVENTS:
    case PT_GET_EVENT_MASK:
    case PT_SET_EVENT_MASK:
    case PT_DETACH: return true;
    default: return false;
  }
}

constexpr Anchor unknown_request() { return at("unknown-request"); }

}  // namespace proctor::model::rules
