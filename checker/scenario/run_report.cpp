// SPDX-License-Identifier: BSD-2-Clause
//
// The words for runs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "checker/run/state_words.hpp"
#include "checker/scenario/run.hpp"
#include "model/names.hpp"
#include "model/words/ktr_lines.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : std::string(between)) + w;
  return out;
}

template <class Table>
std::vector<std::string> names_of(const Table& table, unsigned bits) {
  std::vector<std::string> out;
  for (const auto& [bit, name] : table)
    if ((bits & unsigned(bit)) != 0) out.emplace_back(name);
  return out;
}
template <class Signals>
std::vector<std::string> signal_list(Signals signals) {
  std::vector<std::string> out;
  for (int sig = signals.lowest(); sig != 0; signals.remove(sig), sig = signals.lowest())
    out.push_back(signal_words(sig));
  return out;
}
}  // namespace

std::string text_report(const RunResult& r) {
  std::string out;
  if (r.kernel == nullptr) return fmt::format("{}: unreadable\n", r.path);
  const std::string subject = fmt::format("{} on {}", r.path, r.kernel->name);
  auto findings = r.findings.begin();
  for (const LineResult& l : r.lines) {
    std::string result = !l.possible ? l.clause.id.empty() ? std::string("impossible") : "impossible " + place(l.clause)
                         : l.error != 0      ? error_name(l.error) + " " + place(l.clause)
                         : !l.report.empty() ? l.report + (l.result ? " from " + process_name(*l.result) : "")
                                             : std::string{};
    const std::string did = changes(l.before, l.after), then = changes(l.after, l.end);
    if (result.empty() && did.empty() && l.result)
      result = "result=" + (l.result_is_process ? process_name(*l.result) : std::to_string(*l.result));
    if (!did.empty()) result += (result.empty() ? "" : "; ") + did;
    if (!l.settled.empty()) {
      std::vector<std::string> steps;
      for (const Taken& t : l.settled) steps.push_back(t.text);
      result +=
          fmt::format("{}then {}{}{}", result.empty() ? "" : "; ", join(steps, ", "), then.empty() ? "" : ": ", then);
    }
    out += fmt::format("{:4}  {}{}\n", l.line, l.text, result.empty() ? "" : "   => " + result);
    for (; findings != r.findings.end() && findings->line <= l.line; ++findings)
      out += fmt::format("{}:{}: error: {}\n", r.path, findings->line, findings->what);
  }
  if (r.findings.empty())
    out += fmt::format("{}: {}: {} lines, {} expectations\n", subject,
                       !r.unreadable.empty() ? "unreadable" : "as expected", r.lines.size(), r.expectations);
  else
    out += fmt::format("{}: {} finding{}{}\n", subject, r.findings.size(), r.findings.size() == 1 ? "" : "s",
                       r.ended_early ? "; the lines after it were not looked at" : "");
  return out;
}

namespace {

using nlohmann::json;

json name_or_null(int slot, bool is_thread = false) {
  if (slot == kNone) return nullptr;
  return is_thread ? thread_name(slot) : process_name(slot);
}

json state_json(const SmallState& s) {
  json out = json::array();
  for (std::size_t i = 0; i < s.proc.size(); ++i) {
    const auto& p = s.proc[i];
    if (p.state == ProcState::free) continue;
    std::vector<std::string> flags = names_of(kProcessFlags, shown_flags(p));
    for (std::string& word : pending_words(s, int(i))) flags.push_back(std::move(word));
    json threads = json::array();
    for (std::size_t t = 0; t < s.lwp.size(); ++t)
      if (s.lwp[t].proc == i)
        threads.push_back({{"name", thread_name(int(t))},
                           {"flags", names_of(kThreadFlags, s.lwp[t].td_flag)},
                           {"xsig", s.lwp[t].td_xsig},
                           {"at", at_name(s.lwp[t].td_at)},
                           {"pending", signal_list(s.lwp[t].td_siglist)},
                           {"mask", signal_list(s.lwp[t].td_sigmask)}});
    out.push_back({{"name", process_name(int(i))},
                   {"state", state_name(p.state)},
                   {"flags", std::move(flags)},
                   {"parent", name_or_null(p.p_pptr)},
                   {"oppid", name_or_null(p.p_oppid)},
                   {"orphan_of", name_or_null(p.p_orphan)},
                   {"reaper", name_or_null(p.p_reaper)},
                   {"xthread", name_or_null(p.p_xthread, true)},
                   {"xstat", p.p_xstat},
                   {"events", names_of(kEventFlags, p.p_ptevents)},
                   {"suspended", p.p_suspcount},
                   {"user", user_name(p)},
                   {"credentials", credential_names(p)},
                   {"group", name_or_null(p.p_pgrp)},
                   {"pending", signal_list(p.p_siglist)},
                   {"caught", signal_list(p.p_sigcatch)},
                   {"threads", std::move(threads)}});
  }
  return out;
}

std::string lock_words(const LockEvent& e) {
  constexpr std::string_view ops[] = {"lock", "unlock", "hold", "release", "sleep"};
  constexpr std::string_view locks[] = {"proctree", "proc",  "slock", "giant", "sched",
                                        "thread",   "token", "crit",  "lwp"};
  if (e.op == LockEvent::Op::sleep) return "sleep";
  const bool holds = e.op == LockEvent::Op::hold || e.op == LockEvent::Op::release;
  if (holds && e.lock == Lock::proc) return fmt::format("{} {}", ops[std::size_t(e.op)], process_name(e.proc));
  std::string out = fmt::format("{} {}", ops[std::size_t(e.op)], locks[std::size_t(e.lock)]);
  return is_global(e.lock) ? out : out + " " + process_name(e.proc);
}

json clause_json(const Clause& c) {
  if (c.id.empty()) return nullptr;
  json out{{"id", c.id}, {"file", c.file}};
  if (c.line > 0) out["line"] = c.line;
  if (!c.function.empty()) out["function"] = c.function;
  return out;
}

// What a line says beside its process, as far as a state decides it.
json arguments_json(const Emission& e) {
  json out = json::array();
  for (const LineParameter& parameter : parameters(e.line)) {
    const std::int32_t value = e.arg[std::size_t(parameter.emitted)];
    switch (parameter.is) {
      case LineParameter::Is::process: out.push_back(name_or_null(value)); break;
      case LineParameter::Is::thread: out.push_back(name_or_null(value, true)); break;
      case LineParameter::Is::number:
      case LineParameter::Is::events: out.push_back(value); break;
    }
  }
  return out;
}

json taken_json(const Taken& t) {
  json ktr = json::array(), locks = json::array();
  for (std::size_t i = 0; i < t.outcome.emissions; ++i) {
    const Emission& e = t.outcome.emitted[i];
    ktr.push_back({{"line", name(e.line)}, {"process", name_or_null(e.proc)}, {"arguments", arguments_json(e)}});
  }
  for (const LockEvent& e : t.locks) locks.push_back(lock_words(e));
  return {{"action", t.text},
          {"rule", t.rule},
          {"possible", t.outcome.possible},
          {"error", error_name(int(t.outcome.error))},
          {"clause", clause_json(t.outcome.clause)},
          {"ktr", std::move(ktr)},
          {"locks", std::move(locks)}};
}

}  // namespace

constexpr int kVersion = 2;  // of the format

std::string jsonl_report(const RunResult& r, States states) {
  std::string out;
  const json kernel = r.kernel == nullptr ? json(nullptr) : json(r.kernel->name);
  for (const LineResult& l : r.lines) {
    json j{{"v", kVersion},
           {"type", "action"},
           {"path", r.path},
           {"line", l.line},
           {"text", l.text},
           {"kernel", kernel},
           {"possible", l.possible},
           {"error", error_name(l.error)},
           {"clause", clause_json(l.clause)},
           {"taken", json::array()},
           {"settled", json::array()}};
    if (states == States::both) j["after"] = state_json(l.after);
    if (states != States::none) j["end"] = state_json(l.end);
    if (l.result) j["result"] = l.result_is_process ? name_or_null(*l.result) : json(*l.result);
    if (!l.report.empty()) j["report"] = l.report;
    if (l.expected) j["expected"] = *l.expected;
    for (const Taken& t : l.taken) j["taken"].push_back(taken_json(t));
    for (const Taken& t : l.settled) j["settled"].push_back(taken_json(t));
    out += j.dump() + "\n";
  }
  json end{{"v", kVersion},
           {"type", "verdict"},
           {"path", r.path},
           {"kernel", kernel},
           {"verdict", !r.findings.empty()     ? "finding"
                       : !r.unreadable.empty() ? "unreadable"
                                               : "as expected"},
           {"lines", r.lines.size()},
           {"expectations", r.expectations},
           {"ended_early", r.ended_early},
           {"findings", json::array()}};
  for (const Finding& f : r.findings)
    end["findings"].push_back({{"line", f.line}, {"what", f.what}, {"clause", clause_json(f.clause)}});
  if (!r.unreadable.empty()) end["unreadable"] = r.unreadable;
  return out + end.dump() + "\n";
}

}  // namespace proctor::scenario
