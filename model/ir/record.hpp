// SPDX-License-Identifier: BSD-2-Clause
//
// Record: the interpretation of the rules that writes them down as a program (ir.hpp).  It runs once at start, on nothing.
//
// A C++ variable that a loop assigns (`found = found || ...`) is found by writing the body down twice: where the second
// turn uses what the first one made, the variable is handed on from turn to turn.  The second turn is then forgotten.
// What is computed in a when() may not be used after it: use either().  Record throws std::logic_error if it is.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/ir/program.hpp"

namespace proctor::model {

class Record {
 public:
  // id is a name for the value: value numbers change while a loop is written down.
  struct Bool {
    Record* r;
    std::int32_t id;
    friend Bool operator&&(Bool a, Bool b) { return {a.r, a.r->add({.op = ir::Op::and_, .a = a.id, .b = b.id})}; }
    friend Bool operator||(Bool a, Bool b) { return {a.r, a.r->add({.op = ir::Op::or_, .a = a.id, .b = b.id})}; }
    Bool operator!() const { return {r, r->add({.op = ir::Op::not_, .a = id})}; }
  };
  struct Num {
    Record* r;
    std::int32_t id;
    friend Bool operator==(Num a, Num b) { return {a.r, a.r->add({.op = ir::Op::equal, .a = a.id, .b = b.id})}; }
    friend Num operator&(Num a, int b) { return a.binary(ir::Op::bit_and, a.r->lit(b)); }
    friend Num operator|(Num a, int b) { return a.binary(ir::Op::bit_or, a.r->lit(b)); }
    friend Num operator|(Num a, Num b) { return a.binary(ir::Op::bit_or, b); }
    friend Num operator+(Num a, Num b) { return a.binary(ir::Op::add, b); }
    friend Num operator-(Num a, Num b) { return a.binary(ir::Op::sub, b); }
    Bool between(int low, int high) const {
      return {r, r->add({.op = ir::Op::between, .a = id, .imm = low, .imm2 = high})};
    }
    Num min(Num b) const { return binary(ir::Op::min, b); }
    Num binary(ir::Op op, Num b) const { return {r, r->add({.op = op, .a = id, .b = b.id})}; }
  };
  using P = ProcRef<Record>;
  using T = LwpRef<Record>;

  Record(std::string name, const Behaviours& behaviours) : b_(behaviours) {
    program_.kernel = behaviours;
    program_.name = std::move(name);
  }

  Num argument(std::string name, ir::Type type) {
    program_.arguments.push_back(std::move(name));
    return num({.op = ir::Op::argument, .type = type, .imm = std::int32_t(program_.arguments.size()) - 1});
  }
  std::int32_t add(ir::Instruction instruction);
  const std::string& name() const { return program_.name; }
  ir::Program take();

  const Behaviours& behaviour() const { return b_; }
  Num lit(int value) { return num({.op = ir::Op::constant, .imm = value}); }
  Bool yes(bool value) {
    return {this, add({.op = ir::Op::constant, .type = ir::Type::boolean, .imm = value ? 1 : 0})};
  }
  Num either(Bool cond, Num a, Num b) { return num({.op = ir::Op::ite, .a = cond.id, .b = a.id, .c = b.id}); }

  Bool flag(P p, ProcFlag flags) { return {this, add({.op = ir::Op::read_pflag, .a = p.slot.id, .imm = flags})}; }
  Bool flag(T td, LwpFlag flags) { return {this, add({.op = ir::Op::read_lflag, .a = td.slot.id, .imm = flags})}; }
  Num get(P p, ProcField field) { return num({.op = ir::Op::read_proc, .a = p.slot.id, .imm = int(field)}); }
  Num get(T td, LwpField field) { return num({.op = ir::Op::read_lwp, .a = td.slot.id, .imm = int(field)}); }
  void set(P p, ProcField field, Num value) {
    add({.op = ir::Op::write_proc, .a = p.slot.id, .b = value.id, .imm = int(field)});
  }
  void set(T td, LwpField field, Num value) {
    add({.op = ir::Op::write_lwp, .a = td.slot.id, .b = value.id, .imm = int(field)});
  }
  void set(P p, ProcFlag flags) { add({.op = ir::Op::set_pflag, .a = p.slot.id, .imm = flags}); }
  void clear(P p, ProcFlag flags) { add({.op = ir::Op::clear_pflag, .a = p.slot.id, .imm = flags}); }
  void set(T td, LwpFlag flags) { add({.op = ir::Op::set_lflag, .a = td.slot.id, .imm = flags}); }
  void clear(T td, LwpFlag flags) { add({.op = ir::Op::clear_lflag, .a = td.slot.id, .imm = flags}); }
  Num first_lwp(P p) { return num({.op = ir::Op::first_lwp, .a = p.slot.id}); }
  Num first_unmasked(P p, Num sig, bool not_in_vfork) {
    return num({.op = ir::Op::first_unmasked, .a = p.slot.id, .b = sig.id, .imm = not_in_vfork});
  }
  void fresh(P p, T td) { add({.op = ir::Op::fresh, .a = p.slot.id, .b = td.slot.id}); }
  void link(T td, P p, bool last) { add({.op = ir::Op::link, .a = td.slot.id, .b = p.slot.id, .imm = last}); }
  void unlink(T td) { add({.op = ir::Op::unlink, .a = td.slot.id}); }
  void free(P p) { add({.op = ir::Op::free, .a = p.slot.id}); }

  Bool has(P p, ProcSet which, Num sig) {
    return {this, add({.op = ir::Op::in_pset, .a = p.slot.id, .b = sig.id, .imm = int(which)})};
  }
  Bool has(T td, LwpSet which, Num sig) {
    return {this, add({.op = ir::Op::in_lset, .a = td.slot.id, .b = sig.id, .imm = int(which)})};
  }
  void add(P p, ProcSet which, Num sig) {
    add({.op = ir::Op::add_pset, .a = p.slot.id, .b = sig.id, .imm = int(which)});
  }
  void add(T td, LwpSet which, Num sig) {
    add({.op = ir::Op::add_lset, .a = td.slot.id, .b = sig.id, .imm = int(which)});
  }
  void remove(P p, ProcSet which, Num sig) {
    add({.op = ir::Op::remove_pset, .a = p.slot.id, .b = sig.id, .imm = int(which)});
  }
  void remove(T td, LwpSet which, Num sig) {
    add({.op = ir::Op::remove_lset, .a = td.slot.id, .b = sig.id, .imm = int(which)});
  }
  void clear(P p, ProcSet which) { add({.op = ir::Op::empty_pset, .a = p.slot.id, .imm = int(which)}); }
  void clear(T td, LwpSet which) { add({.op = ir::Op::empty_lset, .a = td.slot.id, .imm = int(which)}); }
  void copy(P to, ProcSet which, P from) {
    add({.op = ir::Op::copy_pset, .a = to.slot.id, .b = from.slot.id, .imm = int(which)});
  }
  void copy(T to, LwpSet which, T from) {
    add({.op = ir::Op::copy_lset, .a = to.slot.id, .b = from.slot.id, .imm = int(which)});
  }
  Num pending(T td, Bool stops) { return num({.op = ir::Op::pending, .a = td.slot.id, .b = stops.id}); }

  void require(Bool cond, Errno error, const Anchor& clause) {
    add({.op = ir::Op::require, .a = cond.id, .imm = int(error), .clause = clause.of(b_)});
  }
  void guard(Bool cond, const Anchor& clause) { add({.op = ir::Op::guard, .a = cond.id, .clause = clause.of(b_)}); }
  template <class F>
  void when(Bool cond, F&& body) {
    const Mark block = begin({.op = ir::Op::when, .a = cond.id});
    body();
    end(block);
  }
  template <class F>
  void each_proc(F&& body) {
    const ir::Instruction head{.op = ir::Op::each_proc};
    each(head, [&](std::int32_t turn) { body(P{this, {this, turn}}); });
  }
  template <class F>
  void each_lwp(P p, F&& body) {
    const ir::Instruction head{.op = ir::Op::each_lwp, .a = p.slot.id};
    each(head, [&](std::int32_t turn) { body(T{this, {this, turn}}); });
  }
  Num open(Open kind, int ways) { return num({.op = ir::Op::open, .imm = int(kind), .imm2 = ways}); }

  void lock(Lock lock, P p) { add({.op = ir::Op::lock, .a = p.slot.id, .imm = int(lock)}); }
  void unlock(Lock lock, P p) { add({.op = ir::Op::unlock, .a = p.slot.id, .imm = int(lock)}); }
  void hold(P p, Lock what = Lock::proc) { add({.op = ir::Op::hold, .a = p.slot.id, .imm = int(what)}); }
  void release(P p, Lock what = Lock::proc) { add({.op = ir::Op::release, .a = p.slot.id, .imm = int(what)}); }
  void leave(Lock lock, P p) { add({.op = ir::Op::unlock, .a = p.slot.id, .imm = int(lock), .imm2 = 1}); }
  void let_go(P p, Lock what = Lock::proc) {
    add({.op = ir::Op::release, .a = p.slot.id, .imm = int(what), .imm2 = 1});
  }
  void sleep(P p) { add({.op = ir::Op::sleep, .a = p.slot.id, .imm = int(Lock::token)}); }
  void wakeup(P p) { add({.op = ir::Op::wakeup, .a = p.slot.id}); }
  void emit(Ktr line, P p) { emit(line, p, lit(0)); }
  void emit(Ktr line, P p, Num a) { emit(line, p, a, lit(0)); }
  void emit(Ktr line, P p, Num a, Num b) { emit(line, p, a, b, lit(0)); }
  void emit(Ktr line, P p, Num a, Num b, Num c) {
    add({.op = ir::Op::emit, .a = p.slot.id, .b = a.id, .c = b.id, .d = c.id, .imm = int(line)});
  }
  void result(Num value) { add({.op = ir::Op::result, .a = value.id}); }
  void move(Move what, T td) { add({.op = ir::Op::move, .a = td.slot.id, .imm = int(what)}); }
  void uninitialised(Uninitialised field) { add({.op = ir::Op::uninitialised, .imm = int(field)}); }

 private:
  Num num(const ir::Instruction& instruction) { return {this, add(instruction)}; }

  // Where a block begins: its instruction, and the first id given in it.
  struct Mark {
    std::int32_t at, id;
  };
  Mark begin(const ir::Instruction& head) {
    const std::int32_t id = add(head);
    return {size() - 1, id};
  }
  void end(const Mark& block);
  template <class F>
  void each(const ir::Instruction& head, F&& body) {
    const Mark first = begin(head);
    body(first.id);
    program_.code[std::size_t(first.at)].end = size();
    const Mark second = begin(head);
    body(second.id);
    hand_on(first, second);
  }
  void hand_on(const Mark& first, const Mark& second);
  std::int32_t size() const { return std::int32_t(program_.code.size()); }

  const Behaviours& b_;
  ir::Program program_;
  std::vector<std::int32_t> number_;  // value number of each id, kGone once its block has ended
  static constexpr std::int32_t kGone = -1;
};

static_assert(Kernel<Record>);

}  // namespace proctor::model
