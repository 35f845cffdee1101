// SPDX-License-Identifier: BSD-2-Clause
//
// The rules for searches compute what Exec does, on every kernel, and say what they have written.
#include "model/lean.hpp"

#include <sstream>

#include "tests/property/worlds.hpp"

namespace proctor::model {
namespace {

using namespace property;

struct Both {
  const Behaviours* kernel;
  std::vector<Rule> rules;
  std::vector<LeanRule> lean;
};
const std::vector<Both>& kernels() {
  static const std::vector<Both> all = [] {
    std::vector<Both> out;
    for (const Behaviours* kernel : kKernels) out.push_back({kernel, all_rules(*kernel), lean_rules(*kernel)});
    return out;
  }();
  return all;
}

std::uint32_t kinds_met(const Outcome& outcome) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < outcome.opens; ++i) out |= 1U << unsigned(outcome.open_kind[i]);
  return out;
}

bool same(const Outcome& exec, const LeanOutcome& lean) {
  if (exec.possible != lean.possible || exec.clause.id != lean.clause) return false;
  return exec.error == lean.error && exec.result == lean.result && exec.moves == lean.moves &&
         exec.moved == lean.moved && exec.uninitialised == lean.uninitialised && kinds_met(exec) == lean.opens;
}

// Every slot that differs was noted.
bool noted(const SmallState& before, const SmallState& after, const LeanOutcome& lean) {
  for (std::size_t p = 0; p < before.proc.size(); ++p)
    if (!(before.proc[p] == after.proc[p]) && (lean.procs >> p & 1U) == 0) return false;
  for (std::size_t td = 0; td < before.lwp.size(); ++td)
    if (!(before.lwp[td] == after.lwp[td]) && (lean.lwps >> td & 1U) == 0) return false;
  return true;
}

void every_rule_agrees(const SmallState& before, const Dice& d) {
  for (const Both& k : kernels())
    for (std::size_t i = 0; i < k.rules.size(); ++i) {
      std::vector<std::int32_t> a = arguments(k.rules[i], d);
      SmallState by_exec = before, by_lean = before;
      Exec<SmallState> exec(by_exec, *k.kernel, d.choices);
      k.rules[i].run(exec, a);
      a.resize(kArgumentsMax, 0);
      LeanOutcome lean;
      k.lean[i].run(by_lean, a.data(), d.choices, lean);
      if (same(exec.outcome(), lean) && by_exec == by_lean && noted(before, by_lean, lean)) continue;
      a.resize(k.rules[i].arguments.size());
      std::ostringstream message;
      message << k.kernel->name << ": " << describe(k.rules[i], a, exec.outcome()) << "\nbefore:" << before
              << "\nExec: " << exec.outcome() << by_exec << "\nlean: errno " << int(lean.error) << " clause "
              << lean.clause << " written " << lean.procs << " " << lean.lwps << by_lean;
      RC_FAIL(message.str());
    }
}

TEST(lean, has_every_rule_of_every_kernel) {
  for (const Both& k : kernels()) EXPECT_EQ(k.rules.size(), k.lean.size()) << k.kernel->name;
}

RC_GTEST_PROP(lean, agrees_with_exec_on_any_state, ()) { every_rule_agrees(*any_state(), *dice()); }

RC_GTEST_PROP(lean, agrees_with_exec_with_a_tracee, ()) {
  Dice d = *dice();
  d.thrown[0] = 0;  // thread 0 is the tracer
  every_rule_agrees(*any_state_with_tracee(), d);
}

}  // namespace
}  // namespace proctor::model
