// SPDX-License-Identifier: BSD-2-Clause
//
// Two logs of one run: which calls of the ktrace log have their line in the KTR log?  A KTR buffer is a ring, so its lines may
// begin after the records of the ktrace log.  Then the last calls have the lines that there are, and whatever happened to a
// process before its first line may have been without one.
#include <algorithm>
#include <limits>

#include "checker/log/acceptor.hpp"
#include "checker/log/syscalls.hpp"
#include "model/ir/fails_late.hpp"
#include "model/programs.hpp"
#include "model/rules/requests.hpp"
#include "model/words/limits.hpp"

namespace proctor::check {

using trace::Event;
using trace::Kind;
using trace::Ktr;
namespace rules = model::rules;

namespace {

// What calls and lines are about: the line that a request writes, none for a wait.
std::uint64_t key(Ktr line, std::int32_t pid) { return std::uint64_t(line) << 32 | std::uint32_t(pid); }

// Lines that are written before the last thing that can fail.
std::vector<Ktr> lines_that_may_fail(const model::Behaviours& kernel) {
  std::vector<Ktr> out;
  for (const model::Rule& rule : model::all_rules(kernel))
    for (const model::ir::Instruction& in : rule.program.code)
      if (rule.by == model::Rule::By::request && in.op == model::ir::Op::emit &&
          model::ir::may_fail_after(rule.program, Ktr(in.imm), kSettled))
        out.push_back(Ktr(in.imm));
  return out;
}

std::int64_t from(const std::vector<std::uint32_t>& sorted, std::uint32_t index) {
  return sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), index);
}

}  // namespace

// Sorts calls and lines by what they are about, and finds out whether the lines begin late: some requests that were granted
// have none, all these were made before the first that has one returned, and no line is without a request.
void Acceptor::align() {
  fail_late_ = lines_that_may_fail(kernel_);
  std::unordered_map<std::int32_t, std::int32_t> process_of;
  for (const Event& e : ktrace_->events)
    if (e.tid > pid_max()) process_of[e.tid] = e.pid;
  for (std::uint32_t i = 0; i < ktr_->events.size(); ++i) {
    const Event& e = ktr_->events[i];
    if (model::writer_of(e.ktr) != nullptr) calls_about_[key(e.ktr, e.pid)].lines.push_back(i);
    if (e.ktr == Ktr::wait_trapped || e.ktr == Ktr::wait_moved) calls_about_[key(Ktr::none, e.pid)].lines.push_back(i);
  }
  for (std::uint32_t i = 0; i < ktrace_->events.size(); ++i) {
    const Event& e = ktrace_->events[i];
    const std::uint32_t ret = e.kind == Kind::call ? future_->ret_of(i) : kNever;
    if (ret == kNever) continue;
    const Event& result = ktrace_->events[ret];
    if ((e.code == sys::wait4 || e.code == sys::wait6) && result.error == 0 && result.retval > 0)
      calls_about_[key(Ktr::none, std::int32_t(result.retval))].granted.push_back(ret);
    const Ktr line = e.code == sys::ptrace ? model::line_of(std::int64_t(e.args[0])) : Ktr::none;
    if (line == Ktr::none) continue;
    auto pid = e.args[0] == rules::PT_TRACE_ME ? e.pid : std::int32_t(e.args[1]);
    if (const auto it = process_of.find(pid); it != process_of.end()) pid = it->second;
    CallsAbout& calls = calls_about_[key(line, pid)];
    calls.all.push_back(ret);
    if (result.error == 0) calls.granted.push_back(ret);
    about_[i] = pid;
  }
  std::uint32_t last_without = 0, first_with = kNever;
  bool surplus = false;  // a line of a request that is in no call
  for (auto& [what, calls] : calls_about_) {
    std::sort(calls.granted.begin(), calls.granted.end());
    std::sort(calls.all.begin(), calls.all.end());
    const auto line = Ktr(what >> 32);
    if (line == Ktr::none || may_fail_after(line)) continue;
    const std::size_t n = calls.granted.size(), with = std::min(n, calls.lines.size());
    surplus = surplus || calls.lines.size() > n;
    if (with < n) last_without = std::max(last_without, calls.granted[n - with - 1]);
    if (with > 0) first_with = std::min(first_with, calls.granted[n - with]);
  }
  // The call of one without a line may return late: compare its beginning.
  std::uint32_t last_call = 0;
  for (std::uint32_t i = 0; last_without > 0 && i < last_without; ++i)
    if (future_->ret_of(i) == last_without) last_call = i;
  begins_late_ = !surplus && last_without > 0 && last_call < first_with;
  begins_after_ = last_call;
  begins_before_ = first_with;
}

bool Acceptor::may_fail_after(Ktr line) const {
  return std::find(fail_late_.begin(), fail_late_.end(), line) != fail_late_.end();
}

// Has a line about the process been read?  All that it does from then on has its line.
bool Acceptor::is_lined(std::int32_t pid) const {
  if (!tracing_lines()) return false;
  if (!begins_late_) return true;
  const auto it = lines_of_.find(pid);
  return it != lines_of_.end() && it->second.front() < lines_done_;
}

// Must one of these lines be in the log?
bool Acceptor::is_shown(const model::Outcome& out) const {
  if (!tracing_lines()) return false;
  if (!begins_late_) return out.emissions > 0;
  for (int i = 0; i < out.emissions; ++i) {
    const model::Emission& emission = out.emitted[std::size_t(i)];
    const std::int32_t pid = names_.pid(emission.proc);
    if (is_lined(pid)) return true;
    const bool once =
        emission.line == Ktr::wait_moved || emission.line == Ktr::fork_return || emission.line == Ktr::exit_orphan;
    const auto it = lines_of_.find(pid);  // what happens once to a process has not happened before its line
    if (!once) continue;
    if (it != lines_of_.end() && std::any_of(it->second.begin(), it->second.end(),
                                             [&](std::uint32_t l) { return ktr_->events[l].ktr == emission.line; }))
      return true;
  }
  return false;
}

// Will this call have written a line?  Then the lines up to it come before its RET.
Acceptor::Line Acceptor::line_of(const InFlight& call) const {
  if (!tracing_lines()) return Line::none;
  const bool wait = call.code == sys::wait4 || call.code == sys::wait6;
  if (!wait && call.code != sys::ptrace) return Line::none;
  if (!call.returns) return Line::possible;
  if (wait && (call.error != 0 || call.retval <= 0)) return Line::none;
  const Ktr line = wait ? Ktr::none : model::line_of(std::int64_t(call.args[0]));
  if (!wait && line == Ktr::none) return Line::none;
  const auto named = about_.find(call.call);
  const std::int32_t pid = wait ? std::int32_t(call.retval) : named == about_.end() ? 0 : named->second;
  const auto it = calls_about_.find(key(line, pid));
  if (it == calls_about_.end()) return wait || call.error != 0 ? Line::none : Line::due;
  const CallsAbout& calls = it->second;
  const std::int64_t lines = from(calls.lines, line_at_);
  if (begins_late_ && !is_lined(pid)) {
    const std::uint32_t ret = future_->ret_of(call.call);
    const std::int64_t granted = from(calls.granted, ret), all = from(calls.all, ret);
    if (ret < begins_after_) return Line::none;
    if (wait)  // other lines may be of waits that are not in the log, or tell the real parent of the end
      return lines == 0 ? Line::none : call.call < begins_before_ ? Line::possible : Line::due;
    if (!may_fail_after(line)) return call.error != 0 || granted > lines ? Line::none : Line::due;
    if (granted + (call.error != 0 ? 1 : 0) > lines) return Line::none;
    return all > lines ? Line::possible : Line::due;
  }
  if (wait) return lines > 0 ? Line::due : Line::none;
  if (call.error == 0) return Line::due;
  // A request may write its line and then fail.  It did if more lines are left than calls that will succeed.
  return lines > from(calls.granted, at_) ? Line::due : Line::none;
}

// What the state does not know of a process from before its first line, and this line tells.
void Acceptor::learn_from_line(Config& c, Slot p, const Event& e) {
  if (!begins_late_) return;
  std::uint8_t events = c.proc(p).p_ptevents;
  auto bit = [&](int event) { return std::uint8_t((events & ~event) | (e.args[0] != 0 ? event : 0)); };
  switch (names_[p].events_known && is_lined(e.pid) ? Ktr::none : e.ktr) {
    case Ktr::get_event_mask:
    case Ktr::set_event_mask: events = std::uint8_t(e.args[0] & model::kEventsAll); break;
    case Ktr::to_sce:
    case Ktr::to_scx:
    case Ktr::syscall:  // as they are after the request, which clears none
      if (kernel_.event_mask) events = std::uint8_t(e.args[0] & model::kEventsAll);
      break;
    case Ktr::follow_fork: events = bit(model::PTRACE_FORK); break;
    case Ktr::lwp_events: events = bit(model::PTRACE_LWP); break;
    default: break;
  }
  c.proc(p).p_ptevents = events & model::kEventsAll;
  if (is_lined(e.pid)) return;
  if ((c.proc(p).p_flag & model::P_STOPPED_TRACE) == 0) return;
  const bool report = e.ktr == Ktr::wait_trapped;
  if (report) c.proc(p).p_xstat = std::uint16_t(e.args[1]);
  const Slot td = names_.find_tid(report ? std::int32_t(e.args[2]) : e.tid);
  if (td != kNone && c.lwp(td).proc == p && (c.lwp(td).td_flag & model::TD_SUSPENDED) != 0) c.proc(p).p_xthread = td;
}

}  // namespace proctor::check
