// SPDX-License-Identifier: BSD-2-Clause
//
// Broken copies of logs: traces/mutants/INDEX.tsv says which record was changed.  Each is rejected there, or later where
// the change shows only by its consequences, but soon.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/unit/log/logs.hpp"

namespace proctor::test {
namespace {

namespace fs = std::filesystem;

struct Mutant {
  std::string file, source, kind;
  std::uint32_t changed = 0;  // line from 1, or record from 0
  std::string why;
};

void PrintTo(const Mutant& m, std::ostream* out) { *out << m.file; }

std::vector<Mutant> index() {
  std::ifstream in(PROCTOR_MUTANTS_DIR "/INDEX.tsv");
  std::string line;
  std::getline(in, line);  // the heading
  std::vector<Mutant> mutants;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    Mutant m;
    std::string changed;
    std::getline(fields, m.file, '\t');
    std::getline(fields, m.source, '\t');
    std::getline(fields, m.kind, '\t');
    std::getline(fields, changed, '\t');
    std::getline(fields, m.why, '\t');
    m.changed = std::uint32_t(std::stoul(changed));
    mutants.push_back(std::move(m));
  }
  return mutants;
}

// How many events later a rejection may come.  The slowest kind is fork-returns-live-pid after a vfork: the parent is told
// the pid of a process that the log does not know yet to be alive, and the lie shows when the true child, which nobody has
// announced, is waited for.  Until then lies what the parent writes down of the fork: a dozen records.
constexpr std::uint32_t kEventsMax = 16;

class Mutants : public testing::TestWithParam<Mutant> {};

TEST_P(Mutants, IsRejectedAtTheChangeOrSoonAfter) {
  const Mutant& m = GetParam();
  const trace::Log log = read(fs::path(PROCTOR_MUTANTS_DIR) / m.file);
  const bool text = !log.is_binary();
  const auto changed = std::find_if(log.events.begin(), log.events.end(), [&](const trace::Event& e) {
    return (text ? e.at.line : e.at.record) == m.changed;
  });
  ASSERT_NE(changed, log.events.end()) << m.file << ": no event was read from " << m.changed;
  const auto at = std::uint32_t(changed - log.events.begin());

  const check::Result result = judge(log);
  ASSERT_EQ(result.verdict, check::Verdict::rejected) << m.file << ": " << m.why;
  ASSERT_TRUE(result.rejection);
  EXPECT_EQ(result.rejection->log, &log);
  EXPECT_GE(result.rejection->event, at) << words(result);
  EXPECT_LE(result.rejection->event, at + kEventsMax) << words(result);
  EXPECT_FALSE(result.rejection->observed.empty());
}

INSTANTIATE_TEST_SUITE_P(File, Mutants, testing::ValuesIn(index()),
                         [](const auto& of) { return test_name(of.param.file); });

TEST(MutantsFolder, AndItsIndexName_TheSameFiles) {
  std::set<std::string> named, there;
  for (const Mutant& m : index()) named.insert(m.file);
  for (const fs::directory_entry& entry : fs::directory_iterator(PROCTOR_MUTANTS_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name != "INDEX.tsv" && name != "README.md") there.insert(name);
  }
  EXPECT_EQ(named, there);
  EXPECT_GE(named.size(), 100U);
}

}  // namespace
}  // namespace proctor::test
