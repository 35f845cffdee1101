// SPDX-License-Identifier: BSD-2-Clause
//
// A state of the model with somebody in it: takes the steps that a scenario asks for, and those that its processes take by
// themselves.  What can be taken is said by the step relation (model/environment); what is kept here is only a policy:
// which of the possible steps comes first, and what the text of a scenario stands for.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "checker/run/action.hpp"

namespace proctor::scenario {

// A step that was taken or refused.
struct Taken {
  std::string text;  // the action, as a scenario would have it
  std::string rule;
  model::Outcome outcome;
  bool reached = true;  // false: nobody was at the place in the code where the rule begins
  std::vector<model::LockEvent> locks;
  model::SmallState after;
};

enum class Reaction : std::uint8_t { by_default, ignores, catches };

class Machine {
 public:
  static constexpr int kSettleMax = 200;  // internal steps after one line

  // init alone, as root: so its children have credentials that are known.
  explicit Machine(const Vocabulary& words);

  const model::SmallState& state() const { return state_; }
  Taken take(const Action& action);
  // The same by the rule's name or id; nothing if this kernel has no such rule.
  std::optional<Action> action(std::string_view rule, std::vector<std::int32_t> arguments) const;
  std::optional<Action> action(model::RuleId id, std::vector<std::int32_t> arguments) const;
  bool would_do(const Action& action) const;  // it can be taken
  int caller(int proc) const;                 // the thread that makes a call of this process: the oldest that can
  // All processes in an order in which those of one parent are as in its p_children: who was put there last comes first.
  const std::vector<model::Slot>& by_p_children() const { return by_p_children_; }

  // Every thread that can go on does.  False: they would go on for ever.
  bool settle(std::vector<Taken>& taken);

  // What the process does with the signal from here on: it calls sigaction(2), or if it is where it cannot, has done so.
  std::vector<Taken> react(int proc, int signal, Reaction reaction);
  // exit(2) from begin to end; `status` as wait(2) has it.
  std::vector<Taken> exit(int td, int status);
  // The thread finds this signal, which was sent to it now if it was not pending.
  std::vector<Taken> find_signal(int td, int signal);
  // A stop signal is sent to the process, and its threads follow.
  std::vector<Taken> stop_process(int p, int signal);

 private:
  using Steps = std::vector<Taken>;

  bool step(Steps& out);
  bool step_of_process(Steps& out, int p);
  bool step_of_thread(Steps& out, int td);
  bool must_leave_call(int td) const;
  void note_children(const model::SmallState& before);

  const Vocabulary& words_;
  model::SmallState state_;
  int current_ = model::kNone;  // the thread that acted last
  std::vector<model::Slot> by_p_children_;
  std::array<bool, model::SmallState::kProcs> halts_{};  // an exit that a scenario takes step by step
};

}  // namespace proctor::scenario
