// SPDX-License-Identifier: BSD-2-Clause
//
// What the acceptor takes by itself between two records is in the step relation: from a state that the log may have left,
// steps of the relation lead to one that looks as the acceptor has it.  A log does not tell where in the kernel a thread
// is, which signals are pending and what is caught, and the acceptor takes several steps in one; so a path is looked for,
// from each place where the thread may be.
#include "model/environment/relation.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <unordered_set>

#include "model/rules/requests.hpp"
#include "tests/unit/log/logs.hpp"

namespace proctor::test {
namespace {

using namespace model;
using check::Config;
using check::KernelState;

// The processes and threads that one step is about, before and after it.
struct Change {
  SmallState before = SmallState::boot(), after = SmallState::boot();
  std::vector<Slot> threads;    // whose place is not known
  std::vector<Slot> processes;  // that are not the same afterwards
  int elsewhere = kNone;        // stands for many: parents from before the log
  std::string bytes() const { return {reinterpret_cast<const char*>(&before), sizeof(before) + sizeof(after)}; }
};

class Reduction {
 public:
  Reduction(const Config& before, const Config& after) : before_(before), after_(after) { choose(); }

  // Nothing: more is involved than a small state has room for.
  std::optional<Change> change() const {
    if (procs_.size() > SmallState::kProcs || lwps_.size() > SmallState::kLwps) return std::nullopt;
    Change out;
    out.before = of(before_);
    out.after = of(after_);
    out.elsewhere = proc_of(check::Names().elsewhere(), kNone);
    for (std::size_t i = 0; i < procs_.size(); ++i)
      if (changed_[procs_[i]]) out.processes.push_back(Slot(i));
    for (std::size_t i = 0; i < lwps_.size(); ++i)
      if (before_.lwp(lwps_[i]).proc != kNone && changed_[before_.lwp(lwps_[i]).proc]) out.threads.push_back(Slot(i));
    return out;
  }

 private:
  void add(Slot p) {
    if (p != kNone && std::find(procs_.begin(), procs_.end(), p) == procs_.end()) procs_.push_back(p);
  }
  void choose() {
    procs_ = {kInit};
    for (Slot p = 0; p < KernelState::kProcs; ++p)
      if (std::memcmp(&before_.proc(p), &after_.proc(p), sizeof(before_.proc(p))) != 0) changed_[p] = true;
    for (Slot td = 0; td < KernelState::kLwps; ++td)
      if (std::memcmp(&before_.lwp(td), &after_.lwp(td), sizeof(before_.lwp(td))) != 0)
        for (const Config* c : {&before_, &after_})
          if (c->lwp(td).proc != kNone) changed_[c->lwp(td).proc] = true;
    for (Slot p = 0; p < KernelState::kProcs; ++p)
      if (changed_[p]) add(p);
    for (Slot p = 0; p < KernelState::kProcs; ++p)
      if (changed_[p])
        for (const Config* c : {&before_, &after_})
          for (const Slot other : {c->proc(p).p_pptr, c->proc(p).p_oppid, c->proc(p).p_orphan, c->proc(p).p_reaper})
            add(other);
    // Who is traced by the debugger of its parent: fork_return() looks there.
    for (Slot p = 0; p < KernelState::kProcs; ++p)
      if (changed_[p] && before_.proc(p).p_pptr != kNone &&
          (before_.proc(before_.proc(p).p_pptr).p_flag & P_TRACED) != 0)
        add(before_.proc(before_.proc(p).p_pptr).p_pptr);
    for (Slot td = 0; td < KernelState::kLwps; ++td)
      for (const Config* c : {&before_, &after_})
        if (has(c->lwp(td).proc) && std::find(lwps_.begin(), lwps_.end(), td) == lwps_.end()) lwps_.push_back(td);
  }
  bool has(Slot p) const { return std::find(procs_.begin(), procs_.end(), p) != procs_.end(); }
  Slot proc_of(Slot p, Slot other) const {
    const auto at = std::find(procs_.begin(), procs_.end(), p);
    return at == procs_.end() ? (p == kNone ? Slot{kNone} : other) : Slot(at - procs_.begin());
  }
  Slot lwp_of(Slot td) const {
    const auto at = std::find(lwps_.begin(), lwps_.end(), td);
    return at == lwps_.end() ? Slot{kNone} : Slot(at - lwps_.begin());
  }

  SmallState of(const Config& c) const {
    SmallState out{};
    for (std::size_t i = 0; i < procs_.size(); ++i) {
      auto& to = out.proc[i];
      const auto& from = c.proc(procs_[i]);
      static_cast<model::Proc&>(to) = from;
      for (Slot* other : {&to.p_pptr, &to.p_oppid, &to.p_orphan, &to.p_reaper, &to.p_pgrp})
        *other = proc_of(*other, kInit);
      to.p_xthread = lwp_of(to.p_xthread);
      for (const int sig : {kSigkill, kSigstop})
        if (from.p_siglist.has(sig)) to.p_siglist.add(sig);
    }
    for (std::size_t i = 0; i < lwps_.size(); ++i) {
      auto& to = out.lwp[i];
      const auto& from = c.lwp(lwps_[i]);
      static_cast<model::Lwp&>(to) = from;
      to.proc = proc_of(to.proc, kNone);
      for (const int sig : {kSigkill, kSigstop})
        if (from.td_siglist.has(sig)) to.td_siglist.add(sig);
    }
    return out;
  }

  const Config &before_, &after_;
  std::array<bool, KernelState::kProcs> changed_{};
  std::vector<Slot> procs_, lwps_;
};

// Is this the state that the acceptor has, in what a log tells?
bool looks_like(const Behaviours& kernel, const Change& change, const SmallState& seen) {
  constexpr int kFlags = ~(KSI_ONQ | P_SUGID | P_CONTINUED);
  // Which event a stop reports no ktrace file tells.  The others are DragonFly's only as marks of the acceptor.
  const int thread_flags =
      TD_SUSPENDED | (kernel.tokens ? 0 : TDB_SUSPEND | TDB_XSIG | TDB_STOPATFORK | TDB_FSTP | TD_RFPPWAIT);
  const SmallState& expected = change.after;
  for (int p = 0; p < SmallState::kProcs; ++p) {
    if (p == change.elsewhere) continue;
    const auto &a = expected.proc[std::size_t(p)], &b = seen.proc[std::size_t(p)];
    if (a.state != b.state) return false;
    if (a.state == ProcState::free) continue;
    if (a.p_pptr != b.p_pptr || a.p_oppid != b.p_oppid || a.p_orphan != b.p_orphan) return false;
    if (a.state == ProcState::zombie) continue;
    if (((a.p_flag ^ b.p_flag) & kFlags) != 0 || a.p_ptevents != b.p_ptevents || a.p_reaper != b.p_reaper) return false;
    if (a.p_numthreads != b.p_numthreads || a.p_suspcount != b.p_suspcount || a.p_xthread != b.p_xthread) return false;
    if ((a.p_flag & P_WEXIT) != 0) continue;
    for (int td = 0; td < SmallState::kLwps; ++td) {
      const auto &x = expected.lwp[std::size_t(td)], &y = seen.lwp[std::size_t(td)];
      if ((x.proc == p) != (y.proc == p)) return false;
      if (x.proc == p && ((x.td_flag ^ y.td_flag) & thread_flags) != 0) return false;
    }
  }
  return true;
}

constexpr At kStops[] = {At::signal_stop, At::proc_signal_stop, At::back_stop, At::call_stop,
                         At::child_stop,  At::vfork_stop,       At::born_stop, At::thr_exit_stop};

// Where a thread with these flags may be.
std::vector<At> places(const model::Lwp& td) {
  std::vector<At> out{td.td_at};
  const auto add = [&](At at) {
    if (std::find(out.begin(), out.end(), at) == out.end()) out.push_back(at);
  };
  const bool suspended = (td.td_flag & TD_SUSPENDED) != 0, reports = (td.td_flag & TDB_XSIG) != 0;
  if (!reports) {
    add(At::user);
    add(At::call);
    if (!suspended) add(At::back);
    if ((td.td_flag & TD_RFPPWAIT) != 0) add(At::vfork);
    if (!suspended && (td.td_flag & TDB_STOPATFORK) != 0) add(At::child);
    if (!suspended && (td.td_flag & TDB_CHILD) != 0) add(At::child_due);
    if (!suspended && (td.td_flag & TDB_BORN) != 0) add(At::born);
    if (!suspended && (td.td_flag & TDB_EXIT) != 0) add(At::thr_exit);
  }
  for (const At at : kStops) add(at);
  return out;
}

class Paths {
 public:
  explicit Paths(const Behaviours& kernel) : relation_(kernel) {}

  bool lead(const Change& change) const {
    std::vector<SmallState> starts;
    for (const bool catches : {true, false}) {
      SmallState start = change.before;
      for (const Slot p : change.processes)
        for (int sig = 1; catches && sig <= kSigmax; ++sig)
          if (sig != kSigkill && sig != kSigstop) start.proc[p].p_sigcatch.add(sig);
      starts.push_back(start);
    }
    for (SmallState& start : starts)
      for (std::size_t td = 0; td < SmallState::kLwps; ++td)  // of others it is supposed that they can make a call
        if (std::find(change.threads.begin(), change.threads.end(), td) == change.threads.end() &&
            (start.lwp[td].td_flag & TD_SUSPENDED) == 0)
          start.lwp[td].td_at = At::user;
    for (const Slot td : change.threads) {
      std::vector<SmallState> more;
      for (const SmallState& start : starts)
        for (const At at : places(start.lwp[td])) {
          more.push_back(start);
          more.back().lwp[td].td_at = at;
          if (at == At::thr_exit || at == At::thr_exit_stop) more.back().lwp[td].td_flag |= TDB_EXIT;
        }
      starts = std::move(more);
      if (starts.size() > kStartsMax) starts.resize(kStartsMax);
    }
    for (const std::size_t states : {kStatesFew, kStatesMax})
      for (const bool calls : {false, true})
        for (const SmallState& start : starts)
          if (leads(start, change, calls, states)) return true;
    return false;
  }

 private:
  static constexpr std::size_t kStartsMax = 4000, kStatesFew = 12, kStatesMax = 600;
  static constexpr int kUserSteps = 2;

  // Steps of the kernel as many as it takes, steps of users few.
  bool leads(const SmallState& start, const Change& change, bool calls, std::size_t states) const {
    struct Node {
      SmallState state;
      int user_steps;
    };
    std::deque<Node> todo{{start, 0}};
    std::unordered_set<std::string> seen;
    for (std::size_t looked_at = 0; !todo.empty() && looked_at < states; ++looked_at) {
      const Node node = todo.front();
      todo.pop_front();
      const auto reach = [&](const Step& step, int user_steps) {
        Node next{node.state, node.user_steps + user_steps};
        if (!relation_.take(step, next.state)) return false;
        if (looks_like(relation_.kernel(), change, next.state)) return true;
        std::string bytes(reinterpret_cast<const char*>(&next.state), sizeof(next.state));
        if (seen.insert(std::move(bytes)).second) todo.push_back(next);
        return false;
      };
      for (Slot td = 0; td < SmallState::kLwps; ++td)
        for (const Step& step : relation_.of_thread(node.state, td))
          if (reach(step, 0)) return true;
      for (Slot p = 0; p < SmallState::kProcs; ++p)
        for (const Step& step : relation_.of_process(node.state, p)) {
          if (reach(step, 0)) return true;
          if (relation_.rule(step).id != RuleId::exit_zombie) continue;
          Step ignored = step;
          ignored.choices[std::size_t(Open::sigchld_ignored)] = 1;
          if (reach(ignored, 0)) return true;
        }
      if (node.user_steps == kUserSteps) continue;
      for (const Step& step : by_users(node.state, change, calls && node.user_steps == 0))
        if (reach(step, 1)) return true;
    }
    return false;
  }

  std::vector<Step> by_users(const SmallState& state, const Change& change, bool calls) const {
    std::vector<Step> out;
    const auto add = [&](RuleId id, std::vector<std::int32_t> arguments) {
      if (const auto rule = relation_.find(id)) out.push_back({*rule, std::move(arguments), {}});
    };
    for (const Slot p : change.processes)
      for (const int sig : {kSigtrap, kSigusr1, kSigstop, kSigkill, kSigcont}) add(RuleId::psignal, {p, sig});
    for (const Slot td : change.threads) {
      for (const RuleId id : {RuleId::enter_call, RuleId::thr_exit}) add(id, {td});
      add(RuleId::exit, {td, 0});
    }
    for (Slot td = 0; td < SmallState::kLwps; ++td)
      for (const Slot p : change.processes)
        for (const char* request : {"ptrace(PT_CONTINUE, pid)", "ptrace(PT_DETACH, pid)"})
          if (state.lwp[td].proc == state.proc[p].p_pptr)
            out.push_back({*relation_.find(request), {td, p, 0, 0, 0}, {}});
    if (change.elsewhere != kNone)
      for (Slot td = 0; td < SmallState::kLwps; ++td)
        if (state.lwp[td].proc == change.elsewhere) add(RuleId::exit, {td, 0});
    if (calls) add_calls(out, state, change);
    return out;
  }

  // System calls that change something between two records: those that make or report a process, and requests of a debugger.
  void add_calls(std::vector<Step>& out, const SmallState& state, const Change& change) const {
    const auto is_new = [&](Slot p) { return change.before.proc[p].p_numthreads < change.after.proc[p].p_numthreads; };
    const bool grows = std::any_of(change.processes.begin(), change.processes.end(), is_new);
    for (std::size_t i = 0; i < relation_.rules().size(); ++i) {
      const Rule& rule = relation_.rules()[i];
      const bool waits = rule.id == RuleId::wait_report && rule.program.name.find("P_ALL") != std::string::npos;
      const bool execs = rule.id == RuleId::execve || rule.id == RuleId::execve_set_id;
      const bool reaps = rule.id == RuleId::reap_acquire || rule.id == RuleId::reap_release;
      if (grows && rule.arguments.size() > 1 && rule.arguments.back().name.ends_with("td"))
        for (Step& step : relation_.of_rule(state, {}, i)) out.push_back(std::move(step));
      for (Slot td = 0; td < SmallState::kLwps && state.lwp[td].proc != kNone; ++td) {
        if (execs || reaps) out.push_back({i, {td}, {}});
        for (const Slot p : change.processes) {
          const bool child = state.lwp[td].proc == state.proc[p].p_pptr;
          if (waits && child) out.push_back({i, {td, p, p}, {}});
          const bool starts = rule.number == rules::PT_ATTACH || rule.number == rules::PT_TRACE_ME;
          if (rule.by == Rule::By::request && (child || starts)) add_request(out, state, i, td, p);
        }
      }
    }
  }
  void add_request(std::vector<Step>& out, const SmallState& state, std::size_t rule, Slot caller, Slot p) const {
    const bool by_tid = relation_.rules()[rule].arguments[1].takes == Takes::thread;
    for (Slot target = 0; target < (by_tid ? SmallState::kLwps : SmallState::kProcs); ++target) {
      if (by_tid ? state.lwp[target].proc != p : target != p) continue;
      for (const std::int32_t data : {0, 1, 4, kSigkill, kSigstop})
        for (const std::int32_t mask : {kEventsAll & ~PTRACE_FORK, int{kEventsAll}})
          out.push_back({rule, {caller, target, data, mask, 0}, {}});
    }
  }

  const Relation relation_;
};

std::string text(const Change& change) {
  std::string out;
  const auto proc = [](const model::Proc& p) {
    return fmt::format("state {} pptr {} oppid {} orphan {} flag {:#x} events {:#x} xthread {} threads {}/{}",
                       int(p.state), p.p_pptr, p.p_oppid, p.p_orphan, p.p_flag, int(p.p_ptevents), p.p_xthread,
                       p.p_suspcount, p.p_numthreads);
  };
  for (std::size_t i = 0; i < SmallState::kProcs; ++i)
    if (change.before.proc[i].state != ProcState::free || change.after.proc[i].state != ProcState::free)
      out += fmt::format("  p{}: {}\n   -> {}\n", i, proc(change.before.proc[i]), proc(change.after.proc[i]));
  for (std::size_t i = 0; i < SmallState::kLwps; ++i) {
    const auto &a = change.before.lwp[i], &b = change.after.lwp[i];
    if (a.proc != kNone || b.proc != kNone)
      out += fmt::format("  t{}: p{} {:#x} at {} -> p{} {:#x} at {}\n", i, a.proc, a.td_flag, int(a.td_at), b.proc,
                         b.td_flag, int(b.td_at));
  }
  return out;
}

class AcceptorSteps : public testing::TestWithParam<std::string> {};

TEST_P(AcceptorSteps, AreInTheRelation) {
  const Behaviours* kernel = nullptr;
  for (const Behaviours* k : kKernels)
    if (k->name == GetParam()) kernel = k;
  ASSERT_NE(kernel, nullptr);
  const Paths paths(*kernel);
  std::unordered_set<std::string> seen;
  const std::size_t most =
      std::getenv("PROCTOR_LONG") != nullptr ? std::size_t(-1) : 120;  // the search for each is slow
  std::size_t checked = 0, too_large = 0, missing = 0, steps = 0;
  for (const RunLogs& run : corpus_runs()) {
    if (run.kernel != GetParam() || !run.name.starts_with("base/")) continue;
    const auto ktrace_path = run.find("ktrace.out");
    if (!ktrace_path) continue;
    const trace::Log ktrace = read(*ktrace_path);
    check::Acceptor acceptor(*kernel, &ktrace, nullptr);
    acceptor.takes = [&](const Config& before, const Config& after) {
      ++steps;
      const auto change = Reduction(before, after).change();
      if (!change) {
        ++too_large;
        return;
      }
      if (checked >= most || !seen.insert(change->bytes()).second) return;
      ++checked;
      if (paths.lead(*change)) return;
      ++missing;
      ADD_FAILURE() << run.name << ": no steps lead from here to there:\n" << text(*change);
    };
    acceptor.run();
  }
  fmt::print("{}: {} steps, {} different ones looked for, {} not found, {} are about too many processes\n", GetParam(),
             steps, checked, missing, too_large);
  EXPECT_GT(checked, 40U);
  EXPECT_LT(too_large, steps / 10);
}

INSTANTIATE_TEST_SUITE_P(Kernel, AcceptorSteps,
                         testing::Values("freebsd-10.4", "freebsd-11c-in-10.4", "dragonfly-5.5",
                                         "dragonfly-5.5-be1f9dd"),
                         [](const auto& of) { return test_name(of.param); });

}  // namespace
}  // namespace proctor::test
