// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace proctor::scenario {
namespace {

using namespace model;

RunResult run_text(const std::string& text, const Behaviours& kernel = kFreebsd104) {
  return run(Scenario{.path = "x.scn", .text = text}, kernel);
}
std::string finding(const RunResult& r) {
  return r.findings.empty() ? "" : std::to_string(r.findings[0].line) + ": " + r.findings[0].what;
}
void holds(const std::string& text, const Behaviours& kernel = kFreebsd104) {
  const RunResult r = run_text(text, kernel);
  EXPECT_EQ(r.exit_status(), 0) << kernel.name << "\n" << text_report(r);
}

const std::string kFamily = "p1 fork p2\np2 fork p3\n";
const std::string kTracee = kFamily + "p2 ptrace PT_ATTACH p3\np2 wait p3 -> trapped=SIGSTOP\n";

TEST(run, CannotBeRead) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "proctor_scenario_folder";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(read_scenario((folder / "none").string()).error(),
            (folder / "none").string() + ": cannot be read: No such file or directory");
  EXPECT_EQ(read_scenario(folder.string()).error(), folder.string() + ": cannot be read: it is a folder");
  std::ofstream(folder / "nul") << std::string("p1\0fork", 7);
  EXPECT_EQ(read_scenario((folder / "nul").string()).error(),
            (folder / "nul").string() + ": cannot be read: it has NUL bytes: expected text");
  std::ofstream(folder / "good") << kFamily;
  EXPECT_EQ(read_scenario((folder / "good").string()).value().text, kFamily);
}

TEST(run, Kernels) {
  const auto of = [](const std::string& text) { return kernels_of(Scenario{.path = "x.scn", .text = text}); };
  EXPECT_EQ(of("# only a comment\n").value().size(), std::size(kKernels));
  EXPECT_EQ(of("# a comment\n\nkernels freebsd-11c freebsd-10.4  # two\n").value(),
            (std::vector<const Behaviours*>{&kFreebsd11c, &kFreebsd104}));
  EXPECT_EQ(of("\nkernels freebsd-11c linux\n").error(),
            "x.scn:2:21: unknown kernel 'linux': expected one of " + kernel_names());
  EXPECT_EQ(of("kernels\n").error().substr(0, 41), "x.scn:1:8: the line ends here: expected o");
}

struct Wrong {
  std::string text;
  std::string where, what;
};
TEST(run, ErrorsSayWhereAndWhatWouldDo) {
  const Wrong wrongs[] = {
      {"p2 wait", "3:8", "the line ends here: expected a process, as p3, or any"},
      {"p2 wait p9", "3:9", "'p9' names no process: expected p1 to p4 (p1 is init)"},
      {"p4 wait any", "3:1", "there is no p4 at this place in the scenario"},
      {"p2 wait p3 dead", "3:12", "unknown report 'dead': expected exited, trapped, stopped or continued"},
      {"p2 wait p3 exited now", "3:19", "unknown word 'now': expected the end of the line or ->"},
      {"p3 exit 256", "3:9", "'256' is no exit status: expected 0 to 255"},
      {"p3 ignores", "3:11", "the line ends here: expected a signal, as SIGUSR1"},
      {"p3 catches SIGGLUE", "3:12", "'SIGGLUE' is no signal: expected a name such as SIGUSR1, or a number"},
      {"p2 fork p4 -> maybe", "3:15", "unknown outcome 'maybe': expected 0, "},
      {"p2 fork p4 ->", "3:14", "the line ends here: expected an errno's name, 0, or what a wait reports"},
      {"p2 fork p4 -> 0 EPERM", "3:15", "two outcomes: expected KERNEL:OUTCOME before each"},
      {"p2 fork p4 -> linux:0", "3:15", "unknown kernel 'linux': expected one of "},
      {"[linux] p2 fork p4", "3:2", "unknown kernel 'linux': expected one of "},
      {"[freebsd-11c p2 fork p4", "3:24", "the line ends here: expected ] after the kernels' names"},
      {"kernels freebsd-11c", "3:1", "the kernels line comes too late: expected before the first action"},
      {"-> 0", "3:1", "the line ends here: expected an action before ->"},
      {"check", "3:6", "the line ends here: expected a process or a thread"},
      {"check p3", "3:9", "the line ends here: expected what should hold of it"},
      {"check p3 P_GLUE", "3:10", "unknown property 'P_GLUE': expected alive, zombie, gone, a flag such as P_TRACED, "},
      {"check t2 P_TRACED", "3:10", "unknown property 'P_TRACED': expected gone, a flag such as TDB_XSIG, "},
      {"check t9 TDB_XSIG", "3:7", "'t9' names no thread: expected t0 to t5"},
      {"check p3 alive -> 0", "3:10", "a check has no outcome: expected no -> in this line"},
      {"p3 frob", "3:4", "unknown word 'frob' in freebsd-10.4: expected one of "},
  };
  for (const Wrong& wrong : wrongs) {
    const RunResult r = run_text(kFamily + wrong.text + "\np2 exit\n");
    ASSERT_TRUE(r.unreadable) << wrong.text;
    EXPECT_EQ(r.exit_status(), 3);
    const std::string start = "x.scn:" + wrong.where + ": " + wrong.what;
    EXPECT_EQ(r.unreadable->substr(0, start.size()), start) << wrong.text;
  }
}

TEST(run, ResultsAreCompared) {
  RunResult r = run_text(kTracee + "p2 ptrace PT_ATTACH p3 -> 0\np2 exit\n");
  EXPECT_EQ(finding(r), "5: expected 0, but it is EBUSY [attach-traced, sys_process.c:796]");
  EXPECT_EQ(r.findings[0].clause.id, "attach-traced");
  EXPECT_EQ(r.exit_status(), 1);
  EXPECT_EQ(r.lines.size(), 6U) << "a mismatch does not end the run";

  EXPECT_EQ(finding(run_text(kTracee + "p2 ptrace PT_CONTINUE p3 -> EBUSY")), "5: expected EBUSY, but it is 0");
  EXPECT_EQ(finding(run_text(kFamily + "p3 exit 3\np2 wait p3 -> exited=2")),
            "4: expected exited=2, but it is exited=3");
  EXPECT_EQ(finding(run_text(kFamily + "p2 wait p3 -> ECHILD")), "3: expected ECHILD, but it is nothing");
  EXPECT_EQ(finding(run_text(kTracee + "p2 ptrace PT_GETNUMLWPS p3 -> result=2")),
            "5: expected result=2, but it is 0 with result=1");
  EXPECT_EQ(finding(run_text(kTracee + "check p3 P_TRACED parent=p1")).substr(0, 35),
            "5: expected parent=p1 of p3, but it");
  EXPECT_EQ(finding(run_text(kTracee + "check p3 !P_TRACED")).substr(0, 31), "5: expected !P_TRACED of p3, bu");
}

TEST(run, WhatIsNotPossibleEndsTheRun) {
  RunResult r = run_text(kFamily + "p3 returns_from_fork\np2 exit\n");
  EXPECT_EQ(finding(r), "3: not possible here: [stop-at-fork, kern_fork.c:1061]");
  EXPECT_TRUE(r.ended_early);
  EXPECT_EQ(r.lines.size(), 3U);
  EXPECT_EQ(r.exit_status(), 1);

  r = run_text(kTracee + "p3 fork p4\n");
  EXPECT_EQ(finding(r), "5: not possible here: nobody can begin it, as the thread is stopped, busy or gone");
  EXPECT_TRUE(r.ended_early);

  holds(kFamily + "p3 returns_from_fork -> impossible=stop-at-fork\np2 exit\n");
  EXPECT_EQ(finding(run_text(kFamily + "p3 fork p4 -> impossible")),
            "3: expected impossible, but it is 0 with result=3");
}

TEST(run, KernelsCanDiffer) {
  const std::string text =
      kTracee + "[freebsd-5.1] p2 ptrace PT_STEP p3 data=200 -> 0\n" +
      "[freebsd-10.4 freebsd-11c] p2 ptrace PT_READ_D p3 memory=unmapped -> freebsd-11c:ENOMEM else:EFAULT\n";
  for (const Behaviours* kernel : kKernels) holds(text, *kernel);
  EXPECT_EQ(run_text(text, kDragonfly55).lines.size(), 4U);
  EXPECT_EQ(finding(run_text(kTracee + "p2 ptrace PT_READ_D p3 -> freebsd-11c:0 else:EFAULT")),
            "5: expected EFAULT, but it is 0");
}

// D.4 of the reference: a traced process stops for a signal, and its debugger decides; others have their way with it.
TEST(run, Signals) {
  for (const Behaviours* kernel : kKernels) {
    holds(kFamily + "p2 kill p3 SIGTERM -> 0\np2 wait p3 -> killed=SIGTERM", *kernel);
    holds(kFamily + "p2 kill p3 SIGKILL -> 0\np2 wait p3 -> killed=SIGKILL", *kernel);
    holds(kFamily + "p2 kill p3 SIGWINCH -> 0\np2 wait p3 -> nothing", *kernel);
    holds(kFamily + "p3 ignores SIGTERM\np2 kill p3 SIGTERM\np2 wait p3 -> nothing", *kernel);
    holds(kFamily + "p3 catches SIGTERM\np3 fork p4\np3 kill p4 SIGTERM\np3 wait p4 -> nothing", *kernel);
    holds(kFamily + "p3 catches SIGTERM\np3 execve\np2 kill p3 SIGTERM\np2 wait p3 -> killed=SIGTERM", *kernel);
    holds(kFamily + "p3 ignores SIGTERM\np3 execve\np2 kill p3 SIGTERM\np2 wait p3 -> nothing", *kernel);
    holds(kFamily + "p2 kill p3 SIGSTOP\np2 wait p3 -> stopped=SIGSTOP\np2 kill p3 SIGCONT\np2 wait p3 -> continued",
          *kernel);
    holds(kFamily + "p2 kill p3 SIGTSTP\np2 wait p3 -> stopped=SIGTSTP\np2 kill p3 SIGKILL\np2 wait p3 -> killed",
          *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3\np2 kill p3 SIGUSR1\np2 wait p3 -> trapped=SIGUSR1\n" +
              "p2 ptrace PT_CONTINUE p3\np2 wait p3 -> nothing",
          *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3 data=SIGTERM\np2 wait p3 -> killed=SIGTERM", *kernel);
    holds(kTracee + "p3 ignores SIGTERM\np2 ptrace PT_CONTINUE p3 data=SIGTERM\np2 wait p3 -> nothing", *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3 data=SIGSTOP\np2 wait p3 -> nothing", *kernel);
    holds(kTracee + "p2 ptrace PT_DETACH p3 data=SIGTERM\np2 wait p3 -> killed=SIGTERM", *kernel);
    holds(kTracee + "p2 ptrace PT_KILL p3\np2 wait p3 -> killed=SIGKILL", *kernel);
    // traces/corpus, sigkill_intercept: SIGKILL is a stop that the debugger can drop
    holds(kTracee + "p2 ptrace PT_CONTINUE p3\np2 kill p3 SIGKILL\np2 wait p3 -> trapped=SIGKILL\n" +
              "p2 ptrace PT_CONTINUE p3\np2 wait p3 -> nothing",
          *kernel);
    // while it is stopped, nothing happens before it goes on
    holds(kTracee + "p2 kill p3 SIGKILL\np2 wait p3 -> nothing\np2 ptrace PT_DETACH p3\np2 wait p3 -> killed", *kernel);
    holds(kFamily + "p2 ignores SIGCHLD\np3 exit\np2 wait p3 -> ECHILD\np1 wait p3 -> exited=0", *kernel);
  }
}

// Later kernels drop an ignored signal when it is sent, even if the process is traced; those of 2003 let it stop.
TEST(run, IgnoredSignalsOfTracees) {
  const std::string text = kTracee + "p2 ptrace PT_CONTINUE p3\np3 gets SIGCHLD\n";
  for (const Behaviours* kernel : {&kFreebsd51, &kDragonfly55})
    holds(text + "p2 wait p3 -> trapped=SIGCHLD\n", *kernel);
  for (const Behaviours* kernel : {&kFreebsd11c, &kFreebsd104}) holds(text + "p2 wait p3 -> nothing\n", *kernel);
}

TEST(run, SettlingCanBeHeldBack) {
  const std::string attach = kFamily + "hold\np2 ptrace PT_ATTACH p3\ncheck p3 PEND_STOP !P_STOPPED_SIG\n";
  holds(attach + "p2 wait p3 -> nothing\n");
  holds(attach +
        "settle\np2 wait p3 -> trapped=SIGSTOP\np2 ptrace PT_CONTINUE p3\ncheck t2 !TD_SUSPENDED\n"
        "p2 kill p3 SIGSTOP\np2 wait p3 -> nothing\n");
  holds(attach + "unhold\np2 wait p3 -> trapped=SIGSTOP\n");
  holds(attach + "p3 takes SIGSTOP\np2 wait p3 trapped -> trapped=SIGSTOP\n");
}

TEST(run, ThreadsFollowAStopAndGoOn) {
  for (const Behaviours* kernel : {&kFreebsd11c, &kFreebsd104}) {
    const std::string two = kFamily + "p3 thr_new t3\np2 ptrace PT_ATTACH p3\n";
    holds(two +
              "check p3 suspended=2 xthread=t2\np2 wait p3 -> trapped=SIGSTOP\n"
              "p2 ptrace PT_CONTINUE p3\ncheck p3 suspended=0 !P_WAITED\ncheck t2 !TDB_XSIG\n",
          *kernel);
    // PT_SUSPEND: the thread stays where it is while the other one runs
    holds(two +
              "p2 wait p3\np2 ptrace PT_SUSPEND p3/t2 -> 0\np2 ptrace PT_CONTINUE p3\np2 kill p3 SIGUSR1\n"
              "p2 wait p3 -> trapped=SIGUSR1\ncheck p3 xthread=t3\n",
          *kernel);
  }
}

TEST(run, StepsTrap) {
  for (const Behaviours* kernel : kKernels)
    holds(kTracee +
              "p2 ptrace PT_STEP p3\np2 wait p3 -> trapped=SIGTRAP\np2 ptrace PT_CONTINUE p3\np2 wait p3 -> nothing",
          *kernel);
}

TEST(run, VforkParentWaits) {
  for (const Behaviours* kernel : kKernels) {
    holds(kFamily + "p3 vfork p4\ncheck t2 TD_RFPPWAIT\np4 execve\ncheck t2 !TD_RFPPWAIT\n", *kernel);
    holds(kFamily + "p3 vfork p4\np4 exit 2\ncheck t2 !TD_RFPPWAIT\np3 wait p4 -> exited=2\n", *kernel);
  }
}

TEST(run, Reports) {
  const RunResult r = run_text(kTracee + "p2 ptrace PT_CONTINUE p3 -> EPERM\n");
  const std::string text = text_report(r);
  EXPECT_NE(text.find("   3  p2 ptrace PT_ATTACH p3   => "), std::string::npos) << text;
  EXPECT_NE(text.find("then p3 takes SIGSTOP: "), std::string::npos) << text;
  EXPECT_NE(text.find("x.scn:5: error: expected EPERM, but it is 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("x.scn on freebsd-10.4: 1 finding\n"), std::string::npos) << text;

  std::istringstream lines(jsonl_report(r));
  std::vector<nlohmann::json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(objects.size(), 6U);
  const nlohmann::json& attach = objects[2];
  EXPECT_EQ(attach["type"], "action");
  EXPECT_EQ(attach["line"], 3);
  EXPECT_EQ(attach["error"], "0");
  EXPECT_EQ(attach["clause"], nullptr);
  EXPECT_EQ(attach["taken"][0]["rule"], "ptrace(PT_ATTACH, pid)");
  EXPECT_EQ(attach["taken"][0]["ktr"][0]["process"], "p3");
  EXPECT_EQ(attach["taken"][0]["ktr"][0]["arguments"][0], 1);
  EXPECT_EQ(attach["taken"][0]["locks"][0], "lock proctree");
  EXPECT_EQ(attach["taken"][0]["locks"][1], "lock proc p3");
  EXPECT_EQ(attach["settled"][0]["action"], "p3 takes SIGSTOP");
  EXPECT_EQ(attach["after"].size(), 3U);
  EXPECT_EQ(attach["end"][2]["parent"], "p2");
  EXPECT_EQ(attach["end"][2]["xstat"], 17);
  EXPECT_EQ(objects[3]["report"], "trapped=SIGSTOP");
  EXPECT_EQ(objects[3]["result"], "p3");
  EXPECT_EQ(objects[4]["expected"], "EPERM");
  EXPECT_EQ(objects[5]["type"], "verdict");
  EXPECT_EQ(objects[5]["verdict"], "finding");
  EXPECT_EQ(objects[5]["findings"][0]["line"], 5);
}

TEST(run, EveryFlagHasAWord) {
  Proc p;
  p.p_flag = 0xffff;
  Lwp td;
  td.td_flag = 0xffff;
  for (const auto& [words, is_proc] : {std::pair{flag_words(p), true}, std::pair{flag_words(td), false}}) {
    EXPECT_EQ(std::count(words.begin(), words.end(), ' '), 15) << words;
    std::istringstream stream(words);
    unsigned all = 0;
    for (std::string word; stream >> word;) all |= *(is_proc ? proc_flag(word) : lwp_flag(word));
    EXPECT_EQ(all, 0xffffU);
  }
}

}  // namespace
}  // namespace proctor::scenario
