// SPDX-License-Identifier: BSD-2-Clause
//
// The step relation: which steps the kernel and its users can take in a state.  A step is a rule with arguments; the rule's
// own guards say whether it can be taken, and nobody else does.  Runners, generators and searches choose among these
// steps; none of them knows when a thread may do what.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/programs.hpp"

namespace proctor::model {

// What users may choose from.  Kernel steps are not chosen from it: they follow from the state.
struct Universe {
  std::vector<int> signals{kSigtrap, kSigkill, kSigterm, kSigstop, kSigtstp, kSigcont, kSigchld, kSigusr1};
  std::vector<int> data{0, kSigterm, kSigmax + 1};  // the int data of ptrace(2)
  std::vector<int> masks{0, PTRACE_DEFAULT};        // of PT_SET_EVENT_MASK
  std::vector<int> statuses{0};                     // of exit(2), as wait(2) has them
  int processes = SmallState::kProcs, threads = SmallState::kLwps;
  bool capability_mode = false;  // callers may be in capability mode
  bool choices = false;          // what no state decides may go wrong
};

struct Step {
  std::size_t rule = 0;
  std::vector<std::int32_t> arguments;
  Choices choices{};
  friend bool operator==(const Step&, const Step&) = default;
};

class Relation {
 public:
  explicit Relation(const Behaviours& kernel);
  Relation(Relation&&) = default;  // not copied: by_name_ views the names in rules_
  // With other rules than all of its own.
  Relation(const Behaviours& kernel, std::vector<Rule> rules);

  const Behaviours& kernel() const { return kernel_; }
  const std::vector<Rule>& rules() const { return rules_; }
  const Rule& rule(const Step& step) const { return rules_[step.rule]; }
  std::optional<std::size_t> find(RuleId id) const;  // the first of that id; none: this kernel has no such rule
  std::optional<std::size_t> find(std::string_view name) const;

  bool is_enabled(const Step& step, const SmallState& state) const {
    return model::is_enabled(rules_[step.rule], kernel_, state, step.arguments, step.choices);
  }
  // Takes it if it is enabled; whether it was.
  bool take(const Step& step, SmallState& state) const;

  // What the kernel does by itself for this thread: one that is on its way somewhere, in the order in which the code
  // comes to it.  A thread that waits for somebody else has none.
  std::vector<Step> of_thread(const SmallState& state, Slot td) const;
  // The same for a process that is exiting.
  std::vector<Step> of_process(const SmallState& state, Slot p) const;
  // Every step that can be taken: those, and what users can do within the universe.
  std::vector<Step> enabled(const SmallState& state, const Universe& universe) const;
  // Those among them of one rule.
  std::vector<Step> of_rule(const SmallState& state, const Universe& universe, std::size_t rule) const;

 private:
  void add_if_enabled(std::vector<Step>& out, const SmallState& state, Step step) const;
  void add_calls(std::vector<Step>& out, const SmallState& state, const Universe& universe, std::size_t rule) const;

  const Behaviours& kernel_;
  std::vector<Rule> rules_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<std::size_t> of_thread_, of_process_;
};

// Threads of a process: in the order of p_threads, and oldest first.
std::vector<Slot> threads_of(const SmallState& state, Slot p);
std::vector<Slot> threads_by_age(const Behaviours& kernel, const SmallState& state, Slot p);

}  // namespace proctor::model
