// SPDX-License-Identifier: BSD-2-Clause
//
// Runs sequences in a child process, so that a source that crashes or never returns is a finding and not the end of the
// program; makes the sequence of a finding shorter; and says what was found.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "checker/source/lockstep.hpp"

namespace proctor::source {

struct Plan {
  std::uint64_t calls = 1000000;  // over all sequences
  std::uint64_t seed = 1;
  std::uint64_t first = 0;  // the sequence to begin with
  int length = 48;          // actions in a sequence, at most
  bool preemptive = false;
  bool shorten = true;                          // look for a shorter run that shows the same
  int patience_ms = 2000;                       // after which a call is said not to return
  std::function<void(std::uint64_t)> progress;  // calls made so far, now and then
};

struct Found {
  Finding finding;
  Sequence sequence;       // its last action is the one that shows it
  std::size_t before = 0;  // how many actions it had before it was made shorter
  bool alone = true;       // the sequence shows it in a fresh process too
};

// What came of one sequence.
struct Verdict {
  std::optional<Finding> finding;
  std::size_t tried = 0, taken = 0;  // of its actions
};

// SIGINT, SIGTERM or SIGHUP came, and the child is gone.
struct Stopped {
  int signal;
};

// While it lives these signals are noted, and check() throws Stopped; those that were ignored stay so.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  static void check();
  static bool came();

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

struct Summary {
  std::uint64_t calls = 0, steps = 0, not_made = 0, sequences = 0;
  std::optional<Found> found;      // as it was found: settle() comes next
  model::ClauseCoverage coverage;  // of the calls that were made, if nothing was found
};

class Supervisor {
 public:
  Supervisor(const scenario::Vocabulary& words, Harness& a, Harness* b) : words_(words), a_(a), b_(b) {}

  // Up to the first finding.
  Summary run(const Plan& plan);
  // Runs the finding alone, and makes it shorter.
  Found settle(Found found, const Plan& plan);
  // One sequence once, in a child.
  Verdict judge(const Sequence& sequence, int patience_ms);

 private:
  Sequence without_idle_choices(Sequence sequence) const;
  Sequence shorten(Sequence sequence, Finding& finding, const Plan& plan);

  const scenario::Vocabulary& words_;
  Harness& a_;
  Harness* b_;
};

// The actions of a sequence as lines of a scenario.
std::string scenario_text(const scenario::Vocabulary& words, const Sequence& sequence);

}  // namespace proctor::source
