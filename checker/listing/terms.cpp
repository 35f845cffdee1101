// SPDX-License-Identifier: BSD-2-Clause
#include "checker/listing/terms.hpp"

#include <algorithm>
#include <utility>

namespace proctor::rules {

using model::LwpField;
using model::ProcField;
using model::ir::Op;

Terms::Terms(const model::Rule& rule) {
  for (const model::Argument& argument : rule.arguments) arguments_.push_back({argument.name, type_of(argument.takes)});
}

TermId Terms::intern(const Term& term) {
  const auto [at, is_new] = numbers_.try_emplace(term, TermId(terms_.size()));
  if (is_new) terms_.push_back(term);
  return at->second;
}

TermId Terms::variable(std::string name, Type type) {
  arguments_.push_back({std::move(name), type});
  return make({.op = Op::argument, .imm = std::int32_t(arguments_.size()) - 1});
}

TermId Terms::make(const Term& term) {
  switch (term.op) {
    case Op::equal: return equal(term);
    case Op::and_:
    case Op::or_:
    case Op::not_: return logic(term);
    case Op::ite: return choice(term);
    case Op::bit_and:
    case Op::bit_or:
    case Op::add:
    case Op::sub:
    case Op::min:
    case Op::between: return arithmetic(term);
    // Whoever is nobody has no flags, no parent and the state of a free slot, as Exec has it.
    case Op::read_pflag:
    case Op::read_lflag:
      if (is_constant(term.a, model::kNone)) return constant(0);
      break;
    case Op::read_proc:
      if (is_constant(term.a, model::kNone)) {
        const auto field = ProcField(term.imm);
        return constant(field >= model::p_pptr && field <= model::p_xthread ? model::kNone : 0);
      }
      break;
    case Op::read_lwp:
      if (is_constant(term.a, model::kNone)) return constant(LwpField(term.imm) == model::td_proc ? model::kNone : 0);
      break;
    default: break;
  }
  return intern(term);
}

TermId Terms::equal(Term term) {
  if (is_constant(term.a)) std::swap(term.a, term.b);
  if (term.a == term.b) return constant(1);
  if (is_constant(term.a) && is_constant(term.b)) return constant(0);  // else they were one term
  return intern(term);
}

TermId Terms::logic(const Term& term) {
  if (term.op == Op::not_) {
    if (is_constant(term.a)) return constant((*this)[term.a].imm == 0 ? 1 : 0);
    if ((*this)[term.a].op == Op::not_) return (*this)[term.a].a;
    return intern(term);
  }
  const bool is_and = term.op == Op::and_;
  for (const auto& [one, other] : {std::pair{term.a, term.b}, std::pair{term.b, term.a}})
    if (is_constant(one)) return ((*this)[one].imm != 0) == is_and ? other : constant(is_and ? 0 : 1);
  if (term.a == term.b) return term.a;
  if (negation(term.a) == term.b) return constant(is_and ? 0 : 1);
  return intern(term);
}

TermId Terms::choice(Term term) {
  if (is_constant(term.a)) return (*this)[term.a].imm != 0 ? term.b : term.c;
  if ((*this)[term.a].op == Op::not_) {
    term.a = (*this)[term.a].a;
    std::swap(term.b, term.c);
  }
  if (term.b == term.c) return term.b;
  // The process of no thread is no process: "tid names nobody ? nobody : its process" is its process.
  const Term cond = (*this)[term.a], other = (*this)[term.c];
  if (cond.op == Op::equal && is_constant(cond.b, model::kNone) && is_constant(term.b, model::kNone) &&
      other.op == Op::read_lwp && LwpField(other.imm) == model::td_proc && other.a == cond.a)
    return term.c;
  return intern(term);
}

TermId Terms::arithmetic(const Term& term) {
  const bool known = is_constant(term.a) && (term.b < 0 || is_constant(term.b));
  const std::int32_t a = known ? (*this)[term.a].imm : 0, b = known && term.b >= 0 ? (*this)[term.b].imm : 0;
  switch (term.op) {
    case Op::bit_and:
      if (known) return constant(a & b);
      if (is_constant(term.b, 0)) return term.b;
      break;
    case Op::bit_or:
      if (known) return constant(a | b);
      if (is_constant(term.b, 0)) return term.a;
      if (is_constant(term.a, 0)) return term.b;
      break;
    case Op::add:
      if (known) return constant(a + b);
      break;
    case Op::sub:
      if (known) return constant(a - b);
      break;
    case Op::min:
      if (known) return constant(std::min(a, b));
      break;
    default:
      if (known) return constant(term.imm <= a && a <= term.imm2 ? 1 : 0);
      break;
  }
  return intern(term);
}

Type Terms::type(TermId id) const {
  const Type known = type_or_none(id);
  return known == Type::none ? Type::number : known;
}

Type Terms::type_or_none(TermId id) const {
  if (id < 0) return Type::none;
  const Term& term = (*this)[id];
  if (term.op == Op::argument) return arguments_[std::size_t(term.imm)].type;
  const Type own = model::ir::type_of(term.op, term.imm, Type::none, Type::none, Type::none);
  if (own != Type::none) return own;
  const Type first = type_or_none(term.op == Op::ite ? term.b : term.a);
  return first != Type::none ? first : type_or_none(term.op == Op::ite ? term.c : term.b);
}

bool Terms::mentions(TermId id, TermId part) const {
  if (id < 0) return false;
  if (id == part) return true;
  const Term& term = (*this)[id];
  return mentions(term.a, part) || mentions(term.b, part) || mentions(term.c, part);
}

}  // namespace proctor::rules
