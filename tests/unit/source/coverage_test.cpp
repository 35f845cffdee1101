// SPDX-License-Identifier: BSD-2-Clause
//
// The random runs of `proctor source` reach each check of ptrace(2) both ways on each kernel; one that cannot says why in
// the rule text.  Here the model runs alone, so no listing is needed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "checker/source/lockstep.hpp"

namespace proctor::source {
namespace {

using model::Behaviours;
using model::Exec;
using model::Rule;
using model::SmallState;

constexpr int kSequences = 24000;
constexpr std::size_t kLength = 48;

model::ClauseCoverage run(const scenario::Vocabulary& words) {
  const Generator generator(words);
  model::ClauseCoverage coverage;
  for (int i = 0; i < kSequences; ++i) {
    Random random{std::uint64_t(i)};
    SmallState state = scenario::start_state(random.below(2) != 0);
    const std::vector<scenario::Action> prologue = generator.prologue(random);
    for (std::size_t n = 0; n < kLength; ++n) {
      scenario::Action action;
      if (n < prologue.size())
        action = prologue[n];
      else if (!generator.pick(state, random, action))
        continue;
      const Rule& rule = words.rules()[action.rule];
      SmallState next = state;
      Exec<SmallState> k(next, words.kernel(), action.choices);
      if (rule.by == Rule::By::request) k.coverage = &coverage;
      rule.run(k, action.arguments);
      if (k.outcome().possible) state = next;
    }
  }
  return coverage;
}

class coverage : public testing::TestWithParam<const Behaviours*> {};

TEST_P(coverage, each_check_holds_and_fails) {
  const scenario::Vocabulary words(*GetParam());
  const model::ClauseCoverage ways = run(words);
  std::map<std::string_view, model::Clause> clauses;
  for (const Rule& rule : words.rules()) {
    if (rule.by != Rule::By::request) continue;
    for (const auto& in : rule.program.code)
      if (in.op == model::ir::Op::require || in.op == model::ir::Op::guard) clauses.emplace(in.clause.id, in.clause);
  }
  EXPECT_GE(clauses.size(), 15U);
  for (const auto& [id, clause] : clauses) {
    const auto met = ways.find(id);
    const bool both = met != ways.end() && met->second.held > 0 && met->second.failed > 0;
    if (clause.impossible.empty())
      EXPECT_TRUE(both) << place(clause) << ": held " << (met == ways.end() ? 0 : met->second.held) << ", failed "
                        << (met == ways.end() ? 0 : met->second.failed) << ", and no reason why";
    else
      EXPECT_FALSE(both) << place(clause) << ": happens, though the rule text says: " << clause.impossible;
  }
}

INSTANTIATE_TEST_SUITE_P(kernels, coverage, testing::ValuesIn(model::kKernels), [](const auto& kernel) {
  std::string name(kernel.param->name);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace proctor::source
