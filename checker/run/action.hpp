// SPDX-License-Identifier: BSD-2-Clause
//
// An action is one step of one process: a rule of the model with its arguments, and how what lies outside the model is
// decided.  A list of actions is a scenario; as text it has one action a line:
//
//   p1 fork p2                          # p1 is init; a process has its name from the fork on
//   p2 fork p3
//   p2 ptrace PT_ATTACH p3
//   p3 takes SIGSTOP                    # the tracee finds the signal and stops
//   p2 wait p3 trapped
//   p2 ptrace PT_CONTINUE p3 data=SIGTERM pc=set -> 0
//   p2 ptrace PT_READ_D p3 memory=unmapped -> EFAULT
//
// pN is the process of slot N-1 (as an actor: its oldest thread), p3/t4 and t4 the thread of slot 4, `nobody` a pid or tid
// that does not exist.  `-> NAME` is what the call must return; without it anything is fine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "checker/run/text.hpp"
#include "model/environment/relation.hpp"

namespace proctor::scenario {

// The rules of one kernel, and their words.
class Vocabulary {
 public:
  explicit Vocabulary(const model::Behaviours& kernel);
  // The rules of all kernels, each name once: for reading only, what they do is that of the kernel that has them.
  static const Vocabulary& of_all();
  const model::Behaviours& kernel() const { return relation_.kernel(); }
  const model::Relation& relation() const { return relation_; }
  const std::vector<model::Rule>& rules() const { return relation_.rules(); }
  // What stands for the rule between the actor and its operands: "ptrace PT_ATTACH", "wait".  Empty: not in scenarios.
  const std::string& words(std::size_t rule) const { return words_[rule]; }
  bool by_tid(std::size_t rule) const { return by_tid_[rule]; }

 private:
  explicit Vocabulary(model::Relation relation);
  model::Relation relation_;
  std::vector<std::string> words_;
  std::vector<bool> by_tid_;
};

using Action = model::Step;

// An action as it stands in a file.
struct Line {
  Action action;
  int line = 0;                 // counts from 1
  std::string text;             // without comment
  std::optional<int> expected;  // errno, 0 success
};

// One line of text; `state` is the one before it, so that a process is named without its thread where that is clear.
std::string print(const Vocabulary& words, const Action& action, const model::SmallState& state);

// Takes the action in the model if it can be taken there; whether it could.
bool advance(const Vocabulary& words, const Action& action, model::SmallState& state);

bool makes_thread(const model::Rule& rule);     // a fork: argument 1 is the child, 2 its thread
bool returns_process(const model::Rule& rule);  // the result is one, if there is no error

// A word of an answer that was left open, for the ones that are not 0: "memory=unmapped".
std::string print_choices(const model::Choices& choices);

std::string process_name(int slot);  // "p3", "nobody"
std::string error_name(int error);   // "EPERM", "0", "errno 77"
std::optional<int> error_number(std::string_view name);
const names::Words& error_names();

struct ParseError {
  int line = 0, column = 0;
  std::string what;         // what was wrong, and what would have been accepted
  bool is_absence = false;  // the words are right, but nobody has this name at this place, or nothing is free
};

// Reads one action.  The state is needed to know which thread a process name stands for and which slots are free.
// An empty line or a comment is no action.
tl::expected<std::optional<Line>, ParseError> parse_line(const Vocabulary& words, std::string_view text, int line,
                                                         const model::SmallState& state);

// What is wrong with the words behind the name, whatever kernel it is and whoever has which name then, from left to
// right; nothing is asked of a word whose meaning hangs on one that is wrong.  `verbs` are others that could stand there.
std::vector<ParseError> wrong_words(std::string_view text, int line, const names::Words& verbs);

}  // namespace proctor::scenario
