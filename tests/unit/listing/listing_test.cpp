// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor rules` against the sources: expected orders, errnos and lines are read off sys_process.c by eye.
#include "checker/listing/listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace proctor::rules {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

const model::Behaviours& kernel_named(std::string_view name) {
  for (const model::Behaviours* kernel : model::kKernels)
    if (kernel->name == name) return *kernel;
  throw std::runtime_error("no such kernel");
}

model::Rule rule_named(const std::string& kernel, const std::string& name) {
  for (model::Rule& rule : model::all_rules(kernel_named(kernel)))
    if (rule.program.name == name) return std::move(rule);
  throw std::runtime_error("no such rule");
}

std::string report(const std::string& kernel, const std::string& request, const std::string& format = "text") {
  return rules_report({.kernel = kernel, .request = request, .format = format}).value_or("refused");
}

// Clause, errno (empty: the code is not reached otherwise), line.
using Check = std::tuple<std::string, std::string, int>;
std::vector<Check> checks(const std::string& kernel, const std::string& rule) {
  std::vector<Check> out;
  for (const Line& line : describe(rule_named(kernel, rule)))
    if (!line.clause.id.empty() && line.clause.file == "sys_process.c")
      out.emplace_back(line.clause.id, line.error, line.clause.line);
  return out;
}

struct Attach {
  std::string kernel;
  std::vector<Check> checks;
};
const Attach kAttach[] = {
    {"freebsd-5.1",
     {{"no-such-process", "ESRCH", 421},
      {"not-visible", "ESRCH", 427},
      {"unprivileged-debug", "EPERM", 430},
      {"may-not-debug", "EPERM", 430},
      {"init-securelevel", "EPERM", 430},
      {"in-exec", "EAGAIN", 430},
      {"system-process", "EINVAL", 436},
      {"attach-self", "EINVAL", 451},
      {"attach-traced", "EBUSY", 457},
      {"attach-ancestor", "EINVAL", 465},
      {"attach-walk-ends", "", 464}}},
    {"freebsd-5.1-sa0309",
     {{"no-such-process", "ESRCH", 397},
      {"not-visible", "ESRCH", 403},
      {"unprivileged-debug", "EPERM", 406},
      {"may-not-debug", "EPERM", 406},
      {"init-securelevel", "EPERM", 406},
      {"in-exec", "EAGAIN", 406},
      {"system-process", "EINVAL", 412},
      {"attach-self", "EINVAL", 427},
      {"attach-traced", "EBUSY", 433},
      {"attach-ancestor", "EINVAL", 441},
      {"attach-walk-ends", "", 440}}},
    {"freebsd-11c",
     {{"no-such-process", "ESRCH", 726},
      {"exiting", "ESRCH", 745},
      {"not-visible", "ESRCH", 749},
      {"unprivileged-debug", "EPERM", 752},
      {"may-not-debug", "EPERM", 752},
      {"init-securelevel", "EPERM", 752},
      {"in-exec", "EBUSY", 752},
      {"system-process", "EINVAL", 758},
      {"stop-has-reporter", "", 765},
      {"attach-self", "EINVAL", 805},
      {"attach-traced", "EBUSY", 811},
      {"attach-ancestor", "EINVAL", 819},
      {"attach-walk-ends", "", 818}}},
    {"dragonfly-5.5",
     {{"no-such-process", "ESRCH", 302},
      {"not-visible", "ESRCH", 305},
      {"system-process", "EINVAL", 309},
      {"in-exec", "EAGAIN", 316},
      {"attach-self", "EINVAL", 332},
      {"attach-traced", "EBUSY", 339},
      {"attach-ancestor", "EINVAL", 347},
      {"attach-walk-ends", "", 346},
      {"may-not-debug", "EPERM", 354},
      {"init-securelevel", "EPERM", 364}}},
    // No listing: the text of freebsd-11c, 15 lines further up (tests/unit/model/anchors_test.cpp says why).
    {"freebsd-10.4",
     {{"no-such-process", "ESRCH", 711},
      {"exiting", "ESRCH", 730},
      {"not-visible", "ESRCH", 734},
      {"unprivileged-debug", "EPERM", 737},
      {"may-not-debug", "EPERM", 737},
      {"init-securelevel", "EPERM", 737},
      {"in-exec", "EBUSY", 737},
      {"system-process", "EINVAL", 743},
      {"stop-has-reporter", "", 750},
      {"attach-self", "EINVAL", 790},
      {"attach-traced", "EBUSY", 796},
      {"attach-ancestor", "EINVAL", 804},
      {"attach-walk-ends", "", 803}}}};

TEST(rules, PT_ATTACH_checks_in_the_order_of_the_source) {
  for (const auto& [kernel, expected] : kAttach)
    EXPECT_THAT(checks(kernel, "ptrace(PT_ATTACH, pid)"), ElementsAreArray(expected)) << kernel;
}

TEST(rules, what_a_check_says) {
  EXPECT_THAT(report("freebsd-11c", "PT_DETACH"),
              AllOf(HasSubstr("\n  EBUSY unless p.p_pptr = curp  [not-traced-by-you, sys_process.c:844]\n"),
                    HasSubstr("\n  EPERM unless P_TRACED in p  [not-traced, sys_process.c:838]\n"),
                    HasSubstr("\n  EINVAL unless 0 <= data <= 128  [signal-range, sys_process.c:958]\n")));
  EXPECT_THAT(report("freebsd-5.1", "PT_ATTACH"),
              HasSubstr("\n  EINVAL if p = curp  [attach-self, sys_process.c:451]\n"));
  // 5.1 checks the signal of PT_STEP only since SA-03:09.
  EXPECT_THAT(report("freebsd-5.1", "PT_STEP"), Not(HasSubstr("signal-range")));
  EXPECT_THAT(report("freebsd-5.1-sa0309", "PT_STEP"), HasSubstr("[signal-range, sys_process.c:529]"));
}

// Every check that some program of the kernel records is printed for some rule of it.
TEST(rules, no_check_is_lost) {
  for (const model::Behaviours* kernel : model::kKernels) {
    std::set<std::string_view> recorded, printed;
    for (const model::Rule& rule : model::all_rules(*kernel)) {
      for (const model::ir::Instruction& in : rule.program.code)
        if (in.op == model::ir::Op::require && in.clause.file == "sys_process.c") recorded.insert(in.clause.id);
      for (const Line& line : describe(rule))
        if (line.kind == LineKind::check && line.clause.file == "sys_process.c") printed.insert(line.clause.id);
    }
    EXPECT_EQ(recorded, printed) << kernel->name;
    EXPECT_GT(recorded.size(), 15U) << kernel->name;
  }
}

TEST(rules, loops_are_loops) {
  EXPECT_THAT(report("freebsd-11c", "PT_ATTACH"),
              HasSubstr("  if P_TRACED in curp:\n"
                        "    pp := curp.p_pptr\n"
                        "    as many times as there are processes:\n"
                        "      EINVAL if pp = p  [attach-ancestor, sys_process.c:819]\n"
                        "      pp := pp.p_pptr\n"
                        "    goes on only if pp = none  [attach-walk-ends, sys_process.c:818]\n"));
  EXPECT_THAT(report("freebsd-11c", "PT_DETACH"), HasSubstr("  for each thread t of p:\n    t.TDB_SUSPEND := 0\n"));
  // One line for each check, although Record writes the walk down four times.
  EXPECT_EQ(checks("freebsd-11c", "ptrace(PT_ATTACH, pid)").size(), 13U);
}

TEST(rules, a_process_in_2003_goes_back_to_whoever_has_the_pid) {
  const std::string text = report("freebsd-5.1", "PT_DETACH");
  EXPECT_THAT(text, HasSubstr("    pp is p.p_oppid if p.p_oppid.p_state = normal, else init\n"
                              "    if p.p_pptr != pp:\n"
                              "      p.p_pptr := pp\n"));
  EXPECT_THAT(text, Not(HasSubstr("KTR line")));  // 5.1 writes none
  EXPECT_THAT(report("freebsd-11c", "PT_DETACH"), HasSubstr("  else:\n    KTR line PT_DETACH: p; none; data\n"));
}

// proc_reap() of 2003 wakes the parent whose pid it has just forgotten; in between it sends SIGCHLD.
TEST(rules, what_was_read_before_a_write_is_marked) {
  const std::string text = report("freebsd-5.1", "wait6(P_ALL): exited");
  const std::size_t forgotten = text.find("    p.p_oppid := none\n");
  EXPECT_NE(forgotten, std::string::npos);
  EXPECT_THAT(text.substr(forgotten), AllOf(HasSubstr("SIGCHLD into "), HasSubstr("\n    wake old(p.p_oppid) up\n")));
  EXPECT_THAT(text, HasSubstr("  old(x) is what x was"));
  EXPECT_THAT(report("freebsd-11c", "PT_CONTINUE"), Not(HasSubstr("p.p_ptevents := p.p_ptevents\n")));
}

// PT_DETACH of 2003 lets go of the process while it looks for its parent: the stop that was checked before may be over.
// In freebsd-11c the lock is held throughout, and nothing is asked twice.
TEST(rules, what_others_may_have_written_is_asked_again) {
  const std::string asked = "  if P_STOPPED_SIG|P_STOPPED_TRACE in p:\n    p.p_xstat := data\n";
  EXPECT_THAT(report("freebsd-5.1", "PT_DETACH"), AllOf(HasSubstr(asked), HasSubstr("  else if data != 0:\n")));
  EXPECT_THAT(report("freebsd-11c", "PT_DETACH"), Not(HasSubstr("if P_STOPPED_SIG")));
}

TEST(rules, tid_form_where_it_differs) {
  EXPECT_THAT(report("dragonfly-5.5", "PT_ATTACH"),
              HasSubstr("which this kernel does not know:\n  ESRCH always  [no-such-process, sys_process.c:302]\n"));
  EXPECT_THAT(report("freebsd-11c", "PT_DETACH"), HasSubstr("\n  + tid.td_xsig := data\n"));
  EXPECT_THAT(report("freebsd-11c", "PT_TRACE_ME"), Not(HasSubstr("thread id")));
}

TEST(rules, a_request_is_named_in_several_ways) {
  const std::string by_name = report("freebsd-11c", "PT_ATTACH");
  EXPECT_THAT(by_name, StartsWith("freebsd-11c: ptrace(PT_ATTACH, pid), "));
  EXPECT_EQ(report("freebsd-11c", "ptrace PT_ATTACH"), by_name);
  EXPECT_EQ(report("freebsd-11c", "10"), by_name);
  EXPECT_THAT(report("freebsd-11c", "fork"), AllOf(HasSubstr(": fork, "), HasSubstr(": fork_return, ")));
}

TEST(rules, an_unknown_request_is_refused_in_one_line) {
  for (const std::string wanted : {"PT_NOTHING", "999", "forks", "ptrace "}) {
    const auto out = rules_report({.kernel = "freebsd-11c", .request = wanted});
    ASSERT_FALSE(out) << wanted;
    EXPECT_THAT(out.error(), AllOf(HasSubstr(wanted), HasSubstr("expected a request"), HasSubstr("wait6"))) << wanted;
    EXPECT_EQ(out.error().find('\n'), std::string::npos);
  }
  EXPECT_FALSE(rules_report({.kernel = "freebsd-1.0", .request = "10"}));
}

TEST(rules, a_misspelt_name_is_told_with_the_nearest) {
  const auto error = [](const std::string& wanted, const std::string& kernel = "freebsd-10.4") {
    return rules_report({.kernel = kernel, .request = wanted}).error();
  };
  EXPECT_THAT(error("PT_ATACH"), HasSubstr("no such rule: did you mean PT_ATTACH or PT_DETACH? expected a request"));
  EXPECT_THAT(error("wiat4"), HasSubstr("did you mean wait4"));
  EXPECT_THAT(error("not-traced-by-me"), HasSubstr("did you mean not-traced-by-you?"));
  EXPECT_THAT(error("getpid"), HasSubstr("getpid: a system call that the model has no rule for: expected a request"));
  EXPECT_EQ(
      error("procctl", "freebsd-5.1"),
      "rules: procctl: not in freebsd-5.1, but in freebsd-11c, dragonfly-5.5, dragonfly-5.5-be1f9dd, freebsd-10.4, "
      "freebsd-11c-in-10.4, freebsd-11.1");
}

TEST(rules, a_system_call_finds_its_rules) {
  const std::string wait4 = report("freebsd-10.4", "wait4");
  EXPECT_THAT(wait4, StartsWith("wait4(2) is in the rules of wait6.\n\nfreebsd-10.4: wait6(P_ALL): exited, "));
  EXPECT_THAT(wait4, HasSubstr(report("freebsd-10.4", "wait6")));
  EXPECT_EQ(report("freebsd-10.4", "wait4", "jsonl"), report("freebsd-10.4", "wait6", "jsonl"));
  EXPECT_THAT(report("freebsd-10.4", "_exit"), HasSubstr("exit1: zombie"));
  EXPECT_THAT(
      report("freebsd-5.1", "ptrace"),
      AllOf(HasSubstr(": ptrace(PT_TRACE_ME), "), HasSubstr(": ptrace(PT_IO, pid), "), Not(HasSubstr("PT_LWPINFO"))));
}

// The lines are those of the kernels' listings.
TEST(rules, a_clause_is_shown_on_all_kernels) {
  const std::string text = rules_report({.kernel = "", .request = "not-traced-by-you"}).value();
  EXPECT_THAT(text, StartsWith("not-traced-by-you, a clause\n\nfreebsd-5.1\n  EBUSY unless "));
  EXPECT_THAT(text, AllOf(HasSubstr("\nfreebsd-11c\n  EBUSY unless p.p_pptr = curp  [not-traced-by-you, "
                                    "sys_process.c:844]\n    in PT_READ_I, "),
                          HasSubstr("PT_DETACH"), Not(HasSubstr("PT_TRACE_ME")), Not(HasSubstr("PT_ATTACH"))));
  for (const model::Behaviours* kernel : model::kKernels) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(kernel->name) + "\n"));
    const std::string alone = report(std::string(kernel->name), "not-traced-by-you");
    EXPECT_THAT(text, HasSubstr(alone.substr(alone.find('\n'))));
  }
  for (const int line : {498, 474, 844, 408})
    EXPECT_THAT(text, HasSubstr("[not-traced-by-you, sys_process.c:" + std::to_string(line) + "]"));
  // DragonFly has no capability mode, 5.1 neither.
  EXPECT_THAT(rules_report({.kernel = "", .request = "capability-mode"}).value(),
              HasSubstr("\nnot in freebsd-5.1, freebsd-5.1-sa0309, dragonfly-5.5, dragonfly-5.5-be1f9dd\n"));
  for (const std::string& line : lines(text)) EXPECT_LE(line.size(), 120U) << line;
}

TEST(rules, every_clause_can_be_asked_for) {
  EXPECT_GT(clause_ids().size(), 50U);
  for (const std::string& id : clause_ids()) {
    const auto text = rules_report({.kernel = "", .request = id});
    ASSERT_TRUE(text) << id;
    EXPECT_THAT(*text, AllOf(StartsWith(id + ", a clause\n"), testing::AnyOf(HasSubstr("[" + id), HasSubstr("fail"))))
        << id;
  }
  for (const std::string& line :
       lines(rules_report({.kernel = "", .request = "attach-self", .format = "jsonl"}).value())) {
    const auto j = nlohmann::json::parse(line);
    EXPECT_EQ(j["clause"]["id"], "attach-self");
    EXPECT_EQ(j["errno"], "EINVAL");
  }
}

// sys/ptrace.h of 2003 ends with PT_IO; PT_LWP_EVENTS came after December 2015.
TEST(rules, overview_says_what_is_missing) {
  const std::string old = report("freebsd-5.1", "");
  EXPECT_THAT(old, AllOf(HasSubstr("PT_IO  "), HasSubstr("not in this kernel: PT_LWPINFO (13), "),
                         HasSubstr("PT_VM_ENTRY (41)\n"), Not(HasSubstr("machine-dependent"))));
  EXPECT_THAT(report("freebsd-11c", ""),
              HasSubstr("not in this kernel: PT_LWP_EVENTS (24), PT_GET_EVENT_MASK (25), PT_SET_EVENT_MASK (26)\n"));
  EXPECT_THAT(report("freebsd-10.4", ""), HasSubstr("not in this kernel: none of those"));
  EXPECT_LT(old.find("PT_TRACE_ME"), old.find("Around them"));
}

TEST(rules, text_is_for_people) {
  for (const model::Behaviours* kernel : model::kKernels) {
    std::string all = report(std::string(kernel->name), "");
    for (const model::Rule& rule : model::all_rules(*kernel))
      all += report(std::string(kernel->name), rule.program.name);
    for (const std::string& line : lines(all)) {
      EXPECT_LE(line.size(), 120U) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      EXPECT_THAT(line, Not(testing::ContainsRegex("^refused$|%[0-9]|[^:0-9]255([^0-9]|$)|what is decided|way [0-9]")))
          << line;  // 255 is no process, but can be in a line number
    }
  }
}

TEST(rules, jsonl) {
  int by_you = 0;
  for (const std::string& line : lines(report("freebsd-11c", "PT_DETACH", "jsonl"))) {
    const auto j = nlohmann::json::parse(line);
    EXPECT_EQ(j["kernel"], "freebsd-11c");
    if (!j.contains("clause") || j["clause"]["id"] != "not-traced-by-you") continue;
    ++by_you;
    EXPECT_EQ(j["errno"], "EBUSY");
    EXPECT_EQ(j["clause"]["line"], 844);
  }
  EXPECT_EQ(by_you, 2);  // by pid and by tid
  for (const std::string& line : lines(report("freebsd-5.1", "", "jsonl"))) {
    const auto j = nlohmann::json::parse(line);
    if (j["rule"] == "ptrace(PT_LWPINFO, pid)" || j["rule"] == "ptrace(PT_ATTACH, pid)") {
      EXPECT_EQ(j["in_kernel"], j["number"] == 10);
    }
  }
}

}  // namespace
}  // namespace proctor::rules
