// SPDX-License-Identifier: BSD-2-Clause
//
// A result in words and as JSON Lines.
#pragma once

#include <string>

#include "checker/acceptor.hpp"

namespace proctor::check {

// The exit status of the command, sorted out over several logs by worse().
enum class Exit : int { nothing_found = 0, finding = 1, inconclusive = 2, unreadable = 3, internal = 4 };
Exit worse(Exit a, Exit b);
Exit exit_of(const Result& result);

// What was checked: one log, or a ktrace log and the KTR lines of the same run.
struct Subject {
  const trace::Log* ktrace = nullptr;
  const trace::Log* ktr = nullptr;
};

std::string text_report(const Subject& subject, const model::Behaviours& kernel, const Result& result, bool states);
std::string jsonl_report(const Subject& subject, const model::Behaviours& kernel, const Result& result);

}  // namespace proctor::check
