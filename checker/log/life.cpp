// SPDX-License-Identifier: BSD-2-Clause
#include "checker/log/life.hpp"

#include <algorithm>

#include "checker/log/syscalls.hpp"

namespace proctor::check {

using model::Errno;

using trace::Event;
using trace::Kind;

Future::Future(const trace::Log& log) : ret_of_(log.events.size(), kNever), birth_(log.events.size(), false) {
  // Calls in flight of one process.  A log without thread ids shows the calls of all its threads under one pid.
  struct Open {
    std::int32_t tid;
    std::uint16_t code;
    std::uint32_t call;
  };
  struct Present {
    std::vector<Open> calls;
    int threads_to_come = 0;  // thr_new calls whose thread has not shown itself
    bool one_thread = true;   // it has called no thr_new
  };
  std::unordered_map<std::int32_t, Present> present;
  for (std::uint32_t i = 0; i < log.events.size(); ++i) {
    const Event& e = log.events[i];
    if (e.pid <= 0 || e.kind == Kind::ktr) continue;
    std::vector<Life>& lives = lives_[e.pid];
    Present& now = present[e.pid];
    bool new_process = lives.empty();
    if (e.kind == Kind::call) {
      // A second CALL of the same thread without a RET: the debugger changed the arguments at the entry stop.
      if (e.tid != 0 || now.one_thread)
        now.calls.erase(std::remove_if(now.calls.begin(), now.calls.end(),
                                       [&](const Open& o) { return e.tid == 0 || o.tid == e.tid; }),
                        now.calls.end());
      now.calls.push_back({e.tid, e.code, i});
      if (is_fork(e.code)) first_fork_ = std::min(first_fork_, i);
      if (e.code == sys::thr_new || e.code == sys::thr_create) {
        ++now.threads_to_come;
        now.one_thread = false;
      }
    } else if (e.kind == Kind::ret) {
      const auto it = std::find_if(now.calls.begin(), now.calls.end(), [&](const Open& o) {
        return o.code == e.code && (e.tid == 0 || o.tid == 0 || o.tid == e.tid);
      });
      if (it != now.calls.end()) {
        ret_of_[it->call] = i;
        const auto named = std::int32_t(log.events[it->call].args[0]);
        const bool wait = e.code == sys::wait4 || e.code == sys::wait6;
        if (e.code == sys::ptrace &&
            (e.error == 0 || ended_with(e.error, Errno::eperm) || ended_with(e.error, Errno::ebusy)))
          found_[std::int32_t(log.events[it->call].args[1])].push_back(it->call);
        if (wait && e.error == 0 && e.retval > 0) fates_[std::int32_t(e.retval)].push_back({i, Fate::told});
        if ((e.code == sys::kill && ended_with(e.error, Errno::esrch)) ||
            (e.code == sys::wait4 && ended_with(e.error, Errno::echild) && named > 0))
          fates_[named].push_back({i, Fate::lost});
        now.calls.erase(it);
      } else if (e.code == sys::fork && e.error == 0 && e.retval == 0) {
        birth_[i] = true;  // fork_return(): of a new process, or of a new thread of one that lives
        if (now.threads_to_come > 0)
          --now.threads_to_come;
        else
          new_process = true;
      } else if (is_fork(e.code) && e.error == 0 && e.retval > 0) {
        before_log_.insert(std::int32_t(e.retval));
      }
    }
    if (new_process) {
      lives.push_back({.first = i, .last_run = i, .last = i, .born = birth_[i]});
      now.calls.clear();
      now.one_thread = true;
      if (e.kind == Kind::call) now.calls.push_back({e.tid, e.code, i});
    }
    Life& life = lives.back();
    life.last = i;
    // FreeBSD queues a PSIG, DragonFly writes it when the thread takes the signal.
    const bool takes_signal = e.kind == Kind::signal && log.dragonfly;
    if (e.kind == Kind::call || e.kind == Kind::ret || takes_signal) life.last_run = i;
    if (e.kind == Kind::call && e.code == sys::exit) {
      life.status = int(e.args[0] & 0xff) << 8;
      life.ends = true;
    }
    if (e.kind == Kind::signal && !e.caught) {
      life.status = e.signo;
      life.ends = true;
    }
  }
  find_who_misses_one(log);
}

void Future::find_who_misses_one(const trace::Log& log) {
  for (auto e = log.events.rbegin(); e != log.events.rend(); ++e) {
    if (e->kind != Kind::ret) continue;
    const bool wait = e->code == sys::wait4 || e->code == sys::wait6;
    const bool missed =
        (wait && ended_with(e->error, Errno::echild)) || (e->code == sys::kill && ended_with(e->error, Errno::esrch));
    const bool made_one = is_fork(e->code) && e->error == 0 && misses_one_.contains(std::int32_t(e->retval));
    if (missed || made_one) misses_one_.insert(e->pid);
  }
}

Future::Fate Future::fate(std::int32_t pid, std::uint32_t at) const {
  const auto it = fates_.find(pid);
  if (it == fates_.end()) return Fate::unknown;
  const auto next = std::find_if(it->second.begin(), it->second.end(), [&](const Seen& s) { return s.at >= at; });
  return next == it->second.end() ? Fate::unknown : next->fate;
}

const Life* Future::last_life(std::int32_t pid) const {
  const auto it = lives_.find(pid);
  return it == lives_.end() ? nullptr : &it->second.back();
}

bool Future::is_found_later(std::int32_t pid, std::uint32_t at) const {
  const auto it = found_.find(pid);
  if (it == found_.end()) return false;
  const Life* next = nullptr;  // the pid's next life, if it has one
  if (const auto lives = lives_.find(pid); lives != lives_.end())
    for (const Life& life : lives->second)
      if (life.first > at && next == nullptr) next = &life;
  return std::any_of(it->second.begin(), it->second.end(),
                     [&](std::uint32_t call) { return call > at && (next == nullptr || call < next->first); });
}

bool Future::is_before_log(std::int32_t pid, std::uint32_t at) const {
  return at < first_fork_ || before_log_.contains(pid);
}

const Life* Future::life_until(std::int32_t pid, std::uint32_t at) const {
  const auto it = lives_.find(pid);
  if (it == lives_.end()) return nullptr;
  const Life* found = nullptr;
  for (const Life& life : it->second)
    if (life.first <= at) found = &life;
  return found;
}

const Life* Future::life(std::int32_t pid, std::uint32_t at) const {
  const auto it = lives_.find(pid);
  if (it == lives_.end()) return nullptr;
  for (const Life& life : it->second)
    if (life.last >= at) return &life;
  return nullptr;
}

}  // namespace proctor::check
