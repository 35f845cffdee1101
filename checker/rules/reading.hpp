// SPDX-License-Identifier: BSD-2-Clause
//
// A recorded program read back as text has it: loops that Record unrolled are loops again, checks that cannot fail and
// effects that cannot happen are gone, and every step has its conditions.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checker/rules/terms.hpp"

namespace proctor::rules {

struct Step {
  enum class Kind : std::uint8_t {
    effect,  // the instruction, with its operands as terms
    open,    // something is decided outside the model: a is the term
    let,     // a is a slot that later steps speak of
    loop,    // a is the slot that runs, b the process whose threads it runs over, -1: all processes
    first,   // the variable a has the value b before a loop
    next,    // and b after each turn
  };
  Kind kind{};
  std::int32_t at = 0;       // instruction
  std::vector<TermId> when;  // conditions, outermost first, those of enclosing loops left out
  TermId a = -1, b = -1, c = -1, d = -1;
  std::vector<Step> body;
};

class Reading {
 public:
  explicit Reading(const model::Rule& rule);

  const std::vector<Step>& steps() const { return steps_; }
  const Terms& terms() const { return terms_; }
  const model::ir::Program& program() const { return program_; }
  // Whether what this read saw may have been overwritten when the step is taken.
  bool is_stale(TermId read, const Step& step) const;

 private:
  struct Unrolled {
    bool processes;
    std::int32_t begin, length, turns, inside;  // inside: the path of the first turn
    std::int32_t of;                            // value number of the process, if it is about threads
    bool has(std::int32_t at) const { return begin <= at && at < begin + length; }
  };
  struct Write {
    std::int32_t at, path;
    model::ir::Op op;
    TermId slot;  // -1: any
    std::int32_t imm;
    TermId value;
  };
  struct Fact {
    TermId term;
    std::int32_t path;
  };
  // What holds where an instruction stands.
  struct Known {
    std::set<TermId> yes, no, somebody;
    std::set<std::pair<TermId, TermId>> equals;  // a term and the constant that it is
  };

  void walk(std::int32_t begin, std::int32_t end, std::vector<Step>& out);
  void loop(const Unrolled& u, std::vector<Step>& out);
  void step(std::int32_t at, std::vector<Step>& out);
  TermId value(std::int32_t at, const Known& known);
  TermId read(std::int32_t at, const Known& known);
  TermId operand(std::int32_t at, int which);
  std::int32_t raw_operand(std::int32_t at, int which) const;
  void remember(std::int32_t at, const Step& step);
  bool is_dead(std::int32_t at) const;
  std::string turning_name(bool processes) const;
  void drop_unused_names();

  std::optional<Unrolled> unrolled(std::int32_t at) const;
  bool turn_begins(std::int32_t at, std::int32_t turn, const Unrolled& first) const;
  std::int32_t parent(std::int32_t path) const;
  std::int32_t condition(std::int32_t path) const;
  std::vector<std::int32_t> chain(std::int32_t path) const;
  Known known_at(std::int32_t path) const;
  void assume(Known& known, TermId term, bool holds) const;
  std::optional<bool> decide(const Known& known, TermId term) const;
  bool may_touch(const Write& write, const Term& read, const Known& known) const;

  const model::ir::Program& program_;
  Terms terms_;
  std::vector<TermId> value_;
  std::vector<Step> steps_;
  std::vector<Write> writes_;
  std::vector<Fact> facts_;
  std::vector<std::int32_t> dead_;  // paths on which a check has failed always
  struct Turning {
    Unrolled u;
    std::map<std::int32_t, TermId> carried;        // offset of the value that the next turn begins with
    std::map<std::int32_t, std::int32_t> initial;  // the same, before the first turn: value number
  };
  std::vector<Turning> loops_;
  std::set<TermId> named_;
  std::set<std::pair<std::int32_t, TermId>> taken_;  // locks and holds, by kind
};

}  // namespace proctor::rules
