// SPDX-License-Identifier: BSD-2-Clause
//
// What a kernel does around ptrace(2) that a log shows by its consequences only.  Each test is a short log of such a run, and
// beside it one that differs in what makes it impossible.  The reason stands with each, by the lines of 10.4's source.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/log/logs.hpp"
#include "tests/unit/log/texts.hpp"

namespace proctor::test {
namespace {

constexpr int kEperm = 1, kEsrch = 3, kEchild = 10, kEbusy = 16, kEinval = 22;  // sys/errno.h

void accepted(const std::string& records) {
  const trace::Log log = kdump(records);
  const check::Result result = judge(log);
  EXPECT_EQ(result.verdict, check::Verdict::accepted) << words(result) << '\n' << records;
}
// For the record that says `what`.
void rejected(const std::string& records, const std::string& what) {
  const trace::Log log = kdump(records);
  const check::Result result = judge(log);
  EXPECT_EQ(result.verdict, check::Verdict::rejected) << words(result) << '\n' << records;
  ASSERT_TRUE(result.rejection) << records;
  EXPECT_NE(result.rejection->observed.find(what), std::string::npos) << words(result) << '\n' << records;
}
void accepted(const trace::Log* ktrace, const trace::Log& lines) {
  const check::Result result = judge(ktrace, &lines);
  EXPECT_EQ(result.verdict, check::Verdict::accepted) << words(result);
  EXPECT_EQ(result.ktr.judged, lines.events.size());
}
void rejected(const trace::Log* ktrace, const trace::Log& lines, const std::string& what) {
  const check::Result result = judge(ktrace, &lines);
  EXPECT_EQ(result.verdict, check::Verdict::rejected) << words(result);
  ASSERT_TRUE(result.rejection);
  EXPECT_NE(result.rejection->observed.find(what), std::string::npos) << words(result);
}

// --- who ignores SIGCHLD ---
// exit1() looks at PS_NOCLDWAIT and PS_CLDSIGIGN of the parent, kern_exit.c:604: if one is set, the child goes to the reaper
// and the parent's wait finds no child, kern_exit.c:1322.  kern_sigaction() sets them, kern_sig.c:766 to 779; execsigs() clears both,
// kern_sig.c:1016; fork1() copies them, kern_fork.c:513.

const std::string kBegins = "20 CALL execve(0x7fff0000,0x7fff0010,0x7fff0020)\n20 RET execve JUSTRETURN\n";
const std::string kSetsSigchld = returns(20, "sigaction(SIGCHLD,0x7fff1000,0)");
std::string no_child(int pid, const std::string& which = "0xffffffff") {
  return fails(pid, "wait4(" + which + ",0x7fff2000,0,0)", kEchild);
}

TEST(SigchldIgnored, TheChildIsNobodysToWaitFor) {
  accepted(kBegins + kSetsSigchld + has_exited_child(20, 21) + no_child(20, "0x15"));
  rejected(kBegins + has_exited_child(20, 21) + no_child(20, "0x15"), "wait4 fails with ECHILD");
}

TEST(SigchldIgnored, OnlyByAnActionForThatSignal) {
  rejected(kBegins + returns(20, "sigaction(SIGCHLD,0,0x7fff1000)") + has_exited_child(20, 21) + no_child(20),
           "wait4 fails with ECHILD");
  rejected(kBegins + returns(20, "sigaction(0x1e,0x7fff1000,0)") + has_exited_child(20, 21) + no_child(20),
           "wait4 fails with ECHILD");
}

TEST(SigchldIgnored, UntilTheNextCallThatSetsIt) {
  const std::string heard = has_exited_child(20, 23) + waits(20, 23), unheard = has_exited_child(20, 22) + no_child(20),
                    unheard_later = has_exited_child(20, 24) + no_child(20);
  rejected(kBegins + kSetsSigchld + heard + unheard_later, "wait4 fails with ECHILD");
  rejected(kBegins + kSetsSigchld + unheard + heard, "wait4 returns 23");
  accepted(kBegins + kSetsSigchld + heard + kSetsSigchld + unheard_later);
  accepted(kBegins + kSetsSigchld + unheard + kSetsSigchld + heard);
}

TEST(SigchldIgnored, NotByAParentOfAnEarlierZombie) {
  const std::string zombie = has_exited_child(20, 21), unheard = has_exited_child(20, 22) + no_child(20, "0x16");
  accepted(kBegins + zombie + kSetsSigchld + unheard + waits(20, 21));
}

TEST(SigchldIgnored, ForkInheritsAndExecResets) {
  accepted(kBegins + kSetsSigchld + forks(20, 21) + has_exited_child(21, 22) + no_child(21));
  rejected(kBegins + kSetsSigchld + kBegins + has_exited_child(20, 21) + no_child(20), "wait4 fails with ECHILD");
}

TEST(SigchldIgnored, AnyNumberOfChildren) {
  std::string many;
  for (int child = 21; child < 40; ++child) many += has_exited_child(20, child);
  accepted(kBegins + kSetsSigchld + many + no_child(20));
  rejected(kBegins + kSetsSigchld + many + forks(20, 50) + no_child(20) + returns(50, "getpid", 50),
           "wait4 fails with ECHILD");
}

TEST(SigchldIgnored, ASleepingWaitEnds) {  // wakeup(pp), kern_exit.c:620
  accepted(kBegins + kSetsSigchld + forks(20, 21) + "20 CALL wait4(0xffffffff,0x7fff2000,0,0)\n" + exits(21) +
           "20 RET wait4 -1 errno 10 No child processes\n");
}

TEST(SigchldIgnored, ThePidIsFree) {
  accepted(kBegins + kSetsSigchld + has_exited_child(20, 21) + fails(20, "kill(0x15,0)", kEsrch));
  accepted(kBegins + kSetsSigchld + has_exited_child(20, 21) + has_exited_child(20, 21) + no_child(20));
  rejected(kBegins + has_exited_child(20, 21) + fails(20, "kill(0x15,0)", kEsrch), "kill fails with ESRCH");
}

TEST(SigchldIgnored, ByADebugger) {
  accepted(kBegins + kSetsSigchld + forks(20, 21) + returns(21, "ptrace(PT_TRACE_ME,0,0,0)") +
           "21 CALL kill(0x15,SIGSTOP)\n" + waits(20, 21) + returns(20, "ptrace(PT_CONTINUE,0x15,0x1,0x9)") +
           no_child(20));
}

// --- pid 0 ---
// proc0 is in the table of pids, and P_SYSTEM.  kern_ptrace() asks p_cansee() and p_candebug() first, sys_process.c:734 and
// 737, and refuses system processes after that, sys_process.c:743.

TEST(PidZero, IsAProcessOfTheKernel) {
  for (const char* request : {"PT_ATTACH", "PT_DETACH", "PT_CONTINUE", "PT_KILL", "PT_READ_D", "PT_LWPINFO"}) {
    const std::string call = fmt::format("ptrace({},0,0,0)", request);
    accepted(kBegins + fails(20, call, kEinval));
    accepted(kBegins + fails(20, call, kEperm));
    rejected(kBegins + fails(20, call, kEbusy), "ptrace");
    rejected(kBegins + returns(20, call), "ptrace");
  }
}

TEST(PidZero, ItsThreadsAreNamedByNumbersAbovePids) {  // thread0 has tid PID_MAX + 1, the others follow
  const std::string tracee = forks(20, 21) + returns(20, "ptrace(PT_ATTACH,0x15,0,0)") + waits(20, 21);
  accepted(kBegins + tracee + fails(20, "ptrace(PT_ATTACH,0x186a0,0,0)", kEinval));
}

TEST(PidZero, PtTraceMeDoesNotAskAboutIt) {
  rejected(kBegins + forks(20, 21) + fails(21, "ptrace(PT_TRACE_ME,0,0,0)", kEsrch), "ptrace");
}

// --- security.bsd.unprivileged_proc_debug ---
// p_candebug() asks for it before anything else, even of oneself: kern_prot.c:1633.  Only root is not refused.

const std::string kSetsNumber = returns(20, "__sysctl(0x7fff5000,0x3,0,0,0x7fff5100,0x4)");
std::string asks(int child, int error) {
  const std::string call = "ptrace(PT_TRACE_ME,0,0,0)";
  return forks(20, child) + (error == 0 ? returns(child, call) : fails(child, call, error)) + exits(child) +
         waits(20, child);
}

TEST(UnprivilegedDebug, ForbiddenAllTheTime) {
  accepted(kBegins + asks(21, kEperm) + asks(22, kEperm));
  accepted(kBegins + forks(20, 21) + fails(20, "ptrace(PT_ATTACH,0x15,0,0)", kEperm) + asks(22, kEperm));
}

TEST(UnprivilegedDebug, IsForAllWithTheSameCredentials) {
  rejected(kBegins + asks(21, kEperm) + asks(22, 0), "ptrace fails with EPERM");
  rejected(kBegins + asks(21, 0) + asks(22, kEperm), "ptrace fails with EPERM");
  const std::string lets_go = returns(22, "setuid(0x3e9)");
  accepted(kBegins + asks(21, 0) + forks(20, 22) + lets_go + fails(22, "ptrace(PT_TRACE_ME,0,0,0)", kEperm));
}

TEST(UnprivilegedDebug, MayChangeWhereASettingIsChanged) {
  accepted(kBegins + asks(21, 0) + kSetsNumber + asks(22, kEperm) + kSetsNumber + asks(23, 0));
  rejected(kBegins + asks(21, 0) + kSetsNumber + asks(22, kEperm) + kSetsNumber + asks(23, 0) + asks(24, kEperm),
           "ptrace fails with EPERM");
  const std::string reads = returns(20, "__sysctl(0x7fff5000,0x3,0x7fff5100,0x7fff5108,0,0)");
  rejected(kBegins + asks(21, 0) + reads + asks(22, kEperm) + reads + asks(23, 0), "ptrace fails with EPERM");
}

// EINVAL for oneself comes after p_candebug(), sys_process.c:790; ESRCH comes before.
TEST(UnprivilegedDebug, IsRefutedByWhatIsAnsweredLater) {
  const std::string late = fails(21, "ptrace(PT_ATTACH,0x15,0,0)", kEinval);
  const std::string early = fails(21, "ptrace(PT_ATTACH,0x3e7,0,0)", kEsrch);
  const std::string refused = fails(21, "ptrace(PT_TRACE_ME,0,0,0)", kEperm), lives = returns(20, "getpid", 20);
  rejected(kBegins + forks(20, 21) + late + refused + lives, "ptrace fails with EPERM");
  rejected(kBegins + forks(20, 21) + refused + late + lives, "ptrace fails with EINVAL");
  accepted(kBegins + forks(20, 21) + refused + early + refused + lives);
}

// An exec may bring privilege, but does not take it away.
TEST(UnprivilegedDebug, AndExec) {
  const std::string exec = "21 CALL execve(0x7fff0000,0x7fff0010,0x7fff0020)\n21 RET execve JUSTRETURN\n";
  const std::string lives = returns(20, "getpid", 20), me = "ptrace(PT_TRACE_ME,0,0,0)";
  accepted(kBegins + forks(20, 21) + fails(21, me, kEperm) + exec + forks(21, 22) + returns(22, me) + lives);
  rejected(kBegins + forks(20, 21) + returns(21, me) + exec + forks(21, 22) + fails(22, me, kEperm) +
               returns(21, "getpid", 21) + lives,
           "ptrace fails with EPERM");
}

// --- lines of ptracestop() ---

std::string stop(int pid, int flags, int signal, int thread = 0) {
  return fmt::format("{0} ptracestop: tid {1} (pid {0}) flags {2:#x} sig {3}\n", pid, 100000 + pid + thread, flags,
                     signal);
}
std::string reports(int pid, int signal, int thread = 0) {
  return fmt::format("40 wait: returning trapped pid {} status {:#x} (xstat {}) xthread {}\n", pid, signal << 8 | 0x7f,
                     signal, 100000 + pid + thread);
}
std::string goes_on(int pid) { return fmt::format("40 PT_CONTINUE: pid {}, PC = 0x1, sig = 0\n", pid); }
std::string asks_for(int events) { return fmt::format("40 PT_SET_EVENT_MASK: pid 50 mask 0x1 -> {:#x}\n", events); }
const std::string kTracesMe = "50 PT_TRACE_ME: pid 50\n" + stop(50, 0x2, 17) + reports(50, 17);

// syscallret(): the vfork of a traced process stops at its end with TDB_SCX, and TDB_VFORK from do_fork(), kern_fork.c:734.
// Then it waits for the child, subr_syscall.c:239, stops for PTRACE_VFORK, if that is asked for, and clears TDB_VFORK in
// any case, subr_syscall.c:253 to 257.
const std::string kVfork = "51 fork_return: attaching to new child pid 51: oppid 50\n" + stop(51, 0x1192, 17) +
                           reports(51, 17) + stop(50, 0x852, 5) + goes_on(51) + reports(50, 5) + goes_on(50);
const std::string kVforkIsOver = "40 wait: traced child 51 moved back to parent 50\n";

TEST(StopAfterVfork, HasNoMarkOfIt) {
  accepted(nullptr, ktr(kTracesMe + asks_for(0x9) + goes_on(50) + kVfork + kVforkIsOver + stop(50, 0x2, 30) +
                        reports(50, 30) + goes_on(50)));
  rejected(nullptr,
           ktr(kTracesMe + asks_for(0x29) + goes_on(50) + kVfork + kVforkIsOver + stop(50, 0x2, 30) + reports(50, 30)),
           "ptracestop");
  accepted(nullptr, ktr(kTracesMe + asks_for(0x29) + goes_on(50) + kVfork + stop(50, 0x802, 5) + kVforkIsOver +
                        reports(50, 5) + goes_on(50) + stop(50, 0x2, 30) + reports(50, 30) + goes_on(50)));
}

// The same with the calls beside the lines: the child is not followed, and the parent stops for a signal afterwards.
const std::string kWait = waits(40, 50), kGoesOn = returns(40, "ptrace(PT_CONTINUE,0x32,0x1,0)");
std::string vfork_of_tracee(const std::string& before) {
  return kBegins + "40 CALL fork\n40 RET fork 50\n50 RET fork 0\n" + returns(50, "ptrace(PT_TRACE_ME,0,0,0)") +
         "50 CALL kill(0x32,SIGSTOP)\n" + kWait + before + kGoesOn + "50 RET kill 0\n50 CALL vfork\n51 RET fork 0\n" +
         exits(51) + "50 RET vfork 51\n" + kWait + kGoesOn;
}

TEST(StopAfterVfork, OfAParentWhoseChildIsNotFollowed) {
  const trace::Log calls = kdump(vfork_of_tracee(""));
  accepted(&calls, ktr(kTracesMe + goes_on(50) + stop(50, 0x2, 30) + reports(50, 30) + goes_on(50)));
}

TEST(StopAfterVfork, ComesAfterTheOneThatIsAskedFor) {
  const trace::Log calls = kdump(vfork_of_tracee(returns(40, "ptrace(PT_SET_EVENT_MASK,0x32,0x7fff0000,0x4)")));
  const std::string rest = reports(50, 5) + goes_on(50);
  accepted(&calls, ktr(kTracesMe + asks_for(0x21) + goes_on(50) + stop(50, 0x802, 5) + rest));
  rejected(&calls, ktr(kTracesMe + asks_for(0x21) + goes_on(50) + stop(50, 0x2, 5) + rest), "wait4 returns");
  rejected(&calls, ktr(kTracesMe + asks_for(0x1) + goes_on(50) + stop(50, 0x802, 5) + rest), "wait4 returns");
}

// exit1() lets the tracees go, kern_exit.c:512, so a line of ptracestop() that comes later in the buffer was written while
// the debugger lived, whatever the calls beside it let one think.
TEST(StopOfATracee, CameBeforeItsDebuggerDied) {
  const std::string attaches = "21 PT_ATTACH: pid 22, oppid 20\n21 PT_ATTACH: pid 23, oppid 20\n";
  const std::string calls = kBegins + forks(20, 21) + forks(20, 22) + forks(20, 23) +
                            returns(21, "ptrace(PT_ATTACH,0x16,0,0)") + returns(21, "ptrace(PT_ATTACH,0x17,0,0)") +
                            exits(21) + waits(20, 21) + waits(20, 22) + waits(20, 23);
  const trace::Log log = kdump(calls);
  accepted(&log, ktr(attaches + stop(22, 0x1002, 17) + stop(23, 0x1002, 17)));
  const trace::Log lives_on = kdump(calls + returns(22, "getpid", 22));
  rejected(&lives_on, ktr(attaches + stop(22, 0x1002, 17) + stop(23, 0x1002, 17)), "wait4 returns");
}

// A thread that reported its birth (fork_return() clears TDB_BORN behind that stop, kern_fork.c:1099) executes a file while
// the others report their ends (kern_thr_exit()): its next stop is for the exec alone.
TEST(StopForExec, OfAThreadThatReportedItsBirth) {
  const std::string born = asks_for(0x11) + goes_on(50) + stop(50, 0x212, 5, 1) + reports(50, 5, 1) + goes_on(50);
  const std::string others_end = stop(50, 0x402, 5) + reports(50, 5) + goes_on(50);
  const std::string exec = stop(50, 0x32, 5, 1) + reports(50, 5, 1) + goes_on(50);
  accepted(nullptr, ktr(kTracesMe + born + others_end + exec));
  accepted(nullptr, ktr(kTracesMe + born + exec));
  rejected(nullptr, ktr(kTracesMe + born + others_end + stop(50, 0x32, 5, 1) + stop(50, 0x2, 5, 1)), "ptracestop");
}

}  // namespace
}  // namespace proctor::test
