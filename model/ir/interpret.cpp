// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <functional>
#include <stdexcept>
#include <utility>

#include "model/step.hpp"

namespace proctor::model::ir {
namespace {

class Interpreter {
 public:
  using Kernel = Exec<SmallState>;
  Interpreter(const Program& program, Kernel& k, const std::vector<std::int32_t>& arguments)
      : code_(program.code), k_(k), arguments_(arguments), value_(program.code.size(), 0) {}
  std::vector<LockEvent>* locks = nullptr;  // what k writes down
  std::function<void()> others;

  void body(std::int32_t begin, std::int32_t end) {
    for (std::int32_t at = begin; at < end;) {
      const Instruction& in = code_[std::size_t(at)];
      if (is_block(in.op)) {
        block(at, in);
        at = in.end;
        continue;
      }
      const bool reached = in.path < 0 || value(in.path) != 0;
      if (in.op == Op::carried) {
        value_[std::size_t(at)] = value(in.a);
        carried_.push_back(at);
      } else if (!is_effect(in.op)) {
        value_[std::size_t(at)] = reached ? value_of(k_, in, arguments_.data(), *this) : 0;
      } else if (reached) {
        const std::size_t before = locks != nullptr ? locks->size() : 0;
        perform(k_, in, *this);
        if (others && locks != nullptr && locks->size() != before) others();
      }
      ++at;
    }
  }
  std::int32_t operator()(std::int32_t id) const { return value(id); }

 private:
  std::int32_t value(std::int32_t id) const { return value_[std::size_t(id)]; }

  void block(std::int32_t at, const Instruction& in) {
    if (in.op == Op::when) return k_.when({value(in.a) != 0}, [&] { body(at + 1, in.end); });
    const std::vector<std::int32_t> variables = std::exchange(carried_, {});
    const auto turn = [&](const auto& ref) {
      value_[std::size_t(at)] = ref.slot.v;
      body(at + 1, in.end);
      std::vector<std::int32_t> after;
      for (const std::int32_t variable : variables) after.push_back(value(code_[std::size_t(variable)].b));
      for (std::size_t i = 0; i < variables.size(); ++i) value_[std::size_t(variables[i])] = after[i];
    };
    if (in.op == Op::each_proc) return k_.each_proc(turn);
    k_.each_lwp(ProcRef<Kernel>{&k_, {value(in.a)}}, turn);
  }

  const std::vector<Instruction>& code_;
  Kernel& k_;
  const std::vector<std::int32_t>& arguments_;
  std::vector<std::int32_t> value_;
  std::vector<std::int32_t> carried_;  // those that belong to the next loop
};

}  // namespace

Outcome interpret(const Program& program, SmallState& state, const std::vector<std::int32_t>& arguments,
                  const Choices& choices, std::vector<LockEvent>* locks, const std::function<void()>& others) {
  if (arguments.size() < program.arguments.size())
    throw std::invalid_argument(fmt::format("{}: {} arguments expected", program.name, program.arguments.size()));
  std::vector<LockEvent> seen;
  if (others && locks == nullptr) locks = &seen;
  Exec<SmallState> k(state, program.kernel, choices, locks);
  Interpreter interpreter(program, k, arguments);
  interpreter.locks = locks;
  interpreter.others = others;
  interpreter.body(0, std::int32_t(program.code.size()));
  return k.outcome();
}

}  // namespace proctor::model::ir
