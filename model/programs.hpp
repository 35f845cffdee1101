// SPDX-License-Identifier: BSD-2-Clause
//
// Every rule of the model, in one table: how to compute it and what it looks like written down.  Whoever needs all rules
// (tests, coverage, exports, the rule listing) takes them from here; there is no second list.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "model/ir/program.hpp"

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

// Which rule it is, whatever its arguments' kinds and options; whoever needs one asks for it by this.
enum class RuleId : std::uint8_t {
  ptrace,  // one rule for each request, by pid and by tid
  fork,
  vfork,
  rfork_nowait,
  rfork_ppwait_nowait,
  rfork_signal,
  pdfork,
  execve_begins,
  execve,
  execve_set_id,
  execve_goes_on,
  thr_new,
  thr_exit,
  thr_exit_gone,
  exit,
  exit_alone,
  exit_goes_on,
  exit_untraced,
  exit_zombie,
  wait_report,   // one for each set of children, option and report
  wait_nothing,  // one for each set and options
  kill,
  killpg,
  thr_kill,
  sigaction_ignore,
  sigaction_default,
  sigaction_catch,
  sig_block,
  sig_unblock,
  getppid,
  setpgid,
  reap_acquire,
  reap_release,
  reap_kill,
  procdesc_close,
  setuid,
  jail,
  sysctl,
  enter_call,
  leave_call,
  fork_return,
  thread_return,
  end_vfork_wait,
  stop,
  resume_in_stop,
  leave_stop,
  leave_job_stop,
  follow_stop,
  die_with_process,
  issignal,
  step_trap,
  trapsignal,
  psignal,
};

struct Rule {
  // Who takes the step.
  enum class By : std::uint8_t {
    request,  // ptrace(2): argument 0 is the calling thread
    call,     // another system call, or what a program does without one: argument 0 is the thread
    thread,   // the kernel on behalf of a thread, argument 0
    process,  // the kernel on behalf of a process, argument 0
    other,    // somebody outside the state: a timer, a terminal, a driver
  };
  RuleId id;
  By by;
  int number = -1;  // of the request, if it is one
  std::vector<Argument> arguments;
  ir::Program program;  // program.name is the rule's name
  std::function<void(Exec<SmallState>&, const std::vector<std::int32_t>&)> run;
};

// All rules, as a kernel with these behaviours has them.  A request that can name its target by pid or by tid is there
// for each, and so is a rule with compile-time options for each combination that matters.
std::vector<Rule> all_rules(const Behaviours& kernel);

// Whether somebody can take this step here: the rule's guards hold.
bool is_enabled(const Rule& rule, const Behaviours& kernel, const SmallState& state,
                const std::vector<std::int32_t>& arguments, const Choices& choices = {});

// The same, written down only.
std::vector<ir::Program> programs(const Behaviours& kernel);

}  // namespace proctor::model
