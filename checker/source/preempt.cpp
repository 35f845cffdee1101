// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/preempt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "model/rules/requests.hpp"

namespace proctor::source {

using model::kNone;
using model::LockEvent;
using model::Rule;
using model::RuleId;
using model::SmallState;
using scenario::Action;

namespace {
constexpr std::uint32_t kActs = kTurnsMax - 1;  // in a schedule: something else happens
constexpr std::size_t kFlightsMax = 3, kStack = 128 * 1024, kDecisionsMax = 4000;
}  // namespace

// One call in flight, on both sides.
struct Preemptive::Fiber {
  Harness::Flight flight;
  Action action;
  SmallState before;
  model::ir::Call model;
  model::Outcome outcome;            // of the model so far
  std::vector<LockEvent> passed;     // lock operations of the model so far
  std::optional<LockEvent> pending;  // what the source is about to do
  bool asleep = false;               // DragonFly: has given its tokens up
  bool done = false;
  std::optional<Finding> finding;
  std::vector<char> stack = std::vector<char>(kStack);
  ucontext_t context{};
  Preemptive* owner = nullptr;
};

Preemptive::Preemptive(const scenario::Vocabulary& words, Harness& source)
    : words_(words), a_(source), generator_(words), calls_(words.rules()) {}
Preemptive::~Preemptive() = default;

void Preemptive::entry(unsigned high, unsigned low) {
  auto* fiber = reinterpret_cast<Fiber*>(std::uintptr_t(high) << 32 | low);
  try {
    fiber->owner->a_.begin(fiber->flight);
  } catch (Finding& finding) {
    fiber->finding = std::move(finding);
  }
  fiber->done = true;
  fiber->pending.reset();
  swapcontext(&fiber->context, &fiber->owner->scheduler_);
}

void Preemptive::switch_to(Fiber& fiber) {
  running_ = &fiber;
  in_flight_.assign(1, {&fiber.action, &fiber.before});
  for (const auto& other : fibers_)
    if (other.get() != &fiber) in_flight_.push_back({&other->action, &other->before});
  goes_on(in_flight_);
  a_.resume(fiber.flight);
  swapcontext(&scheduler_, &fiber.context);
  running_ = nullptr;
  if (fiber.finding) throw *fiber.finding;
}

// Both sides have come to their next lock operation, or to their end.
void Preemptive::check(Fiber& fiber) {
  const auto expected = calls_.next(fiber.model);
  if (fiber.done && !expected) return finish(fiber);
  const std::string where = print(words_, fiber.action, fiber.before);
  if (expected != fiber.pending)
    throw Finding{"locks", fmt::format("{}\n  {} expected, {} seen", where,
                                       expected ? lock_text(*expected) : std::string("the end of the call"),
                                       fiber.pending ? lock_text(*fiber.pending) : std::string("the end of the call"))};
  const SmallState seen = a_.load();
  if (!(seen == state_))
    throw Finding{"state", fmt::format("{}\n  the state before {}:\n{}", where, lock_text(*expected),
                                       state_difference(state_, seen))};
}

void Preemptive::finish(Fiber& fiber) {
  compare(words_, fiber.action, fiber.outcome, fiber.passed, state_, fiber.flight.seen);
  const auto at = std::find_if(fibers_.begin(), fibers_.end(), [&](const auto& f) { return f.get() == &fiber; });
  idle_.push_back(std::move(*at));
  fibers_.erase(at);
  a_.forget_flights();
  for (const auto& other : fibers_) a_.add_flight(other->flight);
}

void Preemptive::start(const Action& action, std::uint64_t dice) {
  std::unique_ptr<Fiber> fiber;
  if (idle_.empty()) {
    fiber = std::make_unique<Fiber>();
  } else {
    fiber = std::move(idle_.back());
    idle_.pop_back();
  }
  fiber->action = action;
  fiber->before = state_;
  fiber->passed.clear();
  fiber->pending.reset();
  fiber->asleep = fiber->done = false;
  fiber->finding.reset();
  fiber->owner = this;
  fiber->flight.td = action.arguments[0];
  fiber->flight.action = &fiber->action;
  fiber->flight.dice = dice;
  fiber->flight.held.clear();
  fiber->outcome = {};
  fiber->model = calls_.start(action.rule, action.arguments, action.choices, state_, fiber->outcome, coverage);
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack.data();
  fiber->context.uc_stack.ss_size = fiber->stack.size();
  fiber->context.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(fiber.get());
  makecontext(&fiber->context, reinterpret_cast<void (*)()>(&Preemptive::entry), 2, unsigned(self >> 32),
              unsigned(self & 0xffffffffU));
  Fiber& f = *fiber;
  fibers_.push_back(std::move(fiber));
  a_.add_flight(f.flight);
  ++calls;
  switch_to(f);
  check(f);
}

bool Preemptive::can_go(const Fiber& fiber) const {
  const LockEvent& next = *fiber.pending;
  for (const auto& other : fibers_) {
    if (other.get() == &fiber || other->asleep) continue;
    for (const LockEvent& held : other->flight.held) {
      if (held.op != LockEvent::Op::lock || held.lock == model::Lock::crit) continue;
      if (next.op == LockEvent::Op::lock && held.lock == next.lock && held.proc == next.proc) return false;
      if (fiber.asleep)  // takes its tokens again
        for (const LockEvent& own : fiber.flight.held)
          if (own.op == LockEvent::Op::lock && own.lock == held.lock && own.proc == held.proc) return false;
    }
  }
  return true;
}

void Preemptive::go(Fiber& fiber) {
  if (fiber.pending->op == LockEvent::Op::sleep && !fiber.asleep) {
    fiber.asleep = true;
    return;
  }
  fiber.asleep = false;
  fiber.passed.push_back(*fiber.pending);
  fiber.pending.reset();
  calls_.pass(fiber.model, state_, fiber.outcome, coverage);
  if (!fiber.outcome.possible) {  // what came between makes the source loop or panic: see no further
    abandoned_ = true;
    ++not_made;
    return;
  }
  switch_to(fiber);
  check(fiber);
}

// The environment acts as a whole, so it needs its locks free; and it does nothing that the kernel makes wait for a call
// in flight: a process does not end while it is held, or while one of its threads is in a call.
bool Preemptive::may_act(const Action& action) const {
  const Rule& rule = words_.rules()[action.rule];
  const bool of_thread = rule.arguments[0].takes == model::Takes::thread;
  const int process = of_thread ? state_.lwp[std::size_t(action.arguments[0])].proc : action.arguments[0];
  for (const auto& fiber : fibers_) {
    const int caller = state_.lwp[std::size_t(fiber->flight.td)].proc;
    if (rule.by == Rule::By::request) {
      if (fiber->flight.td == action.arguments[0]) return false;
      continue;
    }
    for (const LockEvent& held : fiber->flight.held)
      if (held.op == LockEvent::Op::lock && !fiber->asleep) return false;
    if (rule.by != Rule::By::other && process == caller) return false;
    if (rule.id == RuleId::exit_zombie || rule.program.name.ends_with(": exited")) {
      const Rule& call = words_.rules()[fiber->action.rule];
      int target = fiber->action.arguments[1];
      if (words_.by_tid(fiber->action.rule) && target != kNone) target = state_.lwp[std::size_t(target)].proc;
      const int ends = rule.id == RuleId::exit_zombie ? process : action.arguments[1];
      if (ends == target || ends == caller || call.number == model::rules::PT_DETACH) return false;
    }
  }
  return true;
}

// The thread that a call is about stays, and so does its process: the kernel looks them up once.
bool Preemptive::takes_away(const SmallState& next) const {
  for (std::size_t i = 0; i < next.proc.size(); ++i)
    if (((next.proc[i].p_flag & ~state_.proc[i].p_flag) & (model::P_WEXIT | model::P_INEXEC)) != 0) return true;
  for (std::size_t i = 0; i < next.lwp.size(); ++i)
    if (state_.lwp[i].proc != kNone && next.lwp[i].proc == kNone) return true;
  return false;
}

bool Preemptive::act(const Action& action, std::uint64_t dice) {
  const Rule& rule = words_.rules()[action.rule];
  if (rule.arguments[0].takes == model::Takes::thread && action.arguments[0] == kNone) return false;
  if (!may_act(action)) return false;
  if (rule.by == Rule::By::request) {
    if (fibers_.size() >= kFlightsMax) return false;
    SmallState probe = state_;  // a call that would loop for ever or panic is not made
    model::Exec<SmallState> k(probe, words_.kernel(), action.choices);
    rule.run(k, action.arguments);
    if (k.outcome().error == model::Errno::ecapmode) return false;  // the source is not reached
    if (!k.outcome().possible && k.outcome().clause.says_where) return false;
    if (!k.outcome().possible || (!fibers_.empty() && rule.number == model::rules::PT_ATTACH)) {
      if (!k.outcome().possible ||
          state_.proc[state_.lwp[std::size_t(action.arguments[0])].proc].p_flag & model::P_TRACED) {
        ++not_made;
        return false;
      }
    }
    if (takes) takes(action, state_);
    start(action, dice);
    return true;
  }
  SmallState next = state_;
  model::Exec<SmallState> k(next, words_.kernel(), action.choices);
  rule.run(k, action.arguments);
  if (!k.outcome().possible || next == state_ || (!fibers_.empty() && takes_away(next))) return false;
  if (takes) takes(action, state_);
  state_ = next;
  ++steps;
  a_.store(state_);
  return true;
}

void Preemptive::run(Sequence& sequence, std::size_t length, Random* random) {
  state_ = sequence.start;
  for (auto& fiber : fibers_) idle_.push_back(std::move(fiber));
  fibers_.clear();
  a_.reset();
  a_.at_lock = [this](Harness::Flight&, const LockEvent& event) {
    Fiber& self = *running_;
    self.pending = event;
    swapcontext(&self.context, &scheduler_);
  };
  a_.store(state_);
  std::size_t decision = 0;
  tried = taken = 0;
  const std::vector<Action> prologue = random != nullptr ? generator_.prologue(*random) : std::vector<Action>{};
  Random dice(sequence.seed ^ 0xd1ce);
  // A decision is who goes on, counting those that can, or that something else happens.  It means the same when the run is
  // made again, also with fewer actions.
  auto decide = [&](std::uint32_t ready, bool more) {
    if (decision < sequence.schedule.size()) return sequence.schedule[decision++];
    ++decision;
    const std::uint32_t ways = ready + (more ? 1 : 0);
    const std::uint32_t turn = random != nullptr ? random->below(ways) : 0;
    sequence.schedule.push_back(turn == ready ? kActs : turn);
    return sequence.schedule.back();
  };
  abandoned_ = false;
  while (!abandoned_ && (tried < length || !fibers_.empty())) {
    if (decision > kDecisionsMax) throw Finding{"hang", "the calls do not end"};
    std::vector<Fiber*> ready;
    for (const auto& fiber : fibers_)
      if (can_go(*fiber)) ready.push_back(fiber.get());
    const bool more = tried < length;
    if (ready.empty() && !more) {
      std::string text = "no call can go on:";
      for (const auto& fiber : fibers_)
        text +=
            fmt::format("\n  {} waits for {}", print(words_, fiber->action, fiber->before), lock_text(*fiber->pending));
      throw Finding{"deadlock", text};
    }
    const std::uint32_t turn = decide(std::uint32_t(ready.size()), more);
    if (!ready.empty() && (turn != kActs || !more)) {
      progress();
      go(*ready[turn % ready.size()]);
      continue;
    }
    if (random != nullptr) {
      Action action;
      ++tried;
      if (tried <= prologue.size())
        action = prologue[tried - 1];
      else if (!generator_.pick(state_, *random, action)) {  // nothing happens, and so nothing was decided
        sequence.schedule.pop_back();
        --decision;
        continue;
      }
      sequence.actions.push_back(action);
    } else {
      ++tried;
    }
    progress();
    const std::size_t at = random != nullptr ? sequence.actions.size() - 1 : tried - 1;
    ++taken;  // also by the one that shows a finding
    // One that cannot be taken stays in the list: the schedule counts it.
    if (!act(sequence.actions[at], dice.next())) --taken;
  }
  a_.at_lock = nullptr;
}

void Preemptive::explore(std::uint64_t seed, int length, Sequence& sequence) {
  Random random(seed);
  sequence.seed = seed;
  sequence.start = scenario::start_state(random.below(2) != 0);
  sequence.actions.clear();
  sequence.schedule.clear();
  run(sequence, std::size_t(length), &random);
}

void Preemptive::replay(Sequence sequence) { run(sequence, sequence.actions.size(), nullptr); }

}  // namespace proctor::source
