// SPDX-License-Identifier: BSD-2-Clause
//
// The two readings of the rule text agree: what Exec computes is what the program written down by Record says.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "model/rules/requests.hpp"
#include "tests/property/worlds.hpp"

namespace proctor::model {
namespace {

using namespace property;

std::uint64_t g_evaluated = 0;
using Met = std::map<std::string_view, std::set<std::string>>;  // by kernel
Met g_failed_somewhere;                                         // clause ids
Met g_went_through;                                             // rule names

bool same(const Outcome& a, const Outcome& b) {
  if (a.possible != b.possible || a.clause.id != b.clause.id) return false;
  if (!a.possible) return true;  // the state is thrown away, and with it what led there
  return a.error == b.error && a.moves == b.moves && a.moved == b.moved && a.uninitialised == b.uninitialised &&
         a.result == b.result && a.emissions == b.emissions && a.opens == b.opens && a.emitted == b.emitted &&
         a.open_kind == b.open_kind && a.open_ways == b.open_ways;
}

void every_rule_agrees(const Behaviours& kernel, const SmallState& state, Dice d, std::optional<Slot> busy = {}) {
  std::vector<LockEvent> locks, locks_from_ir;
  for (const Rule& rule : table(kernel)) {
    if (busy) d.thrown[0] = rule.by == Rule::By::thread ? *busy : kCaller;
    const std::vector<std::int32_t> a = arguments(rule, d);
    SmallState computed = state, interpreted = state;
    locks.clear();
    locks_from_ir.clear();
    Exec<SmallState> k(computed, kernel, d.choices, &locks);
    rule.run(k, a);
    const Outcome from_ir = ir::interpret(rule.program, interpreted, a, d.choices, &locks_from_ir);
    const Outcome& from_exec = k.outcome();
    ++g_evaluated;
    if (!from_exec.clause.id.empty()) g_failed_somewhere[kernel.name].emplace(from_exec.clause.id);
    if (from_exec.possible && from_exec.error == Errno::ok) g_went_through[kernel.name].insert(rule.program.name);
    if (same(from_exec, from_ir) && (!from_exec.possible || (computed == interpreted && locks == locks_from_ir)))
      continue;
    std::ostringstream message;
    message << kernel.name << " " << describe(rule, a, from_exec) << "\nbefore:" << state << "\nExec: " << from_exec
            << computed << "\ninterpreted: " << from_ir << interpreted;
    RC_FAIL(message.str());
  }
}

RC_GTEST_PROP(agreement, exec_and_ir_on_any_state, ()) { every_rule_agrees(**any_kernel(), *any_state(), *dice()); }

RC_GTEST_PROP(agreement, exec_and_ir_on_any_state_with_a_tracee, ()) {
  Dice d = *dice();
  d.thrown[0] = kCaller;
  if (*rc::gen::inRange(0, 4) != 0) d.thrown[1] = kTracee;
  if (*rc::gen::arbitrary<bool>())
    for (std::uint8_t& choice : d.choices)
      choice = std::uint8_t(*rc::gen::elementOf(std::vector<int>{0, 0, 1, 2, 3, 4}));
  const SmallState state = *any_state_with_tracee();
  for (const Behaviours* kernel : kKernels) every_rule_agrees(*kernel, state, d);
}

RC_GTEST_PROP(agreement, exec_and_ir_on_any_state_with_a_family, ()) {
  Dice d = *dice();
  if (*rc::gen::arbitrary<bool>()) d.thrown[2] = d.thrown[1];  // wait6(P_PID): the child that is asked for
  const SmallState state = *any_state_with_family();
  for (const Behaviours* kernel : kKernels) every_rule_agrees(*kernel, state, d, kBusy);
}

RC_GTEST_PROP(agreement, exec_and_ir_along_walks, ()) {
  follow(*walk(), [](const SmallState& before, const Rule&, const std::vector<std::int32_t>&, const Outcome&,
                     const SmallState&) { every_rule_agrees(**any_kernel(), before, *dice()); });
}

// Guards that a step's first guard implies, or the signal that it finds.  They stand in texts that others begin
// elsewhere: a log shows that a thread forks, not that it was at a place from which it can.
bool is_asked_before(const Behaviours& kernel, std::string_view clause) {
  if (clause == "attach-stop-first") return kernel.attach_stop_comes_first;
  if (clause == "thread-exit-runs") return !kernel.lwp_events;
  constexpr std::string_view always[] = {"fork-runs", "exec-runs",          "exit-runs",
                                         "stop-runs", "stop-exiting",       "resumed",
                                         "stop-2003", "signal-stop-traced", "vfork-child-goes-on"};
  return std::find(std::begin(always), std::end(always), clause) != std::end(always);
}

// The sibling that shows the properties above to be about something.  It needs their runs in the same process.
TEST(agreement, sometimes_each_clause_fails_and_each_rule_succeeds) {
  if (g_evaluated == 0) GTEST_SKIP() << "it counts what the other agreement tests meet; run them in the same process";
  for (const Behaviours* kernel : kKernels) {
    for (const Rule& rule : table(*kernel)) {
      const std::string& name = rule.program.name;
      for (const ir::Instruction& in : rule.program.code)
        if ((in.op == ir::Op::require || in.op == ir::Op::guard) && in.clause.impossible.empty()) {
          EXPECT_EQ(g_failed_somewhere[kernel->name].contains(std::string(in.clause.id)),
                    !is_asked_before(*kernel, in.clause.id))
              << in.clause.id << " in " << name << " of " << kernel->name;
        }
      const bool cannot_succeed =
          (rule.id == RuleId::ptrace && !rules::has_request(*kernel, rules::Request(rule.number))) ||
          (rule.id == RuleId::ptrace && name.ends_with(", tid)") && !kernel->thread_requests) ||
          name.find("no event") != std::string::npos || name.find("unknown option") != std::string::npos;
      EXPECT_EQ(g_went_through[kernel->name].contains(name), !cannot_succeed) << name << " of " << kernel->name;
    }
  }
  EXPECT_GE(g_evaluated, 300'000U);
  RecordProperty("evaluated", std::to_string(g_evaluated));
  std::cout << g_evaluated << " cases\n";
}

}  // namespace
}  // namespace proctor::model
