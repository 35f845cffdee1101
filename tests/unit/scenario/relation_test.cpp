// SPDX-License-Identifier: BSD-2-Clause
//
// What processes do in a run, asked for or by themselves, is among the steps that the relation says are possible there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "checker/scenario/run.hpp"

namespace proctor::scenario {
namespace {

using namespace model;

// Everything that somebody may choose, with what this step has chosen.
Universe universe_of(const Rule& rule, const Action& action) {
  Universe out{.signals = {}, .data = {}, .masks = {}, .statuses = {}, .capability_mode = true};
  for (std::size_t i = 0; i < action.arguments.size(); ++i) {
    const int value = action.arguments[i];
    switch (rule.arguments[i].takes) {
      case Takes::signal: out.signals = {value}; break;
      case Takes::data: out.data = {value}; break;
      case Takes::mask: out.masks = {value}; break;
      case Takes::status: out.statuses = {value}; break;
      default: break;
    }
  }
  return out;
}

void look_at(const Script& script, const Behaviours& kernel, std::set<RuleId>& seen) {
  const RunResult result = run(script, kernel);
  const Vocabulary words(kernel);
  const Expansion all = expand(words, result);
  SmallState state = all.start;
  for (std::size_t i = 0; i < all.actions.size(); ++i) {
    const Action& action = all.actions[i];
    const Rule& rule = words.relation().rule(action);
    const bool by_itself = rule.by == Rule::By::thread || rule.by == Rule::By::process;
    const std::vector<Step> possible = !by_itself ? words.relation().enabled(state, universe_of(rule, action))
                                       : rule.by == Rule::By::thread
                                           ? words.relation().of_thread(state, Slot(action.arguments[0]))
                                           : words.relation().of_process(state, Slot(action.arguments[0]));
    const bool found = std::any_of(possible.begin(), possible.end(), [&](const Step& step) {
      return step.rule == action.rule && step.arguments == action.arguments;
    });
    ASSERT_TRUE(found) << script.path << ":" << all.lines[i] << " on " << kernel.name << ": "
                       << print(words, action, state);
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
