// SPDX-License-Identifier: BSD-2-Clause
#include "traces/names.hpp"

#include "traces/text.hpp"

namespace proctor::trace {
namespace {

struct Name {
  std::string_view name;
  std::int32_t number;
};

// sys/signal.h.  SIGIOT and SIGEMT's neighbours are spelled as kdump(1) spells them: sys_signame with "SIG" before it.
constexpr Name kSignals[] = {
    {"SIGHUP", 1},     {"SIGINT", 2},   {"SIGQUIT", 3},    {"SIGILL", 4},   {"SIGTRAP", 5},   {"SIGABRT", 6},
    {"SIGIOT", 6},     {"SIGEMT", 7},   {"SIGFPE", 8},     {"SIGKILL", 9},  {"SIGBUS", 10},   {"SIGSEGV", 11},
    {"SIGSYS", 12},    {"SIGPIPE", 13}, {"SIGALRM", 14},   {"SIGTERM", 15}, {"SIGURG", 16},   {"SIGSTOP", 17},
    {"SIGTSTP", 18},   {"SIGCONT", 19}, {"SIGCHLD", 20},   {"SIGTTIN", 21}, {"SIGTTOU", 22},  {"SIGIO", 23},
    {"SIGXCPU", 24},   {"SIGXFSZ", 25}, {"SIGVTALRM", 26}, {"SIGPROF", 27}, {"SIGWINCH", 28}, {"SIGINFO", 29},
    {"SIGUSR1", 30},   {"SIGUSR2", 31}, {"SIGTHR", 32},    {"SIGLWP", 32},  {"SIGLIBRT", 33}, {"SIGRTMIN", 65},
    {"SIGRTMAX", 126},
};
constexpr std::int32_t kSigRtMin = 65;
constexpr std::int32_t kSigRtMax = 126;

// sys/wait.h
constexpr Name kWaitOptions[] = {
    {"WNOHANG", 0x1}, {"WUNTRACED", 0x2}, {"WSTOPPED", 0x2},  {"WCONTINUED", 0x4},
    {"WNOWAIT", 0x8}, {"WEXITED", 0x10},  {"WTRAPPED", 0x20},
};

// sys/wait.h, enum idtype
constexpr Name kIdtypes[] = {
    {"P_PID", 0},     {"P_PPID", 1},  {"P_PGID", 2},   {"P_SID", 3},     {"P_CID", 4},     {"P_UID", 5},
    {"P_GID", 6},     {"P_ALL", 7},   {"P_LWPID", 8},  {"P_TASKID", 9},  {"P_PROJID", 10}, {"P_POOLID", 11},
    {"P_JAILID", 12}, {"P_CTID", 13}, {"P_CPUID", 14}, {"P_PSETID", 15},
};

// sys/procctl.h
constexpr Name kProcctlCommands[] = {
    {"PROC_SPROTECT", 1},     {"PROC_REAP_ACQUIRE", 2}, {"PROC_REAP_RELEASE", 3}, {"PROC_REAP_STATUS", 4},
    {"PROC_REAP_GETPIDS", 5}, {"PROC_REAP_KILL", 6},    {"PROC_TRACE_CTL", 7},    {"PROC_TRACE_STATUS", 8},
};

// sys/signal.h
constexpr Name kMaskHows[] = {{"SIG_BLOCK", 1}, {"SIG_UNBLOCK", 2}, {"SIG_SETMASK", 3}};

template <std::size_t N>
std::optional<std::int32_t> number_in(const Name (&table)[N], std::string_view name) {
  for (const Name& entry : table) {
    if (entry.name == name) {
      return entry.number;
    }
  }
  return std::nullopt;
}

template <std::size_t N>
std::string_view name_in(const Name (&table)[N], std::int64_t number) {
  for (const Name& entry : table) {
    if (entry.number == number) {
      return entry.name;
    }
  }
  return {};
}

constexpr bool sorted_by_name() {
  for (std::size_t i = 1; i < kSyscalls.size(); ++i) {
    if (!(kSyscalls[i - 1].name < kSyscalls[i].name)) {
      return false;
    }
  }
  return true;
}
static_assert(sorted_by_name(), "syscall_number() searches by halves");

}  // namespace

std::string_view syscall_name(std::uint16_t number) {
  if (number == sys("exit")) {
    return "exit";  // "_exit" sorts before it and is what 15 prints
  }
  for (const SyscallName& entry : kSyscalls) {
    if (entry.number == number) {
      return entry.name;
    }
  }
  return {};
}

std::optional<std::int32_t> signal_number(std::string_view name) {
  if (!name.starts_with("SIG")) {
    return std::nullopt;
  }
  if (const auto number = number_in(kSignals, name)) {
    return number;
  }
  std::string_view rest = name.substr(3);
  std::int32_t offset = 0;
  if (rest.starts_with("RT")) {
    rest.remove_prefix(2);
    offset = kSigRtMin;
  } else if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  }
  std::int32_t number = 0;
  if (!take_decimal(rest, number) || !rest.empty() || (offset != 0 && (number < 0 || number > kSigRtMax - offset))) {
    return std::nullopt;
  }
  return offset + number;
}

std::string_view signal_name(std::int32_t signo) { return name_in(kSignals, signo); }

std::optional<std::uint64_t> wait_options(std::string_view names) {
  std::uint64_t options = 0;
  while (true) {
    const std::size_t bar = names.find('|');
    const auto bit = number_in(kWaitOptions, names.substr(0, bar));
    if (!bit) {
      return std::nullopt;
    }
    options |= static_cast<std::uint64_t>(*bit);
    if (bar == std::string_view::npos) {
      return options;
    }
    names.remove_prefix(bar + 1);
  }
}

std::string_view wait_option_name(std::uint64_t bit) { return name_in(kWaitOptions, static_cast<std::int64_t>(bit)); }

std::optional<std::uint64_t> idtype_number(std::string_view name) { return number_in(kIdtypes, name); }

std::optional<std::uint64_t> sigprocmask_how(std::string_view name) { return number_in(kMaskHows, name); }

std::optional<std::uint64_t> procctl_command_number(std::string_view name) { return number_in(kProcctlCommands, name); }

std::string_view procctl_command_name(std::uint64_t command) {
  return name_in(kProcctlCommands, static_cast<std::int64_t>(command));
}

}  // namespace proctor::trace
