// SPDX-License-Identifier: BSD-2-Clause
//
// The guarded-command form of a rule: what Record writes down and every derived reading (rule listing, coverage, SMT,
// exports, read and write sets) starts from.  A program is a list of instructions in source order; each defines value
// number i.  Effects happen if their path condition holds and no require() or guard() before them has failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/exec.hpp"

namespace proctor::model::ir {

enum class Op : std::uint8_t {
  // values
  constant,    // imm
  argument,    // imm: which
  read_proc,   // a: slot, imm: ProcField
  read_pflag,  // a: slot, imm: mask; any bit
  read_lwp,    // a: slot, imm: LwpField
  read_lflag,  // a: slot, imm: mask
  first_lwp,   // a: process slot
  first_unmasked,  // a: process slot, b: signal
  in_pset,         // a: process slot, b: signal, imm: ProcSet
  in_lset,         // a: thread slot, b: signal, imm: LwpSet
  pending,         // a: thread slot, b: with stop signals
  equal,       // a == b
  and_,        // a & b (bool)
  or_,         // a | b (bool)
  not_,        // !a
  bit_and,     // a & b
  bit_or,      // a | b
  add,         // a + b
  sub,         // a - b
  min,         // min(a, b)
  between,     // imm <= a <= imm2
  ite,         // a ? b : c
  open,        // imm: Open, imm2: ways
  // effects
  write_proc,  // a: slot, b: value, imm: ProcField
  set_pflag,   // a: slot, imm: mask
  clear_pflag,
  write_lwp,  // a: slot, b: value, imm: LwpField
  set_lflag,
  clear_lflag,
  fresh,         // a: process slot, b: thread slot
  link,          // a: thread slot, b: process slot
  unlink,        // a: thread slot
  free,          // a: process slot
  add_pset,      // a: process slot, b: signal, imm: ProcSet
  add_lset,
  remove_pset,
  remove_lset,
  empty_pset,  // a: process slot, imm: ProcSet
  empty_lset,
  copy_pset,  // a: to, b: from, imm: ProcSet
  copy_lset,
  require,       // a: condition, imm: errno, clause
  guard,         // a: condition, clause
  lock,          // a: process slot, imm: Lock
  unlock,        // imm2: on the way out, so after a failed require() too
  hold,
  release,
  sleep,          // a: process slot
  wakeup,         // a: process slot
  emit,           // a: process slot, b, c, imm2: parameters (value numbers), imm: Ktr
  result,         // a: value
  move,           // a: thread slot, imm: Move
  uninitialised,  // imm: Uninitialised
};
constexpr bool is_effect(Op op) { return op >= Op::write_proc; }

struct Instruction {
  Op op{};
  std::int32_t a = -1, b = -1, c = -1;  // value numbers
  std::int32_t imm = 0, imm2 = 0;
  std::int32_t path = -1;  // value number of the path condition, -1: always
  Clause clause{};
};

struct Program {
  Behaviours kernel;
  std::string name;                    // "ptrace(PT_ATTACH)"
  std::vector<std::string> arguments;  // names, by number
  std::vector<Instruction> code;
};

// One run of a program on a small state, from lock operation to lock operation: between them others may change the
// state.  It lets Exec do the reading and writing, one primitive at a time, so that only the order of evaluation, the
// path conditions and the values are its own.
class Run {
 public:
  // The state, and the program, must outlive it.
  Run(const Program& program, SmallState& state, std::vector<std::int32_t> arguments, const Choices& choices);

  // Runs up to the next lock operation and returns it, not yet done; nothing if the program has come to its end.
  std::optional<LockEvent> next();
  void pass();  // does that operation
  void count_in(ClauseCoverage* coverage) { k_.coverage = coverage; }
  const Outcome& outcome() const { return k_.outcome(); }
  const std::vector<LockEvent>& held() const { return held_; }

 private:
  using Kernel = Exec<SmallState>;
  std::int32_t at(std::int32_t id) const { return id < 0 ? 0 : value_[std::size_t(id)]; }
  std::optional<LockEvent> lock_operation(const Instruction& in) const;
  bool is_held(const LockEvent& leave) const;
  void step(const Instruction& in, bool reached);

  const Program& program_;
  std::vector<std::int32_t> arguments_;
  Kernel k_;
  std::vector<std::int32_t> value_;
  std::vector<LockEvent> held_;
  std::size_t pc_ = 0;
};

// Runs the program without a pause: the reference that Exec is tested against.  `locks`, if given, gets its lock operations.
Outcome interpret(const Program& program, SmallState& state, const std::vector<std::int32_t>& arguments,
                  const Choices& choices, std::vector<LockEvent>* locks = nullptr);

// One instruction a line, for people and for tests.
std::string print(const Program& program);

}  // namespace proctor::model::ir
