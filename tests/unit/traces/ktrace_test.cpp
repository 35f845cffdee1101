// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

TEST(Ktrace, CallHasCodeAndArguments) {
  const Log log = read(record({KTR_SYSCALL}, call(26, {10, 0x539, 0xffffffff, 0xfffffffffffffffe})));
  EXPECT_EQ(log.format, Format::ktrace_freebsd_v0_lp64_le);
  EXPECT_FALSE(log.is_ktr());
  ASSERT_EQ(log.events.size(), 1U);
  const Event& event = log.events[0];
  EXPECT_EQ(event.kind, Kind::call);
  EXPECT_EQ(event.code, 26);
  EXPECT_EQ(event.args_known, 0x0f);
  EXPECT_EQ(event.args[0], 10U);
  EXPECT_EQ(event.args[1], 0x539U);
  EXPECT_EQ(event.args[2], 0xffffffffU);
  EXPECT_EQ(event.args[3], 0xfffffffffffffffeU);
  EXPECT_EQ(event.pid, 15);
  EXPECT_EQ(event.tid, 100034);
  EXPECT_EQ(event.time, 1795230971003715000U);
  EXPECT_FALSE(event.lost_before);
  EXPECT_FALSE(log.cut);
}

TEST(Ktrace, CallWithMoreArgumentsThanAnEventHolds) {
  const Log log = read(record({KTR_SYSCALL}, call(198, {1, 2, 3, 4, 5, 6, 7, 8, 9})));
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].args_known, 0xff);
  EXPECT_EQ(log.events[0].args[7], 8U);
}

TEST(Ktrace, Returns) {
  const Log log = read(record({KTR_SYSRET}, ret(7, 0, 1337)) + record({KTR_SYSRET}, ret(26, 16, 0)) +
                       record({KTR_SYSRET}, ret(7, -1, 0)) + record({KTR_SYSRET}, ret(26, 0, -1)));
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_EQ(log.events[0].kind, Kind::ret);
  EXPECT_EQ(log.events[0].code, 7);
  EXPECT_EQ(log.events[0].retval, 1337);
  EXPECT_EQ(log.events[1].error, 16);
  EXPECT_EQ(log.events[2].error, -1);
  EXPECT_EQ(log.events[3].error, 0);
  EXPECT_EQ(log.events[3].retval, -1);
}

TEST(Ktrace, Signals) {
  const Log log = read(record({KTR_PSIG}, psig(9, 0)) + record({KTR_PSIG}, psig(30, 0x4012d0)));
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].kind, Kind::signal);
  EXPECT_EQ(log.events[0].signo, 9);
  EXPECT_FALSE(log.events[0].caught);
  EXPECT_EQ(log.events[1].signo, 30);
  EXPECT_TRUE(log.events[1].caught);
}

TEST(Ktrace, ProcessStartAndEnd) {
  const Log log = read(record({KTR_PROCCTOR}, little(0x21000, 4)) + record({KTR_PROCDTOR}, ""));
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].kind, Kind::proc_start);
  EXPECT_EQ(log.events[1].kind, Kind::proc_exit);
  EXPECT_EQ(log.events[1].at.offset, 60U);
  EXPECT_EQ(log.events[1].at.record, 1U);
  EXPECT_EQ(log.where(log.events[1]), "log:record 1 (byte 0x3c)");
}

TEST(Ktrace, OtherRecordsShowThatTheProcessRan) {
  const Log log = read(record({KTR_NAMEI, 17}, "/etc/passwd"));
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].kind, Kind::other);
  EXPECT_EQ(log.events[0].pid, 17);
}

TEST(Ktrace, DropBitIsNotPartOfTheType) {
  const Log log = read(record({KTR_SYSCALL}, call(2, {})) + record({KTR_SYSRET | KTR_DROP}, ret(2, 0, 16)));
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_FALSE(log.events[0].lost_before);
  EXPECT_EQ(log.events[1].kind, Kind::ret);
  EXPECT_TRUE(log.events[1].lost_before);
  EXPECT_EQ(log.drops, 1U);
}

TEST(Ktrace, KernelPointerOfOldFilesIsNoThreadId) {
  const Log log = read(record({KTR_SYSCALL, 15, "scen", 1, 0, 0xfffff800175c7530}, call(2, {})));
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].tid, 0);
}

TEST(Ktrace, CommandNameIsAnyBytes) {
  const Log log = read(record({KTR_SYSCALL, 15, "\xff\n\x01 CALL  fork"}, call(2, {})));
  EXPECT_EQ(log.events.size(), 1U);
}

// Cut at every byte, a log keeps the records that are whole, and says where the broken one begins.
TEST(Ktrace, CutAnywhere) {
  const std::string first = record({KTR_SYSCALL}, call(26, {10, 16, 0, 0}));
  const std::string bytes = first + record({KTR_SYSRET}, ret(26, 0, 0));
  for (std::size_t size = 56; size < bytes.size(); ++size) {
    const Log log = read(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(log.events.size(), size < first.size() ? 0U : 1U) << size;
    if (size == first.size()) {
      EXPECT_FALSE(log.cut) << size;
    } else {
      ASSERT_TRUE(log.cut) << size;
      EXPECT_EQ(log.cut->offset, size < first.size() ? 0 : first.size()) << size;
    }
  }
}

TEST(Ktrace, GarbageInTheMiddleEndsTheLog) {
  const std::string first = record({KTR_SYSCALL}, call(2, {}));
  const Log log = read(first + std::string(200, '\xa5') + first);
  EXPECT_EQ(log.events.size(), 1U);
  ASSERT_TRUE(log.cut);
  EXPECT_EQ(log.cut->offset, first.size());
  EXPECT_NE(log.cut->what.find("length"), std::string::npos);
}

TEST(Ktrace, PayloadShorterThanItsTypeIsUnreadable) {
  const Log log = read(record({KTR_SYSRET}, little(26, 2)) + record({KTR_SYSCALL}, call(26, {1}).substr(0, 12)) +
                       record({KTR_PSIG}, little(9, 4)));
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.unreadable, 3U);
  for (const Event& event : log.events) {
    EXPECT_EQ(event.kind, Kind::other);
    EXPECT_EQ(event.pid, 15);
  }
}

// The layouts that exist elsewhere are told apart, so that the user knows what to do.
TEST(Ktrace, UnsupportedLayoutsAreNamed) {
  const auto big = [](std::uint64_t value, int size) {
    std::string bytes = little(value, size);
    return std::string(bytes.rbegin(), bytes.rend());
  };
  std::string comm = "scen";
  comm.resize(20);
  const std::string v1 = little(16, 4) + little(0x4002, 2) + little(1, 2) + little(15, 4) + comm +
                         little(1795230971, 8) + little(123456789, 8) + little(100034, 8) + little(1, 4) +
                         little(0, 4) + ret(2, 0, 1);
  EXPECT_NE(refusal(v1 + v1).find("header version 1"), std::string::npos) << refusal(v1 + v1);
  const std::string i386 = little(12, 4) + little(2, 2) + little(0xdead, 2) + little(15, 4) + comm +
                           little(1795230971, 4) + little(3715, 4) + little(100034, 4) + std::string(12, '\0');
  EXPECT_NE(refusal(i386 + i386).find("32-bit"), std::string::npos) << refusal(i386 + i386);
  const std::string sparc = big(16, 4) + big(2, 2) + big(0xdead, 2) + big(15, 4) + comm + big(1795230971, 8) +
                            big(3715, 8) + big(100034, 8) + std::string(16, '\0');
  EXPECT_NE(refusal(sparc + sparc).find("big-endian"), std::string::npos) << refusal(sparc + sparc);
}

}  // namespace
}  // namespace proctor::trace
