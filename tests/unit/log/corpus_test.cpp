// SPDX-License-Identifier: BSD-2-Clause
//
// Each log was written by the kernel that its folder is named for, which must accept it: each log alone, and the two of one
// run together.  Accepting is worth something only if the records about processes were judged and not passed over.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/unit/log/logs.hpp"

namespace proctor::test {
namespace {

// Every record of these calls must have been judged; numbers from FreeBSD's sys/kern/syscalls.master.
constexpr std::array<std::uint16_t, 11> kJudged = {
    1 /*exit*/,   2 /*fork*/,    7 /*wait4*/,      26 /*ptrace*/,   37 /*kill*/,   59 /*execve*/,
    66 /*vfork*/, 251 /*rfork*/, 431 /*thr_exit*/, 455 /*thr_new*/, 532 /*wait6*/,
};

std::uint64_t must_be_judged(const trace::Log& log) {
  return std::uint64_t(std::count_if(log.events.begin(), log.events.end(), [](const trace::Event& e) {
    if (e.kind == trace::Kind::ktr) return true;
    const bool record = e.kind == trace::Kind::call || e.kind == trace::Kind::ret;
    return record && std::find(kJudged.begin(), kJudged.end(), e.code) != kJudged.end();
  }));
}

void expect_accepted(const std::string& kernel, const trace::Log* ktrace, const trace::Log* ktr) {
  const check::Result result = judge(ktrace, ktr, kernel);
  EXPECT_EQ(result.verdict, check::Verdict::accepted) << words(result);
  if (ktrace != nullptr) {
    EXPECT_GT(must_be_judged(*ktrace), 0U) << ktrace->path;
    EXPECT_GE(result.ktrace.judged, must_be_judged(*ktrace)) << ktrace->path;
    EXPECT_EQ(result.ktrace.records, ktrace->records);
    EXPECT_LE(result.ktrace.judged + result.ktrace.presence, ktrace->records);
  }
  if (ktr != nullptr) {
    EXPECT_GT(must_be_judged(*ktr), 0U) << ktr->path;
    EXPECT_EQ(result.ktr.judged, must_be_judged(*ktr)) << ktr->path;
  }
}

class Corpus : public testing::TestWithParam<RunLogs> {};

TEST_P(Corpus, EachLogAlone) {
  for (const std::filesystem::path& path : GetParam().logs) {
    const trace::Log log = read(path);
    SCOPED_TRACE(path.filename().string());
    EXPECT_FALSE(log.cut);
    expect_accepted(GetParam().kernel, log.is_ktr() ? nullptr : &log, log.is_ktr() ? &log : nullptr);
  }
}

TEST_P(Corpus, Together) {
  const auto ktrace_path = GetParam().find("ktrace.out");
  const auto ktr_path = GetParam().find("ktr.txt");
  if (!ktrace_path || !ktr_path) GTEST_SKIP() << GetParam().name << " has no ktrace.out with a ktr.txt beside it";
  const trace::Log ktrace = read(*ktrace_path);
  const trace::Log ktr = read(*ktr_path);
  expect_accepted(GetParam().kernel, &ktrace, &ktr);
}

const std::string kDragonFly = "dragonfly-5.5", kDragonFlyWaits = "dragonfly-5.5-be1f9dd";

trace::Log dragonfly_log(const std::string& kernel, const std::string& scenario) {
  for (const RunLogs& run : corpus_runs())
    if (run.kernel == kernel && run.name == "base/" + scenario) return read(run.find("ktrace.out").value());
  throw std::runtime_error("no " + scenario + " of " + kernel);
}

// scenario.txt of the two kernels differs: what a debugger says at a signal stop is heard by the one and not by the other.
TEST(DragonFlyKernels, AreToldApart) {
  for (const char* scenario : {"attach_stopped_pause", "cont_same_handler", "cont_swallow_handler", "exec_cont_sigtrap",
                               "kill_stopped", "step"}) {
    const trace::Log goes_on = dragonfly_log(kDragonFly, scenario), waits = dragonfly_log(kDragonFlyWaits, scenario);
    EXPECT_EQ(judge(&goes_on, nullptr, kDragonFlyWaits).verdict, check::Verdict::rejected) << scenario;
    EXPECT_EQ(judge(&waits, nullptr, kDragonFly).verdict, check::Verdict::rejected) << scenario;
  }
}

// scenario.txt of the two kernels is the same.
TEST(DragonFlyKernels, DoTheSameOtherwise) {
  for (const char* scenario : {"attach_sibling", "exit_reported_twice", "fork_of_tracee", "parent_of_trace_me_exits",
                               "trace_me", "tracer_exits"}) {
    const trace::Log goes_on = dragonfly_log(kDragonFly, scenario), waits = dragonfly_log(kDragonFlyWaits, scenario);
    const check::Result one = judge(&goes_on, nullptr, kDragonFlyWaits), other = judge(&waits, nullptr, kDragonFly);
    EXPECT_EQ(one.verdict, check::Verdict::accepted) << words(one);
    EXPECT_EQ(other.verdict, check::Verdict::accepted) << words(other);
  }
}

// Guards the tests above against a corpus that was moved or emptied.
TEST(CorpusFolder, HasEveryGroup) {
  const std::vector<RunLogs> runs = corpus_runs();
  const std::pair<const char*, int> groups[] = {
      {"base/", 40 + 38 + 2 * 12}, {"stress/", 2}, {"atf/", 6}, {"verb/", 6}, {"fmt/", 1}, {"stress_20s", 1}};
  for (const auto& [group, least] : groups) {
    const auto found = std::count_if(runs.begin(), runs.end(),
                                     [start = group](const RunLogs& run) { return run.name.starts_with(start); });
    EXPECT_GE(found, least) << group;
  }
}

INSTANTIATE_TEST_SUITE_P(Run, Corpus, testing::ValuesIn(corpus_runs()),
                         [](const auto& of) { return test_name(of.param.kernel + "/" + of.param.name); });

}  // namespace
}  // namespace proctor::test
