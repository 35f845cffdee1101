// SPDX-License-Identifier: BSD-2-Clause
//
// States and steps for the property tests: completely random field values, and walks from the boot state by steps that
// a kernel could take.
#pragma once

#include <gtest/gtest.h>  // rapidcheck/gtest.h needs it and does not include it
#include <rapidcheck/gtest.h>

#include <iosfwd>
#include <string>
#include <vector>

#include "model/environment/relation.hpp"

namespace proctor::model {

// For RapidCheck's reports.
std::ostream& operator<<(std::ostream& os, const SmallState& state);
std::ostream& operator<<(std::ostream& os, const Outcome& outcome);

namespace property {

const Relation& relation(const Behaviours& kernel);
inline const std::vector<Rule>& table(const Behaviours& kernel = kFreebsd104) { return relation(kernel).rules(); }
// One of the kernels, by lot.
rc::Gen<const Behaviours*> any_kernel();

// Any value that fits in each field, sensible or not.
rc::Gen<SmallState> any_state();

// Any state in which process and thread kTracee are, to the checks of kern_ptrace(), a stopped tracee of thread kCaller;
// now and then not all its threads have stopped.
inline constexpr Slot kCaller = 0, kBusy = 1, kTracee = 2;
rc::Gen<SmallState> any_state_with_tracee();

// Any state in which thread kCaller can make a call, most processes are children of its, as often as not stopped or dead,
// all have credentials, and thread kBusy is anywhere in the kernel.
rc::Gen<SmallState> any_state_with_family();

// One argument vector that fits every rule: argument i of a rule is picked from the numbers by what it stands for.
struct Dice {
  std::vector<std::uint32_t> thrown;  // kArgumentsMax numbers
  Choices choices{};
};
std::ostream& operator<<(std::ostream& os, const Dice& dice);
rc::Gen<Dice> dice();
std::vector<std::int32_t> arguments(const Rule& rule, const Dice& dice);

struct Step {
  std::uint32_t rule = 0;
  Dice dice;
};
struct Walk {
  int start = 0;  // which of a few states that real programs come to
  std::vector<Step> steps;
};
std::ostream& operator<<(std::ostream& os, const Walk& walk);
rc::Gen<Walk> walk();

// Takes the steps of a walk that can be taken and shows each: before, rule, arguments, outcome, after.
using Visit = std::function<void(const SmallState&, const Rule&, const std::vector<std::int32_t>&, const Outcome&,
                                 const SmallState&)>;
void follow(const Walk& walk, const Visit& visit);

std::string describe(const Rule& rule, const std::vector<std::int32_t>& arguments, const Outcome& outcome);

}  // namespace property
}  // namespace proctor::model
