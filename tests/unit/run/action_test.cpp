// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/action.hpp"

#include <gtest/gtest.h>

#include <string>

namespace proctor::scenario {
namespace {

using namespace model;

// p2 has one thread, t1; its child p3 has two, t2 and t3; p4, t4 and t5 do not exist.
SmallState family() {
  SmallState s = SmallState::boot();
  const auto birth = [&](Slot p, Slot parent, std::initializer_list<int> threads) {
    s.proc[p].state = ProcState::normal;
    s.proc[p].p_pptr = parent;
    s.proc[p].p_numthreads = std::uint8_t(threads.size());
    std::uint8_t rank = 0;
    for (const int td : threads) {
      s.lwp[std::size_t(td)].proc = p;
      s.lwp[std::size_t(td)].td_rank = rank++;
    }
  };
  birth(1, 0, {1});
  birth(2, 1, {2, 3});
  return s;
}

// Values that a line can hold: what a rule does not look at is not in its line.
std::vector<std::int32_t> sample(const Rule& rule) {
  std::vector<std::int32_t> out;
  const bool report = rule.id == RuleId::wait_report, nothing = rule.id == RuleId::wait_nothing;
  const bool by_group = rule.program.name.starts_with("wait6(P_PGID");
  const bool by_pid = rule.program.name.starts_with("wait6(P_PID");
  for (std::size_t i = 0; i < rule.arguments.size(); ++i) switch (rule.arguments[i].takes) {
      case Takes::process:
        out.push_back(i == 0                                                    ? 1
                      : rule.arguments.back().name == "child_td"                ? 3
                      : rule.program.name == "ptrace(PT_TRACE_ME)"              ? 0
                      : ((report && i == 2) || nothing) && !by_pid && !by_group ? int(kNone)
                                                                                : 2);
        break;
      case Takes::thread:
        out.push_back(i == 0 ? 1 : rule.id == RuleId::ptrace || rule.id == RuleId::thr_kill ? 3 : 4);
        break;
      case Takes::data: out.push_back(-5); break;
      case Takes::signal: out.push_back(17); break;
      case Takes::mask: out.push_back(0x28); break;
      case Takes::status: out.push_back(0x100); break;
      case Takes::yes_no: out.push_back(1); break;
    }
  return out;
}

TEST(action, EveryRuleOfEveryKernelComesBackFromItsLine) {
  const SmallState state = family();
  for (const Behaviours* kernel : kKernels) {
    const Vocabulary words(*kernel);
    for (std::size_t i = 0; i < words.rules().size(); ++i) {
      const Action action{.rule = i, .arguments = sample(words.rules()[i])};
      const std::string line = print(words, action, state);
      const auto back = parse_line(words, line, 1, state);
      ASSERT_TRUE(back) << kernel->name << ": " << line << ": " << back.error().column << ": " << back.error().what;
      ASSERT_TRUE(*back) << line;
      EXPECT_EQ((*back)->action, action) << kernel->name << ": " << line << " of " << words.rules()[i].program.name;
      EXPECT_EQ((*back)->text, line);
      EXPECT_FALSE((*back)->expected);
    }
  }
}

TEST(action, EveryWayOfAnsweringComesBackFromItsLine) {
  const SmallState state = family();
  const Vocabulary words(kFreebsd104);
  for (std::size_t kind = 0; kind < kOpenKinds; ++kind)
    for (std::uint8_t way = 1; way <= 3; ++way) {
      Action action{.rule = 0, .arguments = sample(words.rules()[0])};
      action.choices[kind] = way;
      const std::string line = print(words, action, state);
      if (line.back() == char('0' + way)) continue;  // "memory=3": there are not so many ways
      const auto back = parse_line(words, line, 1, state);
      ASSERT_TRUE(back) << line << ": " << back.error().what;
      EXPECT_EQ((*back)->action, action) << line;
    }
}

TEST(action, ThreadsAndExpectations) {
  const SmallState state = family();
  const Vocabulary words(kFreebsd111), old_words(kFreebsd104);
  const auto read = [&](std::string_view text) { return *parse_line(words, text, 1, state).value(); };
  // An actor is the oldest thread; in 10.4 that is the last of p_threads.
  EXPECT_EQ(read("p3 takes SIGSTOP").action.arguments, (std::vector<std::int32_t>{2, 17}));
  EXPECT_EQ((*parse_line(old_words, "p3 takes SIGSTOP", 1, state).value()).action.arguments,
            (std::vector<std::int32_t>{3, 17}));
  EXPECT_EQ(read("p3/t3 takes 17").action.arguments, (std::vector<std::int32_t>{3, 17}));
  EXPECT_EQ(read("t3 takes 0x11  # a comment").text, "t3 takes 0x11");
  EXPECT_EQ(words.rules()[read("p2 ptrace PT_SUSPEND p3/t3").action.rule].program.name, "ptrace(PT_SUSPEND, tid)");
  EXPECT_EQ(words.rules()[read("p2 ptrace PT_SUSPEND p3").action.rule].program.name, "ptrace(PT_SUSPEND, pid)");
  EXPECT_EQ(read("p2 ptrace PT_ATTACH nobody -> ESRCH").expected, 3);
  EXPECT_EQ(read("p2 ptrace PT_ATTACH p3 -> 0").expected, 0);
  EXPECT_FALSE(parse_line(words, "  # nothing", 1, state).value());
}

struct Wrong {
  std::string_view text;
  int column;
  std::string_view what;  // how the message begins
};

TEST(action, WhoIsMissingIsToldFromAWrongWord) {
  const Vocabulary words(kFreebsd104);
  EXPECT_TRUE(parse_line(words, "p4 execve", 1, family()).error().is_absence);
  EXPECT_FALSE(parse_line(words, "p5 execve", 1, family()).error().is_absence);
}

// What stands behind a name is asked of all kernels at once.
TEST(action, WrongWordsOfALine) {
  const auto wrong = [](std::string_view text) {
    std::string out;
    for (const ParseError& e : wrong_words(text, 1, {"wait"}))
      out += std::to_string(e.column) + " " + e.what.substr(0, e.what.find(':')) + ";";
    return out;
  };
  EXPECT_EQ(wrong("p9 execve"), "") << "who it is is not asked here";
  EXPECT_EQ(wrong("p2 procctl PROC_REAP_ACQUIRE"), "") << "not in 5.1";
  EXPECT_EQ(wrong("p2 leaves_stop"), "") << "not in 5.1 and DragonFly";
  EXPECT_EQ(wrong("p2 ptrace PT_ATACH x3 memroy=unmapped memory=unmaped"),
            "11 unknown word 'PT_ATACH';20 unknown word 'x3';23 unknown word 'memroy=';46 unknown word 'unmaped';");
  EXPECT_EQ(wrong("p2 frok x3 x4"), "4 unknown word 'frok';") << "what follows hangs on it";
  EXPECT_EQ(wrong("p2 kill p3 SIGTRM"), "12 unknown word 'SIGTRM';");
  EXPECT_EQ(wrong("p2 kill p3 SIGTERM"), "");
  EXPECT_EQ(wrong_words("p2 wiat p3", 1, {"wait"}).at(0).what, "unknown word 'wiat': did you mean wait?");
}

TEST(action, ErrorsSayWhereAndWhatWouldDo) {
  SmallState full = family();
  full.lwp[4].proc = full.lwp[5].proc = 2;
  const Vocabulary words(kFreebsd104);
  const Wrong wrongs[] = {
      {"x2 fork p4", 1, "unknown word 'x2': expected p1 to p4 (p1 is init), p2/t0 to p2/t5 for a thread, or nobody"},
      {"p5 fork p4", 1, "unknown word 'p5': expected p1 to p4"},
      {"p2/t6 execve", 1, "unknown word 'p2/t6': expected p1 to p4"},
      {"p4 execve", 1, "there is no p4 at this place in the scenario"},
      {"nobody execve", 1, "there is no nobody at this place in the scenario"},
      {"p4/t5 execve", 1, "there is no p4/t5 at this place in the scenario"},
      {"p2", 3, "the line ends here: expected one of "},
      {"p2 frob p3", 4, "unknown word 'frob' in freebsd-10.4: expected an action: ptrace, "},
      {"p2 frok p3", 4, "unknown word 'frok' in freebsd-10.4: did you mean fork?"},
      {"p2 execve begns", 11, "unknown word 'begns': did you mean begins?"},
      {"p2 ptrace PT_GLUE p3", 11, "unknown word 'PT_GLUE' in freebsd-10.4: expected a request: PT_TRACE_ME, "},
      {"p2 ptrace PT_ATACH p3", 11, "unknown word 'PT_ATACH' in freebsd-10.4: did you mean PT_ATTACH or PT_DETACH?"},
      {"p2 ptrace", 10, "the line ends here: expected one of PT_TRACE_ME, "},
      {"p2 ptrace PT_ATTACH", 20, "the line ends here: expected a process, as p3"},
      {"p2 ptrace PT_ATTACH -> 0", 21, "the line ends here: expected a process, as p3"},
      {"p3 takes", 9, "the line ends here: expected a signal, as SIGSTOP or 17"},
      {"p3 takes SIGGLUE", 10,
       "'SIGGLUE' is no number: expected digits, 0x and hexadecimal digits, or a signal's name"},
      {"p3 takes SIGSTP", 10, "unknown word 'SIGSTP': did you mean SIGSTOP, SIGTSTP o"},
      {"p3 exit begins", 15, "the line ends here: expected a number"},
      {"p3 thr_new", 11, "the line ends here: expected a thread, as p3/t4"},
      {"p2 ptrace PT_CONTINUE p3 data=x", 31, "'x' is no number: "},
      {"p2 ptrace PT_CONTINUE p3 memory=gone", 33,
       "unknown word 'gone': expected a value of memory=: unmapped, refused or shortage"},
      {"p2 ptrace PT_CONTINUE p3 memroy=unmapped", 26, "unknown word 'memroy=': did you mean memory=?"},
      {"p2 ptrace PT_CONTINUE p3 slowly", 26, "unknown word 'slowly': expected the end of the line, -> or data=, "},
      {"p2 ptrace PT_CONTINUE p3 ->", 28, "the line ends here: expected an errno's name, or 0"},
      {"p2 ptrace PT_CONTINUE p3 -> EGLUE", 29, "unknown word 'EGLUE': expected 0, a number or an errno: "},
  };
  for (const Wrong& wrong : wrongs) {
    const auto line = parse_line(words, wrong.text, 7, family());
    ASSERT_FALSE(line) << wrong.text;
    EXPECT_EQ(line.error().line, 7);
    EXPECT_EQ(line.error().column, wrong.column) << wrong.text;
    EXPECT_EQ(line.error().what.substr(0, wrong.what.size()), wrong.what) << wrong.text;
  }
  const auto line = parse_line(words, "p2 fork p4", 1, full);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().column, 11);
  EXPECT_EQ(line.error().what, "no thread slot is free: the model has room for six threads");
  EXPECT_TRUE(line.error().is_absence);
}

}  // namespace
}  // namespace proctor::scenario
