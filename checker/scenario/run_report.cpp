// SPDX-License-Identifier: BSD-2-Clause
//
// The words for states and runs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "checker/scenario/run.hpp"
#include "model/names.hpp"
#include "traces/names.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

constexpr FlagName kCredFlags[] = {{CR_JAIL, "jailed"},
                                   {P_SIGPARENT, "P_SIGPARENT"},
                                   {CR_SECURELEVEL, "securelevel"},
                                   {CR_NO_UNPRIVILEGED, "no_unprivileged_debug"}};
constexpr std::string_view kUsers[] = {"unknown", "root", "user", "another user"};
template <class Table>
std::vector<std::string> names_of(const Table& table, unsigned bits) {
  std::vector<std::string> out;
  for (const auto& [bit, name] : table)
    if ((bits & unsigned(bit)) != 0) out.emplace_back(name);
  return out;
}
template <class Table>
std::optional<std::uint16_t> bit_of(const Table& table, std::string_view wanted) {
  for (const auto& [bit, name] : table)
    if (name == wanted) return std::uint16_t(bit);
  return std::nullopt;
}
std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : std::string(between)) + w;
  return out;
}

// What is said of a process in the words of flags: without what only the model keeps, and with two questions about sets.
constexpr FlagName kPending[] = {{kSigstop, "PEND_STOP"}, {kSigkill, "PEND_KILL"}};
constexpr unsigned shown(const Proc& p) { return p.p_flag & ~unsigned{KSI_ONQ}; }
std::vector<std::string> pending_words(const SmallState& s, std::size_t p) {
  std::vector<std::string> out;
  for (const auto& [sig, name] : kPending)
    if (is_pending(s, int(p), sig)) out.emplace_back(name);
  return out;
}
template <class Signals>
std::vector<std::string> signal_list(Signals signals) {
  std::vector<std::string> out;
  for (int sig = signals.lowest(); sig != 0; signals.remove(sig), sig = signals.lowest())
    out.push_back(signal_words(sig));
  return out;
}

std::string thread_name(int slot) { return slot == kNone ? "none" : fmt::format("t{}", slot); }
std::string_view state_name(ProcState state) {
  switch (state) {
    case ProcState::free: return "gone";
    case ProcState::normal: return "alive";
    case ProcState::zombie: return "zombie";
  }
  return "";
}

// What one step did to a set of bits: "+P_TRACED -P_WAITED".
template <class Table>
void bit_changes(std::vector<std::string>& out, const Table& table, unsigned was, unsigned is) {
  for (const auto& [bit, name] : table)
    if (((was ^ is) & bit) != 0) out.push_back((is & bit) != 0 ? fmt::format("+{}", name) : fmt::format("-{}", name));
}

}  // namespace

bool is_pending(const SmallState& state, int p, int signal) {
  bool found = state.proc[std::size_t(p)].p_siglist.has(signal);
  for (const auto& td : state.lwp) found = found || (td.proc == p && td.td_siglist.has(signal));
  return found;
}
std::optional<int> pending_flag(std::string_view name) {
  for (const auto& [sig, flag] : kPending)
    if (flag == name) return sig;
  return std::nullopt;
}
std::string flag_words(const Proc& p) { return flag_names(kProcessFlags, int(shown(p)), " "); }
std::string flag_words(const Lwp& td) { return flag_names(kThreadFlags, td.td_flag, " "); }
std::optional<std::uint16_t> proc_flag(std::string_view name) { return bit_of(kProcessFlags, name); }
std::optional<std::uint16_t> lwp_flag(std::string_view name) { return bit_of(kThreadFlags, name); }

std::string signal_words(int signal) {
  const std::string_view name = signal > 0 ? trace::signal_name(signal) : std::string_view{};
  return name.empty() ? std::to_string(signal) : std::string(name);
}

std::string changes(const SmallState& before, const SmallState& after) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < after.proc.size(); ++i) {
    const Proc &was = before.proc[i], &is = after.proc[i];
    std::vector<std::string> of;
    if (was.state != is.state) of.emplace_back(state_name(is.state));
    if (is.state != ProcState::free) {
      bit_changes(of, kProcessFlags, shown(was), shown(is));
      for (const auto& [sig, name] : kPending) {
        const bool had = is_pending(before, int(i), sig), has = is_pending(after, int(i), sig);
        if (had != has) of.push_back(fmt::format("{}{}", has ? '+' : '-', name));
      }
      if (was.p_pptr != is.p_pptr) of.push_back("parent " + process_name(is.p_pptr));
      if (was.p_oppid != is.p_oppid) of.push_back("oppid " + process_name(is.p_oppid));
      if (was.p_orphan != is.p_orphan) of.push_back("orphan of " + process_name(is.p_orphan));
      if (was.p_reaper != is.p_reaper) of.push_back("reaper " + process_name(is.p_reaper));
      if (was.p_xthread != is.p_xthread) of.push_back("xthread " + thread_name(is.p_xthread));
      if (was.p_xstat != is.p_xstat)
        of.push_back((is.p_flag & P_WEXIT) != 0 ? fmt::format("status {:#x}", is.p_xstat)
                                                : "xstat " + signal_words(is.p_xstat));
      bit_changes(of, kEventFlags, was.p_ptevents, is.p_ptevents);
      if (was.p_pgrp != is.p_pgrp) of.push_back("group " + process_name(is.p_pgrp));
      if ((was.p_cred & CR_UID) != (is.p_cred & CR_UID))
        of.push_back(fmt::format("user {}", kUsers[is.p_cred & CR_UID]));
      bit_changes(of, kCredFlags, was.p_cred, is.p_cred);
    }
    if (!of.empty()) out.push_back(process_name(int(i)) + " " + join(of, " "));
  }
  for (std::size_t i = 0; i < after.lwp.size(); ++i) {
    const Lwp &was = before.lwp[i], &is = after.lwp[i];
    std::vector<std::string> of;
    if (was.proc != is.proc) of.push_back(is.proc == kNone ? "gone" : "of " + process_name(is.proc));
    if (is.proc != kNone) {
      bit_changes(of, kThreadFlags, was.td_flag, is.td_flag);
      if (was.td_xsig != is.td_xsig) of.push_back("xsig " + signal_words(is.td_xsig));
    }
    if (!of.empty()) out.push_back(thread_name(int(i)) + " " + join(of, " "));
  }
  return join(out, "; ");
}

std::string text_report(const RunResult& r) {
  std::string out;
  const std::string subject = fmt::format("{} on {}", r.path, r.kernel->name);
  auto findings = r.findings.begin();
  for (const LineResult& l : r.lines) {
    std::string result = !l.possible ? l.clause.id.empty() ? std::string("impossible") : "impossible " + place(l.clause)
                         : l.error != 0      ? error_name(l.error) + " " + place(l.clause)
                         : !l.report.empty() ? l.report + (l.result ? " from " + process_name(*l.result) : "")
                                             : std::string{};
    const std::string did = changes(l.before, l.after), then = changes(l.after, l.end);
    if (!did.empty()) result += (result.empty() ? "" : "; ") + did;
    if (!l.settled.empty()) {
      std::vector<std::string> steps;
      for (const Taken& t : l.settled) steps.push_back(t.text);
      result += fmt::format("{}then {}: {}", result.empty() ? "" : "; ", join(steps, ", "), then);
    }
    out += fmt::format("{:4}  {}{}\n", l.line, l.text, result.empty() ? "" : "   => " + result);
    for (; findings != r.findings.end() && findings->line <= l.line; ++findings)
      out += fmt::format("{}:{}: error: {}\n", r.path, findings->line, findings->what);
  }
  if (r.findings.empty())
    out += fmt::format("{}: {}: {} lines, {} expectations\n", subject, r.unreadable ? "unreadable" : "as expected",
                       r.lines.size(), r.expectations);
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
    std::vector<std::string> flags = names_of(kProcessFlags, shown(p));
    for (std::string& word : pending_words(s, i)) flags.push_back(std::move(word));
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
                   {"user", kUsers[p.p_cred & CR_UID]},
                   {"credentials", names_of(kCredFlags, p.p_cred)},
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

json taken_json(const Taken& t) {
  json ktr = json::array(), locks = json::array();
  for (std::size_t i = 0; i < t.outcome.emissions; ++i) {
    const Emission& e = t.outcome.emitted[i];
    ktr.push_back({{"line", trace::name(e.line)}, {"process", name_or_null(e.proc)}, {"arguments", e.arg}});
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

std::string jsonl_report(const RunResult& r) {
  std::string out;
  for (const LineResult& l : r.lines) {
    json j{{"v", 1},
           {"type", "action"},
           {"path", r.path},
           {"line", l.line},
           {"text", l.text},
           {"kernel", r.kernel->name},
           {"possible", l.possible},
           {"error", error_name(l.error)},
           {"clause", clause_json(l.clause)},
           {"taken", json::array()},
           {"settled", json::array()},
           {"after", state_json(l.after)},
           {"end", state_json(l.end)}};
    const bool names_process =
        l.kind == LineKind::wait || (!l.taken.empty() && l.taken[0].rule.find("fork") != std::string::npos);
    if (l.result) j["result"] = names_process ? json(process_name(*l.result)) : json(*l.result);
    if (!l.report.empty()) j["report"] = l.report;
    if (l.expected) j["expected"] = *l.expected;
    for (const Taken& t : l.taken) j["taken"].push_back(taken_json(t));
    for (const Taken& t : l.settled) j["settled"].push_back(taken_json(t));
    out += j.dump() + "\n";
  }
  json end{{"v", 1},
           {"type", "verdict"},
           {"path", r.path},
           {"kernel", r.kernel->name},
           {"verdict", !r.findings.empty() ? "finding"
                       : r.unreadable      ? "unreadable"
                                           : "as expected"},
           {"lines", r.lines.size()},
           {"expectations", r.expectations},
           {"ended_early", r.ended_early},
           {"findings", json::array()}};
  for (const Finding& f : r.findings)
    end["findings"].push_back({{"line", f.line}, {"what", f.what}, {"clause", clause_json(f.clause)}});
  if (r.unreadable) end["unreadable"] = *r.unreadable;
  return out + end.dump() + "\n";
}

}  // namespace proctor::scenario
