// SPDX-License-Identifier: BSD-2-Clause
//
// The system calls that the acceptor gives a meaning to, by FreeBSD number (sys/kern/syscalls.master, 10.4).
#pragma once

#include <cstdint>

#include "model/kernel.hpp"

namespace proctor::check {

namespace sys {
inline constexpr std::uint16_t exit = 1, fork = 2, wait4 = 7, setuid = 23, ptrace = 26, kill = 37, ktrace = 45,
                               osigaction = 46, execve = 59, vfork = 66, setreuid = 126, setregid = 127, setgid = 181,
                               setegid = 182, seteuid = 183, sysctl = 202, rfork = 251, setresuid = 311,
                               setresgid = 312, jail = 338, sigprocmask = 340, freebsd4_sigaction = 342, setugid = 374,
                               sigaction = 416, thr_create = 430, thr_exit = 431, thr_kill = 433, jail_attach = 436,
                               thr_new = 455, sigqueue = 456, abort2 = 463, thr_kill2 = 481, fexecve = 492,
                               cap_enter = 516, pdfork = 518, wait6 = 532, procctl = 544;
}

// procctl(2), sys/procctl.h
inline constexpr std::uint64_t PROC_REAP_ACQUIRE = 2, PROC_REAP_RELEASE = 3;

constexpr bool is(std::int32_t error, model::Errno what) { return error == std::int32_t(what); }

// What a log shows of an execve(2) that succeeded: EJUSTRETURN.
inline constexpr std::int32_t kJustReturn = -2;

constexpr bool is_fork(std::uint16_t code) {
  return code == sys::fork || code == sys::vfork || code == sys::rfork || code == sys::pdfork;
}
constexpr bool is_exec(std::uint16_t code) { return code == sys::execve || code == sys::fexecve; }
constexpr bool is_wait(std::uint16_t code) { return code == sys::wait4 || code == sys::wait6; }
constexpr bool changes_credentials(std::uint16_t code) {
  switch (code) {
    case sys::setuid:
    case sys::setreuid:
    case sys::setregid:
    case sys::setgid:
    case sys::setegid:
    case sys::seteuid:
    case sys::setresuid:
    case sys::setresgid:
    case sys::jail:
    case sys::jail_attach: return true;
    default: return false;
  }
}
// sigaction(2) in the numbers that it has had; the arguments are the same.
constexpr bool sets_signal_action(std::uint16_t code) {
  return code == sys::sigaction || code == sys::freebsd4_sigaction || code == sys::osigaction;
}
// Calls whose outcome the model judges.
constexpr bool is_modelled(std::uint16_t code) {
  return is_fork(code) || is_exec(code) || code == sys::exit || code == sys::wait4 || code == sys::wait6 ||
         code == sys::ptrace || code == sys::kill || code == sys::thr_new || code == sys::thr_create ||
         code == sys::thr_exit || code == sys::thr_kill || code == sys::thr_kill2 || code == sys::sigqueue ||
         code == sys::abort2;
}

}  // namespace proctor::check
