// SPDX-License-Identifier: BSD-2-Clause
//
// The states that the acceptor believes in must be those that the programs saw.  After each call that scenario.txt
// reports, the log is cut and judged up to there: what the call's result says about a process must hold in the state that
// the acceptor has reached.
//
// Only what the report shows is claimed, and only what the log can show.  ktrace does not hold the status that wait4
// returned, so after a wait the acceptor may have to keep two states, one in which the child is gone and one in which it
// stopped; Result::final_states is only the first of them.  Such a death counts as open.  With KTR lines beside the log
// nothing may be open: a stop that is waited for writes a line.
//  A stop that nobody has waited for, or a death that nobody was told, may or may
// not have happened yet; so a process that should be running may be a zombie, but never the other way round.
#include "tests/unit/log/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "tests/unit/log/logs.hpp"

namespace proctor::test {
namespace {

using check::FinalProcess;
using trace::Event;
using trace::Kind;

std::uint16_t number(const std::string& call) {  // sys/kern/syscalls.master
  static const std::map<std::string, std::uint16_t> numbers = {
      {"fork", 2}, {"wait4", 7}, {"ptrace", 26}, {"kill", 37}, {"getppid", 39}};
  return numbers.at(call);
}

// Finds the RET of each reported call: the last one that fits and is not later than the report (the clock is the same).
// Programs do not report every call they make.
class Positions {
 public:
  explicit Positions(const trace::Log& log) : log_(log) {}

  // The index of the RET, or -1 if the log has none that fits.
  std::int64_t of(const Report& report) {
    const std::uint16_t code = number(report.call);
    std::int64_t found = -1;
    for (std::size_t i = next_[report.pid]; i < log_.events.size(); ++i) {
      const Event& e = log_.events[i];
      if (e.pid != report.pid) continue;
      if (e.time > report.time) break;
      if (e.kind != Kind::ret || e.code != code) continue;
      const bool fits = report.error.empty()  ? e.error == 0 && std::int32_t(e.retval) == std::int32_t(report.result)
                        : report.error == "?" ? e.error != 0
                                              : e.error == errno_number(report.error);
      if (fits) found = std::int64_t(i);
    }
    if (found >= 0) next_[report.pid] = std::size_t(found) + 1;
    return found;
  }

 private:
  const trace::Log& log_;
  std::map<std::int32_t, std::size_t> next_;
};

const FinalProcess* find(const check::Result& result, std::int32_t pid) {
  for (const FinalProcess& p : result.final_states)
    if (p.pid == pid) return &p;
  return nullptr;
}
bool has(const FinalProcess& p, std::string_view word) { return p.state.find(word) != std::string::npos; }
bool dead(const FinalProcess& p) { return has(p, "zombie") || has(p, "exiting"); }
std::string show(const FinalProcess* p) {
  if (p == nullptr) return "gone";
  return p->state + ", parent " + std::to_string(p->parent) + ", real parent " + std::to_string(p->real_parent);
}

// Facts that last: who made whom, who is gone for good, who was let go for good.
struct History {
  std::map<std::int32_t, std::int32_t> made_by;
  std::set<std::int32_t> gone;

  void add(const Report& r) {
    if (!r.error.empty()) return;
    if (r.call == "fork" && r.result > 0) {
      made_by[std::int32_t(r.result)] = r.pid;
      gone.erase(std::int32_t(r.result));
    }
    if (r.end == End::exited && made_by[std::int32_t(r.result)] == r.pid) gone.insert(std::int32_t(r.result));
  }
};

constexpr int kWnowait = 8;  // sys/wait.h

// What was compared.
struct Tally {
  int calls = 0;  // reported calls that were found in the log
  int facts = 0;
  int open = 0;  // deaths that a state, but not the first of the frontier, may have
};

void compare(const Report& r, const History& history, const check::Result& result, Tally& tally) {
  if (!r.error.empty()) return;
  auto expect = [&](const char* fact, bool holds, const FinalProcess* p) {
    ++tally.facts;
    EXPECT_TRUE(holds) << result.final_frontier << " states: " << fact << ": " << r.text << "\nbut the acceptor has it "
                       << show(p);
  };
  const auto child = std::int32_t(r.result);
  if (r.call == "fork" && r.result > 0) {
    const FinalProcess* p = find(result, child);
    expect("a new process is its maker's child", p != nullptr && p->real_parent == r.pid, p);
  } else if (r.call == "getppid") {
    const FinalProcess* p = find(result, r.pid);
    const bool named = r.result == 1 || find(result, child) != nullptr;
    if (named) expect("getppid() is the real parent", p != nullptr && p->real_parent == child, p);
  } else if (r.end == End::stopped) {
    const FinalProcess* p = find(result, child);
    if (p != nullptr && has(*p, "zombie") && result.final_frontier > 1) {
      ++tally.open;
      return;
    }
    expect("a stop that was reported is a stop",
           p != nullptr && has(*p, (r.options & kWnowait) != 0 ? "stopped" : "stopped, waited for"), p);
  } else if (r.end == End::exited) {
    const FinalProcess* p = find(result, child);
    if (p != nullptr && result.final_frontier > 1) {
      ++tally.open;
      return;
    }
    if (history.gone.contains(child))
      expect("a child that its parent has buried is gone", p == nullptr, p);
    else  // told to a debugger: the real parent has still to be told
      expect("a death that was reported is a death", p == nullptr || has(*p, "zombie"), p);
  } else if (r.request == "PT_TRACE_ME") {
    const FinalProcess* p = find(result, r.pid);
    expect("PT_TRACE_ME makes traced", p != nullptr && has(*p, "traced"), p);
  } else if (r.request == "PT_ATTACH") {
    const FinalProcess* p = find(result, r.target);
    expect("PT_ATTACH makes traced, and the caller the parent",
           p != nullptr && (dead(*p) || (has(*p, "traced") && p->parent == r.pid)), p);
  } else if (r.request == "PT_DETACH") {
    const FinalProcess* p = find(result, r.target);
    if (!r.is_thread || r.target <= 99999)
      expect("PT_DETACH ends tracing", p == nullptr || !(has(*p, "traced") && p->parent == r.pid), p);
  } else if (r.request == "PT_CONTINUE" || r.request == "PT_STEP" || r.request == "PT_SYSCALL" ||
             r.request == "PT_TO_SCE" || r.request == "PT_TO_SCX" || r.request == "PT_KILL") {
    const FinalProcess* p = find(result, r.target);
    if (!r.is_thread || r.target <= 99999)
      expect("a tracee let go is in no stop that was waited for", p == nullptr || !has(*p, "stopped, waited for"), p);
  }
}

std::vector<RunLogs> runs() {
  std::vector<RunLogs> all = corpus_runs();
  std::erase_if(all, [](const RunLogs& run) {
    return !run.find("ktrace.out") || !std::filesystem::exists(run.directory / "scenario.txt") ||
           run.name.find("stress") != std::string::npos;  // these report totals, not calls
  });
  return all;
}

class Scenario : public testing::TestWithParam<RunLogs> {};

TEST_P(Scenario, StatesAreThoseThatTheProgramsSaw) {
  const trace::Log log = read(*GetParam().find("ktrace.out"));
  Positions positions(log);
  History history;
  Tally tally;
  for (const Report& r : read_scenario(GetParam().directory / "scenario.txt")) {
    const std::int64_t at = positions.of(r);
    if (at < 0) {
      // The runner is not logged; everyone else is.
      EXPECT_TRUE(std::none_of(log.events.begin(), log.events.end(), [&](const Event& e) { return e.pid == r.pid; }))
          << "not in the log: " << r.text;
      continue;
    }
    ++tally.calls;
    history.add(r);
    if (GetParam().kernel.starts_with("dragonfly")) history.gone.clear();  // what a debugger is told first is no burial
    trace::Log until = log;
    until.events.resize(std::size_t(at) + 1);
    const check::Result result = judge(&until, nullptr, GetParam().kernel);
    ASSERT_EQ(result.verdict, check::Verdict::accepted) << r.text << '\n' << words(result);
    compare(r, history, result, tally);
  }
  EXPECT_GT(tally.calls, 0);
  if (tally.open > 0) std::printf("%s: %d facts hold, %d open\n", GetParam().name.c_str(), tally.facts, tally.open);
}

// At the end of the run, with everything that the kernel wrote.
TEST_P(Scenario, AtTheEndTheBuriedAreGoneAndTheDetachedAreFree) {
  const trace::Log ktrace = read(*GetParam().find("ktrace.out"));
  const auto ktr_path = GetParam().find("ktr.txt");
  const std::optional<trace::Log> ktr = ktr_path ? std::optional(read(*ktr_path)) : std::nullopt;
  const check::Result end = judge(&ktrace, ktr ? &*ktr : nullptr, GetParam().kernel);
  ASSERT_EQ(end.verdict, check::Verdict::accepted) << words(end);
  History history;
  std::map<std::int32_t, bool> traced;  // by the last attach or detach that was reported
  for (const Report& r : read_scenario(GetParam().directory / "scenario.txt")) {
    history.add(r);
    if (!r.error.empty()) continue;
    if (r.request == "PT_ATTACH") traced[r.target] = true;
    if (r.request == "PT_TRACE_ME") traced[r.pid] = true;
    if (r.request == "PT_DETACH") traced[r.target] = false;
  }
  if (GetParam().kernel.starts_with("dragonfly")) history.gone.clear();
  for (const std::int32_t pid : history.gone) {
    const FinalProcess* p = find(end, pid);
    EXPECT_EQ(p, nullptr) << pid << " was buried by its parent, but at the end it is " << show(p);
  }
  for (const auto& [pid, is] : traced) {
    const FinalProcess* p = find(end, pid);
    EXPECT_TRUE(is || p == nullptr || !has(*p, "traced")) << pid << " was detached, but at the end it is " << show(p);
  }
}

INSTANTIATE_TEST_SUITE_P(Run, Scenario, testing::ValuesIn(runs()),
                         [](const auto& of) { return test_name(of.param.kernel + "/" + of.param.name); });

TEST(ScenarioText, IsUnderstood) {
  const std::vector<Report> reports =
      read_scenario(std::filesystem::path(PROCTOR_CORPUS_DIR) / "freebsd-10.4/base/attach_sibling/scenario.txt");
  // director: 2 fork, 3 wait4, 1 kill; tracer: 3 ptrace, 1 wait4
  ASSERT_EQ(reports.size(), 10U);
  EXPECT_EQ(reports[2].request, "PT_ATTACH");
  EXPECT_EQ(reports[2].pid, 33);
  EXPECT_EQ(reports[2].target, 32);
  EXPECT_EQ(reports[3].end, End::stopped);
  EXPECT_EQ(reports[3].status, 0x117fU);
  EXPECT_EQ(reports.back().end, End::exited);
}

}  // namespace
}  // namespace proctor::test
