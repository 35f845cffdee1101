// SPDX-License-Identifier: BSD-2-Clause
//
// The search for an explanation: which internal steps, and which effects of calls in flight, make a record possible.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "checker/log/acceptor.hpp"
#include "checker/log/syscalls.hpp"
#include "model/rules/dragonfly_stop.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::check {

using model::ProcState;
namespace rules = model::rules;

namespace {
constexpr int kDepthMax = 7;  // internal steps before one record
constexpr int kSlack = 2;     // more steps for another kind of explanation than for the first that was found
constexpr std::size_t kStatesMax = 4000;  // states looked at for one record
constexpr std::size_t kFrontierMax = 256;
}  // namespace

bool Acceptor::may_begin_exit(const Config& c, Slot p) const {
  if (p == names_.stand_in()) return false;  // many callers without a name
  if (names_[p].thread != 0 && acts_next(c, p)) return false;
  if (has_stop_ahead(p)) return false;
  if (!future_) return true;
  if (future_->is_found_later(names_.pid(p), at_)) return false;
  if (!names_[p].logged) return true;
  const Life* life = future_->life(names_.pid(p), at_);
  return life == nullptr || at_ > life->last_run || life->first > at_;
}

// Is the next line of this unnamed debugger about a process that it traces, and nobody attaches to that one before?  Then it
// lives until there.  (Otherwise the address may belong to a new thread by then.)
bool Acceptor::acts_next(const Config& c, Slot debugger) const {
  using trace::Ktr;
  const std::uint64_t thread = names_[debugger].thread;
  if (line_ != nullptr && line_->thread == thread) return true;
  const auto it = lines_by_thread_.find(thread);
  if (it == lines_by_thread_.end()) return false;
  const auto next = std::lower_bound(it->second.begin(), it->second.end(), line_at_);
  if (next == it->second.end()) return false;
  const std::int32_t pid = ktr_->events[*next].pid;
  const Slot tracee = names_.find(pid);
  if (tracee == kNone || c.proc(tracee).p_pptr != debugger) return false;
  const std::vector<std::uint32_t>& lines = lines_of_.at(pid);
  return std::none_of(std::lower_bound(lines.begin(), lines.end(), line_at_),
                      std::upper_bound(lines.begin(), lines.end(), *next), [&](std::uint32_t i) {
                        const Ktr line = ktr_->events[i].ktr;
                        return line == Ktr::attach || line == Ktr::trace_me || line == Ktr::fork_return;
                      });
}

// Without thread addresses a second attach could always mean that the first debugger died.  It is believed only of a process
// that dies then too: no later line is about it.
bool Acceptor::stand_in_may_die(Slot tracee) const {
  return line_ != nullptr && line_->pid == names_.pid(tracee) &&
         (line_->ktr == trace::Ktr::wait_moved ||
          (line_->ktr == trace::Ktr::attach && next_line(line_->pid) == nullptr));
}

// A process of which a later line says that it stops has not begun to exit.  (Unless its pid is used again later.)
bool Acceptor::has_stop_ahead(Slot p) const {
  const auto it = lines_of_.find(names_.pid(p));
  if (!tracing_lines() || it == lines_of_.end()) return false;
  if (future_) {
    const Life* now = future_->life(names_.pid(p), at_);
    if (now != nullptr && future_->life(names_.pid(p), now->last + 1) != nullptr) return false;
  }
  return std::any_of(it->second.begin(), it->second.end(),
                     [&](std::uint32_t i) { return i >= line_at_ && ktr_->events[i].ktr == trace::Ktr::ptracestop; });
}

// Is a stop of one of its tracees the next thing that the lines tell of it?  A tracee whose debugger has died stops no more.
bool Acceptor::has_stop_to_come(const Config& c, Slot debugger) const {
  if (!tracing_lines() || !stops_come_first_) return false;
  for (Slot q = 0; q < KernelState::kProcs; ++q) {
    const Proc& tracee = c.proc(q);
    if (tracee.p_pptr != debugger || tracee.state != ProcState::normal || (tracee.p_flag & model::P_TRACED) == 0)
      continue;
    const trace::Event* next = line_ != nullptr && line_->pid == names_.pid(q) ? line_ : next_line(names_.pid(q));
    if (next != nullptr && next->ktr == trace::Ktr::ptracestop) return true;
  }
  return false;
}

bool Acceptor::may_end_exit(Slot p) const {
  if (!names_[p].logged || !future_) return true;
  const Life* life = future_->life(names_.pid(p), at_);
  return life == nullptr || at_ > life->last || life->first > at_;
}

// Does the log show later that the process is gone without its real parent having been told?
Future::Fate Acceptor::fate(Slot p) const {
  using enum Future::Fate;
  const std::int32_t pid = names_.pid(p);
  if (const auto it = lines_of_.find(pid); it != lines_of_.end())
    for (std::uint32_t i : it->second) {
      if (i + 1 < line_at_) continue;
      const trace::Event& next = ktr_->events[i];
      if (next.ktr == trace::Ktr::attach) break;  // it was let go
      if (next.ktr == trace::Ktr::wait_moved) return next.args[0] == 1 ? lost : told;
    }
  return is_lined(pid) || !future_ ? told : future_->fate(pid, at_);
}

int Acceptor::exit_status(Slot p) const {
  if (!names_[p].logged || !future_) return rules::kSigkill;
  const Life* life = future_->life(names_.pid(p), at_);
  return life == nullptr ? rules::kSigkill : life->status;
}

// The other threads of a process that is to stop have followed.
void Acceptor::settle(Config& c, Slot p) const {
  if ((c.proc(p).p_flag & model::P_STOPPED) == 0 || c.proc(p).p_suspcount == c.proc(p).p_numthreads) return;
  for (Slot td = 0; td < KernelState::kLwps; ++td) {
    if (c.lwp(td).proc != p || (c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) continue;
    Config copy = c;
    Machine m(copy.k, kernel_);
    rules::thread_suspend_check(m, m.lwp(td));
    if (m.outcome().possible) c = copy;
  }
}

// A step of a process decides about others: who traces it, whose child it is, whom it traces.
std::vector<Slot> Acceptor::widen(const Config& c, const std::vector<Slot>& focus) const {
  std::vector<Slot> out;
  auto add = [&](Slot p) {
    if (p != kNone && p != kInit && p != names_.kernel() && std::find(out.begin(), out.end(), p) == out.end())
      out.push_back(p);
  };
  for (Slot p : focus) {
    add(p);
    if (p == kNone) continue;
    add(c.proc(p).p_oppid);
    add(c.proc(p).p_orphan);
    Slot up = c.proc(p).p_pptr;  // its debugger may be traced in turn, and so on
    for (int level = 0; level < 4 && up != kNone && up != kInit; ++level) {
      add(up);
      if ((c.proc(up).p_flag & model::P_TRACED) == 0) break;
      up = c.proc(up).p_pptr;
    }
    for (Slot q = 0; q < KernelState::kProcs; ++q) {  // a vfork child that p may wait for
      const Proc& child = c.proc(q);
      if (child.state == ProcState::zombie && child.p_pptr == p && names_[q].may_be_lost) add(q);
      if (child.state == ProcState::normal && (child.p_flag & model::P_PPWAIT) != 0 &&
          (child.p_pptr == p || child.p_oppid == p || child.p_orphan == p))
        add(q);
    }
  }
  return out;
}

// exit1() up to where nobody traces the process any more, from wherever it stands.
void Acceptor::exit_untraced(Machine& m, Slot p, int status) {
  const auto proc = m.proc(p);
  if (!proc[model::P_WEXIT].v) rules::exit1_wexit(m, m.lwp(Slot(m.first_lwp(proc).v)), {status});
  rules::exit1_untraced(m, proc);
}

// Somebody outside sends a stop signal, and the process stops for it: its threads find it, or follow.
bool Acceptor::stop_for_signal(Config& c, Slot p) const {
  {
    Machine m(c.k, kernel_);
    rules::psignal(m, m.proc(p), {rules::kSigstop});
  }
  for (Slot td = 0; td < KernelState::kLwps; ++td) {
    if (c.lwp(td).proc != p) continue;
    for (const bool finds : {true, false}) {
      Config copy = c;
      Machine m(copy.k, kernel_);
      if (finds)
        rules::issignal(m, m.lwp(td), {rules::kSigstop});
      else
        rules::follow_stop(m, m.lwp(td));
      if (!m.outcome().possible) continue;
      c = copy;
      break;
    }
  }
  return (c.proc(p).p_flag & model::P_STOPPED) != 0;
}

// exit1() to its end, from its beginning if the process had not begun.  Whose child is it, if its parent dies at the same
// time?  That depends on who is first, and the log may tell later who got it.
void Acceptor::end_exit(const Config& from, Slot p, int level, Frontier& out) {
  constexpr int kLevelsMax = 4;  // the debugger of a debugger
  if (has_stop_to_come(from, p)) return;
  auto dies_too = [&](Slot q) {
    return q != kNone && from.proc(q).state == ProcState::normal && may_begin_exit(from, q);
  };
  const Slot parent = from.proc(p).p_pptr;
  Config lost = from;
  for (Slot q = 0; q < KernelState::kProcs; ++q) {
    if (from.proc(q).p_pptr != p || (from.proc(q).p_flag & model::P_TRACED) == 0 || !dies_too(q)) continue;
    const Future::Fate fate = this->fate(q);
    if (fate == Future::Fate::unknown) names_[q].may_be_lost = true;
    if (fate != Future::Fate::lost) continue;
    Config c = lost;
    Machine m(c.k, kernel_);
    exit_untraced(m, q, exit_status(q));
    if (m.outcome().possible) lost = c;
  }
  Frontier orders{lost};
  // A line tells that the process was lost, but its real parent may have died since; without lines the frontier would grow.
  if (tracing_lines() && !(lost == from)) orders.push_back(from);
  if ((from.proc(p).p_flag & model::P_TRACED) != 0 && level < kLevelsMax && dies_too(parent) && names_[parent].logged &&
      may_end_exit(parent) && fate(p) != Future::Fate::lost)
    end_exit(lost, parent, level + 1, orders);
  for (const Config& order : orders)
    for (const Sigchld how : {Sigchld::taken, Sigchld::ignored}) {
      const Slot told = order.proc(p).p_pptr;
      if (!may_find(order, told, p, how)) continue;
      Config c = order;
      model::Choices choices{};
      choices[std::size_t(model::Open::sigchld_ignored)] = how == Sigchld::ignored ? 1 : 0;
      Machine m(c.k, kernel_, choices);
      exit_untraced(m, p, exit_status(p));
      rules::exit1_zombie(m, m.proc(p));
      if (!m.outcome().possible || is_shown(m.outcome())) continue;
      if (told != kNone && !names_[told].sigchld_settled && ended_since(p, names_[told].sigchld_since))
        c.set_sigchld(told, how);
      c.set_sigchld(p, Sigchld::taken);
      out.push_back(c);
    }
}

// Is this how the parent's p_sigacts may have been when the child ended?
bool Acceptor::may_find(const Config& c, Slot parent, Slot child, Sigchld how) const {
  if (parent == kNone || !names_[parent].logged || names_[parent].sigchld_settled) return how == Sigchld::taken;
  const Sigchld now = c.sigchld(parent);
  return now == how || now == Sigchld::unknown || !ended_since(child, names_[parent].sigchld_since);
}

// Does the log show that the process, which has ended, had not yet done so at this record?
bool Acceptor::ended_since(Slot p, std::uint32_t at) const {
  if (!names_[p].logged || !future_) return false;
  const Life* life = future_->life_until(names_.pid(p), at_);
  return life != nullptr && life->last >= at;
}

void Acceptor::process_moves(const Config& from, Slot p, bool in_focus, Frontier& out) {
  const Proc& proc = from.proc(p);
  auto seen_otherwise = [&](auto&& body) {
    Config c = from;
    Machine m(c.k, kernel_);
    body(m, c);
    const model::Outcome& o = m.outcome();
    // A step that writes a KTR line happens when the line is read.
    if (!o.possible || is_shown(o) || c == from) return false;
    out.push_back(c);
    return true;
  };
  auto step = [&](auto&& body) {
    if (seen_otherwise(body) && takes) takes(from, out.back());
  };
  auto take = [&](const Config& c) {
    if (takes) takes(from, c);
    out.push_back(c);
  };
  if (proc.state == ProcState::zombie) {
    const Slot parent = proc.p_pptr;
    if (parent != kNone && !names_[parent].logged)  // init, or a parent whose waits are not in the log
      step([&](Machine& m, Config&) {
        m.guard(rules::runs(m.lwp(Slot(m.first_lwp(m.proc(parent)).v))), model::Clause{});
        rules::proc_reap(m, m.proc(parent), m.proc(p));
      });
    // Two states kept as one: it may have been past exit1_untraced() when its debugger died, and so have gone to the reaper.
    if (names_[p].may_be_lost && parent != kNone && parent != proc.p_reaper && fate(p) == Future::Fate::unknown)
      seen_otherwise([&](Machine& m, Config&) { rules::proc_reparent(m, m.proc(p), m.proc(proc.p_reaper)); });
    return;
  }
  if (proc.state != ProcState::normal) return;
  if (proc.p_pptr == names_.elsewhere() && (proc.p_flag & model::P_TRACED) == 0)
    step([&](Machine& m, Config&) { rules::proc_reparent(m, m.proc(p), m.proc(kInit)); });
  if ((proc.p_flag & model::P_WEXIT) != 0) {
    if (!may_end_exit(p)) return;
    const std::size_t before = out.size();
    end_exit(from, p, 0, out);
    for (std::size_t i = before; takes && i < out.size(); ++i) takes(from, out[i]);
    return;
  }
  const bool lined = is_lined(names_.pid(p));
  const bool traced = (proc.p_flag & model::P_TRACED) != 0;
  const bool stopped = (proc.p_flag & model::P_STOPPED) != 0;
  if (kernel_.tokens) dragonfly_moves(from, p, out);
  bool stop_tried[2] = {false, false};  // by a thread that is to end, by another
  for (Slot td = 0; td < KernelState::kLwps; ++td) {
    if (from.lwp(td).proc != p || kernel_.tokens) continue;
    const std::uint16_t flags = from.lwp(td).td_flag;
    const bool runs = (flags & model::TD_SUSPENDED) == 0;
    // A thread in thr_exit() ends.  If it has been counted as suspended with the others, it may as well have ended before.
    if (calls_[td].active && calls_[td].code == sys::thr_exit && proc.p_numthreads > 1 &&
        (runs || (flags & model::TDB_XSIG) == 0)) {
      const auto ends = [&](Machine& m, Config& c) {
        if (!runs) --c.proc(p).p_suspcount;
        m.clear(m.lwp(td), model::TD_SUSPENDED);
        m.set(m.lwp(td), model::TDB_EXIT);  // the stop that reported it, if one did, was like any other
        rules::thread_exit(m, m.lwp(td));
        c.proc(p).p_flag |= proc.p_flag & model::P_WAITED;
      };
      if (runs)
        step(ends);
      else
        seen_otherwise(ends);
    }
    if (runs && (flags & model::TDB_XSIG) != 0 && traced)  // made to run before the debugger saw its stop
      step([&](Machine& m, Config&) { rules::ptracestop_resumed(m, m.lwp(td)); });
    if (runs && stopped) step([&](Machine& m, Config&) { rules::thread_suspend_check(m, m.lwp(td)); });
    if (runs && (flags & model::TDB_STOPATFORK) != 0)
      step([&](Machine& m, Config& c) {
        rules::fork_return(m, m.lwp(td));
        if ((c.lwp(td).td_flag & model::TDB_STOPATFORK) != 0) rules::ptracestop(m, m.lwp(td), {rules::kSigstop});
      });
    const bool ending = calls_[td].active && calls_[td].code == sys::thr_exit;
    // A thread in exit() stops no more, but for the stop at the entry of that call.
    const bool leaving =
        calls_[td].active && calls_[td].code == sys::exit && (proc.p_ptevents & model::PTRACE_SCE) == 0;
    if (!lined && traced && !stopped && runs && !leaving && (begins_late_ || !stop_tried[ending]) &&
        (flags & (model::TDB_SUSPEND | model::TDB_STOPATFORK)) == 0) {
      stop_tried[ending] = true;
      step([&](Machine& m, Config& c) {
        rules::stop_is_past(m, m.lwp(td));
        rules::issignal_traced(m, m.lwp(td),
                               {(proc.p_flag & model::P2_PTRACE_FSTP) != 0 ? rules::kSigstop : rules::kSigtrap});
        if (m.outcome().possible) settle(c, p);
      });
    }
  }
  if (Config c = from; !traced && !stopped && stop_for_signal(c, p)) take(c);
  const auto request = [&](Machine& m, Slot caller, rules::Request req) {
    const auto td = m.lwp(Slot(m.first_lwp(m.proc(caller)).v));
    m.guard(rules::runs(td), model::Clause{});
    rules::sys_ptrace(m, td,
                      {.req = req, .pid = {p}, .tid = {kNone}, .data = {0}, .event_mask = {0}, .capmode = {false}});
    if (m.outcome().error != model::Errno::ok) m.guard({false}, model::Clause{});
  };
  if (!traced && !writes(p) && !lined)  // it may call what it likes
    step([&](Machine& m, Config&) { request(m, p, rules::PT_TRACE_ME); });
  if (!traced && stopped) step([&](Machine& m, Config&) { rules::psignal(m, m.proc(p), {rules::kSigcont}); });
  // Processes that the log knows only from the fork that made them may attach, continue and detach unseen.
  auto unseen_request = [&](Slot debugger, rules::Request req) {
    step([&](Machine& m, Config& c) {
      if (req != rules::PT_ATTACH && (proc.p_flag & model::P_WAITED) == 0) {  // it has waited, unseen too
        if (!kernel_.tokens) settle(c, p);
        rules::wait_report(m, m.proc(debugger), m.proc(p),
                           {.set = rules::WaitFor::any, .pid = {kNone}, .options = rules::wait4_options(0)},
                           rules::Report::trapped);
      }
      request(m, debugger, req);
    });
  };
  if (!lined && traced && stopped && proc.p_pptr != kNone && !writes(proc.p_pptr))
    for (const rules::Request req : {rules::PT_CONTINUE, rules::PT_DETACH}) unseen_request(proc.p_pptr, req);
  if (!lined && !traced && in_focus)
    for (Slot x = 0; x < KernelState::kProcs; ++x)
      if (x != p && from.proc(x).state == ProcState::normal && names_.pid(x) > 1 && !names_[x].before_log && !writes(x))
        unseen_request(x, rules::PT_ATTACH);
  if (traced && proc.p_pptr == names_.stand_in() && stand_in_may_die(p)) {
    Config c = from;
    if (stand_in_dies(c, p)) out.push_back(c);
  }
  if (may_begin_exit(from, p) && p != names_.elsewhere() && p != names_.departing())
    for (Slot td = 0; td < KernelState::kLwps; ++td) {
      if (from.lwp(td).proc != p || (from.lwp(td).td_flag & model::TD_SUSPENDED) != 0) continue;
      step([&](Machine& m, Config&) { rules::exit1_wexit(m, m.lwp(td), {exit_status(p)}); });
      break;
    }
}

// A thread of DragonFly looks for stops and signals on its way to user mode, when its call has done what it does.
bool Acceptor::has_work_left(const Config& from, Slot td) {
  const InFlight& call = calls_[td];
  if (!call.active || from.is_early(td)) return false;
  if (call.code == sys::exit) return true;
  const bool in_doubt = is_exec(call.code) || call.code == sys::kill;  // may have succeeded though it does not return
  if (!is_modelled(call.code) || (call.returns ? call.error != 0 : !in_doubt)) return false;
  Config c = from;
  return apply(c, td, call) ? !(c.k == from.k) : call.returns;
}

// The threads of a process of DragonFly follow a stop, or stop for a signal whose sender the log does not show.
void Acceptor::dragonfly_moves(const Config& from, Slot p, Frontier& out) {
  for (Slot td = 0; td < KernelState::kLwps; ++td) {
    if (from.lwp(td).proc != p || (from.lwp(td).td_flag & model::TDB_EXIT) != 0) continue;  // in sigexit()
    const bool busy = has_work_left(from, td);
    const bool sleeps = is_wait(calls_[td].code) || calls_[td].code == sys::vfork;
    for (const bool follows : {true, false}) {
      if (busy && !(follows && sleeps)) continue;  // who sleeps in the kernel counts as stopped
      Config c = from;
      Machine m(c.k, kernel_);
      if (follows)
        rules::follow_stop(m, m.lwp(td));
      else
        rules::issignal_stop(m, m.lwp(td), {rules::kSigtrap});
      if (!m.outcome().possible || c == from) continue;
      if (takes) takes(from, c);
      out.push_back(c);
    }
  }
}

// Are (or will be) this process's own calls in the log?
bool Acceptor::writes(Slot p) const {
  return names_[p].logged || (future_ && names_.pid(p) > 0 && future_->life(names_.pid(p), at_) != nullptr);
}

// What may have been so before the log began, as long as nothing in the log has said otherwise: that p is a child of
// another, and that this other one traces it.
void Acceptor::origin_moves(const Config& from, Slot p, Slot other, Frontier& out) const {
  const Proc& proc = from.proc(p);
  if (!names_[p].before_log || p == other || other == names_.elsewhere() || proc.state == ProcState::free) return;
  if (proc.state == ProcState::zombie) {
    if (proc.p_pptr != names_.elsewhere()) return;
    Config c = from;
    c.proc(p).p_pptr = other;
    out.push_back(c);
    return;
  }
  if (proc.p_oppid == names_.elsewhere()) {
    Config c = from;
    c.proc(p).p_oppid = other;
    if (c.proc(p).p_orphan == names_.elsewhere()) c.proc(p).p_orphan = other;
    out.push_back(c);
  }
  if (proc.p_pptr == names_.elsewhere() && proc.p_oppid == names_.elsewhere()) {  // it called PT_TRACE_ME
    Config c = from;
    c.proc(p).p_pptr = c.proc(p).p_oppid = other;
    out.push_back(c);
  }
  if (proc.p_pptr != names_.elsewhere() || (proc.p_flag & (model::P_TRACED | model::P_STOPPED)) != 0) return;
  Config child = from;
  child.proc(p).p_pptr = other;
  out.push_back(child);
  for (const bool own : {true, false})
    for (const int events : {model::kEventsAll & ~model::PTRACE_FORK, int{model::kEventsAll}})
      for (const bool stopped : {false, true}) {
        if (stopped && names_[p].logged) continue;
        Config c = from;
        Proc& q = c.proc(p);
        q.p_flag |= model::P_TRACED;
        q.p_ptevents = std::uint8_t(events);
        q.p_pptr = other;
        q.p_oppid = own ? other : names_.elsewhere();
        q.p_orphan = own ? kNone : names_.elsewhere();
        if (stopped) {
          q.p_flag |= model::P_WAITED;
          c.stand_still(p);
        }
        out.push_back(c);
      }
}

void Acceptor::moves(const Config& from, const std::vector<Slot>& focus, Frontier& out) {
  const std::vector<Slot> wide = widen(from, focus);
  auto in = [](const std::vector<Slot>& set, Slot p) {
    return p != kNone && std::find(set.begin(), set.end(), p) != set.end();
  };
  for (Slot p : wide)
    if (p != names_.elsewhere()) process_moves(from, p, in(focus, p), out);  // which is nobody in particular
  if (!tracing_lines() || begins_late_)
    for (Slot p : focus)
      for (Slot other : focus) origin_moves(from, p, other, out);
  // Effects of calls that have been entered and not returned; the line being explained is not theirs.
  const trace::Event* line = std::exchange(line_, nullptr);
  for (Slot td : in_flight_) {
    const InFlight& call = calls_[td];
    if (!is_modelled(call.code) || from.is_early(td) || from.lwp(td).proc == kNone) continue;
    if (call.code == sys::exit || call.code == sys::thr_exit) continue;
    if (!in(wide, from.lwp(td).proc) && !in(wide, target(call))) continue;
    if ((from.lwp(td).td_flag & model::TD_SUSPENDED) != 0) continue;
    for (const Attempt& outcome : outcomes(td, call)) {
      Config c = from;
      if (!outcome.in(c) || c.k == from.k) continue;
      c.add_early(td);
      if (takes) takes(from, c);
      out.push_back(c);
    }
  }
  line_ = line;
}

// Each kind of explanation is looked for with the fewest internal steps that make it work.
void Acceptor::explain(const Config& from, const std::vector<Attempt>& kinds, const std::vector<Slot>& focus,
                       Frontier& out) {
  std::vector<bool> found(kinds.size(), false);
  auto attempt = [&](const Config& state, std::vector<bool>& now) {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (found[i]) continue;
      Config c = state;
      if (!kinds[i].in(c)) continue;
      out.push_back(c);
      now[i] = true;
    }
  };
  std::vector<bool> now = found;
  attempt(from, now);
  found = now;
  if (std::find(found.begin(), found.end(), false) == found.end()) return;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (found[i] && kinds[i].excludes_others) return;
  // Explanations of different kinds may need different numbers of steps: go on a little after the first.
  const bool direct = std::find(found.begin(), found.end(), true) != found.end();
  int depth_last = direct ? kSlack : kDepthMax;
  const bool noting = std::exchange(noting_, false);
  std::unordered_multimap<std::size_t, Config> seen;
  Frontier level{from};
  reached_.reserve(64);
  std::size_t looked_at = 0;
  for (int depth = 1; depth <= depth_last && !level.empty(); ++depth) {
    Frontier next;
    next.reserve(32 * level.size());
    for (const Config& c : level) {
      reached_.clear();
      moves(c, focus, reached_);
      for (const Config& r : reached_) {
        const std::size_t hash = hash_value(r);
        const auto [low, high] = seen.equal_range(hash);
        if (std::any_of(low, high, [&](const auto& entry) { return entry.second == r; })) continue;
        seen.emplace(hash, r);
        next.push_back(r);
        if (++looked_at > kStatesMax) break;
      }
      if (looked_at > kStatesMax) break;
    }
    now = found;
    for (const Config& c : next) attempt(c, now);
    found = now;
    if (std::find(found.begin(), found.end(), false) == found.end() || looked_at > kStatesMax) break;
    if (std::find(found.begin(), found.end(), true) != found.end()) depth_last = std::min(depth_last, depth + kSlack);
    level = std::move(next);
  }
  search_cut_ = search_cut_ || (looked_at > kStatesMax && std::find(found.begin(), found.end(), true) == found.end());
  noting_ = noting;
}

bool Acceptor::explain_all(const std::vector<Attempt>& kinds, std::initializer_list<Slot> focus) {
  std::vector<Slot> about;
  for (Slot p : focus)
    if (p != kNone) about.push_back(p);
  Frontier next;
  for (const Config& c : frontier_) explain(c, kinds, about, next);
  if (next.empty()) {
    // Once more for the report: what would have been allowed.
    noting_ = true;
    notes_.clear();
    for (const Config& c : frontier_)
      for (const Attempt& kind : kinds) {
        Config copy = c;
        kind.in(copy);
      }
    noting_ = false;
    return false;
  }
  for (Config& c : next) c.drop_early_of_the_dead();
  if (next.size() == 1) {
    frontier_ = std::move(next);
    mark_all_satisfied();
    return true;
  }
  // Different explanations often lead to the same state.
  std::unordered_multimap<std::size_t, std::size_t> seen;
  Frontier distinct;
  for (const Config& c : next) {
    const std::size_t hash = hash_value(c);
    const auto [low, high] = seen.equal_range(hash);
    if (std::any_of(low, high, [&](const auto& entry) { return distinct[entry.second] == c; })) continue;
    seen.emplace(hash, distinct.size());
    distinct.push_back(c);
    if (distinct.size() >= kFrontierMax) {
      search_cut_ = true;
      break;
    }
  }
  frontier_ = std::move(distinct);
  mark_all_satisfied();
  result_.ktrace.frontier_max = std::max<std::uint64_t>(result_.ktrace.frontier_max, frontier_.size());
  return true;
}

}  // namespace proctor::check
