// SPDX-License-Identifier: BSD-2-Clause
#include "checker/log/report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "checker/log/syscalls.hpp"
#include "model/words/requests.hpp"
#include "model/words/signals.hpp"

namespace proctor::check {

using trace::Event;
using trace::Kind;

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted: return "accepted";
    case Verdict::rejected: return "rejected";
    case Verdict::inconclusive: return "inconclusive";
  }
  return "";
}

namespace {

std::string call_words(std::uint16_t code, const Event* call) {
  const std::string_view name = model::syscall_name(code);
  std::string out = name.empty() ? fmt::format("system call {}", code) : std::string(name);
  if (call == nullptr) return out;
  const auto pid = [&](int i) { return std::int32_t(call->args[std::size_t(i)]); };
  switch (code) {
    case sys::ptrace: {
      const std::string_view req = model::request_name(pid(0));
      return fmt::format("ptrace({}, {}, {:#x}, {})", req.empty() ? std::to_string(pid(0)) : std::string(req), pid(1),
                         call->args[2], pid(3));
    }
    case sys::wait4: return fmt::format("wait4({}, {:#x})", pid(0), call->args[2]);
    case sys::wait6: return fmt::format("wait6({}, {}, {:#x})", call->args[0], pid(1), call->args[3]);
    case sys::kill: {
      const std::string_view sig = model::signal_name(pid(1));
      return fmt::format("kill({}, {})", pid(0), sig.empty() ? std::to_string(pid(1)) : std::string(sig));
    }
    default: return out + "()";
  }
}

std::string line_words(const Event& e) {
  std::string out = fmt::format("{}: pid {}", name(e.ktr), e.pid);
  if (e.tid > 0) out += fmt::format(", tid {}", e.tid);
  for (const model::LineParameter& p : model::words(e.ktr).parameters) {
    if (p.logged == model::kThreadOfLine || !e.has_arg(p.logged)) continue;
    const std::uint64_t value = e.args[std::size_t(p.logged)];
    out += p.hex ? fmt::format(", {} {:#x}", p.name, value) : fmt::format(", {} {}", p.name, std::int32_t(value));
  }
  return out;
}

std::string share(const Counts& c, bool stopped) {
  const double judged = c.records == 0 ? 0 : 100.0 * double(c.judged) / double(c.records);
  const std::uint64_t rest = c.records - c.judged - c.presence;
  return fmt::format("{} records: {} judged ({:.1f} %), {} checked for presence, {} {}", c.records, c.judged, judged,
                     c.presence, rest, stopped ? "not reached or with nothing to judge" : "with nothing to judge");
}

const Event* call_of(const Rejection& r) {
  const Event& e = r.log->events[r.event];
  if (e.kind != Kind::ret) return nullptr;
  for (std::uint32_t i = r.event; i-- > 0;) {
    const Event& c = r.log->events[i];
    if (c.kind == Kind::call && c.pid == e.pid && c.code == e.code && (c.tid == e.tid || e.tid == 0)) return &c;
  }
  return nullptr;
}

}  // namespace

std::string describe(const trace::Log&, const Event& e) {
  switch (e.kind) {
    case Kind::call: return fmt::format("pid {} calls {}", e.pid, call_words(e.code, &e));
    case Kind::ret:
      return e.error == 0 ? fmt::format("pid {}: {} returns {}", e.pid, call_words(e.code, nullptr), e.retval)
                          : fmt::format("pid {}: {} fails with {}", e.pid, call_words(e.code, nullptr),
                                        name(model::Errno(e.error)));
    case Kind::ktr: return line_words(e);
    default: return fmt::format("pid {}", e.pid);
  }
}

std::string text_report(const Subject& s, const model::Behaviours& kernel, const Result& r, bool states) {
  std::string out;
  auto line = [&](const auto& form, const auto&... args) { out += fmt::format(fmt::runtime(form), args...) + '\n'; };
  for (const trace::Log* log : {s.ktrace, s.ktr})
    if (log != nullptr && log->cut)
      line("{}{}: note: the log is cut at byte {}: {}", log->path,
           log->cut->line == 0 ? "" : fmt::format(":{}", log->cut->line), log->cut->offset, log->cut->what);
  if (r.rejection) {
    const Rejection& x = *r.rejection;
    const Event* call = call_of(x);
    line("{}: error: {}{}", x.log->where(x.log->events[x.event]), x.observed,
         call == nullptr ? "" : fmt::format(" from {}", call_words(call->code, call)));
    for (const std::string& allowed : x.allowed) line("    {} allows: {}", kernel.name, allowed);
    if (x.allowed.empty()) line("    {} allows nothing here", kernel.name);
  }
  std::string subject;
  for (const trace::Log* log : {s.ktrace, s.ktr})
    if (log != nullptr) subject += (subject.empty() ? "" : " + ") + log->path;
  line("{}: {} by {}{}", subject, verdict_name(r.verdict), kernel.name, r.reason.empty() ? "" : ": " + r.reason);
  if (s.ktrace != nullptr) line("    {}: {}", trace::name(s.ktrace->format), share(r.ktrace, r.rejection.has_value()));
  if (s.ktr != nullptr) line("    {}: {}", trace::name(s.ktr->format), share(r.ktr, r.rejection.has_value()));
  if (states && r.final_frontier > 1) line("    one of {} states that the machine may be in:", r.final_frontier);
  if (states)
    for (const FinalProcess& p : r.final_states)
      line("    pid {}: {}, child of {}{}", p.pid, p.state,
           p.parent < 0 ? "an unnamed process" : std::to_string(p.parent),
           p.real_parent == p.parent || p.real_parent <= 0 ? "" : fmt::format(" (really of {})", p.real_parent));
  return out;
}

std::string jsonl_report(const Subject& s, const model::Behaviours& kernel, const Result& r) {
  nlohmann::json j;
  j["v"] = 1;
  j["verdict"] = verdict_name(r.verdict);
  j["kernel"] = kernel.name;
  if (!r.reason.empty()) j["reason"] = r.reason;
  auto log = [](const trace::Log& l, const Counts& c) {
    nlohmann::json x{{"path", l.path},
                     {"format", trace::name(l.format)},
                     {"records", c.records},
                     {"judged", c.judged},
                     {"presence", c.presence}};
    if (l.cut) x["cut"] = {{"offset", l.cut->offset}, {"line", l.cut->line}, {"what", l.cut->what}};
    return x;
  };
  for (const auto& [l, c] : {std::pair{s.ktrace, &r.ktrace}, std::pair{s.ktr, &r.ktr}})
    if (l != nullptr) j["logs"].push_back(log(*l, *c));
  if (r.rejection) {
    const Rejection& x = *r.rejection;
    const Event& e = x.log->events[x.event];
    j["rejection"] = {{"where", x.log->where(e)}, {"line", e.at.line},      {"record", e.at.record},
                      {"offset", e.at.offset},    {"observed", x.observed}, {"allowed", x.allowed}};
  }
  for (const FinalProcess& p : r.final_states)
    j["states"].push_back({{"pid", p.pid}, {"state", p.state}, {"parent", p.parent}, {"real_parent", p.real_parent}});
  return j.dump() + "\n";
}

}  // namespace proctor::check
