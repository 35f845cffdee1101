// SPDX-License-Identifier: BSD-2-Clause
//
// The requests of ptrace(2): which kernel has which, what a call passes.
#pragma once

#include "model/kernel.hpp"
#include "model/words/requests.hpp"

namespace proctor::model::rules {

using model::Request;
using enum model::Request;

// Numbers that are no request by name: one of none, below PT_FIRSTMACH, and one that stands for those of the machine
// (amd64: PT_GETFSBASE).
inline constexpr Request kNoRequest{30}, kMachineRequest{71};

// struct ptrace_lwpinfo: the offsets of what nobody writes: the hole before pl_siginfo, pl_tdname after a name of two
// letters and its NUL, pl_child_pid.
inline constexpr int kLwpinfoHole = 44, kLwpinfoNameTail = 128 + 3, kLwpinfoChild = 148;
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

namespace requests {

// Which kernels have a request.
struct Kernels {
  enum class Are : std::uint8_t { all, some, none } are;
  bool Behaviours::*with = nullptr;
};
inline constexpr Kernels always{Kernels::Are::all}, unruled{Kernels::Are::none};
#define BEHAVIOUR(name, ...) inline constexpr Kernels name{Kernels::Are::some, &Behaviours::name};
#include "model/kernels/behaviours.inc"
#undef BEHAVIOUR
inline constexpr bool proctree = true, proc = false;

// The rest of the rows of kRequests.
struct Row {
  Kernels kernels;
  bool takes_proctree_lock;
};
inline constexpr std::array kRows{
#define REQUEST(name, number, kernels, lock, ...) Row{kernels, lock},
#include "model/words/requests.inc"
#undef REQUEST
};
static_assert(kRows.size() == kRequests.size());

constexpr bool has(const Behaviours& b, const Kernels& kernels) {
  return kernels.are == Kernels::Are::all || (kernels.are == Kernels::Are::some && b.*kernels.with);
}

}  // namespace requests

// Whether some kernel of the model has the request, by its name.
constexpr bool is_ruled(const RequestWords& request) {
  return requests::kRows[row_of(request.request)].kernels.are != requests::Kernels::Are::none;
}

// Whether the kernel has the request at all.
constexpr bool has_request(const Behaviours& b, Request req) {
  if (req >= PT_FIRSTMACH) return b.thread_requests;  // cpu_ptrace()
  const std::size_t row = row_of(req);
  return row != kNoRow && requests::has(b, requests::kRows[row].kernels);
}

// "Lock proctree before locking the process."
constexpr bool takes_proctree_lock(const Behaviours& b, Request req) {
  return !b.tokens && has_request(b, req) && row_of(req) != kNoRow && requests::kRows[row_of(req)].takes_proctree_lock;
}

constexpr Anchor unknown_request() { return at("unknown-request"); }

}  // namespace proctor::model::rules
