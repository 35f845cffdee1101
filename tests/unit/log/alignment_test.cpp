// SPDX-License-Identifier: BSD-2-Clause
//
// A KTR buffer is a ring: beside a whole ktrace log it holds the last lines of the run.  So of each run of the corpus the
// oldest lines are left out, and what remains must still be accepted beside the ktrace log, and still be checked.
//
// Where the lines begin between a request and its consequences, the state may lack what the missing lines would have told.
// The share that is accepted is held above a floor, two points below what was measured.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/unit/log/logs.hpp"
#include "tests/unit/log/mutations.hpp"

namespace proctor::test {
namespace {

constexpr std::size_t kCutsMax = 12;  // of one run

struct Pair {
  std::string name;
  trace::Log ktrace, ktr;
};

std::vector<Pair> pairs() {
  std::vector<Pair> all;
  for (const RunLogs& run : corpus_runs()) {
    const auto ktrace = run.find("ktrace.out"), ktr = run.find("ktr.txt");
    if (run.kernel == "freebsd-10.4" && run.name.starts_with("base/") && run.name.find("stress") == std::string::npos &&
        ktrace && ktr)
      all.push_back({run.name, read(*ktrace), read(*ktr)});
  }
  return all;
}

trace::Log without_oldest(const trace::Log& log, std::size_t lines) {
  trace::Log out = log;
  out.events.erase(out.events.begin(), out.events.begin() + std::ptrdiff_t(lines));
  return out;
}

TEST(LateRing, IsAccepted) {
  int tried = 0, accepted = 0;
  for (const Pair& pair : pairs()) {
    const std::size_t lines = pair.ktr.events.size(), step = std::max<std::size_t>(1, lines / kCutsMax);
    for (std::size_t cut = step; cut < lines; cut += step) {
      const trace::Log late = without_oldest(pair.ktr, cut);
      const check::Result result = judge(&pair.ktrace, &late);
      ++tried;
      if (result.verdict == check::Verdict::accepted) {
        EXPECT_EQ(result.ktr.judged, late.events.size()) << pair.name << " without " << cut;
        ++accepted;
      } else {
        std::printf("%s without %zu of %zu: %s\n", pair.name.c_str(), cut, lines, words(result).c_str());
      }
    }
  }
  std::printf("%d of %d accepted\n", accepted, tried);
  EXPECT_GT(tried, 250);
  EXPECT_GE(double(accepted) / tried, 0.96);
}

// The lines that are there are no less strict than with the others before them; but the first of a process is taken on trust.
TEST(LateRing, IsStillChecked) {
  int tried = 0, rejected = 0;
  for (const Pair& pair : pairs()) {
    if (pair.ktr.events.size() > 60) continue;
    trace::Log late = without_oldest(pair.ktr, pair.ktr.events.size() / 2);
    if (judge(&pair.ktrace, &late).verdict != check::Verdict::accepted) continue;
    for (const Mutation& m : line_mutations(late)) {
      trace::Event& event = late.events[m.event];
      const trace::Event kept = event;
      m.change(event);
      ++tried;
      rejected += judge(&pair.ktrace, &late).verdict == check::Verdict::rejected ? 1 : 0;
      event = kept;
    }
  }
  std::printf("%d of %d changes rejected\n", rejected, tried);
  EXPECT_GT(tried, 200);
  EXPECT_GE(double(rejected) / tried, 0.82);
}

}  // namespace
}  // namespace proctor::test
