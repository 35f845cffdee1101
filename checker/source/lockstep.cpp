// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/lockstep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/rules/sys_ptrace.hpp"

namespace proctor::source {

using model::Exec;
using model::kNone;
using model::Outcome;
using model::Rule;
using model::SmallState;
using model::Takes;
using scenario::Action;

namespace {

// How often a rule comes, among requests and among the others.
int weight(const Rule& rule) {
  const std::string& name = rule.program.name;
  if (rule.by == Rule::By::request) {
    using namespace model::rules;
    int often = 1;
    if (rule.number == PT_ATTACH) often = 6;
    if (rule.number == PT_TRACE_ME) often = 3;
    if (rule.number == PT_CONTINUE || rule.number == PT_DETACH || rule.number == PT_STEP) often = 2;
    if (rule.number == PT_LWPINFO || rule.number == PT_IO || rule.number == PT_VM_ENTRY) often = 3;
    return name.ends_with(", tid)") ? often : 3 * often;
  }
  using model::RuleId;
  switch (rule.id) {
    case RuleId::fork: return 12;
    case RuleId::thr_new: return 6;
    case RuleId::exit_untraced:
    case RuleId::exit_zombie: return 6;
    case RuleId::execve_begins: return 2;
    case RuleId::follow_stop: return 12;
    case RuleId::resume_in_stop:
    case RuleId::leave_stop:
    case RuleId::leave_job_stop:
    case RuleId::fork_return:
    case RuleId::leave_call: return 10;
    case RuleId::stop: return 12;
    case RuleId::issignal: return 25;
    case RuleId::getppid: return 0;  // it changes nothing
    case RuleId::wait_nothing: return 1;
    case RuleId::wait_report:
      return name.find("P_PGID") != std::string::npos ? 1 : name.ends_with(": trapped") ? 12 : 3;
    case RuleId::sysctl: return 2;
    case RuleId::jail:
    case RuleId::setuid:
    case RuleId::setpgid:
    case RuleId::killpg: return 1;
    case RuleId::sig_block:
    case RuleId::sigaction_ignore:
    case RuleId::sigaction_catch:
    case RuleId::sigaction_default: return 2;
    case RuleId::psignal: return 8;
    default: return 3;
  }
}

}  // namespace

Generator::Generator(const scenario::Vocabulary& words) : words_(words) {
  ways_.fill(1);
  for (std::size_t i = 0; i < words.rules().size(); ++i) {
    const Rule& rule = words.rules()[i];
    for (const model::ir::Instruction& in : rule.program.code)
      if (in.op == model::ir::Op::open)
        ways_[std::size_t(in.imm)] = std::max(ways_[std::size_t(in.imm)], std::uint8_t(in.imm2));
    auto& list = rule.by == Rule::By::request ? requests_ : environment_;
    list.insert(list.end(), std::size_t(weight(rule)), std::uint16_t(i));
    const std::string& name = rule.program.name;
    if (rule.id == model::RuleId::wait_report && name.ends_with(": trapped")) waits_.push_back(std::uint16_t(i));
  }
}

void Generator::fill(const Rule& rule, const SmallState& state, Random& random, Action& action) const {
  constexpr std::int32_t data[] = {0, 0, 0, 1, 4, 5, 9, 17, 19, 100, 127, 128, 129, 159, 160, 161, -1, 0x7fffffff};
  constexpr std::int32_t signals[] = {1, 5, 9, 17, 17, 17, 18, 19, 20, 128};
  constexpr std::int32_t statuses[] = {0, 9, 0x0100, 0xff00};
  action.arguments.resize(rule.arguments.size());
  const std::size_t first = rule.by == Rule::By::request ? 1 : 0;  // who calls has been chosen already
  for (std::size_t i = first; i < rule.arguments.size(); ++i) {
    std::int32_t& value = action.arguments[i];
    auto one_of = [&](const auto& values) { return values[random.below(std::uint32_t(std::size(values)))]; };
    switch (rule.arguments[i].takes) {
      case Takes::process: {
        const auto n = random.below(16);
        value = n == 15 ? std::int32_t{kNone} : std::int32_t(n % SmallState::kProcs);
        // mostly one that exists
        if (n > 3 && n < 15 && state.proc[std::size_t(value)].state == model::ProcState::free)
          value = std::int32_t(random.below(SmallState::kProcs));
        if (n > 7 && n < 15 && state.proc[std::size_t(value)].state == model::ProcState::free) value = model::kInit + 1;
        break;
      }
      case Takes::thread: {
        const auto n = random.below(3 * SmallState::kLwps + 1);
        value = n == 3 * SmallState::kLwps ? std::int32_t{kNone} : std::int32_t(n % SmallState::kLwps);
        break;
      }
      case Takes::data:
        value = rule.number == model::rules::PT_LWPINFO && random.below(2) == 0
                    ? std::int32_t(random.below(model::kLwpinfoBytes + 2))
                    : one_of(data);
        break;
      case Takes::signal: value = one_of(signals); break;
      case Takes::mask:
        value = rule.number == model::rules::PT_SET_EVENT_MASK
                    ? random.below(6) == 0 ? 0x40 : std::int32_t(random.below(0x40))
                    : 0;
        break;
      case Takes::status: value = one_of(statuses); break;
      case Takes::yes_no: value = rule.by == Rule::By::request && random.below(200) == 0 ? 1 : 0; break;
    }
  }
  action.choices = {};
  if (random.below(3) == 0)
    for (std::uint8_t& choice : action.choices)
      if (random.below(4) == 0) choice = std::uint8_t(random.below(60));
  // Only what the rules can tell apart, so that both sides read the same.
  for (std::size_t kind = 0; kind < ways_.size(); ++kind)
    action.choices[kind] = std::uint8_t(action.choices[kind] % ways_[kind]);
}

// A tracee, if there is one, by lot.
int Generator::tracee(const SmallState& state, Random& random) {
  int found = kNone;
  std::uint32_t count = 0;
  for (int p = 0; p < SmallState::kProcs; ++p) {
    const model::Proc& q = state.proc[std::size_t(p)];
    if ((q.p_flag & model::P_TRACED) == 0 || q.state != model::ProcState::normal || q.p_pptr == kNone) continue;
    if (random.below(++count) == 0) found = p;
  }
  return found;
}

bool Generator::pick_request(const SmallState& state, Random& random, Action& action) const {
  // Most calls are made by a debugger, about its tracee.
  const int target = random.below(8) < 5 ? tracee(state, random) : int{kNone};
  for (int tries = 0; tries < 8; ++tries) {
    action.rule = requests_[random.below(std::uint32_t(requests_.size()))];
    const Rule& rule = words_.rules()[action.rule];
    action.arguments.assign(1, std::int32_t(random.below(SmallState::kLwps)));
    if (target != kNone && state.lwp[std::size_t(action.arguments[0])].proc != state.proc[std::size_t(target)].p_pptr)
      continue;
    fill(rule, state, random, action);
    if (target == kNone || rule.number == model::rules::PT_TRACE_ME) return true;
    if (rule.arguments[1].takes == Takes::process) {
      action.arguments[1] = target;
      return true;
    }
    for (int td = 0; td < SmallState::kLwps; ++td)
      if (state.lwp[std::size_t(td)].proc == target && (action.arguments[1] == kNone || random.below(2) == 0))
        action.arguments[1] = td;
    return true;
  }
  return false;
}

// What brings a tracee on its way: it stops, its threads follow, its debugger waits, it goes on.
bool Generator::pick_for_tracee(const SmallState& state, Random& random, Action& action) const {
  const int p = tracee(state, random);
  if (p == kNone) return false;
  const model::Proc& q = state.proc[std::size_t(p)];
  std::vector<Action> steps;
  for (const model::Slot td : model::threads_of(state, model::Slot(p)))
    for (Action& step : words_.relation().of_thread(state, td)) steps.push_back(std::move(step));
  if (!steps.empty() && random.below(4) != 0) {
    action = std::move(steps[random.below(std::uint32_t(steps.size()))]);
    return true;
  }
  if ((q.p_flag & model::P_STOPPED) == 0 && random.below(2) == 0) {  // something to stop for
    const auto sent = words_.relation().find(model::RuleId::psignal);
    constexpr std::int32_t signals[] = {model::kSigstop, model::kSigstop, model::kSigusr1, model::kSigterm,
                                        model::kSigkill};
    action = {.rule = *sent, .arguments = {p, signals[random.below(5)]}, .choices = {}};
    return true;
  }
  if ((q.p_flag & model::P_WAITED) != 0 || q.p_pptr == kNone) return false;
  const std::vector<model::Slot> debugger = model::threads_of(state, q.p_pptr);
  if (debugger.empty()) return false;
  action.rule = waits_[random.below(std::uint32_t(waits_.size()))];
  action.arguments = {debugger.front(), p, p};
  action.choices = {};
  return true;
}

bool Generator::pick_environment(const SmallState& state, Random& random, Action& action) const {
  action.rule = environment_[random.below(std::uint32_t(environment_.size()))];
  const Rule& rule = words_.rules()[action.rule];
  fill(rule, state, random, action);
  const auto by = rule.by;
  if (by == Rule::By::thread) {  // its arguments follow from the state
    std::vector<Action> steps = words_.relation().of_thread(state, model::Slot(random.below(SmallState::kLwps)));
    if (steps.empty()) return false;
    action = std::move(steps[random.below(std::uint32_t(steps.size()))]);
    return true;
  }
  if (rule.arguments.back().takes == Takes::thread && rule.arguments.size() > 1 && rule.id != model::RuleId::thr_kill)
    for (int td = SmallState::kLwps - 1; td >= 0; --td)  // a free slot is rare among random ones
      if (state.lwp[std::size_t(td)].proc == kNone) action.arguments.back() = td;
  return true;
}

// How most debugging begins: a target that a debugger has attached, or that asked for it, and that has stopped.
std::vector<Action> Generator::prologue(Random& random) const {
  std::vector<Action> out;
  auto take = [&](std::string_view name, std::vector<std::int32_t> arguments) {
    for (std::size_t i = 0; i < words_.rules().size(); ++i)
      if (words_.rules()[i].program.name == name) out.push_back({i, std::move(arguments), {}});
  };
  if (random.below(4) == 0) {
    if (random.below(8) != 0) return out;
    // A child attaches to its parent and wants to be traced by it: whom it attaches to now is looked for in a circle.
    take("fork", {0, 1, 1});
    take("fork", {1, 2, 2});
    take("fork", {0, 3, 3});
    take("ptrace(PT_ATTACH, pid)", {2, 1, 0, 0, 0});
    take("ptrace(PT_TRACE_ME)", {2, 2, 0, 0, 0});
    take("ptrace(PT_ATTACH, pid)", {2, 3, 0, 0, 0});
    return out;
  }
  constexpr std::int32_t debugger = 1, target = 2, bystander = 3, debugger_td = 1, target_td = 2, second_td = 4;
  const auto wait_for = [&](std::int32_t child) {  // one of the two finds it
    take("wait6(P_ALL): trapped", {debugger_td, child, child});
    take("wait6(P_ALL, WLINUXCLONE): trapped", {debugger_td, child, child});
  };
  const std::int32_t parent = random.below(2) == 0 ? debugger : std::int32_t{model::kInit};
  const bool two_threads = random.below(2) == 0;
  take("fork", {0, debugger, 1});
  take(random.below(4) == 0 ? "rfork(RFLINUXTHPN)" : "fork", {parent, target, target_td});
  if (two_threads) {
    take("thr_new", {target_td, second_td});
    take("thread_return", {second_td});
  }
  const bool third = random.below(2) == 0;
  if (third) take("fork", {random.below(2) == 0 ? 0 : target_td, bystander, 3});
  if (parent == debugger && random.below(3) == 0)
    take("ptrace(PT_TRACE_ME)", {target_td, target, 0, 0, 0});
  else
    take("ptrace(PT_ATTACH, pid)", {1, target, 0, 0, 0});
  if (random.below(8) == 0) return out;
  take("psignal", {target, model::kSigstop});  // what an attach has sent already, and PT_TRACE_ME has not
  take("issignal", {target_td, model::kSigstop});
  take("thread_suspend_check", {target_td});
  if (two_threads) take("thread_suspend_check", {second_td});
  if (random.below(8) == 0) return out;
  wait_for(target);
  if (!words_.kernel().follow_fork || two_threads || third || random.below(4) != 0) return out;
  // The target forks under PT_FOLLOW_FORK, and the new child stops.
  take("ptrace(PT_FOLLOW_FORK, pid)", {1, target, 1, 0, 0});
  take("ptrace(PT_CONTINUE, pid)", {1, target, 0, 0, 0});
  take("ptracestop: resumed", {target_td});
  take("leave_stop", {target_td});
  take("fork", {target_td, bystander, 3});
  take("fork_return", {3});
  take("ptracestop", {3, model::kSigstop});
  wait_for(bystander);
  take("syscallret", {target_td});
  take("ptracestop", {target_td, model::kSigtrap});
  wait_for(target);
  return out;
}

bool Generator::pick(const SmallState& state, Random& random, Action& action) const {
  int processes = 0;
  for (const model::Proc& p : state.proc) processes += p.state == model::ProcState::normal ? 1 : 0;
  if (processes >= 3 && random.below(100) < 30 && pick_for_tracee(state, random, action)) return true;
  const std::uint32_t request_share = processes < 3 ? 20 : 75;
  return random.below(100) < request_share ? pick_request(state, random, action)
                                           : pick_environment(state, random, action);
}

void Lockstep::begin(const SmallState& start) {
  state_ = start;
  a_.reset();
  a_.store(state_);
  if (b_ != nullptr) {
    b_->reset();
    b_->store(state_);
  }
}

Lockstep::Step Lockstep::step(const Action& action, std::uint64_t dice, bool exact) {
  const Rule& rule = words_.rules()[action.rule];
  if (!exact && rule.arguments[0].takes == Takes::thread && action.arguments[0] == kNone) return Step::impossible;
  if (rule.by == Rule::By::request) return call(action, rule, dice);
  SmallState next = state_;
  Exec<SmallState> k(next, words_.kernel(), action.choices);
  rule.run(k, action.arguments);
  if (!k.outcome().possible) return Step::impossible;
  if (next == state_) return Step::without_effect;
  if (takes) takes(action, state_);
  state_ = next;
  ++steps;
  a_.store(state_);
  if (b_ != nullptr) b_->store(state_);
  return Step::taken;
}

Lockstep::Step Lockstep::call(const Action& action, const Rule& rule, std::uint64_t dice) {
  SmallState next = state_;
  locks_.clear();
  Exec<SmallState> k(next, words_.kernel(), action.choices, &locks_);
  k.coverage = coverage;
  rule.run(k, action.arguments);
  if (!k.outcome().possible) {  // the source would loop for ever or panic there
    if (!k.outcome().clause.says_where) ++not_made;
    return Step::impossible;
  }
  if (k.outcome().error == model::Errno::ecapmode) return Step::without_effect;  // the source is not reached
  ++calls;
  if (takes) takes(action, state_);
  const auto make = [&](Harness& on, std::string_view which, Observation& seen) {
    try {
      on.call(action, dice, seen);
    } catch (Finding& finding) {
      if (b_ != nullptr) finding.text = fmt::format("{}: {}", which, finding.text);
      throw;
    }
  };
  make(a_, "before", seen_a_);
  if (b_ == nullptr) {
    compare(words_, action, k.outcome(), locks_, next, seen_a_);
    state_ = next;
    return Step::taken;
  }
  make(*b_, "now", seen_b_);
  compare(seen_a_, seen_b_);
  state_ = seen_a_.state;
  return Step::taken;
}

namespace {
// They go by the place in the sequence, so that a run that is taken again throws the same.
std::uint64_t dice_of(std::uint64_t seed, std::size_t place) {
  return Random(seed ^ (0x9e3779b97f4a7c15ULL * (place + 1))).next();
}
}  // namespace

void Lockstep::explore(std::uint64_t seed, int length, Sequence& sequence) {
  Random random(seed);
  sequence.seed = seed;
  sequence.start = scenario::start_state(random.below(2) != 0);
  sequence.actions.clear();
  begin(sequence.start);
  const auto take_last = [&] {
    const std::size_t place = sequence.actions.size() - 1;
    progress(place);
    if (step(sequence.actions[place], dice_of(seed, place)) != Step::taken) sequence.actions.pop_back();
  };
  for (Action& action : generator_.prologue(random)) {
    sequence.actions.push_back(std::move(action));
    take_last();
  }
  for (int i = 0; i < 6 * length && int(sequence.actions.size()) < length; ++i) {
    Action action;
    if (!generator_.pick(state_, random, action)) continue;
    sequence.actions.push_back(std::move(action));
    take_last();
  }
}

void Lockstep::replay(const Sequence& sequence) {
  begin(sequence.start);
  taken = 0;
  for (std::size_t i = 0; i < sequence.actions.size(); ++i) {
    progress(i);
    ++taken;  // also by the one that shows a finding
    if (step(sequence.actions[i], dice_of(sequence.seed, i), sequence.exact) == Step::impossible) --taken;
  }
}

}  // namespace proctor::source
