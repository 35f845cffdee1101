// SPDX-License-Identifier: BSD-2-Clause
//
// A recorded program read as text has it: checks that cannot fail and effects that cannot happen are gone, and every step
// has its conditions.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checker/listing/terms.hpp"

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
  std::int32_t block = -1;   // that it is in
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
  // The blocks that an instruction is in, outermost first, as a tree: -1 is the root.
  struct Block {
    std::int32_t parent, value;  // value number: of a when() its condition, of a loop its slot
    TermId condition;
  };
  struct Write {
    std::int32_t at, block;
    model::ir::Op op;
    TermId slot;  // -1: any
    std::int32_t imm;
    TermId value;
  };
  struct Fact {
    TermId term;
    std::int32_t block;
  };
  // What holds where an instruction stands.
  struct Known {
    std::set<TermId> yes, no, somebody;
    std::set<std::pair<TermId, TermId>> equals;  // a term and the constant that it is
  };

  void walk(std::int32_t begin, std::int32_t end, std::int32_t block, std::vector<Step>& out);
  void loop(std::int32_t at, std::int32_t block, std::vector<Step>& out);
  void step(std::int32_t at, std::int32_t block, std::vector<Step>& out);
  TermId value(std::int32_t at, const Known& known);
  TermId read(Term term, std::int32_t block, const Known& known);
  TermId decided(const Term& term, const Known& known);
  TermId operand(std::int32_t id) const { return id < 0 ? -1 : value_[std::size_t(id)]; }
  std::vector<TermId> conditions(std::int32_t block) const;
  void remember(const Step& step);
  bool is_dead(std::int32_t block) const;
  std::string turning_name(bool processes) const;
  void drop_unused_names();

  std::int32_t inside(std::int32_t block, std::int32_t value, TermId condition);
  bool encloses(std::int32_t outer, std::int32_t block) const;
  std::vector<std::int32_t> chain(std::int32_t block) const;
  Known known_at(std::int32_t block) const;
  void assume(Known& known, TermId term, bool holds) const;
  std::optional<bool> decide(const Known& known, TermId term) const;
  bool may_touch(const Write& write, const Term& read, const Known& known) const;

  const model::ir::Program& program_;
  Terms terms_;
  std::vector<TermId> value_;
  std::vector<Step> steps_;
  std::vector<Write> writes_;
  std::vector<Fact> facts_;
  std::vector<Block> blocks_;
  std::vector<std::int32_t> dead_;     // blocks in which a check has failed always
  std::vector<std::int32_t> loops_;    // blocks of the loops around, innermost last
  std::vector<std::int32_t> carried_;  // variables of the loop that comes next
  std::set<TermId> named_;
  std::set<std::pair<std::int32_t, TermId>> taken_;  // locks and holds, by kind
};

}  // namespace proctor::rules
