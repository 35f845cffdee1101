// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/script.hpp"

#include <gtest/gtest.h>

#include <string>

namespace proctor::scenario {
namespace {

using namespace model;

Script read(const std::string& text) { return read_script(Scenario{.path = "x.scn", .text = text}); }

const std::string kFamily = "p1 fork p2\np2 fork p3\n";

TEST(script, Kernels) {
  EXPECT_EQ(read("# only a comment\n").kernels.size(), std::size(kKernels));
  EXPECT_EQ(read("# a comment\n\nkernels freebsd-11c freebsd-10.4  # two\n").kernels,
            (std::vector<const Behaviours*>{&kFreebsd11c, &kFreebsd104}));
}

TEST(script, StatementsAreForKernels) {
  const Script s = read(kFamily + "[freebsd-11c] p2 exit 3 -> freebsd-5.1,freebsd-11c:EPERM else:0  # so\n");
  ASSERT_TRUE(s.problems.empty());
  const Statement& exit = s.statements.at(2);
  EXPECT_EQ(exit.kind, LineKind::exit);
  EXPECT_EQ(exit.text, "p2 exit 3");
  EXPECT_EQ(exit.padded, "              p2 exit 3");
  EXPECT_EQ(exit.status, 3);
  EXPECT_TRUE(exit.is_for(kFreebsd11c));
  EXPECT_FALSE(exit.is_for(kFreebsd104));
  EXPECT_EQ(exit.expected_on(kFreebsd51), "EPERM");
  EXPECT_EQ(exit.expected_on(kFreebsd104), "0");
  EXPECT_EQ(s.statements.at(0).expected_on(kFreebsd104), std::nullopt);
}

struct Wrong {
  std::string text;
  std::string where, what;
};
TEST(script, ProblemsSayWhereAndWhatWouldDo) {
  const Wrong wrongs[] = {
      {"p2 wait", "3:8", "the line ends here: expected a process, as p3, or any"},
      {"p2 wait p9", "3:9", "unknown word 'p9': expected p1 to p4 (p1 is init), any or nobody"},
      {"p2 wait p3 dead", "3:12", "unknown word 'dead': expected a report: exited, trapped, stopped or continued"},
      {"p2 wait p3 exted", "3:12", "unknown word 'exted': did you mean exited? expected a report: exited, trapped, "},
      {"p2 wait p3 exited now", "3:19", "unknown word 'now': expected the end of the line or ->"},
      {"p3 exit 256", "3:9", "'256' is no exit status: expected 0 to 255"},
      {"p3 exit begns", "3:9", "unknown word 'begns': did you mean begins? expected an exit status, 0 to 255, or "},
      {"p3 ignores", "3:11", "the line ends here: expected a signal, as SIGUSR1"},
      {"p3 catches SIGGLUE", "3:12",
       "unknown word 'SIGGLUE': expected a signal, by a name such as SIGUSR1 or by number"},
      {"p3 catches SIGUSR3", "3:12", "unknown word 'SIGUSR3': did you mean SIGUSR1, SIGUSR2 or"},
      {"p2 fork p4 -> maybe", "3:15", "unknown word 'maybe': expected 0, "},
      {"p2 fork p4 -> EPRM", "3:15", "unknown word 'EPRM': did you mean EPERM?"},
      {"p2 fork p4 -> traped=SIGSTOP", "3:15", "unknown word 'traped=': did you mean trapped=?"},
      {"p2 wait p3 -> trapped=SIGSTP", "3:23", "unknown word 'SIGSTP': did you mean SIGSTOP, SIGTSTP or"},
      {"p2 kill p4 0 -> flags=SI", "3:23", "unknown word 'SI': expected a number, as 0x24"},
      {"p2 fork p4 -> result=t4", "3:22", "unknown word 't4': expected a number, or a process such as p3"},
      {"p2 fork p4 -> impossible=attach-walk-end", "3:26",
       "unknown word 'attach-walk-end': did you mean attach-walk-ends"},
      {"p2 fork p4 ->", "3:14", "the line ends here: expected an errno's name, 0, or what a wait reports"},
      {"p2 fork p4 -> 0 EPERM", "3:15", "two outcomes: expected KERNEL:OUTCOME before each"},
      {"p2 fork p4 -> linux:0", "3:15", "unknown word 'linux': expected a kernel: freebsd-5.1, "},
      {"p2 fork p4 -> freebsd-11c,freebsd-10.3:0", "3:27", "unknown word 'freebsd-10.3': did you mean freebsd-10.4"},
      {"[linux] p2 fork p4", "3:2", "unknown word 'linux': expected a kernel: "},
      {"[] p2 fork p4", "3:1", "no kernel in [ ]: expected freebsd-5.1, "},
      {"[freebsd-11c p2 fork p4", "3:24", "the line ends here: expected ] after the kernels' names"},
      {"kernels freebsd-11c", "3:1", "the kernels line comes too late: expected before the first action"},
      {"-> 0", "3:1", "the line ends here: expected an action before ->"},
      {"check", "3:6", "the line ends here: expected a process or a thread"},
      {"check p3", "3:9", "the line ends here: expected what should hold of it"},
      {"check p3 P_GLUE", "3:10", "unknown word 'P_GLUE': expected alive, zombie, gone, a flag such as P_TRACED, "},
      {"check p3 !P_TRACD", "3:11", "unknown word 'P_TRACD': did you mean P_TRACED?"},
      {"check p3 parnt=p2", "3:10", "unknown word 'parnt=': did you mean parent=?"},
      {"check p3 parent=x", "3:17", "unknown word 'x': expected p1 to p4 or none"},
      {"check t2 P_TRACED", "3:10", "unknown word 'P_TRACED': expected gone, a flag such as TDB_XSIG, "},
      {"check t9 TDB_XSIG", "3:7", "unknown word 't9': expected p1 to p4, or t0 to t5 for a thread"},
      {"check p3 alive -> 0", "3:10", "a check has no outcome: expected no -> in this line"},
      {"p3 frob", "3:4", "unknown word 'frob': expected an action: wait, ignores, catches, job_stop, ptrace, "},
      {"p3 wiat p2", "3:4", "unknown word 'wiat': did you mean wait?"},
      {"x3 execve", "3:1",
       "unknown word 'x3': expected p1 to p4 (p1 is init), p2/t0 to p2/t5 for a thread, or one of "},
      {"chekc p3 alive", "3:1", "unknown word 'chekc': did you mean check? expected p1 to p4"},
      {"nobody execve", "3:1", "unknown word 'nobody': expected p1 to p4"},
      {"hold it", "3:6", "unknown word 'it': expected the end of the line or ->"},
      {"t2 wait any", "3:1", "unknown word 't2': expected p1 to p4 (p1 is init)"},
  };
  for (const Wrong& wrong : wrongs) {
    const Script s = read(kFamily + wrong.text + "\np2 exit\n");
    ASSERT_EQ(s.problems.size(), 1U) << wrong.text;
    const std::string start = "x.scn:" + wrong.where + ": " + wrong.what;
    EXPECT_EQ(problem_lines(s.path, s.problems)[0].substr(0, start.size()), start) << wrong.text;
  }
}

TEST(script, KernelsThatDoNotExist) {
  const auto first = [](const std::string& text) {
    const Script s = read(text);
    return problem_lines(s.path, s.problems).at(0);
  };
  EXPECT_EQ(first("\nkernels freebsd-11c linux\n").substr(0, 54),
            "x.scn:2:21: unknown word 'linux': expected a kernel: f");
  EXPECT_EQ(first("kernels\n").substr(0, 41), "x.scn:1:8: the line ends here: expected f");
}

TEST(script, AllAreToldOnceAndInOrder) {
  const Script s = read("x3 ptrace PT_ATACH p2 -> EPRM freebsd-9:0\np1 frok p2\n[freebsd-12] check p2 P_TRACD gon\n");
  std::string places;
  for (const ParseError& e : s.problems) places += std::to_string(e.line) + ":" + std::to_string(e.column) + " ";
  EXPECT_EQ(places, "1:1 1:11 1:26 1:26 2:4 3:2 3:23 3:31 ") << "two outcomes stand at 1:26";

  std::string many;
  for (int i = 0; i < 13; ++i) many += "p1 frob\n";
  const auto lines = problem_lines("x.scn", read(many).problems);
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_EQ(lines[9].substr(0, 12), "x.scn:10:4: ");
  EXPECT_EQ(lines[10], "x.scn: 3 more like these: only the first 10 are shown");
}

}  // namespace
}  // namespace proctor::scenario
