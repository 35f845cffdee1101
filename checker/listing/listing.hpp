// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor rules`: what a kernel's rules say, for people.  All of it is read from the recorded programs.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "checker/names/nearest.hpp"
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
std::string text_of(const Line& line, std::size_t indent);

// Breaks at spaces; what follows the first line is indented further.
std::string wrapped(std::string_view text, std::size_t indent);
// "PT_ATTACH" of "ptrace(PT_ATTACH, pid)".
std::string request_name(const model::Rule& rule);

// An object for a line of a rule, and the blocks that it is in.
std::string line_jsonl(const model::Behaviours& kernel, const model::Rule& rule, const Line& line,
                       const std::vector<std::string>& blocks);

// All clauses of all kernels.
const names::Words& clause_ids();
// What a clause says, in which rules of which of these kernels, and at which line of each one's source.
std::string clause_text(std::string_view id, const std::vector<const model::Behaviours*>& kernels);
std::string clause_jsonl(std::string_view id, const std::vector<const model::Behaviours*>& kernels);

struct RulesOptions {
  std::string kernel;   // empty: freebsd-10.4; for a clause all
  std::string request;  // or a rule, a system call, a clause; empty: one line for each rule
  std::string format = "text";
};
// The report, or what is wrong with the options.
tl::expected<std::string, std::string> rules_report(const RulesOptions& options);

}  // namespace proctor::rules
