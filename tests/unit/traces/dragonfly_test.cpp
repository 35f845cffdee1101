// SPDX-License-Identifier: BSD-2-Clause
//
// DragonFly's ktrace.out, and the text that its kdump(1) makes of it.
#include "model/words/system_calls.hpp"
#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

TEST(DragonFly, Header) {
  const Log log = read(dragonfly_record({KTR_SYSCALL, 815, "sixteen_bytes_ab", 1795230971, 3715, 2},
                                        call(26, {10, 0x539, 0, 0}), 0x0301));
  EXPECT_EQ(log.format, Format::ktrace_dragonfly_lp64_le);
  EXPECT_TRUE(log.dragonfly);
  EXPECT_FALSE(log.is_ktr());
  ASSERT_EQ(log.events.size(), 1U);
  const Event& event = log.events[0];
  EXPECT_EQ(event.kind, Kind::call);
  EXPECT_EQ(event.code, 26);
  EXPECT_EQ(event.args[1], 0x539U);
  EXPECT_EQ(event.pid, 815);
  EXPECT_EQ(event.tid, 2);
  EXPECT_EQ(event.time, 1795230971003715000U);
  EXPECT_FALSE(event.lost_before);
  EXPECT_EQ(log.where(event), "log:record 0 (byte 0x0)");
}

TEST(DragonFly, PidsGoToOneMillion) {
  EXPECT_EQ(read(dragonfly_record({KTR_SYSCALL, 999999}, call(2, {}))).events.at(0).pid, 999999);
  EXPECT_FALSE(read_bytes(dragonfly_record({KTR_SYSCALL, 1000000}, call(2, {})), "log"));
}

TEST(DragonFly, KernelHasNoOtherTypesAndFlags) {
  EXPECT_TRUE(read_bytes(dragonfly_record({7}, "utrace"), "log"));
  EXPECT_FALSE(read_bytes(dragonfly_record({8}, "stat"), "log"));
  EXPECT_FALSE(read_bytes(dragonfly_record({KTR_SYSCALL | KTR_DROP}, call(2, {})), "log"));
  EXPECT_FALSE(read_bytes(dragonfly_record({KTR_SYSCALL}, call(2, {}), 2), "log"));
}

TEST(DragonFly, Payloads) {
  const Log log =
      read(dragonfly_record({KTR_SYSRET}, ret(7, 0, 1337)) + dragonfly_record({KTR_SYSRET}, ret(26, 16, 0)) +
           dragonfly_record({KTR_PSIG}, psig(9, 0)) + dragonfly_record({KTR_NAMEI}, "/bin/sh"));
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_EQ(log.events[0].retval, 1337);
  EXPECT_EQ(log.events[1].error, 16);
  EXPECT_EQ(log.events[2].signo, 9);
  EXPECT_FALSE(log.events[2].caught);
  EXPECT_EQ(log.events[3].kind, Kind::other);
}

// No header can be taken for one of the other system, whatever time the clock shows and whatever was not cleared.
TEST(DragonFly, IsNotTakenForFreeBsd) {
  for (const std::uint64_t sec : {1000000, 1795230971}) {
    for (const std::uint64_t usec : {0, 999999}) {
      std::string bytes = dragonfly_record({KTR_SYSRET, 815, "scen", sec, usec}, ret(2, 0, 1));
      for (const char garbage : {'\0', '\xff'}) {
        bytes.replace(33, 7, 7, garbage);
        EXPECT_EQ(detect(bytes), Format::ktrace_dragonfly_lp64_le) << sec << " " << usec;
      }
    }
  }
  for (const std::uint64_t usec : {0, 1, 999999}) {
    for (const std::uint64_t tid : {0UL, 1UL, 100034UL, 999999UL, 0xfffff800175c7530UL}) {
      EXPECT_EQ(detect(record({KTR_SYSRET, 815, "scen", 1795230971, usec, tid}, ret(2, 0, 1))),
                Format::ktrace_freebsd_v0_lp64_le);
    }
  }
}

TEST(DragonFly, CutAnywhere) {
  const std::string first = dragonfly_record({KTR_SYSCALL}, call(26, {10, 16, 0, 0}));
  const std::string bytes = first + dragonfly_record({KTR_SYSRET}, ret(26, 0, 0));
  for (std::size_t size = 64; size < bytes.size(); ++size) {
    const Log log = read(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(log.events.size(), size < first.size() ? 0U : 1U) << size;
    EXPECT_EQ(log.cut.has_value(), size != first.size()) << size;
  }
}

// sys/kern/syscalls.master of DragonFly: what was there before 5.0 has FreeBSD's number, what came later its own.
TEST(DragonFly, SystemCallNumbers) {
  EXPECT_EQ(model::from_dragonfly(26), model::sys::ptrace);
  EXPECT_EQ(model::from_dragonfly(335), model::sys::utrace);
  EXPECT_EQ(model::from_dragonfly(342), model::sys::sigaction);
  EXPECT_EQ(model::from_dragonfly(471), model::sys::jail_attach);
  EXPECT_EQ(model::from_dragonfly(494), model::sys::extexit);
  EXPECT_EQ(model::from_dragonfly(495), model::sys::lwp_create);
  EXPECT_EQ(model::from_dragonfly(497), model::sys::lwp_kill);
  EXPECT_EQ(model::from_dragonfly(536), model::sys::procctl);
  EXPECT_EQ(model::from_dragonfly(546), model::sys::lwp_create2);
  EXPECT_EQ(model::from_dragonfly(548), model::sys::wait6);
  EXPECT_EQ(model::from_dragonfly(552), model::sys::fexecve);
  // 518 is mq_timedsend, and pdfork in FreeBSD; 532 is eaccess, and wait6 there
  EXPECT_EQ(model::syscall_name(model::from_dragonfly(518)), "");
  EXPECT_EQ(model::syscall_name(model::from_dragonfly(532)), "");
  const Log log = read(dragonfly_record({KTR_SYSCALL}, call(548, {0, 15, 0, 0x39, 0, 0})) +
                       dragonfly_record({KTR_SYSRET}, ret(548, 0, 15)));
  EXPECT_EQ(log.events.at(0).code, model::sys::wait6);
  EXPECT_EQ(log.events.at(1).code, model::sys::wait6);
}

TEST(DragonFlyKdump, PidAndThread) {
  const Log log = read(
      "   51:1    scen     CALL  fork\n"
      "   51:1    scen     RET   fork 52/0x34\n"
      "999999:12345 a_long_name CALL  getpid\n"
      "12345:1    scen     CSW  stop user\n");
  EXPECT_EQ(log.format, Format::kdump_text);
  EXPECT_TRUE(log.dragonfly);
  EXPECT_EQ(log.unreadable, 0U);
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_EQ(log.events[0].pid, 51);
  EXPECT_EQ(log.events[0].tid, 1);
  EXPECT_EQ(log.events[1].retval, 52);
  EXPECT_EQ(log.events[2].pid, 999999);
  EXPECT_EQ(log.events[2].tid, 12345);
  EXPECT_EQ(log.events[3].pid, 12345);
  EXPECT_EQ(log.events[3].kind, Kind::other);
}

TEST(DragonFlyKdump, Times) {
  const Log log = read(
      "   51:1    scen     1795327782.371599 CALL  wait4(0x34,0x7fffffdfd8dc,0<><invalid>0,0)\n"
      "   51:1    scen     1795327782.371610 RET   wait4 RESTART\n");
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].time, 1795327782371599000U);
  EXPECT_EQ(log.events[1].error, -1);
}

TEST(DragonFlyKdump, Arguments) {
  const Log log = read(
      "   51:1    scen     CALL  wait4(0x34,0x7fffffdfd8dc,0<><invalid>0,0)\n"
      "   51:1    scen     CALL  wait4(0x34,0x7fffffdfd8dc,0x3<WNOHANG|WUNTRACED>,0)\n"
      "   51:1    scen     CALL  wait4(0x34,0x7fffffdfd8dc,0x80000001<><invalid>-2147483647,0)\n"
      "   51:1    scen     CALL  kill(0x34,SIG29)\n"
      "   51:1    scen     CALL  kill(0x34,SIG 0)\n"
      "   51:1    scen     CALL  ptrace(PT_READ_U,0x34,0,0)\n"
      "   51:1    scen     CALL  ptrace(-1,0x34,0,0)\n"
      "   51:1    scen     CALL  wait6(0,0x34,0x7fffffdfd8fc,0x39,0,0)\n"
      "   51:1    scen     CALL  [518](0x34)\n"
      "   51:1    scen     CALL  lwp_create(0x800)\n");
  EXPECT_EQ(log.unreadable, 0U);
  ASSERT_EQ(log.events.size(), 10U);
  const auto argument = [&](std::size_t event, int index) {
    EXPECT_TRUE(log.events[event].has_arg(index)) << event;
    return log.events[event].args[static_cast<std::size_t>(index)];
  };
  EXPECT_EQ(argument(0, 2), 0U);
  EXPECT_EQ(argument(0, 3), 0U);
  EXPECT_EQ(argument(1, 2), 3U);
  EXPECT_EQ(argument(2, 2), 0xffffffff80000001U);  // what lies in the ktrace.out
  EXPECT_EQ(argument(3, 1), 29U);
  EXPECT_EQ(argument(4, 1), 0U);
  EXPECT_EQ(argument(5, 0), 3U);
  EXPECT_EQ(argument(6, 0), 0xffffffffffffffffU);
  EXPECT_EQ(log.events[7].code, model::sys::wait6);
  EXPECT_EQ(argument(7, 3), 0x39U);
  EXPECT_EQ(log.events[8].code, model::kOfDragonFly | 518);
  EXPECT_EQ(log.events[9].code, model::sys::lwp_create);
}

TEST(DragonFlyKdump, SignalsHaveNoCodeWithTheDefaultAction) {
  const Log log = read(
      "   52:1    scen     PSIG  SIGKILL SIG_DFL\n"
      "   52:1    scen     PSIG  SIGUSR1 caught handler=0x4043a2 mask=0x0 code=0x0\n");
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].signo, 9);
  EXPECT_FALSE(log.events[0].caught);
  EXPECT_EQ(log.events[1].signo, 30);
  EXPECT_TRUE(log.events[1].caught);
}

TEST(DragonFlyKdump, OtherFirstColumnsAreNotIts) {
  for (const char* line :
       {"51:1    scen     CALL  fork\n", "   51:1   scen     CALL  fork\n", "  51 :1    scen     CALL  fork\n",
        "   51:    scen     CALL  fork\n", "   51:-1   scen     CALL  fork\n"}) {
    EXPECT_FALSE(read_bytes(line, "log")) << line;
  }
}

}  // namespace
}  // namespace proctor::trace
