// SPDX-License-Identifier: BSD-2-Clause
//
// A result in words and as JSON Lines.
#pragma once

#include <string>

#include "checker/log/acceptor.hpp"

namespace proctor::check {

// What was checked: one log, or a ktrace log and the KTR lines of the same run.
struct Subject {
  const trace::Log* ktrace = nullptr;
  const trace::Log* ktr = nullptr;
};

std::string text_report(const Subject& subject, const model::Behaviours& kernel, const Result& result, bool states);
std::string jsonl_report(const Subject& subject, const model::Behaviours& kernel, const Result& result);

}  // namespace proctor::check
