// SPDX-License-Identifier: BSD-2-Clause
//
// Running a scenario on the model of one kernel; what stands in it is said in script.hpp.
//
// After each line the kernel and its processes settle: a thread that can go on does (machine.hpp).  `hold` ends this,
// `settle` does it once, `unhold` begins it again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checker/run/machine.hpp"
#include "checker/scenario/script.hpp"

namespace proctor::scenario {

struct Finding {
  int line = 0;
  std::string what;      // "expected EPERM, but 0 came"
  model::Clause clause;  // what decided, id empty if nothing did
};

// One line of the scenario and what it came to.
struct LineResult {
  LineKind kind = LineKind::action;
  int line = 0;
  std::string text;              // without comment and expectation
  std::optional<Action> action;  // kind action
  int actor = model::kNone;      // the process
  int actor_thread = model::kNone;
  int target = model::kNone;  // wait: the process asked for
  bool waits_for_any = false;
  int signal = 0;              // reaction, job_stop
  int status = 0;              // exit: what _exit(2) is given
  std::vector<Taken> taken;    // the actions that it stands for
  std::vector<Taken> settled;  // internal steps after it
  bool possible = true;
  std::string why_not;        // not possible: who is missing, or has the name already; empty: `clause` says it
  int error = 0;              // errno
  std::optional<int> result;  // what the call returned, if that is not 0; or the slot of a process
  bool result_is_process = false;
  std::optional<int> flags;              // pl_flags, of PT_LWPINFO
  std::string report;                    // wait: "trapped=SIGSTOP"
  model::Clause clause{};                // what failed
  std::optional<std::string> expected;   // what the scenario expects on this kernel
  model::SmallState before, after, end;  // before it, after it, and after settling
};

struct RunResult {
  std::string path;
  const model::Behaviours* kernel = nullptr;  // null: nothing ran
  std::vector<LineResult> lines;
  std::vector<Finding> findings;
  std::vector<std::string> unreadable;  // "PATH:LINE:COLUMN: WHY": words that are wrong, or that this kernel has not
  bool ended_early = false;             // an action was not possible: the lines after it were not looked at
  int expectations = 0;                 // that were compared
  int exit_status() const { return !findings.empty() ? 1 : unreadable.empty() ? 0 : 3; }
};

// Nothing runs if the script has problems.
RunResult run(const Script& script, const model::Behaviours& kernel);
RunResult run(const Scenario& scenario, const model::Behaviours& kernel);
RunResult not_run(const Script& script);  // its problems, and no kernel

// Every action that was taken, those that the processes took by themselves too: from `start` they lead to where the run
// did, and nothing is left to be done between them.
struct Expansion {
  model::SmallState start;
  std::vector<Action> actions;
  std::vector<int> lines;  // of the scenario, one for each action
};
Expansion expand(const Vocabulary& words, const RunResult& result);

// For people: a line for each action with its result and what changed.
std::string text_report(const RunResult& result);

// An object for each action and a last one with the verdict; the fields are listed in tests/scenarios/README.md.
enum class States : std::uint8_t {
  none,
  end,
  both
};  // which of the states of a line it has: at the end, or `after` too
std::string jsonl_report(const RunResult& result, States states = States::both);

}  // namespace proctor::scenario
