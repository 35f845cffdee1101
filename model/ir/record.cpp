// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace proctor::model {

std::int32_t Record::add(ir::Instruction in) {
  renumber(in, [&](std::int32_t id) {
    const std::int32_t value = number_[std::size_t(id)];
    if (value == kGone)
      throw std::logic_error(fmt::format(
          "{}: a value computed in a when() or in one turn of a loop is used outside; use either()", program_.name));
    return value;
  });
  const auto type = [&](std::int32_t value) {
    return value < 0 ? ir::Type::none : program_.code[std::size_t(value)].type;
  };
  if (in.type == ir::Type::none) in.type = type_of(in.op, in.imm, type(in.a), type(in.b), type(in.c));
  number_.push_back(size());
  program_.code.push_back(in);
  return std::int32_t(number_.size()) - 1;
}

void Record::end(const Mark& block) {
  program_.code[std::size_t(block.at)].end = size();
  std::fill(number_.begin() + block.id, number_.end(), kGone);
}

// first and second are the same loop, written down twice.
void Record::hand_on(const Mark& first, const Mark& second) {
  std::vector<ir::Instruction>& code = program_.code;
  const std::int32_t begin = first.at, length = second.at - first.at;
  const auto varies = [&] {
    return std::logic_error(fmt::format("{}: a loop whose turns are not written down alike", program_.name));
  };
  if (size() - second.at != length) throw varies();
  struct Variable {
    std::int32_t before, after;  // value numbers; after: in the first turn
  };
  std::vector<Variable> variables;
  struct Use {
    std::int32_t at, variable;
    std::size_t operand;
  };
  std::vector<Use> uses;
  constexpr std::array kOperands{&ir::Instruction::a, &ir::Instruction::b, &ir::Instruction::c, &ir::Instruction::d};
  for (std::int32_t at = begin; at < second.at; ++at) {
    const ir::Instruction &one = code[std::size_t(at)], &two = code[std::size_t(at + length)];
    if (one.op != two.op || one.imm != two.imm || one.imm2 != two.imm2) throw varies();
    for (std::size_t i = 0; i < kOperands.size(); ++i) {
      const std::int32_t a = one.*kOperands[i], b = two.*kOperands[i];
      if (a == b && a < begin) continue;
      if (a >= begin && b == a + length) continue;
      if (a < 0 || a >= begin || b < begin || b >= second.at) throw varies();
      const auto known = std::find_if(variables.begin(), variables.end(),
                                      [&](const Variable& v) { return v.before == a && v.after == b; });
      uses.push_back({at, std::int32_t(known - variables.begin()), i});
      if (known == variables.end()) variables.push_back({a, b});
    }
  }
  // What the second turn hands on is the variable, all else of both turns is gone.
  const auto count = std::int32_t(variables.size());
  std::fill(number_.begin() + first.id, number_.begin() + second.id, kGone);
  for (std::size_t id = std::size_t(second.id); id < number_.size(); ++id) {
    const auto handed = std::find_if(variables.begin(), variables.end(),
                                     [&](const Variable& v) { return v.after + length == number_[id]; });
    number_[id] = handed == variables.end() ? kGone : begin + std::int32_t(handed - variables.begin());
  }
  code.resize(std::size_t(second.at));
  // Room for the variables before the loop.
  for (std::int32_t at = begin; at < second.at; ++at) {
    ir::Instruction& in = code[std::size_t(at)];
    renumber(in, [&](std::int32_t value) { return value >= begin ? value + count : value; });
    if (in.end >= 0) in.end += count;
  }
  for (const Use& use : uses) code[std::size_t(use.at)].*kOperands[use.operand] = begin + use.variable;
  std::vector<ir::Instruction> before;
  for (const Variable& variable : variables)
    before.push_back({.op = ir::Op::carried, .a = variable.before, .b = variable.after + count});
  for (ir::Instruction& in : before) {
    const ir::Type start = code[std::size_t(in.a)].type;
    in.type = start != ir::Type::none ? start : code[std::size_t(in.b - count)].type;
  }
  code.insert(code.begin() + begin, before.begin(), before.end());
}

ir::Program Record::take() {
  if (const std::string wrong = fault(program_); !wrong.empty()) throw std::logic_error(wrong);
  return std::move(program_);
}

}  // namespace proctor::model
