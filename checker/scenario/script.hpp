// SPDX-License-Identifier: BSD-2-Clause
//
// A scenario as it is read, before any kernel runs it.  Beside the actions of action.hpp a line can be
//
//   kernels freebsd-11c freebsd-10.4      # before the first action: the kernels that it is about; default: all
//   [freebsd-11c] p3 suspends             # on these kernels only
//   p3 exit [STATUS]                      # from begin to end; the status is what _exit(2) is given
//   p2 wait p3|any [exited|trapped|stopped|continued]   # the first report there is, in this order
//   p2 kill p3 SIGTERM                    # short for data=SIGTERM
//   p3 ignores SIGUSR1 / p3 catches SIGUSR1
//   p3 job_stop SIGTSTP                   # the signal is sent, and the process stops of it
//   hold / unhold / settle                # see run.hpp
//   check p3 P_TRACED !P_WAITED parent=p2 xstat=SIGSTOP zombie
//   check t3 TDB_XSIG xsig=SIGTERM
//
// What a line must come to stands behind `->`: an errno's name or 0, `result=2`, `result=p3`, for a wait `exited=3`,
// `killed=SIGKILL`, `trapped=SIGSTOP`, `stopped=SIGSTOP` (each also without the value), `continued` or `nothing`;
// `flags=0x24` is success of PT_LWPINFO with these pl_flags;
// `impossible`, also with the clause as in `impossible=attach-walk-ends`, if the kernel does not come to an answer.
// Kernels can differ: `-> freebsd-5.1,dragonfly-5.5:0 else:ECHILD`.
//
// Whether a word exists is found here, for all kernels at once.  Whether somebody has the name p3 at this place, and
// whether this kernel has a step that another one has, is found by a run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "checker/run/action.hpp"
#include "checker/scenario/property.hpp"

namespace proctor::scenario {

struct Scenario {
  std::string path;
  std::string text;
};

// "-" is standard input.  Fails with one line: "PATH: cannot be read: WHY".
tl::expected<Scenario, std::string> read_scenario(const std::string& path);

enum class LineKind : std::uint8_t { action, exit, wait, reaction, job_stop, check, settle };

inline constexpr std::string_view kReports[] = {"exited", "trapped", "stopped", "continued"};

// An outcome, and the kernels that it is expected on.
struct Expected {
  std::vector<const model::Behaviours*> kernels;
  bool on_others = false;  // on all that no outcome of the line names
  std::string outcome;
};

struct Statement {
  LineKind kind = LineKind::action;
  int line = 0;
  std::string text;                            // without comment, kernels and expectation
  std::string padded;                          // the same, each word in its column
  std::vector<const model::Behaviours*> only;  // [NAMES]; empty: all
  std::vector<Expected> expected;
  std::string actor_word;  // "p3"
  Name actor;
  std::optional<Name> target;  // wait: nothing: any
  std::string report;          // wait: the only one that is asked for, empty: all
  int signal = 0;              // reaction, job_stop
  bool ignores = false;        // reaction; else it catches
  int status = 0;              // exit
  std::string subject;         // check
  int slot = 0;                // check: of a process, or of a thread
  bool of_thread = false;
  std::vector<Property> properties;

  bool is_for(const model::Behaviours& kernel) const;
  std::optional<std::string> expected_on(const model::Behaviours& kernel) const;
};

struct Script {
  std::string path;
  std::vector<const model::Behaviours*> kernels;  // that it is about
  std::vector<Statement> statements;
  std::vector<ParseError> problems;  // in order; if there is one, nothing should run
};
Script read_script(const Scenario& scenario);

// "PATH:LINE:COLUMN: WHY" for each problem, up to a bound, and how many are left out.
std::vector<std::string> problem_lines(const std::string& path, const std::vector<ParseError>& problems);

}  // namespace proctor::scenario
