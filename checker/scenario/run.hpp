// SPDX-License-Identifier: BSD-2-Clause
//
// Running a scenario on the model of one kernel.  Beside the actions of action.hpp a line can be
//
//   kernels freebsd-11c freebsd-10.4      # before the first action: the kernels that it is about; default: all
//   [freebsd-11c] p3 suspends             # on these kernels only
//   p3 exit [STATUS]                      # from begin to end; the status is what _exit(2) is given
//   p2 wait p3|any [exited|trapped|stopped|continued]   # the first report there is, in this order
//   p2 kill p3 SIGTERM                    # short for data=SIGTERM
//   p3 ignores SIGUSR1 / p3 catches SIGUSR1
//   hold / unhold / settle                # see below
//   check p3 P_TRACED !P_WAITED parent=p2 xstat=SIGSTOP zombie
//   check t3 TDB_XSIG xsig=SIGTERM
//
// After each line the kernel and its processes settle: a thread that can go on does (machine.hpp).  `hold` ends this,
// `settle` does it once, `unhold` begins it again.
//
// What a line must come to stands behind `->`: an errno's name or 0, `result=2`, for a wait `exited=3`,
// `killed=SIGKILL`, `trapped=SIGSTOP`, `stopped=SIGSTOP` (each also without the value), `continued` or `nothing`;
// `impossible`, also with the clause as in `impossible=attach-walk-ends`, if the kernel does not come to an answer.
// Kernels can differ: `-> freebsd-5.1,dragonfly-5.5:0 else:ECHILD`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "checker/scenario/action.hpp"
#include "checker/scenario/machine.hpp"

namespace proctor::scenario {

struct Scenario {
  std::string path;
  std::string text;
};

// "-" is standard input.  Fails with one line: "PATH: cannot be read: WHY".
tl::expected<Scenario, std::string> read_scenario(const std::string& path);

// The kernels that it is about.  Fails with "PATH:LINE:COLUMN: WHY".
tl::expected<std::vector<const model::Behaviours*>, std::string> kernels_of(const Scenario& scenario);

// The kernel of that name, or null; all names, for a message.
const model::Behaviours* kernel_named(std::string_view name);
std::string kernel_names();

struct Finding {
  int line = 0;
  std::string what;      // "expected EPERM, but 0 came"
  model::Clause clause;  // what decided, id empty if nothing did
};

enum class LineKind : std::uint8_t { action, exit, wait, reaction, check, settle };

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
  int signal = 0;              // reaction
  int status = 0;              // exit: what _exit(2) is given
  std::vector<Taken> taken;    // the actions that it stands for
  std::vector<Taken> settled;  // internal steps after it
  bool possible = true;
  int error = 0;                         // errno
  std::optional<int> result;             // what the call returned, if that is not 0; a slot for fork and wait
  std::string report;                    // wait: "trapped=SIGSTOP"
  model::Clause clause{};                // what failed
  std::optional<std::string> expected;   // what the scenario expects on this kernel
  model::SmallState before, after, end;  // before it, after it, and after settling
};

struct RunResult {
  std::string path;
  const model::Behaviours* kernel = nullptr;
  std::vector<LineResult> lines;
  std::vector<Finding> findings;
  std::optional<std::string> unreadable;  // "PATH:LINE:COLUMN: WHY": the run ended there
  bool ended_early = false;               // an action was not possible: the lines after it were not looked at
  int expectations = 0;                   // that were compared
  int exit_status() const { return !findings.empty() ? 1 : unreadable ? 3 : 0; }
};

RunResult run(const Scenario& scenario, const model::Behaviours& kernel);

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
std::string jsonl_report(const RunResult& result);

// Words for a state.
bool is_pending(const model::SmallState& state, int p, int signal);  // for the process or one of its threads
std::optional<int> pending_flag(std::string_view name);              // PEND_STOP, PEND_KILL: the signal
std::string flag_words(const model::Proc& p);
std::string flag_words(const model::Lwp& td);
std::optional<std::uint16_t> proc_flag(std::string_view name);
std::optional<std::uint16_t> lwp_flag(std::string_view name);
std::string signal_words(int signal);
std::string changes(const model::SmallState& before, const model::SmallState& after);

}  // namespace proctor::scenario
