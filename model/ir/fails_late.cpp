// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir/fails_late.hpp"

#include <algorithm>
#include <optional>

namespace proctor::model::ir {
namespace {

using Value = std::optional<std::int32_t>;  // nothing: it depends on the state or on an argument

// The program under one set of answers to the open questions.
class Run {
 public:
  Run(const Program& program, const Choices& choices) : code_(program.code), choices_(choices) {
    for (const Instruction& in : code_) value_.push_back(value_of(in));
  }
  bool fails_after(Ktr line) const {
    bool written = false;
    std::vector<std::int32_t> blocks;  // those that this instruction is in
    for (std::size_t at = 0; at < code_.size(); ++at) {
      const Instruction& in = code_[at];
      std::erase_if(blocks, [&](std::int32_t block) { return code_[std::size_t(block)].end <= std::int32_t(at); });
      if (is_block(in.op)) blocks.push_back(std::int32_t(at));
      const bool reached = std::none_of(blocks.begin(), blocks.end(), [&](std::int32_t block) {
        return code_[std::size_t(block)].op == Op::when && is(code_[std::size_t(block)].a, 0);
      });
      if (!reached) continue;
      if (in.op == Op::emit && Ktr(in.imm) == line) written = true;
      if (in.op != Op::require) continue;
      if (written && !is(in.a, 1)) return true;
      if (blocks.empty() && is(in.a, 0)) return false;  // fails here, and the line is not written
    }
    return false;
  }

 private:
  Value value(std::int32_t id) const { return id < 0 ? Value() : value_[std::size_t(id)]; }
  bool is(std::int32_t id, std::int32_t what) const { return value(id) == what; }

  Value value_of(const Instruction& in) const {
    const Value a = value(in.a), b = value(in.b);
    const bool both = a && b;
    switch (in.op) {
      case Op::constant: return in.imm;
      case Op::open: return std::min<std::int32_t>(choices_[std::size_t(in.imm)], in.imm2 - 1);
      case Op::equal: return both ? Value(*a == *b) : Value();
      case Op::and_: return a == 0 || b == 0 ? Value(0) : both ? Value(1) : Value();
      case Op::or_: return a == 1 || b == 1 ? Value(1) : both ? Value(0) : Value();
      case Op::not_: return a ? Value(*a == 0) : Value();
      case Op::between: return a ? Value(in.imm <= *a && *a <= in.imm2) : Value();
      case Op::ite: return a ? value(*a != 0 ? in.b : in.c) : Value();
      default: return {};
    }
  }

  const std::vector<Instruction>& code_;
  const Choices& choices_;
  std::vector<Value> value_;
};

}  // namespace

bool may_fail_after(const Program& program, Ktr line, std::span<const Open> settled) {
  Choices ways{}, choices{};
  for (const Instruction& in : program.code)
    if (in.op == Op::open && std::find(settled.begin(), settled.end(), Open(in.imm)) == settled.end())
      ways[std::size_t(in.imm)] = std::max(ways[std::size_t(in.imm)], std::uint8_t(in.imm2));
  for (;;) {
    if (Run(program, choices).fails_after(line)) return true;
    std::size_t i = 0;  // the next answers, counting in the mixed radix of the questions
    for (; i < choices.size(); ++i) {
      if (++choices[i] < ways[i]) break;
      choices[i] = 0;
    }
    if (i == choices.size()) return false;
  }
}

}  // namespace proctor::model::ir
