// SPDX-License-Identifier: BSD-2-Clause
//
// Exec: the interpretation of the rules that computes on a packed state.  One Exec runs one rule once.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/kernel.hpp"

namespace proctor::model {

constexpr bool is_global(Lock lock) {
  return lock == Lock::proctree || lock == Lock::giant || lock == Lock::sched || lock == Lock::crit;
}

struct LockEvent {
  // sleep: the caller may block here; tokens are given up while it does.  lock_shared: no rule does that, a source may.
  enum class Op : std::uint8_t { lock, unlock, hold, release, sleep, lock_shared } op;
  Lock lock;
  Slot proc;
  friend bool operator==(const LockEvent&, const LockEvent&) = default;
};

// A KTR_PTRACE line that the rule writes: subject process, and the parameters that the state determines.
struct Emission {
  Ktr line = Ktr::none;
  Slot proc = kNone;
  std::array<std::int32_t, 3> arg{};
  friend bool operator==(const Emission&, const Emission&) = default;
};

// A list that is mostly short: the first N in place, the others on the heap.
template <class T, std::size_t N>
class Few {
 public:
  void push_back(const T& item) {
    if (size_ < N)
      first_[size_] = item;
    else
      more_.push_back(item);
    ++size_;
  }
  std::size_t size() const { return size_; }
  const T& operator[](std::size_t i) const { return i < N ? first_[i] : more_[i - N]; }
  bool has_among_first(std::size_t count, const T& item) const {
    for (std::size_t i = 0; i < count; ++i)
      if ((*this)[i] == item) return true;
    return false;
  }
  friend bool operator==(const Few& a, const Few& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i)
      if (!(a[i] == b[i])) return false;
    return true;
  }

 private:
  std::size_t size_ = 0;
  std::array<T, N> first_{};
  std::vector<T> more_;
};

// What a rule did, beside changing the state.
struct Outcome {
  bool possible = true;  // every guard() held; if not, the state must be thrown away
  Errno error = Errno::ok;
  Clause clause{};  // the require() or guard() that failed
  std::int32_t result = 0;
  std::uint16_t moves = 0;  // Move bits, with the thread they concern
  Slot moved = kNone;
  std::uint8_t uninitialised = 0;
  std::uint16_t emissions = 0, opens = 0;
  Few<Emission, 4> emitted;        // a dying parent of many orphans writes one for each
  Few<Open, 4> open_kind;          // the choices met, in order
  Few<std::uint8_t, 4> open_ways;  // and how many ways each had
};

// How often each require() and guard() was met, and which way it went.
struct ClauseWays {
  std::uint64_t held = 0, failed = 0;
};
using ClauseCoverage = std::unordered_map<std::string_view, ClauseWays>;

// The fields of the state by name.
constexpr std::int32_t read(const Proc& proc, ProcField field) {
  switch (field) {
    case ProcField::state: return int(proc.state);
    case ProcField::p_pptr: return proc.p_pptr;
    case ProcField::p_oppid: return proc.p_oppid;
    case ProcField::p_orphan: return proc.p_orphan;
    case ProcField::p_reaper: return proc.p_reaper;
    case ProcField::p_vforker: return proc.p_vforker;
    case ProcField::p_xthread: return proc.p_xthread;
    case ProcField::p_ptevents: return proc.p_ptevents;
    case ProcField::p_xstat: return proc.p_xstat;
    case ProcField::p_numthreads: return proc.p_numthreads;
    case ProcField::p_suspcount: return proc.p_suspcount;
    case ProcField::p_cred: return proc.p_cred;
    case ProcField::p_pgrp: return proc.p_pgrp;
    case ProcField::pg_jobc: return proc.pg_jobc;
  }
  return 0;
}
constexpr std::int32_t read(const Lwp& td, LwpField field) {
  switch (field) {
    case LwpField::proc: return td.proc;
    case LwpField::td_xsig: return td.td_xsig;
    case LwpField::td_at: return int(td.td_at);
    case LwpField::td_local: return td.td_local;
    case LwpField::td_dbgksi: return td.td_dbgksi;
  }
  return 0;
}
// Whoever is nobody has no parent and the state of a free slot.
constexpr std::int32_t nobody(ProcField field) { return field >= p_pptr && field <= p_xthread ? kNone : 0; }
constexpr std::int32_t nobody(LwpField field) { return field == td_proc ? kNone : 0; }

constexpr void write(Proc& proc, ProcField field, std::int32_t value) {
  switch (field) {
    case ProcField::state: proc.state = ProcState(value); break;
    case ProcField::p_pptr: proc.p_pptr = Slot(value); break;
    case ProcField::p_oppid: proc.p_oppid = Slot(value); break;
    case ProcField::p_orphan: proc.p_orphan = Slot(value); break;
    case ProcField::p_reaper: proc.p_reaper = Slot(value); break;
    case ProcField::p_vforker: proc.p_vforker = Slot(value); break;
    case ProcField::p_xthread: proc.p_xthread = Slot(value); break;
    case ProcField::p_ptevents: proc.p_ptevents = std::uint8_t(value & 0x3f); break;
    case ProcField::p_xstat: proc.p_xstat = std::uint16_t(value); break;
    case ProcField::p_numthreads: proc.p_numthreads = std::uint8_t(value); break;
    case ProcField::p_suspcount: proc.p_suspcount = std::uint8_t(value); break;
    case ProcField::p_cred: proc.p_cred = std::uint16_t(value); break;
    case ProcField::p_pgrp: proc.p_pgrp = Slot(value); break;
    case ProcField::pg_jobc: proc.pg_jobc = std::int8_t(value); break;
  }
}
constexpr void write(Lwp& td, LwpField field, std::int32_t value) {
  switch (field) {
    case LwpField::proc: break;  // link() and unlink() do that
    case LwpField::td_xsig: td.td_xsig = std::uint8_t(value); break;
    case LwpField::td_at: td.td_at = At(value); break;
    case LwpField::td_local: td.td_local = std::uint16_t(value); break;
    case LwpField::td_dbgksi: td.td_dbgksi = std::uint8_t(value); break;
  }
}

// The signal sets of the state by name.
template <class Proc>
constexpr auto& set_of(Proc& p, ProcSet which) {
  return which == p_siglist ? p.p_siglist : which == p_sigignore ? p.p_sigignore : p.p_sigcatch;
}
template <class Lwp>
constexpr auto& set_of(Lwp& td, LwpSet which) {
  return which == td_siglist ? td.td_siglist : which == td_sigmask ? td.td_sigmask : td.td_sigptrace;
}

// The first thread, in the order of p_threads, for which `wanted` is true.
template <class S, class Wanted>
constexpr int first_of(const S& s, Wanted&& wanted) {
  int found = kNone;
  for (int i = 0; i < S::kLwps; ++i)
    if (wanted(s.lwp[std::size_t(i)]) &&
        (found == kNone || s.lwp[std::size_t(i)].td_rank < s.lwp[std::size_t(found)].td_rank))
      found = i;
  return found;
}
template <class S>
constexpr int first_unmasked_of(const S& s, int p, int sig, bool not_in_vfork) {
  return first_of(s, [&](const auto& td) {
    return td.proc == p && !td.td_sigmask.has(sig) && !(not_in_vfork && td.td_at == At::vfork);
  });
}
// The lowest signal that the thread would find.
template <class S, class Lwp>
constexpr int pending(const S& s, const Lwp& td, bool stops) {
  if (td.proc == kNone) return 0;
  auto set = (s.proc[td.proc].p_siglist | td.td_siglist) - td.td_sigmask;
  if (!stops)
    for (const int sig : kStopSignals) set.remove(sig);
  return set.lowest();
}
// A new thread, at the end of p_threads or at its head.
template <class S>
constexpr void link(S& s, Slot td, Slot p, bool last) {
  std::uint8_t rank = 0;
  for (auto& other : s.lwp) {
    if (other.proc != p) continue;
    if (last)
      ++rank;
    else
      ++other.td_rank;
  }
  auto& self = s.lwp[td];
  self = {};
  self.proc = p;
  self.td_rank = rank;
}

template <class S>
class Exec {
 public:
  struct Bool {
    bool v;
    friend Bool operator&&(Bool a, Bool b) { return {bool(a.v & b.v)}; }
    friend Bool operator||(Bool a, Bool b) { return {bool(a.v | b.v)}; }
    Bool operator!() const { return {!v}; }
  };
  struct Num {
    std::int32_t v;
    friend Bool operator==(Num a, Num b) { return {a.v == b.v}; }
    friend Num operator&(Num a, int b) { return {a.v & b}; }
    friend Num operator|(Num a, int b) { return {a.v | b}; }
    friend Num operator|(Num a, Num b) { return {a.v | b.v}; }
    friend Num operator+(Num a, Num b) { return {a.v + b.v}; }
    friend Num operator-(Num a, Num b) { return {a.v - b.v}; }
    Bool between(int low, int high) const { return {low <= v && v <= high}; }
    Num min(Num b) const { return v < b.v ? *this : b; }
  };
  using P = ProcRef<Exec>;
  using T = LwpRef<Exec>;

  Exec(S& state, const Behaviours& behaviours, const Choices& choices = {}, std::vector<LockEvent>* locks = nullptr)
      : s_(state), b_(behaviours), choices_(choices), locks_(locks) {}

  const Outcome& outcome() const { return out_; }
  // Goes on with a call of which another Exec has done the beginning.
  void go_on_from(const Outcome& outcome, bool live) {
    out_ = outcome;
    live_ = live;
  }
  ClauseCoverage* coverage = nullptr;
  P proc(Slot slot) { return {this, {slot}}; }
  T lwp(Slot slot) { return {this, {slot}}; }

  const Behaviours& behaviour() const { return b_; }
  Num lit(int value) const { return {value}; }
  Bool yes(bool value) const { return {value}; }
  Num either(Bool cond, Num a, Num b) const { return cond.v ? a : b; }

  Bool flag(P p, ProcFlag flags) const { return {has(p) && (at(p).p_flag & flags) != 0}; }
  Bool flag(T td, LwpFlag flags) const { return {has(td) && (at(td).td_flag & flags) != 0}; }
  Num get(P p, ProcField field) const { return {has(p) ? read(at(p), field) : nobody(field)}; }
  Num get(T td, LwpField field) const { return {has(td) ? read(at(td), field) : nobody(field)}; }
  void set(P p, ProcField field, Num value) {
    if (live_ && has(p)) write(at(p), field, value.v);
  }
  void set(T td, LwpField field, Num value) {
    if (live_ && has(td)) write(at(td), field, value.v);
  }
  void set(P p, ProcFlag flags) {
    if (live_ && has(p)) at(p).p_flag = std::uint16_t(at(p).p_flag | flags);
  }
  void clear(P p, ProcFlag flags) {
    if (live_ && has(p)) at(p).p_flag = std::uint16_t(at(p).p_flag & ~flags);
  }
  void set(T td, LwpFlag flags) {
    if (live_ && has(td)) at(td).td_flag = std::uint16_t(at(td).td_flag | flags);
  }
  void clear(T td, LwpFlag flags) {
    if (live_ && has(td)) at(td).td_flag = std::uint16_t(at(td).td_flag & ~flags);
  }
  Num first_lwp(P p) const {
    return {first_of(s_, [&](const auto& td) { return td.proc == p.slot.v; })};
  }
  Num first_unmasked(P p, Num sig, bool not_in_vfork) const {
    return {first_unmasked_of(s_, p.slot.v, sig.v, not_in_vfork)};
  }
  void fresh(P p, T td) {
    if (!live_ || !has(p) || !has(td)) return;
    zero(at(p));
    zero(at(td));
  }
  void link(T td, P p, bool last) {
    if (live_ && has(td)) model::link(s_, Slot(td.slot.v), Slot(p.slot.v), last);
  }
  void unlink(T td) {
    if (!live_ || !has(td)) return;
    for (auto& other : s_.lwp)
      if (other.proc == at(td).proc && other.td_rank > at(td).td_rank) --other.td_rank;
    zero(at(td));
  }
  void free(P p) {
    if (live_ && has(p)) zero(at(p));
  }

  Bool has(P p, ProcSet which, Num sig) const { return {has(p) && set_of(at(p), which).has(sig.v)}; }
  Bool has(T td, LwpSet which, Num sig) const { return {has(td) && set_of(at(td), which).has(sig.v)}; }
  void add(P p, ProcSet which, Num sig) {
    if (live_ && has(p)) set_of(at(p), which).add(sig.v);
  }
  void add(T td, LwpSet which, Num sig) {
    if (live_ && has(td)) set_of(at(td), which).add(sig.v);
  }
  void remove(P p, ProcSet which, Num sig) {
    if (live_ && has(p)) set_of(at(p), which).remove(sig.v);
  }
  void remove(T td, LwpSet which, Num sig) {
    if (live_ && has(td)) set_of(at(td), which).remove(sig.v);
  }
  void clear(P p, ProcSet which) {
    if (live_ && has(p)) set_of(at(p), which) = {};
  }
  void clear(T td, LwpSet which) {
    if (live_ && has(td)) set_of(at(td), which) = {};
  }
  void copy(P to, ProcSet which, P from) {
    if (live_ && has(to) && has(from)) set_of(at(to), which) = set_of(at(from), which);
  }
  void copy(T to, LwpSet which, T from) {
    if (live_ && has(to) && has(from)) set_of(at(to), which) = set_of(at(from), which);
  }
  Num pending(T td, Bool stops) const { return {has(td) ? model::pending(s_, at(td), stops.v) : 0}; }

  void require(Bool cond, Errno error, const Anchor& clause) {
    if (live_ && coverage != nullptr) count(cond, clause.id());
    if (live_ && !cond.v) fail(error, true, clause.of(b_));
  }
  void guard(Bool cond, const Anchor& clause) {
    if (live_ && coverage != nullptr) count(cond, clause.id());
    if (live_ && !cond.v) fail(Errno::ok, false, clause.of(b_));
  }
  // The same with a clause that has been looked up before, for the interpreter of the IR.
  void require(Bool cond, Errno error, const Clause& clause) {
    if (live_ && coverage != nullptr) count(cond, clause.id);
    if (live_ && !cond.v) fail(error, true, clause);
  }
  void guard(Bool cond, const Clause& clause) {
    if (live_ && coverage != nullptr) count(cond, clause.id);
    if (live_ && !cond.v) fail(Errno::ok, false, clause);
  }
  bool goes_on() const { return live_; }  // no require() and no guard() has failed
  template <class F>
  void when(Bool cond, F&& body) {
    if (live_ && cond.v) body();
  }
  template <class F>
  void each_proc(F&& body) {
    for (int i = 0; i < S::kProcs; ++i)
      if (s_.proc[std::size_t(i)].state != ProcState::free) body(proc(Slot(i)));
  }
  template <class F>
  void each_lwp(P p, F&& body) {
    for (int i = 0; i < S::kLwps; ++i)
      if (s_.lwp[std::size_t(i)].proc == p.slot.v) body(lwp(Slot(i)));
  }
  Num open(Open kind, int ways) {
    if (!live_) return {0};
    ++out_.opens;
    out_.open_kind.push_back(kind);
    out_.open_ways.push_back(std::uint8_t(ways));
    return {choices_[std::size_t(kind)] % ways};
  }

  void lock(Lock lock, P p) { log(LockEvent::Op::lock, lock, p); }
  void unlock(Lock lock, P p) {
    if (live_) log(LockEvent::Op::unlock, lock, p);
  }
  void hold(P p, Lock what = Lock::proc) { log(LockEvent::Op::hold, what, p); }
  void release(P p, Lock what = Lock::proc) {
    if (live_) log(LockEvent::Op::release, what, p);
  }
  // On the way out, after a failed require() too: whatever of it is held is given back.
  void leave(Lock lock, P p) { log(LockEvent::Op::unlock, lock, p); }
  void let_go(P p, Lock what = Lock::proc) { log(LockEvent::Op::release, what, p); }
  void sleep(P) {
    if (locks_ != nullptr && live_) locks_->push_back({LockEvent::Op::sleep, Lock::token, kNone});
  }
  void wakeup(P) {}
  void emit(Ktr line, P p, Num a = {0}, Num b = {0}, Num c = {0}) {
    if (!live_ || !b_.writes_ktr) return;
    ++out_.emissions;
    out_.emitted.push_back({line, Slot(p.slot.v), {a.v, b.v, c.v}});
  }
  void result(Num value) {
    if (live_) out_.result = value.v;
  }
  void move(Move what, T td) {
    if (!live_) return;
    out_.moves = std::uint16_t(out_.moves | std::uint16_t(what));
    out_.moved = Slot(td.slot.v);
  }
  void uninitialised(Uninitialised field) {
    if (live_) out_.uninitialised = std::uint8_t(out_.uninitialised | std::uint8_t(field));
  }

 private:
  void count(Bool cond, std::string_view clause) { ++(cond.v ? (*coverage)[clause].held : (*coverage)[clause].failed); }
  void fail(Errno error, bool possible, const Clause& clause) {
    live_ = false;
    out_.error = error;
    out_.possible = possible;
    out_.clause = clause;
  }
  static bool has(P p) { return p.slot.v >= 0 && p.slot.v < S::kProcs; }
  static bool has(T td) { return td.slot.v >= 0 && td.slot.v < S::kLwps; }
  auto& at(P p) const { return s_.proc[std::size_t(p.slot.v)]; }
  auto& at(T td) const { return s_.lwp[std::size_t(td.slot.v)]; }
  template <class Record>
  static void zero(Record& freed) {
    freed = Record{};
  }

  // Locks are released on the way out of a failed call too; a lock that is not held (the call failed before it took it)
  // is not released.  Only the source harness and the lock graphs ask for this.
  void log(LockEvent::Op op, Lock lock, P p) {
    if (locks_ == nullptr) return;
    const bool leaves = op == LockEvent::Op::unlock || op == LockEvent::Op::release;
    const LockEvent event{op, lock, is_global(lock) ? kNone : Slot(p.slot.v)};
    if (!leaves) {
      if (live_) locks_->push_back(event);
      return;
    }
    const LockEvent taken{op == LockEvent::Op::unlock ? LockEvent::Op::lock : LockEvent::Op::hold, lock, event.proc};
    int held = 0;
    for (const LockEvent& e : *locks_) held += e == taken ? 1 : e == event ? -1 : 0;
    if (held > 0) locks_->push_back(event);
  }

  S& s_;
  const Behaviours& b_;
  Choices choices_;
  std::vector<LockEvent>* locks_;
  bool live_ = true;  // no require() or guard() has failed yet
  Outcome out_;
};

static_assert(Kernel<Exec<SmallState>>);

}  // namespace proctor::model
