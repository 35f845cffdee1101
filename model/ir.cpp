// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "model/names.hpp"

namespace proctor::model::ir {
namespace {

constexpr std::string_view kNames[] = {
    "const",   "arg",     "read",    "flag?",   "read_td",  "tdflag?", "first_td", "unmasked", "in",      "in_td",
    "pending", "eq",      "and",     "or",      "not",      "bitand",  "bitor",    "add",      "sub",     "min",
    "between", "ite",     "open",    "write",   "set",      "clear",   "write_td", "set_td",   "clear_td", "fresh",
    "link",    "unlink",  "free",    "incl",    "incl_td",  "excl",    "excl_td",  "empty",    "empty_td", "copy",
    "copy_td", "require", "guard",   "lock",    "unlock",   "hold",    "release",  "sleep",    "wakeup",  "emit",
    "result",  "move",    "uninit"};
static_assert(std::size(kNames) == std::size_t(Op::uninitialised) + 1);

}  // namespace

Run::Run(const Program& program, SmallState& state, std::vector<std::int32_t> arguments, const Choices& choices)
    : program_(program),
      arguments_(std::move(arguments)),
      k_(state, program.kernel, choices),
      value_(program.code.size(), 0) {}

std::optional<LockEvent> Run::lock_operation(const Instruction& in) const {
  LockEvent event{.op = LockEvent::Op::lock, .lock = Lock(in.imm), .proc = Slot(at(in.a))};
  switch (in.op) {
    case Op::lock: break;
    case Op::unlock: event.op = LockEvent::Op::unlock; break;
    case Op::hold: event.op = LockEvent::Op::hold; break;
    case Op::release: event.op = LockEvent::Op::release; break;
    case Op::sleep: event.op = LockEvent::Op::sleep; break;
    default: return std::nullopt;
  }
  if (is_global(event.lock) || event.op == LockEvent::Op::sleep) event.proc = kNone;
  return event;
}

std::optional<LockEvent> Run::next() {
  for (; pc_ < program_.code.size(); ++pc_) {
    const Instruction& in = program_.code[pc_];
    const bool reached = in.path < 0 || at(in.path) != 0;
    if (const auto event = reached ? lock_operation(in) : std::nullopt) {
      const bool leaves = event->op == LockEvent::Op::unlock || event->op == LockEvent::Op::release;
      if (leaves ? is_held(*event) && (in.imm2 != 0 || k_.goes_on()) : k_.goes_on()) return event;
      continue;
    }
    step(in, reached);
  }
  return std::nullopt;
}

bool Run::is_held(const LockEvent& leave) const {
  const LockEvent taken{leave.op == LockEvent::Op::unlock ? LockEvent::Op::lock : LockEvent::Op::hold, leave.lock,
                        leave.proc};
  return std::find(held_.begin(), held_.end(), taken) != held_.end();
}

void Run::pass() {
  const auto event = next();
  if (!event) return;
  if (event->op == LockEvent::Op::lock || event->op == LockEvent::Op::hold) {
    held_.push_back(*event);
  } else if (event->op != LockEvent::Op::sleep) {
    const LockEvent taken{event->op == LockEvent::Op::unlock ? LockEvent::Op::lock : LockEvent::Op::hold, event->lock,
                          event->proc};
    held_.erase(std::find(held_.begin(), held_.end(), taken));
  }
  ++pc_;
}

void Run::step(const Instruction& in, bool reached) {
  auto p = [&](std::int32_t id) { return ProcRef<Kernel>{&k_, {at(id)}}; };
  auto td = [&](std::int32_t id) { return LwpRef<Kernel>{&k_, {at(id)}}; };
  std::int32_t& v = value_[pc_];
  switch (in.op) {
    case Op::constant: v = in.imm; return;
    case Op::argument: v = arguments_[std::size_t(in.imm)]; return;
    case Op::read_proc: v = k_.get(p(in.a), ProcField(in.imm)).v; return;
    case Op::read_pflag: v = k_.flag(p(in.a), ProcFlag(in.imm)).v ? 1 : 0; return;
    case Op::read_lwp: v = k_.get(td(in.a), LwpField(in.imm)).v; return;
    case Op::read_lflag: v = k_.flag(td(in.a), LwpFlag(in.imm)).v ? 1 : 0; return;
    case Op::first_lwp: v = k_.first_lwp(p(in.a)).v; return;
    case Op::first_unmasked: v = k_.first_unmasked(p(in.a), {at(in.b)}).v; return;
    case Op::in_pset: v = k_.has(p(in.a), ProcSet(in.imm), {at(in.b)}).v ? 1 : 0; return;
    case Op::in_lset: v = k_.has(td(in.a), LwpSet(in.imm), {at(in.b)}).v ? 1 : 0; return;
    case Op::pending: v = k_.pending(td(in.a), {at(in.b) != 0}).v; return;
    case Op::equal: v = at(in.a) == at(in.b) ? 1 : 0; return;
    case Op::and_: v = at(in.a) != 0 && at(in.b) != 0 ? 1 : 0; return;
    case Op::or_: v = at(in.a) != 0 || at(in.b) != 0 ? 1 : 0; return;
    case Op::not_: v = at(in.a) == 0 ? 1 : 0; return;
    case Op::bit_and: v = at(in.a) & at(in.b); return;
    case Op::bit_or: v = at(in.a) | at(in.b); return;
    case Op::add: v = at(in.a) + at(in.b); return;
    case Op::sub: v = at(in.a) - at(in.b); return;
    case Op::min: v = at(in.a) < at(in.b) ? at(in.a) : at(in.b); return;
    case Op::between: v = in.imm <= at(in.a) && at(in.a) <= in.imm2 ? 1 : 0; return;
    case Op::ite: v = at(in.a) != 0 ? at(in.b) : at(in.c); return;
    case Op::open: v = reached ? k_.open(Open(in.imm), in.imm2).v : 0; return;
    default: break;
  }
  if (!reached) return;
  switch (in.op) {
    case Op::write_proc: k_.set(p(in.a), ProcField(in.imm), {at(in.b)}); break;
    case Op::set_pflag: k_.set(p(in.a), ProcFlag(in.imm)); break;
    case Op::clear_pflag: k_.clear(p(in.a), ProcFlag(in.imm)); break;
    case Op::write_lwp: k_.set(td(in.a), LwpField(in.imm), {at(in.b)}); break;
    case Op::set_lflag: k_.set(td(in.a), LwpFlag(in.imm)); break;
    case Op::clear_lflag: k_.clear(td(in.a), LwpFlag(in.imm)); break;
    case Op::fresh: k_.fresh(p(in.a), td(in.b)); break;
    case Op::link: k_.link(td(in.a), p(in.b)); break;
    case Op::unlink: k_.unlink(td(in.a)); break;
    case Op::free: k_.free(p(in.a)); break;
    case Op::add_pset: k_.add(p(in.a), ProcSet(in.imm), {at(in.b)}); break;
    case Op::add_lset: k_.add(td(in.a), LwpSet(in.imm), {at(in.b)}); break;
    case Op::remove_pset: k_.remove(p(in.a), ProcSet(in.imm), {at(in.b)}); break;
    case Op::remove_lset: k_.remove(td(in.a), LwpSet(in.imm), {at(in.b)}); break;
    case Op::empty_pset: k_.clear(p(in.a), ProcSet(in.imm)); break;
    case Op::empty_lset: k_.clear(td(in.a), LwpSet(in.imm)); break;
    case Op::copy_pset: k_.copy(p(in.a), ProcSet(in.imm), p(in.b)); break;
    case Op::copy_lset: k_.copy(td(in.a), LwpSet(in.imm), td(in.b)); break;
    case Op::require: k_.require({at(in.a) != 0}, Errno(in.imm), in.clause); break;
    case Op::guard: k_.guard({at(in.a) != 0}, in.clause); break;
    case Op::emit: k_.emit(trace::Ktr(in.imm), p(in.a), {at(in.b)}, {at(in.c)}, {at(in.imm2)}); break;
    case Op::result: k_.result({at(in.a)}); break;
    case Op::move: k_.move(Move(in.imm), td(in.a)); break;
    case Op::uninitialised: k_.uninitialised(Uninitialised(in.imm)); break;
    default: break;  // wakeups change no state
  }
}

Outcome interpret(const Program& program, SmallState& state, const std::vector<std::int32_t>& arguments,
                  const Choices& choices, std::vector<LockEvent>* locks) {
  Run run(program, state, arguments, choices);
  while (const auto event = run.next()) {
    if (locks != nullptr) locks->push_back(*event);
    run.pass();
  }
  return run.outcome();
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
      case Op::write_proc: fmt::format_to(std::back_inserter(out), " {}", field_name(ProcField(in.imm))); break;
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
