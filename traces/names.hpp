// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's names and the numbers behind them: the only place where the readers know one from the other.  A number
// never changes its meaning between the releases read here (FreeBSD 10 to 15), so one table serves them all.  DragonFly
// went its own way after 4.x: where it has a call of FreeBSD under another number, from_dragonfly() knows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "traces/event.hpp"

namespace proctor::trace {

struct SyscallName {
  std::string_view name;
  std::uint16_t number;
};

// System calls that matter to tracing, credentials or process life; sys/kern/syscalls.master.  Sorted by name.  Where
// two names have one number, syscall_name() says which of them FreeBSD 10 prints.
// clang-format off
inline constexpr std::array kSyscalls{
    SyscallName{"__setugid", 374},   SyscallName{"__sysctl", 202},    SyscallName{"_exit", 1},
    SyscallName{"abort2", 463},
    SyscallName{"cap_enter", 516},   SyscallName{"execve", 59},       SyscallName{"exit", 1},
    SyscallName{"extexit", kOfDragonFly | 494},
    SyscallName{"fexecve", 492},     SyscallName{"fork", 2},          SyscallName{"getpid", 20},
    SyscallName{"getppid", 39},      SyscallName{"getuid", 24},       SyscallName{"jail", 338},
    SyscallName{"jail_attach", 436}, SyscallName{"jail_remove", 508}, SyscallName{"jail_set", 507},
    SyscallName{"kill", 37},         SyscallName{"ktrace", 45},
    SyscallName{"lwp_create", kOfDragonFly | 495},                    SyscallName{"lwp_create2", kOfDragonFly | 546},
    SyscallName{"lwp_kill", kOfDragonFly | 497},
    SyscallName{"pdfork", 518},      SyscallName{"pdgetpid", 520},    SyscallName{"pdkill", 519},
    SyscallName{"procctl", 544},     SyscallName{"ptrace", 26},       SyscallName{"rfork", 251},
    SyscallName{"setegid", 182},     SyscallName{"seteuid", 183},     SyscallName{"setgid", 181},
    SyscallName{"setgroups", 80},    SyscallName{"setpgid", 82},      SyscallName{"setregid", 127},
    SyscallName{"setresgid", 312},   SyscallName{"setresuid", 311},   SyscallName{"setreuid", 126},
    SyscallName{"setsid", 147},      SyscallName{"setuid", 23},       SyscallName{"sigaction", 416},
    SyscallName{"sigprocmask", 340}, SyscallName{"sigqueue", 456},
    SyscallName{"sys_exit", 1},      SyscallName{"thr_create", 430},  SyscallName{"thr_exit", 431},
    SyscallName{"thr_kill", 433},    SyscallName{"thr_kill2", 481},   SyscallName{"thr_new", 455},
    SyscallName{"thr_self", 432},    SyscallName{"thr_suspend", 442}, SyscallName{"thr_wake", 443},
    SyscallName{"utrace", 335},      SyscallName{"vfork", 66},        SyscallName{"wait4", 7},
    SyscallName{"wait6", 532},
};
// clang-format on

// The number of a system call, or kUnknownSyscall if it is not in the table.
constexpr std::uint16_t syscall_number(std::string_view name) {
  std::size_t low = 0;
  std::size_t high = kSyscalls.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (kSyscalls[middle].name < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < kSyscalls.size() && kSyscalls[low].name == name ? kSyscalls[low].number : kUnknownSyscall;
}

// The same at compile time: `event.code == sys("wait4")`.  A name that is not in the table does not compile.
consteval std::uint16_t sys(std::string_view name) {
  const std::uint16_t number = syscall_number(name);
  return number != kUnknownSyscall ? number : throw "not in kSyscalls";
}

// DragonFly's number -> FreeBSD's, or the number with kOfDragonFly.  Up to FreeBSD 4.x, from which DragonFly comes, the
// numbers are the same but for sigaction, which FreeBSD renumbered in 5.0.
constexpr std::uint16_t from_dragonfly(std::uint16_t number) {
  constexpr std::uint16_t kOwn = 374;  // the first that FreeBSD gave out after the two parted
  switch (number) {
    case 342: return sys("sigaction");
    case 471: return sys("jail_attach");
    case 536: return sys("procctl");
    case 548: return sys("wait6");
    case 552: return sys("fexecve");
    default: return number < kOwn ? number : number | kOfDragonFly;
  }
}

// The name that FreeBSD 10 prints, or an empty string.
std::string_view syscall_name(std::uint16_t number);

// "SIGKILL" <-> 9, also "SIG 77" and "SIGRT3" as kdump(1) prints the numbers that have no name.
std::optional<std::int32_t> signal_number(std::string_view name);
std::string_view signal_name(std::int32_t signo);  // empty if the number has no name

// "WNOHANG|WUNTRACED" -> 3.
std::optional<std::uint64_t> wait_options(std::string_view names);
std::string_view wait_option_name(std::uint64_t bit);

// "P_PID" -> 0: whom wait6(2) and procctl(2) mean.
std::optional<std::uint64_t> idtype_number(std::string_view name);

// "SIG_BLOCK" -> 1: what sigprocmask(2) is to do.
std::optional<std::uint64_t> sigprocmask_how(std::string_view name);

// "PROC_TRACE_CTL" -> 7.
std::optional<std::uint64_t> procctl_command_number(std::string_view name);
std::string_view procctl_command_name(std::uint64_t command);

}  // namespace proctor::trace
