// SPDX-License-Identifier: BSD-2-Clause
//
// The table of `proctor kernels` against the header that it is about.
#include "checker/rules/kernels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace proctor::rules {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

std::string header() {
  std::ifstream file(PROCTOR_BEHAVIOURS_HPP);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> matches(const std::string& text, const std::regex& pattern, int group) {
  std::vector<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) out.push_back(it->str(group));
  return out;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

TEST(kernels, names_and_order_are_those_of_the_header) {
  std::vector<std::string> names;
  for (const Behaviour& behaviour : behaviours()) names.emplace_back(behaviour.name);
  EXPECT_THAT(names, ElementsAreArray(matches(header(), std::regex(R"(\n  bool (\w+);)"), 1)));
}

TEST(kernels, the_member_is_the_one_that_is_named) {
  const std::string text = header();
  for (const auto& kernel : {model::kFreebsd51, model::kFreebsd104}) {
    const std::string variable = kernel.name == "freebsd-5.1" ? "kFreebsd51{" : "kFreebsd104{";
    const std::size_t begin = text.find(variable);
    ASSERT_NE(begin, std::string::npos);
    const std::string values = text.substr(begin, text.find("};", begin) - begin);
    for (const Behaviour& behaviour : behaviours()) {
      const std::string yes = "." + std::string(behaviour.name) + " = true";
      EXPECT_EQ(values.find(yes) != std::string::npos, kernel.*behaviour.member) << kernel.name << yes;
    }
  }
}

TEST(kernels, commits_are_those_of_the_header) {
  const std::string text = header();
  int commits = 0;
  for (const Behaviour& behaviour : behaviours()) {
    EXPECT_FALSE(behaviour.since.empty()) << behaviour.name;
    EXPECT_FALSE(behaviour.meaning.empty()) << behaviour.name;
    for (const std::string& commit :
         matches(std::string(behaviour.since), std::regex(R"(\b(r[0-9]{6}|[0-9a-f]{12})\b)"), 1)) {
      ++commits;
      const std::size_t member = text.find("bool " + std::string(behaviour.name) + ";");
      ASSERT_NE(member, std::string::npos);
      const std::size_t comment = text.rfind("\n  //", member);
      EXPECT_THAT(text.substr(comment, member - comment), HasSubstr(commit)) << behaviour.name;
    }
  }
  EXPECT_GE(commits, 12);
}

TEST(kernels, text) {
  const std::string text = kernels_report({});
  for (const model::Behaviours* kernel : model::kKernels) EXPECT_THAT(text, HasSubstr(std::string(kernel->provenance)));
  for (const std::string& line : lines(text)) EXPECT_LE(line.size(), 120U) << line;
  // SA-03:09 is all that the second differs in from the first.
  for (const std::string& line : lines(text)) {
    const bool is_row = line.find(" yes ") != std::string::npos || line.find(" -  ") != std::string::npos;
    if (!is_row || line.find("step_checks_signal") != std::string::npos) continue;
    std::istringstream words(line);
    std::string name, first, second;
    words >> name >> first >> second;
    EXPECT_EQ(first, second) << line;
  }
  EXPECT_THAT(text, testing::ContainsRegex("step_checks_signal +-    yes"));
}

TEST(kernels, jsonl) {
  std::size_t kernels = 0, described = 0;
  for (const std::string& line : lines(kernels_report({.format = "jsonl"}))) {
    const auto j = nlohmann::json::parse(line);
    EXPECT_EQ(j["v"], 1);
    if (j.contains("kernel")) {
      ++kernels;
      EXPECT_EQ(j["behaviours"].size(), behaviours().size());
    } else {
      ++described;
    }
  }
  EXPECT_EQ(kernels, std::size(model::kKernels));
  EXPECT_EQ(described, behaviours().size());
}

}  // namespace
}  // namespace proctor::rules
