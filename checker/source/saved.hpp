// SPDX-License-Identifier: BSD-2-Clause
//
// A run as a file: the lines of a scenario, and before them what makes it exact (the seed of what is left to chance, the
// flags of init, the schedule of a preemptive run).
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "checker/source/lockstep.hpp"

namespace proctor::source {

// The error says why, without the path: "it is a folder".
tl::expected<std::string, std::string> read_text(const std::string& path);

// A schedule as one word.
std::string schedule_token(const std::vector<std::uint32_t>& schedule);

// False if the file cannot be written; nothing is left half-written.
bool save_run(const std::string& path, const scenario::Vocabulary& words, const Sequence& sequence,
              const std::string& title);
// The error is one line: where, what, what would have been accepted.
tl::expected<Sequence, std::string> load_run(const std::string& path, const scenario::Vocabulary& words);

}  // namespace proctor::source
