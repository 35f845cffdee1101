// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "checker/run/state_words.hpp"

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

// The words are right; whether somebody has the name is a matter of the run.
TEST(run, WhoIsMissingIsAFinding) {
  const std::string gone = "not possible here: there is no p4 at this place in the scenario";
  for (const std::string line : {"p4 execve", "p4 wait any", "p4 exit", "p4 catches SIGUSR1", "p4 thr_new t5",
                                 "p4 ptrace PT_ATTACH p3", "p4 kill p3 SIGTERM", "p4 getppid"}) {
    const RunResult r = run_text(kFamily + line + "\np2 exit\n");
    EXPECT_EQ(finding(r), "3: " + gone) << line;
    EXPECT_EQ(r.exit_status(), 1) << line;
    EXPECT_TRUE(r.ended_early) << line;
    EXPECT_EQ(r.lines.size(), 3U) << line;
    holds(kFamily + line + " -> impossible\np2 exit\n");
  }
  EXPECT_EQ(finding(run_text(kFamily + "t5 execve\n")),
            "3: not possible here: there is no t5 at this place in the scenario");
  EXPECT_EQ(finding(run_text(kFamily + "p3 exit\np3 execve\n")),
            "4: not possible here: p3 is a zombie at this place in the scenario");
  EXPECT_EQ(finding(run_text(kFamily + "p3 exit\np3 exit\n")),
            "4: not possible here: p3 is a zombie at this place in the scenario");
  EXPECT_EQ(finding(run_text(kTracee + "p3 getppid\n")),
            "5: not possible here: nobody can begin it, as the thread is stopped, busy or gone");
  holds(kFamily + "p2 ptrace PT_ATTACH p4 -> ESRCH\np2 wait p4 -> ECHILD\ncheck p4 gone\n");
}

TEST(run, ANameIsGivenOnce) {
  EXPECT_EQ(finding(run_text(kFamily + "p1 fork p3\n")),
            "3: not possible here: p3 is alive already [fork-pid-free, kern_fork.c:222]");
  EXPECT_EQ(finding(run_text(kFamily + "p3 exit\np1 fork p3\n")).substr(0, 41),
            "4: not possible here: p3 is a zombie alre");
  EXPECT_EQ(finding(run_text(kFamily + "p1 fork p4 t2\n")), "3: not possible here: t2 is a thread of p3 already");
  EXPECT_EQ(finding(run_text(kFamily + "p3 thr_new t1\n")), "3: not possible here: t1 is a thread of p2 already");
  EXPECT_EQ(finding(run_text(kFamily + "p3 thr_new t3\np3 thr_new t4\np3 thr_new t5\np1 fork p4\n")),
            "6: not possible here: no thread slot is free: the model has room for six threads");
  holds(kFamily + "p3 exit\np2 wait p3\np1 fork p3\ncheck p3 parent=p1\n");
}

// A step that some kernels have is no misspelling; one that does not have it ends there.
TEST(run, AStepThatThisKernelHasNot) {
  const std::string text = kFamily + "p2 procctl PROC_REAP_ACQUIRE\n";
  holds(text, kFreebsd104);
  const RunResult r = run_text(text, kFreebsd51);
  ASSERT_EQ(r.unreadable.size(), 1U);
  EXPECT_EQ(r.unreadable[0].substr(0, 66), "x.scn:3:4: unknown word 'procctl' in freebsd-5.1: expected an acti");
  EXPECT_EQ(r.exit_status(), 3);
  EXPECT_EQ(r.lines.size(), 2U);
}

TEST(run, NothingRunsIfAWordIsWrong) {
  const RunResult r = run_text(kFamily + "p2 wait p3 exted\n");
  EXPECT_EQ(r.lines.size(), 0U);
  EXPECT_EQ(r.exit_status(), 3);
  ASSERT_EQ(r.unreadable.size(), 1U);
  EXPECT_EQ(r.unreadable[0],
            "x.scn:3:12: unknown word 'exted': did you mean exited? expected a report: exited, trapped, stopped or "
            "continued");
  const auto j = nlohmann::json::parse(jsonl_report(r));
  EXPECT_EQ(j["kernel"], nullptr);
  EXPECT_EQ(j["verdict"], "unreadable");
  EXPECT_EQ(j["unreadable"][0], r.unreadable[0]);
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
  EXPECT_EQ(finding(run_text(kTracee + "p2 ptrace PT_LWPINFO p3 data=160 -> flags=0x24")),
            "5: expected flags=0x24, but it is 0 with flags=0x20");
  EXPECT_EQ(finding(run_text(kTracee + "p2 ptrace PT_CONTINUE p3 -> flags=0")), "5: expected flags=0, but it is 0");
  EXPECT_EQ(finding(run_text(kFamily + "p2 fork p4 -> result=p3")),
            "3: expected result=p3, but it is 0 with result=p4");
  EXPECT_EQ(finding(run_text(kFamily + "p2 fork p4 -> result=3")), "3: expected result=3, but it is 0 with result=p4")
      << "a process is no number";
  holds(kFamily + "p2 fork p4 -> result=p4\np3 getppid -> result=p2\np2 getppid -> result=p1\n");
  holds(kFamily + "p1 getppid -> result=nobody\np3 exit\np2 wait any -> result=p3\n");
  EXPECT_EQ(finding(run_text(kTracee + "check p3 P_TRACED parent=p1")).substr(0, 35),
            "5: expected parent=p1 of p3, but it");
  EXPECT_EQ(finding(run_text(kTracee + "check p3 !P_TRACED")).substr(0, 31), "5: expected !P_TRACED of p3, bu");
}

TEST(run, WhatIsNotPossibleEndsTheRun) {
  RunResult r = run_text(kFamily + "p3 returns_from_fork\np2 exit\n");
  EXPECT_EQ(finding(r), "3: not possible here: nobody can begin it, as the thread is stopped, busy or gone");
  EXPECT_TRUE(r.ended_early);
  EXPECT_EQ(r.lines.size(), 3U);
  EXPECT_EQ(r.exit_status(), 1);

  r = run_text(kTracee + "p3 fork p4\n");
  EXPECT_EQ(finding(r), "5: not possible here: nobody can begin it, as the thread is stopped, busy or gone");
  EXPECT_TRUE(r.ended_early);

  holds(kFamily + "p3 returns_from_fork -> impossible\np2 exit\n");
  holds(kFamily + "p1 fork p3 -> impossible=fork-pid-free\np2 exit\n");
  EXPECT_EQ(finding(run_text(kFamily + "p3 fork p4 -> impossible")),
            "3: expected impossible, but it is 0 with result=p4");
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
// DragonFly: lwpsignal() stops the process of a SIGSTOP without issignal(), the only reader of p_xstat, so the debugger's
// word is lost there.  Before be1f9ddcee issignal() does not wait for the word, and the signal is taken at once.
TEST(run, Signals) {
  const std::string lost = "-> dragonfly-5.5,dragonfly-5.5-be1f9dd:nothing else:";
  const std::string waits =
      "[freebsd-5.1 freebsd-5.1-sa0309 freebsd-11c dragonfly-5.5-be1f9dd freebsd-10.4 "
      "freebsd-11c-in-10.4] ";
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
    // SIGTSTP stops only where somebody could continue: not in an orphaned process group, as that of init's children is
    holds(kFamily + "p2 kill p3 SIGTSTP\np2 wait p3 -> nothing", *kernel);
    holds(kFamily + "p3 setpgid p3 p3\np2 kill p3 SIGTSTP\np2 wait p3 -> stopped=SIGTSTP\np2 kill p3 SIGKILL\n" +
              "p2 wait p3 -> killed",
          *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3\np2 kill p3 SIGUSR1\n" +
              "p2 wait p3 -> dragonfly-5.5:killed=SIGUSR1 else:trapped=SIGUSR1\n" + waits +
              "p2 ptrace PT_CONTINUE p3\n" + waits + "p2 wait p3 -> nothing",
          *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3 data=SIGTERM\np2 wait p3 " + lost + "killed=SIGTERM", *kernel);
    holds(kTracee + "p3 ignores SIGTERM\np2 ptrace PT_CONTINUE p3 data=SIGTERM\np2 wait p3 -> nothing", *kernel);
    holds(kTracee + "p2 ptrace PT_CONTINUE p3 data=SIGSTOP\np2 wait p3 -> nothing", *kernel);
    // issignal() of 2003 asks for P_TRACED before it looks at the word
    holds(kTracee + "p2 ptrace PT_DETACH p3 data=SIGTERM\np2 wait p3 " +
              "-> freebsd-5.1,freebsd-5.1-sa0309,dragonfly-5.5,dragonfly-5.5-be1f9dd:nothing else:killed=SIGTERM",
          *kernel);
    holds(kTracee + "p2 ptrace PT_KILL p3\np2 wait p3 " + lost + "killed=SIGKILL", *kernel);
    // traces/corpus, sigkill_intercept: SIGKILL is a stop that the debugger can drop
    holds(kTracee + "p2 ptrace PT_CONTINUE p3\np2 kill p3 SIGKILL\n" +
              "p2 wait p3 -> dragonfly-5.5:killed=SIGKILL else:trapped=SIGKILL\n" + waits +
              "p2 ptrace PT_CONTINUE p3\n" + waits + "p2 wait p3 -> nothing",
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
    // sigtd() asks the first thread of p_threads; in 10.4 that is the new one.
    const std::string first = kernel->new_threads_come_last ? "t2" : "t3", other = first == "t2" ? "t3" : "t2";
    const std::string two = kFamily + "p3 thr_new t3\np2 ptrace PT_ATTACH p3\n";
    holds(two + "check p3 suspended=2 xthread=" + first +
              "\np2 wait p3 -> trapped=SIGSTOP\n"
              "p2 ptrace PT_CONTINUE p3\ncheck p3 suspended=0 !P_WAITED\ncheck " +
              first + " !TDB_XSIG\n",
          *kernel);
    // PT_SUSPEND: the thread stays where it is while the other one runs
    holds(two + "p2 wait p3\np2 ptrace PT_SUSPEND p3/" + first +
              " -> 0\np2 ptrace PT_CONTINUE p3\np2 kill p3 SIGUSR1\n"
              "p2 wait p3 -> trapped=SIGUSR1\ncheck p3 xthread=" +
              other + "\n",
          *kernel);
  }
}

TEST(run, StepsTrap) {
  for (const Behaviours* kernel : kKernels)
    if (kernel != &kDragonfly55)
      holds(kTracee + "p2 ptrace PT_STEP p3\np2 wait p3 -> trapped=SIGTRAP\np2 ptrace PT_CONTINUE p3\n" +
                "p2 wait p3 -> nothing",
            *kernel);
  // its issignal() does not wait for the debugger's word
  holds(kTracee + "p2 ptrace PT_STEP p3\np2 wait p3 -> killed=SIGTRAP", kDragonfly55);
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
  EXPECT_EQ(attach["v"], 2);
  EXPECT_EQ(attach["taken"][0]["ktr"][0]["arguments"], nlohmann::json::array({"p2"}));  // PT_ATTACH: pid, oppid
  EXPECT_EQ(attach["settled"][0]["ktr"][0]["line"], "ptracestop");
  EXPECT_EQ(attach["settled"][0]["ktr"][0]["arguments"], nlohmann::json::array({"t2"}));  // and the thread id
  EXPECT_EQ(attach["taken"][0]["locks"][0], "lock proctree");
  EXPECT_EQ(attach["taken"][0]["locks"][1], "lock proc p3");
  EXPECT_EQ(attach["settled"][0]["action"], "p3 takes SIGSTOP");
  EXPECT_EQ(attach["after"].size(), 3U);
  EXPECT_EQ(attach["end"][2]["parent"], "p2");
  EXPECT_EQ(attach["end"][2]["xstat"], 17);
  EXPECT_EQ(objects[3]["report"], "trapped=SIGSTOP");
  EXPECT_EQ(objects[3]["taken"][0]["ktr"][0]["arguments"], nlohmann::json::array({17, "t2"}));  // xstat, xthread
  EXPECT_EQ(objects[3]["result"], "p3");
  EXPECT_EQ(objects[4]["expected"], "EPERM");
  EXPECT_EQ(objects[5]["type"], "verdict");
  EXPECT_EQ(objects[5]["verdict"], "finding");
  EXPECT_EQ(objects[5]["findings"][0]["line"], 5);
}

TEST(run, StatesOfAReport) {
  const RunResult r = run_text(kTracee + "p2 ptrace PT_DETACH p3\np3 getppid\np1 getppid\n");
  const auto line = [&](States states, int n) {
    std::istringstream lines(jsonl_report(r, states));
    std::string text;
    for (int i = 0; i < n; ++i) std::getline(lines, text);
    return nlohmann::json::parse(text);
  };
  EXPECT_TRUE(line(States::both, 3).contains("after"));
  EXPECT_TRUE(line(States::both, 3).contains("end"));
  EXPECT_FALSE(line(States::end, 3).contains("after"));
  EXPECT_TRUE(line(States::end, 3).contains("end"));
  EXPECT_FALSE(line(States::none, 3).contains("end"));
  EXPECT_EQ(line(States::none, 3)["taken"], line(States::both, 3)["taken"]);
  // PT_DETACH: reparented to pid, sig; not reparented, so nobody
  EXPECT_EQ(line(States::none, 5)["taken"][0]["ktr"][0]["arguments"], nlohmann::json::array({nullptr, 0}));
  EXPECT_EQ(line(States::none, 6)["result"], "p2");
  EXPECT_EQ(line(States::none, 7)["result"], nullptr);
  EXPECT_TRUE(line(States::none, 7).contains("result"));
}

// But KSI_ONQ, which is about its parent's queue: nobody outside the kernel can tell.
TEST(run, EveryFlagHasAWord) {
  Proc p;
  p.p_flag = 0xffff;
  Lwp td;
  td.td_flag = 0xffff;
  for (const auto& [words, is_proc] : {std::pair{flag_words(p), true}, std::pair{flag_words(td), false}}) {
    EXPECT_EQ(std::count(words.begin(), words.end(), ' '), is_proc ? 14 : 15) << words;
    std::istringstream stream(words);
    unsigned all = 0;
    for (std::string word; stream >> word;) all |= *(is_proc ? proc_flag(word) : lwp_flag(word));
    EXPECT_EQ(all, is_proc ? 0xffffU & ~unsigned{KSI_ONQ} : 0xffffU);
  }
}

}  // namespace
}  // namespace proctor::scenario
