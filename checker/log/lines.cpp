// SPDX-License-Identifier: BSD-2-Clause
//
// KTR_PTRACE lines.  A line marks the moment of an effect.  It names no caller: with a ktrace log beside it the caller is
// a call in flight, else the debugger that the state knows, a process without a name.
#include <fmt/format.h>

#include <algorithm>

#include "checker/log/acceptor.hpp"
#include "checker/log/syscalls.hpp"
#include "model/rules/lifecycle.hpp"
#include "model/words/requests.hpp"

namespace proctor::check {

using model::Emission;
using model::LineParameter;
using model::Outcome;
using model::ProcState;
using trace::Event;
using trace::Ktr;
namespace rules = model::rules;

namespace {

bool names_thread(Ktr line) {
  const auto all = model::parameters(line);
  return std::any_of(all.begin(), all.end(), [](const LineParameter& p) { return p.logged == model::kThreadOfLine; });
}

bool resumes(Ktr line) {
  return line == Ktr::continue_ || line == Ktr::to_sce || line == Ktr::to_scx || line == Ktr::syscall;
}

// The data argument that the call must have had, as far as the line shows it.
std::int32_t data_of(const Event& e) {
  for (const LineParameter& p : model::words(e.ktr).parameters)
    if (p.data) return std::int32_t(e.args[std::size_t(p.logged)]);
  return model::writer_of(e.ktr)->data;
}

constexpr std::uint16_t kEntryFlags = model::TDB_SCE | model::TDB_SCX | model::TDB_USERWR;

}  // namespace

// Do the parameters that the state determines agree with what the line says?
bool Acceptor::matches(const Config& c, const Emission& emission, const Event& e) const {
  const auto arg = [&](int i) { return std::int32_t(e.args[std::size_t(i)]); };
  auto* self = const_cast<Acceptor*>(this);
  auto same = [&](std::string_view what, std::int64_t model, std::int64_t log) {
    if (model == log) return true;
    self->note([&] { return fmt::format("{} {}", what, model); });
    return false;
  };
  if (emission.line != e.ktr) return false;
  if (!same("pid", names_.pid(emission.proc), e.pid)) return false;
  const auto tid = [&](Slot td) { return td == kNone ? -1 : names_.lwp(td).tid; };
  const auto is_of_line = [&](const LineParameter& p) {
    const Slot emitted = Slot(emission.arg[std::size_t(p.emitted)]);
    switch (p.is) {
      case LineParameter::Is::events:
        if (!names_[emission.proc].events_known) return true;
        [[fallthrough]];
      case LineParameter::Is::number: return same(p.name, emission.arg[std::size_t(p.emitted)], arg(p.logged));
      case LineParameter::Is::process: return same(p.name, names_.pid(emitted), arg(p.logged));
      case LineParameter::Is::thread:
        if (p.logged == model::kThreadOfLine)
          return e.tid <= 0 || tid(emitted) <= 0 || same(p.name, tid(emitted), e.tid);
        return tid(emitted) == 0 || same(p.name, tid(emitted), arg(p.logged));
    }
    return true;
  };
  const auto all = model::parameters(e.ktr);
  if (e.ktr != Ktr::lwpinfo) {
    if (e.ktr == Ktr::wait_trapped && !same("status (W_STOPCODE of xstat)", arg(1) << 8 | 0x7f, arg(0))) return false;
    return std::all_of(all.begin(), all.end(), is_of_line);
  }
  // What is in the reply depends on when the log began and on what it does not show.
  if (!is_of_line(all.front())) return false;
  const Lwp& td = c.lwp(Slot(emission.arg[0]));
  if (!names_.lwp(Slot(emission.arg[0])).flags_known) return same("event, at least", 0, arg(0) & ~1);
  const bool entered = (td.td_flag & model::TDB_XSIG) != 0;
  const int free = rules::PL_FLAG_SI | (entered ? 0 : rules::PL_FLAG_SCE | rules::PL_FLAG_SCX);
  return same("event", emission.arg[1], arg(0)) && same("flags", emission.arg[2] & ~free, arg(1) & ~free);
}

bool Acceptor::call_may_write(const InFlight& call, const Event& e) const {
  if (call.code == sys::wait4 || call.code == sys::wait6) {
    if (e.ktr != Ktr::wait_trapped && e.ktr != Ktr::wait_moved) return false;
    return !call.returns || (call.error == 0 && call.retval == e.pid);
  }
  if (call.code != sys::ptrace) return false;
  const bool same = model::line_of(std::int64_t(call.args[0])) == e.ktr;
  if (e.ktr == Ktr::read || e.ktr == Ktr::write) return same && call.args[2] == e.args[0];  // the tracee's address
  return same;
}

// The parent of a vfork stops: at the end of that call, with TDB_SCX, or once its child has gone on.  Then TDB_VFORK is set
// in the stop that reports just that, if it is asked for; syscallret() has cleared it before any other.
bool Acceptor::vfork_wait_ends(Machine& m, const model::LwpRef<Machine>& td, std::uint16_t observed) {
  if (!td[model::TD_RFPPWAIT | model::TDB_VFORK].v || (observed & model::TDB_FORK) != 0) return true;
  const bool marked = (observed & model::TDB_VFORK) != 0;
  if ((observed & model::TDB_SCX) != 0 && (marked || !kernel_.vfork_is_marked)) return true;
  rules::vfork_wait_over(m, td);
  const auto p = m.proc(Slot(td[model::td_proc].v));
  const bool events_known = names_[Slot(p.slot.v)].events_known;
  const bool wanted = rules::wants_event(p, model::PTRACE_VFORK).v;
  const model::Clause done = model::at("vfork-done-stop", 255, "subr_syscall.c").of(kernel_);
  m.guard({!marked || wanted || !events_known}, done);
  if (marked) return m.outcome().possible;
  constexpr std::uint16_t kWhich = model::TDB_VFORK | model::TDB_FORK | model::TDB_SCX;
  const bool reported = (names_.lwp(Slot(td.slot.v)).reported & kWhich) == model::TDB_VFORK;
  // With other threads about, the debugger may have begun to ask since.
  const bool asked = wanted && events_known && p[model::p_numthreads].v == 1;
  m.guard({reported || !asked}, done);
  m.clear(td, model::TDB_VFORK);
  return m.outcome().possible;
}

// ptracestop(): the thread enters a stop; its flags say why.
bool Acceptor::stop_line(Config& c, const Event& e, Slot p, Slot td) {
  const auto observed = std::uint16_t(e.args[0] & model::TDB_MASK);
  const auto sig = std::int32_t(e.args[1]);
  if (c.lwp(td).proc != p || c.proc(p).state != ProcState::normal || (c.proc(p).p_flag & model::P_WEXIT) != 0) {
    note([&] { return fmt::format("thread {} does not run", e.tid); });
    return false;
  }
  if ((c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) {
    note([&] { return fmt::format("thread {} is stopped and nothing has let it go on", e.tid); });
    return false;
  }
  Machine m(c.k, kernel_);
  auto thread = m.lwp(td);
  // The line of the attach is missing.
  if (begins_late_ && !is_lined(e.pid) && (observed & ~c.lwp(td).td_flag & model::TDB_CHILD) != 0)
    rules::fork_return(m, thread);
  if (!vfork_wait_ends(m, thread, observed)) {
    failed(m.outcome().clause, model::Errno::ok, false);
    return false;
  }
  // A stop that an earlier line reported is over: the thread has come here since.  What is to be reported now stays.
  constexpr std::uint16_t kReports = model::TDB_EXEC | model::TDB_FORK | model::TDB_CHILD | model::TDB_BORN;
  if (const auto stale = std::uint16_t(c.lwp(td).td_flag & names_.lwp(td).reported & kReports & ~observed)) {
    const auto due = std::uint16_t(c.lwp(td).td_flag & kReports & ~stale);
    rules::stop_is_past(m, thread);
    m.set(thread, model::LwpFlag(due));
  }
  const auto before = std::uint16_t(c.lwp(td).td_flag);
  // A thread that stops at the end of a call (exec, fork, the end of vfork, exit) has not left that call yet.
  const auto reported = std::uint16_t(observed & kReports);
  if ((before & model::TDB_XSIG) != 0 || reported == 0) {
    const bool vfork_over = (observed & model::TDB_VFORK) != 0 && reported == 0;
    const bool exits = (observed & model::TDB_EXIT) != 0;
    const auto keep = std::uint16_t(before & (vfork_over ? model::TDB_VFORK : 0));
    rules::stop_is_past(m, thread);
    m.set(thread, model::LwpFlag(keep));
    if (exits) m.set(thread, model::TDB_EXIT);
  }
  const bool logged = names_[p].logged;
  auto report = [&](model::LwpFlag flag, model::PtEvent event, std::string_view what) {
    if ((observed & flag) == 0 || (c.lwp(td).td_flag & flag) != 0) return true;
    const bool asked = !names_[p].events_known || rules::wants_event(m.proc(p), event).v;
    if (asked && (!logged || flag != model::TDB_FORK)) {
      m.set(thread, flag);
      return true;
    }
    note([&] { return fmt::format("no report of {}: it was not asked for", what); });
    return false;
  };
  if (!report(model::TDB_EXEC, model::PTRACE_EXEC, "an exec") ||
      !report(model::TDB_FORK, model::PTRACE_FORK, "a fork") ||
      !report(model::TDB_BORN, model::PTRACE_LWP, "a new thread"))
    return false;
  if ((observed & model::TDB_EXIT) != 0 && names_[p].events_known && (c.proc(p).p_ptevents & model::PTRACE_LWP) == 0) {
    failed("no report of the end of a thread: it was not asked for");
    return false;
  }
  if ((observed & model::TDB_VFORK) != 0 && (c.lwp(td).td_flag & model::TDB_VFORK) == 0 && !logged)
    m.set(thread, model::TDB_VFORK);
  // What only the system calls of the thread tell: taken from the line.
  m.clear(thread, model::LwpFlag(kEntryFlags));
  m.set(thread, model::LwpFlag(observed & kEntryFlags));
  const bool new_child = (observed & model::TDB_CHILD) != 0;
  auto rule_flags = [&] { return std::uint16_t((c.lwp(td).td_flag & model::TDB_MASK) | model::TDB_XSIG); };
  std::uint16_t expected = rule_flags();
  const bool ritual = (c.proc(p).p_flag & model::P2_PTRACE_FSTP) != 0 && c.proc(p).p_siglist.has(model::kSigstop);
  if (!new_child && (observed & model::TDB_FSTP) != 0) expected |= ritual ? model::TDB_FSTP : 0;
  if (expected != observed) {
    note([&] { return fmt::format("flags {:#x}", expected); });
    return false;
  }
  if (!new_child && (observed & model::TDB_FSTP) != 0)
    rules::issignal_traced(m, thread, {sig});
  else
    rules::ptracestop(m, thread, {sig});
  if (!m.outcome().possible) failed(m.outcome().clause, model::Errno::ok, false);
  // A new thread reports itself even if its process has been let go since (fork_return(), kern_fork.c:1088); fork and exec
  // are reported if it was traced a moment ago, without the lock (syscallret(), subr_syscall.c:196).
  constexpr std::uint16_t kLate = model::TDB_BORN | model::TDB_FORK | model::TDB_EXEC;
  const bool traced_or_was = (c.proc(p).p_flag & model::P_TRACED) != 0 || (before & observed & kLate) != 0;
  if (!traced_or_was) note([&] { return fmt::format("process {} is not traced", e.pid); });
  return m.outcome().possible && traced_or_was;
}

bool Acceptor::explain_line(const Event& e) {
  const bool init_reaps =
      e.ktr == Ktr::wait_moved && e.args[0] == 1;  // the real parent may have died: what held it back?
  if (ktrace_ == nullptr && (init_reaps || names_.is_crowded())) forget_the_silent();
  introduce_subject(e);
  const Slot p = names_.find(e.pid);
  if (p == kNone) return false;
  Slot named = kNone;
  if (names_thread(e.ktr) && e.tid > 0) named = thread_of(e, p);
  std::vector<Attempt> kinds;
  line_ = &e;
  Slot caller_proc = kNone;
  switch (e.ktr) {
    case Ktr::ptracestop: kinds.push_back({[&](Config& c) { return stop_line(c, e, p, named); }}); break;
    case Ktr::fork_return:
      kinds.push_back({[&](Config& c) {
        for (Slot td = 0; td < KernelState::kLwps; ++td) {
          if (c.lwp(td).proc != p || (c.lwp(td).td_flag & model::TDB_STOPATFORK) == 0) continue;
          Machine m(c.k, kernel_);
          rules::fork_return(m, m.lwp(td));
          if (m.outcome().emissions == 0) failed("no attach: the parent's debugger does not follow forks");
          return m.outcome().possible && m.outcome().emissions == 1 && matches(c, m.outcome().emitted[0], e);
        }
        note([&] { return fmt::format("process {} is no new child of a process that follows forks", e.pid); });
        return false;
      }});
      break;
    case Ktr::exit_orphan:
      kinds.push_back({[&](Config& c) {
        const Slot orphan = names_.find(std::int32_t(e.args[0]));
        if (c.proc(p).state == ProcState::zombie) return true;  // the second and later of one exit
        const bool clears = orphan != kNone && c.proc(orphan).p_orphan == p;
        Machine m(c.k, kernel_);
        exit_untraced(m, p, exit_status(p));
        rules::exit1_zombie(m, m.proc(p));
        if (clears && m.outcome().possible) return true;
        note([&] { return fmt::format("process {} is no orphan of {}", e.args[0], e.pid); });
        return false;
      }});
      break;
    case Ktr::stopevent: break;  // procfs
    default: {
      // A request or a wait: by a call in flight, else by a caller that is not in the log.
      for (Slot td : in_flight_)
        if (call_may_write(calls_[td], e)) {
          caller_proc = names_.find(names_.lwp(td).pid);
          kinds.push_back({[this, td, p, &e](Config& c) {
            if (c.is_early(td) || (c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) return false;
            InFlight call = calls_[td];
            const bool wait = call.code != sys::ptrace;
            learn_from_line(c, p, e);
            if (wait && !call.returns) call.retval = line_->pid;  // the caller was killed before its RET
            const bool done =
                wait ? apply_wait(c, td, call,
                                  line_->ktr == Ktr::wait_moved ? rules::Report::exited : rules::Report::trapped)
                     : apply_ptrace(c, td, call, std::int32_t(line_->args[1]));
            if (done) c.add_early(td);
            return done;
          }});
        }
      if (!kinds.empty()) break;
      const bool by_itself = e.ktr == Ktr::trace_me;
      std::vector<Slot> attachers{kNone};
      if (e.ktr == Ktr::attach) {
        const Slot parent = names_.find(std::int32_t(e.args[0]));
        const bool parent_may = parent != kNone && !names_[parent].logged;
        const Attacher who = parent_may ? attached_by_parent(e) : Attacher::other;
        attachers.clear();
        if (who != Attacher::other) attachers.push_back(parent);
        if (who != Attacher::parent) attachers.push_back(attacher_of(e));
      }
      if ((e.ktr == Ktr::getnumlwps || e.ktr == Ktr::getlwplist) && !names_[p].logged) show_threads(e, p);
      for (const Slot attacher : attachers)
        kinds.push_back({[&, by_itself, attacher](Config& c) {
          const Slot caller = by_itself ? p : attacher != kNone ? attacher : c.proc(p).p_pptr;
          if (caller == kNone || names_[caller].logged) {
            failed("no such call is in flight");
            return false;
          }
          Machine probe(c.k, kernel_);
          const auto td = Slot(probe.first_lwp(probe.proc(caller)).v);
          if (td == kNone || c.proc(caller).state != ProcState::normal || (c.proc(caller).p_flag & model::P_WEXIT) != 0)
            return false;
          if (e.ktr == Ktr::wait_trapped || e.ktr == Ktr::wait_moved) {
            if (e.ktr == Ktr::wait_trapped) settle(c, p);
            // A second report of the same stop: the first was asked for with WNOWAIT.
            const Event* next = e.ktr == Ktr::wait_trapped ? next_line(e.pid) : nullptr;
            const int nowait = next != nullptr && next->ktr == Ktr::wait_trapped ? rules::kWnowait : 0;
            Machine m(c.k, kernel_);
            rules::wait_report(m, m.proc(caller), m.proc(p),
                               {.set = rules::WaitFor::any, .pid = {kNone}, .options = rules::wait4_options(nowait)},
                               e.ktr == Ktr::wait_moved ? rules::Report::exited : rules::Report::trapped);
            if (!m.outcome().possible) {
              failed(m.outcome().clause, model::Errno::ok, false);
              return false;
            }
            return m.outcome().emissions == 1 && matches(c, m.outcome().emitted[0], e);
          }
          settle(c, p);
          // A line that does not name the thread: the request may have.  If the thread that reported reports again without a
          // new stop, the debugger named another.
          Slot tid = named;
          const Event* next = next_line(e.pid);
          const Slot reporter = c.proc(p).p_xthread;
          const bool again = resumes(e.ktr) && next != nullptr && next->ktr == Ktr::wait_trapped && reporter != kNone &&
                             names_.lwp(reporter).tid == std::int32_t(next->args[2]);
          for (Slot other = 0; again && other < KernelState::kLwps && tid == kNone; ++other)
            if (c.lwp(other).proc == p && other != reporter) tid = other;
          rules::PtraceArgs<Machine> args{.req = model::writer_of(e.ktr)->request,
                                          .pid = {p},
                                          .tid = {tid},
                                          .data = {data_of(e)},
                                          .event_mask = {e.ktr == Ktr::set_event_mask ? std::int32_t(e.args[1]) : 0},
                                          .capmode = {false}};
          return run_ptrace(c, td, args,
                            [&](const Outcome& out) { return out.emissions == 1 && matches(c, out.emitted[0], e); });
        }});
    }
  }
  const bool ok = explain_all(kinds, {p, caller_proc, names_.find(std::int32_t(e.args[0]))});
  line_ = nullptr;
  return ok;
}

bool Acceptor::line(const Event& e) {
  ++result_.ktr.judged;
  if (e.ktr == Ktr::stopevent) {
    --result_.ktr.judged;
    ++result_.ktr.skipped;
    return true;
  }
  const bool first = begins_late_ && !is_lined(e.pid);
  if (explain_line(e)) {
    if (begins_late_) {
      const bool starts = e.ktr == Ktr::attach || e.ktr == Ktr::trace_me || e.ktr == Ktr::fork_return;
      ProcName& name = names_[names_.find(e.pid)];
      if (first) name.events_known = false;
      if (starts || e.ktr == Ktr::get_event_mask || e.ktr == Ktr::set_event_mask) name.events_known = true;
    }
    if (e.ktr == Ktr::ptracestop && e.tid > 0) {
      LwpName& td = names_.lwp(names_.find_tid(e.tid));
      td.flags_known = true;
      td.reported = std::uint16_t(e.args[0] & model::TDB_MASK);
    }
    return true;
  }
  return reject(e, describe(*ktr_, e));
}

// Reads lines until one makes `enough` true; if they end or one cannot be explained first, nothing has been read.
bool Acceptor::try_lines(const std::function<bool()>& enough) {
  Frontier frontier = frontier_;
  Names names = names_;
  const std::uint32_t line_at = line_at_, lines_done = lines_done_;
  const Counts counts = result_.ktr;
  const bool found = advance_lines(enough);
  if (found) return true;
  frontier_ = std::move(frontier);
  names_ = std::move(names);
  line_at_ = line_at;
  lines_done_ = lines_done;
  result_.ktr = counts;
  result_.rejection.reset();
  result_.verdict = Verdict::accepted;
  return false;
}

// Reads lines until one makes `enough` true, or to their end.
bool Acceptor::advance_lines(const std::function<bool()>& enough) {
  while (line_at_ < ktr_->events.size()) {
    const Event& e = ktr_->events[line_at_];
    ++line_at_;
    if (e.kind != trace::Kind::ktr) {
      ++result_.ktr.skipped;
      continue;
    }
    if (!line(e)) return false;
    lines_done_ = line_at_;
    if (enough()) return true;
  }
  return false;
}

}  // namespace proctor::check
