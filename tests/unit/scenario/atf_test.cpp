// SPDX-License-Identifier: BSD-2-Clause
//
// That what is printed compiles is checked by tests/scenarios.
#include "checker/scenario/atf.hpp"

#include <gtest/gtest.h>

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
  EXPECT_NE(c.find("check(4, a, 0);\n\tATF_REQUIRE_EQ(getpid(), a.result);\n"), std::string::npos);
  EXPECT_EQ(print("p1 fork p2\np2 fork p3\np2 exit\np3 getppid\n").error(),
            "a/two-words.scn:4: cannot be printed: the test does not get the orphans that init gets");
}

TEST(atf, WhatNoProgramCanDoIsRefused) {
  const auto refusal = [](const std::string& lines) { return print(kTracee + lines).error(); };
  const std::string five = "a/two-words.scn:5: cannot be printed: ";
  EXPECT_EQ(refusal("p2 ptrace PT_GETREGS p3 registers=swapped-out -> EIO\n"),
            five + "registers=swapped-out is a fault that a program cannot inject");
  EXPECT_EQ(refusal("p2 jail\n"), five + "a jail is not made for a test of ptrace(2)");
  EXPECT_EQ(refusal("p1 sysctl kern.securelevel=1\n"), five + "it changes a setting of the whole machine");
  EXPECT_EQ(refusal("hold\n"), five + "a kernel cannot be held between two lines");
  EXPECT_EQ(refusal("p1 wait any\n"), five + "the test does not get the orphans that init gets");
  EXPECT_EQ(refusal("p1 kill p2 SIGTERM\n"),
            five + "p1 is init: a test can only fork in its place, and wait for what it forked");
  EXPECT_EQ(refusal("p2 ptrace PT_SYSCALL p3\n").substr(0, five.size() + 30), five + "an actor makes system calls to");
  EXPECT_EQ(
      refusal("p2 ptrace PT_ATTACH p3 -> 0\n"),
      "a/two-words.scn:5: the scenario does not hold on freebsd-10.4: expected 0, but it is EBUSY [attach-traced, "
      "sys_process.c:796]");
  EXPECT_EQ(print("p1 fork\n").error().substr(0, 21), "a/two-words.scn:1:8: ");
  EXPECT_EQ(refusal("p4 exit -> impossible\n"), five + "there is no p4 at this place in the scenario");
}

}  // namespace
}  // namespace proctor::scenario
