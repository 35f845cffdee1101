// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/machine.hpp"

#include <algorithm>
#include <iterator>

#include "model/rules/tree.hpp"

namespace proctor::scenario {

using namespace model;
using model::rules::kSigchld, model::rules::kSigcont, model::rules::kSigkill, model::rules::kSigmax,
    model::rules::kSigstop, model::rules::kSigtrap, model::rules::kSigtstp;

namespace {

bool is_stop_signal(int signal) {
  return std::find(std::begin(model::rules::kStopSignals), std::end(model::rules::kStopSignals), signal) !=
         std::end(model::rules::kStopSignals);
}

// sigproptbl of kern_sig.c, SA_IGNORE.
bool is_ignored_by_default(int signal) {
  constexpr int kSigurg = 16, kSigio = 23, kSigwinch = 28, kSiginfo = 29;
  return signal == kSigchld || signal == kSigcont || signal == kSigurg || signal == kSigio || signal == kSigwinch ||
         signal == kSiginfo;
}

}  // namespace

Machine::Machine(const Vocabulary& words) : words_(words), state_(SmallState::boot()) {
  state_.proc[kInit].p_cred = CR_ROOT;
  for (std::size_t i = 0; i < words.rules().size(); ++i) by_name_.emplace(words.rules()[i].program.name, i);
}

std::optional<Action> Machine::action(std::string_view rule, std::vector<std::int32_t> arguments) const {
  const auto found = by_name_.find(rule);
  if (found == by_name_.end()) return std::nullopt;
  return Action{.rule = found->second, .arguments = std::move(arguments)};
}

bool Machine::is_traced(int p) const {
  const std::uint16_t flags = state_.proc[std::size_t(p)].p_flag;
  // A vfork child that called PT_TRACE_ME is left alone until its exec; before threads had stops, any vfork child was.
  const std::uint16_t hidden = words_.kernel().stop_has_thread ? P_PPTRACE : P_PPWAIT;
  return (flags & P_TRACED) != 0 && (flags & hidden) == 0;
}

bool Machine::would_do(const Action& action) const {
  const Rule& rule = words_.rules()[action.rule];
  if (!is_reachable(rule, state_, action.arguments)) return false;
  SmallState next = state_;
  Exec<SmallState> k(next, words_.kernel(), action.choices);
  rule.run(k, action.arguments);
  return k.outcome().possible;
}

Taken Machine::take(const Action& action) {
  const Rule& rule = words_.rules()[action.rule];
  Taken out{.text = print(words_, action, state_),
            .rule = rule.program.name,
            .outcome = {},
            .reached = is_reachable(rule, state_, action.arguments),
            .locks = {},
            .after = state_};
  if (!out.reached) {
    out.outcome.possible = false;
    return out;
  }
  Exec<SmallState> k(out.after, words_.kernel(), action.choices, &out.locks);
  rule.run(k, action.arguments);
  out.outcome = k.outcome();
  if (!out.outcome.possible) {
    out.after = state_;
    return out;
  }
  const SmallState before = state_;
  state_ = out.after;
  follow(action, out, before);
  return out;
}

// What the state does not remember of a step that was taken.
void Machine::follow(const Action& action, const Taken& taken, const SmallState& before) {
  const Rule& rule = words_.rules()[action.rule];
  const std::string& name = rule.program.name;
  const auto& a = action.arguments;
  const bool own = rule.arguments[0].takes == Takes::thread && a[0] != kNone;
  const std::size_t td = own ? std::size_t(a[0]) : 0;
  const int p = own ? before.lwp[td].proc : a[0];
  const bool ok = taken.outcome.error == Errno::ok;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const std::uint16_t was = before.lwp[i].td_flag, is = state_.lwp[i].td_flag;
    if ((is & TD_STEP) != 0 && (was & TD_STEP) == 0) threads_[i].steps = true;
    if (state_.lwp[i].proc == kNone || before.lwp[i].proc == kNone) threads_[i] = {};
  }
  for (std::size_t i = 0; i < processes_.size(); ++i)
    if (state_.proc[i].state != ProcState::normal) processes_[i] = {};
  switch (rule.needs) {
    case Needs::fork:
      processes_[std::size_t(a[1])].reactions = processes_[std::size_t(p)].reactions;
      if ((flag(a[0]) & TDB_FORK) != 0) threads_[td].due = Due::system_call_return;
      return;
    case Needs::exec:
      if (name == "execve: P_INEXEC") return;
      std::erase_if(processes_[std::size_t(p)].reactions, [](const auto& r) { return r.second == Reaction::catches; });
      threads_[td].due = (flag(a[0]) & TDB_EXEC) != 0 ? Due::system_call_return : Due::nothing;
      if (!words_.kernel().stop_has_thread && is_traced(p)) send(p, kSigtrap);  // exec_setregs() and its psignal()
      return;
    case Needs::thread_create:
      if (words_.kernel().stop_has_thread) threads_[std::size_t(a[1])].due = Due::new_thread_return;
      return;
    case Needs::thread_exit:
      if (state_.lwp[td].proc != kNone)
        threads_[td] = {.in_stop = (flag(a[0]) & TDB_XSIG) != 0, .due = Due::thread_end};
      return;
    case Needs::post: send(a[0], a[1]); return;
    case Needs::process_call:
      if (name == "kill" && ok && a[1] != kNone) send(a[1], a[2]);
      return;
    default: break;
  }
  const int events = own && p != kNone ? int(state_.proc[std::size_t(p)].p_ptevents) : 0;
  if (name == "syscallenter" && is_traced(p) && (events & PTRACE_SCE) != 0) threads_[td].due = Due::stop;
  if (name == "syscallret") {
    const bool stops = is_traced(p) && ((flag(a[0]) & (TDB_FORK | TDB_EXEC)) != 0 || (events & PTRACE_SCX) != 0);
    threads_[td].due = stops ? Due::stop : Due::leave;
  }
  if (name == "thread_return") {
    const bool stops = is_traced(p) && ((flag(a[0]) & TDB_BORN) != 0 || (events & PTRACE_SCX) != 0);
    threads_[td].due = stops ? Due::stop : Due::leave;
  }
  if (name == "vfork_wait_over" && (flag(a[0]) & TDB_VFORK) != 0)
    threads_[td].due = is_traced(p) && (events & PTRACE_VFORK) != 0 ? Due::stop : Due::leave;
  if (name == "ptracestop" || name == "issignal") {
    threads_[td].in_stop = true;
    threads_[td].due = Due::nothing;
  }
  if (name == "leave_stop") threads_[td].in_stop = false;
}

void Machine::react(int proc, int signal, Reaction reaction) {
  processes_[std::size_t(proc)].reactions[signal] = reaction;
}

Reaction Machine::reaction(int p, int signal) const {
  const auto& reactions = processes_[std::size_t(p)].reactions;
  const auto found = reactions.find(signal);
  if (signal == kSigkill || signal == kSigstop) return Reaction::by_default;
  if (found != reactions.end()) return found->second;
  return is_ignored_by_default(signal) ? Reaction::ignores : Reaction::by_default;
}

void Machine::send(int p, int signal) {
  if (state_.proc[std::size_t(p)].state != ProcState::normal || p == kInit) return;
  if (signal <= 0 || signal > kSigmax || signal == kSigkill || signal == kSigstop) return;
  // tdsendsignal() drops what is ignored; that of 2003 kept it for a debugger.  In traces/corpus no tracee of 10.4 ever
  // stops for the SIGCHLD of its child.
  const bool for_debugger = !words_.kernel().stop_has_thread && is_traced(p);
  if (!for_debugger && reaction(p, signal) == Reaction::ignores) return;
  std::deque<int>& sent = processes_[std::size_t(p)].sent;
  if (std::find(sent.begin(), sent.end(), signal) == sent.end()) sent.push_back(signal);  // a set, not a queue
}

bool Machine::try_rule(Steps& out, std::string_view rule, std::vector<std::int32_t> arguments, Choices choices) {
  auto next = action(rule, std::move(arguments));
  if (!next) return false;
  next->choices = choices;
  if (!would_do(*next)) return false;
  const SmallState before = state_;
  const auto threads = threads_;
  const auto processes = processes_;
  Taken taken = take(*next);
  if (state_ == before) {
    threads_ = threads;
    processes_ = processes;
    return false;
  }
  out.push_back(std::move(taken));
  return true;
}

bool Machine::settle(Steps& out) {
  for (int i = 0; i < kSettleMax; ++i)
    if (!step(out)) return true;
  return false;
}

bool Machine::step(Steps& out) {
  // A child to be traced first: its parent does not return from fork before (cv_wait(p_dbgwait)).
  for (int td = 0; td < SmallState::kLwps; ++td) {
    if (state_.lwp[std::size_t(td)].proc == kNone || (flag(td) & TDB_STOPATFORK) == 0) continue;
    if ((flag(td) & TDB_CHILD) == 0 ? try_rule(out, "fork_return", {td}) : try_rule(out, "ptracestop", {td, kSigstop}))
      return true;
  }
  for (int p = 1; p < SmallState::kProcs; ++p) {
    if (state_.proc[std::size_t(p)].state != ProcState::normal) continue;
    if ((state_.proc[std::size_t(p)].p_flag & P_WEXIT) != 0) {
      if (processes_[std::size_t(p)].dies && ends_exit(out, p)) return true;
      continue;
    }
    for (int td = 0; td < SmallState::kLwps; ++td)
      if (state_.lwp[std::size_t(td)].proc == p && step_of_thread(out, p, td)) return true;
    if (step_of_process(out, p)) return true;
  }
  return false;
}

bool Machine::step_of_thread(Steps& out, int p, int td) {
  const Proc& proc = state_.proc[std::size_t(p)];
  Thread& thread = threads_[std::size_t(td)];
  if ((flag(td) & (TD_SUSPENDED | TDB_STOPATFORK)) != 0) return false;
  const bool in_stop = (flag(td) & (TDB_XSIG | TDB_SUSPEND)) != 0 || proc.p_xthread == td;
  if (in_stop && try_rule(out, "ptracestop: resumed", {td})) return true;
  if (thread.in_stop) return leaves_stop(out, p, td);
  if ((proc.p_flag & P_STOPPED) != 0 && try_rule(out, "thread_suspend_check", {td})) return true;
  if (thread.due != Due::nothing && due_step(out, p, td)) return true;
  return (flag(td) & TD_RFPPWAIT) != 0 && try_rule(out, "vfork_wait_over", {td});
}

bool Machine::due_step(Steps& out, int p, int td) {
  Thread& thread = threads_[std::size_t(td)];
  switch (thread.due) {
    case Due::nothing: return false;
    case Due::system_call_return:
      if (try_rule(out, "syscallret", {td})) return true;
      thread.due = Due::nothing;  // no longer traced: nothing is to be reported
      return true;
    case Due::new_thread_return:
      if (try_rule(out, "thread_return", {td})) return true;
      thread.due = Due::nothing;
      return true;
    case Due::stop:
      if (is_traced(p) && try_rule(out, "ptracestop", {td, kSigtrap})) return true;
      if (is_traced(p)) return false;
      thread.due = Due::leave;
      return true;
    case Due::thread_end: return try_rule(out, "thr_exit: gone", {td});
    case Due::leave:
      if ((flag(td) & TD_RFPPWAIT) != 0) return false;
      thread.due = Due::nothing;
      try_rule(out, "leave_stop", {td});
      return true;  // it has left, with or without something to clear
  }
  return false;
}

// The thread runs again after a stop: it looks at the signal that its debugger left it.
bool Machine::leaves_stop(Steps& out, int p, int td) {
  Thread& thread = threads_[std::size_t(td)];
  const bool has_thread = words_.kernel().stop_has_thread;
  const Proc& proc = state_.proc[std::size_t(p)];
  if (is_traced(p) && (flag(td) & TDB_SUSPEND) != 0) return false;  // PT_SUSPEND
  const bool steps = thread.steps && (flag(td) & TD_STEP) != 0;
  if (has_thread) {
    const auto leave = action("leave_stop", {td});
    if (!leave || !would_do(*leave)) return false;
    try_rule(out, "leave_stop", {td});
  }
  thread.in_stop = false;
  if ((flag(td) & TDB_EXIT) != 0) return true;  // whatever the signal
  if (steps) {
    thread.steps = false;
    processes_[std::size_t(p)].sent.push_front(kSigtrap);
  }
  const int signal = has_thread ? state_.lwp[std::size_t(td)].td_xsig : proc.p_xstat;
  const bool killed = (proc.p_flag & (PEND_KILL | P_TRACED)) == PEND_KILL;
  if (killed || signal == 0 || signal > kSigmax) return true;
  if (reaction(p, signal) != Reaction::by_default) return true;
  if (is_stop_signal(signal)) {  // a traced process does not stop twice for one signal
    if (!is_traced(p)) try_rule(out, "sigstop", {p, signal == kSigstop ? kSigstop : kSigtstp});
    return true;
  }
  dies_of(out, p, signal);
  return true;
}

bool Machine::step_of_process(Steps& out, int p) {
  const Proc& proc = state_.proc[std::size_t(p)];
  if ((proc.p_flag & PEND_KILL) != 0) {
    if (is_traced(p) ? takes_signal(out, p, kSigkill) : dies_of(out, p, kSigkill)) return true;
  }
  if ((proc.p_flag & PEND_STOP) != 0) {
    if (is_traced(p) ? takes_signal(out, p, kSigstop) : try_rule(out, "sigstop", {p, kSigstop})) return true;
  }
  std::deque<int>& sent = processes_[std::size_t(p)].sent;
  if (sent.empty() || (proc.p_flag & P_STOPPED) != 0) return false;
  const int signal = sent.front();
  bool gone = false;
  if (is_traced(p))
    gone = takes_signal(out, p, signal);
  else if (reaction(p, signal) != Reaction::by_default)
    gone = true;
  else if (is_stop_signal(signal))
    gone = try_rule(out, "sigstop", {p, kSigtstp});
  else
    return dies_of(out, p, signal);
  if (gone) sent.pop_front();
  return gone;
}

bool Machine::takes_signal(Steps& out, int p, int signal) {
  for (int td = 0; td < SmallState::kLwps; ++td)
    if (state_.lwp[std::size_t(td)].proc == p && (flag(td) & TDB_SUSPEND) == 0 &&
        try_rule(out, "issignal", {td, signal}))
      return true;
  return false;
}

bool Machine::dies_of(Steps& out, int p, int status) {
  for (int td = 0; td < SmallState::kLwps; ++td)
    if (state_.lwp[std::size_t(td)].proc == p && try_rule(out, "exit1: P_WEXIT", {td, status})) {
      processes_[std::size_t(p)].dies = true;
      return true;
    }
  return false;
}

bool Machine::ends_exit(Steps& out, int p) {
  if ((state_.proc[std::size_t(p)].p_flag & (P_TRACED | P_PPWAIT)) != 0) try_rule(out, "exit1: untraced", {p});
  const Slot parent = state_.proc[std::size_t(p)].p_pptr;
  Choices choices{};
  const auto& reactions = processes_[parent].reactions;
  const auto to_parent = reactions.find(kSigchld);
  if (to_parent != reactions.end() && to_parent->second == Reaction::ignores)
    choices[std::size_t(Open::sigchld_ignored)] = 1;
  return try_rule(out, "exit1: zombie", {p}, choices);
}

std::vector<Taken> Machine::exit(int td, int status) {
  Steps out;
  const int p = state_.lwp[std::size_t(td)].proc;
  out.push_back(take(*action("exit1: P_WEXIT", {td, status})));
  if (out.back().outcome.possible) ends_exit(out, p);
  return out;
}

}  // namespace proctor::scenario
