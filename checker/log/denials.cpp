// SPDX-License-Identifier: BSD-2-Clause
#include "checker/log/denials.hpp"

#include <algorithm>

#include "checker/log/syscalls.hpp"

namespace proctor::check {

using trace::Event;
using trace::Kind;

namespace {

// security.bsd.unprivileged_proc_debug is a number, and its name has three parts.  The name itself is in the caller's memory.
bool may_set_it(const Event& call) {
  constexpr std::uint64_t kParts = 3, kNumberBytes = 4;
  return call.code == sys::sysctl && call.args[1] == kParts && call.args[4] != 0 && call.args[5] == kNumberBytes;
}

}  // namespace

Denials::Denials(const trace::Log& log, const Future& future) {
  std::vector<Request> granted;
  std::unordered_map<std::uint32_t, std::uint32_t> changers;  // RET of a call that changes credentials: its CALL
  for (std::uint32_t i = 0; i < log.events.size(); ++i) {
    const Event& e = log.events[i];
    if (const auto it = changers.find(i); it != changers.end()) {
      const Set before = of(e.pid);
      set_of_[e.pid] = Set(before_exec_.size());
      before_exec_.push_back(is_exec(e.code) ? before : Set(before_exec_.size()));
    }
    if (e.kind != Kind::call || e.pid <= 0) continue;
    const std::uint32_t ret = future.ret_of(i);
    if (ret == kNever) continue;
    const Event& result = log.events[ret];
    const bool done = result.error == 0 || result.error == kJustReturn;
    if (e.code == sys::ptrace) {
      const Request request{of(e.pid), i, ret};
      if (done)
        granted.push_back(request);
      else
        failed_.emplace(i, request);
    }
    if (!done) continue;
    if (is_exec(e.code) || changes_credentials(e.code)) changers.emplace(ret, i);
    if (is_fork(e.code) && result.retval > 0) set_of_[std::int32_t(result.retval)] = of(e.pid);
    if (may_set_it(e)) {
      changes_.push_back(i);
      changes_.push_back(ret);
    }
  }
  std::sort(changes_.begin(), changes_.end());
  for (const Request& r : granted)
    if (period(r.call) == period(r.ret)) granted_.insert(key(r.by, period(r.call)));
}

Denials::Set Denials::of(std::int32_t pid) {
  const auto [it, is_new] = set_of_.emplace(pid, Set(before_exec_.size()));
  if (is_new) before_exec_.push_back(it->second);
  return it->second;
}

std::uint32_t Denials::period(std::uint32_t at) const {
  return std::uint32_t(std::upper_bound(changes_.begin(), changes_.end(), at) - changes_.begin());
}

bool Denials::is_granted(Set by, std::uint32_t period) const {
  for (;; by = before_exec_[by]) {
    if (granted_.contains(key(by, period))) return true;
    if (before_exec_[by] == by) return false;
  }
}

bool Denials::is_possible(std::uint32_t call) const {
  const auto it = failed_.find(call);
  if (it == failed_.end()) return false;
  const Request& r = it->second;
  for (std::uint32_t p = period(r.call); p <= period(r.ret); ++p)
    if (!is_granted(r.by, p)) return true;
  return false;
}

bool Denials::is_certain(std::uint32_t call) const {
  const Request& r = failed_.at(call);
  return period(r.call) == period(r.ret) && refused_.contains(key(r.by, period(r.call)));
}

void Denials::learn(std::uint32_t call, bool denied) {
  const Request& r = failed_.at(call);
  if (period(r.call) == period(r.ret)) (denied ? refused_ : granted_).insert(key(r.by, period(r.call)));
}

}  // namespace proctor::check
