// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor rules`: what a kernel's rules say, for people.  All of it is read from the recorded programs.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "model/programs.hpp"

namespace proctor::rules {

enum class LineKind : std::uint8_t {
  block,   // "if P_TRACED in p:", "for each thread t of p:"; deeper lines follow
  name,    // what a name stands for from here on
  open,    // something that is decided outside the model
  check,   // fails with an errno
  guard,   // the code goes on only so
  effect,  // a write, a result, something moved
  lock,    // lock, unlock, hold, release, sleep, wakeup
  ktr,     // a KTR_PTRACE line is written
};
std::string_view name(LineKind kind);

struct Line {
  LineKind kind{};
  int depth = 0;      // how many blocks it is in
  std::string text;   // without the clause
  std::string error;  // of a check: "EBUSY"
  model::Clause clause{};
  bool always = false;  // a check that nothing passes
};

// A rule in source order.  What cannot happen, or cannot fail, is left out.
std::vector<Line> describe(const model::Rule& rule);
std::string text_of(const std::vector<Line>& lines);  // at most 120 columns

struct RulesOptions {
  std::string kernel;
  std::string request;  // empty: one line for each rule
  std::string format = "text";
};
// The report, or what is wrong with the options.
tl::expected<std::string, std::string> rules_report(const RulesOptions& options);
// Returns the exit status.
int rules_command(const RulesOptions& options);

}  // namespace proctor::rules
