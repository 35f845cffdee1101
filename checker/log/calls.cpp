// SPDX-License-Identifier: BSD-2-Clause
//
// System calls: the rule run on one state, with the outcome that the log shows as the filter.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checker/log/acceptor.hpp"
#include "checker/log/syscalls.hpp"
#include "model/rules/dragonfly_stop.hpp"
#include "model/rules/kill.hpp"

namespace proctor::check {

using model::Errno;
using model::Outcome;
using model::ProcState;
using model::rules::Report;
namespace rules = model::rules;

namespace {
constexpr int kRfproc = 0x10, kRfnowait = 0x40;
}  // namespace

// The process that a call is about, if the log names one.
Slot Acceptor::target(const InFlight& call) const {
  auto named = [&](std::int64_t id) {
    if (id <= 0 || id > 0x7fffffff) return kNone;
    if (id <= pid_max()) return names_.find(std::int32_t(id));
    const Slot td = names_.find_tid(std::int32_t(id));
    return td == kNone ? kNone : names_.find(names_.lwp(td).pid);
  };
  switch (call.code) {
    case sys::ptrace: return named(std::int64_t(call.args[1]));
    case sys::kill:
    case sys::thr_kill2:
    case sys::sigqueue: return named(std::int32_t(call.args[0]));
    case sys::wait4:
    case sys::wait6:
      if (call.returns && call.error == 0 && call.retval > 0) return named(call.retval);
      return named(call.code == sys::wait4 ? std::int32_t(call.args[0]) : std::int32_t(call.args[1]));
    case sys::fork:
    case sys::vfork:
    case sys::rfork:
    case sys::pdfork: return call.returns && call.error == 0 ? named(call.retval) : kNone;
    default: return kNone;
  }
}

// Each way in which the call can have had the outcome that the log shows; each is tried with as few internal steps as
// explain it.
std::vector<Acceptor::Attempt> Acceptor::outcomes(Slot td, const InFlight& call) {
  if ((call.code == sys::wait4 || call.code == sys::wait6) && call.error == 0 && call.retval > 0) {
    const rules::WaitArgs<Machine> args = wait_args(call);
    const Slot child = names_.find(std::int32_t(call.retval));
    std::vector<Attempt> kinds;
    auto possible = [&](Report report) {
      switch (report) {
        case Report::exited: return child == kNone || may_end_exit(child);
        case Report::stopped: return (args.options & rules::kWuntraced) != 0;
        case Report::continued: return (args.options & rules::kWcontinued) != 0;
        default: return true;
      }
    };
    for (const Report report : rules::kReports)
      if (possible(report))  // a zombie has nothing else to report
        kinds.push_back({[this, td, &call, report](Config& c) { return apply_wait(c, td, call, report); },
                         report == Report::exited});
    return kinds;
  }
  if (call.code == sys::ptrace && call.args[0] == rules::PT_SET_EVENT_MASK && line_ == nullptr) {
    // The mask is in the caller's memory.  Only PTRACE_FORK makes something happen that must: the other events are
    // stops, and a stop that a log does not show may or may not have been.
    std::vector<Attempt> kinds;
    for (int mask : {model::kEventsAll & ~model::PTRACE_FORK, int{model::kEventsAll}, model::kEventsAll + 1})
      kinds.push_back({[this, td, &call, mask](Config& c) { return apply_ptrace(c, td, call, mask); }});
    return kinds;
  }
  if ((call.code == sys::wait4 || call.code == sys::wait6) && call.error != 0)
    return {{[this, td, &call](Config& c) { return apply(c, td, call) || apply_wait_unheard(c, td, call); }}};
  return {{[this, td, &call](Config& c) { return apply(c, td, call); }}};
}

bool Acceptor::apply(Config& c, Slot td, const InFlight& call) {
  if (c.lwp(td).proc == kNone) return false;  // the thread is gone in this state
  if (is_fork(call.code)) return apply_fork(c, td, call);
  if (is_exec(call.code)) return apply_exec(c, td, call);
  switch (call.code) {
    case sys::wait4:
    case sys::wait6:
      if (call.error != 0 || call.retval <= 0) return apply_wait_nothing(c, td, call);
      for (const Report report : rules::kReports) {
        Config copy = c;
        if (!apply_wait(copy, td, call, report)) continue;
        c = copy;
        return true;
      }
      return false;
    case sys::ptrace: return apply_ptrace(c, td, call, line_ == nullptr ? 0 : int(line_->args[1]));
    case sys::kill:
    case sys::sigqueue:
    case sys::thr_kill:
    case sys::thr_kill2: return apply_kill(c, td, call);
    case sys::thr_new:
    case sys::thr_create: return apply_thread(c, td, call);
    case sys::thr_exit: return call.error == 0;  // it returns only in the last thread
    default: return true;
  }
}

bool Acceptor::apply_fork(Config& c, Slot td, const InFlight& call) {
  if (call.error != 0) return true;  // no process slot, no memory: not in the state
  if (call.code == sys::rfork && (int(call.args[0]) & kRfproc) == 0) return call.retval == 0;
  const Slot child = names_.find(std::int32_t(call.retval));
  if (call.retval <= 0 || child == kNone || call.child_td == kNone) return false;
  // fork_findpid() counts up and starts again at 100: pids are not in the model's state.
  constexpr std::int32_t kFirstAfterWrap = 100;
  if (call.retval < kFirstAfterWrap && call.retval < call.pid_before) {
    note([&] {
      return fmt::format("a pid above {}, or above 99 once pids have wrapped {}", call.pid_before,
                         place(model::in("fork-pid-order", "fork_findpid", "kern_fork.c").of(kernel_)));
    });
    return false;
  }
  Machine m(c.k, kernel_);
  rules::fork1(
      m, m.lwp(td), m.proc(child), m.lwp(call.child_td),
      {.ppwait = call.code == sys::vfork, .nowait = call.code == sys::rfork && (int(call.args[0]) & kRfnowait) != 0});
  c.set_sigchld(child, c.sigchld(c.lwp(td).proc));  // kern_fork.c:513
  if (!m.outcome().possible) {
    if (c.proc(child).state != ProcState::free)
      note([&] { return fmt::format("a pid that is not in use, and process {} lives", call.retval); });
    failed(m.outcome().clause, Errno::ok, false);
  }
  return m.outcome().possible;
}

bool Acceptor::apply_exec(Config& c, Slot td, const InFlight& call) {
  if (call.error != 0 && call.error != kJustReturn) return true;  // what the file is, is not in the state
  Machine m(c.k, kernel_);
  rules::execve(m, m.lwp(td), false);
  c.set_sigchld(c.lwp(td).proc, Sigchld::taken);  // kern_sig.c:1016
  if (kernel_.tokens && !names_[c.lwp(td).proc].masks_signals) rules::exec_trap(m, m.lwp(td));
  if (!m.outcome().possible) failed(m.outcome().clause, Errno::ok, false);
  return m.outcome().possible;
}

rules::WaitArgs<Machine> Acceptor::wait_args(const InFlight& call) const {
  if (call.code == sys::wait4) {
    const auto pid = std::int32_t(call.args[0]);
    return {.set = pid == -1 ? rules::WaitFor::any
                   : pid > 0 ? rules::WaitFor::pid
                             : rules::WaitFor::unknown,
            .pid = {names_.find(pid)},
            .options = rules::wait4_options(int(call.args[2]))};
  }
  const bool by_pid = call.args[0] == model::kPPid && std::int32_t(call.args[1]) != 0;
  return {.set = call.args[0] == model::kPAll ? rules::WaitFor::any
                 : by_pid                     ? rules::WaitFor::pid
                                              : rules::WaitFor::unknown,
          .pid = {names_.find(std::int32_t(call.args[1]))},
          .options = int(call.args[3])};
}

bool Acceptor::apply_wait(Config& c, Slot td, const InFlight& call, Report report) {
  if (c.lwp(td).proc == kNone) return false;
  const Slot p = names_.find(std::int32_t(call.retval));
  if (p == kNone) return false;
  if (!kernel_.tokens && (report == Report::trapped || report == Report::stopped)) settle(c, p);
  const rules::WaitArgs<Machine> args = wait_args(call);
  if (args.set == rules::WaitFor::pid && args.pid.v != p) {
    note([&] {
      return fmt::format("process {} or an error: no other was asked for",
                         std::int32_t(call.args[call.code == sys::wait6]));
    });
    return false;
  }
  Machine m(c.k, kernel_);
  rules::wait_report(m, m.proc(c.lwp(td).proc), m.proc(p), args, report);
  const Outcome& out = m.outcome();
  if (!out.possible) {
    if (report == Report::exited)
      note([&] {
        return fmt::format("process {} is no child of {} that has something to report {}", call.retval,
                           names_.lwp(td).pid, place(out.clause));
      });
    return false;
  }
  if (out.emissions == 0 || !tracing_lines()) return true;
  if (line_ == nullptr) return begins_late_ && !is_shown(out) && line_of(call) != Line::due;
  return matches(c, out.emitted[0], *line_);
}

// The children that were asked for have ended, however many, and nobody was told: the caller ignores SIGCHLD.
bool Acceptor::apply_wait_unheard(Config& c, Slot td, const InFlight& call) {
  const Slot self = c.lwp(td).proc;
  if (self == kNone || names_[self].sigchld_settled) return false;
  const rules::WaitArgs<Machine> args = wait_args(call);
  const bool noting = std::exchange(noting_, false);
  Config after = c;
  bool one = false;
  for (Slot p = 0; p < KernelState::kProcs; ++p) {
    if (after.proc(p).state != ProcState::normal || after.proc(p).p_pptr != self || !may_end_exit(p)) continue;
    if ((args.set == rules::WaitFor::pid && args.pid.v != p) || !may_begin_exit(after, p)) continue;
    Frontier ends;
    end_exit(after, p, 0, ends);
    const auto unheard = std::find_if(ends.begin(), ends.end(), [&](const Config& e) {
      return e.proc(p).p_pptr != self && e.proc(self).state == ProcState::normal;
    });
    if (unheard == ends.end()) continue;
    after = *unheard;
    one = true;
  }
  const bool explained = one && apply(after, td, call);
  noting_ = noting;
  if (explained) c = after;
  return explained;
}

bool Acceptor::apply_wait_nothing(Config& c, Slot td, const InFlight& call) {
  if (!call.returns) return true;
  for (const Errno unasked : {Errno::eintr, Errno::erestart, Errno::efault})
    if (ended_with(call.error, unasked)) return true;
  const rules::WaitArgs<Machine> args = wait_args(call);
  for (std::uint8_t choice = 0; choice < 2; ++choice) {
    Config copy = c;
    model::Choices choices{};
    choices[std::size_t(model::Open::cansee)] = choice;
    Machine m(copy.k, kernel_, choices);
    rules::wait_nothing(m, m.proc(c.lwp(td).proc), args);
    const Outcome& out = m.outcome();
    const bool sleeps = out.error == Errno::ok && (args.options & rules::kWnohang) == 0;
    if (out.possible && !sleeps && int(out.error) == call.error) return true;
    if (!out.possible)
      failed("a child that has something to report");
    else if (sleeps)
      failed("sleep until a child has something to report");
    else
      failed(out.clause, out.error);
    if (out.opens == 0) break;
  }
  return false;
}

// p_candebug() may refuse only where credentials can differ.
bool Acceptor::may_be_refused(Slot caller, Slot p) const {
  if (p == kNone || caller == kNone) return false;
  const ProcName &a = names_[caller], &b = names_[p];
  return a.credentials != b.credentials || a.credentials_changed || b.credentials_changed || b.notrace;
}

// Runs sys_ptrace() under every resolution of what the model leaves open, until one gives the wanted outcome.
bool Acceptor::run_ptrace(Config& c, Slot td, const rules::PtraceArgs<Machine>& args,
                          const std::function<bool(const Outcome&)>& wanted) {
  const Slot caller = c.lwp(td).proc;
  const bool refusable = may_be_refused(caller, Slot(args.pid.v));
  model::Choices choices{};
  for (;;) {
    Config copy = c;
    Machine m(copy.k, kernel_, choices);
    rules::sys_ptrace(m, m.lwp(td), args);
    const Outcome& out = m.outcome();
    if (out.possible && wanted(out)) {
      c = copy;
      return true;
    }
    if (choices == model::Choices{}) failed(out.clause, out.error, out.possible);
    // the next resolution, counting in the mixed radix of the choices met
    int i = out.opens - 1;
    for (; i >= 0; --i) {
      const model::Open kind = out.open_kind[std::size_t(i)];
      // asked twice, answered once: the first time counts
      if (out.open_kind.has_among_first(std::size_t(i), kind)) continue;
      std::uint8_t& choice = choices[std::size_t(kind)];
      const bool credentials = model::words(kind).by == model::OpenWords::By::credentials;
      const bool settled = std::find(kSettled.begin(), kSettled.end(), kind) != kSettled.end();
      if ((!credentials || refusable) && !settled && choice + 1 < out.open_ways[std::size_t(i)]) {
        ++choice;
        break;
      }
      choice = 0;
    }
    if (i < 0) return false;
  }
}

bool Acceptor::apply_ptrace(Config& c, Slot td, const InFlight& call, int event_mask) {
  if (c.lwp(td).proc == kNone) return false;
  const auto id = std::int32_t(call.args[1]);
  const auto req = rules::Request(std::int32_t(call.args[0]));
  // A process that was there before the log began may have entered capability mode before.
  const bool unknown_capmode =
      names_[c.lwp(td).proc].before_log && call.returns && ended_with(call.error, Errno::ecapmode);
  rules::PtraceArgs<Machine> args{.req = req,
                                  .pid = {kNone},
                                  .tid = {kNone},
                                  .data = {std::int32_t(call.args[3])},
                                  .event_mask = {event_mask},
                                  .capmode = {names_[c.lwp(td).proc].capmode || unknown_capmode}};
  if (id <= pid_max() || req == rules::PT_TRACE_ME) {
    if (id >= 0 && req != rules::PT_TRACE_ME) args.pid = {id == 0 ? names_.kernel() : names_.find(id)};
    return apply_request(c, td, call, args);
  }
  args.tid = {names_.find_tid(id)};
  if (args.tid.v != kNone) args.pid = {c.lwp(Slot(args.tid.v)).proc};
  if (args.tid.v != kNone && apply_request(c, td, call, args)) return true;
  if (threads_shown_) return args.tid.v == kNone && apply_request(c, td, call, args);
  // A log without thread ids: a thread of a process that the caller traces, of its own, of the kernel, or none that is.
  const Slot self = c.lwp(td).proc;
  Machine any(c.k, kernel_);
  for (Slot p = 0; p < KernelState::kProcs; ++p) {
    const bool tracee = (c.proc(p).p_flag & model::P_TRACED) != 0 && c.proc(p).p_pptr == self;
    if (!tracee && p != self && p != names_.kernel()) continue;
    args.pid = {p};
    args.tid = any.first_lwp(any.proc(p));
    if (apply_request(c, td, call, args)) return true;
  }
  args.pid = args.tid = {kNone};
  return apply_request(c, td, call, args);
}

// The same for the process and thread that were found.
bool Acceptor::apply_request(Config& c, Slot td, const InFlight& call, const rules::PtraceArgs<Machine>& args) {
  const rules::Request req = args.req;
  auto wanted = [&](const Outcome& out) {
    if (call.returns && int(out.error) != call.error) return false;
    if (call.returns && call.error == 0 && (req == rules::PT_GETNUMLWPS || req == rules::PT_GETLWPLIST) &&
        out.result != call.retval && writes(Slot(args.pid.v))) {
      note([&] { return fmt::format("{} threads", out.result); });
      return false;
    }
    if (!tracing_lines() || out.emissions == 0) return line_ == nullptr;
    if (line_ == nullptr)
      return begins_late_ && !is_lined(names_.pid(out.emitted[0].proc)) && line_of(call) != Line::due;
    return matches(c, out.emitted[0], *line_);
  };
  if (call.may_be_denied) {
    Config denied = c;
    std::uint16_t& setting = denied.proc(kInit).p_cred;
    setting |= model::CR_NO_UNPRIVILEGED;
    const bool explains = run_ptrace(denied, td, args, wanted);
    setting = std::uint16_t(setting & ~model::CR_NO_UNPRIVILEGED);
    call.if_denied = call.if_denied || explains;
    Config plain = c;
    if (call.must_be_denied || !run_ptrace(plain, td, args, wanted)) {
      if (explains) c = denied;
      return explains;
    }
    call.if_not_denied = true;
  }
  if (run_ptrace(c, td, args, wanted)) {
    // A log without thread ids does not tell which thread a later record comes from: none may be held back.
    if (req == rules::PT_SUSPEND && !threads_shown_)
      for (Lwp& other : c.k.lwp) other.td_flag = std::uint16_t(other.td_flag & ~model::TDB_SUSPEND);
    return true;
  }
  // An exec of the target in flight may have set P_INEXEC.
  const Slot p = Slot(args.pid.v);
  if (p == kNone) return false;
  for (Slot other : in_flight_)
    if (is_exec(calls_[other].code) && c.lwp(other).proc == p) {
      Config copy = c;
      Machine m(copy.k, kernel_);
      rules::execve_begins(m, m.lwp(other));
      if (!m.outcome().possible || !run_ptrace(copy, td, args, wanted)) continue;
      c = copy;
      c.proc(p).p_flag = std::uint16_t(c.proc(p).p_flag & ~model::P_INEXEC);
      return true;
    }
  return false;
}

bool Acceptor::apply_kill(Config& c, Slot td, const InFlight& call) {
  const Slot self = c.lwp(td).proc;
  const bool to_thread = call.code == sys::thr_kill;
  const auto pid = to_thread ? names_.lwp(td).pid : std::int32_t(call.args[0]);
  const auto sig = std::int32_t(call.args[call.code == sys::thr_kill2 ? 2 : 1]);
  if (!call.returns && !kernel_.tokens) return true;
  if (pid <= 0 || call.code == sys::thr_kill2 || (to_thread && call.error != 0)) return true;  // a group, a thread id
  const Slot p = names_.find(pid);
  model::Choices choices{};
  choices[std::size_t(model::Open::candebug)] = ended_with(call.error, Errno::eperm) && may_be_refused(self, p) ? 1 : 0;
  Machine m(c.k, kernel_, choices);
  rules::kill(m, m.lwp(td), m.proc(p), {sig}, {names_[self].capmode && p != self});
  const Outcome& out = m.outcome();
  if (int(out.error) == call.error) return true;
  failed(out.clause, out.error);
  return false;
}

bool Acceptor::apply_thread(Config& c, Slot td, const InFlight& call) {
  if (call.returns && call.error != 0) return true;
  Machine m(c.k, kernel_);
  rules::thread_create(m, m.proc(c.lwp(td).proc), m.lwp(call.child_td));
  return true;
}

}  // namespace proctor::check
