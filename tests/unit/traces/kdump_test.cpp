// SPDX-License-Identifier: BSD-2-Clause
//
// Lines as the printf formats of FreeBSD's kdump.c make them: "%6jd %-8.*s " and so on.
#include "model/words/system_calls.hpp"
#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

Event only(std::string_view line) {
  const Log log = read(std::string(line) + "\n");
  EXPECT_EQ(log.format, Format::kdump_text);
  EXPECT_EQ(log.unreadable, 0U);
  EXPECT_EQ(log.events.size(), 1U) << line;
  return log.events.empty() ? Event{} : log.events[0];
}

void expect_args(const Event& event, const std::vector<std::uint64_t>& args) {
  EXPECT_EQ(event.args_known, (1U << args.size()) - 1);
  for (std::size_t i = 0; i < args.size(); ++i) {
    EXPECT_EQ(event.args[i], args[i]) << i;
  }
}

TEST(Kdump, PlainCall) {
  const Event event = only("  1337 scen     CALL  ptrace(PT_ATTACH,0x539,0,0)");
  EXPECT_EQ(event.kind, Kind::call);
  EXPECT_EQ(event.pid, 1337);
  EXPECT_EQ(event.tid, 0);
  EXPECT_EQ(event.time, 0U);
  EXPECT_EQ(event.code, model::sys::ptrace);
  expect_args(event, {10, 0x539, 0, 0});
}

TEST(Kdump, Arguments) {
  expect_args(only("    15 scen     CALL  ptrace(<invalid=72>,0x10,0x1,0)"), {72, 16, 1, 0});
  expect_args(only("    15 scen     CALL  ptrace(<invalid=0x48>,0x10,0x1,0)"), {72, 16, 1, 0});
  expect_args(only("    15 scen     CALL  ptrace(<invalid=4294967295>,0x10,0x1,0)"), {0xffffffff, 16, 1, 0});
  expect_args(only("    15 scen     CALL  ptrace(PT_FIRSTMACH,0x10,0x1,0)"), {64, 16, 1, 0});
  expect_args(only("    15 scen     CALL  ptrace(0xa,0x539,0,0)"), {10, 0x539, 0, 0});                // -n
  expect_args(only("    15 scen     CALL  ptrace(10,1337,0,-1)"), {10, 1337, 0, ~std::uint64_t{0}});  // -n -d
  expect_args(only("    15 scen     CALL  wait4(0xffffffff,0x7fffffff9860,0x3<WNOHANG|WUNTRACED>,0)"),
              {0xffffffff, 0x7fffffff9860, 3, 0});
  expect_args(only("    15 scen     CALL  wait4(0xffffffffffffffff,0,0,0)"), {~std::uint64_t{0}, 0, 0, 0});
  expect_args(only("    15 scen     CALL  wait4(-1,0,WNOHANG|WUNTRACED,0)"), {~std::uint64_t{0}, 0, 3, 0});
  expect_args(only("    15 scen     CALL  wait6(P_ALL,0,0x7fff,0x30<WEXITED|WTRAPPED>,0,0)"),
              {7, 0, 0x7fff, 0x30, 0, 0});
  expect_args(only("    15 scen     CALL  kill(0x539,SIGSTOP)"), {0x539, 17});
  expect_args(only("    15 scen     CALL  kill(1337,SIGSTOP)"), {1337, 17});  // 12 and later
  expect_args(only("    15 scen     CALL  kill(0x2c,SIG 0)"), {44, 0});
  expect_args(only("    15 scen     CALL  rfork(0x1014<RFFDG|RFPROC|RFTHREAD>)"), {0x1014});
  expect_args(only("    15 scen     CALL  procctl(P_PID,0x6b,PROC_TRACE_CTL,0x7fff)"), {0, 0x6b, 7, 0x7fff});
  expect_args(only("    15 scen     CALL  procctl(P_PID,0x6b,<invalid=7>,0x7fff)"), {0, 0x6b, 7, 0x7fff});
}

TEST(Kdump, ArgumentThatIsNoNumberIsUnknown) {
  const Event event = only("    15 scen     CALL  openat(AT_FDCWD,0x800cc,0<O_RDONLY>,<unused>0)");
  EXPECT_EQ(event.code, model::kUnknownSyscall);
  EXPECT_FALSE(event.has_arg(0));
  EXPECT_TRUE(event.has_arg(1));
  EXPECT_TRUE(event.has_arg(2));
  EXPECT_FALSE(event.has_arg(3));
  // The name of a signal is no request.
  EXPECT_FALSE(only("    15 scen     CALL  ptrace(SIGKILL,0x10,0,0)").has_arg(0));
}

TEST(Kdump, CallWithoutArguments) {
  EXPECT_EQ(only("    15 scen     CALL  fork").code, 2);
  EXPECT_EQ(only("    15 scen     CALL  _exit(0)").code, 1);
  EXPECT_EQ(only("    15 scen     CALL  [555]").code, 555);
  EXPECT_EQ(only("    15 scen     CALL  F64  fork[2]").code, 2);         // -A -S
  EXPECT_EQ(only("    15 scen     CALL  getgroups[79](0,0)").code, 79);  // -S says the number of any call
}

TEST(Kdump, Returns) {
  const Event plain = only("    15 scen     RET   ptrace 0");
  EXPECT_EQ(plain.kind, Kind::ret);
  EXPECT_EQ(plain.code, model::sys::ptrace);
  EXPECT_EQ(plain.error, 0);
  EXPECT_EQ(plain.retval, 0);
  EXPECT_EQ(only("    15 scen     RET   wait4 1337/0x539").retval, 1337);
  EXPECT_EQ(only("    15 scen     RET   wait4 0x539").retval, 1337);  // -n
  EXPECT_EQ(only("    15 scen     RET   wait4 1337").retval, 1337);   // -n -d
  EXPECT_EQ(only("    15 scen     RET   F64  wait4[7] 1337/0x539").retval, 1337);
  const Event minus = only("    15 scen     RET   ptrace -1/0xffffffffffffffff");
  EXPECT_EQ(minus.error, 0);
  EXPECT_EQ(minus.retval, -1);
  EXPECT_EQ(only("    15 scen     RET   ptrace 0xffffffffffffffff").retval, -1);  // -n
  const Event busy = only("    15 scen     RET   ptrace -1 errno 16 Device busy");
  EXPECT_EQ(busy.error, 16);
  EXPECT_EQ(busy.retval, 0);
  EXPECT_EQ(only("    15 scen     RET   ptrace -1 errno 16").error, 16);  // -n
  EXPECT_EQ(only("    15 scen     RET   wait4 RESTART").error, -1);
  EXPECT_EQ(only("    15 scen     RET   sigreturn JUSTRETURN").error, -2);
  EXPECT_EQ(only("    15 scen     RET   [555] -1 errno 78 Function not implemented").code, 555);
}

TEST(Kdump, Signals) {
  const Event killed = only("    15 scen     PSIG  SIGKILL SIG_DFL code=SI_NOINFO");
  EXPECT_EQ(killed.kind, Kind::signal);
  EXPECT_EQ(killed.signo, 9);
  EXPECT_FALSE(killed.caught);
  const Event caught = only("    15 scen     PSIG  SIGUSR1 caught handler=0x4012d0 mask=0x0 code=SI_USER");
  EXPECT_EQ(caught.signo, 30);
  EXPECT_TRUE(caught.caught);
  EXPECT_EQ(only("    15 scen     PSIG  SIGTERM SIG_DFL").signo, 15);                // no code: before 8.x
  EXPECT_EQ(only("    15 scen     PSIG  SIG 77 SIG_DFL code=SI_QUEUE").signo, 77);   // 10.x
  EXPECT_EQ(only("    15 scen     PSIG  SIGRT12 SIG_DFL code=SI_QUEUE").signo, 77);  // 12 and later
}

TEST(Kdump, ThreadAndTimeColumns) {
  const Event absolute = only("    15 100034 scen     1795230971.003715 CALL  fork");  // -T -H
  EXPECT_EQ(absolute.tid, 100034);
  EXPECT_EQ(absolute.time, 1795230971003715000U);
  const Event nano = only("    15 scen     1795230971.003715001 CALL  fork");
  EXPECT_EQ(nano.time, 1795230971003715001U);
  EXPECT_EQ(only("    15 scen     0.001274 CALL  fork").time, 0U);  // -E: since when is unknown
  const Event three = only("    15 scen     1795230971.003715 0.001000 -0.000100 CALL  fork");
  EXPECT_EQ(three.time, 1795230971003715000U);
  EXPECT_EQ(three.code, 2);
  EXPECT_EQ(only("    15      0 scen     CALL  fork").tid, 0);  // -H on a file without thread ids
}

TEST(Kdump, RelativeTimesAreSummedUp) {
  // -R of 10.x: the first line has the distance from 1970, and -1.998297 is -1 s + 998297 us.
  const Log log = read(
      "    15 scen     1795230971.003715 RET   ktrace 0\n"
      "    15 scen     0.001274 CALL  fork\n"
      "    16 scen     -1.998297 RET   fork 0\n");
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.events[1].time, 1795230971004989000U);
  EXPECT_EQ(log.events[2].time, 1795230971003286000U);
  // 12: with a sign of its own
  const Log twelve = read(
      "    15 scen     1795230971.003715 RET   ktrace 0\n"
      "    16 scen     -0.001703 RET   fork 0\n");
  ASSERT_EQ(twelve.events.size(), 2U);
  EXPECT_EQ(twelve.events[1].time, 1795230971002012000U);
}

TEST(Kdump, CommandNames) {
  EXPECT_EQ(only("    15 a b c    CALL  fork").code, 2);
  EXPECT_EQ(only("    15 nineteen-characters CALL  fork").code, 2);
  EXPECT_EQ(only("123456789 scen     CALL  fork").pid, 123456789);
  // A program may have the name of a type, of a record, of a thread id, of a time.
  EXPECT_EQ(only("    15 CALL  fork CALL  vfork").code, 66);
  EXPECT_EQ(only("    15 aaaaaaaa CALL  fork CALL  vfork").code, 66);
  EXPECT_EQ(only("    15 RET      CALL  vfork").code, 66);
  EXPECT_EQ(only("    15 100034   CALL  fork").tid, 0);
  EXPECT_EQ(only("    15 100034 100034   CALL  fork").tid, 100034);
  const Log log = read(
      "    15 1.000000 CALL  fork\n"
      "    16 scen     CALL  fork\n");
  EXPECT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.unreadable, 0U);
}

TEST(Kdump, PathThatLooksLikeARecord) {
  const Event event = only("    15 scen     NAMI  \"x CALL  fork\"");
  EXPECT_EQ(event.kind, Kind::other);
  EXPECT_EQ(event.pid, 15);
}

TEST(Kdump, ContinuationLinesAreNoRecords) {
  const Log log = read(
      "    15 scen     GIO   fd 3 wrote 99 bytes\n"
      "       \"    16 scen     CALL  fork\n"
      "\t    16 scen     CALL  fork\\\n"
      "\t16 scen     CALL  fork\n"
      "       \"\n"
      "    15 scen     STRU  struct stat {dev=92, ino=5 }\n"
      "    15 scen     RET   write 99/0x63\n");
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.events[2].kind, Kind::ret);
  EXPECT_EQ(log.events[2].at.line, 7U);
  EXPECT_EQ(log.events[2].at.record, 2U);
  EXPECT_EQ(log.where(log.events[2]), "log:7");
  EXPECT_EQ(log.unreadable, 0U);
}

// kdump prints a path as it is: one with a newline in it could pretend to be a record.
TEST(Kdump, PathWithANewlineForgesNoRecord) {
  const Log log = read(
      "    15 scen     NAMI  \"x\n"
      "    16 scen     CALL  fork\n"
      "\"\n"
      "    15 scen     CALL  vfork\n");
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].kind, Kind::other);
  EXPECT_EQ(log.events[1].code, model::sys::vfork);
}

TEST(Kdump, DroppedEvents) {
  const Log log = read(
      "    15 scen     CALL  fork\n"
      "    15 scen     Events dropped.\n"
      "    15 scen     RET   fork 16/0x10\n"
      "    17 scen     Events dropped.\n"
      "    15 scen     CALL  vfork\n");
  EXPECT_EQ(log.drops, 2U);
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_FALSE(log.events[0].lost_before);
  EXPECT_TRUE(log.events[1].lost_before);
  EXPECT_EQ(log.events[1].retval, 16);
  // The record that 17 lost others before is one that kdump does not print.
  EXPECT_EQ(log.events[2].kind, Kind::other);
  EXPECT_EQ(log.events[2].pid, 17);
  EXPECT_TRUE(log.events[2].lost_before);
  EXPECT_FALSE(log.events[3].lost_before);
}

TEST(Kdump, DropAtTheEnd) {
  const Log log = read("    15 100034 scen     1795230971.003715 CALL  fork\n    15 100034 scen     Events dropped.\n");
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_TRUE(log.events[1].lost_before);
  EXPECT_EQ(log.events[1].tid, 100034);
}

TEST(Kdump, BrokenLineIsUnreadable) {
  const Log log = read(
      "    15 scen     CALL  fork\n"
      "    15 scen     RET   fork 16/0x\n"
      "    15 scen     RET   fork 16/0x10\n");
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.unreadable, 1U);
  EXPECT_EQ(log.events[1].kind, Kind::other);
  EXPECT_EQ(log.events[1].pid, 15);
}

TEST(Kdump, LastLineWithoutNewlineIsNotBelieved) {
  const Log log = read("    15 scen     CALL  fork\n    15 scen     RET   fork 1");
  EXPECT_EQ(log.events.size(), 1U);
  ASSERT_TRUE(log.cut);
  EXPECT_EQ(log.cut->offset, 27U);
  EXPECT_EQ(log.cut->line, 2U);
}

TEST(Kdump, CarriageReturns) {
  const Log log = read("    15 scen     CALL  fork\r\n    15 scen     RET   fork 16/0x10\r\n");
  EXPECT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.unreadable, 0U);
}

}  // namespace
}  // namespace proctor::trace
