// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>

namespace proctor::model::ir {
namespace {

// The interpreter lets Exec do the reading and writing, one primitive at a time, so that only the order of evaluation,
// the path conditions and the values are its own.
using Kernel = Exec<SmallState>;

constexpr std::array<std::string_view, 37> kNames{
    "const",   "arg",   "read",   "flag?",  "read_td",  "tdflag?", "first_td", "eq",      "and",
    "or",      "not",   "bitand", "bitor",  "add",      "sub",     "min",      "between", "ite",
    "open",    "write", "set",    "clear",  "write_td", "set_td",  "clear_td", "fresh",   "fresh_td",
    "require", "guard", "lock",   "unlock", "hold",     "release", "wakeup",   "emit",    "result"};

constexpr std::array<std::string_view, 10> kProcFields{"p_state",      "p_pptr",     "p_oppid",    "p_orphan",
                                                       "p_reaper",     "p_xthread",  "p_ptevents", "p_xstat",
                                                       "p_numthreads", "p_suspcount"};

}  // namespace

Outcome interpret(const Program& program, SmallState& state, const std::vector<std::int32_t>& arguments,
                  const Choices& choices) {
  Kernel k(state, kFreebsd104, choices);
  std::vector<std::int32_t> value(program.code.size(), 0);
  auto at = [&](std::int32_t id) { return id < 0 ? 0 : value[std::size_t(id)]; };
  auto p = [&](std::int32_t id) { return ProcRef<Kernel>{&k, {at(id)}}; };
  auto td = [&](std::int32_t id) { return LwpRef<Kernel>{&k, {at(id)}}; };
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& in = program.code[i];
    const bool reached = in.path < 0 || at(in.path) != 0;
    std::int32_t& v = value[i];
    switch (in.op) {
      case Op::constant: v = in.imm; break;
      case Op::argument: v = arguments[std::size_t(in.imm)]; break;
      case Op::read_proc: v = k.get(p(in.a), ProcField(in.imm)).v; break;
      case Op::read_pflag: v = k.flag(p(in.a), ProcFlag(in.imm)).v ? 1 : 0; break;
      case Op::read_lwp: v = k.get(td(in.a), LwpField(in.imm)).v; break;
      case Op::read_lflag: v = k.flag(td(in.a), LwpFlag(in.imm)).v ? 1 : 0; break;
      case Op::first_lwp: v = k.first_lwp(p(in.a)).v; break;
      case Op::equal: v = at(in.a) == at(in.b) ? 1 : 0; break;
      case Op::and_: v = at(in.a) != 0 && at(in.b) != 0 ? 1 : 0; break;
      case Op::or_: v = at(in.a) != 0 || at(in.b) != 0 ? 1 : 0; break;
      case Op::not_: v = at(in.a) == 0 ? 1 : 0; break;
      case Op::bit_and: v = at(in.a) & at(in.b); break;
      case Op::bit_or: v = at(in.a) | at(in.b); break;
      case Op::add: v = at(in.a) + at(in.b); break;
      case Op::sub: v = at(in.a) - at(in.b); break;
      case Op::min: v = at(in.a) < at(in.b) ? at(in.a) : at(in.b); break;
      case Op::between: v = in.imm <= at(in.a) && at(in.a) <= in.imm2 ? 1 : 0; break;
      case Op::ite: v = at(in.a) != 0 ? at(in.b) : at(in.c); break;
      case Op::open: v = reached ? k.open(Open(in.imm), in.imm2).v : 0; break;
      default:
        if (!reached) break;
        switch (in.op) {
          case Op::write_proc: k.set(p(in.a), ProcField(in.imm), {at(in.b)}); break;
          case Op::set_pflag: k.set(p(in.a), ProcFlag(in.imm)); break;
          case Op::clear_pflag: k.clear(p(in.a), ProcFlag(in.imm)); break;
          case Op::write_lwp: k.set(td(in.a), LwpField(in.imm), {at(in.b)}); break;
          case Op::set_lflag: k.set(td(in.a), LwpFlag(in.imm)); break;
          case Op::clear_lflag: k.clear(td(in.a), LwpFlag(in.imm)); break;
          case Op::fresh: k.fresh(p(in.a), td(in.b)); break;
          case Op::fresh_thread: k.fresh_thread(td(in.a)); break;
          case Op::require: k.require({at(in.a) != 0}, Errno(in.imm), in.clause); break;
          case Op::guard: k.guard({at(in.a) != 0}, in.clause); break;
          case Op::emit: k.emit(trace::Ktr(in.imm), p(in.a), {at(in.b)}, {at(in.c)}, {at(in.imm2)}); break;
          case Op::result: k.result({at(in.a)}); break;
          default: break;  // locks, holds and wakeups change no state
        }
    }
  }
  return k.outcome();
}

std::string print(const Program& program) {
  std::string out = program.name + "\n";
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& in = program.code[i];
    fmt::format_to(std::back_inserter(out), "{:4} {:<8}", i, kNames[std::size_t(in.op)]);
    for (std::int32_t operand : {in.a, in.b, in.c})
      if (operand >= 0) fmt::format_to(std::back_inserter(out), " %{}", operand);
    switch (in.op) {
      case Op::argument: fmt::format_to(std::back_inserter(out), " {}", program.arguments[std::size_t(in.imm)]); break;
      case Op::read_proc:
      case Op::write_proc: fmt::format_to(std::back_inserter(out), " {}", kProcFields[std::size_t(in.imm)]); break;
      case Op::between: fmt::format_to(std::back_inserter(out), " {}..{}", in.imm, in.imm2); break;
      case Op::require: fmt::format_to(std::back_inserter(out), " else errno {} {}", in.imm, place(in.clause)); break;
      case Op::guard: fmt::format_to(std::back_inserter(out), " {}", place(in.clause)); break;
      default:
        if (in.imm != 0) fmt::format_to(std::back_inserter(out), " {:#x}", in.imm);
    }
    if (is_effect(in.op) && in.path >= 0) fmt::format_to(std::back_inserter(out), " if %{}", in.path);
    out += '\n';
  }
  return out;
}

}  // namespace proctor::model::ir
