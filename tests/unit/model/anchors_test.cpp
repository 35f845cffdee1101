// SPDX-License-Identifier: BSD-2-Clause
//
// The line numbers of clauses against two witnesses: the file:line that KTR lines of a running 10.4 kernel carry, and the
// listing of freebsd-11c, whose permission stage is the same text fifteen lines further down.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/programs.hpp"
#include "traces/read.hpp"

namespace proctor::model {
namespace {

using trace::Ktr;

// Where each line is written, from the logs (ktrdump -f): the closing parenthesis of the CTR call.  PT_IO has two.
const std::map<Ktr, int> kSysProcessLines{
    {Ktr::trace_me, 874},       {Ktr::attach, 894},         {Ktr::clearstep, 899},   {Ktr::setstep, 905},
    {Ktr::suspend, 911},        {Ktr::resume, 920},         {Ktr::follow_fork, 927}, {Ktr::lwp_events, 937},
    {Ktr::get_event_mask, 950}, {Ktr::set_event_mask, 966}, {Ktr::step, 985},        {Ktr::to_sce, 1006},
    {Ktr::to_scx, 1013},        {Ktr::syscall, 1020},       {Ktr::continue_, 1025},  {Ktr::detach, 1050},
    {Ktr::write, 1154},         {Ktr::read, 1157},          {Ktr::kill, 1218},       {Ktr::setregs, 1224},
    {Ktr::getregs, 1231},       {Ktr::setfpregs, 1237},     {Ktr::getfpregs, 1244},  {Ktr::setdbregs, 1250},
    {Ktr::getdbregs, 1257},     {Ktr::lwpinfo, 1338},       {Ktr::getnumlwps, 1343}, {Ktr::getlwplist, 1349},
    {Ktr::vm_timestamp, 1374},
};
// PT_DETACH without a new parent, and PT_VM_ENTRY, which is written by ptrace_vm_entry() before kern_ptrace().
constexpr int kDetachAlone = 1053, kVmEntry = 439, kIoRead = 1192, kIoWrite = 1198;
const std::map<Ktr, int> kOtherLines{
    {Ktr::ptracestop, 2538},                                                      // kern_sig.c
    {Ktr::fork_return, 1073},                                                     // kern_fork.c
    {Ktr::exit_orphan, 545},  {Ktr::wait_moved, 884}, {Ktr::wait_trapped, 1245},  // kern_exit.c
};

TEST(anchors, the_logs_carry_these_lines) {
  const std::filesystem::path corpus = PROCTOR_CORPUS_DIR;
  if (!std::filesystem::exists(corpus)) GTEST_SKIP() << "no logs: traces/corpus is not there";
  std::map<Ktr, int> seen;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus)) {
    const std::string path = entry.path().string();
    if (path.find("freebsd-10.4") == std::string::npos || path.find("ktr.txt") == std::string::npos) continue;
    const auto log = trace::read_log(path);
    if (!log) continue;
    for (const trace::Event& e : log->events) {
      if (e.ktr == Ktr::none || e.source_line == 0) continue;
      ++seen[e.ktr];
      const int line = int(e.source_line);
      if (e.ktr == Ktr::detach) {
        EXPECT_TRUE(line == kDetachAlone || line == kSysProcessLines.at(Ktr::detach)) << log->where(e);
      } else if (e.ktr == Ktr::io) {
        EXPECT_TRUE(line == kIoRead || line == kIoWrite) << log->where(e);
      } else if (e.ktr == Ktr::vm_entry) {
        EXPECT_EQ(line, kVmEntry) << log->where(e);
      } else {
        const auto& table = kOtherLines.contains(e.ktr) ? kOtherLines : kSysProcessLines;
        ASSERT_TRUE(table.contains(e.ktr)) << log->where(e);
        EXPECT_EQ(line, table.at(e.ktr)) << log->where(e);
      }
    }
  }
  if (seen.empty()) GTEST_SKIP() << "traces/corpus has no freebsd-10.4 ktr.txt with file and line";
  EXPECT_GE(seen.size(), 20U);
}

// Every check before a request's own line stands above that line, and checks stand in the order in which they are made.
TEST(anchors, checks_stand_in_order_before_the_line) {
  int requests = 0;
  for (const Rule& rule : all_rules(kFreebsd104)) {
    if (rule.by != Rule::By::request) continue;
    std::vector<Clause> checks;
    int written = 0;
    for (const ir::Instruction& in : rule.program.code) {
      if (in.op == ir::Op::emit) {
        const auto line = kSysProcessLines.find(Ktr(in.imm));
        written = line == kSysProcessLines.end() ? 0 : line->second;
        break;
      }
      if (in.op == ir::Op::require && in.clause.file == "sys_process.c") checks.push_back(in.clause);
    }
    if (written == 0) continue;  // PT_IO and PT_VM_ENTRY have a test of their own; unknown numbers write no line
    ++requests;
    checks.push_back({rule.program.name, "sys_process.c", written});
    for (std::size_t i = 1; i < checks.size(); ++i)
      EXPECT_LE(checks[i - 1].line, checks[i].line)
          << rule.program.name << ": " << checks[i - 1].id << ", " << checks[i].id;
  }
  EXPECT_EQ(requests, 1 + 2 * 30);  // all known ones but PT_IO and PT_VM_ENTRY
}

std::map<std::string_view, int> clauses_of(std::string_view file) {
  std::map<std::string_view, int> out;
  for (const ir::Program& program : programs(kFreebsd104))
    for (const ir::Instruction& in : program.code)
      if ((in.op == ir::Op::require || in.op == ir::Op::guard) && in.clause.file == file)
        out.emplace(in.clause.id, in.clause.line);
  return out;
}

TEST(anchors, PT_IO_and_PT_VM_ENTRY) {
  const auto line = clauses_of("sys_process.c");
  EXPECT_GT(line.at("io-op"), kIoWrite);  // the default: of the switch that writes the lines
  EXPECT_GT(line.at("io-memory"), line.at("io-op"));
  EXPECT_LT(line.at("vm-entry-index"), line.at("vm-entry-end"));
  EXPECT_LT(line.at("vm-entry-end"), line.at("vm-entry-path"));
  EXPECT_LT(line.at("vm-entry-path"), kVmEntry);  // written on success only
}

TEST(anchors, checks_after_the_line_stand_below_it) {
  const auto line = clauses_of("sys_process.c");
  EXPECT_GT(line.at("lwplist-size"), kSysProcessLines.at(Ktr::getlwplist));  // logged before the test
  EXPECT_GT(line.at("lwplist-copyout"), line.at("lwplist-size"));
  EXPECT_LT(line.at("memory-unmapped"), kSysProcessLines.at(Ktr::write));  // logged on success only
  EXPECT_LT(line.at("memory-refused"), kSysProcessLines.at(Ktr::write));
}

TEST(anchors, other_files) {
  const auto sig = clauses_of("kern_sig.c"), exit = clauses_of("kern_exit.c"), fork = clauses_of("kern_fork.c");
  EXPECT_LT(sig.at("stop-exiting"), kOtherLines.at(Ktr::ptracestop));
  EXPECT_LT(exit.at("wait-reportable"), kOtherLines.at(Ktr::wait_trapped));
  EXPECT_GT(exit.at("wait-nothing"), kOtherLines.at(Ktr::wait_trapped));
  EXPECT_LT(exit.at("exit-zombie"), kOtherLines.at(Ktr::exit_orphan));
  EXPECT_LT(fork.at("stop-at-fork"), kOtherLines.at(Ktr::fork_return));
}

// Lines of the same checks in the listing of freebsd-11c.  10.4 has its text from the lookup of the process to the end of
// the permission stage unchanged; PT_TRACE_ME's case label is line 884 there and, by its KTR line, 869 here.
TEST(anchors, the_permission_stage_is_that_of_11c) {
  constexpr int kShift = 884 - 869;
  const std::map<std::string_view, int> listing{
      {"no-such-process", 726}, {"exiting", 745},           {"not-visible", 749},      {"may-not-debug", 752},
      {"in-exec", 752},         {"system-process", 758},    {"trace-me-traced", 793},  {"trace-me-init", 797},
      {"attach-self", 805},     {"attach-traced", 811},     {"attach-walk-ends", 818}, {"attach-ancestor", 819},
      {"not-traced", 838},      {"not-traced-by-you", 844}, {"not-stopped", 850},      {"not-all-suspended", 851},
      {"not-waited", 852}};
  const auto line = clauses_of("sys_process.c");
  for (const auto& [id, line11] : listing) EXPECT_EQ(line.at(id), line11 - kShift) << id;
}

}  // namespace
}  // namespace proctor::model
