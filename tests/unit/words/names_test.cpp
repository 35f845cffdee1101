// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "model/words/arguments.hpp"
#include "model/words/errors.hpp"
#include "model/words/requests.hpp"
#include "model/words/signals.hpp"
#include "model/words/system_calls.hpp"

namespace proctor::model {
namespace {

// sys/kern/syscalls.master
static_assert(sys::exit == 1 && sys::fork == 2 && sys::vfork == 66 && sys::rfork == 251 && sys::pdfork == 518);
static_assert(sys::wait4 == 7 && sys::wait6 == 532);
static_assert(sys::ptrace == 26 && sys::kill == 37 && sys::execve == 59 && sys::procctl == 544);

TEST(Words, EverySyscallIsFound) {
  for (const SystemCallName& entry : kSystemCallNames) {
    EXPECT_EQ(syscall_number(entry.name), entry.number) << entry.name;
    EXPECT_EQ(syscall_number(syscall_name(entry.number)), entry.number) << entry.name;
  }
  EXPECT_EQ(syscall_number("_exit"), 1);
  EXPECT_EQ(syscall_number("sys_exit"), 1);
  EXPECT_EQ(syscall_number("no_such_call"), kUnknownSyscall);
  EXPECT_EQ(syscall_number(""), kUnknownSyscall);
  EXPECT_EQ(syscall_number("zzz"), kUnknownSyscall);
  EXPECT_EQ(syscall_name(1), "exit");
  EXPECT_EQ(syscall_name(9999), "");
}

TEST(Words, SyscallsHaveTheirKind) {
  EXPECT_TRUE(is_fork(sys::pdfork) && !is_fork(sys::execve) && !is_fork(kUnknownSyscall));
  EXPECT_TRUE(is_exec(sys::fexecve) && is_wait(sys::wait6) && sets_signal_action(46) && changes_credentials(sys::jail));
  EXPECT_TRUE(is_modelled(sys::ptrace) && is_modelled(sys::vfork) && !is_modelled(sys::procctl));
  EXPECT_FALSE(is_modelled(kOfDragonFly | 494) || is_modelled(0));
}

TEST(Words, PtraceRequests) {
  EXPECT_EQ(find_request("PT_TRACE_ME"), Request{0});
  EXPECT_EQ(find_request("PT_ATTACH"), Request{10});
  EXPECT_EQ(find_request("PT_SET_EVENT_MASK"), Request{26});
  EXPECT_EQ(find_request("PT_VM_ENTRY"), Request{41});
  EXPECT_EQ(find_request("PT_FIRSTMACH"), Request{64});
  EXPECT_EQ(find_request("PT_ATTAC"), std::nullopt);
  EXPECT_EQ(request_name(23), "PT_FOLLOW_FORK");
  EXPECT_EQ(request_name(72), "");
  EXPECT_EQ(request_name(-1), "");
  EXPECT_EQ(request_name(128), "");
}

TEST(Words, Signals) {
  EXPECT_EQ(signal_number("SIGKILL"), 9);
  EXPECT_EQ(signal_number("SIGUSR2"), 31);
  EXPECT_EQ(signal_number("SIG 0"), 0);
  EXPECT_EQ(signal_number("SIG 128"), 128);
  EXPECT_EQ(signal_number("SIG -1"), -1);
  EXPECT_EQ(signal_number("SIGRT3"), 68);
  EXPECT_EQ(signal_number("SIG_BLOCK"), std::nullopt);
  EXPECT_EQ(signal_number("SIGRT99"), std::nullopt);
  EXPECT_EQ(signal_number("SIGRT"), std::nullopt);
  EXPECT_EQ(signal_number("KILL"), std::nullopt);
  EXPECT_EQ(signal_name(17), "SIGSTOP");
}

TEST(Words, WaitOptions) {
  EXPECT_EQ(wait_options("WNOHANG"), 1);
  EXPECT_EQ(wait_options("WNOHANG|WUNTRACED"), 3);
  EXPECT_EQ(wait_options("WEXITED|WTRAPPED"), 0x30);
  EXPECT_EQ(wait_options("WNOHANG|"), std::nullopt);
  EXPECT_EQ(wait_options(""), std::nullopt);
}

TEST(Words, Errnos) {
  EXPECT_EQ(find_errno("EBUSY"), Errno{16});
  EXPECT_EQ(find_errno("EBUSI"), std::nullopt);
  EXPECT_EQ(name(Errno::ecapmode), "ECAPMODE");
  EXPECT_EQ(name(Errno{55}), "errno 55");
}

}  // namespace
}  // namespace proctor::model
