// SPDX-License-Identifier: BSD-2-Clause
//
// A run as a file: the lines of a scenario, and before them what makes it exact (the seed of what is left to chance, the
// flags of init, the schedule of a preemptive run).
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "checker/run/action.hpp"

namespace proctor::scenario {

inline constexpr std::uint32_t kTurnsMax = 60;  // a decision of a schedule is below this

// A sequence as it was run: the state it starts from, its actions, and what the dice of each call are made from.
struct Sequence {
  std::uint64_t seed = 0;
  model::SmallState start;
  std::vector<Action> actions;
  std::vector<std::uint32_t> schedule;  // preemptive: who goes next, one number a lock operation; empty: atomic
  bool exact =
      false;  // the environment's steps were taken already, by the scenario runner, which knows where each begins
};

// Just booted; init is a system process, which nobody may debug, or a plain one.
model::SmallState start_state(bool system_init);

// A schedule as one word.
std::string schedule_token(const std::vector<std::uint32_t>& schedule);

// Nothing is left half-written.
tl::expected<void, std::string> save_run(const std::string& path, const Vocabulary& words, const Sequence& sequence,
                                         const std::string& title);
// Any error is one line: where, what, what would have been accepted.
tl::expected<Sequence, std::string> load_run(const std::string& path, const Vocabulary& words);

}  // namespace proctor::scenario
