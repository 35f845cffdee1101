// SPDX-License-Identifier: BSD-2-Clause
#include "checker/names/nearest.hpp"

#include <gtest/gtest.h>

#include "checker/names/kernel.hpp"

namespace proctor::names {
namespace {

// The pairs are those of the literature on the distance.
TEST(nearest, Distance) {
  EXPECT_EQ(distance("", ""), 0U);
  EXPECT_EQ(distance("", "abc"), 3U);
  EXPECT_EQ(distance("kitten", "sitting"), 3U);
  EXPECT_EQ(distance("saturday", "sunday"), 3U);
  EXPECT_EQ(distance("form", "from"), 1U);  // exchanged with the neighbour
  EXPECT_EQ(distance("ca", "abc"), 3U);     // no letter is moved twice
  EXPECT_EQ(distance("Fork", "fORK"), 0U);
  for (const auto& [a, b] : {std::pair{"attach", "detach"}, std::pair{"wait", "exit"}, std::pair{"ab", "ba"}})
    EXPECT_EQ(distance(a, b), distance(b, a)) << a << b;
}

TEST(nearest, NearestFirstAndNotTooFar) {
  const Words requests{"PT_DETACH", "PT_ATTACH", "PT_STEP", "PT_READ_D"};
  EXPECT_EQ(nearest("PT_ATACH", requests), (Words{"PT_ATTACH", "PT_DETACH"}));
  EXPECT_EQ(nearest("pt_attach", requests), Words{"PT_ATTACH"});  // not PT_DETACH too: only the case is wrong
  EXPECT_EQ(nearest("PT_GLUE", requests), Words{});               // PT_STEP is four letters away
  EXPECT_EQ(nearest("st", {"st0"}), Words{});                     // one letter of two
  EXPECT_EQ(nearest("sto", {"st0"}), Words{"st0"});
  EXPECT_EQ(nearest("abcdefghijklmno", {"abcdefghijk"}), Words{});  // four letters
  EXPECT_EQ(nearest("abcdefghijklmn", {"abcdefghijk"}), Words{"abcdefghijk"});
  EXPECT_EQ(nearest("aaaaaa", {"aaaaab", "aaaaac", "aaaaad", "aaaaae"}).size(), 3U);
  EXPECT_EQ(nearest("fork1", {"fork", "fork"}), Words{"fork"});  // said once
  EXPECT_EQ(nearest("freebsd-10", {"freebsd-11c", "freebsd-10.4"}), (Words{"freebsd-10.4", "freebsd-11c"}));
  EXPECT_EQ(nearest("", {"", "a"}), Words{});
  EXPECT_EQ(nearest(std::string(100000, 'a'), {std::string(100000, 'b')}), Words{});
}

TEST(nearest, Sentences) {
  EXPECT_EQ(either({}), "");
  EXPECT_EQ(either({"a"}), "a");
  EXPECT_EQ(either({"a", "b", "c"}), "a, b or c");
  const Words few{"exited", "trapped"};
  EXPECT_EQ(unknown_word("exted", few, "a report"),
            "unknown word 'exted': did you mean exited? expected a report: exited or trapped");
  EXPECT_EQ(unknown_word("dead", few, "a report"), "unknown word 'dead': expected a report: exited or trapped");
  const Words many{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  EXPECT_EQ(unknown_word("fuor", many, "a number"), "unknown word 'fuor': did you mean four?");
}

TEST(nearest, Kernels) {
  EXPECT_EQ(kernel("freebsd-10.4"), &model::kFreebsd104);
  EXPECT_EQ(kernel("FreeBSD-10.4"), nullptr);
  const auto wrong = kernel_of_option("freebsd-10.3");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().find("--kernel freebsd-10.3: no such kernel: did you mean freebsd-10.4"), 0U);
  for (const std::string& known : kernels()) EXPECT_NE(wrong.error().find(known), std::string::npos) << known;
}

}  // namespace
}  // namespace proctor::names
