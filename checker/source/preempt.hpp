// SPDX-License-Identifier: BSD-2-Clause
//
// Lockstep with up to three calls in flight: each runs on a stack of its own and may be preempted before every lock
// operation.  Which one goes on, or whether the environment acts, is decided by a schedule: one number a decision.  At
// each of these points both sides must be about to do the same lock operation and be in the same state.
#pragma once

#include <ucontext.h>

#include <deque>

#include "checker/source/lockstep.hpp"
#include "model/ir/call.hpp"

namespace proctor::source {

class Preemptive {
 public:
  // Of a source and the model: two sources are compared call by call only.
  Preemptive(const scenario::Vocabulary& words, Harness& source);
  ~Preemptive();
  Preemptive(const Preemptive&) = delete;
  Preemptive& operator=(const Preemptive&) = delete;

  struct Call {
    const scenario::Action* action;
    const model::SmallState* before;  // the state when it was made
  };
  std::function<void()> progress = [] {};
  // Before a call goes on: that call, then the others in flight.
  std::function<void(const std::vector<Call>&)> goes_on = [](const std::vector<Call>&) {};
  // Before each step that is taken as a whole, and each call that is begun: what it is, and the state.
  std::function<void(const scenario::Action&, const model::SmallState&)> takes;
  std::uint64_t calls = 0, steps = 0, not_made = 0;
  std::size_t tried = 0, taken = 0;  // actions of the last run
  model::ClauseCoverage* coverage = nullptr;

  void explore(std::uint64_t seed, int length, Sequence& sequence);
  void replay(Sequence sequence);

 private:
  struct Fiber;
  void run(Sequence& sequence, std::size_t length, Random* random);
  bool takes_away(const model::SmallState& next) const;
  bool may_act(const scenario::Action& action) const;
  bool act(const scenario::Action& action, std::uint64_t dice);
  bool can_go(const Fiber& fiber) const;
  void go(Fiber& fiber);
  void start(const scenario::Action& action, std::uint64_t dice);
  void switch_to(Fiber& fiber);
  void check(Fiber& fiber);
  void finish(Fiber& fiber);
  static void entry(unsigned high, unsigned low);

  const scenario::Vocabulary& words_;
  Harness& a_;
  Generator generator_;
  model::ir::Calls calls_;
  model::SmallState state_;
  std::vector<std::unique_ptr<Fiber>> fibers_, idle_;
  std::vector<Call> in_flight_;
  Fiber* running_ = nullptr;
  bool abandoned_ = false;
  ucontext_t scheduler_{};
};

}  // namespace proctor::source
