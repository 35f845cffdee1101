// SPDX-License-Identifier: BSD-2-Clause
//
// A small world for tests of single rules: init, a debugger, a target and one more process, each with one thread of the
// same number.  All are children of init.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string_view>

#include "model/exec.hpp"
#include "model/rules/sys_ptrace.hpp"

namespace proctor::model {

inline void PrintTo(Errno error, std::ostream* os) { *os << "errno " << int(error); }

namespace test {

using Machine = Exec<SmallState>;
using SmallProc = ProcOf<SmallState::Signals>;
using SmallLwp = LwpOf<SmallState::Signals>;

inline constexpr Slot kDebugger = 1, kTarget = 2, kOther = 3;

struct World {
  SmallState state = SmallState::boot();
  const Behaviours* kernel = &kFreebsd104;
  Choices choices{};  // what lies outside the model; 0: goes well
  bool capmode = false;
  bool gone = false;  // the pid asked for names nobody
  Slot caller = kDebugger;
  Slot target = kTarget;
  Slot thread = kNone;  // the request names this thread, not the process

  SmallProc& proc(Slot p) { return state.proc[p]; }
  SmallLwp& lwp(Slot td) { return state.lwp[td]; }

  World() {
    for (Slot p : {kDebugger, kTarget, kOther}) {
      proc(p).state = ProcState::normal;
      proc(p).p_pptr = kInit;
      proc(p).p_numthreads = 1;
      lwp(p).proc = p;
    }
  }
  // For the process, or one of its threads.
  bool is_pending(Slot p, int sig) const {
    bool found = state.proc[p].p_siglist.has(sig);
    for (const auto& td : state.lwp) found = found || (td.proc == p && td.td_siglist.has(sig));
    return found;
  }
  std::uint8_t& open(Open kind) { return choices[std::size_t(kind)]; }
  void set(Slot p, std::uint16_t flags) { proc(p).p_flag |= flags; }
  void clear(Slot p, std::uint16_t flags) { proc(p).p_flag &= std::uint16_t(~flags); }

  Outcome ptrace(rules::Request req, int data = 0, int event_mask = 0) {
    Machine k(state, *kernel, choices);
    const Machine::Num pid{gone ? kNone : thread != kNone ? lwp(thread).proc : target};
    rules::sys_ptrace(
        k, k.lwp(caller),
        rules::PtraceArgs<Machine>{
            .req = req, .pid = pid, .tid = {thread}, .data = {data}, .event_mask = {event_mask}, .capmode = {capmode}});
    return k.outcome();
  }
};

// The debugger traces the target, which is stopped, and has waited for it: a request is possible.
inline World with_tracee() {
  World w;
  w.proc(kTarget).p_oppid = kInit;
  w.proc(kTarget).p_pptr = kDebugger;
  w.proc(kTarget).p_orphan = kInit;
  w.proc(kTarget).p_xthread = kTarget;
  w.proc(kTarget).p_suspcount = 1;
  w.proc(kTarget).p_ptevents = PTRACE_DEFAULT;
  w.set(kTarget, P_TRACED | P_WAITED | P_STOPPED_SIG | P_STOPPED_TRACE);
  w.lwp(kTarget).td_flag = TDB_XSIG | TD_SUSPENDED;
  return w;
}

}  // namespace test
}  // namespace proctor::model
