// SPDX-License-Identifier: BSD-2-Clause
#include "traces/event.hpp"

#include <fmt/format.h>

namespace proctor::trace {

std::string_view name(Format format) {
  switch (format) {
    case Format::ktrace_freebsd_v0_lp64_le: return "ktrace.out";
    case Format::ktrace_dragonfly_lp64_le: return "ktrace.out";
    case Format::kdump_text: return "kdump text";
    case Format::ktrdump_text: return "ktrdump text";
    case Format::ktr_console: return "console lines of debug.ktr.verbose";
  }
  return "?";
}

// What the line begins with in the log, and where that is not enough what it says.
std::string_view name(Ktr line) {
  switch (line) {
    case Ktr::none: return "none";
    case Ktr::trace_me: return "PT_TRACE_ME";
    case Ktr::attach: return "PT_ATTACH";
    case Ktr::clearstep: return "PT_CLEARSTEP";
    case Ktr::setstep: return "PT_SETSTEP";
    case Ktr::suspend: return "PT_SUSPEND";
    case Ktr::resume: return "PT_RESUME";
    case Ktr::follow_fork: return "PT_FOLLOW_FORK";
    case Ktr::lwp_events: return "PT_LWP_EVENTS";
    case Ktr::get_event_mask: return "PT_GET_EVENT_MASK";
    case Ktr::set_event_mask: return "PT_SET_EVENT_MASK";
    case Ktr::step: return "PT_STEP";
    case Ktr::continue_: return "PT_CONTINUE";
    case Ktr::to_sce: return "PT_TO_SCE";
    case Ktr::to_scx: return "PT_TO_SCX";
    case Ktr::syscall: return "PT_SYSCALL";
    case Ktr::detach: return "PT_DETACH";
    case Ktr::write: return "PT_WRITE";
    case Ktr::read: return "PT_READ";
    case Ktr::io: return "PT_IO";
    case Ktr::kill: return "PT_KILL";
    case Ktr::setregs: return "PT_SETREGS";
    case Ktr::getregs: return "PT_GETREGS";
    case Ktr::setfpregs: return "PT_SETFPREGS";
    case Ktr::getfpregs: return "PT_GETFPREGS";
    case Ktr::setdbregs: return "PT_SETDBREGS";
    case Ktr::getdbregs: return "PT_GETDBREGS";
    case Ktr::lwpinfo: return "PT_LWPINFO";
    case Ktr::getnumlwps: return "PT_GETNUMLWPS";
    case Ktr::getlwplist: return "PT_GETLWPLIST";
    case Ktr::vm_timestamp: return "PT_VM_TIMESTAMP";
    case Ktr::vm_entry: return "PT_VM_ENTRY";
    case Ktr::ptracestop: return "ptracestop";
    case Ktr::fork_return: return "fork_return";
    case Ktr::exit_orphan: return "exit: clearing orphan";
    case Ktr::wait_moved: return "wait: traced child moved back";
    case Ktr::wait_trapped: return "wait: returning trapped";
    case Ktr::stopevent: return "stopevent";
  }
  return "?";
}

std::string Log::where(const Event& event) const {
  return is_binary() ? fmt::format("{}:record {} (byte {:#x})", path, event.at.record, event.at.offset)
                     : fmt::format("{}:{}", path, event.at.line);
}

}  // namespace proctor::trace
