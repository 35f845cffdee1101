// SPDX-License-Identifier: BSD-2-Clause
//
// An acceptor that accepts everything would pass every test on real logs.  So one record of a log is changed, each in turn,
// in every way that mutations.hpp knows, and the share of the changes that are rejected is held above a floor.
//
// It cannot be all of them: some changes leave a log that the kernel could have written (a bad address may give EFAULT, a
// signal other than the one sent may arrive), more so without the other log of the run beside it.  The kinds that were
// accepted are printed.  The floors are two to three points below what was measured of some thousand changes each: 96, 97,
// 97, 97 and 77 percent.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "tests/unit/log/logs.hpp"
#include "tests/unit/log/mutations.hpp"

namespace proctor::test {
namespace {

struct Score {
  int tried = 0, rejected = 0;
  std::string example;  // the first that was accepted
};
using Scores = std::map<std::string, Score>;

constexpr const char* kScenarios[] = {
    "attach_sibling", "attach_own_child", "attach_stopped", "child_attach_parent", "detach_sig",
    "errors_badreq",  "errors_busy",      "errors_self",    "event_mask",          "exec",
    "follow_fork",    "follow_vfork",     "kill",           "lwp_events",          "sigtrap",
    "threads",        "to_sce",           "trace_me_twice", "traceme_then_attach"};

trace::Log base(const std::string& scenario, const char* file) {
  return read(std::filesystem::path(PROCTOR_CORPUS_DIR) / "freebsd-10.4/base" / scenario / file);
}

// Tries each mutation of `changed`; `all` are the logs that are judged together.
void score(const std::vector<Mutation>& mutations, trace::Log& changed, const trace::Log* ktrace, const trace::Log* ktr,
           Scores& scores, const std::string& kernel = "freebsd-10.4") {
  for (const Mutation& m : mutations) {
    trace::Event& event = changed.events[m.event];
    const trace::Event kept = event;
    m.change(event);
    const check::Result result = judge(ktrace, ktr, kernel);
    event = kept;
    Score& s = scores[m.kind];
    ++s.tried;
    if (result.verdict == check::Verdict::rejected)
      ++s.rejected;
    else if (s.example.empty())
      s.example = changed.where(kept);
  }
}

double share(const char* title, const Scores& scores) {
  int tried = 0, rejected = 0;
  for (const auto& [kind, s] : scores) {
    tried += s.tried;
    rejected += s.rejected;
  }
  std::printf("%s: %d of %d changes rejected; accepted were:\n", title, rejected, tried);
  for (const auto& [kind, s] : scores)
    if (s.rejected < s.tried) {
      const auto from = s.example.find("base/");
      std::printf("  %3d of %3d  %s  (%s)\n", s.tried - s.rejected, s.tried, kind.c_str(),
                  s.example.substr(from == std::string::npos ? 0 : from).c_str());
    }
  return tried == 0 ? 0 : double(rejected) / tried;
}

TEST(Strictness, ResultsInKtrace) {
  Scores scores;
  for (const char* scenario : kScenarios) {
    trace::Log log = base(scenario, "ktrace.out");
    score(result_mutations(log), log, &log, nullptr, scores);
  }
  EXPECT_GE(share("results in ktrace.out", scores), 0.94);
}

TEST(Strictness, ResultsInKtraceOfDragonFly) {
  Scores scores;
  for (const std::string kernel : {"dragonfly-5.5", "dragonfly-5.5-be1f9dd"})
    for (const RunLogs& run : corpus_runs())
      if (run.kernel == kernel && run.name.starts_with("base/")) {
        trace::Log log = read(run.find("ktrace.out").value());
        score(result_mutations(log), log, &log, nullptr, scores, kernel);
      }
  EXPECT_GE(share("results in ktrace.out of DragonFly", scores), 0.95);
}

TEST(Strictness, ResultsInKtraceWithKtrBeside) {
  Scores scores;
  for (const char* scenario : kScenarios) {
    trace::Log ktrace = base(scenario, "ktrace.out");
    const trace::Log ktr = base(scenario, "ktr.txt");
    score(result_mutations(ktrace), ktrace, &ktrace, &ktr, scores);
  }
  EXPECT_GE(share("results in ktrace.out, ktr.txt beside it", scores), 0.95);
}

TEST(Strictness, FieldsOfKtrLinesWithKtraceBeside) {
  Scores scores;
  for (const char* scenario : kScenarios) {
    const trace::Log ktrace = base(scenario, "ktrace.out");
    trace::Log ktr = base(scenario, "ktr.txt");
    score(line_mutations(ktr), ktr, &ktrace, &ktr, scores);
  }
  EXPECT_GE(share("fields of KTR lines, ktrace.out beside them", scores), 0.94);
}

TEST(Strictness, FieldsOfKtrLinesAlone) {
  Scores scores;
  for (const char* scenario : kScenarios) {
    trace::Log ktr = base(scenario, "ktr.txt");
    score(line_mutations(ktr), ktr, nullptr, &ktr, scores);
  }
  EXPECT_GE(share("fields of KTR lines alone", scores), 0.74);
}

}  // namespace
}  // namespace proctor::test
