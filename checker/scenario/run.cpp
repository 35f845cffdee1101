// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "checker/run/state_words.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

// What wait(2) makes of p_xstat.
std::string report_words(std::string_view report, const Proc& p) {
  constexpr int kSignal = 0x7f;
  if (report == "continued") return "continued";
  if (report != "exited") return fmt::format("{}={}", report, signal_words(p.p_xstat));
  if ((p.p_xstat & kSignal) != 0) return fmt::format("killed={}", signal_words(p.p_xstat & kSignal));
  return fmt::format("exited={}", p.p_xstat >> 8);
}

// One run of a script without problems; words that this kernel does not have are thrown as ParseError and end it.
class Runner {
 public:
  Runner(const Script& script, const Behaviours& kernel) : words_(kernel), machine_(words_) {
    out_.path = script.path;
    out_.kernel = &kernel;
    try {
      for (const Statement& statement : script.statements)
        if (!out_.ended_early && statement.is_for(kernel)) take(statement);
    } catch (const ParseError& e) {
      out_.unreadable = problem_lines(script.path, {e});
    }
  }
  RunResult take() { return std::move(out_); }

 private:
  void take(const Statement& s) {
    LineResult result;
    result.kind = s.kind;
    result.line = s.line;
    result.text = s.text;
    result.before = machine_.state();
    result.expected = s.expected_on(words_.kernel());
    switch (s.kind) {
      case LineKind::settle:
        if (s.text == "settle") settle_once_ = true;
        if (s.text != "settle") holds_ = s.text == "hold";
        break;
      case LineKind::check: check(s); break;
      case LineKind::exit: exit(result, s); break;
      case LineKind::wait: wait(result, s); break;
      case LineKind::reaction: reaction(result, s); break;
      case LineKind::job_stop: job_stop(result, s); break;
      case LineKind::action: act(result, s); break;
    }
    result.after = machine_.state();
    if (!holds_ || settle_once_)
      if (!machine_.settle(result.settled))
        out_.findings.push_back(
            {s.line,
             fmt::format("the processes do not come to rest: {} internal steps were taken", Machine::kSettleMax),
             {}});
    settle_once_ = false;
    result.end = machine_.state();
    compare(result);
    out_.lines.push_back(std::move(result));
  }

  void compare(const LineResult& r) {
    const bool may_fail = r.expected && r.expected->starts_with("impossible");
    if (!r.possible && !may_fail) {
      const bool reached = r.taken.empty() || r.taken.back().reached;
      std::string what = r.why_not;
      if (what.empty() && !reached) what = "nobody can begin it, as the thread is stopped, busy or gone";
      if (!r.clause.id.empty()) what += (what.empty() ? "" : " ") + place(r.clause);
      out_.findings.push_back({r.line, "not possible here: " + what, r.clause});
      out_.ended_early = true;
    }
    if (!r.expected) return;
    ++out_.expectations;
    const std::string came = outcome_words(r);
    if (matches(r)) return;
    if (!r.possible && !may_fail) return;  // said already
    std::string what = fmt::format("expected {}, but it is {}", *r.expected, came);
    if (!r.clause.id.empty()) what += " " + place(r.clause);
    out_.findings.push_back({r.line, std::move(what), r.clause});
  }
  static std::string outcome_words(const LineResult& r) {
    if (!r.possible) return r.clause.id.empty() ? "impossible" : fmt::format("impossible={}", r.clause.id);
    if (r.error != 0) return error_name(r.error);
    if (!r.report.empty()) return r.report;
    if (r.flags) return fmt::format("0 with flags={:#x}", *r.flags);
    if (!r.result) return "0";
    return "0 with result=" + (r.result_is_process ? process_name(*r.result) : std::to_string(*r.result));
  }
  static bool matches(const LineResult& r) {
    const std::string& e = *r.expected;
    if (e.starts_with("impossible")) return !r.possible && (e == "impossible" || e.substr(11) == r.clause.id);
    if (!r.possible) return false;
    if (e.starts_with("result=")) return r.error == 0 && is_result(r, std::string_view(e).substr(7));
    if (e.starts_with("flags=")) return r.error == 0 && r.flags && r.flags == number(std::string_view(e).substr(6));
    const auto error = number(e);
    if (error || error_number(e)) return r.error == (error ? *error : *error_number(e));
    if (r.error != 0) return false;
    if (e.find('=') == std::string::npos) return r.report.substr(0, r.report.find('=')) == e;
    // Signals may be given by number.
    const std::string_view key = std::string_view(e).substr(0, e.find('='));
    const auto value = number_or_signal(std::string_view(e).substr(key.size() + 1));
    return r.report == fmt::format("{}={}", key, key == "exited" ? std::to_string(*value) : signal_words(*value));
  }
  static bool is_result(const LineResult& r, std::string_view wanted) {
    if (const auto n = number(wanted)) return !r.result_is_process && r.result.value_or(0) == *n;
    return r.result_is_process && r.result && process_name(*r.result) == wanted;
  }

  int oldest_thread(int p) const {
    const std::vector<Slot> threads = model::threads_by_age(words_.kernel(), machine_.state(), Slot(p));
    return threads.empty() ? int{kNone} : threads.front();
  }
  bool is_alive(int p) const { return machine_.state().proc[std::size_t(p)].state == ProcState::normal; }

  void fill(LineResult& r) const {
    const Taken& last = r.taken.back();
    r.possible = last.outcome.possible;
    r.error = int(last.outcome.error);
    r.clause = last.outcome.clause;
  }
  std::string absent(std::string_view name, int p) const {
    const bool zombie = p != kNone && machine_.state().proc[std::size_t(p)].state == ProcState::zombie;
    if (zombie) return fmt::format("{} is a zombie at this place in the scenario", name);
    return fmt::format("there is no {} at this place in the scenario", name);
  }
  static void cannot(LineResult& r, std::string why) {
    r.possible = false;
    r.why_not = std::move(why);
  }

  void act(LineResult& r, const Statement& s) {
    const auto line = parse_line(words_, s.padded, s.line, machine_.state());
    if (!line) {
      if (!line.error().is_absence) throw line.error();
      return cannot(r, line.error().what);
    }
    if (!*line) return;
    r.action = (*line)->action;
    const Rule& rule = words_.rules()[r.action->rule];
    const int a0 = r.action->arguments[0];
    if (rule.arguments[0].takes == Takes::thread) r.actor_thread = a0;
    r.actor = r.actor_thread == kNone ? a0 : machine_.state().lwp[std::size_t(a0)].proc;
    if (r.actor_thread == kNone && a0 != kNone) r.actor_thread = oldest_thread(a0);
    const std::string taken_name = name_in_use(rule, *r.action);
    if (rule.id == RuleId::issignal)
      r.taken = machine_.find_signal(r.action->arguments[0], r.action->arguments[1]);
    else
      r.taken.push_back(machine_.take(*r.action));
    fill(r);
    const Outcome& o = r.taken.back().outcome;
    if (!o.possible) r.why_not = taken_name;
    if (!r.taken.back().reached && (r.actor == kNone || !is_alive(r.actor))) r.why_not = absent(s.actor_word, r.actor);
    if (!o.possible || o.error != Errno::ok) return;
    for (std::size_t i = 0; i < o.emissions; ++i)
      if (o.emitted[i].line == model::Ktr::lwpinfo) r.flags = o.emitted[i].arg[2];
    r.result_is_process = returns_process(rule);
    if (rule.program.name.starts_with("wait6")) {
      const std::string report = rule.program.name.substr(rule.program.name.find(": ") + 2);
      r.report = report == "nothing" ? report : report_words(report, r.before.proc[std::size_t(o.result)]);
      if (report != "nothing") r.result = o.result;
    } else if (o.result != 0 || r.result_is_process) {
      r.result = o.result;
    }
  }
  // A fork or a new thread whose name somebody has: who.
  std::string name_in_use(const Rule& rule, const Action& action) const {
    const SmallState& s = machine_.state();
    const bool is_fork = makes_thread(rule);
    if (!is_fork && rule.id != RuleId::thr_new) return "";
    if (is_fork && action.arguments[1] != kNone) {
      const Proc& child = s.proc[std::size_t(action.arguments[1])];
      if (child.state != ProcState::free)
        return fmt::format("{} is {} already", process_name(action.arguments[1]),
                           child.state == ProcState::zombie ? "a zombie" : "alive");
    }
    const int td = action.arguments[is_fork ? 2 : 1];
    const Slot of = td == kNone ? Slot{kNone} : s.lwp[std::size_t(td)].proc;
    return of == kNone ? "" : fmt::format("t{} is a thread of {} already", td, process_name(of));
  }

  void exit(LineResult& r, const Statement& s) {
    r.actor_thread = s.actor.is_thread ? s.actor.td : is_alive(s.actor.proc) ? oldest_thread(s.actor.proc) : int(kNone);
    r.actor = r.actor_thread == kNone ? int(kNone) : int(machine_.state().lwp[std::size_t(r.actor_thread)].proc);
    if (r.actor == kNone) return cannot(r, absent(s.actor_word, s.actor.proc));
    r.status = s.status;
    r.taken = machine_.exit(r.actor_thread, r.status << 8);
    fill(r);
  }

  void wait(LineResult& r, const Statement& s) {
    r.actor = s.actor.proc;
    r.actor_thread = oldest_thread(r.actor);
    r.waits_for_any = !s.target;
    r.target = s.target ? s.target->proc : int(kNone);
    if (!is_alive(r.actor)) return cannot(r, absent(s.actor_word, s.actor.proc));
    const bool by_pid = !r.waits_for_any;
    const std::string set = by_pid ? "wait6(P_PID" : "wait6(P_ALL";
    r.result_is_process = true;
    const int caller = machine_.caller(r.actor);
    for (const Slot child : std::vector<Slot>(machine_.by_p_children())) {  // the kernel asks one after the other
      if (child == model::kInit || (by_pid && child != r.target)) continue;
      for (const std::string_view report : kReports) {
        if (!s.report.empty() && s.report != report) continue;
        const auto action =
            machine_.action(fmt::format("{}): {}", set, report), {caller, child, by_pid ? child : int(kNone)});
        if (!machine_.would_do(*action)) continue;
        r.report = report_words(report, machine_.state().proc[std::size_t(child)]);
        r.taken.push_back(machine_.take(*action));
        r.result = child;
        fill(r);
        return;
      }
    }
    if (!s.report.empty()) {  // the report that was asked for, so that its clause is named
      const int child = by_pid ? r.target : 1;
      r.taken.push_back(machine_.take(
          *machine_.action(fmt::format("{}): {}", set, s.report), {caller, child, by_pid ? child : int(kNone)})));
    } else {
      r.taken.push_back(machine_.take(*machine_.action(set + ", all events): nothing", {caller, r.target})));
    }
    fill(r);
    if (r.possible && r.error == 0) r.report = "nothing";
  }

  void reaction(LineResult& r, const Statement& s) {
    r.actor = s.actor.proc;
    r.actor_thread = oldest_thread(r.actor);
    r.signal = s.signal;
    if (!is_alive(r.actor)) return cannot(r, absent(s.actor_word, s.actor.proc));
    r.taken = machine_.react(r.actor, s.signal, s.ignores ? Reaction::ignores : Reaction::catches);
  }

  void job_stop(LineResult& r, const Statement& s) {
    r.actor = s.actor.proc;
    r.actor_thread = oldest_thread(r.actor);
    r.signal = s.signal;
    if (!is_alive(r.actor)) return cannot(r, absent(s.actor_word, s.actor.proc));
    r.taken = machine_.stop_process(r.actor, s.signal);
    fill(r);
  }

  // What is not so is a finding.
  void check(const Statement& s) {
    const SmallState& state = machine_.state();
    for (const Property& property : s.properties) {
      ++out_.expectations;
      if (property.holds(state, s.slot)) continue;
      out_.findings.push_back(
          {s.line,
           fmt::format("expected {} of {}, but it is {}", property.text, s.subject,
                       s.of_thread ? describe_thread(state, s.slot) : describe_process(state, s.slot)),
           {}});
    }
  }

  Vocabulary words_;
  Machine machine_;
  RunResult out_;
  bool holds_ = false, settle_once_ = false;
};

}  // namespace

RunResult not_run(const Script& script) {
  RunResult out;
  out.path = script.path;
  out.unreadable = problem_lines(script.path, script.problems);
  return out;
}

RunResult run(const Script& script, const Behaviours& kernel) {
  return script.problems.empty() ? Runner(script, kernel).take() : not_run(script);
}

RunResult run(const Scenario& scenario, const Behaviours& kernel) { return run(read_script(scenario), kernel); }

Expansion expand(const Vocabulary& words, const RunResult& result) {
  Expansion out{.start = Machine(words).state(), .actions = {}, .lines = {}};
  SmallState state = out.start;
  for (const LineResult& line : result.lines)
    for (const std::vector<Taken>* steps : {&line.taken, &line.settled})
      for (const Taken& step : *steps) {
        if (!step.outcome.possible) continue;
        // A step is kept as its text, which says all of it in the state before.
        const auto read = parse_line(words, step.text, line.line, state);
        if (!read || !*read)
          throw std::logic_error(
              fmt::format("'{}' cannot be read again: {}", step.text, read ? "it is empty" : read.error().what));
        out.actions.push_back((*read)->action);
        out.lines.push_back(line.line);
        state = step.after;
      }
  return out;
}

}  // namespace proctor::scenario
