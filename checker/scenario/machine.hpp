// SPDX-License-Identifier: BSD-2-Clause
//
// A state of the model with somebody in it: takes the steps that a scenario asks for, and those that its processes
// take by themselves.  What a step does is said by the rules; what is kept here is only who takes one when: signals
// that were sent and not yet found, what a process does with a signal, which stop is due on the way out of the kernel.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "checker/scenario/action.hpp"

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
  // The same by the rule's name; nothing if this kernel has no such rule.
  std::optional<Action> action(std::string_view rule, std::vector<std::int32_t> arguments) const;
  bool would_do(const Action& action) const;  // it can be taken

  // Every thread that can go on does.  False: they would go on for ever.
  bool settle(std::vector<Taken>& taken);

  void react(int proc, int signal, Reaction reaction);
  // exit(2) from begin to end; `status` as wait(2) has it.
  std::vector<Taken> exit(int td, int status);

 private:
  using Steps = std::vector<Taken>;
  // What a thread does next on its way out of the kernel, when it is not held.
  enum class Due : std::uint8_t { nothing, system_call_return, new_thread_return, stop, leave, thread_end };
  struct Thread {
    bool in_stop = false;  // went into a stop; what it was told there has not been looked at
    bool steps = false;    // will trap after one instruction
    Due due = Due::nothing;
  };
  struct Process {
    std::deque<int> sent;  // signals, but for SIGSTOP and SIGKILL, which are in the state
    std::map<int, Reaction> reactions;
    bool dies = false;  // an exit that was begun here is ended here
  };

  std::uint16_t flag(int td) const { return state_.lwp[std::size_t(td)].td_flag; }
  bool is_traced(int p) const;
  void follow(const Action& action, const Taken& taken, const model::SmallState& before);
  void send(int p, int signal);
  Reaction reaction(int p, int signal) const;

  bool try_rule(Steps& out, std::string_view rule, std::vector<std::int32_t> arguments, model::Choices choices = {});
  bool step(Steps& out);
  bool step_of_thread(Steps& out, int p, int td);
  bool due_step(Steps& out, int p, int td);
  bool leaves_stop(Steps& out, int p, int td);
  bool step_of_process(Steps& out, int p);
  bool takes_signal(Steps& out, int p, int signal);
  bool dies_of(Steps& out, int p, int status);
  bool ends_exit(Steps& out, int p);

  const Vocabulary& words_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  model::SmallState state_;
  std::array<Thread, model::SmallState::kLwps> threads_;
  std::array<Process, model::SmallState::kProcs> processes_;
};

}  // namespace proctor::scenario
