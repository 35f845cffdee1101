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
// A process or thread is named by its slot; slot 0 is always init.  Slots are identities: two states that differ only in
// which slot a process has are the same state.  Real pids and tids live outside (a log's pids in the acceptor).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "model/signals.hpp"

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

// p_flag and p_flag2 bits that the rules use.  Our own bit positions; the names are the kernel's.
enum ProcFlag : std::uint16_t {
  P_TRACED = 0x0001,         // a debugger is attached; it is p_pptr
  P_WAITED = 0x0002,         // the present stop has been reported by wait
  P_WEXIT = 0x0004,          // in exit1(), past the point of no return
  P_STOPPED_SIG = 0x0008,    // stopped by a signal (job control, or together with STOPPED_TRACE)
  P_STOPPED_TRACE = 0x0010,  // stopped in ptracestop()
  P_PPWAIT = 0x0020,         // vfork child: the parent waits for our exec or exit
  P_PPTRACE = 0x0040,        // called PT_TRACE_ME while P_PPWAIT
  P_CONTINUED = 0x0080,      // continued by SIGCONT, not yet reported with WCONTINUED
  P_WKILLED = 0x0100,        // PT_KILL or SIGKILL from the debugger: must die
  P_TREE_REAPER = 0x0200,    // adopts the orphans of its descendants (p_treeflag)
  P2_PTRACE_FSTP = 0x0400,   // the SIGSTOP of PT_ATTACH has not been reported yet
  P_SYSTEM = 0x0800,         // kernel process
  P_SUGID = 0x1000,          // changed credentials since its last exec
  P_INEXEC = 0x2000,         // in execve()
  P_SINGLE_EXIT = 0x4000,    // one thread ends the process and waits until the others are gone
  KSI_ONQ = 0x8000,          // its SIGCHLD is in its parent's queue (p_ksi)
};
inline constexpr std::uint16_t P_STOPPED = P_STOPPED_SIG | P_STOPPED_TRACE;

// td_dbgflags, with the kernel's own values (a ptracestop line prints them), and two bits of our own above them.
enum LwpFlag : std::uint16_t {
  TDB_SUSPEND = 0x0001,     // PT_SUSPEND
  TDB_XSIG = 0x0002,        // waits in ptracestop() for the debugger's word
  TDB_USERWR = 0x0004,      // the debugger changed registers or memory
  TDB_SCE = 0x0008,         // inside a system call that it entered while traced
  TDB_SCX = 0x0010,         // at system call exit
  TDB_EXEC = 0x0020,        // the stop reports an exec
  TDB_FORK = 0x0040,        // the stop reports a fork
  TDB_STOPATFORK = 0x0080,  // new child: attach in fork_return()
  TDB_CHILD = 0x0100,       // the stop is the first of a new child
  TDB_BORN = 0x0200,        // the stop reports a new thread
  TDB_EXIT = 0x0400,        // the stop reports the end of a thread
  TDB_VFORK = 0x0800,       // the fork reported was a vfork, or its wait is over
  TDB_FSTP = 0x1000,        // this thread takes the SIGSTOP of PT_ATTACH
  TD_SUSPENDED = 0x2000,    // TD_IS_SUSPENDED
  TD_RFPPWAIT = 0x4000,     // vfork parent: waits for the child's exec or exit
  TD_STEP = 0x8000,         // single-stepping: ptrace_single_step()
};
inline constexpr std::uint16_t TDB_MASK = 0x1fff;

// p_ptevents.
enum PtEvent : std::uint8_t {
  PTRACE_EXEC = 0x01,
  PTRACE_SCE = 0x02,
  PTRACE_SCX = 0x04,
  PTRACE_FORK = 0x08,
  PTRACE_LWP = 0x10,
  PTRACE_VFORK = 0x20,
};
inline constexpr std::uint8_t PTRACE_DEFAULT = PTRACE_EXEC, PTRACE_ALL = 0x3f;

// p_cred: what p_cansee() and p_candebug() look at, and the rest of what a process brings along.  A state made from a log
// knows nothing of the former: then the answer is open.
enum ProcCred : std::uint16_t {
  CR_UID = 0x0003,  // 0 unknown, 1 root, 2 and 3 two users; real, effective and saved alike
  CR_ROOT = 0x0001,
  CR_JAIL = 0x0004,             // in a jail
  P_SIGPARENT = 0x0008,         // p_sigparent is another signal than SIGCHLD: SIGUSR1
  CR_SECURELEVEL = 0x0010,      // of init: kern.securelevel is above 0
  CR_NO_UNPRIVILEGED = 0x0020,  // of init: security.bsd.unprivileged_proc_debug is 0
  PS_NOCLDSTOP = 0x0040,        // SA_NOCLDSTOP: wants no SIGCHLD for stops
  PS_NOCLDWAIT = 0x0080,        // SA_NOCLDWAIT: its children leave no zombies
  PS_CLDSIGIGN = 0x0100,        // SIGCHLD is set to SIG_IGN: neither do they
  P_EXEC = 0x0200,              // has called execve()
};

// td_at: where a thread is.  What it may do next follows from this (environment/).
enum class At : std::uint8_t {
  user,      // in user mode, or about to return there: it looks at signals, and whether it is to stop
  call,      // in a system call whose effect has not happened
  back,      // on its way out of a system call: syscallret() comes next
  vfork,     // syscallret(), or fork1() before it did this: waits for the vfork child
  child,     // a new process: fork_return() comes next
  born,      // a new thread: fork_return() comes next
  thr_exit,  // in kern_thr_exit()
  exit,      // in exit1(), before P_WEXIT
  job_stop,  // in issignal(), suspended by a stop signal that is still in its queue
  // about to call ptracestop(): in syscallenter(), in syscallret(), at its end, in fork_return(), in kern_thr_exit()
  call_due,
  back_due,
  vfork_due,
  child_due,
  born_due,
  thr_exit_due,
  // in ptracestop(), called from there, in this order
  call_stop,
  back_stop,
  vfork_stop,
  child_stop,
  born_stop,
  thr_exit_stop,
  signal_stop,       // in ptracestop() of issignal(), for a signal out of the thread's own queue
  proc_signal_stop,  // the same, out of the queue of the process
};

// What does not depend on how many signals there are.
struct Proc {
  ProcState state : 2 = ProcState::free;
  std::uint8_t p_ptevents : 6 = 0;
  Slot p_pptr = kNone;     // parent; the debugger while traced
  Slot p_oppid = kNone;    // real parent while traced, kNone is the kernel's 0
  Slot p_orphan = kNone;   // whose p_orphans list it is on (P_TREE_ORPHANED), kNone is none
  Slot p_xthread = kNone;  // the thread that reported the stop
  Slot p_reaper = kInit;   // who adopts its children when it dies
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
  std::uint8_t td_rank = 0;    // 0: the oldest of its process (FIRST_THREAD_IN_PROC), 1: the next, and so on
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
static_assert(sizeof(ExploredState) == 144 && std::has_unique_object_representations_v<ExploredState>);
static_assert(sizeof(SmallState) == 616);

}  // namespace proctor::model
