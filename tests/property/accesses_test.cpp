// SPDX-License-Identifier: BSD-2-Clause
//
// What ir::reads() and ir::writes() say of a rule is all that it reads and writes: on every kernel.
#include <array>
#include <sstream>

#include "tests/property/worlds.hpp"

namespace proctor::model {
namespace {

using namespace property;
using What = ir::Access::What;

// Fields and flags of any process or thread, as bits.
struct Parts {
  std::uint32_t proc = 0, lwp = 0;  // fields
  std::uint16_t proc_flags = 0, lwp_flags = 0;
  std::uint8_t proc_sets = 0, lwp_sets = 0;
  bool rank = false;

  void add(const ir::Access& access) {
    switch (access.what) {
      case What::proc_field: proc |= 1U << unsigned(access.which); break;
      case What::proc_flags: proc_flags = std::uint16_t(proc_flags | access.which); break;
      case What::proc_set: proc_sets = std::uint8_t(proc_sets | 1U << unsigned(access.which)); break;
      case What::proc:
        proc = ~0U;
        proc_sets = 0xff;
        proc_flags = 0xffff;
        break;
      case What::lwp_field: lwp |= 1U << unsigned(access.which); break;
      case What::lwp_flags: lwp_flags = std::uint16_t(lwp_flags | access.which); break;
      case What::lwp_set: lwp_sets = std::uint8_t(lwp_sets | 1U << unsigned(access.which)); break;
      case What::lwp_rank: rank = true; break;
      case What::lwp:
        lwp = ~0U;
        lwp_sets = 0xff;
        rank = true;
        lwp_flags = 0xffff;
        break;
    }
  }
};
constexpr unsigned kProcFields = unsigned(ProcField::pg_jobc) + 1, kLwpFields = unsigned(LwpField::td_dbgksi) + 1;
constexpr ProcSet kProcSets[] = {p_siglist, p_sigignore, p_sigcatch};
constexpr LwpSet kLwpSets[] = {td_siglist, td_sigmask, td_sigptrace};

// Those parts of `from` in place of what `to` has.
void copy(SmallState& to, const SmallState& from, const Parts& parts) {
  for (std::size_t i = 0; i < to.proc.size(); ++i) {
    auto& p = to.proc[i];
    p.p_flag = std::uint16_t((p.p_flag & ~parts.proc_flags) | (from.proc[i].p_flag & parts.proc_flags));
    for (unsigned field = 0; field < kProcFields; ++field) {
      if ((parts.proc >> field & 1U) != 0) write(p, ProcField(field), read(from.proc[i], ProcField(field)));
    }
    for (const ProcSet set : kProcSets)
      if ((parts.proc_sets >> unsigned(set) & 1U) != 0) set_of(p, set) = set_of(from.proc[i], set);
  }
  for (std::size_t i = 0; i < to.lwp.size(); ++i) {
    auto& td = to.lwp[i];
    td.td_flag = std::uint16_t((td.td_flag & ~parts.lwp_flags) | (from.lwp[i].td_flag & parts.lwp_flags));
    if ((parts.lwp & 1U) != 0) td.proc = from.lwp[i].proc;
    for (unsigned field = 1; field < kLwpFields; ++field)
      if ((parts.lwp >> field & 1U) != 0) write(td, LwpField(field), read(from.lwp[i], LwpField(field)));
    for (const LwpSet set : kLwpSets)
      if ((parts.lwp_sets >> unsigned(set) & 1U) != 0) set_of(td, set) = set_of(from.lwp[i], set);
    if (parts.rank) td.td_rank = from.lwp[i].td_rank;
  }
}
Parts others(const Parts& parts) {
  return {.proc = ~parts.proc,
          .lwp = ~parts.lwp,
          .proc_flags = std::uint16_t(~parts.proc_flags),
          .lwp_flags = std::uint16_t(~parts.lwp_flags),
          .proc_sets = std::uint8_t(~parts.proc_sets),
          .lwp_sets = std::uint8_t(~parts.lwp_sets),
          .rank = !parts.rank};
}

struct RuleParts {
  Rule rule;
  Parts read, written;
};
const std::vector<RuleParts>& every_rule() {
  static const std::vector<RuleParts> all = [] {
    std::vector<RuleParts> out;
    for (const Behaviours* kernel : kKernels)
      for (Rule& rule : all_rules(*kernel)) {
        RuleParts parts{std::move(rule), {}, {}};
        const auto& code = parts.rule.program.code;
        for (std::int32_t at = 0; at < std::int32_t(code.size()); ++at) {
          for (const ir::Access& access : ir::reads(code, at)) parts.read.add(access);
          for (const ir::Access& access : ir::writes(code, at)) parts.written.add(access);
        }
        out.push_back(std::move(parts));
      }
    return out;
  }();
  return all;
}

Outcome run(const Rule& rule, SmallState& state, const std::vector<std::int32_t>& a, const Choices& choices) {
  Exec<SmallState> k(state, rule.program.kernel, choices);
  rule.run(k, a);
  return k.outcome();
}

void fail(std::string_view what, const RuleParts& r, const std::vector<std::int32_t>& a, const Outcome& outcome,
          const SmallState& before, const SmallState& after) {
  std::ostringstream message;
  message << r.rule.program.kernel.name << ": " << what << ": " << describe(r.rule, a, outcome) << "\nbefore:" << before
          << "\nafter:" << after;
  RC_FAIL(message.str());
}

void look_at(const SmallState& before, const SmallState& elsewhere, const Dice& d) {
  constexpr std::size_t kEach = 7;
  for (std::size_t i = *rc::gen::inRange(std::size_t{0}, kEach); i < every_rule().size(); i += kEach) {
    const RuleParts& r = every_rule()[i];
    const std::vector<std::int32_t> a = arguments(r.rule, d);
    SmallState after = before;
    const Outcome outcome = run(r.rule, after, a, d.choices);
    SmallState put_back = after;
    copy(put_back, before, r.written);
    if (!(put_back == before)) fail("writes more than its program says", r, a, outcome, before, after);

    SmallState changed = before;
    copy(changed, elsewhere, others(r.read));
    const Outcome again = run(r.rule, changed, a, d.choices);
    const bool same = outcome.possible == again.possible && outcome.error == again.error &&
                      outcome.clause.id == again.clause.id && outcome.result == again.result &&
                      outcome.emitted == again.emitted && outcome.moves == again.moves &&
                      outcome.uninitialised == again.uninitialised && outcome.open_kind == again.open_kind;
    if (!same) fail("reads more than its program says", r, a, outcome, before, after);
  }
}

RC_GTEST_PROP(accesses, are_all_on_any_state, ()) { look_at(*any_state(), *any_state(), *dice()); }

RC_GTEST_PROP(accesses, are_all_with_a_tracee, ()) {
  Dice d = *dice();
  d.thrown[0] = 0;
  look_at(*any_state_with_tracee(), *any_state(), d);
}

}  // namespace
}  // namespace proctor::model
