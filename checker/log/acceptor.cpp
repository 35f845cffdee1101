// SPDX-License-Identifier: BSD-2-Clause
//
// The records of a ktrace log, one after the other.
#include "checker/log/acceptor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checker/log/syscalls.hpp"
#include "model/rules/dragonfly_stop.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::check {

using model::ProcState;
using trace::Event;
using trace::Kind;
namespace rules = model::rules;

Acceptor::Acceptor(const model::Behaviours& kernel, const trace::Log* ktrace, const trace::Log* ktr)
    : kernel_(kernel), ktrace_(ktrace), ktr_(ktr) {
  if (ktrace_ != nullptr) {
    future_.emplace(*ktrace_);
    denials_.emplace(*ktrace_, *future_);
    if (ktrace_->dragonfly) names_.count_tids_by_process();
    threads_shown_ =
        std::any_of(ktrace_->events.begin(), ktrace_->events.end(), [](const Event& e) { return e.tid > 0; });
  }
  if (ktr_ != nullptr)
    for (std::uint32_t i = 0; i < ktr_->events.size(); ++i) {
      lines_of_[ktr_->events[i].pid].push_back(i);
      lines_by_thread_[ktr_->events[i].thread].push_back(i);
      last_mention_[ktr_->events[i].pid] = i;
      if (const std::int32_t other = other_process(ktr_->events[i]); other > 0) last_mention_[other] = i;
    }
  if (ktrace_ != nullptr && ktr_ != nullptr) align();
  Config start;
  Proc& elsewhere = start.proc(names_.elsewhere());
  elsewhere.state = ProcState::normal;
  elsewhere.p_pptr = kInit;
  elsewhere.p_numthreads = 1;
  Proc& proc0 = start.proc(names_.kernel());  // proc0_init()
  proc0.state = ProcState::normal;
  proc0.p_flag = model::P_SYSTEM;
  start.lwp(names_.add_lwp(names_.pid(names_.elsewhere()), 0, {})).proc = names_.elsewhere();
  frontier_.push_back(start);
}

Result Acceptor::run() {
  auto count = [](const trace::Log* log, Counts& counts) {
    if (log == nullptr) return;
    counts.records = log->records;
  };
  count(ktrace_, result_.ktrace);
  count(ktr_, result_.ktr);
  try {
    bool ok = true;
    if (ktrace_ != nullptr) {
      const auto n = std::uint32_t(ktrace_->events.size());
      for (at_ = 0; ok && at_ < n; ++at_) {
        ok = step(ktrace_->events[at_]);
        if ((at_ & 0xffff) == 0 && progress) progress(at_);
      }
    }
    if (ok && ktr_ != nullptr) advance_lines([] { return false; });
  } catch (const TooMany& limit) {
    result_.verdict = Verdict::inconclusive;
    result_.reason = "more " + limit.what + " at once than the model has room for";
  }
  finish();
  return std::move(result_);
}

bool Acceptor::step(const Event& e) {
  if (e.lost_before) ++lost_;
  switch (e.kind) {
    case Kind::call: return on_call(e);
    case Kind::ret: return future_->is_birth(at_) ? on_birth(e) : on_ret(e);
    case Kind::signal:
      if (kernel_.tokens) return on_signal(e);
      [[fallthrough]];
    default: ++result_.ktrace.skipped; return true;
  }
}

// A thread that writes a record runs: it is in no stop, and its process has not begun to exit.
bool Acceptor::thread_runs(Slot td) {
  names_.lwp(td).reported = 0;
  const std::int32_t pid = names_.lwp(td).pid;
  auto runs = [&, td](Config& c) {
    const Slot p = c.lwp(td).proc;
    if (p == kNone || c.proc(p).state != ProcState::normal) {
      note([&] { return fmt::format("process {} does not exist", pid); });
      return false;
    }
    const std::uint16_t flags = c.lwp(td).td_flag;
    if ((c.proc(p).p_flag & model::P_WEXIT) != 0) {
      note([&] { return fmt::format("process {} is exiting", pid); });
      return false;
    }
    if (is_held(c, td) || (flags & model::TDB_STOPATFORK) != 0) {
      note([&] { return fmt::format("process {} is stopped and nothing has let it go on", pid); });
      return false;
    }
    if (flags == 0) return true;
    Machine m(c.k, kernel_);
    rules::vfork_wait_over(m, m.lwp(td));
    rules::stop_is_past(m, m.lwp(td));
    if (!m.outcome().possible) failed(m.outcome().clause, model::Errno::ok, false);
    return m.outcome().possible;
  };
  const bool easy = std::all_of(frontier_.begin(), frontier_.end(), [&](const Config& c) {
    const Slot p = c.lwp(td).proc;
    return p != kNone && c.lwp(td).td_flag == 0 && c.proc(p).state == ProcState::normal &&
           (c.proc(p).p_flag & model::P_WEXIT) == 0;
  });
  if (easy) return true;
  return explain_or_advance({{runs}}, {names_.find(pid)});
}

// In a stop, or in DragonFly on the way into one: the thread itself has begun it, or has taken the trap of an exec along.
bool Acceptor::is_held(const Config& c, Slot td) const {
  const std::uint16_t flags = c.lwp(td).td_flag;
  if ((flags & model::TD_SUSPENDED) != 0) return true;
  if (!kernel_.tokens) return false;
  const bool stopping = (c.proc(c.lwp(td).proc).p_flag & model::P_STOPPED_SIG) != 0;
  return (flags & (model::TDB_EXEC | model::TDB_EXIT)) != 0 || ((flags & model::TDB_XSIG) != 0 && stopping);
}

// DragonFly writes a PSIG when the signal is delivered; FreeBSD's may come later and is not judged.
bool Acceptor::on_signal(const Event& e) {
  ++result_.ktrace.judged;
  const Slot td = writer(e), p = names_.find(e.pid);
  auto delivered = [&, td](Config& c) {
    if (c.lwp(td).proc == kNone || c.proc(c.lwp(td).proc).state != ProcState::normal) return false;
    Machine m(c.k, kernel_);
    rules::postsig(m, m.lwp(td), {e.signo}, e.caught);
    if (!m.outcome().possible) failed(m.outcome().clause, model::Errno::ok, false);
    return m.outcome().possible;
  };
  if (explain_or_advance({{delivered}}, {p})) return true;
  return result_.rejection ? false : reject(e, describe(*ktrace_, e));
}

// With KTR lines beside it, a record may need effects whose lines have not been read yet.
bool Acceptor::explain_or_advance(const std::vector<Attempt>& kinds, std::initializer_list<Slot> focus) {
  constexpr int kLinesMax = 512;
  if (explain_all(kinds, focus)) return true;
  if (!tracing_lines()) return false;
  int lines = 0;
  if (try_lines([&] { return ++lines <= kLinesMax && explain_all(kinds, focus); })) return true;
  // The lines in between may be explained only by records to come.  Also for the notes: those of the last attempt speak of a
  // later state.
  stops_come_first_ = false;
  const bool explained = explain_all(kinds, focus);
  stops_come_first_ = true;
  return explained;
}

bool Acceptor::on_call(const Event& e) {
  const bool modelled = is_modelled(e.code);
  ++(modelled ? result_.ktrace.judged : result_.ktrace.presence);
  const Slot td = writer(e);
  if (!thread_runs(td)) return result_.rejection ? false : reject(e, describe(*ktrace_, e));
  for (Config& c : frontier_) {
    const Slot p = c.lwp(td).proc;
    if (((c.proc(p).p_flag & model::P_TRACED) | c.lwp(td).td_flag) == 0) continue;
    Machine m(c.k, kernel_);
    rules::syscallenter(m, m.lwp(td));
  }
  InFlight& call = calls_[td];
  if (!call.active) in_flight_.push_back(td);
  for (Config& c : frontier_) c.drop_early(td);  // of a call that never returned
  call = {.active = true, .code = e.code, .args = e.args, .call = at_, .pid_before = last_pid_};
  const std::uint32_t ret = future_->ret_of(at_);
  if (ret != kNever) {
    call.returns = true;
    call.error = ktrace_->events[ret].error;
    call.retval = ktrace_->events[ret].retval;
    call.may_be_denied = e.code == sys::ptrace && denials_->is_possible(at_);
    call.must_be_denied = call.may_be_denied && denials_->is_certain(at_);
  }
  note_sigchld(e, names_.find(e.pid), call);
  if (is_fork(e.code) && call.returns && call.error == 0 && call.retval > 0) {
    const auto pid = std::int32_t(call.retval);
    Slot child = names_.find(pid);
    if (child == kNone) child = names_.add(pid, frontier_);
    names_[child].sigchld_since = 0;
    names_[child].sigchld_settled = names_[names_.find(e.pid)].sigchld_settled;
    call.child_td = add_lwp(pid, 0);
    names_[child].pinned = names_.lwp(call.child_td).pinned = true;
  }
  if (e.code == sys::thr_new || e.code == sys::thr_create) {
    call.child_td = add_lwp(e.pid, 0);
    names_.lwp(call.child_td).pinned = true;
  }
  const bool wait = e.code == sys::wait4 || e.code == sys::wait6;
  const bool ptrace = e.code == sys::ptrace;
  if (call.returns &&
      ((wait && (call.error != 0 || call.retval == 0)) || ((ptrace || e.code == sys::kill) && call.error != 0)) &&
      line_of(call) != Line::due) {
    watched_.push_back(td);
    mark_satisfied(td);
  }
  return true;
}

// sigaction(SIGCHLD) opens the question whether the process is told of its children's end, an exec answers it: execsigs().
// Whoever ended before the call returned may have done so before or after its effect.
void Acceptor::note_sigchld(const Event& e, Slot p, const InFlight& call) {
  ProcName& name = names_[p];
  const std::uint32_t ret = future_->ret_of(at_);
  if (sets_signal_action(e.code)) {
    const bool of_child = !e.has_arg(0) || e.args[0] == std::uint64_t(rules::kSigchld);
    const bool asks_only = e.has_arg(1) && e.args[1] == 0;
    if (!of_child || asks_only) return;
    name.sigchld_settled = false;
    name.sigchld_since = ret == kNever ? at_ : ret;
    for (Config& c : frontier_) c.set_sigchld(p, Sigchld::unknown);
  } else if (is_exec(e.code) && call.returns && (call.error == 0 || call.error == kJustReturn)) {
    name.sigchld_since = ret;
  }
}

// A call that fails, or finds nothing, changes nothing.  It is explained if its outcome was possible at any moment between
// its CALL and its RET; that is noted as soon as it is so, before other effects take the moment away.
void Acceptor::mark_satisfied(Slot td) {
  for (Config& c : frontier_) {
    if (c.is_early(td) || c.lwp(td).proc == kNone || (c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) continue;
    Config copy = c;
    if (apply(copy, td, calls_[td]) && copy.k == c.k) c.add_early(td);
  }
}

void Acceptor::mark_all_satisfied() {
  for (Slot td : watched_) mark_satisfied(td);
}

bool Acceptor::on_birth(const Event& e) {
  ++result_.ktrace.judged;
  const Slot p = names_.find(e.pid);
  // The call that made it may not have returned yet: then its effect has happened all the same.
  Slot maker = kNone;
  for (Slot td : in_flight_) {
    const InFlight& call = calls_[td];
    const bool process = is_fork(call.code) && call.returns && call.error == 0 && call.retval == e.pid;
    const bool thread =
        (call.code == sys::thr_new || call.code == sys::thr_create) && names_.lwp(td).pid == e.pid && call.error == 0;
    if (process || thread) maker = td;
  }
  auto bind = [&](Slot td) {
    if (td != kNone && e.tid > 0 && names_.lwp(td).tid <= 0) names_.bind(td, e.tid);
  };
  Slot td = kNone;
  if (maker != kNone) {
    td = calls_[maker].child_td;
    auto made = [&, td, maker](Config& c) {
      if (c.lwp(td).proc != kNone) return true;
      if (!apply(c, maker, calls_[maker])) return false;
      c.add_early(maker);
      return true;
    };
    if (!explain_or_advance({{made}}, {names_.find(names_.lwp(maker).pid), p}))
      return result_.rejection ? false : reject(e, describe(*ktrace_, e));
    bind(td);
    names_[names_.find(e.pid)].logged = true;
  } else {
    if (p == kNone && !partial && !future_->is_before_log(e.pid, at_)) {
      notes_ = {
          fmt::format("no process {}: no fork in the log made it (a log that leaves processes out: --partial)", e.pid)};
      return reject(e, describe(*ktrace_, e));
    }
    td = writer(e);
  }
  if (!thread_runs(td)) return result_.rejection ? false : reject(e, describe(*ktrace_, e));
  return true;
}

bool Acceptor::on_ret(const Event& e) {
  const bool modelled = is_modelled(e.code);
  ++(modelled ? result_.ktrace.judged : result_.ktrace.presence);
  const Slot td = writer(e);
  InFlight& call = calls_[td];
  if (!call.active || call.code != e.code || !modelled) {
    if (!thread_runs(td)) return result_.rejection ? false : reject(e, describe(*ktrace_, e));
    const bool wait = e.code == sys::wait4 || e.code == sys::wait6;
    if (modelled && !call.active && wait && e.error == 0 && e.retval > 0) return on_ret_without_call(e, td);
    if (modelled && !call.active && is_fork(e.code) && e.error == 0 && e.retval > 0 &&
        names_.find(std::int32_t(e.retval)) == kNone)
      introduce(std::int32_t(e.retval), [&](Config& c, Slot child) { c.proc(child).p_pptr = c.lwp(td).proc; });
  } else {
    call.returns = true;
    call.error = e.error;
    call.retval = e.retval;
    introduce_target(call, names_.find(e.pid));
    if (line_of(call) != Line::none) {
      auto done = [&] {
        return std::any_of(frontier_.begin(), frontier_.end(), [&](const Config& c) { return c.is_early(td); });
      };
      if (!done()) try_lines(done);
    }
    std::vector<Attempt> kinds;
    for (Attempt& outcome : outcomes(td, call))
      kinds.push_back({[this, td, &call, outcome = std::move(outcome.in)](Config& c) {
                         if (c.is_early(td)) {
                           c.drop_early(td);
                         } else if (!outcome(c)) {
                           return false;
                         }
                         const bool stops_later = is_exec(call.code) && !kernel_.tokens;
                         if (!stops_later && is_held(c, td)) {
                           note([&] {
                             return fmt::format("process {} is stopped and nothing has let it go on",
                                                names_.lwp(td).pid);
                           });
                           return false;
                         }
                         return true;
                       },
                       outcome.excludes_others});
    if (!explain_or_advance(kinds, {names_.find(names_.lwp(td).pid), target(call)}))
      return result_.rejection ? false : reject(e, describe(*ktrace_, e));
  }
  for (Config& c : frontier_) {
    const Slot p = c.lwp(td).proc;
    if (p == kNone || ((c.proc(p).p_flag & model::P_TRACED) | c.lwp(td).td_flag) == 0) continue;
    Machine m(c.k, kernel_);
    rules::syscallret(m, m.lwp(td));
  }
  if (call.active) {
    if (e.error == 0) learn(names_.find(e.pid), call);
    if (call.may_be_denied && call.if_denied != call.if_not_denied) denials_->learn(call.call, call.if_denied);
    call.active = false;
    std::erase(in_flight_, td);
    std::erase(watched_, td);
    if (call.child_td != kNone) names_.lwp(call.child_td).pinned = false;
    if (const Slot child = target(call); is_fork(call.code) && child != kNone) names_[child].pinned = false;
  }
  return true;
}

// A wait that was entered before the log began: what it was asked for is not known.  It reported the process that it returns.
bool Acceptor::on_ret_without_call(const Event& e, Slot td) {
  constexpr std::uint64_t kAny = 0xffffffff;
  InFlight call{.active = true, .code = sys::wait4, .returns = true, .retval = e.retval};
  call.args[0] = kAny;
  call.args[2] = std::uint64_t(rules::kWuntraced | rules::kWcontinued);
  introduce_target(call, names_.find(e.pid));
  std::vector<Attempt> kinds = outcomes(td, call);
  if (explain_or_advance(kinds, {names_.find(e.pid), target(call)})) return true;
  return reject(e, describe(*ktrace_, e));
}

// What a call that succeeded tells about its process beside the kernel state.
void Acceptor::learn(Slot p, const InFlight& call) {
  ProcName& name = names_[p];
  if (changes_credentials(call.code)) name.credentials_changed = true;
  if (call.code == sys::cap_enter) name.capmode = true;
  if (call.code == sys::sigprocmask && call.args[1] != 0) name.masks_signals = true;
  if (call.code == sys::procctl && (call.args[2] == PROC_REAP_ACQUIRE || call.args[2] == PROC_REAP_RELEASE)) {
    for (Config& c : frontier_) {
      Machine m(c.k, kernel_);
      if (call.args[2] == PROC_REAP_ACQUIRE)
        rules::reap_acquire(m, m.proc(p));
      else
        rules::reap_release(m, m.proc(p));
    }
  } else if (call.code == sys::procctl) {
    const Slot other = names_.find(std::int32_t(call.args[1]));
    name.notrace = true;
    if (other != kNone) names_[other].notrace = true;
  }
  if (is_fork(call.code) && call.retval > 0) {
    last_pid_ = std::max(last_pid_, std::int32_t(call.retval));
    const Slot child = names_.find(std::int32_t(call.retval));
    if (child == kNone) return;
    names_[child].credentials = name.credentials;
    names_[child].credentials_changed = name.credentials_changed;
    names_[child].capmode = name.capmode;
    names_[child].masks_signals = name.masks_signals;
  }
}

void Acceptor::failed(const model::Clause& clause, model::Errno error, bool possible) {
  if (!noting_) return;
  const std::string where = clause.file.empty() ? "" : " " + place(clause);
  if (!possible)
    failed("not possible" + where);
  else if (error == model::Errno::ok)
    failed("success");
  else
    failed(name(error) + where);
}

void Acceptor::failed(std::string why) {
  if (noting_ && std::find(notes_.begin(), notes_.end(), why) == notes_.end()) notes_.push_back(std::move(why));
}

bool Acceptor::reject(const Event& e, std::string observed) {
  const trace::Log* log = e.kind == Kind::ktr ? ktr_ : ktrace_;
  if (notes_.size() > 1) std::erase(notes_, "success");  // the record was a success: what else was wrong says more
  result_.verdict = Verdict::rejected;
  result_.rejection = Rejection{
      .log = log, .event = std::uint32_t(&e - log->events.data()), .observed = std::move(observed), .allowed = notes_};
  if (search_cut_) {
    result_.verdict = Verdict::inconclusive;
    result_.reason = "more states are possible than were looked at";
  }
  if (lost_ > 0) {
    result_.verdict = Verdict::inconclusive;
    result_.reason = fmt::format("{} times the log says that records were lost before this one", lost_);
  }
  return false;
}

// The status that the last records of a process announce; -1 if they announce no end.
int Acceptor::exit_status_at_end(Slot p) const {
  const Life* life = future_->last_life(names_.pid(p));
  return life == nullptr || !life->ends ? -1 : life->status;
}

void Acceptor::finish() {
  result_.final_frontier = frontier_.size();
  if (frontier_.empty()) return;
  const Config& c = frontier_.front();
  for (Slot i = 0; i < KernelState::kProcs; ++i) {
    const Proc& p = c.proc(i);
    if (p.state == ProcState::free || i == kInit || names_.pid(i) <= 0) continue;
    FinalProcess f{.pid = names_.pid(i), .parent = names_.pid(p.p_pptr), .real_parent = 0, .state = {}};
    Config copy = c;
    Machine m(copy.k, kernel_);
    f.real_parent = names_.pid(Slot(rules::proc_realparent(m, m.proc(i)).slot.v));
    if (p.state == ProcState::zombie)
      f.state = fmt::format("zombie, status {:#x}", p.p_xstat);
    else if ((p.p_flag & model::P_WEXIT) != 0)
      f.state = "exiting";
    else if ((p.p_flag & model::P_STOPPED) != 0)
      f.state = (p.p_flag & model::P_WAITED) != 0 ? "stopped, waited for" : "stopped";
    else if (names_[i].logged && future_ && future_->life(names_.pid(i), at_) == nullptr && exit_status_at_end(i) >= 0)
      f.state = fmt::format("exiting, status {:#x}", exit_status_at_end(i));
    else
      f.state = "running";
    if ((p.p_flag & model::P_TRACED) != 0) f.state += ", traced";
    result_.final_states.push_back(std::move(f));
  }
  std::sort(result_.final_states.begin(), result_.final_states.end(),
            [](const FinalProcess& a, const FinalProcess& b) { return a.pid < b.pid; });
}

}  // namespace proctor::check
