// SPDX-License-Identifier: BSD-2-Clause
//
// From the structured form of a rule to the flat ones.
#include <utility>

#include "model/ir/program.hpp"

namespace proctor::model::ir {
namespace {

class Lowering {
 public:
  Lowering(const Program& from, int procs, int lwps)
      : from_(from), procs_(procs), lwps_(lwps), now_(from.code.size(), -1) {
    to_.kernel = from.kernel;
    to_.name = from.name;
    to_.arguments = from.arguments;
  }
  Program unrolled() {
    body(0, std::int32_t(from_.code.size()));
    return std::move(to_);
  }

 private:
  std::int32_t now(std::int32_t value) const { return now_[std::size_t(value)]; }
  std::int32_t add(Instruction in) {
    to_.code.push_back(in);
    return std::int32_t(to_.code.size()) - 1;
  }
  std::int32_t open_block(std::int32_t condition) { return add({.op = Op::when, .a = condition}); }
  void close_block(std::int32_t block) { to_.code[std::size_t(block)].end = std::int32_t(to_.code.size()); }

  void body(std::int32_t begin, std::int32_t end) {
    for (std::int32_t at = begin; at < end;) {
      const Instruction& in = from_.code[std::size_t(at)];
      if (in.op == Op::carried) {
        now_[std::size_t(at)] = now(in.a);
        carried_.push_back(at);
      } else if (is_loop(in.op)) {
        loop(at);
      } else {
        Instruction copy = in;
        renumber(copy, [&](std::int32_t value) { return now(value); });
        const std::int32_t made = now_[std::size_t(at)] = add(copy);
        if (in.op == Op::when) {
          body(at + 1, in.end);
          close_block(made);
        }
      }
      at = is_block(in.op) ? in.end : at + 1;
    }
  }

  void loop(std::int32_t at) {
    const Instruction& in = from_.code[std::size_t(at)];
    const std::vector<std::int32_t> variables = std::exchange(carried_, {});
    const bool processes = in.op == Op::each_proc;
    for (int slot = 0; slot < (processes ? procs_ : lwps_); ++slot) {
      const std::int32_t turn = add({.op = Op::constant, .type = in.type, .imm = slot});
      now_[std::size_t(at)] = turn;
      const std::int32_t condition = processes ? is_somebody(turn) : is_thread_of(turn, now(in.a));
      const std::int32_t block = open_block(condition);
      body(at + 1, in.end);
      close_block(block);
      std::vector<std::int32_t> after;
      for (const std::int32_t variable : variables) {
        const Instruction& handed = from_.code[std::size_t(variable)];
        after.push_back(
            add({.op = Op::ite, .type = handed.type, .a = condition, .b = now(handed.b), .c = now(variable)}));
      }
      for (std::size_t i = 0; i < variables.size(); ++i) now_[std::size_t(variables[i])] = after[i];
    }
  }
  std::int32_t is_somebody(std::int32_t slot) {
    const std::int32_t free = add({.op = Op::constant, .imm = int(ProcState::free)});
    const std::int32_t state = add({.op = Op::read_proc, .type = Type::state, .a = slot, .imm = int(p_state)});
    const std::int32_t is_free = add({.op = Op::equal, .type = Type::boolean, .a = state, .b = free});
    return add({.op = Op::not_, .type = Type::boolean, .a = is_free});
  }
  std::int32_t is_thread_of(std::int32_t slot, std::int32_t process) {
    const std::int32_t owner = add({.op = Op::read_lwp, .type = Type::process, .a = slot, .imm = int(td_proc)});
    return add({.op = Op::equal, .type = Type::boolean, .a = owner, .b = process});
  }

  const Program& from_;
  int procs_, lwps_;
  std::vector<std::int32_t> now_;      // the number in the new program of each value of the old one
  std::vector<std::int32_t> carried_;  // those that belong to the next loop
  Program to_;
};

}  // namespace

Program unroll(const Program& program, int procs, int lwps) { return Lowering(program, procs, lwps).unrolled(); }

Program flatten(const Program& program) {
  Program out{.kernel = program.kernel, .name = program.name, .arguments = program.arguments, .code = {}};
  std::vector<std::int32_t> now(program.code.size(), -1);
  struct Block {
    std::int32_t end, path;
  };
  std::vector<Block> blocks{{std::int32_t(program.code.size()), -1}};
  for (std::int32_t at = 0; at < std::int32_t(program.code.size()); ++at) {
    while (blocks.back().end == at) blocks.pop_back();
    Instruction in = program.code[std::size_t(at)];
    renumber(in, [&](std::int32_t value) { return now[std::size_t(value)]; });
    const std::int32_t path = blocks.back().path;
    if (in.op == Op::when) {
      blocks.push_back({in.end, in.a});
      if (path < 0) continue;
      blocks.back().path = std::int32_t(out.code.size());
      in = {.op = Op::and_, .type = Type::boolean, .a = path, .b = in.a};
    } else if (is_effect(in.op) || in.op == Op::open) {
      in.path = path;
    }
    now[std::size_t(at)] = std::int32_t(out.code.size());
    out.code.push_back(in);
  }
  return out;
}

}  // namespace proctor::model::ir
