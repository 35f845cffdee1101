// SPDX-License-Identifier: BSD-2-Clause
//
// That what is printed compiles is checked by tests/scenarios.
#include "checker/scenario/atf.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace proctor::scenario {
namespace {

using namespace model;

tl::expected<std::string, std::string> print(const std::string& text, const std::string& path = "a/two-words.scn") {
  return atf_program(read_script(Scenario{.path = path, .text = text}), kFreebsd104);
}
const std::string kTracee = "p1 fork p2\np2 fork p3\np2 ptrace PT_ATTACH p3\np2 wait p3\n";

TEST(atf, LinesBecomeOrders) {
  const std::string c =
      print(kTracee + "check p3 P_TRACED\np2 ptrace PT_READ_D p3 memory=unmapped -> EFAULT\n").value();
  const auto has = [&](std::string_view part) { return c.find(part) != std::string::npos; };
  EXPECT_TRUE(has("ATF_TC_WITHOUT_HEAD(two_words);"));
  EXPECT_TRUE(has("\tpids[1] = fork();\n"));
  EXPECT_TRUE(
      has("\ta = ask(1, 1, order(OP_PTRACE, 10 /* PT_ATTACH */, pids[2], 0, 0, 0));\n\tcheck(3, a, 0);\n"
          "\tuntil(3, 2, SSTOP);\n"));
  EXPECT_TRUE(has("WIFSTOPPED(a.status) && WSTOPSIG(a.status) == SIGSTOP"));
  EXPECT_TRUE(has("order(OP_PTRACE, 2 /* PT_READ_D */, pids[2], 0, HOW_UNMAPPED, 0));\n\tcheck(6, a, EFAULT);\n"));
}

// The test stands for init: who has it for a parent sees the pid of the test.
TEST(atf, GetppidIsCompared) {
  const std::string c = print("p1 fork p2\np2 fork p3\np3 getppid\np2 getppid\n").value();
  EXPECT_NE(c.find("order(OP_GETPPID, 0, 0, 0, 0, 0));\n\tcheck(3, a, 0);\n\tATF_REQUIRE_EQ(pids[1], a.result);\n"),
            std::string::npos)
      << c;
  EXPECT_NE(c.find("check(4, a, 0);\n\tATF_REQUIRE_EQ(pids[0], a.result);\n"), std::string::npos);
  EXPECT_NE(print("p1 fork p2\np2 fork p3\np2 exit\np3 getppid\n").value().find("\tATF_REQUIRE_EQ(1, a.result);\n"),
            std::string::npos);
}

// The real init waits for the orphans: the test can only see that they are gone.
TEST(atf, OrphansGoToTheRealInit) {
  const std::string text = "p1 fork p2\np2 fork p3\np2 exit\np1 wait p2\np3 exit 3\n";
  EXPECT_NE(print(text + "p1 wait p3 -> exited=3\n").value().find("/* 6: p1 wait p3 */\n\tuntil(6, 2, 0);\n"),
            std::string::npos);
  EXPECT_EQ(print("p1 fork p2\np2 fork p3\np2 exit\np1 wait p3 -> nothing\n").error(),
            "a/two-words.scn:4: cannot be printed: init itself waits for the orphans that it gets");
}

// Which call stops is the scenario's choice: an actor makes none but those that it is ordered to.
TEST(atf, StopsOfSystemCallsAreOrdered) {
  const std::string traced = kTracee + "p2 ptrace PT_SYSCALL p3\n";
  EXPECT_NE(
      print(traced + "p3 enters_syscall\n")
          .value()
          .find("/* 6: p3 enters_syscall */\n\ta = ask(2, 0, order(OP_CALL, 0, 0, 0, 0, 0));\n\tuntil(6, 2, SSTOP);\n"),
      std::string::npos);
  const std::string why =
      "its debugger asked for stops of system calls, and this one is not entered in a line of its own";
  EXPECT_EQ(print(traced + "p3 kill p2 SIGCONT\n").error(), "a/two-words.scn:6: cannot be printed: " + why);
  EXPECT_EQ(print(traced + "p3 exit 1\n").error(), "a/two-words.scn:6: cannot be printed: " + why);
  EXPECT_TRUE(print(kTracee + "p2 ptrace PT_TO_SCX p3\np3 exit 1\n"));
}

// A call that does not stop at its entry must not be over before the scenario says so.
TEST(atf, CallsLast) {
  const std::string c = print("p1 fork p2\np2 enters_syscall\np2 leaves_syscall\n").value();
  EXPECT_NE(c.find("\ta = ask(1, 0, order(OP_SLEEP, 0, 0, 0, 0, 0));\n\tuntil_sleeping(2, 1, 1);\n"),
            std::string::npos);
  EXPECT_NE(c.find("/* 3: p2 leaves_syscall */\n\twake(1);\n"), std::string::npos);
  EXPECT_EQ(print("p1 fork p2\np2 enters_syscall\np2 kill p2 SIGTERM\n").error(),
            "a/two-words.scn:3: cannot be printed: which system call its thread is in is not known where it enters it");
}

// What comes of lines that are not waited for is looked at when the kernel is let go.
TEST(atf, HeldKernelsAreNotWaitedFor) {
  const std::string c = print("p1 fork p2\np2 fork p3\nhold\np2 kill p3 SIGSTOP\np3 takes SIGSTOP\nunhold\n").value();
  EXPECT_NE(
      c.find("order(OP_KILL, pids[2], 17, 0, 0, 0));\n\tcheck(4, a, 0);\n\n\t/* 6: unhold */\n\tuntil(6, 2, SSTOP);\n"),
      std::string::npos)
      << c.substr(c.find("3: hold"));
}

TEST(atf, ADescriptorIsClosedByWhoHasIt) {
  const std::string text = "p1 fork p2\np2 pdfork p3\n";
  const std::string c = print(text + "p2 pdclose p3\n").value();
  EXPECT_NE(c.find("order(OP_PDFORK, 2, 2, 0, 0, 0));\n\tuntil_born(2, 2, 2);\n"), std::string::npos);
  EXPECT_NE(c.find("order(OP_PDCLOSE, 2, 0, 0, 0, 0));\n"), std::string::npos);
  EXPECT_EQ(
      print(text + "p2 exit\n").error(),
      "a/two-words.scn:3: cannot be printed: who dies closes its process descriptors, and this one's stay open in the "
      "scenario");
}

TEST(atf, WhatARequestTellsIsCompared) {
  const std::string c =
      print(kTracee + "p2 ptrace PT_LWPINFO p3 data=160 -> flags=0x20\np2 ptrace PT_GETNUMLWPS p3\n").value();
  EXPECT_NE(c.find("\tcheck(6, a, 0);\n\tATF_REQUIRE_EQ(1, a.result);\n"), std::string::npos);
  EXPECT_NE(c.find("\tcheck(5, a, 0);\n\tATF_REQUIRE_EQ(0x20, a.status);\n"), std::string::npos);
}

// The cases of FreeBSD's ptrace_test.c are printed, each for one kernel at least.
TEST(atf, EveryCaseIsPrinted) {
  const std::string folder = PROCTOR_SCENARIOS_DIR;
  std::ifstream readme(folder + "/README.md");
  bool in_cases = false;
  int printed = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("## ")) in_cases = line == "## The cases";
    const std::size_t end = line.find(".scn]");
    if (!in_cases || end == std::string::npos) continue;
    const std::size_t begin = line.find('[') + 1;
    const Script script = read_script(read_scenario(folder + "/" + line.substr(begin, end + 4 - begin)).value());
    std::string why;
    const bool one = std::any_of(script.kernels.begin(), script.kernels.end(), [&](const Behaviours* kernel) {
      const auto program = atf_program(script, *kernel);
      if (!program) why = program.error();
      return program.has_value();
    });
    EXPECT_TRUE(one) << why;
    printed += one ? 1 : 0;
  }
  EXPECT_GE(printed, 42);
}

TEST(atf, WhatNoProgramCanDoIsRefused) {
  const auto refusal = [](const std::string& lines) { return print(kTracee + lines).error(); };
  const std::string five = "a/two-words.scn:5: cannot be printed: ";
  EXPECT_EQ(refusal("p2 ptrace PT_GETREGS p3 registers=swapped-out -> EIO\n"),
            five + "registers=swapped-out is a fault that a program cannot inject");
  EXPECT_EQ(refusal("p2 jail\n"), five + "a jail is not made for a test of ptrace(2)");
  EXPECT_EQ(refusal("p1 sysctl kern.securelevel=1\n"), five + "it changes a setting of the whole machine");
  EXPECT_EQ(refusal("p1 wait any\n"), five + "the test does not get the orphans that init gets");
  EXPECT_EQ(refusal("p1 kill p2 SIGTERM\n"),
            five + "p1 is init: a test can only fork in its place, and wait for what it forked");
  EXPECT_EQ(refusal("p2 kill p1 SIGTERM -> 0\n"), five + "a signal to init is one to the whole machine");
  EXPECT_EQ(refusal("p2 killpg p1 0\n"), five + "the test itself is in the group of init");
  EXPECT_EQ(refusal("p2 procctl PROC_REAP_KILL SIGTERM\n"),
            five + "who is no reaper itself signals all processes of its own, and that is init");
  EXPECT_EQ(refusal("p2 raises SIGSEGV\n"), five + "only a breakpoint is printed, which raises SIGTRAP");
  EXPECT_EQ(
      refusal("p2 ptrace PT_ATTACH p3 -> 0\n"),
      "a/two-words.scn:5: the scenario does not hold on freebsd-10.4: expected 0, but it is EBUSY [attach-traced, "
      "sys_process.c:796]");
  EXPECT_EQ(print("p1 fork\n").error().substr(0, 21), "a/two-words.scn:1:8: ");
  EXPECT_EQ(refusal("p4 exit -> impossible\n"), five + "there is no p4 at this place in the scenario");
}

}  // namespace
}  // namespace proctor::scenario
