// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "model/step.hpp"

namespace proctor::model::ir {
namespace {

constexpr int kSlotBits = int(std::bit_width(unsigned(std::max(SmallState::kProcs, SmallState::kLwps))));
constexpr std::int32_t kNoSlot = (1 << kSlotBits) - 1;

// What may be held: any lock, or a hold of a process or of its first thread, and of whom, in one byte.
constexpr unsigned kSlotOfHeld = 0x0f, kHoldProc = 14, kHoldLwp = 15;
static_assert(std::max(SmallState::kProcs, SmallState::kLwps) < int(kSlotOfHeld));
static_assert(unsigned(Lock::lwp) + 1 < kHoldProc);

std::uint8_t encoded(const LockEvent& taken) {
  const unsigned kind = taken.op == LockEvent::Op::lock ? unsigned(taken.lock) + 1
                        : taken.lock == Lock::lwp       ? kHoldLwp
                                                        : kHoldProc;
  return std::uint8_t(kind << 4 | std::min<unsigned>(taken.proc, kSlotOfHeld));
}
LockEvent decoded(std::uint8_t held) {
  const unsigned kind = held >> 4, slot = held & kSlotOfHeld;
  const bool hold = kind >= kHoldProc;
  return {.op = hold ? LockEvent::Op::hold : LockEvent::Op::lock,
          .lock = !hold              ? Lock(kind - 1)
                  : kind == kHoldLwp ? Lock::lwp
                                     : Lock::proc,
          .proc = slot == kSlotOfHeld ? kNone : Slot(slot)};
}
LockEvent taken_by(const LockEvent& leave) {
  return {leave.op == LockEvent::Op::unlock ? LockEvent::Op::lock : LockEvent::Op::hold, leave.lock, leave.proc};
}
bool leaves(const LockEvent& event) { return event.op == LockEvent::Op::unlock || event.op == LockEvent::Op::release; }

LockEvent lock_event(const Instruction& in, std::int32_t slot) {
  LockEvent event{.op = LockEvent::Op::lock, .lock = Lock(in.imm), .proc = Slot(slot)};
  switch (in.op) {
    case Op::unlock: event.op = LockEvent::Op::unlock; break;
    case Op::hold: event.op = LockEvent::Op::hold; break;
    case Op::release: event.op = LockEvent::Op::release; break;
    case Op::sleep: event.op = LockEvent::Op::sleep; break;
    default: break;
  }
  if (is_global(event.lock) || event.op == LockEvent::Op::sleep) event.proc = kNone;
  return event;
}

// What values an instruction can have.
struct Range {
  std::int64_t low, high;
};
constexpr Range kAny{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};

Range range_of(ProcField field) {
  switch (field) {
    case ProcField::state: return {0, int(ProcState::zombie)};
    case ProcField::p_ptevents: return {0, 0x3f};
    case ProcField::p_xstat:
    case ProcField::p_cred: return {0, 0xffff};
    default: return {0, 0xff};
  }
}

std::vector<Range> ranges(const std::vector<Instruction>& code) {
  std::vector<Range> out;
  for (const Instruction& in : code) {
    const auto of = [&](std::int32_t value) { return out[std::size_t(value)]; };
    const auto both = [&](std::int32_t x, std::int32_t y) {
      return Range{std::min(of(x).low, of(y).low), std::max(of(x).high, of(y).high)};
    };
    Range made = in.type == Type::boolean ? Range{0, 1} : kAny;
    switch (in.op) {
      case Op::constant: made = {in.imm, in.imm}; break;
      case Op::read_proc: made = range_of(ProcField(in.imm)); break;
      case Op::read_lwp: made = {0, LwpField(in.imm) == td_local ? 0xffff : 0xff}; break;
      case Op::first_lwp:
      case Op::first_unmasked: made = {0, kNone}; break;
      case Op::pending: made = {0, kSigmax}; break;
      case Op::open: made = {0, in.imm2 - 1}; break;
      case Op::ite: made = both(in.b, in.c); break;
      case Op::min: made = {std::min(of(in.a).low, of(in.b).low), std::min(of(in.a).high, of(in.b).high)}; break;
      case Op::add: made = {of(in.a).low + of(in.b).low, of(in.a).high + of(in.b).high}; break;
      case Op::sub: made = {of(in.a).low - of(in.b).high, of(in.a).high - of(in.b).low}; break;
      case Op::bit_and:
        for (const std::int32_t side : {in.a, in.b})
          if (of(side).low >= 0) made = {0, std::min(made.high, of(side).high)};
        break;
      case Op::bit_or:
        if (of(in.a).low >= 0 && of(in.b).low >= 0)
          made = {0, (std::int64_t{1} << std::bit_width(std::uint64_t(of(in.a).high | of(in.b).high))) - 1};
        break;
      default: break;
    }
    if (made.low < kAny.low || made.high > kAny.high) made = kAny;
    out.push_back(made);
  }
  return out;
}

// Leaves out values that nothing needs.
std::vector<Instruction> without_dead_values(const std::vector<Instruction>& code) {
  std::vector<bool> needed(code.size());
  for (std::size_t i = code.size(); i-- > 0;) {
    if (is_effect(code[i].op) || code[i].op == Op::when || code[i].op == Op::open) needed[i] = true;
    if (!needed[i]) continue;
    for (const std::int32_t operand : operands(code[i])) needed[std::size_t(operand)] = true;
  }
  std::vector<std::int32_t> now;  // the new number of each, or of what comes after it
  std::int32_t next = 0;
  for (const bool is_needed : needed) now.push_back(is_needed ? next++ : next);
  now.push_back(next);
  std::vector<Instruction> out;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (!needed[i]) continue;
    Instruction in = code[i];
    renumber(in, [&](std::int32_t value) { return now[std::size_t(value)]; });
    if (in.end >= 0) in.end = now[std::size_t(in.end)];
    out.push_back(in);
  }
  return out;
}

std::uint64_t bits_of(const Call& call) {
  std::uint64_t out = 0;
  std::memcpy(&out, call.live.data(), call.live.size());
  return out;
}

}  // namespace

std::uint64_t hash(const Call& call) {
  std::array<std::uint64_t, 2> half{};
  std::memcpy(half.data(), &call, sizeof call);
  std::uint64_t h = 0x9e3779b97f4a7c15U;
  for (const std::uint64_t part : half) {
    h = (h ^ part) * 0xff51afd7ed558ccdU;
    h ^= h >> 32;
  }
  return h;
}

Calls::Calls(const std::vector<Rule>& rules) {
  if (rules.size() > Call::kRulesMax)
    throw std::length_error(fmt::format("{} rules: a call in flight can name {}", rules.size(), Call::kRulesMax));
  if (!rules.empty()) kernel_ = rules[0].program.kernel;
  for (const Rule& rule : rules) programs_.push_back(compile(rule.program));
}

Calls::Compiled Calls::compile(const Program& program) {
  Compiled out{
      .name = program.name, .arguments = program.arguments, .code = {}, .points = {}, .checks = {}, .need = {}};
  out.code = without_dead_values(unroll(program, SmallState::kProcs, SmallState::kLwps).code);
  const std::vector<Range> range = ranges(out.code);
  const auto size = std::int32_t(out.code.size());
  for (std::int32_t at = 0; at < size; ++at) {
    const Op op = out.code[std::size_t(at)].op;
    if (op == Op::require || op == Op::guard) out.checks.push_back(at);
    if (is_lock_operation(op)) out.points.push_back({at, {}});
  }
  std::vector<std::int32_t> last_use(out.code.size(), -1);
  for (std::int32_t at = 0; at < size; ++at)
    for (const std::int32_t operand : operands(out.code[std::size_t(at)])) last_use[std::size_t(operand)] = at;
  for (Point& point : out.points) {
    int offset = 0;
    const auto add = [&](Live live) {
      live.offset = offset;
      offset += live.bits;
      point.live.push_back(live);
    };
    for (std::int32_t value = 0; value < point.at; ++value) {
      const Instruction& in = out.code[std::size_t(value)];
      if (in.op == Op::constant || last_use[std::size_t(value)] < point.at) continue;
      const bool slot = in.type == Type::process || in.type == Type::thread;
      const Range r = range[std::size_t(value)];
      const int bits = slot ? kSlotBits : r.low < 0 ? 32 : int(std::bit_width(std::uint64_t(r.high)));
      add({.value = value, .offset = 0, .bits = bits, .slot = slot});
    }
    std::array<unsigned, kOpenKinds> ways{};
    for (std::int32_t at = point.at; at < size; ++at)
      if (const Instruction& in = out.code[std::size_t(at)]; in.op == Op::open) {
        unsigned& w = ways[std::size_t(in.imm)];
        w = std::lcm(std::max(w, 1U), unsigned(in.imm2));
      }
    for (std::size_t kind = 0; kind < ways.size(); ++kind)
      if (ways[kind] > 1)
        add({.value = -1 - std::int32_t(kind),
             .offset = 0,
             .bits = int(std::bit_width(ways[kind] - 1)),
             .slot = false,
             .modulo = std::uint8_t(ways[kind])});
    out.need.values = std::max(out.need.values, point.live.size());
    out.need.bits = std::max(out.need.bits, std::size_t(offset));
  }
  out.need.points = out.points.size();
  if (out.need.bits > 8 * Call::kBytes || out.points.size() >= Call::kEnded || out.checks.size() >= 0xff)
    throw std::length_error(fmt::format("{}: a call in flight needs {} bits for values, {} lock operations, {} checks",
                                        program.name, out.need.bits, out.points.size(), out.checks.size()));
  return out;
}

// A call between two of its lock operations.
class Calls::Segment {
 public:
  Segment(const Calls& calls, Call& call, const Choices& choices)
      : calls_(calls), call_(call), program_(calls.programs_[call.rule]), choices_(choices) {
    value_.assign(program_.code.size(), 0);
  }

  void unpack(const Point& point) {
    const std::uint64_t bits = bits_of(call_);
    for (const Live& live : point.live) {
      const auto raw = std::uint32_t(bits >> live.offset & ((std::uint64_t{1} << live.bits) - 1));
      if (live.value < 0)
        choices_[std::size_t(-1 - live.value)] = std::uint8_t(raw);
      else
        value_[std::size_t(live.value)] = live.slot && raw == kNoSlot ? kNone : std::int32_t(raw);
    }
  }

  void run(std::int32_t at, const std::int32_t* arguments, SmallState& state, Outcome& seen, ClauseCoverage* coverage) {
    Exec<SmallState> k(state, calls_.kernel_, choices_);
    k.coverage = coverage;
    k.go_on_from(seen, call_.failed == 0);
    const auto size = std::int32_t(program_.code.size());
    while (at < size) {
      const Instruction& in = program_.code[std::size_t(at)];
      if (in.op == Op::when) {
        at = k.goes_on() && (*this)(in.a) != 0 ? at + 1 : in.end;
        continue;
      }
      if (!is_effect(in.op))
        value_[std::size_t(at)] = value_of(k, in, arguments, *this);
      else if (!is_lock_operation(in.op))
        step(k, in, at);
      else if (stops(in, k.goes_on()))
        break;
      ++at;
    }
    seen = k.outcome();
    pack(at);
  }
  std::int32_t operator()(std::int32_t id) const {
    const Instruction& in = program_.code[std::size_t(id)];
    return in.op == Op::constant ? in.imm : value_[std::size_t(id)];
  }

 private:
  void step(Exec<SmallState>& k, const Instruction& in, std::int32_t at) {
    const bool before = k.goes_on();
    perform(k, in, *this);
    if (!before || k.goes_on()) return;
    const auto which = std::lower_bound(program_.checks.begin(), program_.checks.end(), at);
    call_.failed = std::uint8_t(which - program_.checks.begin() + 1);
  }

  // A failed call gives back what it holds, on its way out.
  bool stops(const Instruction& in, bool goes_on) const {
    const LockEvent event = lock_event(in, (*this)(in.a));
    if (!leaves(event)) return goes_on;
    const bool held = std::find(call_.held.begin(), call_.held.end(), encoded(taken_by(event))) != call_.held.end();
    return held && (in.imm2 != 0 || goes_on);
  }

  void pack(std::int32_t at) {
    const auto next = std::lower_bound(program_.points.begin(), program_.points.end(), at,
                                       [](const Point& point, std::int32_t to) { return point.at < to; });
    call_.live = {};
    call_.point = next == program_.points.end() ? Call::kEnded : std::uint8_t(next - program_.points.begin());
    if (next == program_.points.end()) return;
    std::uint64_t bits = 0;
    for (const Live& live : next->live) {
      std::uint32_t raw = 0;
      if (live.value < 0) {
        raw = choices_[std::size_t(-1 - live.value)] % live.modulo;
      } else {
        const std::int32_t value = (*this)(live.value);
        raw = live.slot && (value < 0 || value >= kNoSlot) ? std::uint32_t(kNoSlot) : std::uint32_t(value);
      }
      bits |= std::uint64_t(raw) << live.offset;
    }
    std::memcpy(call_.live.data(), &bits, call_.live.size());
  }

  const Calls& calls_;
  Call& call_;
  const Compiled& program_;
  Choices choices_;
  static thread_local std::vector<std::int32_t> value_;
};
thread_local std::vector<std::int32_t> Calls::Segment::value_;

Call Calls::start(std::size_t rule, const std::vector<std::int32_t>& arguments, const Choices& choices,
                  SmallState& state, Outcome& seen, ClauseCoverage* coverage) const {
  const Compiled& program = programs_.at(rule);
  if (arguments.size() < program.arguments.size())
    throw std::invalid_argument(fmt::format("{}: {} arguments expected", program.name, program.arguments.size()));
  Call call;
  call.rule = std::uint8_t(rule);
  Segment(*this, call, choices).run(0, arguments.data(), state, seen, coverage);
  return call;
}

std::optional<LockEvent> Calls::next(const Call& call) const {
  if (call.point == Call::kEnded) return std::nullopt;
  Call copy = call;
  Segment here(*this, copy, {});
  const Point& point = programs_[call.rule].points[call.point];
  here.unpack(point);
  const Instruction& in = programs_[call.rule].code[std::size_t(point.at)];
  return lock_event(in, here(in.a));
}

void Calls::pass(Call& call, SmallState& state, Outcome& seen, ClauseCoverage* coverage) const {
  const auto event = next(call);
  if (!event) return;
  Segment here(*this, call, {});
  const Point& point = programs_[call.rule].points[call.point];
  here.unpack(point);
  if (leaves(*event)) {
    *std::find(call.held.begin(), call.held.end(), encoded(taken_by(*event))) = 0;
  } else if (event->op != LockEvent::Op::sleep) {
    if (call.held.back() != 0)
      throw std::length_error(fmt::format("{}: more than {} locks at a time", programs_[call.rule].name, Call::kHolds));
    call.held.back() = encoded(*event);
  }
  std::sort(call.held.begin(), call.held.end(), std::greater<>());
  here.run(point.at + 1, nullptr, state, seen, coverage);
}

std::vector<LockEvent> Calls::held(const Call& call) const {
  std::vector<LockEvent> out;
  for (const std::uint8_t held : call.held)
    if (held != 0) out.push_back(decoded(held));
  return out;
}

const Instruction* Calls::failed(const Call& call) const {
  const Compiled& program = programs_[call.rule];
  return call.failed == 0 ? nullptr : &program.code[std::size_t(program.checks[std::size_t(call.failed) - 1])];
}

std::string Calls::print(const Call& call) const {
  const Compiled& program = programs_[call.rule];
  std::string out = program.name;
  if (const Instruction* check = failed(call)) out += " failed " + place(check->clause);
  if (call.point == Call::kEnded) return out + ", ended";
  const Point& point = program.points[call.point];
  out += fmt::format(", at lock operation {} of {}:", call.point + 1, program.points.size());
  const std::uint64_t bits = bits_of(call);
  for (const Live& live : point.live) {
    const auto raw = std::int32_t(bits >> live.offset & ((std::uint64_t{1} << live.bits) - 1));
    if (live.value < 0) {
      out += fmt::format(" choice {}={}", -1 - live.value, raw);
      continue;
    }
    const Instruction& in = program.code[std::size_t(live.value)];
    const std::string name =
        in.op == Op::argument ? program.arguments[std::size_t(in.imm)] : fmt::format("%{}", live.value);
    out += live.slot && raw == kNoSlot ? fmt::format(" {}=none", name) : fmt::format(" {}={}", name, raw);
  }
  for (const LockEvent& held : this->held(call))
    out += fmt::format(
        " {} {}", held.op == LockEvent::Op::hold ? "holds" : "has lock",
        held.proc == kNone ? fmt::format("{}", int(held.lock)) : fmt::format("{} of {}", int(held.lock), held.proc));
  return out;
}

}  // namespace proctor::model::ir
