// SPDX-License-Identifier: BSD-2-Clause
//
// Every rule of the model, in one table: how to compute it and what it looks like written down.  Whoever needs all rules
// (tests, coverage, exports, the rule listing) takes them from here; there is no second list.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "model/ir.hpp"

namespace proctor::model {

// What an argument of a rule stands for, and so what values it can have.
enum class Takes : std::uint8_t {
  process,  // slot of a process; kNone: the pid names nobody
  thread,   // slot of a thread; kNone: the tid names nobody
  data,     // the int data of ptrace(2): a signal, a size, a switch
  signal,   // a signal number
  mask,     // a set of PTRACE_* events
  status,   // wait status of an exiting process
  yes_no,   // 0 or 1
};
ir::Type type_of(Takes takes);
struct Argument {
  std::string name;
  Takes takes;
};
inline constexpr std::size_t kArgumentsMax = 6;

// What a step takes for granted because of where the code stands: who runs, who is in a stop, which slots are new.
enum class Needs : std::uint8_t {
  request,        // argument 0 can make a system call
  fork,           // the same, and 1 and 2 are free slots
  exec,           // a process with one thread
  thread_create,  // process 0 has a thread that runs, 1 is a free slot
  thread_exit,    // not the last thread
  thread_gone,    // the same, and it is in no stop
  exit_begins,    // not init
  exit_goes_on,   // not init
  exit_ends,      // not init
  job_stop,       // not init, and a signal that stops
  post,           // any living process, any signal
  process_call,   // process 0 has a thread that can make a system call
  resumed,        // thread 0 runs, and was in ptracestop()
  leave_stop,     // thread 0 runs, and its stop is over
  suspend_check,  // thread 0 runs
  vfork_wait,     // thread 0 waits for its vfork child
  fork_return,    // thread 0 has not been in user mode yet
  call_returns,   // thread 0 runs and is in no stop
  traced_thread,  // thread 0 of a tracee runs
  thread,         // thread 0 runs
};

struct Rule {
  // Who takes the step; what the code takes for granted there is checked by nobody else.
  enum class By : std::uint8_t {
    request,  // ptrace(2): argument 0 is the calling thread
    call,     // another system call: argument 0 is the calling thread or process
    thread,   // the kernel on behalf of a thread, argument 0
    process,  // the kernel on behalf of a process, argument 0
  };
  By by;
  Needs needs;
  int number = -1;  // of the request, if it is one
  std::vector<Argument> arguments;
  ir::Program program;  // program.name is the rule's name
  std::function<void(Exec<SmallState>&, const std::vector<std::int32_t>&)> run;
};

// All rules, as a kernel with these behaviours has them.  A request that can name its target by pid or by tid is there
// for each, and so is a rule with compile-time options for each combination that matters.
std::vector<Rule> all_rules(const Behaviours& kernel);

// Whether the kernel could come to this rule with these arguments in this state.  The rule's own guards say what the code
// decides; this says the rest.
bool is_reachable(const Rule& rule, const SmallState& state, const std::vector<std::int32_t>& arguments);

// The same, written down only.
std::vector<ir::Program> programs(const Behaviours& kernel);

}  // namespace proctor::model
