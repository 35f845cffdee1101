// SPDX-License-Identifier: BSD-2-Clause
//
// Lean: the interpretation of the rules for searches, which run a few hundred million of them.  It computes what Exec does
// with the kernel as a constant, and leaves out what a search does not look at: lock operations and KTR lines.  It notes
// which slots were written, so that a search need not compare, and copies and restores those only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "model/exec.hpp"

namespace proctor::model {

struct LeanOutcome {
  bool possible = true;  // as in Outcome
  Errno error = Errno::ok;
  std::string_view clause;  // id of the require() or guard() that failed, empty: none
  std::int32_t result = 0;
  std::uint32_t procs = 0, lwps = 0;   // slots that were written, as bits
  std::uint16_t moves = 0, opens = 0;  // opens: kinds of choices that were met, as bits
  Slot moved = kNone;
  std::uint8_t uninitialised = 0;
};

template <class S, const Behaviours& B>
class Lean {
 public:
  static_assert(S::kProcs <= 32 && S::kLwps <= 32);
  using Bool = typename Exec<S>::Bool;
  using Num = typename Exec<S>::Num;
  using P = ProcRef<Lean>;
  using T = LwpRef<Lean>;

  Lean(S& state, const Choices& choices) : s_(state), choices_(choices) {}
  const LeanOutcome& outcome() const { return out_; }

  P proc(Slot slot) { return {this, {slot}}; }
  T lwp(Slot slot) { return {this, {slot}}; }

  static constexpr const Behaviours& behaviour() { return B; }
  static Num lit(int value) { return {value}; }
  static Bool yes(bool value) { return {value}; }
  static Num either(Bool cond, Num a, Num b) { return cond.v ? a : b; }

  Bool flag(P p, ProcFlag flags) const { return {has(p) && (at(p).p_flag & flags) != 0}; }
  Bool flag(T td, LwpFlag flags) const { return {has(td) && (at(td).td_flag & flags) != 0}; }
  Num get(P p, ProcField field) const { return {has(p) ? read(at(p), field) : nobody(field)}; }
  Num get(T td, LwpField field) const { return {has(td) ? read(at(td), field) : nobody(field)}; }
  void set(P p, ProcField field, Num value) {
    if (writes(p)) write(at(p), field, value.v);
  }
  void set(T td, LwpField field, Num value) {
    if (writes(td)) write(at(td), field, value.v);
  }
  void set(P p, ProcFlag flags) {
    if (writes(p)) at(p).p_flag = std::uint16_t(at(p).p_flag | flags);
  }
  void clear(P p, ProcFlag flags) {
    if (writes(p)) at(p).p_flag = std::uint16_t(at(p).p_flag & ~flags);
  }
  void set(T td, LwpFlag flags) {
    if (writes(td)) at(td).td_flag = std::uint16_t(at(td).td_flag | flags);
  }
  void clear(T td, LwpFlag flags) {
    if (writes(td)) at(td).td_flag = std::uint16_t(at(td).td_flag & ~flags);
  }
  Num first_lwp(P p) const {
    return {first_of(s_, [&](const auto& td) { return td.proc == p.slot.v; })};
  }
  Num first_unmasked(P p, Num sig, bool not_in_vfork) const {
    return {first_unmasked_of(s_, p.slot.v, sig.v, not_in_vfork)};
  }
  void fresh(P p, T td) {
    if (!has(p) || !has(td) || !writes(p) || !writes(td)) return;
    zero(at(p));
    zero(at(td));
  }
  void link(T td, P p, bool last) {
    if (!writes(td)) return;
    for (int i = 0; i < S::kLwps && !last; ++i)
      if (s_.lwp[std::size_t(i)].proc == p.slot.v) out_.lwps |= 1U << unsigned(i);
    model::link(s_, Slot(td.slot.v), Slot(p.slot.v), last);
  }
  void unlink(T td) {
    if (!writes(td)) return;
    for (int i = 0; i < S::kLwps; ++i)
      if (auto& other = s_.lwp[std::size_t(i)]; other.proc == at(td).proc && other.td_rank > at(td).td_rank) {
        --other.td_rank;
        out_.lwps |= 1U << unsigned(i);
      }
    zero(at(td));
  }
  void free(P p) {
    if (writes(p)) zero(at(p));
  }

  Bool has(P p, ProcSet which, Num sig) const { return {has(p) && set_of(at(p), which).has(sig.v)}; }
  Bool has(T td, LwpSet which, Num sig) const { return {has(td) && set_of(at(td), which).has(sig.v)}; }
  void add(P p, ProcSet which, Num sig) {
    if (writes(p)) set_of(at(p), which).add(sig.v);
  }
  void add(T td, LwpSet which, Num sig) {
    if (writes(td)) set_of(at(td), which).add(sig.v);
  }
  void remove(P p, ProcSet which, Num sig) {
    if (writes(p)) set_of(at(p), which).remove(sig.v);
  }
  void remove(T td, LwpSet which, Num sig) {
    if (writes(td)) set_of(at(td), which).remove(sig.v);
  }
  void clear(P p, ProcSet which) {
    if (writes(p)) set_of(at(p), which) = {};
  }
  void clear(T td, LwpSet which) {
    if (writes(td)) set_of(at(td), which) = {};
  }
  void copy(P to, ProcSet which, P from) {
    if (has(from) && writes(to)) set_of(at(to), which) = set_of(at(from), which);
  }
  void copy(T to, LwpSet which, T from) {
    if (has(from) && writes(to)) set_of(at(to), which) = set_of(at(from), which);
  }
  Num pending(T td, Bool stops) const { return {has(td) ? model::pending(s_, at(td), stops.v) : 0}; }

  void require(Bool cond, Errno error, const Anchor& clause) {
    if (live_ && !cond.v) fail(error, true, clause);
  }
  void guard(Bool cond, const Anchor& clause) {
    if (live_ && !cond.v) fail(Errno::ok, false, clause);
  }
  template <class F>
  void when(Bool cond, F&& body) {
    if (live_ && cond.v) body();
  }
  template <class F>
  void each_proc(F&& body) {
    if (!live_) return;  // what comes after has no effect
    for (int i = 0; i < S::kProcs; ++i)
      if (s_.proc[std::size_t(i)].state != ProcState::free) body(proc(Slot(i)));
  }
  template <class F>
  void each_lwp(P p, F&& body) {
    if (!live_) return;
    for (int i = 0; i < S::kLwps; ++i)
      if (s_.lwp[std::size_t(i)].proc == p.slot.v) body(lwp(Slot(i)));
  }
  Num open(Open kind, int ways) {
    if (!live_) return {0};
    out_.opens = std::uint16_t(out_.opens | 1U << unsigned(kind));
    return {choices_[std::size_t(kind)] % ways};
  }

  void lock(Lock, P) {}
  void unlock(Lock, P) {}
  void leave(Lock, P) {}
  void hold(P, Lock = Lock::proc) {}
  void release(P, Lock = Lock::proc) {}
  void let_go(P, Lock = Lock::proc) {}
  void sleep(P) {}
  void wakeup(P) {}
  void emit(Ktr, P, Num = {0}, Num = {0}, Num = {0}) {}
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
  void fail(Errno error, bool possible, const Anchor& clause) {
    live_ = false;
    out_.error = error;
    out_.possible = possible;
    out_.clause = clause.id();
  }
  static bool has(P p) { return unsigned(p.slot.v) < unsigned(S::kProcs); }
  static bool has(T td) { return unsigned(td.slot.v) < unsigned(S::kLwps); }
  bool writes(P p) {
    if (!live_ || !has(p)) return false;
    out_.procs |= 1U << unsigned(p.slot.v);
    return true;
  }
  bool writes(T td) {
    if (!live_ || !has(td)) return false;
    out_.lwps |= 1U << unsigned(td.slot.v);
    return true;
  }
  template <class Slot>
  static void zero(Slot& freed) {
    freed = Slot{};
  }
  auto& at(P p) const { return s_.proc[std::size_t(p.slot.v)]; }
  auto& at(T td) const { return s_.lwp[std::size_t(td.slot.v)]; }

  S& s_;
  const Choices& choices_;
  LeanOutcome out_;
  bool live_ = true;
};

// The arguments of a rule, for its text.
template <class K>
struct LeanArguments {
  const std::int32_t* value;
  typename K::Num operator[](std::size_t i) const { return {value[i]}; }
};

// A rule as a plain function; the text of some has data of its own (which request it is).
struct LeanRule {
  using Run = void (*)(const void* text, SmallState& state, const std::int32_t* arguments, const Choices& choices,
                       LeanOutcome& outcome);
  Run function = nullptr;
  std::shared_ptr<const void> text;
  // arguments: kArgumentsMax numbers
  void run(SmallState& state, const std::int32_t* arguments, const Choices& choices, LeanOutcome& outcome) const {
    function(text.get(), state, arguments, choices, outcome);
  }
};

// In the order of all_rules(); empty if the kernel is none of kKernels.  Of the library proctor_lean: programs.cpp, built
// once for each kernel.
std::vector<LeanRule> lean_rules(const Behaviours& kernel);
template <const Behaviours& B>
std::vector<LeanRule> lean_rules_of();

}  // namespace proctor::model
