// SPDX-License-Identifier: BSD-2-Clause
//
// What a value of a recorded program is, as a term over arguments and reads: equal terms have one number, and what can
// be computed without a state is computed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/programs.hpp"

namespace proctor::rules {

using TermId = std::int32_t;

using model::ir::Type;

struct Term {
  model::ir::Op op{};  // a value, as in ir.hpp; of an argument: imm beyond the program's own are variables of a loop
  TermId a = -1, b = -1, c = -1;
  std::int32_t imm = 0, imm2 = 0;
  std::int32_t since = -1;  // of a read: the instruction that may have written it last
  bool operator<(const Term& other) const {
    return std::tie(op, a, b, c, imm, imm2, since) <
           std::tie(other.op, other.a, other.b, other.c, other.imm, other.imm2, other.since);
  }
};

class Terms {
 public:
  explicit Terms(const model::Rule& rule);

  TermId make(const Term& term);
  TermId constant(std::int32_t value) { return make({.op = model::ir::Op::constant, .imm = value}); }
  TermId negation(TermId term) { return make({.op = model::ir::Op::not_, .a = term}); }
  TermId variable(std::string name, Type type);
  const Term& operator[](TermId id) const { return terms_[std::size_t(id)]; }
  bool is_constant(TermId id) const { return (*this)[id].op == model::ir::Op::constant; }
  bool is_constant(TermId id, std::int32_t value) const { return is_constant(id) && (*this)[id].imm == value; }
  Type type(TermId id) const;
  bool mentions(TermId id, TermId part) const;
  const std::string& argument(std::int32_t number) const { return arguments_[std::size_t(number)].name; }
  void rename_argument(std::int32_t number, std::string name) {
    arguments_[std::size_t(number)].name = std::move(name);
  }
  void retype_argument(std::int32_t number, Type type) { arguments_[std::size_t(number)].type = type; }

 private:
  struct Named {
    std::string name;
    Type type;
  };
  Type type_or_none(TermId id) const;  // none: of a constant
  TermId intern(const Term& term);
  TermId logic(const Term& term);
  TermId arithmetic(const Term& term);
  TermId equal(Term term);
  TermId choice(Term term);

  std::vector<Term> terms_;
  std::map<Term, TermId> numbers_;
  std::vector<Named> arguments_;
};

constexpr bool is_read(model::ir::Op op) {
  using model::ir::Op;
  return op == Op::read_proc || op == Op::read_pflag || op == Op::read_lwp || op == Op::read_lflag ||
         (op >= Op::first_lwp && op <= Op::pending);
}

}  // namespace proctor::rules
