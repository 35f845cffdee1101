// SPDX-License-Identifier: BSD-2-Clause
//
// A call in flight: a rule that has come to one of its lock operations, where others may change the state before it goes
// on.  It is a value of 16 bytes that can be copied, compared and hashed, so that a search can keep millions of them and
// see that two are the same.
//
// What it has to remember is found once for each rule: the values that are computed before a lock operation and used
// after it (liveness), each in as many bits as it can need.  `Calls` knows them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/programs.hpp"

namespace proctor::model::ir {

struct Call {
  static constexpr std::size_t kHolds = 5, kBytes = 8, kRulesMax = 255;
  static constexpr std::uint8_t kEnded = 0xff;
  std::uint8_t rule = 0;                    // in the table of rules
  std::uint8_t point = kEnded;              // which of the rule's lock operations is next
  std::uint8_t failed = 0;                  // which of its require() and guard() has failed, from 1; 0: none
  std::array<std::uint8_t, kHolds> held{};  // locks and holds, in order of their encoding; 0: none
  std::array<std::uint8_t, kBytes> live{};  // the values that the rest of the rule needs, packed
  friend bool operator==(const Call&, const Call&) = default;
};
static_assert(sizeof(Call) == 16 && std::has_unique_object_representations_v<Call>);
std::uint64_t hash(const Call& call);

// All rules of a kernel, ready to be run from lock operation to lock operation on a small state.
class Calls {
 public:
  // Throws std::length_error if a call of one of the rules could not be packed.
  explicit Calls(const std::vector<Rule>& rules);

  // Begins a call and brings it to its first lock operation.  What the rule does on the way is added to `seen`.
  Call start(std::size_t rule, const std::vector<std::int32_t>& arguments, const Choices& choices, SmallState& state,
             Outcome& seen, ClauseCoverage* coverage = nullptr) const;
  // The lock operation that the call is about to do; nothing if it has come to its end.
  std::optional<LockEvent> next(const Call& call) const;
  // Does that operation, and goes on to the next.
  void pass(Call& call, SmallState& state, Outcome& seen, ClauseCoverage* coverage = nullptr) const;

  std::vector<LockEvent> held(const Call& call) const;
  // The require() or guard() that has failed; nullptr: none.
  const Instruction* failed(const Call& call) const;
  std::string print(const Call& call) const;

  // What a rule's calls need at the lock operation that needs most.
  struct Need {
    std::size_t points = 0, values = 0, bits = 0;
  };
  const Need& need(std::size_t rule) const { return programs_[rule].need; }

 private:
  // A value in the packed bits.
  struct Live {
    std::int32_t value;  // value number, or -1 - kind of an open choice that is still to be met
    int offset, bits;
    bool slot;                // of a process or thread: all ones are none
    std::uint8_t modulo = 0;  // of a choice: as many ways it has
  };
  struct Point {
    std::int32_t at;
    std::vector<Live> live;
  };
  struct Compiled {
    std::string name;
    std::vector<std::string> arguments;
    std::vector<Instruction> code;
    std::vector<Point> points;
    std::vector<std::int32_t> checks;  // where each require() and guard() is
    Need need;
  };
  class Segment;
  static Compiled compile(const Program& program);

  Behaviours kernel_{};
  std::vector<Compiled> programs_;
};

}  // namespace proctor::model::ir

template <>
struct std::hash<proctor::model::ir::Call> {
  std::size_t operator()(const proctor::model::ir::Call& call) const { return proctor::model::ir::hash(call); }
};
