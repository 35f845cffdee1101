// SPDX-License-Identifier: BSD-2-Clause
#include "model/line_parameters.hpp"

namespace proctor::model {

using trace::Ktr;

std::span<const LineParameter> parameters(Ktr line) {
  using Is = LineParameter::Is;
  static constexpr LineParameter oppid[] = {{"oppid", Is::process, 0, 0}};
  static constexpr LineParameter tid[] = {{"tid", Is::thread, 0, kThreadOfLine}};
  static constexpr LineParameter old_and_new[] = {{"old", Is::events, 0, 0}, {"new", Is::number, 1, 1}};
  static constexpr LineParameter mask[] = {{"mask", Is::events, 0, 0}};
  static constexpr LineParameter sig[] = {{"sig", Is::number, 1, 1}};
  static constexpr LineParameter events_and_sig[] = {{"events", Is::events, 0, 0}, {"sig", Is::number, 1, 2}};
  static constexpr LineParameter detach[] = {{"reparented to pid", Is::process, 0, 0}, {"sig", Is::number, 1, 1}};
  static constexpr LineParameter value[] = {{"value", Is::number, 0, 1}};
  static constexpr LineParameter io[] = {{"0 for READ, 1 for WRITE:", Is::number, 0, 0}};
  static constexpr LineParameter lwpinfo[] = {
      {"tid", Is::thread, 0, kThreadOfLine}, {"event", Is::number, 1, 0}, {"flags", Is::number, 2, 1}};
  static constexpr LineParameter threads[] = {{"threads", Is::number, 0, 0}};
  static constexpr LineParameter list[] = {{"data", Is::number, 0, 0}, {"actual", Is::number, 1, 1}};
  static constexpr LineParameter parent[] = {{"parent", Is::process, 0, 0}};
  static constexpr LineParameter orphan[] = {{"orphan", Is::process, 0, 0}};
  static constexpr LineParameter trapped[] = {{"xstat", Is::number, 0, 1}, {"xthread", Is::thread, 1, 2}};
  switch (line) {
    case Ktr::attach:
    case Ktr::fork_return: return oppid;
    case Ktr::clearstep:
    case Ktr::setstep:
    case Ktr::suspend:
    case Ktr::resume:
    case Ktr::step:
    case Ktr::setregs:
    case Ktr::getregs:
    case Ktr::setfpregs:
    case Ktr::getfpregs:
    case Ktr::setdbregs:
    case Ktr::getdbregs:
    case Ktr::ptracestop: return tid;
    case Ktr::follow_fork:
    case Ktr::lwp_events:
    case Ktr::set_event_mask: return old_and_new;
    case Ktr::get_event_mask: return mask;
    case Ktr::continue_: return sig;
    case Ktr::to_sce:
    case Ktr::to_scx:
    case Ktr::syscall: return events_and_sig;
    case Ktr::detach: return detach;
    case Ktr::write: return value;
    case Ktr::io: return io;
    case Ktr::lwpinfo: return lwpinfo;
    case Ktr::getnumlwps: return threads;
    case Ktr::getlwplist: return list;
    case Ktr::wait_moved: return parent;
    case Ktr::exit_orphan: return orphan;
    case Ktr::wait_trapped: return trapped;
    default: return {};
  }
}

}  // namespace proctor::model
