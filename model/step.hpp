// SPDX-License-Identifier: BSD-2-Clause
//
// One instruction of a program, done by an Exec: what the interpreters of ir.hpp and call.hpp share.  Only the order, the
// blocks and the values are their own.
#pragma once

#include "model/ir/program.hpp"

namespace proctor::model::ir {

// The value of an instruction that has one, blocks and `carried` left out; at(number) is the value of an operand.
template <class S, class At>
std::int32_t value_of(Exec<S>& k, const Instruction& in, const std::int32_t* arguments, At&& at) {
  const auto p = [&](std::int32_t id) { return ProcRef<Exec<S>>{&k, {at(id)}}; };
  const auto td = [&](std::int32_t id) { return LwpRef<Exec<S>>{&k, {at(id)}}; };
  switch (in.op) {
    case Op::constant: return in.imm;
    case Op::argument: return arguments[in.imm];
    case Op::read_proc: return k.get(p(in.a), ProcField(in.imm)).v;
    case Op::read_pflag: return k.flag(p(in.a), ProcFlag(in.imm)).v ? 1 : 0;
    case Op::read_lwp: return k.get(td(in.a), LwpField(in.imm)).v;
    case Op::read_lflag: return k.flag(td(in.a), LwpFlag(in.imm)).v ? 1 : 0;
    case Op::first_lwp: return k.first_lwp(p(in.a)).v;
    case Op::first_unmasked: return k.first_unmasked(p(in.a), {at(in.b)}, in.imm != 0).v;
    case Op::in_pset: return k.has(p(in.a), ProcSet(in.imm), {at(in.b)}).v ? 1 : 0;
    case Op::in_lset: return k.has(td(in.a), LwpSet(in.imm), {at(in.b)}).v ? 1 : 0;
    case Op::pending: return k.pending(td(in.a), {at(in.b) != 0}).v;
    case Op::equal: return at(in.a) == at(in.b) ? 1 : 0;
    case Op::and_: return at(in.a) != 0 && at(in.b) != 0 ? 1 : 0;
    case Op::or_: return at(in.a) != 0 || at(in.b) != 0 ? 1 : 0;
    case Op::not_: return at(in.a) == 0 ? 1 : 0;
    case Op::bit_and: return at(in.a) & at(in.b);
    case Op::bit_or: return at(in.a) | at(in.b);
    case Op::add: return at(in.a) + at(in.b);
    case Op::sub: return at(in.a) - at(in.b);
    case Op::min: return at(in.a) < at(in.b) ? at(in.a) : at(in.b);
    case Op::between: return in.imm <= at(in.a) && at(in.a) <= in.imm2 ? 1 : 0;
    case Op::ite: return at(in.a) != 0 ? at(in.b) : at(in.c);
    case Op::open: return k.open(Open(in.imm), in.imm2).v;
    default: return 0;
  }
}

template <class S, class At>
void perform(Exec<S>& k, const Instruction& in, At&& at) {
  const auto p = [&](std::int32_t id) { return ProcRef<Exec<S>>{&k, {at(id)}}; };
  const auto td = [&](std::int32_t id) { return LwpRef<Exec<S>>{&k, {at(id)}}; };
  const bool way_out = in.imm2 != 0;
  switch (in.op) {
    case Op::write_proc: return k.set(p(in.a), ProcField(in.imm), {at(in.b)});
    case Op::set_pflag: return k.set(p(in.a), ProcFlag(in.imm));
    case Op::clear_pflag: return k.clear(p(in.a), ProcFlag(in.imm));
    case Op::write_lwp: return k.set(td(in.a), LwpField(in.imm), {at(in.b)});
    case Op::set_lflag: return k.set(td(in.a), LwpFlag(in.imm));
    case Op::clear_lflag: return k.clear(td(in.a), LwpFlag(in.imm));
    case Op::fresh: return k.fresh(p(in.a), td(in.b));
    case Op::link: return k.link(td(in.a), p(in.b), in.imm != 0);
    case Op::unlink: return k.unlink(td(in.a));
    case Op::free: return k.free(p(in.a));
    case Op::add_pset: return k.add(p(in.a), ProcSet(in.imm), {at(in.b)});
    case Op::add_lset: return k.add(td(in.a), LwpSet(in.imm), {at(in.b)});
    case Op::remove_pset: return k.remove(p(in.a), ProcSet(in.imm), {at(in.b)});
    case Op::remove_lset: return k.remove(td(in.a), LwpSet(in.imm), {at(in.b)});
    case Op::empty_pset: return k.clear(p(in.a), ProcSet(in.imm));
    case Op::empty_lset: return k.clear(td(in.a), LwpSet(in.imm));
    case Op::copy_pset: return k.copy(p(in.a), ProcSet(in.imm), p(in.b));
    case Op::copy_lset: return k.copy(td(in.a), LwpSet(in.imm), td(in.b));
    case Op::require: return k.require({at(in.a) != 0}, Errno(in.imm), in.clause);
    case Op::guard: return k.guard({at(in.a) != 0}, in.clause);
    case Op::lock: return k.lock(Lock(in.imm), p(in.a));
    case Op::unlock: return way_out ? k.leave(Lock(in.imm), p(in.a)) : k.unlock(Lock(in.imm), p(in.a));
    case Op::hold: return k.hold(p(in.a), Lock(in.imm));
    case Op::release: return way_out ? k.let_go(p(in.a), Lock(in.imm)) : k.release(p(in.a), Lock(in.imm));
    case Op::sleep: return k.sleep(p(in.a));
    case Op::wakeup: return k.wakeup(p(in.a));
    case Op::emit: return k.emit(Ktr(in.imm), p(in.a), {at(in.b)}, {at(in.c)}, {at(in.d)});
    case Op::result: return k.result({at(in.a)});
    case Op::move: return k.move(Move(in.imm), td(in.a));
    case Op::uninitialised: return k.uninitialised(Uninitialised(in.imm));
    default: return;
  }
}

}  // namespace proctor::model::ir
