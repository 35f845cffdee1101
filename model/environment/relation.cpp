// SPDX-License-Identifier: BSD-2-Clause
#include "model/environment/relation.hpp"

#include <algorithm>
#include <utility>

#include "model/rules/requests.hpp"

namespace proctor::model {

Relation::Relation(const Behaviours& kernel) : Relation(kernel, all_rules(kernel)) {}

Relation::Relation(const Behaviours& kernel, std::vector<Rule> rules) : kernel_(kernel), rules_(std::move(rules)) {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    by_name_.emplace(rules_[i].program.name, i);
    if (rules_[i].by == Rule::By::thread) of_thread_.push_back(i);
    if (rules_[i].by == Rule::By::process) of_process_.push_back(i);
  }
}

std::optional<std::size_t> Relation::find(RuleId id) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return rule.id == id; });
  if (found == rules_.end()) return std::nullopt;
  return std::size_t(found - rules_.begin());
}

std::optional<std::size_t> Relation::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

bool Relation::take(const Step& step, SmallState& state) const {
  SmallState next = state;
  Exec<SmallState> k(next, kernel_, step.choices);
  rules_[step.rule].run(k, step.arguments);
  if (!k.outcome().possible) return false;
  state = next;
  return true;
}

void Relation::add_if_enabled(std::vector<Step>& out, const SmallState& state, Step step) const {
  if (is_enabled(step, state)) out.push_back(std::move(step));
}

std::vector<Step> Relation::of_thread(const SmallState& state, Slot td) const {
  std::vector<Step> out;
  const auto& lwp = state.lwp[td];
  if (lwp.proc == kNone) return out;
  // A rule that takes a signal has one answer, which its guard knows: what is pending, and SIGSTOP for the attach.
  auto pending = (state.proc[lwp.proc].p_siglist | lwp.td_siglist) - lwp.td_sigmask;
  std::vector<std::int32_t> signals{kSigtrap, kSigstop};
  for (int sig = pending.lowest(); sig != 0; pending.remove(sig), sig = pending.lowest())
    if (std::find(signals.begin(), signals.end(), sig) == signals.end()) signals.push_back(sig);
  for (const std::size_t i : of_thread_) {
    if (rules_[i].arguments.size() == 1) {
      add_if_enabled(out, state, {.rule = i, .arguments = {td}, .choices = {}});
      continue;
    }
    for (const std::int32_t sig : signals)
      add_if_enabled(out, state, {.rule = i, .arguments = {td, sig}, .choices = {}});
  }
  return out;
}

std::vector<Step> Relation::of_process(const SmallState& state, Slot p) const {
  std::vector<Step> out;
  for (const std::size_t i : of_process_) add_if_enabled(out, state, {.rule = i, .arguments = {p}, .choices = {}});
  return out;
}

void Relation::add_calls(std::vector<Step>& out, const SmallState& state, const Universe& universe,
                         std::size_t rule) const {
  const Rule& r = rules_[rule];
  std::vector<std::vector<std::int32_t>> ways;
  for (const Argument& argument : r.arguments) {
    std::vector<std::int32_t> values;
    const bool request = r.by == Rule::By::request;
    switch (argument.takes) {
      case Takes::process:
        for (int p = 0; p < universe.processes; ++p) values.push_back(p);
        if (request || r.id == RuleId::kill || r.id == RuleId::wait_report || r.id == RuleId::wait_nothing)
          values.push_back(kNone);
        break;
      case Takes::thread:
        for (int td = 0; td < universe.threads; ++td) values.push_back(td);
        if (request && ways.size() > 0) values.push_back(kNone);
        break;
      case Takes::data: values.assign(universe.data.begin(), universe.data.end()); break;
      case Takes::signal: values.assign(universe.signals.begin(), universe.signals.end()); break;
      case Takes::mask:
        values = r.number == rules::PT_SET_EVENT_MASK
                     ? std::vector<std::int32_t>(universe.masks.begin(), universe.masks.end())
                     : std::vector<std::int32_t>{0};
        break;
      case Takes::status: values.assign(universe.statuses.begin(), universe.statuses.end()); break;
      case Takes::yes_no: values = universe.capability_mode ? std::vector<std::int32_t>{0, 1} : std::vector{0}; break;
    }
    if (values.empty()) return;  // the universe has none
    ways.push_back(std::move(values));
  }
  std::vector<std::size_t> at(ways.size(), 0);
  for (bool more = true; more;) {
    Step step{.rule = rule, .arguments = {}, .choices = {}};
    for (std::size_t i = 0; i < ways.size(); ++i) step.arguments.push_back(ways[i][at[i]]);
    add_if_enabled(out, state, std::move(step));
    more = false;
    for (std::size_t i = ways.size(); i-- > 0 && !more;) {
      more = ++at[i] < ways[i].size();
      if (!more) at[i] = 0;
    }
  }
}

std::vector<Step> Relation::of_rule(const SmallState& state, const Universe& universe, std::size_t rule) const {
  std::vector<Step> out;
  const auto keep = [&](std::vector<Step> steps) {
    for (Step& step : steps)
      if (step.rule == rule) out.push_back(std::move(step));
  };
  switch (rules_[rule].by) {
    case Rule::By::thread:
      for (int td = 0; td < universe.threads; ++td) keep(of_thread(state, Slot(td)));
      break;
    case Rule::By::process:
      for (int p = 0; p < universe.processes; ++p) keep(of_process(state, Slot(p)));
      break;
    default: add_calls(out, state, universe, rule);
  }
  return out;
}

std::vector<Step> Relation::enabled(const SmallState& state, const Universe& universe) const {
  std::vector<Step> out;
  for (int td = 0; td < universe.threads; ++td)
    for (Step& step : of_thread(state, Slot(td))) out.push_back(std::move(step));
  for (int p = 0; p < universe.processes; ++p)
    for (Step& step : of_process(state, Slot(p))) out.push_back(std::move(step));
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule::By by = rules_[i].by;
    if (by != Rule::By::thread && by != Rule::By::process) add_calls(out, state, universe, i);
  }
  return out;
}

std::vector<Slot> threads_of(const SmallState& state, Slot p) {
  std::vector<Slot> out;
  for (Slot td = 0; td < SmallState::kLwps; ++td)
    if (state.lwp[td].proc == p) out.push_back(td);
  std::sort(out.begin(), out.end(), [&](Slot a, Slot b) { return state.lwp[a].td_rank < state.lwp[b].td_rank; });
  return out;
}

std::vector<Slot> threads_by_age(const Behaviours& kernel, const SmallState& state, Slot p) {
  std::vector<Slot> out = threads_of(state, p);
  if (!kernel.new_threads_come_last) std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace proctor::model
