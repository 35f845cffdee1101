// SPDX-License-Identifier: BSD-2-Clause
//
// What the random runs of `proctor source` do is among the steps that the relation says are possible there: on every
// kernel what the generator chooses and its rule lets happen, and where sources are at hand what the lockstep and the
// preemptive runs really take.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "checker/source/listing.hpp"
#include "checker/source/preempt.hpp"
#include "checker/source/shim_of.hpp"
#include "tests/unit/run/relation_steps.hpp"

namespace proctor::source {
namespace {

using model::Behaviours;
using model::Exec;
using model::Rule;
using model::RuleId;
using model::SmallState;
using scenario::Action;
using test::has_step;

constexpr std::uint64_t kSequences = 300, kRuns = 60;
constexpr int kLength = 48;

std::string name_of(const testing::TestParamInfo<const Behaviours*>& kernel) {
  std::string name(kernel.param->name);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

class relation_of_source : public testing::TestWithParam<const Behaviours*> {
 protected:
  relation_of_source() : words_(*GetParam()) {}

  void look_at(const Action& action, const SmallState& state) {
    const Rule& rule = words_.rules()[action.rule];
    EXPECT_TRUE(has_step(words_.relation(), action, state))
        << words_.kernel().name << ": " << rule.program.name << ": " << print(words_, action, state);
    seen_.insert(rule.id);
    ++steps_;
  }

  const scenario::Vocabulary words_;
  std::set<RuleId> seen_;
  std::size_t steps_ = 0;
};

TEST_P(relation_of_source, has_what_the_generator_takes) {
  const Generator generator(words_);
  for (std::uint64_t seed = 0; seed < kSequences && !HasFailure(); ++seed) {
    Random random{seed};
    SmallState state = scenario::start_state(random.below(2) != 0);
    const std::vector<Action> prologue = generator.prologue(random);
    for (std::size_t n = 0; n < std::size_t(kLength); ++n) {
      Action action;
      if (n < prologue.size())
        action = prologue[n];
      else if (!generator.pick(state, random, action))
        continue;
      SmallState next = state;
      Exec<SmallState> k(next, words_.kernel(), action.choices);
      words_.rules()[action.rule].run(k, action.arguments);
      if (!k.outcome().possible || next == state) continue;
      look_at(action, state);
      state = next;
    }
  }
  EXPECT_GT(steps_, 2000U);
  EXPECT_GT(seen_.size(), 25U) << "few kinds of steps were taken";
}

// A step that nobody can take is not in the relation: so the test above can fail.
TEST_P(relation_of_source, lacks_what_cannot_happen) {
  SmallState state = SmallState::boot();
  const auto step = [&](RuleId id, std::vector<std::int32_t> arguments) {
    return Action{.rule = words_.relation().find(id).value(), .arguments = std::move(arguments)};
  };
  EXPECT_TRUE(has_step(words_.relation(), step(RuleId::fork, {0, 1, 1}), state));
  EXPECT_FALSE(has_step(words_.relation(), step(RuleId::fork, {0, 0, 1}), state)) << "the slot is taken";
  EXPECT_FALSE(has_step(words_.relation(), step(RuleId::exit_zombie, {0}), state)) << "it does not exit";
  EXPECT_FALSE(has_step(words_.relation(), step(RuleId::follow_stop, {0}), state)) << "nobody stops it";
  state.lwp[0].td_flag |= model::TD_SUSPENDED;
  EXPECT_FALSE(has_step(words_.relation(), step(RuleId::fork, {0, 1, 1}), state)) << "it stands still";
}

std::optional<std::string> listing_of(const Behaviours& kernel) {
  const std::pair<const Behaviours*, const char*> listings[] = {{&model::kFreebsd51Sa0309, "000_f3e9d9647f1eca4f.txt"},
                                                                {&model::kFreebsd11c, "001_64592db8ad6e0345.txt"},
                                                                {&model::kDragonfly55, "002_d178d5f1179b3dac.txt"},
                                                                {&model::kFreebsd51, "003_1e0b62bd7cbeedf5.txt"}};
  for (const auto& [of, name] : listings) {
    const auto path = std::filesystem::path(PROCTOR_LISTINGS_DIR) / name;
    if (of->name != kernel.name || !std::filesystem::exists(path)) continue;
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return strip_listing(text.str(), name).value();
  }
  return std::nullopt;
}

TEST_P(relation_of_source, has_what_runs_take) {
  const std::optional<std::string> text = listing_of(*GetParam());
  if (!text) GTEST_SKIP() << "no source of " << GetParam()->name << " in " << PROCTOR_LISTINGS_DIR;
  const Shim shim = shim_of(*GetParam());
  auto image =
      compile_source("sys_process.c", *text, {.family = std::string(shim.family), .kernel_number = shim.number});
  ASSERT_TRUE(image) << problem_text(image.error());
  Harness harness(std::move(*image), words_);
  const auto look = [this](const Action& action, const SmallState& state) { look_at(action, state); };
  scenario::Sequence sequence;
  Lockstep lockstep(words_, harness, nullptr);
  lockstep.takes = look;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) lockstep.explore(seed, kLength, sequence);
  EXPECT_EQ(steps_, lockstep.calls + lockstep.steps);
  Preemptive preemptive(words_, harness);
  preemptive.takes = look;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) preemptive.explore(seed, kLength, sequence);
  EXPECT_EQ(steps_, lockstep.calls + lockstep.steps + preemptive.calls + preemptive.steps);
}

INSTANTIATE_TEST_SUITE_P(kernels, relation_of_source, testing::ValuesIn(model::kKernels), name_of);

}  // namespace
}  // namespace proctor::source
