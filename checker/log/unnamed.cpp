// SPDX-License-Identifier: BSD-2-Clause
//
// KTR lines name no caller, and a KTR buffer begins in the middle of things.  Here stands what a line says, and what later
// lines say, about processes that no record has named: debuggers, parents, and processes from before the log began.
#include <algorithm>
#include <utility>

#include "checker/log/acceptor.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::check {

using model::ProcState;
using trace::Event;
using trace::Ktr;
namespace rules = model::rules;

// The next line about this process after the one being explained.
const Event* Acceptor::next_line(std::int32_t pid) const {
  const auto it = lines_of_.find(pid);
  if (it == lines_of_.end()) return nullptr;
  const auto next = std::lower_bound(it->second.begin(), it->second.end(), line_at_);
  return next == it->second.end() ? nullptr : &ktr_->events[*next];
}

// The process that a line names beside its subject: a parent, an orphan.  0 if it names none.
std::int32_t Acceptor::other_process(const Event& line) {
  for (const model::LineParameter& p : model::parameters(line.ktr))
    if (p.is == model::LineParameter::Is::process) return std::int32_t(line.args[std::size_t(p.logged)]);
  return 0;
}

// No line to come names the process or is written by it, and nothing in the state is about it.
bool Acceptor::is_silent(Slot p) const {
  const ProcName& name = names_[p];
  if (name.pid > 0) {
    const auto it = last_mention_.find(name.pid);
    if (it != last_mention_.end() && it->second + 1 >= line_at_) return false;
  } else {
    const auto it = lines_by_thread_.find(name.thread);
    if (name.thread == 0 || (it != lines_by_thread_.end() && it->second.back() + 1 >= line_at_)) return false;
  }
  return std::none_of(frontier_.begin(), frontier_.end(), [&](const Config& c) {
    return std::any_of(c.k.proc.begin(), c.k.proc.end(), [&](const Proc& q) {
      return q.state != ProcState::free && (q.p_pptr == p || q.p_oppid == p || q.p_orphan == p || q.p_reaper == p);
    });
  });
}

// KTR lines alone do not show that a process has died.  Where room is short, what nothing will be said about may as well
// be dead.
void Acceptor::forget_the_silent() {
  for (bool again = true; std::exchange(again, false);)
    for (Slot p = kInit + 1; p < KernelState::kProcs; ++p) {
      if (names_.pid(p) == 0 || p == names_.elsewhere() || p == names_.stand_in() || p == names_.departing()) continue;
      const bool is_there = std::any_of(frontier_.begin(), frontier_.end(),
                                        [&](const Config& c) { return c.proc(p).state != ProcState::free; });
      if (!is_there || !is_silent(p)) continue;
      for (Config& c : frontier_) {
        c.proc(p) = Proc{};
        for (Lwp& td : c.k.lwp)
          if (td.proc == p) td = {};
      }
      again = true;
    }
}

// Who attached, if no caller is in the log: the process's own parent, or another?  The line that ends the tracing tells.
Acceptor::Attacher Acceptor::attached_by_parent(const Event& attach) const {
  const auto it = lines_of_.find(attach.pid);
  for (std::uint32_t i : it->second) {
    const Event& e = ktr_->events[i];
    if (i < line_at_) continue;
    if (e.ktr == Ktr::detach) return e.args[0] == 0 ? Attacher::parent : Attacher::other;
    if (e.ktr == Ktr::wait_moved && e.args[0] == 1) return Attacher::either;  // the debugger died
    if (e.ktr == Ktr::attach || e.ktr == Ktr::wait_moved) return Attacher::other;
  }
  return Attacher::other;
}

// PT_GETNUMLWPS and PT_GETLWPLIST of a process whose thread calls are not in the log: they tell how many threads it has.
void Acceptor::show_threads(const Event& e, Slot p) {
  const auto shown = std::int32_t(e.ktr == Ktr::getnumlwps ? e.args[0] : e.args[1]);
  if (shown < 1 || shown > 64) return;
  std::int32_t most = 0;
  for (const Config& c : frontier_) most = std::max<std::int32_t>(most, c.proc(p).p_numthreads);
  for (; most < shown; ++most) {
    const Slot td = add_lwp(e.pid, 0);
    for (Config& c : frontier_) {
      if (c.proc(p).state != ProcState::normal || c.proc(p).p_numthreads >= shown) continue;
      add_thread(c, p, td, true);
    }
  }
  for (Config& c : frontier_)
    for (Slot td = 0; td < KernelState::kLwps && c.proc(p).p_numthreads > shown; ++td) {
      // Threads that have ended unseen: the one that reported its end first, never the one that reports now.
      if (c.lwp(td).proc != p || c.proc(p).p_xthread == td) continue;
      const bool ended = (c.lwp(td).td_flag & model::TDB_EXIT) != 0 || names_.lwp(td).tid <= 0 ||
                         (c.lwp(td).td_flag & model::TDB_XSIG) == 0;
      if (!ended) continue;
      if ((c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) --c.proc(p).p_suspcount;
      --c.proc(p).p_numthreads;
      c.lwp(td) = {};
    }
}

// The thread that a line names.
Slot Acceptor::thread_of(const Event& e, Slot p) {
  auto has = [&](Slot td) {
    return std::any_of(frontier_.begin(), frontier_.end(), [&](const Config& c) { return c.lwp(td).proc == p; });
  };
  const Slot known = names_.find_tid(e.tid);
  if (known != kNone && names_.lwp(known).pid == e.pid && has(known)) return known;
  for (Slot i = 0; i < KernelState::kLwps; ++i)
    if (names_.lwp(i).pid == e.pid && names_.lwp(i).tid <= 0 && has(i)) {
      names_.bind(i, e.tid);
      return i;
    }
  const Slot td = add_lwp(e.pid, e.tid);
  for (Config& c : frontier_) {
    if (c.proc(p).state != ProcState::normal) continue;
    add_thread(c, p, td, (c.proc(p).p_flag & model::P_STOPPED) != 0 && e.ktr != Ktr::ptracestop);
  }
  return td;
}

// The process, otherwise without a name, whose thread has this address.
Slot Acceptor::ghost_of(std::uint64_t thread) {
  if (thread == 0 && names_.stand_in() != kNone) return names_.stand_in();
  for (Slot i = 2; thread != 0 && i < KernelState::kProcs; ++i)
    if (names_[i].pid < 0 && names_[i].thread == thread) return i;
  const Slot p = new_ghost();
  names_[p].thread = thread;
  if (thread == 0) names_.set_stand_in(p, new_ghost());
  return p;
}

// One of the callers that the stand-in stands for dies: its tracee is released as exit1() does it.
bool Acceptor::stand_in_dies(Config& c, Slot tracee) {
  const Slot one = names_.departing();
  c.proc(one).state = ProcState::normal;
  c.proc(tracee).p_pptr = one;
  Machine m(c.k, kernel_);
  exit_untraced(m, one, rules::kSigkill);
  rules::exit1_zombie(m, m.proc(one));
  if (!m.outcome().possible) return false;
  c.proc(one).state = ProcState::normal;  // ready for the next
  c.proc(one).p_flag = 0;
  return true;
}

// Who attaches: the unnamed process that this thread was before, or a new one that got the address of a dead thread?  If
// somebody else attaches to a tracee that the old one never let go, the old one had died.
Slot Acceptor::attacher_of(const Event& e) {
  const Slot old = ghost_of(e.thread);
  if (old == names_.stand_in()) return old;
  const Slot subject = names_.find(e.pid);
  // It attached to this process before and did not let go: it has died since, if its death killed the tracee too.
  const bool tracee_dies = subject != kNone && !has_stop_ahead(subject);
  const bool dead = std::all_of(frontier_.begin(), frontier_.end(), [&](const Config& c) {
    const bool is_its_tracee =
        tracee_dies && c.proc(subject).p_pptr == old && (c.proc(subject).p_flag & model::P_TRACED) != 0;
    return is_its_tracee || c.proc(old).state != ProcState::normal || (c.proc(old).p_flag & model::P_WEXIT) != 0;
  });
  if (dead) {
    names_[old].thread = 0;
    return ghost_of(e.thread);
  }
  for (Slot q = 0; q < KernelState::kProcs; ++q) {
    const Proc& tracee = frontier_.front().proc(q);
    if (tracee.state != ProcState::normal || tracee.p_pptr != old || (tracee.p_flag & model::P_TRACED) == 0) continue;
    const auto it = lines_of_.find(names_.pid(q));
    if (it == lines_of_.end()) continue;
    const auto next = std::find_if(it->second.begin(), it->second.end(), [&](std::uint32_t i) {
      return i >= line_at_ && ktr_->events[i].ktr != Ktr::ptracestop;
    });
    if (next == it->second.end() || ktr_->events[*next].ktr != Ktr::attach || ktr_->events[*next].pid == e.pid)
      continue;
    names_[old].thread = 0;
    return ghost_of(e.thread);
  }
  return old;
}

Slot Acceptor::new_ghost() {
  const Slot p = names_.add_ghost(frontier_);
  const Slot td = add_lwp(names_.pid(p), 0);
  for (Config& c : frontier_) {
    c.proc(p) = Proc{};
    c.proc(p).state = ProcState::normal;
    c.proc(p).p_pptr = names_.elsewhere();
    c.proc(p).p_numthreads = 1;
    c.lwp(td) = Lwp{};
    c.lwp(td).proc = p;
  }
  return p;
}

// The real parent of a process that is traced, if a later line tells: its pid, 0 if it is the debugger, -1 if no line does.
std::int32_t Acceptor::real_parent_ahead(std::int32_t pid) const {
  for (std::uint32_t i : lines_of_.at(pid)) {
    const Event& e = ktr_->events[i];
    if (i + 1 < line_at_) continue;
    if (e.ktr == Ktr::detach) return std::int32_t(e.args[0]);
    if (e.ktr == Ktr::wait_moved) return e.args[0] == 1 ? 0 : std::int32_t(e.args[0]);
    if (e.ktr == Ktr::attach) return -1;
  }
  return -1;
}

// A line about a process that nothing has named yet: it was there before the log began, in a state that allows the line.
void Acceptor::introduce_subject(const Event& e) {
  auto alive = [&](std::int32_t pid) {
    const Slot p = names_.find(pid);
    return p != kNone && std::any_of(frontier_.begin(), frontier_.end(),
                                     [&](const Config& c) { return c.proc(p).state != ProcState::free; });
  };
  auto ensure = [&](std::int32_t pid) {
    if (pid <= 1 || alive(pid) || names_.find(pid) != kNone) return;
    introduce(pid, [](Config&, Slot) {});
    names_[names_.find(pid)].mentioned = true;
  };
  const bool names_parent = e.ktr == Ktr::attach || e.ktr == Ktr::fork_return;
  // A line that tells the real parent of a process whose parent had no name.
  const std::int32_t named_parent =
      names_parent || e.ktr == Ktr::wait_moved || e.ktr == Ktr::detach ? std::int32_t(e.args[0]) : 0;
  if (const Slot p = names_.find(e.pid); p != kNone && named_parent > 1 && names_.find(named_parent) == kNone) {
    const Proc& proc = frontier_.front().proc(p);
    const Slot known = names_parent ? proc.p_pptr : proc.p_orphan;
    if (known != kNone && names_.pid(known) < 0 && known != names_.elsewhere() && known != names_.stand_in())
      names_.rename(known, named_parent);
  }
  if (names_parent || e.ktr == Ktr::wait_moved) ensure(std::int32_t(e.args[0]));
  if (names_.find(e.pid) != kNone && !names_[names_.find(e.pid)].mentioned) {
    // A process that was introduced before its parent was named.
    const Slot p = names_.find(e.pid);
    if (names_parent && !names_[p].logged) {
      const Slot parent = names_.find(std::int32_t(e.args[0]));
      for (Config& c : frontier_)
        if (c.proc(p).p_pptr == names_.elsewhere()) c.proc(p).p_pptr = parent;
    }
    return;
  }
  const Slot follower = e.ktr == Ktr::fork_return ? names_.find(std::int32_t(e.args[0])) : kNone;
  const bool follows = follower != kNone && std::all_of(frontier_.begin(), frontier_.end(), [&](const Config& c) {
                         return (c.proc(follower).p_flag & model::P_TRACED) != 0 &&
                                (c.proc(follower).p_ptevents & model::PTRACE_FORK) != 0;
                       });
  const Slot parent_unseen = e.ktr == Ktr::trace_me ? new_ghost() : kNone;
  const Slot tracer =
      e.ktr == Ktr::trace_me || e.ktr == Ktr::attach || e.ktr == Ktr::fork_return || e.ktr == Ktr::exit_orphan
          ? kNone
          : ghost_of(e.ktr == Ktr::ptracestop ? 0 : e.thread);
  const std::int32_t real_parent = tracer == kNone ? -1 : real_parent_ahead(e.pid);
  ensure(real_parent);
  introduce(e.pid, [&](Config& c, Slot p) {
    auto& proc = c.proc(p);
    if (names_parent) {
      const Slot parent = names_.find(std::int32_t(e.args[0]));
      proc.p_pptr = parent == kNone ? names_.elsewhere() : parent;
      if (e.ktr == Ktr::fork_return) {  // its parent is traced and follows forks
        Proc& up = c.proc(proc.p_pptr);
        if ((up.p_flag & model::P_TRACED) == 0) {
          up.p_flag |= model::P_TRACED;
          up.p_oppid = up.p_pptr;
        }
        up.p_ptevents |= model::PTRACE_FORK;
        for (Slot td = 0; td < KernelState::kLwps; ++td)
          if (c.lwp(td).proc == p) c.lwp(td).td_flag |= model::TDB_STOPATFORK;
      }
    }
    if (parent_unseen != kNone) proc.p_pptr = parent_unseen;
    if (tracer == kNone) return;
    proc.p_flag |= model::P_TRACED;
    proc.p_oppid = proc.p_pptr;
    proc.p_pptr = tracer;
    if (real_parent == 0) proc.p_oppid = tracer;
    if (real_parent > 0 && names_.find(real_parent) != kNone) proc.p_oppid = names_.find(real_parent);
    if (proc.p_oppid != tracer && real_parent != 1) proc.p_orphan = proc.p_oppid;
    if (e.ktr == Ktr::ptracestop) {
      // Why it stops was decided before the log began.
      const auto flags = std::uint16_t(e.args[0] & model::TDB_MASK & ~model::TDB_XSIG);
      if ((flags & model::TDB_FSTP) != 0) {
        proc.p_flag |= model::P2_PTRACE_FSTP;
        proc.p_siglist.add(model::kSigstop);
      }
      for (Slot td = 0; td < KernelState::kLwps; ++td)
        if (c.lwp(td).proc == p)
          c.lwp(td).td_flag = std::uint16_t(flags & ~((flags & model::TDB_CHILD) != 0 ? 0 : model::TDB_FSTP));
    }
    if (e.ktr == Ktr::ptracestop || e.ktr == Ktr::wait_moved) return;
    c.stand_still(p);
    if (e.ktr != Ktr::wait_trapped) proc.p_flag |= model::P_WAITED;
    if (e.ktr == Ktr::wait_trapped) proc.p_xstat = std::uint16_t(e.args[1]);
    for (Slot td = 0; td < KernelState::kLwps; ++td)
      if (c.lwp(td).proc == p) names_.lwp(td).flags_known = false;
  });
  names_[names_.find(e.pid)].events_known = tracer == kNone;
  if (e.ktr == Ktr::wait_trapped && std::int64_t(e.args[2]) > 0) {
    Event named = e;
    named.tid = std::int32_t(e.args[2]);
    thread_of(named, names_.find(e.pid));
  }
  if (follower != kNone && !follows && !names_[follower].logged) names_[follower].events_known = false;
}

}  // namespace proctor::check
