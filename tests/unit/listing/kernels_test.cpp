// SPDX-License-Identifier: BSD-2-Clause
//
// The timeline of behaviours, what the kernels are on it, and `proctor kernels`.
#include "checker/listing/kernels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace proctor::rules {
namespace {

using model::Behaviours;
using testing::HasSubstr;
using Names = std::set<std::string_view>;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

Names what(const Behaviours& kernel, bool value) {
  Names out;
  for (const model::Behaviour& behaviour : model::kTimeline)
    if (kernel.*behaviour.member == value) out.insert(behaviour.name);
  return out;
}

Names with(Names names, const Names& more) {
  names.insert(more.begin(), more.end());
  return names;
}

Names without(Names names, const Names& less) {
  for (const std::string_view name : less) EXPECT_EQ(names.erase(name), 1U) << name;
  return names;
}

// As each kernel's source has it.  Of 10.4 the short list is what it does not do.
TEST(timeline, the_kernels_do_what_their_sources_do) {
  const Names of_2003{"giant_and_sched_lock", "stop_waits_for_word", "thread_takes_unblocked"};
  EXPECT_EQ(what(model::kFreebsd51, true), of_2003);
  EXPECT_EQ(what(model::kFreebsd51Sa0309, true), with(of_2003, {"step_checks_signal", "thread_signals_stay"}));
  const Names of_dragonfly{"tokens",  "step_checks_signal", "target_is_held",        "wait6",
                           "reapers", "kill_finds_zombies", "new_threads_come_last", "thread_signals_stay"};
  EXPECT_EQ(what(model::kDragonfly55, true), of_dragonfly);
  EXPECT_EQ(what(model::kDragonfly55Be1f9dd, true), with(of_dragonfly, {"stop_waits_for_word"}));
  EXPECT_EQ(what(model::kFreebsd104, false),
            (Names{"tokens", "giant_and_sched_lock", "memory_fault_is_enomem", "getppid_is_real_parent",
                   "new_threads_come_last", "thread_takes_unblocked", "wait_any_passes_procdesc"}));
  EXPECT_EQ(what(model::kFreebsd111, false), (Names{"tokens", "giant_and_sched_lock", "thread_takes_unblocked"}));
  const Names of_11c =
      with(without(what(model::kFreebsd104, true),
                   {"event_mask", "lwp_events", "attach_stop_comes_first", "vfork_is_marked",
                    "first_reporter_keeps_stop", "detach_forgets_stops", "kill_is_immediate", "reaper_hears_of_zombies",
                    "word_is_sent", "job_stop_takes_signal_first"}),
           {"memory_fault_is_enomem", "getppid_is_real_parent", "new_threads_come_last", "wait_any_passes_procdesc"});
  EXPECT_EQ(what(model::kFreebsd11c, true), of_11c);
  EXPECT_EQ(what(model::kFreebsd11cIn104, true),
            with(without(of_11c, {"getppid_is_real_parent", "new_threads_come_last", "wait_any_passes_procdesc"}),
                 {"vfork_is_marked", "first_reporter_keeps_stop", "reaper_hears_of_zombies", "word_is_sent",
                  "job_stop_takes_signal_first"}));
}

TEST(timeline, rows_are_in_order) {
  Names names;
  for (const model::Behaviour& behaviour : model::kTimeline) {
    EXPECT_TRUE(names.insert(behaviour.name).second) << behaviour.name;
    EXPECT_FALSE(behaviour.meaning.empty()) << behaviour.name;
    EXPECT_FALSE(behaviour.evidence.empty()) << behaviour.name;
    EXPECT_NE(behaviour.changes[0].branch, model::Branch::none) << behaviour.name;
    for (const model::Change& change : behaviour.changes) {
      EXPECT_TRUE(change.branch == model::Branch::none || change.after < change.by) << behaviour.name;
      for (const model::Change& later : behaviour.changes)
        EXPECT_TRUE(&later <= &change || later.branch != change.branch || change.by <= later.after) << behaviour.name;
    }
  }
}

using model::timeline::Answer;
using model::timeline::holds;

const model::Behaviour& named(std::string_view name) {
  return *std::find_if(model::kTimeline.begin(), model::kTimeline.end(),
                       [&](const model::Behaviour& behaviour) { return behaviour.name == name; });
}

TEST(timeline, a_day_and_a_span) {
  using model::Branch;
  const model::Behaviour day{"day", &Behaviours::wait6, "", "", {model::timeline::since(Branch::head, 20120229)}};
  EXPECT_EQ(holds(day, Branch::head, 20120228), Answer::no);
  EXPECT_EQ(holds(day, Branch::head, 20120229), Answer::yes);
  EXPECT_EQ(holds(day, Branch::stable10, 20131011), Answer::yes) << "had from head";
  EXPECT_EQ(holds(day, Branch::dragonfly, 20190531), Answer::no) << "DragonFly has its own";
  const model::Behaviour span{
      "span", &Behaviours::wait6, "", "", {model::timeline::between(Branch::head, 20120101, 20140101)}};
  EXPECT_EQ(holds(span, Branch::head, 20120101), Answer::no);
  EXPECT_EQ(holds(span, Branch::head, 20120102), Answer::unknown);
  EXPECT_EQ(holds(span, Branch::head, 20131231), Answer::unknown);
  EXPECT_EQ(holds(span, Branch::head, 20140101), Answer::yes);
  EXPECT_EQ(holds(span, Branch::stable10, 20200101), Answer::unknown) << "not known where the branch began";
  EXPECT_EQ(holds(span, Branch::stable11, 20160801), Answer::yes);
  const model::Behaviour ended{
      "ended",
      &Behaviours::wait6,
      "",
      "",
      {model::timeline::always(Branch::head), model::timeline::gone(Branch::head, 20050101, 20060101)}};
  EXPECT_EQ(holds(ended, Branch::head, 20030101), Answer::yes);
  EXPECT_EQ(holds(ended, Branch::head, 20050601), Answer::unknown);
  EXPECT_EQ(holds(ended, Branch::stable10, 20150101), Answer::no);
}

// What came to head after a branch began is not on it, unless it was merged.
TEST(timeline, branches_get_what_is_merged) {
  using model::Branch;
  EXPECT_EQ(holds(named("memory_fault_is_enomem"), Branch::stable10, 20171003), Answer::no);
  EXPECT_EQ(holds(named("memory_fault_is_enomem"), Branch::stable11, 20160708), Answer::yes);
  EXPECT_EQ(holds(named("lwp_events"), Branch::stable10, 20160404), Answer::no);
  EXPECT_EQ(holds(named("lwp_events"), Branch::stable10, 20171003), Answer::yes);
  EXPECT_EQ(holds(named("event_mask"), Branch::stable11, 20160722), Answer::no) << "11.0 does not have it";
}

TEST(kernels, text) {
  const std::string text = kernels_report({});
  for (const Behaviours* kernel : model::kKernels) EXPECT_THAT(text, HasSubstr(std::string(kernel->provenance)));
  for (const std::string& line : lines(text)) EXPECT_LE(line.size(), 120U) << line;
  EXPECT_THAT(text, testing::ContainsRegex("step_checks_signal +-    yes .*head 2003-08-10"));
  EXPECT_THAT(text, testing::ContainsRegex("syscall_stops .*head 2003-08-10 .. 2006-02-22"));
  EXPECT_THAT(text, testing::ContainsRegex("tokens .*DragonFly from the start"));
  EXPECT_THAT(text, testing::ContainsRegex("freebsd-10.4 +stable/10 +2017-10-03  FreeBSD 10.4-RELEASE"));
}

TEST(kernels, jsonl) {
  std::size_t kernels = 0, described = 0;
  for (const std::string& line : lines(kernels_report({.format = "jsonl"}))) {
    const auto j = nlohmann::json::parse(line);
    EXPECT_EQ(j["v"], 1);
    if (j.contains("kernel")) {
      ++kernels;
      EXPECT_EQ(j["behaviours"].size(), model::kTimeline.size());
      if (j["kernel"] == "freebsd-11c") {
        EXPECT_EQ(j["branch"], "head");
        EXPECT_EQ(j["date"], "2015-12-07");
      }
    } else {
      ++described;
      if (j["behaviour"] == "lwp_events") {
        EXPECT_EQ(j["changes"], nlohmann::json::parse(R"([
          {"branch": "head", "on": true, "by": "2015-12-29"},
          {"branch": "stable/10", "on": true, "after": "2016-04-04", "by": "2017-03-25"}])"));
      }
    }
  }
  EXPECT_EQ(kernels, std::size(model::kKernels));
  EXPECT_EQ(described, model::kTimeline.size());
}

}  // namespace
}  // namespace proctor::rules
