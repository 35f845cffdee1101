// SPDX-License-Identifier: BSD-2-Clause
//
// The packed state: what ptrace(2) and its surroundings read and write in struct proc and struct thread, and nothing else.
//
//        fork            stop signal, ptracestop()            wait4() reports it
//   (free) --> running ----------------------------> stopped --------------------> stopped, P_WAITED
//                 ^                                     |                                |
//                 |      PT_CONTINUE and its kin, PT_DETACH (only once P_WAITED), SIGCONT, SIGKILL
//                 +-------------------------------------+--------------------------------+
//   running --exit, fatal signal--> P_WEXIT --> zombie --wait4() by the parent--> (free)
//                                                  ^            |
//                                                  +------------+ a tracer that is not the real parent gives it back
//
//   waitable = stopped without P_WAITED, or zombie            requestable = traced by the caller, stopped, P_WAITED
//
// What is pending is a set: a signal that is sent twice is found once.  FreeBSD's queues (sigqueue_add()) keep both.
//
// A process or thread is named by its slot; slot 0 is always init.  Slots are identities: two states that differ only in
// which slot a process has are the same state.  Real pids and tids live outside (a log's pids in the acceptor).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "model/signals.hpp"
#include "model/words/fields.hpp"
#include "model/words/flags.hpp"

namespace proctor::model {

using Slot = std::uint8_t;
inline constexpr Slot kNone = 0xff;  // no process, no thread: NULL
inline constexpr Slot kInit = 0;     // initproc

// p_state, with the free slot added.
enum class ProcState : std::uint8_t {
  free = 0,    // no such process: its pid answers ESRCH
  normal = 1,  // PRS_NORMAL (PRS_NEW is invisible: fork holds the locks until it ends)
  zombie = 2,  // PRS_ZOMBIE: dead, not yet reaped; pfind() no longer finds it
};

// What does not depend on how many signals there are.
struct Proc {
  ProcState state : 2 = ProcState::free;
  std::uint8_t p_ptevents : 6 = 0;
  Slot p_pptr = kNone;      // parent; the debugger while traced
  Slot p_oppid = kNone;     // real parent while traced, kNone is the kernel's 0
  Slot p_orphan = kNone;    // whose p_orphans list it is on (P_TREE_ORPHANED), kNone is none
  Slot p_xthread = kNone;   // the thread that reported the stop
  Slot p_reaper = kInit;    // who adopts its children when it dies
  Slot p_vforker = kNone;   // the thread that waits for its exec or exit (td_rfppwait_p of that one); kNone is none
  std::int8_t pg_jobc = 0;  // of its process group: the same in all members
  std::uint16_t p_flag = 0;
  std::uint16_t p_xstat = 0;  // signal number while stopped, wait status once exiting
  std::uint8_t p_numthreads = 0;
  std::uint8_t p_suspcount = 0;
  std::uint16_t p_cred = 0;
  Slot p_pgrp = kInit;  // its process group, by the process whose pid it has
  friend bool operator==(const Proc&, const Proc&) = default;
};

struct Lwp {
  Slot proc = kNone;         // kNone: free slot
  std::uint8_t td_xsig = 0;  // signal to deliver on resume, 0 none
  std::uint16_t td_flag = 0;
  std::uint16_t td_local = 0;  // of the call it is in: the signal that issignal() looks at, the status of exit1()
  At td_at = At::user;
  std::uint8_t td_rank = 0;    // 0: FIRST_THREAD_IN_PROC(), 1: the next in p_threads, and so on
  std::uint8_t td_dbgksi = 0;  // signo of td_dbgksi: the signal that it last stopped for
  friend bool operator==(const Lwp&, const Lwp&) = default;
};

template <class Signals>
struct ProcOf : Proc {
  Signals p_siglist{}, p_sigignore{}, p_sigcatch{};
  friend bool operator==(const ProcOf&, const ProcOf&) = default;
};
template <class Signals>
struct LwpOf : Lwp {
  Signals td_siglist{}, td_sigmask{};
  Signals td_sigptrace{};  // members of td_siglist that the debugger has given: they do not stop the thread again
  friend bool operator==(const LwpOf&, const LwpOf&) = default;
};

template <int Procs, int Lwps, class Sigs>
struct State {
  static constexpr int kProcs = Procs;
  static constexpr int kLwps = Lwps;
  using Signals = Sigs;
  static_assert(Procs < kNone && Lwps < kNone);

  std::array<ProcOf<Signals>, Procs> proc{};
  std::array<LwpOf<Signals>, Lwps> lwp{};

  // init alone
  static State boot() {
    State state;
    state.proc[kInit].state = ProcState::normal;
    state.proc[kInit].p_flag = P_SYSTEM;  // create_init()
    state.proc[kInit].p_numthreads = 1;
    for (const int sig : {kSigurg, kSigchld, kSigio, kSigwinch, kSiginfo})
      state.proc[kInit].p_sigignore.add(sig);  // siginit()
    state.lwp[0].proc = kInit;
    return state;
  }
  friend bool operator==(const State&, const State&) = default;
};

// init and three others, two of which can have a second thread; with all signals, and with those that are counted
using SmallState = State<4, 6, AllSignals>;
using ExploredState = State<4, 6, EightSignals>;
// A state is its bytes: no padding, so equal states can be found by hash.
static_assert(sizeof(ExploredState) == 152 && std::has_unique_object_representations_v<ExploredState>);
static_assert(sizeof(SmallState) == 632);

}  // namespace proctor::model
