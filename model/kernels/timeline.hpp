// SPDX-License-Identifier: BSD-2-Clause
//
// Named behaviours, and when each came (and went) on which branch.  A kernel is a point on a branch; what it does follows.
#pragma once

#include <span>
#include <string_view>

#include "model/kernels/lines.hpp"

namespace proctor::model {

//   head ----------+-------------+------->      stable/10 and /11 begin with what head had, and get some of what
//                  |             +- stable/11   comes later; DragonFly begins with 4.x, of which it kept nothing that
//                  +- stable/10                 is named here
//   dragonfly ------------------------->
enum class Branch : unsigned char { none, head, stable10, stable11, dragonfly };
using Date = int;  // 20160715

constexpr std::string_view name(Branch branch) {
  constexpr std::string_view kNames[] = {"", "head", "stable/10", "stable/11", "DragonFly"};
  return kNames[std::size_t(branch)];
}

// From some day between the two on: `after` is the last on which it was not so yet, `by` the first that has it.
struct Change {
  Branch branch = Branch::none;
  Date after = 0, by = 0;
  bool on = true;
};

// Which sys_process.c the kernel has.
enum class Source : unsigned char { freebsd51, freebsd51_sa0309, freebsd11c, dragonfly55, freebsd104, freebsd111 };

struct Behaviours {
  std::string_view name;
  std::string_view provenance;
  Branch branch;
  Date date;
  Source source;
  const LineFile* lines;
#define BEHAVIOUR(name, meaning, evidence, ...) bool name;
#include "model/kernels/behaviours.inc"
#undef BEHAVIOUR
};

struct Behaviour {
  std::string_view name;
  bool Behaviours::*member;
  std::string_view meaning;   // of yes
  std::string_view evidence;  // revisions, and what is known to have it or not
  Change changes[4];          // of one branch in the order of time
};

namespace timeline {

constexpr Branch head = Branch::head, stable10 = Branch::stable10, stable11 = Branch::stable11,
                 dragonfly = Branch::dragonfly;
constexpr Change always(Branch branch) { return {branch, -1, 0}; }
constexpr Change since(Branch branch, Date day) { return {branch, day - 1, day}; }
constexpr Change between(Branch branch, Date without, Date with) { return {branch, without, with}; }
constexpr Change gone(Branch branch, Date with, Date without) { return {branch, with, without, false}; }

inline constexpr Behaviour kBehaviours[] = {
#define BEHAVIOUR(name, meaning, evidence, ...) {#name, &Behaviours::name, meaning, evidence, {__VA_ARGS__}},
#include "model/kernels/behaviours.inc"
#undef BEHAVIOUR
};

struct Origin {
  Branch branch;
  Date date;
};
constexpr Origin origin(Branch branch) {
  switch (branch) {
    case Branch::stable10: return {Branch::head, 20131010};
    case Branch::stable11: return {Branch::head, 20160708};
    default: return {Branch::none, 0};
  }
}

enum class Answer : unsigned char { no, yes, unknown };
constexpr Answer holds(const Behaviour& behaviour, Branch branch, Date date) {
  if (branch == Branch::none) return Answer::no;
  const Origin from = origin(branch);
  Answer now = holds(behaviour, from.branch, from.date);
  for (const Change& change : behaviour.changes) {
    if (change.branch != branch || date <= change.after) continue;
    now = date < change.by ? Answer::unknown : change.on ? Answer::yes : Answer::no;
  }
  return now;
}

}  // namespace timeline

inline constexpr std::span<const Behaviour> kTimeline = timeline::kBehaviours;

// What a kernel does that its place on the timeline does not say.
struct Exception {
  bool Behaviours::*member = nullptr;
  bool value = false;
};

struct Point {
  std::string_view name;
  std::string_view provenance;
  Source source;
  const LineFile* lines;
  Branch branch;
  Date date;
  Exception exceptions[8] = {};
};

// An error of the compiler if it is not known whether the kernel does something: the table or an exception must say.
consteval Behaviours resolve(const Point& point) {
  Behaviours out{};
  out.name = point.name;
  out.provenance = point.provenance;
  out.branch = point.branch;
  out.date = point.date;
  out.source = point.source;
  out.lines = point.lines;
  for (const Behaviour& behaviour : timeline::kBehaviours) {
    timeline::Answer answer = timeline::holds(behaviour, point.branch, point.date);
    for (const Exception& exception : point.exceptions)
      if (exception.member == behaviour.member) answer = exception.value ? timeline::Answer::yes : timeline::Answer::no;
    if (answer == timeline::Answer::unknown) throw "the kernel lies between two days of which it is not known";
    out.*behaviour.member = answer == timeline::Answer::yes;
  }
  return out;
}

}  // namespace proctor::model
