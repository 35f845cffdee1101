// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/machine.hpp"

#include <algorithm>
#include <utility>

#include "model/rules/kill.hpp"

namespace proctor::scenario {

using namespace model;

Machine::Machine(const Vocabulary& words) : words_(words), state_(SmallState::boot()) {
  state_.proc[kInit].p_cred = CR_ROOT;
  for (int p = 0; p < SmallState::kProcs; ++p) by_p_children_.push_back(Slot(p));
}

std::optional<Action> Machine::action(std::string_view rule, std::vector<std::int32_t> arguments) const {
  const auto found = words_.relation().find(rule);
  if (!found) return std::nullopt;
  return Action{.rule = *found, .arguments = std::move(arguments)};
}

std::optional<Action> Machine::action(RuleId id, std::vector<std::int32_t> arguments) const {
  const auto found = words_.relation().find(id);
  if (!found) return std::nullopt;
  return Action{.rule = *found, .arguments = std::move(arguments)};
}

bool Machine::would_do(const Action& action) const { return words_.relation().is_enabled(action, state_); }

Taken Machine::take(const Action& action) {
  const Rule& rule = words_.rules()[action.rule];
  Taken out{.text = print(words_, action, state_),
            .rule = rule.program.name,
            .outcome = {},
            .reached = true,
            .locks = {},
            .after = state_};
  Exec<SmallState> k(out.after, words_.kernel(), action.choices, &out.locks);
  rule.run(k, action.arguments);
  out.outcome = k.outcome();
  if (!out.outcome.possible) {
    out.reached = !out.outcome.clause.says_where;
    if (!out.reached) out.outcome.clause = {};
    out.after = state_;
    return out;
  }
  const SmallState before = std::exchange(state_, out.after);
  note_children(before);
  if (rule.by == Rule::By::request || rule.by == Rule::By::call) current_ = action.arguments[0];
  if (rule.by == Rule::By::other) current_ = kNone;
  for (std::size_t p = 0; p < halts_.size(); ++p)
    if (state_.proc[p].state != ProcState::normal || (state_.proc[p].p_flag & P_WEXIT) == 0) halts_[p] = false;
  if (rule.id == RuleId::exit)
    if (const Slot p = state_.lwp[std::size_t(action.arguments[0])].proc; p != kNone) halts_[p] = true;
  return out;
}

// fork1() and proc_reparent() put a child at the head of p_children.  Those that are moved together are moved in the order
// in which they are found.
void Machine::note_children(const SmallState& before) {
  for (const Slot p : std::vector<Slot>(by_p_children_)) {
    const Proc &was = before.proc[p], &is = state_.proc[p];
    const bool is_new = was.state == ProcState::free && is.state != ProcState::free;
    if (!is_new && was.p_pptr == is.p_pptr) continue;
    std::erase(by_p_children_, p);
    by_p_children_.insert(by_p_children_.begin(), p);
  }
}

int Machine::caller(int proc) const {
  const std::vector<Slot> threads = threads_by_age(words_.kernel(), state_, Slot(proc));
  for (const Slot td : threads)
    if (would_do(*action(RuleId::getppid, {td}))) return td;
  return threads.empty() ? int{kNone} : threads.front();
}

std::vector<Taken> Machine::react(int proc, int signal, Reaction reaction) {
  constexpr rules::Action actions[] = {rules::Action::by_default, rules::Action::ignore, rules::Action::handle};
  constexpr RuleId calls[] = {RuleId::sigaction_default, RuleId::sigaction_ignore, RuleId::sigaction_catch};
  const int caller = this->caller(proc);
  const bool is_free = caller != kNone && state_.lwp[std::size_t(caller)].td_at == At::user;
  const auto call = action(calls[std::size_t(reaction)], {caller, signal});
  if (is_free && call && would_do(*call)) return {take(*call)};
  Exec<SmallState> k(state_, words_.kernel());
  const auto td = k.lwp(Slot(k.first_lwp(k.proc(Slot(proc))).v));
  rules::sigaction(k, td, {signal}, actions[std::size_t(reaction)]);
  return {};
}

bool Machine::settle(Steps& out) {
  for (int i = 0; i < kSettleMax; ++i)
    if (!step(out)) return true;
  return false;
}

bool Machine::step(Steps& out) {
  // A new child that is to be traced comes first: its parent does not return from fork before (cv_wait(p_dbgwait)).
  for (int td = 0; td < SmallState::kLwps; ++td) {
    const Lwp& lwp = state_.lwp[std::size_t(td)];
    if (lwp.proc != kNone && (lwp.td_flag & TDB_STOPATFORK) != 0 && step_of_thread(out, td)) return true;
  }
  for (int p = 0; p < SmallState::kProcs; ++p)
    if (step_of_process(out, p)) return true;
  return false;
}

bool Machine::step_of_process(Steps& out, int p) {
  const Proc& proc = state_.proc[std::size_t(p)];
  if (proc.state != ProcState::normal) return false;
  if ((proc.p_flag & P_WEXIT) != 0) {
    if (halts_[std::size_t(p)]) return false;
    for (Step& next : words_.relation().of_process(state_, Slot(p))) {
      const SmallState before = state_;
      Taken taken = take(next);
      if (state_ == before) continue;
      out.push_back(std::move(taken));
      return true;
    }
    return false;
  }
  // The thread that made a call looks at signals first: it is the one that is told of them.
  std::vector<Slot> threads = threads_of(state_, Slot(p));
  std::stable_partition(threads.begin(), threads.end(), [&](Slot td) { return td == current_; });
  return std::any_of(threads.begin(), threads.end(), [&](Slot td) { return step_of_thread(out, td); });
}

// A call takes as long as a scenario likes, but it does not keep a signal waiting that stops or kills.
bool Machine::must_leave_call(int td) const {
  const auto& lwp = state_.lwp[std::size_t(td)];
  if (lwp.td_at != At::call) return true;
  const auto& proc = state_.proc[lwp.proc];
  const bool traced = (proc.p_flag & P_TRACED) != 0;
  // One that has stopped at the entry makes its call when that is over.
  if ((lwp.td_flag & TDB_SCE) != 0 && (!traced || (proc.p_ptevents & PTRACE_SCE) != 0)) return true;
  auto pending = (proc.p_siglist | lwp.td_siglist) - lwp.td_sigmask;
  for (int sig = pending.lowest(); sig != 0; pending.remove(sig), sig = pending.lowest())
    if (traced ? !lwp.td_sigptrace.has(sig) || !proc.p_sigcatch.has(sig)
               : !proc.p_sigcatch.has(sig) && !proc.p_sigignore.has(sig))
      return true;
  return false;
}

bool Machine::step_of_thread(Steps& out, int td) {
  for (Step& next : words_.relation().of_thread(state_, Slot(td))) {
    const RuleId id = words_.rules()[next.rule].id;
    if (id == RuleId::leave_call && !must_leave_call(td)) continue;
    const SmallState before = state_;
    Taken taken = take(next);
    if (state_ == before) continue;
    out.push_back(std::move(taken));
    return true;
  }
  return false;
}

std::vector<Taken> Machine::exit(int td, int status) {
  Steps out;
  const int p = state_.lwp[std::size_t(td)].proc;
  out.push_back(take(*action(RuleId::exit, {td, status})));
  if (!out.back().outcome.possible) return out;
  halts_[std::size_t(p)] = false;
  for (int i = 0; i < kSettleMax && step_of_process(out, p);) ++i;
  return out;
}

std::vector<Taken> Machine::find_signal(int td, int signal) {
  Steps out;
  const Action found = *action(RuleId::issignal, {td, signal});
  if (!would_do(found)) {
    const Action raised = *action(RuleId::trapsignal, {td, signal});
    const Slot p = state_.lwp[std::size_t(td)].proc;
    const bool pending =
        p != kNone && (state_.proc[p].p_siglist.has(signal) || state_.lwp[std::size_t(td)].td_siglist.has(signal));
    if (!pending && would_do(raised)) out.push_back(take(raised));
  }
  if (out.empty() || would_do(found)) out.push_back(take(found));
  return out;
}

std::vector<Taken> Machine::stop_process(int p, int signal) {
  Steps out;
  out.push_back(take(*action(RuleId::psignal, {p, signal})));
  for (const Slot td : threads_of(state_, Slot(p))) {
    const Action found = *action(RuleId::issignal, {td, signal}), follows = *action(RuleId::follow_stop, {td});
    if (would_do(found))
      out.push_back(take(found));
    else if (would_do(follows))
      out.push_back(take(follows));
  }
  return out;
}

}  // namespace proctor::scenario
