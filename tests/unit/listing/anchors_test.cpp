// SPDX-License-Identifier: BSD-2-Clause
//
// The lines of clauses against the listings of the four kernels whose sys_process.c is at hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "checker/source/listing.hpp"
#include "model/programs.hpp"

namespace proctor::rules {
namespace {

namespace fs = std::filesystem;
using model::Source;
using Lines = std::vector<std::string>;

std::optional<Lines> listing(Source source) {
  constexpr std::array<std::string_view, 4> kBegins{"003_", "000_", "001_", "002_"};  // as Source has them
  const auto which = std::size_t(source);
  if (which >= kBegins.size() || !fs::is_directory(PROCTOR_LISTINGS_DIR)) return std::nullopt;
  for (const auto& entry : fs::directory_iterator(PROCTOR_LISTINGS_DIR)) {
    if (!entry.path().filename().string().starts_with(kBegins[which])) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto plain = source::strip_listing(text, entry.path().string());
    if (!plain) return std::nullopt;
    Lines lines{""};  // they count from 1
    std::istringstream in(*plain);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  return std::nullopt;
}

// Lines from `first` on, `count` of them; what the preprocessor reads does not count.
std::string window(const Lines& lines, std::size_t first, int count) {
  std::string out;
  for (std::size_t i = first; i < lines.size() && count > 0; ++i) {
    out += lines[i] + '\n';
    if (!lines[i].starts_with('#')) --count;
  }
  return out;
}

// Where the errno comes from a called function, its name stands in the line, or the line tests what it returned.
bool calls(const Lines& lines, std::size_t at) {
  static const std::regex kCall(
      R"(\b(p_cansee|p_candebug|copyin|COPYIN|copyout|COPYOUT|proc_rwmem|uiomove|cpu_ptrace|procfs_\w+|priv_check\w*|)"
      R"(ptrace_single_step|ptrace_set_pc)\b|\(action\))");
  static const std::regex kTest(R"(^\s*if \(error\))");
  constexpr int kCondition = 3,
                kBefore = 6;  // lines that a condition goes on for; from a call to the test of its result
  if (std::regex_search(lines[at], kTest)) return std::regex_search(window(lines, at - kBefore, kBefore + 1), kCall);
  if (lines[at].find("if (") == std::string::npos) return std::regex_search(lines[at], kCall);
  return std::regex_search(window(lines, at, kCondition), kCall);
}

TEST(anchors, stand_where_the_listings_have_them) {
  int listings = 0;
  for (const model::Behaviours* kernel : model::kKernels) {
    const auto lines = listing(kernel->source);
    if (!lines) continue;
    ++listings;
    std::set<std::tuple<std::string, int, int>> clauses;
    for (const model::ir::Program& program : model::programs(*kernel))
      for (const model::ir::Instruction& in : program.code) {
        if (in.clause.file != "sys_process.c" || in.clause.line <= 0) continue;
        const bool check = in.op == model::ir::Op::require;
        clauses.emplace(in.clause.id, in.clause.line, check ? in.imm : 0);
      }
    EXPECT_GT(clauses.size(), 20U) << kernel->name;
    for (const auto& [id, line, error] : clauses) {
      ASSERT_LT(std::size_t(line), lines->size()) << kernel->name << ": " << id;
      const auto at = std::size_t(line);
      const std::string& text = (*lines)[at];
      EXPECT_NE(text.find_first_not_of(" \t{}"), std::string::npos) << kernel->name << ": " << id << ", line " << line;
      if (error == 0) continue;  // a guard has none
      const std::string name = model::name(model::Errno(error));
      const bool says = std::regex_search(window(*lines, at - 2, 9), std::regex("\\b" + name + "\\b"));
      EXPECT_TRUE(says || calls(*lines, at))
          << kernel->name << ": " << id << " (" << name << ") is not at line " << line << ": " << text;
    }
  }
  if (listings == 0) GTEST_SKIP() << "skipped: no listings in " << PROCTOR_LISTINGS_DIR;
}

}  // namespace
}  // namespace proctor::rules
