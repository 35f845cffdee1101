// SPDX-License-Identifier: BSD-2-Clause
//
// Processes and threads that no record has named yet: they were there before the log began.
#include <algorithm>

#include "checker/log/acceptor.hpp"
#include "checker/log/syscalls.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::check {

using model::ProcState;
using trace::Event;
using trace::Kind;
namespace rules = model::rules;

// A slot for a thread.  It may have been that of a thread that died in a call.
Slot Acceptor::add_lwp(std::int32_t pid, std::int32_t tid) {
  const Slot td = names_.add_lwp(pid, tid, frontier_);
  calls_[td].active = false;
  std::erase(in_flight_, td);
  std::erase(watched_, td);
  for (Config& c : frontier_) c.drop_early(td);
  if (begins_late_) names_.lwp(td).flags_known = false;
  return td;
}

// A process that was there before the log began, or a target that no record has named: it is in the state that make()
// gives it, in every configuration.
void Acceptor::introduce(std::int32_t pid, const std::function<void(Config&, Slot)>& make) {
  Slot p = names_.find(pid), td = kNone;
  if (p == kNone) {
    p = names_.add(pid, frontier_);
    td = add_lwp(pid, 0);
  } else {  // known by its pid only, as somebody's parent
    for (Slot i = 0; i < KernelState::kLwps && td == kNone; ++i)
      if (frontier_.front().lwp(i).proc == p) td = i;
  }
  names_[p].credentials = -pid;  // not known
  names_[p].before_log = true;
  names_[p].mentioned = false;
  names_[p].sigchld_settled = false;
  for (Config& c : frontier_) {
    c.set_sigchld(p, Sigchld::unknown);
    const Slot parent = c.proc(p).state == ProcState::free ? names_.elsewhere() : c.proc(p).p_pptr;
    c.proc(p) = Proc{};
    c.proc(p).state = ProcState::normal;
    c.proc(p).p_pptr = parent;
    c.proc(p).p_numthreads = 1;
    c.lwp(td) = Lwp{};
    c.lwp(td).proc = p;
    make(c, p);
  }
}

bool Acceptor::traces_someone(Slot p) const {
  return std::any_of(frontier_.begin(), frontier_.end(), [&](const Config& c) {
    return std::any_of(c.k.proc.begin(), c.k.proc.end(), [&](const Proc& q) {
      return q.state == ProcState::normal && q.p_pptr == p && (q.p_flag & model::P_TRACED) != 0;
    });
  });
}

// A call about a pid that no record has named.  If it does not exist the call fails with ESRCH or ECHILD; else it was there
// before the log began, in a state that the outcome of the call allows.
void Acceptor::introduce_target(const InFlight& call, Slot caller) {
  if (!call.returns || ended_with(call.error, model::Errno::esrch) || ended_with(call.error, model::Errno::echild))
    return;
  const bool request = call.code == sys::ptrace && call.args[0] != rules::PT_TRACE_ME;
  const bool wait = (call.code == sys::wait4 || call.code == sys::wait6) && call.error == 0;
  if (!request && !wait && call.code != sys::kill && call.code != sys::sigqueue) return;
  const auto id =
      wait && call.retval > 0 ? call.retval : std::int64_t(std::int32_t(call.args[request || call.code == sys::wait6]));
  if (id <= 1 || names_.find(std::int32_t(id)) != kNone || names_.find_tid(std::int32_t(id)) != kNone) return;
  const auto pid = std::int32_t(id);
  const bool thread = id > pid_max();
  if (thread && !threads_shown_ && traces_someone(caller)) return;
  if (wait || call.code != sys::ptrace) {
    introduce(pid, [](Config&, Slot) {});  // origin_moves() finds out whose child it was
    return;
  }
  const Frontier before = frontier_;
  Frontier after;
  auto hypothesis = [&](const std::function<void(Config&, Slot)>& make) {
    const Slot known = thread ? names_.find_tid(pid) : names_.find(pid);
    if (known == kNone) {
      frontier_ = before;
      introduce(thread ? -pid : pid, make);
      if (thread)
        for (Slot td = 0; td < KernelState::kLwps; ++td)
          if (names_.lwp(td).pid == -pid) names_.bind(td, pid);
    } else {
      const Slot p = thread ? names_.find(-pid) : known;
      for (Config& c : frontier_) {
        Lwp td{};
        td.proc = p;
        c.proc(p) = Proc{};
        c.proc(p).state = ProcState::normal;
        c.proc(p).p_pptr = names_.elsewhere();
        c.proc(p).p_numthreads = 1;
        for (Slot i = 0; i < KernelState::kLwps; ++i)
          if (c.lwp(i).proc == p) c.lwp(i) = td;
        make(c, p);
      }
    }
    after.insert(after.end(), frontier_.begin(), frontier_.end());
  };
  auto traced_by = [](Config& c, Slot p, Slot tracer, bool stopped) {
    Proc& proc = c.proc(p);
    proc.p_flag = model::P_TRACED;
    proc.p_oppid = proc.p_pptr;
    proc.p_pptr = tracer;
    if (!stopped) return;
    proc.p_flag |= model::P_WAITED;
    c.stand_still(p);
  };
  hypothesis([](Config&, Slot) {});
  hypothesis([](Config& c, Slot p) { c.proc(p).p_flag = model::P_SYSTEM; });
  hypothesis([&](Config& c, Slot p) { traced_by(c, p, caller, true); });
  hypothesis([&](Config& c, Slot p) { traced_by(c, p, caller, false); });
  hypothesis([&](Config& c, Slot p) { traced_by(c, p, names_.elsewhere(), false); });
  frontier_ = std::move(after);
}

// The thread that wrote the record.
Slot Acceptor::writer(const Event& e) {
  Slot p = names_.find(e.pid);
  const bool alive = p != kNone && std::any_of(frontier_.begin(), frontier_.end(),
                                               [&](const Config& c) { return c.proc(p).state != ProcState::free; });
  if (!alive && p == kNone) {
    introduce(e.pid, [](Config&, Slot) {});
    p = names_.find(e.pid);
    // Of one that has just turned tracing on for itself, it is supposed that it was started for that.
    const bool itself = e.kind == Kind::ret && e.code == sys::ktrace;
    names_[p].sigchld_settled = itself || !future_->misses_one(e.pid);
    if (names_[p].sigchld_settled)
      for (Config& c : frontier_) c.set_sigchld(p, Sigchld::taken);
  }
  names_[p].logged = true;
  auto has = [&](Slot td) {
    return std::any_of(frontier_.begin(), frontier_.end(), [&](const Config& c) { return c.lwp(td).proc == p; });
  };
  Slot unbound = kNone, held = kNone;
  if (e.tid > 0) {
    const Slot td = names_.find_tid(e.tid, e.pid);
    if (td != kNone && names_.lwp(td).pid == e.pid && has(td)) return td;
    for (Slot i = 0; i < KernelState::kLwps && unbound == kNone; ++i)
      if (names_.lwp(i).pid == e.pid && names_.lwp(i).tid <= 0 && has(i)) unbound = i;
    if (unbound != kNone) {
      names_.bind(unbound, e.tid);
      return unbound;
    }
  } else {
    if (e.kind == Kind::call && frontier_.front().proc(p).p_numthreads == 1)
      for (Slot i = 0; i < KernelState::kLwps; ++i)
        if (names_.lwp(i).pid == e.pid && has(i)) return i;
    // No thread ids in this log: a CALL comes from a thread that is in none, a RET from one that is in that call.
    for (Slot i = 0; i < KernelState::kLwps; ++i) {
      if (names_.lwp(i).pid != e.pid || !has(i)) continue;
      const bool fits = e.kind == Kind::call ? !calls_[i].active : calls_[i].active && calls_[i].code == e.code;
      if (fits) {
        const bool runs = (frontier_.front().lwp(i).td_flag & model::TD_SUSPENDED) == 0;
        if (runs) return i;
        if (held == kNone) held = i;
      }
      if (unbound == kNone) unbound = i;
    }
    if (held != kNone) return held;
    if (unbound != kNone && e.kind != Kind::call) return unbound;
  }
  // A thread that was there before the log began.
  const Slot td = add_lwp(e.pid, e.tid);
  for (Config& c : frontier_)
    if (c.proc(p).state == ProcState::normal) add_thread(c, p, td, false);
  return td;
}

// A thread that has been there for a while; suspended with the others, its process does not stop once more for that.
void Acceptor::add_thread(Config& c, Slot p, Slot td, bool suspended) const {
  Machine m(c.k, kernel_);
  rules::thread_create(m, m.proc(p), m.lwp(td));
  m.clear(m.lwp(td), model::TDB_BORN);
  const bool waited = (c.proc(p).p_flag & model::P_WAITED) != 0;
  if (suspended) rules::thread_suspend(m, m.lwp(td));
  if (waited) m.set(m.proc(p), model::P_WAITED);
}

}  // namespace proctor::check
