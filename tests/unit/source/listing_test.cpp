// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace proctor::source {
namespace {

using testing::StartsWith;

constexpr const char* kNumbered =
    "xref: /freebsd/sys/kern/sys_process.c (revision 77b7cdf1999e)\n"
    "1\u00a0/*\n"
    "2\u00a0 * caf\u00e9 1\u00a02\n"
    "3\u00a0 */\n"
    "4\u00a0\n"
    "5\u00a0\treturn (0);\n"
    "6\n";
constexpr const char* kNumberedPlain = "/*\n * caf\u00e9 1\u00a02\n */\n\n\treturn (0);\n";

// From line 10 on a number could also be read as a shorter one before a commit that begins with a digit.
std::string annotated() {
  std::string out = "xref: /freebsd/sys/kern/sys_process.c (revision 007e25d95aae)\n";
  for (int i = 1; i <= 12; ++i) {
    out += std::to_string(i) + (i % 2 == 0 ? "4e68ceabSDavid Greenman" : "0df8bae1Rodney W. Grimes") + "\u00a0int x" +
           std::to_string(i) + ";\n";
  }
  return out + "13";
}

std::string refusal(const std::string& text) {
  const auto plain = strip_listing(text, "dir/a.txt");
  EXPECT_FALSE(plain) << *plain;
  return plain ? "" : plain.error();
}

TEST(Listing, Numbered) {
  const auto plain = strip_listing(kNumbered, "a.txt");
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(*plain, kNumberedPlain);
}

TEST(Listing, NumberedWithoutLastNewline) {
  std::string text = kNumbered;
  text.pop_back();
  const auto plain = strip_listing(text, "a.txt");
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(*plain, kNumberedPlain);
}

TEST(Listing, CarriageReturns) {
  std::string text;
  for (const char c : std::string_view(kNumbered)) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto plain = strip_listing(text, "a.txt");
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(*plain, kNumberedPlain);
}

TEST(Listing, Annotated) {
  const auto plain = strip_listing(annotated(), "a.txt");
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_THAT(*plain, StartsWith("int x1;\nint x2;\n"));
  EXPECT_THAT(*plain, testing::EndsWith("int x11;\nint x12;\n"));
}

TEST(Listing, LooksLikeOne) {
  EXPECT_TRUE(looks_like_listing(kNumbered));
  EXPECT_TRUE(looks_like_listing(annotated()));
  EXPECT_FALSE(looks_like_listing(kNumberedPlain));
  EXPECT_FALSE(looks_like_listing(""));
  EXPECT_FALSE(looks_like_listing("xref: /freebsd/sys/kern/sys_process.c"));
  EXPECT_FALSE(looks_like_listing("xref: a label\nint x;\n"));
}

TEST(Listing, RefusesOtherText) {
  EXPECT_EQ(refusal("/*\n * C\n */\n"),
            "dir/a.txt:1: not a listing: begins with '/*'; a listing's first line is 'xref: FILE (revision ...)'");
  EXPECT_THAT(refusal(""), StartsWith("dir/a.txt:1: not a listing"));
  // A long first line is cut between characters: \u00e9 is two bytes, and 40 is in the middle of one.
  std::string accents = "x";
  for (int i = 0; i < 40; ++i) accents += "\u00e9";
  EXPECT_THAT(refusal(accents), testing::HasSubstr(accents.substr(0, 39) + "...'"));
}

TEST(Listing, RefusesAnEmptyOne) {
  EXPECT_THAT(refusal("xref: a.c\n"), StartsWith("dir/a.txt:1: the listing ends after its first line; "));
}

TEST(Listing, RefusesMissingLines) {
  EXPECT_EQ(refusal("xref: a.c\n1\u00a0a\n3\u00a0b\n4\n"),
            "dir/a.txt:3: line 2 of the source should be here, not '3\u00a0b'; "
            "numbers run without gaps, so this line begins with 2");
  EXPECT_THAT(refusal("xref: a.c\n2\u00a0a\n3\n"), StartsWith("dir/a.txt:2: line 1 of the source"));
  EXPECT_THAT(refusal("xref: a.c\n1\u00a0a\n1\u00a0a\n2\n"), StartsWith("dir/a.txt:3: line 2 of the source"));
  EXPECT_THAT(refusal("xref: a.c\n1\u00a0a\n\n2\n"), StartsWith("dir/a.txt:3: line 2 of the source"));
  // "24e68ceab..." passes for line 2 with a commit of a digit more, but then the next one tells.
  EXPECT_THAT(
      refusal("xref: a.c\n10123456An Author\u00a0a\n240123456An Author\u00a0b\n250123456An Author\u00a0c\n26\n"),
      StartsWith("dir/a.txt:4: line 3 of the source"));
}

TEST(Listing, RefusesOtherSpaces) {
  EXPECT_THAT(refusal("xref: a.c\n1 int x;\n2\n"), StartsWith("dir/a.txt:2: no no-break space (U+00A0) in '1 int x;'"));
  EXPECT_THAT(refusal("xref: a.c\n1\n"), StartsWith("dir/a.txt:2: no no-break space (U+00A0) in '1'"));
  // In Latin-1 it is a single byte, which would otherwise be part of the text.
  EXPECT_THAT(refusal("xref: a.c\n1\xa0int x;\n2\n"), StartsWith("dir/a.txt:2: no no-break space (U+00A0) in "));
}

TEST(Listing, RefusesMixedKinds) {
  EXPECT_EQ(refusal("xref: a.c\n1\u00a0a\n24e68ceabAn Author\u00a0b\n3\n"),
            "dir/a.txt:3: '4e68ceabAn Author' between the number 2 and the no-break space; "
            "in this listing, going by its first number, the no-break space follows at once");
  EXPECT_EQ(refusal("xref: a.c\n14e68ceabAn Author\u00a0a\n2\u00a0b\n3\n"),
            "dir/a.txt:3: '' between the number 2 and the no-break space; "
            "a commit of 7 or more hexadecimal digits and the author's name, as at the first number");
  EXPECT_THAT(refusal("xref: a.c\n1An Author\u00a0a\n2\n"),
              StartsWith("dir/a.txt:2: 'An Author' between the number 1"));
  EXPECT_THAT(refusal("xref: a.c\n14e68ceab\u00a0a\n2\n"), StartsWith("dir/a.txt:2: '4e68ceab' between the number 1"));
}

TEST(Listing, RefusesCutOnes) {
  EXPECT_EQ(refusal("xref: a.c\n1\u00a0a\n2\u00a0b\n"),
            "dir/a.txt:3: the listing is cut: its last line has text; "
            "a listing ends with a number that has nothing after it");
}

TEST(Listing, RefusesTextAfterTheEnd) {
  EXPECT_EQ(refusal("xref: a.c\n1\u00a0a\n2\n3\u00a0b\n4\n"),
            "dir/a.txt:4: '3\u00a0b' after the end of the listing; "
            "a number without a no-break space is the last line");
}

// Of the real ones only what their own text says: how many lines there are, and lines that must be whole.
TEST(Listing, RealOnes) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(PROCTOR_LISTINGS_DIR, error)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  if (paths.empty()) GTEST_SKIP() << "no listings: there is no .txt below " PROCTOR_LISTINGS_DIR;
  for (const auto& path : paths) {
    SCOPED_TRACE(path.filename());
    std::ifstream file(path, std::ios::binary);
    std::stringstream stream;
    stream << file.rdbuf();
    const std::string listing = stream.str();
    ASSERT_TRUE(looks_like_listing(listing));
    const auto plain = strip_listing(listing, path);
    ASSERT_TRUE(plain) << plain.error();
    EXPECT_THAT(*plain, StartsWith("/*"));

    // Each line of the result is the end of its line in the listing, right after the first no-break space there.
    std::istringstream theirs(listing), ours(*plain);
    std::string their_line, our_line;
    std::getline(theirs, their_line);
    int number = 0, includes = 0;
    while (std::getline(ours, our_line)) {
      ++number;
      ASSERT_TRUE(std::getline(theirs, their_line));
      ASSERT_EQ(their_line.substr(their_line.find("\u00a0") + 2), our_line) << "line " << number;
      ASSERT_THAT(their_line, StartsWith(std::to_string(number)));
      if (our_line.find("#include") == std::string::npos) continue;
      ++includes;
      EXPECT_THAT(our_line, testing::ContainsRegex("^#include (<[a-z0-9_/]+\\.h>|\"[a-z0-9_]+\\.h\")$"));
    }
    EXPECT_GE(includes, 10);
    ASSERT_TRUE(std::getline(theirs, their_line));
    EXPECT_EQ(their_line, std::to_string(number + 1));
    EXPECT_FALSE(std::getline(theirs, their_line));
    EXPECT_THAT(*plain, testing::AnyOf(testing::EndsWith("\n}\n"), testing::EndsWith("\n}\n\n")));
  }
}

}  // namespace
}  // namespace proctor::source
