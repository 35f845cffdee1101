// SPDX-License-Identifier: BSD-2-Clause
//
// The tables against the rules: what a row says of a request or a line is what its rule does.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "model/ir/fails_late.hpp"
#include "model/programs.hpp"
#include "model/words/requests.hpp"
#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace {

using ir::Instruction;
using ir::Op;

const Rule& rule_of(const std::vector<Rule>& rules, int request) {
  for (const Rule& rule : rules)
    if (rule.id == RuleId::ptrace && rule.number == request) return rule;
  throw std::out_of_range("no rule");
}
bool asks(const Rule& rule, Open what) {
  for (const Instruction& in : rule.program.code)
    if (in.op == Op::open && in.imm == int(what)) return true;
  return false;
}
bool is_unknown(const Rule& rule) {
  for (const Instruction& in : rule.program.code)
    if (in.op == Op::require && in.clause.id == rules::unknown_request().id() && in.clause.impossible.empty()) {
      const Instruction& condition = rule.program.code[std::size_t(in.a)];
      return condition.op == Op::constant && condition.imm == 0;
    }
  return false;
}

bool moves_registers(int request) { return request >= PT_GETREGS && request <= PT_SETDBREGS; }

// A request without a case of its own would be taken for the last of the switch: one of the machine, or in DragonFly
// one of the registers.
TEST(Words, EveryRequestHasARule) {
  for (const Behaviours* kernel : kKernels) {
    const std::vector<Rule> rules = all_rules(*kernel);
    for (const RequestWords& row : kRequests) {
      if (!rules::is_ruled(row)) continue;
      const Rule& rule = rule_of(rules, row.request);
      const bool knows = rules::has_request(*kernel, row.request);
      EXPECT_FALSE(knows && asks(rule, Open::machine)) << row.name << " in " << kernel->name;
      EXPECT_EQ(asks(rule, Open::registers), knows && moves_registers(row.request))
          << row.name << " in " << kernel->name;
      const bool is_told = row.request == PT_TRACE_ME || row.request == PT_ATTACH || kernel->any_number_needs_tracee;
      EXPECT_TRUE(is_told || is_unknown(rule) == !knows) << row.name << " in " << kernel->name;
    }
  }
}

// freebsd-10.4 has all requests that write lines, and every line but that of procfs.
TEST(Words, RulesWriteTheLinesOfTheTable) {
  const std::vector<Rule> rules = all_rules(kFreebsd104);
  std::set<Ktr> written;
  for (const Rule& rule : rules) {
    std::set<Ktr> lines;
    for (const Instruction& in : rule.program.code)
      if (in.op == Op::emit) lines.insert(Ktr(in.imm));
    written.insert(lines.begin(), lines.end());
    if (rule.id != RuleId::ptrace) continue;
    const Ktr line = line_of(rule.number);
    EXPECT_EQ(lines, line == Ktr::none ? std::set<Ktr>{} : std::set{line}) << rule.program.name;
  }
  for (const LineWords& line : kLines)
    EXPECT_EQ(written.contains(line.line), line.line != Ktr::none && line.line != Ktr::stopevent) << line.name;
}

// What can fail after its line is written, as all answers that the model leaves open and all sizes of data show.
TEST(Words, LinesThatMayFailAreThoseWithAFailureAfterThem) {
  std::set<Ktr> failed;
  for (const RequestWords& row : kRequests) {
    if (row.line == Ktr::none || row.request == PT_TRACE_ME || row.request == PT_ATTACH) continue;
    for (const int data : {0, 1, 17, kEventMaskBytes, kLwpinfoBytes, -1})
      for (const OpenWords& open : kOpens)
        for (std::size_t way = 0; way < open.ways.size(); ++way) {
          if (open.by == OpenWords::By::machine) continue;  // amd64 does not refuse
          test::World w = test::with_tracee();
          w.open(open.kind) = std::uint8_t(way);
          for (const std::uint8_t op : {0, 2}) {  // PT_IO that reads, and that writes
            test::World v = w;
            if (open.kind != Open::io_op) v.open(Open::io_op) = op;
            const Outcome out = v.ptrace(row.request, data);
            ASSERT_TRUE(out.possible);
            if (out.emissions > 0 && out.error != Errno::ok) failed.insert(row.line);
          }
        }
  }
  std::set<Ktr> may_fail;
  for (const Rule& rule : all_rules(kFreebsd104))
    for (const ir::Instruction& in : rule.program.code)
      if (rule.by == Rule::By::request && in.op == ir::Op::emit &&
          ir::may_fail_after(rule.program, Ktr(in.imm), std::array{Open::set_pc, Open::single_step}))
        may_fail.insert(Ktr(in.imm));
  EXPECT_EQ(may_fail, failed);
}

// The answers of a choice in the table are those that rules ask for.
TEST(Words, OpenChoicesHaveTheWaysThatRulesAskFor) {
  std::array<int, kOpenKinds> ways{};
  for (const Behaviours* kernel : kKernels)
    for (const Rule& rule : all_rules(*kernel))
      for (const Instruction& in : rule.program.code)
        if (in.op == Op::open) ways[std::size_t(in.imm)] = std::max(ways[std::size_t(in.imm)], in.imm2);
  for (const OpenWords& open : kOpens) EXPECT_EQ(int(open.ways.size()), ways[std::size_t(open.kind)]) << open.word;
}

// What a granted call passes as data where its line does not show it.
TEST(Words, DataOfTheTableIsGranted) {
  for (const RequestWords& row : kRequests) {
    if (row.line == Ktr::none || row.request == PT_TRACE_ME || row.request == PT_ATTACH) continue;
    bool shown = false;
    for (const LineParameter& p : words(row.line).parameters) shown = shown || p.data;
    const Outcome out = test::with_tracee().ptrace(row.request, row.data);
    EXPECT_TRUE(shown || out.error == Errno::ok) << row.name << ": " << name(out.error);
  }
}

}  // namespace
}  // namespace proctor::model
