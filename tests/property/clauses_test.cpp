// SPDX-License-Identifier: BSD-2-Clause
//
// Clause ids are names: of tests, coverage rows and messages.  One id means one place in the kernel.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "model/programs.hpp"

namespace proctor::model {
namespace {

template <class Visit>
void each_clause(const Behaviours& kernel, Visit&& visit) {
  for (const ir::Program& program : programs(kernel))
    for (const ir::Instruction& in : program.code)
      if (in.op == ir::Op::require || in.op == ir::Op::guard) visit(program, in);
}

class clauses : public testing::TestWithParam<const Behaviours*> {};

TEST_P(clauses, one_id_is_one_place) {
  std::map<std::string_view, std::pair<std::string_view, int>> place;
  each_clause(*GetParam(), [&](const ir::Program& program, const ir::Instruction& in) {
    const auto [at, is_new] = place.try_emplace(in.clause.id, in.clause.file, in.clause.line);
    EXPECT_EQ(at->second, std::pair(in.clause.file, in.clause.line)) << in.clause.id << " in " << program.name;
  });
  EXPECT_GT(place.size(), 40U);
}

TEST_P(clauses, one_id_is_one_errno) {
  std::map<std::string_view, std::pair<ir::Op, int>> meaning;
  each_clause(*GetParam(), [&](const ir::Program& program, const ir::Instruction& in) {
    const auto [at, is_new] = meaning.try_emplace(in.clause.id, in.op, in.imm);
    EXPECT_EQ(at->second, std::pair(in.op, in.imm)) << in.clause.id << " in " << program.name;
  });
}

TEST_P(clauses, all_have_an_id_a_file_and_a_line) {
  each_clause(*GetParam(), [](const ir::Program& program, const ir::Instruction& in) {
    EXPECT_FALSE(in.clause.id.empty()) << program.name;
    EXPECT_TRUE(in.clause.file.ends_with(".c")) << in.clause.id;
    EXPECT_TRUE(in.clause.line > 0 || !in.clause.function.empty()) << in.clause.id;
    EXPECT_EQ(in.clause.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string_view::npos)
        << in.clause.id;
  });
}

INSTANTIATE_TEST_SUITE_P(kernels, clauses, testing::ValuesIn(kKernels), [](const auto& tested) {
  std::string name(tested.param->name);
  for (char& c : name)
    if (c == '-' || c == '.') c = '_';
  return name;
});

// Every request of sys/ptrace.h (10.4) is there, by pid and by tid, and names are unique.
TEST(programs, every_rule_once) {
  std::set<std::string> names;
  int requests = 0;
  for (const Rule& rule : all_rules(kFreebsd104)) {
    EXPECT_TRUE(names.insert(rule.program.name).second) << rule.program.name;
    EXPECT_EQ(rule.arguments.size(), rule.program.arguments.size()) << rule.program.name;
    EXPECT_LE(rule.arguments.size(), kArgumentsMax) << rule.program.name;
    requests += rule.by == Rule::By::request ? 1 : 0;
  }
  // 34 `#define PT_` lines, one of them PT_FIRSTMACH; two numbers of ours; all but PT_TRACE_ME twice.
  EXPECT_EQ(requests, 1 + 2 * (33 - 1 + 2));
}

}  // namespace
}  // namespace proctor::model
