// SPDX-License-Identifier: BSD-2-Clause
//
// Messages are written here after the CTR() calls of the kernel's sources, with the conversions filled in by hand.
#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};

struct Expected {
  std::string_view message;
  Ktr line;
  std::int32_t pid;
  std::int32_t tid;
  std::vector<std::optional<std::uint64_t>> args;
};

// One of each format string, in the spelling of every release that has it.
const Expected kMessages[] = {
    {"PT_TRACE_ME: pid 16", Ktr::trace_me, 16, 0, {}},
    {"PT_ATTACH: pid 16, oppid 15", Ktr::attach, 16, 0, {15}},
    {"PT_CLEARSTEP: tid 100035 (pid 16)", Ktr::clearstep, 16, 100035, {}},
    {"PT_SETSTEP: tid 100035 (pid 16)", Ktr::setstep, 16, 100035, {}},
    {"PT_SUSPEND: tid 100035 (pid 16)", Ktr::suspend, 16, 100035, {}},
    {"PT_RESUME: tid 100035 (pid 16)", Ktr::resume, 16, 100035, {}},
    {"PT_FOLLOW_FORK: pid 16 disabled -> enabled", Ktr::follow_fork, 16, 0, {0, 1}},
    {"PT_LWP_EVENTS: pid 16 enabled -> disabled", Ktr::lwp_events, 16, 0, {1, 0}},
    {"PT_GET_EVENT_MASK: pid 16 mask 0x1", Ktr::get_event_mask, 16, 0, {1}},
    {"PT_SET_EVENT_MASK: pid 16 mask 0x1 -> 0x3f", Ktr::set_event_mask, 16, 0, {1, 0x3f}},
    {"PT_SET_EVENT_MASK: pid 16 mask 0 -> 0x1", Ktr::set_event_mask, 16, 0, {0, 1}},
    {"PT_STEP: tid 100035 (pid 16)", Ktr::step, 16, 100035, {}},
    {"PT_STEP: tid 100035 (pid 16), sig = 5", Ktr::step, 16, 100035, {5}},
    {"PT_CONTINUE: pid 16, PC = 0x400810, sig = 30", Ktr::continue_, 16, 0, {0x400810, 30}},
    {"PT_CONTINUE: pid 16", Ktr::continue_, 16, 0, {}},
    {"PT_TO_SCE: pid 16, events = 0x3, PC = 0x1, sig = 0", Ktr::to_sce, 16, 0, {3, 1, 0}},
    {"PT_TO_SCE: pid 16, stops = 0x10000, PC = 0x1, sig = 0", Ktr::to_sce, 16, 0, {0x10000, 1, 0}},
    {"PT_TO_SCE: pid 16, stops = 0x10000", Ktr::to_sce, 16, 0, {0x10000}},
    {"PT_TO_SCX: pid 16, events = 0x5, PC = 0x1, sig = 0", Ktr::to_scx, 16, 0, {5, 1, 0}},
    {"PT_TO_SCX: pid 16, stops = 0x20000", Ktr::to_scx, 16, 0, {0x20000}},
    {"PT_SYSCALL: pid 16, events = 0x7, PC = 0x1, sig = 0", Ktr::syscall, 16, 0, {7, 1, 0}},
    {"PT_SYSCALL: pid 16, stops = 0x30000, PC = 0x1, sig = 0", Ktr::syscall, 16, 0, {0x30000, 1, 0}},
    {"PT_DETACH: pid 16 reparented to pid 15, sig 0", Ktr::detach, 16, 0, {15, 0}},
    {"PT_DETACH: pid 16 reparented to pid 15", Ktr::detach, 16, 0, {15}},
    {"PT_DETACH: pid 16, sig 17", Ktr::detach, 16, 0, {0, 17}},
    {"PT_DETACH: pid 16", Ktr::detach, 16, 0, {0}},
    {"PT_WRITE: pid 16: 0x6a5840 <= 0xcc", Ktr::write, 16, 0, {0x6a5840, 0xcc}},
    {"PT_READ: pid 16: 0x400000 >= 0x464c457f", Ktr::read, 16, 0, {0x400000, 0x464c457f}},
    {"PT_READ: pid 16: 0x0 >= 0", Ktr::read, 16, 0, {0, 0}},
    {"PT_IO: pid 16: READ (0x6a5840, 0x10)", Ktr::io, 16, 0, {0, 0x6a5840, 0x10}},
    {"PT_IO: pid 16: WRITE (0, 0x10)", Ktr::io, 16, 0, {1, 0, 0x10}},
    {"PT_KILL: pid 16", Ktr::kill, 16, 0, {}},
    {"PT_SETREGS: tid 100035 (pid 16)", Ktr::setregs, 16, 100035, {}},
    {"PT_GETREGS: tid 100035 (pid 16)", Ktr::getregs, 16, 100035, {}},
    {"PT_SETFPREGS: tid 100035 (pid 16)", Ktr::setfpregs, 16, 100035, {}},
    {"PT_GETFPREGS: tid 100035 (pid 16)", Ktr::getfpregs, 16, 100035, {}},
    {"PT_SETDBREGS: tid 100035 (pid 16)", Ktr::setdbregs, 16, 100035, {}},
    {"PT_GETDBREGS: tid 100035 (pid 16)", Ktr::getdbregs, 16, 100035, {}},
    {"PT_LWPINFO: tid 100035 (pid 16) event 1 flags 0x20 child pid -1 syscall 0",
     Ktr::lwpinfo,
     16,
     100035,
     {1, 0x20, kMinusOne, 0}},
    {"PT_LWPINFO: tid 100035 (pid 16) event 0 flags 0 child pid 17", Ktr::lwpinfo, 16, 100035, {0, 0, 17}},
    {"PT_GETNUMLWPS: pid 16: 3 threads", Ktr::getnumlwps, 16, 0, {3}},
    {"PT_GETLWPLIST: pid 16: data 8, actual 3", Ktr::getlwplist, 16, 0, {8, 3}},
    {"PT_VM_TIMESTAMP: pid 16: timestamp 42", Ktr::vm_timestamp, 16, 0, {42}},
    {"PT_VM_ENTRY: pid 16, entry 1, start 0x400000", Ktr::vm_entry, 16, 0, {1, 0x400000}},
    {"ptracestop: tid 100035 (pid 16) flags 0x1002 sig 17", Ktr::ptracestop, 16, 100035, {0x1002, 17}},
    {"fork_return: attaching to new child pid 17: oppid 16", Ktr::fork_return, 17, 0, {16}},
    {"do_fork: attaching to new child pid 17: oppid 16", Ktr::fork_return, 17, 0, {16}},
    {"exit: pid 15, clearing orphan 16", Ktr::exit_orphan, 15, 0, {16}},
    {"wait: traced child 16 moved back to parent 15", Ktr::wait_moved, 16, 0, {15}},
    {"wait: returning trapped pid 16 status 0x117f (xstat 17) xthread 100035",
     Ktr::wait_trapped,
     16,
     0,
     {0x117f, 17, 100035}},
    {"wait: returning trapped pid 16 status 0x117f (xstat 17) xthread -1",
     Ktr::wait_trapped,
     16,
     0,
     {0x117f, 17, kMinusOne}},
    {"stopevent: pid 16 event 4 val 5", Ktr::stopevent, 16, 0, {4, 5}},
};

void expect_event(const Event& event, const Expected& expected) {
  EXPECT_EQ(event.kind, Kind::ktr);
  EXPECT_EQ(event.ktr, expected.line);
  EXPECT_EQ(event.pid, expected.pid);
  EXPECT_EQ(event.tid, expected.tid);
  EXPECT_EQ(event.args_known, (1U << expected.args.size()) - 1);
  for (std::size_t i = 0; i < expected.args.size(); ++i) {
    EXPECT_EQ(event.args[i], expected.args[i]) << i;
  }
}

TEST(Ktr, EveryMessageOnTheConsole) {
  for (const Expected& expected : kMessages) {
    SCOPED_TRACE(expected.message);
    const Log log = read("cpu1 kern/sys_process.c.894\t" + std::string(expected.message) + "\n");
    EXPECT_EQ(log.format, Format::ktr_console);
    ASSERT_EQ(log.events.size(), 1U);
    expect_event(log.events[0], expected);
    EXPECT_EQ(log.events[0].cpu, 1);
    EXPECT_EQ(log.events[0].source_line, 894U);
  }
}

TEST(Ktr, EveryMessageInADump) {
  for (const Expected& expected : kMessages) {
    SCOPED_TRACE(expected.message);
    const Log log = read("     0 " + std::string(expected.message) + "\n");
    EXPECT_EQ(log.format, Format::ktrdump_text);
    ASSERT_EQ(log.events.size(), 1U);
    expect_event(log.events[0], expected);
  }
}

// Every enumerator has a message above.
TEST(Ktr, TableIsComplete) {
  for (int line = static_cast<int>(Ktr::trace_me); line <= static_cast<int>(Ktr::stopevent); ++line) {
    bool found = false;
    for (const Expected& expected : kMessages) {
      found |= expected.line == static_cast<Ktr>(line);
    }
    EXPECT_TRUE(found) << name(static_cast<Ktr>(line));
  }
}

TEST(Ktr, MessagesOfLaterReleasesStillNameTheProcess) {
  const Log log = read(
      "PT_GET_SC_ARGS: pid 16\n"
      "PT_GET_SC_RET: pid 16 error 0 retval 0x1,0\n"
      "PT_COREDUMP: pid 16, fd 3\n"
      "PT_GETREGSET: tid 100035 (pid 16)\n");
  ASSERT_EQ(log.events.size(), 4U);
  for (const Event& event : log.events) {
    EXPECT_EQ(event.kind, Kind::other);
    EXPECT_EQ(event.pid, 16);
  }
  EXPECT_EQ(log.unreadable, 0U);
}

// Cut anywhere, a message is either one of an older release or not read: never another message.
TEST(Ktr, CutMessagesAreNotMistaken) {
  const std::string tail = "\nPT_KILL: pid 99\n";
  for (const Expected& expected : kMessages) {
    for (std::size_t size = 1; size < expected.message.size(); ++size) {
      const Log log = read("PT_KILL: pid 98\n" + std::string(expected.message.substr(0, size)) + tail);
      for (const Event& event : log.events) {
        if (event.kind == Kind::ktr && event.pid < 98) {
          EXPECT_EQ(event.ktr, expected.line) << expected.message.substr(0, size);
        }
      }
    }
  }
}

constexpr std::string_view kAll =
    "index  cpu timestamp        file and line                            tid                trace\n"
    "------ --- ---------------- ---------------------------------------- ------------------ ----- \n"
    "     2   1      21598824015 kern/kern_exit.c:1245                    0xfffff800175c7530 PT_KILL: pid 3\n"
    "     1   0      21577955625 amd64/amd64/../../kern/subr_syscall.c:82 0xfffff800175c7a60 PT_KILL: pid 2\n"
    "     0   1      21567044250 kern/sys_process.c:894                   0xfffff800175c7530 PT_KILL: pid 1\n";

TEST(Ktrdump, AllColumnsNewestFirst) {
  const Log log = read(kAll);
  EXPECT_EQ(log.format, Format::ktrdump_text);
  EXPECT_TRUE(log.is_ktr());
  EXPECT_EQ(log.records, 3U);
  ASSERT_EQ(log.events.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(log.events[static_cast<std::size_t>(i)].pid, i + 1);
  }
  const Event& event = log.events[1];
  EXPECT_EQ(event.cpu, 0);
  EXPECT_EQ(event.time, 21577955625U);
  EXPECT_EQ(event.source_line, 82U);
  EXPECT_EQ(event.thread, 0xfffff800175c7a60U);
  EXPECT_EQ(event.at.line, 4U);
  EXPECT_EQ(event.at.record, 1U);
  EXPECT_EQ(log.where(event), "log:4");
}

TEST(Ktrdump, WithoutTitle) {
  const std::string_view rows = kAll.substr(kAll.find("     2"));
  const Log log = read(rows);
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.events[0].thread, 0xfffff800175c7530U);
  EXPECT_EQ(log.events[0].source_line, 894U);
  EXPECT_EQ(log.events[0].cpu, 1);
  EXPECT_EQ(log.events[0].at.line, 3U);
}

TEST(Ktrdump, EveryChoiceOfColumns) {
  for (int choice = 0; choice < 32; ++choice) {
    SCOPED_TRACE(choice);
    const bool cpu = (choice & 1) != 0, time = (choice & 2) != 0, file = (choice & 4) != 0, thread = (choice & 8) != 0;
    std::string text;
    if ((choice & 16) != 0) {
      text = std::string("index  ") + (cpu ? "cpu " : "") + (time ? "timestamp        " : "") +
             (file ? "file and line                            " : "") + (thread ? "tid                " : "") +
             "trace\n";
    }
    for (const std::string_view index : {"     1", "     0"}) {
      text += std::string(index) + " " + (cpu ? "  3 " : "") + (time ? "     21567044250 " : "") +
              (file ? "kern/sys_process.c:894                   " : "") + (thread ? "0xfffff800175c7530 " : "") +
              "ptracestop: tid 100035 (pid 16) flags 0x2 sig 17\n";
    }
    const Log log = read(text);
    EXPECT_EQ(log.format, Format::ktrdump_text);
    EXPECT_EQ(log.unreadable, 0U);
    ASSERT_EQ(log.events.size(), 2U);
    const Event& event = log.events[0];
    EXPECT_EQ(event.ktr, Ktr::ptracestop);
    EXPECT_EQ(event.cpu, cpu ? 3 : -1);
    EXPECT_EQ(event.time, time ? 21567044250U : 0U);
    EXPECT_EQ(event.source_line, file ? 894U : 0U);
    EXPECT_EQ(event.thread, thread ? 0xfffff800175c7530U : 0U);
  }
}

TEST(Ktrdump, OldestFirst) {
  const Log log = read("     7 PT_KILL: pid 1\n     8 PT_KILL: pid 2\n     9 PT_KILL: pid 3\n");
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.events[0].pid, 1);
  EXPECT_EQ(log.events[2].pid, 3);
}

TEST(Ktrdump, IndexWrapsWithTheBuffer) {
  const Log log = read("     1 PT_KILL: pid 4\n     0 PT_KILL: pid 3\n  1023 PT_KILL: pid 2\n  1022 PT_KILL: pid 1\n");
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_EQ(log.events[0].pid, 1);
  EXPECT_EQ(log.events[3].pid, 4);
}

TEST(Ktrdump, RelativeTimes) {
  // -r -t: each row has its distance from the row above.
  const Log log = read(
      "     2                0 PT_KILL: pid 3\n"
      "     1          6142860 PT_KILL: pid 2\n"
      "     0          9257040 PT_KILL: pid 1\n");
  ASSERT_EQ(log.events.size(), 3U);
  EXPECT_EQ(log.events[1].time - log.events[0].time, 9257040U);
  EXPECT_EQ(log.events[2].time - log.events[1].time, 6142860U);
  EXPECT_NE(log.events[0].time, 0U);
  const Log oldest_first = read(
      "     0                0 PT_KILL: pid 1\n"
      "     1          9257040 PT_KILL: pid 2\n"
      "     2          6142860 PT_KILL: pid 3\n");
  ASSERT_EQ(oldest_first.events.size(), 3U);
  EXPECT_EQ(oldest_first.events[1].time - oldest_first.events[0].time, 9257040U);
  EXPECT_EQ(oldest_first.events[2].time - oldest_first.events[1].time, 6142860U);
}

TEST(Ktrdump, OtherClassesCountAndBecomeNoEvent) {
  const Log log = read(
      "index  trace\n"
      "------ ----- \n"
      "     3 userret: thread 0xfffff80010851a60 (pid 14, scen)\n"
      "     2 LOCK (sleep mutex) Giant 0xffffffff80a25b10 r = 0 at ../../../kern/kern_sysctl.c:1531\n"
      "     1 PT_KILL: pid 1\n"
      "     0 sleep: thread 100033 (pid 14, scen) on nanslp (0xffffffff807df9a1)\n");
  EXPECT_EQ(log.records, 4U);
  EXPECT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.unreadable, 0U);
}

TEST(Ktrdump, EmptyBuffer) {
  const Log log = read("index  trace\n------ ----- \n");
  EXPECT_EQ(log.format, Format::ktrdump_text);
  EXPECT_EQ(log.records, 0U);
}

TEST(Ktrdump, BrokenMessageIsUnreadable) {
  const Log log = read("     1 PT_KILL: pid 1\n     0 PT_ATTACH: pid 16, opp\n");
  EXPECT_EQ(log.unreadable, 1U);
  ASSERT_EQ(log.events.size(), 2U);
  EXPECT_EQ(log.events[0].kind, Kind::other);
  EXPECT_EQ(log.events[0].pid, 16);
}

TEST(Ktrdump, CutLosesTheOldest) {
  const Log log = read("     1 PT_KILL: pid 12\n     0 PT_KILL: pid 1");
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].pid, 12);
  ASSERT_TRUE(log.cut);
  EXPECT_EQ(log.cut->line, 2U);
  EXPECT_EQ(log.cut->offset, 23U);
}

TEST(Console, Prefixes) {
  const Log log = read(
      "cpu0 PT_KILL: pid 1\n"                           // debug.ktr.verbose=1
      "cpu12 kern/sys_process.c.894\tPT_KILL: pid 2\n"  // 2
      "PT_KILL: pid 3\n"                                // one processor
      "kern/sys_process.c.894\tPT_KILL: pid 4\n");
  EXPECT_EQ(log.format, Format::ktr_console);
  EXPECT_EQ(log.unreadable, 0U);
  ASSERT_EQ(log.events.size(), 4U);
  EXPECT_EQ(log.events[0].cpu, 0);
  EXPECT_EQ(log.events[0].source_line, 0U);
  EXPECT_EQ(log.events[1].cpu, 12);
  EXPECT_EQ(log.events[1].source_line, 894U);
  EXPECT_EQ(log.events[2].cpu, -1);
  EXPECT_EQ(log.events[3].source_line, 894U);
  EXPECT_EQ(log.events[3].pid, 4);
}

TEST(Console, OtherLinesAndInterleavedOnes) {
  const Log log = read(
      "FreeBSD/SMP: Multiprocessor System Detected: 2 CPUs\n"
      "cpu1 kern/sys_process.c.894\tPT_KILL: pid 1\n"
      "cpu1 kern/subr_trap.c.108\tuserret: thread 0xfffff80010851a60 (pid 14, scen)\n"
      "cpu1 kern/sys_process.c.1157\tcpu0 kern/kern_sig.c.2538\tPT_READ: pid 7: 0x1 >= 0x2ptracestop: tid 100035 (pid "
      "8) flags 0x2 sig 5\n"
      "\n"
      "cpu1 kern/sys_process.c.1157\tPT_READ: pid 7: 0x400000 >= 0xcpu0 kern/kern_sig.c.2538\tPT_KILL: pid 9\n"
      "cpu1 userret: thrPT_KILL: pid 3\n"
      "cpu0 PT_KILL: pid 2\n");
  EXPECT_EQ(log.records, 7U);
  EXPECT_EQ(log.unreadable, 2U);  // the boot message, and the line whose hexadecimal number is cut off
  int read = 0;
  for (const Event& event : log.events) {
    read += event.kind == Kind::ktr ? 1 : 0;
  }
  EXPECT_EQ(read, 6);  // whole messages are found among the pieces
}

}  // namespace
}  // namespace proctor::trace
