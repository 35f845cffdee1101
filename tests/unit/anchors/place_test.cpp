// SPDX-License-Identifier: BSD-2-Clause
//
// Finding a quoted test in C text.  The lines that are expected were counted in the text.
#include "checker/anchors/place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proctor::anchors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kText = R"(/* first(x == 1) */
#include <sys/param.h>
#define ACTION(action) do {	\
	if (p->flag == 0)	\
		error = (action);	\
} while (0)

static int second(int);

int
first(struct thread *td,
    int x)
{
	/* if (x == 1) */
	if (x == 1 &&
	    x->y  ==1)
		return ("x == 3");
#ifdef OTHER
	if (x == 3) {
#else
	if (x ==	3) {
#endif
		call(x == 3);
	}
}

int
second(td, y)
	struct thread *td;
	int y;
{
	first(td, y);
	switch (y) {
	default:
		error = EINVAL;
		break;
	case 1:
		error = EINVAL;
		goto out;
	}
}
)";

std::optional<int> line_of(std::string_view function, std::string_view test, int nth = 1) {
  return find(Source("a.c", kText), {"clause", "a.c", function, test, nth});
}

TEST(find, a_test_in_its_function) {
  EXPECT_EQ(line_of("first", "x == 1"), 15) << "not in a comment, not in the parameters";
  EXPECT_EQ(line_of("first", "x->y == 1"), 16);
  EXPECT_EQ(line_of("second", "first(td, y)"), 32);
  EXPECT_EQ(line_of("second", "x == 1"), std::nullopt) << "that is in first()";
  EXPECT_EQ(line_of("third", "x == 1"), std::nullopt);
}

TEST(find, blanks_and_line_ends_do_not_count) {
  EXPECT_EQ(line_of("first", "x==1&&x -> y== 1"), 15);
  EXPECT_EQ(line_of("first", "return(\"x == 3\")"), 17) << "a string is one word";
}

TEST(find, words_are_whole) {
  EXPECT_EQ(line_of("first", "y == 1"), 16);
  EXPECT_EQ(line_of("second", "rror = EINVAL"), std::nullopt);
  EXPECT_EQ(line_of("second", "error = EINVA"), std::nullopt);
}

TEST(find, the_nth_of_several) {
  EXPECT_EQ(line_of("first", "x == 3"), 19) << "both sides of #else are read";
  EXPECT_EQ(line_of("first", "x == 3", 2), 21);
  EXPECT_EQ(line_of("first", "x == 3", 3), 23);
  EXPECT_EQ(line_of("first", "x == 3", 4), std::nullopt);
}

TEST(find, the_marked_token_has_the_line) {
  EXPECT_EQ(line_of("second", "default: error = EINVAL"), 34);
  EXPECT_EQ(line_of("second", "default: @error = EINVAL"), 35);
  EXPECT_EQ(line_of("second", "case 1: error = @EINVAL; goto out"), 38);
}

TEST(find, a_step_without_a_test_is_where_its_function_is) {
  EXPECT_EQ(line_of("first", ""), 11);
  EXPECT_EQ(line_of("second", ""), 28) << "not where it is declared, nor where it is called";
  EXPECT_EQ(line_of("third|second|first", ""), 28);
  EXPECT_EQ(line_of("third", ""), std::nullopt);
}

TEST(find, macros) {
  EXPECT_EQ(line_of("ACTION", "p->flag == 0"), 4);
  EXPECT_EQ(line_of("ACTION", "error = (action)"), 5);
}

TEST(find, broken_text_ends) {
  for (const std::string_view text : {"", "f(", "f(int", "f()\n{", "/* f()", "\"f(", "#define", "#", "f()\n{\n\"\\"}) {
    EXPECT_EQ(find(Source("a.c", text), {"clause", "a.c", "f", "x == 1"}), std::nullopt) << text;
  }
}

// With the table of the program: what can be placed, what has no file, what is wrong.
TEST(place, says_what_has_no_place) {
  const std::string fork = "int\nfork_return(td)\n{\n\tif (td->td_dbgflags & TDB_STOPATFORK) {\n}\n";
  const Placed placed = place({"stop-at-fork", "fork-runs", "not-traced", "no-such-clause"}, {{"kern_fork.c", fork}});
  ASSERT_EQ(placed.places.size(), 1U);
  EXPECT_EQ(placed.places[0].clause, "stop-at-fork");
  EXPECT_EQ(placed.places[0].file, "kern_fork.c");
  EXPECT_EQ(placed.places[0].line, 4);
  EXPECT_THAT(placed.missing, ElementsAre(HasSubstr("kern_fork.c: fork-runs: not found in do_fork|fork1()"),
                                          HasSubstr("no-such-clause: no quote in")));
  ASSERT_TRUE(placed.no_file.contains("sys_process.c"));
  EXPECT_THAT(placed.no_file.at("sys_process.c"), ElementsAre("not-traced"));
}

TEST(quotes, are_tokens_with_one_mark_at_most) {
  for (const model::Quote& quote : model::kQuotes) {
    EXPECT_LE(std::count(quote.test.begin(), quote.test.end(), '@'), 1) << quote.clause;
    EXPECT_THAT(quote.function, testing::Not(IsEmpty())) << quote.clause;
    EXPECT_GE(quote.nth, 1) << quote.clause;
    EXPECT_LE(quote.test.size(), 80U) << quote.clause << ": a quote is short";
  }
}

}  // namespace
}  // namespace proctor::anchors
