// SPDX-License-Identifier: BSD-2-Clause
//
// The acceptor's world: one possible state of the machine (Config), and what all of them share: which pid and tid a slot
// stands for (Names).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/exec.hpp"
#include "model/state.hpp"

namespace proctor::check {

using model::kInit;
using model::kNone;
using model::Slot;

// Processes that matter at one moment: living ones, zombies, and dead parents that a tracee remembers.
// Of signals only those are followed that a log cannot hide: nobody ignores them.
using KernelState = model::State<112, 128, model::FewSignals<model::kSigkill, model::kSigstop>>;
using Machine = model::Exec<KernelState>;
using Proc = model::ProcOf<KernelState::Signals>;
using Lwp = model::LwpOf<KernelState::Signals>;

// More processes or threads at once than the state has slots for.
struct TooMany {
  std::string what;
};

// What exit1() of a child finds in its parent's p_sigacts: is SIGCHLD ignored, or SA_NOCLDWAIT set?  A log shows that
// sigaction(2) was called, not what it set.
enum class Sigchld : std::uint8_t {
  taken,    // no: the child becomes a zombie of this parent
  ignored,  // yes: the child goes to the reaper, and the parent is told nothing
  unknown,  // the end of a child will tell
};

// One possible state of the kernel, and the calls in flight whose effect has already happened in it.
struct Config {
  struct Early {
    Slot td = kNone;
    friend bool operator==(const Early&, const Early&) = default;
  };
  static constexpr int kEarlyMax = 24;

  KernelState k = KernelState::boot();
  std::array<Early, kEarlyMax> early{};
  std::array<std::uint8_t, (KernelState::kProcs + 3) / 4> sigchld_bits{};  // a Sigchld for each process slot
  std::uint8_t early_count = 0;

  bool is_early(Slot td) const {
    for (int i = 0; i < early_count; ++i)
      if (early[std::size_t(i)].td == td) return true;
    return false;
  }
  // The calls stand in no particular order; freed places are zeroed so that equal values have equal bytes.
  void drop_early(Slot td) {
    for (int i = 0; i < early_count; ++i)
      if (early[std::size_t(i)].td == td) {
        early[std::size_t(i)] = early[std::size_t(early_count - 1)];
        early[std::size_t(--early_count)] = {};
        return;
      }
  }
  void add_early(Slot td) {
    if (early_count == kEarlyMax) throw TooMany{"calls whose effect comes before their return"};
    early[early_count++].td = td;
  }
  // A thread that was killed in its call never returns from it.
  void drop_early_of_the_dead() {
    for (int i = early_count - 1; i >= 0; --i) {
      const Slot td = early[std::size_t(i)].td, p = lwp(td).proc;
      if (p == kNone || proc(p).state != model::ProcState::normal) drop_early(td);
    }
  }
  // All threads of the process are in a stop that its debugger was told of, as far as a log from later can tell.
  void stand_still(Slot p) {
    proc(p).p_flag |= model::P_STOPPED;
    proc(p).p_suspcount = proc(p).p_numthreads;
    for (Slot td = 0; td < KernelState::kLwps; ++td)
      if (lwp(td).proc == p) {
        lwp(td).td_flag |= model::TD_SUSPENDED | model::TDB_XSIG;
        proc(p).p_xthread = td;
      }
  }
  Sigchld sigchld(Slot p) const { return Sigchld(sigchld_bits[p / 4] >> (p % 4 * 2) & 3); }
  void set_sigchld(Slot p, Sigchld how) {
    std::uint8_t& bits = sigchld_bits[p / 4];
    bits = std::uint8_t((bits & ~(3 << (p % 4 * 2))) | int(how) << (p % 4 * 2));
  }
  Proc& proc(Slot slot) { return k.proc[slot]; }
  const Proc& proc(Slot slot) const { return k.proc[slot]; }
  Lwp& lwp(Slot slot) { return k.lwp[slot]; }
  const Lwp& lwp(Slot slot) const { return k.lwp[slot]; }
  friend bool operator==(const Config& a, const Config& b);
};
std::size_t hash_value(const Config& config);
using Frontier = std::vector<Config>;

// What is known about a slot beside the kernel state, because the log tells it or because it cannot be known.
struct ProcName {
  std::int32_t pid = 0;     // > 0 real; < 0 a process that no record names; 0 the slot is unused
  bool logged = false;      // its own records are in the log
  bool pinned = false;      // of a fork in flight: no state has it yet, it is not free
  bool mentioned = false;   // known only as the parent that a line names
  bool before_log = false;  // it was there before the log began: whose child it is and who traces it is not known
  bool capmode = false;     // cap_enter(2)
  bool credentials_changed = false;  // set*id, jail_attach: p_candebug() may refuse
  bool notrace = false;              // PROC_TRACE_CTL
  bool may_be_lost = false;  // was on its way out when its debugger died, and the log ends before it tells whose it is
  bool events_known = true;  // p_ptevents: false for a process that was traced before the log began
  std::uint32_t sigchld_since = 0;  // index of the record since which Config::sigchld is so
  bool sigchld_settled = true;      // and it was never anything else, in no state
  bool masks_signals = false;       // called sigprocmask(2) with a set: which one is not in the log
  std::int32_t credentials = 0;     // processes with the same number have the same credentials, as far as is known
  std::uint64_t thread = 0;         // KTR: the struct thread address of an otherwise unnamed caller
};
struct LwpName {
  std::int32_t pid = 0;        // 0: the slot is unused
  std::int32_t tid = 0;        // > 0 real, <= 0 not (yet) known
  bool pinned = false;         // as for a process
  std::uint16_t reported = 0;  // td_dbgflags of the last stop line, until the thread is seen to run
  bool flags_known = true;     // td_dbgflags: false for a thread that was stopped before the log began
};

class Names {
 public:
  Names();

  Slot find(std::int32_t pid) const;  // kNone if the pid has no slot
  // DragonFly counts threads within a process: there `pid` says of which.
  Slot find_tid(std::int32_t tid, std::int32_t pid = 0) const;
  void count_tids_by_process() { tids_by_process_ = true; }
  Slot add(std::int32_t pid, const Frontier& frontier);                        // may throw TooMany
  Slot add_lwp(std::int32_t pid, std::int32_t tid, const Frontier& frontier);  // may throw TooMany
  Slot add_ghost(const Frontier& frontier);                                    // a process that no record names
  void bind(Slot td, std::int32_t tid);
  void rename(Slot p, std::int32_t pid);  // a process without a name turns out to be this pid

  bool is_crowded() const;  // three of four slots are taken

  ProcName& operator[](Slot slot) { return procs_[slot]; }
  const ProcName& operator[](Slot slot) const { return procs_[slot]; }
  LwpName& lwp(Slot slot) { return lwps_[slot]; }
  const LwpName& lwp(Slot slot) const { return lwps_[slot]; }
  std::int32_t pid(Slot slot) const { return slot == kNone ? 0 : procs_[slot].pid; }

  Slot elsewhere() const { return elsewhere_; }  // parent of what was there before the log began
  Slot kernel() const { return kernel_; }      // proc0: pid 0, which kill(2) and wait4(2) cannot name but ptrace(2) can
  Slot stand_in() const { return stand_in_; }  // KTR lines without thread addresses: all callers together
  Slot departing() const { return departing_; }  // takes the place of one of them that dies
  void set_stand_in(Slot p, Slot departing) {
    stand_in_ = p;
    departing_ = departing;
  }

 private:
  void collect(const Frontier& frontier);
  std::int64_t key(std::int32_t tid, std::int32_t pid) const {
    return tids_by_process_ ? std::int64_t{pid} << 32 | tid : tid;
  }

  std::array<ProcName, KernelState::kProcs> procs_{};
  std::array<LwpName, KernelState::kLwps> lwps_{};
  std::unordered_map<std::int32_t, Slot> by_pid_;
  std::unordered_map<std::int64_t, Slot> by_tid_;
  bool tids_by_process_ = false;
  std::int32_t next_ghost_ = -1;
  Slot elsewhere_ = 1, kernel_ = 2;
  Slot stand_in_ = kNone, departing_ = kNone;
};

}  // namespace proctor::check
