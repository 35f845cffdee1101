// SPDX-License-Identifier: BSD-2-Clause
//
// An image at work: the harness puts a state of the model into the kernel's structures, lets a thread make one ptrace(2)
// call through the real source, and reads everything back that can be observed: errno and value, the state, the lock
// operations in order, KTR lines, what moved between caller and tracee and which bytes nobody wrote.
//
// One harness is at work at a time in a process; images call back without a context pointer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "checker/run/action.hpp"
#include "checker/source/compile.hpp"
#include "traces/ktr_format.hpp"

namespace proctor::source {

// Something that a kernel must not do, or a difference between two sides.  `kind` stays the same while a run is made
// shorter; `text` is for people and can have several lines.
struct Finding {
  std::string kind, text;
};

// A KTR line as the source wrote it.
struct KtrLine {
  std::string format;
  trace::Ktr line = trace::Ktr::none;
  std::int32_t pid = 0, tid = 0;
  std::array<std::uint64_t, trace::kArgsMax> args{};
  friend bool operator==(const KtrLine&, const KtrLine&) = default;
};

struct Observation {
  pr_result result{};
  model::SmallState state;
  std::vector<model::LockEvent> locks;
  std::vector<KtrLine> ktr;
};

// What the image does not show stays as it is in `rest`.
model::SmallState from_image(const pr_state& state, model::SmallState rest);
pr_state to_image(const model::SmallState& state);

class Harness {
 public:
  Harness(Image image, const scenario::Vocabulary& words);
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  const model::Behaviours& kernel() const { return words_.kernel(); }
  void store(const model::SmallState& state);
  model::SmallState load();

  // Makes the call; `dice` decides what makes no difference.  Throws Finding for what a kernel would panic over.
  void call(const scenario::Action& action, std::uint64_t dice, Observation& seen);

  // For several calls at once: a call runs on a stack of its own and comes back through `at_lock` before each lock
  // operation, which it may do once at_lock returns.
  struct Flight {
    int td = model::kNone;
    const scenario::Action* action = nullptr;
    std::uint64_t dice = 0;
    Observation seen;
    std::vector<char> work;
    std::vector<model::LockEvent> held;  // locks and holds
  };
  void begin(Flight& flight);  // runs the call to its end; switch stacks in at_lock
  std::function<void(Flight&, const model::LockEvent&)> at_lock;
  void resume(Flight& flight);  // this one runs again
  bool is_free(const model::LockEvent& event, const Flight& by) const;
  int holds(int proc) const;
  void add_flight(Flight& flight) { flights_.push_back(&flight); }
  void forget_flights() { flights_.clear(); }
  void reset();

 private:
  static Harness& at_work();
  static const pr_host& host();
  static void panic(const char* format, ...);
  void operation(pr_op op, pr_lock lock, int proc);
  bool owns(pr_lock lock, int proc) const;
  int help(pr_help what, int a, int b);
  void ktr(const char* format, int count, const unsigned long* args);
  [[noreturn]] void fail(std::string kind, std::string text);

  Image image_;
  const scenario::Vocabulary& words_;
  model::SmallState kept_;  // as stored last: what the image cannot see is taken from here
  Flight single_;
  Flight* now_ = nullptr;
  std::vector<Flight*> flights_;
  std::unordered_map<const void*, std::optional<trace::KtrFormat>> formats_;
};

std::string lock_text(const model::LockEvent& event);

}  // namespace proctor::source
