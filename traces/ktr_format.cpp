// SPDX-License-Identifier: BSD-2-Clause
#include "traces/ktr_format.hpp"

#include <limits>

#include "traces/text.hpp"

namespace proctor::trace {
namespace {

// One CTR() of the kernel.  `roles` says for each conversion of the format what its parameter is: p the subject's pid,
// t its thread id, a digit the index in Event::args, - nothing that an event has room for.
struct CtrFormat {
  Ktr line;
  std::string_view format;
  std::string_view roles;
  std::int32_t arg0 = -1;  // args[0], where the format itself says what it is
};

// Every format string of FreeBSD 10.2 to 15 that logs to KTR_PTRACE.  Where two begin alike the longer one is first.
// Those of 12 and later that Ktr has no enumerator for still say which process it was.
constexpr CtrFormat kFormats[] = {
    // sys_process.c
    {Ktr::trace_me, "PT_TRACE_ME: pid %d", "p"},
    {Ktr::attach, "PT_ATTACH: pid %d, oppid %d", "p0"},
    {Ktr::clearstep, "PT_CLEARSTEP: tid %d (pid %d)", "tp"},
    {Ktr::setstep, "PT_SETSTEP: tid %d (pid %d)", "tp"},
    {Ktr::suspend, "PT_SUSPEND: tid %d (pid %d)", "tp"},
    {Ktr::resume, "PT_RESUME: tid %d (pid %d)", "tp"},
    {Ktr::follow_fork, "PT_FOLLOW_FORK: pid %d %s -> %s", "p01"},
    {Ktr::lwp_events, "PT_LWP_EVENTS: pid %d %s -> %s", "p01"},
    {Ktr::get_event_mask, "PT_GET_EVENT_MASK: pid %d mask %#x", "p0"},
    {Ktr::set_event_mask, "PT_SET_EVENT_MASK: pid %d mask %#x -> %#x", "p01"},
    {Ktr::step, "PT_STEP: tid %d (pid %d), sig = %d", "tp0"},
    {Ktr::step, "PT_STEP: tid %d (pid %d)", "tp"},
    {Ktr::continue_, "PT_CONTINUE: pid %d, PC = %#lx, sig = %d", "p01"},
    {Ktr::continue_, "PT_CONTINUE: pid %d", "p"},
    {Ktr::to_sce, "PT_TO_SCE: pid %d, events = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::to_sce, "PT_TO_SCE: pid %d, stops = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::to_sce, "PT_TO_SCE: pid %d, stops = %#x", "p0"},
    {Ktr::to_scx, "PT_TO_SCX: pid %d, events = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::to_scx, "PT_TO_SCX: pid %d, stops = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::to_scx, "PT_TO_SCX: pid %d, stops = %#x", "p0"},
    {Ktr::syscall, "PT_SYSCALL: pid %d, events = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::syscall, "PT_SYSCALL: pid %d, stops = %#x, PC = %#lx, sig = %d", "p012"},
    {Ktr::syscall, "PT_SYSCALL: pid %d, stops = %#x", "p0"},
    {Ktr::detach, "PT_DETACH: pid %d reparented to pid %d, sig %d", "p01"},
    {Ktr::detach, "PT_DETACH: pid %d reparented to pid %d", "p0"},
    {Ktr::detach, "PT_DETACH: pid %d, sig %d", "p1", 0},
    {Ktr::detach, "PT_DETACH: pid %d", "p", 0},
    {Ktr::write, "PT_WRITE: pid %d: %p <= %#x", "p01"},
    {Ktr::read, "PT_READ: pid %d: %p >= %#x", "p01"},
    {Ktr::io, "PT_IO: pid %d: READ (%p, %#x)", "p12", 0},
    {Ktr::io, "PT_IO: pid %d: WRITE (%p, %#x)", "p12", 1},
    {Ktr::kill, "PT_KILL: pid %d", "p"},
    {Ktr::setregs, "PT_SETREGS: tid %d (pid %d)", "tp"},
    {Ktr::getregs, "PT_GETREGS: tid %d (pid %d)", "tp"},
    {Ktr::setfpregs, "PT_SETFPREGS: tid %d (pid %d)", "tp"},
    {Ktr::getfpregs, "PT_GETFPREGS: tid %d (pid %d)", "tp"},
    {Ktr::setdbregs, "PT_SETDBREGS: tid %d (pid %d)", "tp"},
    {Ktr::getdbregs, "PT_GETDBREGS: tid %d (pid %d)", "tp"},
    {Ktr::lwpinfo, "PT_LWPINFO: tid %d (pid %d) event %d flags %#x child pid %d syscall %d", "tp0123"},
    {Ktr::lwpinfo, "PT_LWPINFO: tid %d (pid %d) event %d flags %#x child pid %d", "tp012"},
    {Ktr::getnumlwps, "PT_GETNUMLWPS: pid %d: %d threads", "p0"},
    {Ktr::getlwplist, "PT_GETLWPLIST: pid %d: data %d, actual %d", "p01"},
    {Ktr::vm_timestamp, "PT_VM_TIMESTAMP: pid %d: timestamp %d", "p0"},
    {Ktr::vm_entry, "PT_VM_ENTRY: pid %d, entry %d, start %p", "p01"},
    {Ktr::none, "PT_GET_SC_ARGS: pid %d", "p"},
    {Ktr::none, "PT_LINUX_GET_SC_ARGS: pid %d", "p"},
    {Ktr::none, "PT_GET_SC_RET: pid %d error %d retval %#lx,%#lx", "p---"},
    {Ktr::none, "PT_COREDUMP: pid %d, fd %d", "p-"},
    {Ktr::none, "PT_SC_REMOTE: pid %d, syscall %d", "p-"},
    {Ktr::none, "PT_SETREGSET: tid %d (pid %d)", "tp"},
    {Ktr::none, "PT_GETREGSET: tid %d (pid %d)", "tp"},
    {Ktr::stopevent, "stopevent: pid %d event %u val %u", "p01"},
    // kern_sig.c
    {Ktr::ptracestop, "ptracestop: tid %d (pid %d) flags %#x sig %d", "tp01"},
    // kern_fork.c; 12 and later log it from do_fork()
    {Ktr::fork_return, "fork_return: attaching to new child pid %d: oppid %d", "p0"},
    {Ktr::fork_return, "do_fork: attaching to new child pid %d: oppid %d", "p0"},
    // kern_exit.c
    {Ktr::exit_orphan, "exit: pid %d, clearing orphan %d", "p0"},
    {Ktr::wait_moved, "wait: traced child %d moved back to parent %d", "p0"},
    {Ktr::wait_trapped, "wait: returning trapped pid %d status %#x (xstat %d) xthread %d", "p012"},
};

// Takes off `text` what the conversion at the front of `format` printed, and the conversion off `format`.
bool take_conversion(std::string_view& format, std::string_view& text, std::uint64_t& value) {
  const auto narrow = [&](auto number, auto taker) {
    if (!taker(text, number)) {
      return false;
    }
    value = static_cast<std::uint64_t>(number);  // sign-extended, as KTR keeps it
    return true;
  };
  const auto decimal = [](std::string_view& from, auto& to) { return take_decimal(from, to); };
  const auto hex = [](std::string_view& from, auto& to) { return take_sharp_hex(from, to); };
  if (take(format, "%d")) {
    return narrow(std::int32_t{}, decimal);
  }
  if (take(format, "%u")) {
    return narrow(std::uint32_t{}, decimal);
  }
  if (take(format, "%#x")) {
    return narrow(std::uint32_t{}, hex);
  }
  if (take(format, "%#lx") || take(format, "%p")) {
    return narrow(std::uint64_t{}, hex);
  }
  if (take(format, "%s")) {  // only ever "enabled" or "disabled"
    value = text.starts_with("enabled") ? 1 : 0;
    return take(text, "enabled") || take(text, "disabled");
  }
  return false;
}

bool read_with(const CtrFormat& format, std::string_view text, Event& event) {
  std::string_view pattern = format.format;
  std::size_t conversion = 0;
  while (!pattern.empty()) {
    const std::size_t percent = pattern.find('%');
    if (!take(text, pattern.substr(0, percent))) {
      return false;
    }
    if (percent == std::string_view::npos) {
      break;
    }
    pattern.remove_prefix(percent);
    std::uint64_t value = 0;
    if (!take_conversion(pattern, text, value)) {
      return false;
    }
    const char role = format.roles[conversion++];
    if (role == 'p') {
      event.pid = static_cast<std::int32_t>(value);
    } else if (role == 't') {
      event.tid = static_cast<std::int32_t>(value);
    } else if (role != '-') {
      event.args[static_cast<std::size_t>(role - '0')] = value;
      event.args_known |= static_cast<std::uint8_t>(1U << (role - '0'));
    }
  }
  if (!text.empty()) {
    return false;
  }
  if (format.arg0 >= 0) {
    event.args[0] = static_cast<std::uint64_t>(format.arg0);
    event.args_known |= 1;
  }
  event.ktr = format.line;
  event.kind = format.line == Ktr::none ? Kind::other : Kind::ktr;
  return true;
}

// What a format begins with, up to its first conversion: "PT_ATTACH: pid ".
constexpr std::string_view head_of(std::string_view format) { return format.substr(0, format.find('%')); }

// Each conversion has its role; checked by the compiler because read_with() relies on it.
constexpr bool roles_match() {
  for (const CtrFormat& format : kFormats) {
    std::size_t conversions = 0;
    for (const char c : format.format) {
      conversions += c == '%' ? 1 : 0;
    }
    if (conversions != format.roles.size()) {
      return false;
    }
    for (const char role : format.roles) {
      if (role != 'p' && role != 't' && role != '-' && (role < '0' || role >= '0' + kArgsMax)) {
        return false;
      }
    }
  }
  return true;
}
static_assert(roles_match());

// The first letters of all formats: most messages of other classes are told apart by these alone.
constexpr bool may_begin_message(char c) {
  return c == 'P' || c == 's' || c == 'p' || c == 'f' || c == 'd' || c == 'e' || c == 'w';
}

constexpr bool letters_match() {
  for (const CtrFormat& format : kFormats) {
    if (!may_begin_message(format.format[0])) {
      return false;
    }
  }
  return true;
}
static_assert(letters_match());

}  // namespace

std::optional<KtrFormat> find_format(std::string_view format) {
  for (const CtrFormat& known : kFormats)
    if (known.format == format) return KtrFormat{known.line, known.roles, known.arg0};
  return std::nullopt;
}

Message read_message(std::string_view text, Event& event) {
  if (text.empty() || !may_begin_message(text[0])) {
    return Message::other_class;
  }
  bool begun = false;
  for (const CtrFormat& format : kFormats) {
    if (!text.starts_with(head_of(format.format))) {
      continue;
    }
    begun = true;
    Event candidate = event;
    if (read_with(format, text, candidate)) {
      event = candidate;
      return Message::read;
    }
  }
  // "PT_ATT" and nothing else: cut inside the first word.  No other class has messages in this spelling.
  return begun || text.starts_with("PT_") ? Message::broken : Message::other_class;
}

}  // namespace proctor::trace
