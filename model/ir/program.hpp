// SPDX-License-Identifier: BSD-2-Clause
//
// The form in which Record writes a rule down, and from which every derived reading (rule listing, coverage, SMT, exports,
// read and write sets, calls in flight) starts.  A program is a list of instructions in source order; instruction i defines
// value number i.  It keeps the structure of the text: when() and the loops are blocks, an instruction whose body follows
// it and goes to `end`.  Effects happen if their blocks are entered and no require() or guard() before them has failed.
//
//      0 argument td
//      1 read_td %0 td_proc
//      2 each_proc {               value 2 is the slot of the turn
//      3   read %2 p_pptr
//      4   eq %3 %1
//      5   when %4 {
//      6     clear %2 P_TRACED
//          }
//        }
//
// A variable that a turn hands on to the next is a `carried` before the loop: its value is the one that the turn begins
// with and, after the loop, the last.  Other values are used in the block that defines them only, and the blocks in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/exec.hpp"

namespace proctor::model::ir {

enum class Op : std::uint8_t {
  // values
  constant,        // imm
  argument,        // imm: which
  read_proc,       // a: slot, imm: ProcField
  read_pflag,      // a: slot, imm: mask; any bit
  read_lwp,        // a: slot, imm: LwpField
  read_lflag,      // a: slot, imm: mask
  first_lwp,       // a: process slot
  first_unmasked,  // a: process slot, b: signal
  in_pset,         // a: process slot, b: signal, imm: ProcSet
  in_lset,         // a: thread slot, b: signal, imm: LwpSet
  pending,         // a: thread slot, b: with stop signals
  equal,           // a == b
  and_,            // a & b (bool)
  or_,             // a | b (bool)
  not_,            // !a
  bit_and,         // a & b
  bit_or,          // a | b
  add,             // a + b
  sub,             // a - b
  min,             // min(a, b)
  between,         // imm <= a <= imm2
  ite,             // a ? b : c
  open,            // imm: Open, imm2: ways
  carried,         // a: before the loop that follows, b: after each of its turns
  // blocks
  when,       // a: condition
  each_proc,  // a turn for each process; the value is its slot
  each_lwp,   // a: process; a turn for each of its threads; the value is its slot
  // effects
  write_proc,  // a: slot, b: value, imm: ProcField
  set_pflag,   // a: slot, imm: mask
  clear_pflag,
  write_lwp,  // a: slot, b: value, imm: LwpField
  set_lflag,
  clear_lflag,
  fresh,     // a: process slot, b: thread slot
  link,      // a: thread slot, b: process slot
  unlink,    // a: thread slot
  free,      // a: process slot
  add_pset,  // a: process slot, b: signal, imm: ProcSet
  add_lset,  // a: thread slot, b: signal, imm: LwpSet
  remove_pset,
  remove_lset,
  empty_pset,  // a: process slot, imm: ProcSet
  empty_lset,
  copy_pset,  // a: to, b: from, imm: ProcSet
  copy_lset,
  require,  // a: condition, imm: errno, clause
  guard,    // a: condition, clause
  lock,     // a: process slot, imm: Lock
  unlock,   // imm2: on the way out, so after a failed require() too
  hold,
  release,
  sleep,          // a: process slot, imm: Lock::token
  wakeup,         // a: process slot
  emit,           // a: process slot, b, c, d: parameters, imm: Ktr
  result,         // a: value
  move,           // a: thread slot, imm: Move
  uninitialised,  // imm: Uninitialised
};
inline constexpr std::size_t kOps = std::size_t(Op::uninitialised) + 1;
constexpr bool is_block(Op op) { return op >= Op::when && op <= Op::each_lwp; }
constexpr bool is_loop(Op op) { return op == Op::each_proc || op == Op::each_lwp; }
constexpr bool is_effect(Op op) { return op >= Op::write_proc; }
constexpr bool is_lock_operation(Op op) { return op >= Op::lock && op <= Op::sleep; }

// What a value is.
enum class Type : std::uint8_t { none, number, boolean, process, thread, state, signal, events, credentials, place };
Type type_of(ProcField field);
Type type_of(LwpField field);
// Of what an operation makes of operands of these types; none for effects, and for a number that takes the type of what
// it is used with (a constant).
Type type_of(Op op, std::int32_t imm, Type a, Type b, Type c);

struct Instruction {
  Op op{};
  Type type = Type::none;                       // of its value
  std::int32_t a = -1, b = -1, c = -1, d = -1;  // value numbers, -1: does not have it
  std::int32_t imm = 0, imm2 = 0;
  std::int32_t end = -1;   // of a block: the first instruction after its body
  std::int32_t path = -1;  // of an effect in a program of guarded commands: the value that says whether it happens
  Clause clause{};
};

// The value numbers that the instruction uses, in order.
class Operands {
 public:
  explicit Operands(const Instruction& in);
  std::span<const std::int32_t> all() const { return {number_.data(), count_}; }
  auto begin() const { return number_.begin(); }
  auto end() const { return number_.begin() + std::ptrdiff_t(count_); }

 private:
  std::array<std::int32_t, 4> number_;
  std::size_t count_ = 0;
};
inline Operands operands(const Instruction& in) { return Operands(in); }
// Gives each operand the number that renumber() has for it.
template <class F>
void renumber(Instruction& in, F&& renumbered) {
  for (std::int32_t* operand : {&in.a, &in.b, &in.c, &in.d})
    if (*operand >= 0) *operand = renumbered(*operand);
}

// A part of the state.
struct Access {
  enum class What : std::uint8_t {
    proc_field,
    proc_flags,
    proc_set,
    proc,
    lwp_field,
    lwp_flags,
    lwp_set,
    lwp_rank,
    lwp
  } what;
  std::int32_t which = 0;  // ProcField, LwpField, ProcSet or LwpSet, or a mask of flags
  std::int32_t slot = -1;  // value number; -1: of all processes or threads
  friend bool operator==(const Access&, const Access&) = default;
};
// What instruction `at` reads and writes of the state.  Freeing a slot writes all of it.
std::vector<Access> reads(std::span<const Instruction> code, std::int32_t at);
std::vector<Access> writes(std::span<const Instruction> code, std::int32_t at);
bool overlap(const Access& a, const Access& b);  // if their slots are the same

struct Program {
  Behaviours kernel;
  std::string name;                    // "ptrace(PT_ATTACH)"
  std::vector<std::string> arguments;  // names, by number
  std::vector<Instruction> code;
};

// The same for so many slots, without loops: blocks of when() only.  In place of a `carried` stands after each turn an ite,
// which alone may use what the block before it has computed.
Program unroll(const Program& program, int procs, int lwps);
// The same without blocks: guarded commands.  Of a program without loops.
Program flatten(const Program& program);

// What is wrong with the program: an operand that is not defined where it is used, a block that ends outside the one
// that it begins in.  Empty: nothing.
std::string fault(const Program& program);

// Runs the program as it stands, in any of its three forms: the reference that Exec is tested against.  `others` is called
// after each lock operation, and may change the state.
Outcome interpret(const Program& program, SmallState& state, const std::vector<std::int32_t>& arguments,
                  const Choices& choices, std::vector<LockEvent>* locks = nullptr,
                  const std::function<void()>& others = {});

// One instruction a line, for people and for tests.
std::string print(const Program& program);

}  // namespace proctor::model::ir
