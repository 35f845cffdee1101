// SPDX-License-Identifier: BSD-2-Clause
#include "tests/property/worlds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string_view>

#include "model/names.hpp"

namespace proctor::model {
namespace {

using property::Dice;

int slot_value(Slot slot) { return slot == kNone ? -1 : slot; }

// A process or thread slot, or none: one time in five.
Slot random_slot() {
  const int value = *rc::gen::inRange(0, 5);
  return value == 4 ? kNone : Slot(value);
}

// Each bit set one time in four, so that several conditions on clear bits can hold together.
std::uint16_t random_bits() {
  return std::uint16_t(*rc::gen::arbitrary<std::uint16_t>() & *rc::gen::arbitrary<std::uint16_t>());
}

// A few signals, those with a meaning of their own more often.
AllSignals random_signals() {
  AllSignals out;
  const int n = *rc::gen::weightedElement<int>({{4, 0}, {3, 1}, {1, 2}, {1, 3}});
  for (int i = 0; i < n; ++i)
    out.add(*rc::gen::weightedElement<int>({{3, kSigstop},
                                            {2, kSigkill},
                                            {1, kSigtstp},
                                            {2, kSigcont},
                                            {2, kSigchld},
                                            {2, kSigtrap},
                                            {2, kSigusr1},
                                            {1, 128}}));
  return out;
}

SmallState random_state() {
  SmallState state;
  for (auto& p : state.proc) {
    p.state = ProcState(*rc::gen::weightedElement<int>({{1, 0}, {4, 1}, {1, 2}}));
    p.p_ptevents = std::uint8_t(*rc::gen::inRange(0, 0x40) & 0x3f);
    p.p_pptr = random_slot();
    p.p_oppid = random_slot();
    p.p_orphan = random_slot();
    p.p_xthread = random_slot();
    p.p_reaper = random_slot();
    p.p_flag = random_bits();
    p.p_xstat = *rc::gen::arbitrary<std::uint16_t>();
    p.p_numthreads = std::uint8_t(*rc::gen::inRange(0, 4));
    p.p_suspcount = std::uint8_t(*rc::gen::inRange(0, 4));
    p.p_cred = std::uint16_t(*rc::gen::weightedOneOf<int>({{2, rc::gen::just(0)}, {1, rc::gen::inRange(0, 0x2000)}}));
    p.p_pgrp = Slot(*rc::gen::inRange(0, 4));
    p.pg_jobc = std::int8_t(*rc::gen::inRange(-1, 3));
    p.p_vforker = random_slot();
    p.p_siglist = random_signals();
    p.p_sigignore = random_signals();
    p.p_sigcatch = random_signals();
  }
  std::uint8_t rank = 0;  // whose order is that of the slots, as good as any
  for (auto& td : state.lwp) {
    td.proc = random_slot();
    td.td_xsig = *rc::gen::weightedElement<int>({{1, 0}, {1, 5}, {1, 9}, {1, 17}, {1, 30}, {1, 128}});
    td.td_flag = random_bits();
    td.td_at = At(
        *rc::gen::weightedOneOf<int>({{2, rc::gen::just(0)}, {1, rc::gen::inRange(0, int(At::proc_signal_stop) + 1)}}));
    td.td_local = std::uint16_t(*rc::gen::elementOf(std::vector<int>{0, 5, 9, 17, 30, 128}));
    td.td_dbgksi = std::uint8_t(*rc::gen::inRange(0, 2));
    td.td_rank = rank++;
    td.td_siglist = random_signals();
    td.td_sigmask = random_signals();
    td.td_sigptrace = random_signals();
  }
  return state;
}

std::string members(AllSignals signals) {
  std::string out;
  for (int sig = signals.lowest(); sig != 0; signals.remove(sig), sig = signals.lowest())
    out += (out.empty() ? "{" : " ") + std::to_string(sig);
  return out.empty() ? "{}" : out + "}";
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const SmallState& state) {
  for (std::size_t i = 0; i < state.proc.size(); ++i) {
    const auto& p = state.proc[i];
    os << fmt::format(
        "\n  proc {}: state {} flag {:#06x} pptr {} oppid {} orphan {} reaper {} xthread {} ptevents {:#x} xstat {} "
        "numthreads {} suspcount {} cred {:#x} pgrp {} jobc {} vforker {} pending {} ignored {} caught {}",
        i, int(p.state), p.p_flag, slot_value(p.p_pptr), slot_value(p.p_oppid), slot_value(p.p_orphan),
        slot_value(p.p_reaper), slot_value(p.p_xthread), int(p.p_ptevents), p.p_xstat, p.p_numthreads, p.p_suspcount,
        p.p_cred, p.p_pgrp, int(p.pg_jobc), slot_value(p.p_vforker), members(p.p_siglist), members(p.p_sigignore),
        members(p.p_sigcatch));
  }
  for (std::size_t i = 0; i < state.lwp.size(); ++i) {
    const auto& td = state.lwp[i];
    os << fmt::format(
        "\n  lwp {}: proc {} rank {} at {} local {} flag {:#06x} xsig {} dbgksi {} pending {} mask {} given {}", i,
        slot_value(td.proc), td.td_rank, at_name(td.td_at), td.td_local, td.td_flag, td.td_xsig, td.td_dbgksi,
        members(td.td_siglist), members(td.td_sigmask), members(td.td_sigptrace));
  }
  return os;
}

std::ostream& operator<<(std::ostream& os, const Outcome& o) {
  os << fmt::format("{} errno {} clause '{}' result {} opens {} emitted", o.possible ? "possible" : "impossible",
                    int(o.error), o.clause.id, o.result, o.opens);
  for (std::size_t i = 0; i < o.emissions; ++i) {
    const Emission& e = o.emitted[i];
    os << fmt::format(" {}(proc {}: {})", name(e.line), slot_value(e.proc), fmt::join(e.arg, " "));
  }
  return os;
}

namespace property {

std::ostream& operator<<(std::ostream& os, const Dice& d) {
  return os << fmt::format("thrown {} choices {}", fmt::join(d.thrown, " "), fmt::join(d.choices, " "));
}

std::ostream& operator<<(std::ostream& os, const Walk& walk) {
  os << "from start " << walk.start;
  for (const Step& step : walk.steps) {
    const Rule& rule = table()[step.rule];
    os << "\n  " << rule.program.name;
    for (std::size_t i = 0; i < rule.arguments.size(); ++i)
      os << fmt::format(" {}={}", rule.arguments[i].name, step.dice.thrown[i]);
    os << fmt::format(" choices {}", fmt::join(step.dice.choices, " "));
  }
  return os;
}

// What happens before the walk, by rule names; slots: thread i belongs to process i, threads 2 and 3 to process 2 where
// it has two.
struct Known {
  std::string_view rule;
  std::vector<std::int32_t> arguments;
};
const std::vector<std::vector<Known>> kStarts{
    {},
    // 1 and 2 are children of init
    {{"fork", {0, 1, 1}}, {"fork", {0, 2, 2}}},
    // 2 is a child of 1 and has called PT_TRACE_ME
    {{"fork", {0, 1, 1}}, {"fork", {1, 2, 2}}, {"ptrace(PT_TRACE_ME)", {2, 0, 0, 0, 0}}},
    // 3 is a child of 2, and 1 traces it: stopped, waited for
    {{"fork", {0, 1, 1}},
     {"fork", {0, 2, 2}},
     {"fork", {2, 3, 3}},
     {"ptrace(PT_ATTACH, pid)", {1, 3, 0, 0, 0}},
     {"issignal", {3, 17}},
     {"wait6(P_ALL): trapped", {1, 3, 3}}},
    // 2 has two threads, and 1 traces it: stopped, waited for
    {{"fork", {0, 1, 1}},
     {"fork", {0, 2, 2}},
     {"thr_new", {2, 3}},
     {"thread_return", {3}},
     {"ptrace(PT_ATTACH, pid)", {1, 2, 0, 0, 0}},
     {"issignal", {3, 17}},
     {"thread_suspend_check", {2}},
     {"wait6(P_ALL): trapped", {1, 2, 2}}},
    // 1 traces 2, and 2, running, has forked 3, which is to be traced as well
    {{"fork", {0, 1, 1}},
     {"fork", {1, 2, 2}},
     {"ptrace(PT_ATTACH, pid)", {1, 2, 0, 0, 0}},
     {"issignal", {2, 17}},
     {"wait6(P_ALL): trapped", {1, 2, 2}},
     {"ptrace(PT_FOLLOW_FORK, pid)", {1, 2, 1, 0, 0}},
     {"ptrace(PT_CONTINUE, pid)", {1, 2, 0, 0, 0}},
     {"leave_stop", {2}},
     {"fork", {2, 3, 3}}},
};

void follow(const Walk& walk, const Visit& visit) {
  SmallState state = SmallState::boot();
  for (const Known& known : kStarts[std::size_t(walk.start)]) {
    for (const Rule& rule : table()) {
      if (rule.program.name != known.rule) continue;
      const SmallState before = state;
      Exec<SmallState> k(state, kFreebsd104);
      rule.run(k, known.arguments);
      if (!k.outcome().possible || k.outcome().error != Errno::ok)
        throw std::logic_error(fmt::format("start {}: {}", walk.start, describe(rule, known.arguments, k.outcome())));
      visit(before, rule, known.arguments, k.outcome(), state);
    }
  }
  for (const Step& step : walk.steps) {
    const Rule& rule = table()[step.rule];
    if (rule.by == Rule::By::thread) {  // what the kernel does for a thread follows from the state
      const auto td = Slot(step.dice.thrown[0] % unsigned(SmallState::kLwps));
      for (const model::Step& own : relation(kFreebsd104).of_thread(state, td)) {
        if (own.rule != step.rule) continue;
        SmallState next = state;
        Exec<SmallState> k(next, kFreebsd104, step.dice.choices);
        rule.run(k, own.arguments);
        if (!k.outcome().possible || next == state) continue;
        visit(state, rule, own.arguments, k.outcome(), next);
        state = next;
        break;
      }
      continue;
    }
    // Slots that fit are rare: turn them until the step can be taken and does something.
    constexpr int kTurns = 125;
    for (int turn = 0; turn < kTurns; ++turn) {
      std::vector<std::int32_t> a = arguments(rule, step.dice);
      int rest = turn;
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (rule.arguments[i].takes != Takes::process && rule.arguments[i].takes != Takes::thread) continue;
        const int slot = int((step.dice.thrown[i] + unsigned(rest)) % 5);
        rest /= 5;
        a[i] = slot == 4 ? kNone : slot;
      }
      SmallState next = state;
      Exec<SmallState> k(next, kFreebsd104, step.dice.choices);
      rule.run(k, a);
      if (!k.outcome().possible || next == state) continue;
      visit(state, rule, a, k.outcome(), next);
      state = next;
      break;
    }
  }
}

const Relation& relation(const Behaviours& kernel) {
  static const auto all = [] {
    std::map<std::string_view, Relation> out;
    for (const Behaviours* k : kKernels) out.try_emplace(k->name, *k);
    return out;
  }();
  return all.at(kernel.name);
}

rc::Gen<const Behaviours*> any_kernel() {
  // inRange() grows with the size: at small sizes the last kernels would be rare
  return rc::gen::map(rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, std::size(kKernels))),
                      [](std::size_t i) { return kKernels[i]; });
}

rc::Gen<SmallState> any_state() { return rc::gen::exec(random_state); }

namespace {

// The thread belongs to a process that lives, and is where it can make a call.
void make_caller(SmallState& state, Slot td, Slot curp) {
  state.lwp[td].proc = curp;
  state.lwp[td].td_at = At::user;
  state.lwp[td].td_flag = std::uint16_t(state.lwp[td].td_flag & ~TD_SUSPENDED);
  state.proc[curp].state = ProcState::normal;
  state.proc[curp].p_flag = std::uint16_t(state.proc[curp].p_flag & ~P_WEXIT);
}

}  // namespace

rc::Gen<SmallState> any_state_with_tracee() {
  return rc::gen::resize(rc::kNominalSize, rc::gen::exec([] {
                           SmallState state = random_state();
                           make_caller(state, kCaller, Slot(*rc::gen::inRange(0, 4)));
                           const Slot curp = state.lwp[kCaller].proc;
                           Proc& tracee = state.proc[kTracee];
                           tracee.state = ProcState::normal;
                           tracee.p_pptr = curp;
                           tracee.p_flag = std::uint16_t((tracee.p_flag | P_TRACED | P_WAITED | P_STOPPED_SIG) &
                                                         ~(P_WEXIT | P_SYSTEM | P_INEXEC));
                           if (*rc::gen::inRange(0, 8) != 0) tracee.p_suspcount = tracee.p_numthreads;
                           state.lwp[kTracee].proc = kTracee;
                           return state;
                         }));
}

rc::Gen<SmallState> any_state_with_family() {
  return rc::gen::resize(
      rc::kNominalSize, rc::gen::exec([] {
        SmallState state = random_state();
        for (auto& p : state.proc) p.p_cred = std::uint16_t(*rc::gen::inRange(0, 0x400));
        make_caller(state, kCaller, Slot(*rc::gen::inRange(0, 4)));
        const Slot curp = state.lwp[kCaller].proc;
        for (auto& p : state.proc) {
          if (&p == &state.proc[curp] || *rc::gen::inRange(0, 4) == 0) continue;
          p.p_pptr = curp;
          p.state = *rc::gen::elementOf(std::vector<ProcState>{ProcState::normal, ProcState::zombie});
          if (*rc::gen::arbitrary<bool>()) continue;
          p.p_suspcount = p.p_numthreads;
          p.p_flag = std::uint16_t((p.p_flag | P_STOPPED_SIG) & ~P_WAITED);
          if (*rc::gen::arbitrary<bool>()) p.p_flag = std::uint16_t(p.p_flag | P_TRACED);
        }
        // Of its siblings one is somewhere in the kernel.
        auto& td = state.lwp[kBusy];
        make_caller(state, kBusy, Slot(*rc::gen::inRange(0, 4)));
        if (*rc::gen::inRange(0, 4) != 0) td.td_at = At(*rc::gen::inRange(0, int(At::proc_signal_stop) + 1));
        if (td.td_at == At::user && *rc::gen::arbitrary<bool>()) td.td_flag = std::uint16_t(td.td_flag | TD_STEP);
        if (td.td_at == At::user &&
            *rc::gen::arbitrary<bool>()) {  // its debugger's attach is not the first that it finds
          auto& p = state.proc[td.proc];
          p.p_flag = std::uint16_t((p.p_flag | P_TRACED | P2_PTRACE_FSTP) & ~(P_PPWAIT | P_PPTRACE));
          for (const int sig : {kSigtrap, kSigstop}) p.p_siglist.add(sig);
        }
        if (td.td_at == At::vfork) {
          td.td_flag = std::uint16_t(td.td_flag | TD_RFPPWAIT);
          if (*rc::gen::arbitrary<bool>()) state.proc[2].p_vforker = kBusy;
        }
        if (td.td_at == At::exit || td.td_at == At::exec)
          state.proc[td.proc].p_numthreads = std::uint8_t(*rc::gen::inRange(1, 3));
        return state;
      }));
}

rc::Gen<Dice> dice() {
  return rc::gen::exec([] {
    Dice d;
    d.thrown = *rc::gen::container<std::vector<std::uint32_t>>(kArgumentsMax, rc::gen::arbitrary<std::uint32_t>());
    // Mostly 0: everything outside the model goes well.
    for (std::uint8_t& choice : d.choices)
      choice = std::uint8_t(*rc::gen::weightedElement<int>({{12, 0}, {2, 1}, {1, 2}, {1, 3}, {1, 4}}));
    return d;
  });
}

std::vector<std::int32_t> arguments(const Rule& rule, const Dice& d) {
  constexpr std::int32_t data[] = {0, 1, 4, 5, 9, 17, 19, 128, 129, -1, 160, 161, 0x7fffffff, -0x7fffffff - 1};
  constexpr std::int32_t signals[] = {0, 1, 5, 9, 17, 18, 19, 20, 128};
  constexpr std::int32_t masks[] = {0, 0x8, 0x3f, 0x40, -1};
  constexpr std::int32_t statuses[] = {0, 9, 0x0100, 0xff00};
  std::vector<std::int32_t> out;
  for (std::size_t i = 0; i < rule.arguments.size(); ++i) {
    const std::uint32_t n = d.thrown[i];
    auto one_of = [n](const auto& values) { return values[n % std::size(values)]; };
    switch (rule.arguments[i].takes) {
      case Takes::process:
      case Takes::thread: out.push_back(n % 9 == 8 ? kNone : std::int32_t(n % 9 % 4)); break;
      case Takes::data: out.push_back(one_of(data)); break;
      case Takes::signal: out.push_back(one_of(signals)); break;
      case Takes::mask: out.push_back(one_of(masks)); break;
      case Takes::status: out.push_back(one_of(statuses)); break;
      case Takes::yes_no: out.push_back(n % 16 == 15 ? 1 : 0); break;
    }
  }
  return out;
}

// How often a walk tries a rule: what brings processes together comes more often than what ends them.
int weight(const Rule& rule) {
  const std::string& name = rule.program.name;
  if (name.find("PT_ATTACH") != std::string::npos || name.find("PT_CONTINUE") != std::string::npos) return 12;
  if (name.find("PT_DETACH") != std::string::npos) return 4;
  if (rule.by == Rule::By::request) return 2;
  if (name.starts_with("exit1") || name.starts_with("kill")) return 3;
  if (name == "ptracestop" || name == "issignal" || name == "thread_suspend_check") return 25;
  if (name.starts_with("wait6") && name.find("trapped") != std::string::npos) return 12;
  if (name.starts_with("wait6")) return name.ends_with("nothing") ? 1 : 3;
  if (name == "fork") return 25;
  return 6;
}

rc::Gen<Walk> walk() {
  static const std::vector<std::uint32_t> lots = [] {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < table().size(); ++i) out.insert(out.end(), std::size_t(weight(table()[i])), i);
    return out;
  }();
  return rc::gen::exec([] {
    Walk w;
    w.start = *rc::gen::inRange(0, int(kStarts.size()));
    w.steps = *rc::gen::container<std::vector<Step>>(
        rc::gen::exec([] { return Step{.rule = *rc::gen::elementOf(lots), .dice = *dice()}; }));
    return w;
  });
}

std::string describe(const Rule& rule, const std::vector<std::int32_t>& a, const Outcome& o) {
  std::string out = rule.program.name + " with";
  for (std::size_t i = 0; i < a.size(); ++i)
    out += fmt::format(" {}={}", rule.arguments[i].name, a[i] == kNone ? "none" : std::to_string(a[i]));
  return out + fmt::format(": errno {} {}", int(o.error), o.clause.id);
}

}  // namespace property
}  // namespace proctor::model
