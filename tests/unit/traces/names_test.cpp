// SPDX-License-Identifier: BSD-2-Clause
#include "traces/names.hpp"

#include <gtest/gtest.h>

namespace proctor::trace {
namespace {

// sys/kern/syscalls.master
static_assert(sys("exit") == 1 && sys("_exit") == 1 && sys("sys_exit") == 1);
static_assert(sys("fork") == 2 && sys("vfork") == 66 && sys("rfork") == 251 && sys("pdfork") == 518);
static_assert(sys("wait4") == 7 && sys("wait6") == 532);
static_assert(sys("ptrace") == 26 && sys("kill") == 37 && sys("execve") == 59 && sys("procctl") == 544);

TEST(Names, EverySyscallIsFound) {
  for (const SyscallName& entry : kSyscalls) {
    EXPECT_EQ(syscall_number(entry.name), entry.number) << entry.name;
    EXPECT_EQ(syscall_number(syscall_name(entry.number)), entry.number) << entry.name;
  }
  EXPECT_EQ(syscall_number("no_such_call"), kUnknownSyscall);
  EXPECT_EQ(syscall_number(""), kUnknownSyscall);
  EXPECT_EQ(syscall_number("zzz"), kUnknownSyscall);
  EXPECT_EQ(syscall_name(1), "exit");
  EXPECT_EQ(syscall_name(9999), "");
}

TEST(Names, PtraceRequests) {
  EXPECT_EQ(ptrace_request_number("PT_TRACE_ME"), 0);
  EXPECT_EQ(ptrace_request_number("PT_ATTACH"), 10);
  EXPECT_EQ(ptrace_request_number("PT_SET_EVENT_MASK"), 26);
  EXPECT_EQ(ptrace_request_number("PT_VM_ENTRY"), 41);
  EXPECT_EQ(ptrace_request_number("PT_FIRSTMACH"), 64);
  EXPECT_EQ(ptrace_request_number("PT_ATTAC"), std::nullopt);
  EXPECT_EQ(ptrace_request_name(23), "PT_FOLLOW_FORK");
  EXPECT_EQ(ptrace_request_name(72), "");
}

TEST(Names, Signals) {
  EXPECT_EQ(signal_number("SIGKILL"), 9);
  EXPECT_EQ(signal_number("SIGUSR2"), 31);
  EXPECT_EQ(signal_number("SIG 0"), 0);
  EXPECT_EQ(signal_number("SIG 128"), 128);
  EXPECT_EQ(signal_number("SIG -1"), -1);
  EXPECT_EQ(signal_number("SIGRT3"), 68);
  EXPECT_EQ(signal_number("SIG_BLOCK"), std::nullopt);
  EXPECT_EQ(signal_number("SIGRT99"), std::nullopt);
  EXPECT_EQ(signal_number("KILL"), std::nullopt);
  EXPECT_EQ(signal_name(17), "SIGSTOP");
}

TEST(Names, WaitOptions) {
  EXPECT_EQ(wait_options("WNOHANG"), 1U);
  EXPECT_EQ(wait_options("WNOHANG|WUNTRACED"), 3U);
  EXPECT_EQ(wait_options("WEXITED|WTRAPPED"), 0x30U);
  EXPECT_EQ(wait_options("WNOHANG|"), std::nullopt);
  EXPECT_EQ(wait_options(""), std::nullopt);
}

}  // namespace
}  // namespace proctor::trace
