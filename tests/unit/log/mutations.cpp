// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/log/mutations.hpp"

#include <algorithm>
#include <set>

#include "model/words/requests.hpp"

namespace proctor::test {

using trace::Event;
using trace::Kind;
using trace::Ktr;

namespace {

// sys/kern/syscalls.master and sys/errno.h
constexpr std::uint16_t kFork = 2, kWait4 = 7, kPtrace = 26, kKill = 37, kVfork = 66, kRfork = 251;
struct Named {
  int number;
  const char* name;
};
constexpr Named kEperm = {1, "EPERM"}, kEsrch = {3, "ESRCH"}, kEchild = {10, "ECHILD"}, kEbusy = {16, "EBUSY"},
                kEinval = {22, "EINVAL"};

// The CALL that a RET answers.
const Event* call_of(const trace::Log& log, std::uint32_t ret) {
  const Event& e = log.events[ret];
  for (std::uint32_t i = ret; i-- > 0;) {
    const Event& c = log.events[i];
    if (c.pid == e.pid && c.tid == e.tid && c.kind == Kind::call) return c.code == e.code ? &c : nullptr;
  }
  return nullptr;
}

std::vector<std::int32_t> pids(const trace::Log& log) {
  std::set<std::int32_t> all;
  for (const Event& e : log.events)
    if (e.pid > 0) all.insert(e.pid);
  return {all.begin(), all.end()};
}

std::int32_t other_pid(const std::vector<std::int32_t>& all, std::int64_t than) {
  const auto found = std::find_if(all.begin(), all.end(), [&](std::int32_t pid) { return pid != than; });
  return found == all.end() ? std::int32_t(than + 1) : *found;
}

std::function<void(Event&)> fails(int error) {
  return [error](Event& e) {
    e.error = error;
    e.retval = -1;
  };
}
std::function<void(Event&)> returns(std::int64_t value) {
  return [value](Event& e) {
    e.error = 0;
    e.retval = value;
  };
}

std::string request(const Event& call) {
  const std::string_view name = model::request_name(std::int32_t(call.args[0]));
  return name.empty() ? "another request" : std::string(name);
}

std::string old_result(const Event& e) {
  for (const Named& n : {kEperm, kEsrch, kEchild, kEbusy, kEinval})
    if (e.error == n.number) return n.name;
  return e.error == 0 ? "success" : "errno " + std::to_string(e.error);
}

}  // namespace

std::vector<Mutation> result_mutations(const trace::Log& ktrace) {
  std::vector<Mutation> out;
  const std::vector<std::int32_t> all = pids(ktrace);
  for (std::uint32_t i = 0; i < ktrace.events.size(); ++i) {
    const Event& e = ktrace.events[i];
    if (e.kind != Kind::ret) continue;
    const Event* call = call_of(ktrace, i);
    if (call == nullptr) continue;  // a new process coming back from fork
    auto add = [&](const std::string& what, std::function<void(Event&)> change) {
      out.push_back({what, i, std::move(change)});
    };
    switch (e.code) {
      case kPtrace: {
        const std::string from = request(*call) + ": " + old_result(e) + " -> ";
        for (const Named& n : {kEperm, kEsrch, kEbusy, kEinval})
          if (e.error != n.number) add(from + n.name, fails(n.number));
        if (e.error != 0) add(from + "success", returns(0));
        break;
      }
      case kWait4:
        if (e.error == 0 && e.retval > 0) {
          add("wait4: a pid -> another pid", returns(other_pid(all, e.retval)));
          add("wait4: a pid -> ECHILD", fails(kEchild.number));
          add("wait4: a pid -> 0", returns(0));
        } else if (e.error == 0) {
          add("wait4: 0 -> the pid asked for, or another",
              returns(std::int32_t(call->args[0]) > 0 ? std::int32_t(call->args[0]) : other_pid(all, 0)));
          add("wait4: 0 -> ECHILD", fails(kEchild.number));
        } else if (e.error == kEchild.number) {
          add("wait4: ECHILD -> a pid",
              returns(std::int32_t(call->args[0]) > 0 ? std::int32_t(call->args[0]) : other_pid(all, 0)));
          add("wait4: ECHILD -> 0", returns(0));
        }
        break;
      case kFork:
      case kVfork:
      case kRfork:
        if (e.error == 0 && e.retval > 0) {
          add("fork: a pid -> the caller's", returns(e.pid));
          add("fork: a pid -> one that nobody has", returns(all.back() + 7));
          add("fork: a pid -> an error", fails(35));  // EAGAIN
        }
        break;
      case kKill:
        if (e.error == 0) {
          add("kill: success -> ESRCH", fails(kEsrch.number));
          add("kill: success -> EPERM", fails(kEperm.number));
        } else {
          add("kill: " + old_result(e) + " -> success", returns(0));
        }
        break;
      default: break;
    }
  }
  return out;
}

std::vector<Mutation> line_mutations(const trace::Log& ktr) {
  std::vector<Mutation> out;
  const std::vector<std::int32_t> all = pids(ktr);
  for (std::uint32_t i = 0; i < ktr.events.size(); ++i) {
    const Event& e = ktr.events[i];
    if (e.kind != Kind::ktr) continue;
    const std::string line = "KTR " + std::string(name(e.ktr)) + ": ";
    auto add = [&](const std::string& what, std::function<void(Event&)> change) {
      out.push_back({line + what, i, std::move(change)});
    };
    auto plus = [](int arg, std::uint64_t n) { return [arg, n](Event& x) { x.args[std::size_t(arg)] += n; }; };
    auto flip = [](int arg, std::uint64_t bits) { return [arg, bits](Event& x) { x.args[std::size_t(arg)] ^= bits; }; };
    add("pid -> another pid", [other = other_pid(all, e.pid)](Event& x) { x.pid = other; });
    if (e.tid > 0) add("tid + 1", [](Event& x) { ++x.tid; });
    switch (e.ktr) {
      case Ktr::attach: add("oppid + 1", plus(0, 1)); break;
      case Ktr::follow_fork:
      case Ktr::lwp_events:
        add("old value", flip(0, 1));
        add("new value", flip(1, 1));
        break;
      case Ktr::get_event_mask: add("mask", flip(0, 1)); break;
      case Ktr::set_event_mask:
        add("old mask", flip(0, 1));
        add("new mask", flip(1, 8));
        break;
      case Ktr::step:
        if (e.has_arg(0)) add("signal + 1", plus(0, 1));
        break;
      case Ktr::continue_: add("signal + 1", plus(1, 1)); break;
      case Ktr::to_sce:
      case Ktr::to_scx:
      case Ktr::syscall:
        add("events", flip(0, 1));
        add("signal + 1", plus(2, 1));
        break;
      case Ktr::detach:
        add("parent + 1", plus(0, 1));
        add("signal + 1", plus(1, 1));
        break;
      case Ktr::write: add("address + 8", plus(0, 8)); break;
      case Ktr::read: add("address + 8", plus(0, 8)); break;
      case Ktr::lwpinfo:
        add("event", flip(0, 1));
        add("flag SCE", flip(1, 4));
        add("flag FORKED", flip(1, 0x40));
        break;
      case Ktr::getnumlwps: add("threads + 1", plus(0, 1)); break;
      case Ktr::getlwplist:
        add("data + 1", plus(0, 1));
        add("actual + 1", plus(1, 1));
        break;
      case Ktr::ptracestop:
        add("flag SCE", flip(0, 8));
        add("flag FORK", flip(0, 0x40));
        add("signal + 1", plus(1, 1));
        break;
      case Ktr::fork_return: add("oppid + 1", plus(0, 1)); break;
      case Ktr::exit_orphan: add("orphan + 1", plus(0, 1)); break;
      case Ktr::wait_moved: add("parent + 1", plus(0, 1)); break;
      case Ktr::wait_trapped:
        add("status and xstat", [](Event& x) {
          x.args[0] += 0x100;
          x.args[1] += 1;
        });
        add("xthread + 1", plus(2, 1));
        break;
      default: break;
    }
  }
  return out;
}

}  // namespace proctor::test
