// SPDX-License-Identifier: BSD-2-Clause
//
// What processes do in a run, asked for or by themselves, is among the steps that the relation says are possible there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "checker/scenario/run.hpp"
#include "tests/unit/run/relation_steps.hpp"

namespace proctor::scenario {
namespace {

using namespace model;

void look_at(const Script& script, const Behaviours& kernel, std::set<RuleId>& seen) {
  const RunResult result = run(script, kernel);
  const Vocabulary words(kernel);
  const Expansion all = expand(words, result);
  SmallState state = all.start;
  for (std::size_t i = 0; i < all.actions.size(); ++i) {
    const Action& action = all.actions[i];
    const Rule& rule = words.relation().rule(action);
    ASSERT_TRUE(test::has_step(words.relation(), action, state))
        << script.path << ":" << all.lines[i] << " on " << kernel.name << ": " << print(words, action, state);
    seen.insert(rule.id);
    ASSERT_TRUE(advance(words, action, state));
  }
}

TEST(relation, has_every_step_of_every_scenario) {
  std::set<RuleId> seen;
  for (const auto& file : std::filesystem::directory_iterator(PROCTOR_SCENARIOS_DIR)) {
    if (file.path().extension() != ".scn") continue;
    const auto scenario = read_scenario(file.path().string());
    ASSERT_TRUE(scenario) << scenario.error();
    const Script script = read_script(*scenario);
    for (const Behaviours* kernel : script.kernels) look_at(script, *kernel, seen);
  }
  EXPECT_GT(seen.size(), 30U) << "few kinds of steps were taken";
}

}  // namespace
}  // namespace proctor::scenario
