// SPDX-License-Identifier: BSD-2-Clause
//
// Two sides take the same actions and must agree on all that can be observed: the model and a source, or two sources.
// Actions of the environment (fork, exit, wait, signals) are the model's rules on both sides; ptrace(2) is each side's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checker/run/saved.hpp"
#include "checker/source/harness.hpp"

namespace proctor::source {

using scenario::kTurnsMax;
using scenario::Sequence;

// Random numbers that are the same everywhere.
class Random {
 public:
  // Seeds that follow one another give streams that have nothing in common: the seed is mixed before it is used.
  explicit Random(std::uint64_t seed) : state_(seed * 0xd1342543de82ef95ULL) { state_ = next() ^ (next() << 1); }
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t bound) { return std::uint32_t((next() >> 32) * bound >> 32); }

 private:
  std::uint64_t state_;
};

// Chooses actions that can be taken in a state, most of them near a debugger and its tracee.
class Generator {
 public:
  explicit Generator(const scenario::Vocabulary& words);
  std::vector<scenario::Action> prologue(Random& random) const;
  // False if nothing was found after some tries.
  bool pick(const model::SmallState& state, Random& random, scenario::Action& action) const;
  bool pick_request(const model::SmallState& state, Random& random, scenario::Action& action) const;
  bool pick_environment(const model::SmallState& state, Random& random, scenario::Action& action) const;

 private:
  bool pick_for_tracee(const model::SmallState& state, Random& random, scenario::Action& action) const;
  static int tracee(const model::SmallState& state, Random& random);
  void fill(const model::Rule& rule, const model::SmallState& state, Random& random, scenario::Action& action) const;

  const scenario::Vocabulary& words_;
  model::Choices ways_{};                                      // how many answers the rules know to each open question
  std::vector<std::uint16_t> requests_, environment_, waits_;  // a rule as often as it is to come
};

class Lockstep {
 public:
  // `b` is the second source, or null: the model.
  Lockstep(const scenario::Vocabulary& words, Harness& a, Harness* b)
      : words_(words), a_(a), b_(b), generator_(words) {}

  // Before each call: the number of the action in its sequence.  The supervisor learns from it what hung.
  std::function<void(std::size_t)> progress = [](std::size_t) {};
  // Before each step that is taken: what it is, and the state.
  std::function<void(const scenario::Action&, const model::SmallState&)> takes;
  std::uint64_t calls = 0, steps = 0, not_made = 0;
  std::size_t taken = 0;  // by replay()
  model::ClauseCoverage* coverage = nullptr;
  const model::SmallState& state() const { return state_; }

  // Runs a random sequence of at most `length` actions; `sequence` gets them as they are chosen.  Throws Finding.
  void explore(std::uint64_t seed, int length, Sequence& sequence);
  // Runs the actions given; those that cannot be taken are left out.
  void replay(const Sequence& sequence);

 private:
  void begin(const model::SmallState& start);
  enum class Step : std::uint8_t { impossible, without_effect, taken };
  Step step(const scenario::Action& action, std::uint64_t dice, bool exact = false);
  Step call(const scenario::Action& action, const model::Rule& rule, std::uint64_t dice);

  const scenario::Vocabulary& words_;
  Harness& a_;
  Harness* b_;
  Generator generator_;
  model::SmallState state_;
  Observation seen_a_, seen_b_;
  std::vector<model::LockEvent> locks_;
};

// Throws a Finding that says how the two differ, if they do.
void compare(const scenario::Vocabulary& words, const scenario::Action& action, const model::Outcome& outcome,
             const std::vector<model::LockEvent>& locks, const model::SmallState& after, const Observation& seen);
void compare(const Observation& old_side, const Observation& new_side);

std::string state_difference(const model::SmallState& expected, const model::SmallState& seen);

}  // namespace proctor::source
