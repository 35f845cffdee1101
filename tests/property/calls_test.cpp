// SPDX-License-Identifier: BSD-2-Clause
//
// What a program says does not depend on its form, nor on whether it is run at once or, as a call in flight of 16 bytes,
// from lock operation to lock operation: on every kernel.
#include <sstream>
#include <unordered_set>

#include "model/ir/call.hpp"
#include "tests/property/worlds.hpp"

namespace proctor::model {
namespace {

using namespace property;

struct KernelRules {
  const Behaviours* kernel;
  std::vector<Rule> rules;
  ir::Calls calls;
  std::vector<ir::Program> unrolled, flat;
};

const std::vector<KernelRules>& kernels() {
  static const std::vector<KernelRules> all = [] {
    std::vector<KernelRules> out;
    for (const Behaviours* kernel : kKernels) {
      std::vector<Rule> rules = all_rules(*kernel);
      ir::Calls calls(rules);
      out.push_back({kernel, std::move(rules), std::move(calls), {}, {}});
      for (const Rule& rule : out.back().rules) {
        out.back().unrolled.push_back(ir::unroll(rule.program, SmallState::kProcs, SmallState::kLwps));
        out.back().flat.push_back(ir::flatten(out.back().unrolled.back()));
      }
    }
    return out;
  }();
  return all;
}

bool same(const Outcome& a, const Outcome& b) {
  if (a.possible != b.possible || a.clause.id != b.clause.id) return false;
  if (!a.possible) return true;  // the state is thrown away, and with it what led there
  return a.error == b.error && a.result == b.result && a.emissions == b.emissions && a.opens == b.opens &&
         a.emitted == b.emitted && a.open_kind == b.open_kind && a.open_ways == b.open_ways && a.moves == b.moves &&
         a.moved == b.moved && a.uninitialised == b.uninitialised;
}

struct Seen {
  Outcome outcome;
  SmallState state;
  std::vector<LockEvent> locks;
};

void expect_same(const char* what, const KernelRules& k, const Rule& rule, const std::vector<std::int32_t>& a,
                 const SmallState& before, const Seen& expected, const Seen& seen) {
  const bool possible = expected.outcome.possible;
  if (same(expected.outcome, seen.outcome) &&
      (!possible || (expected.state == seen.state && expected.locks == seen.locks)))
    return;
  std::ostringstream message;
  message << k.kernel->name << ", " << what << ": " << describe(rule, a, expected.outcome) << "\nbefore:" << before
          << "\nexpected: " << expected.outcome << expected.state << "\nseen: " << seen.outcome << seen.state << "\n"
          << expected.locks.size() << " lock operations expected, " << seen.locks.size() << " seen";
  RC_FAIL(message.str());
}

// Runs a rule as a call in flight; `others` may change the state while it waits at a lock operation.
Seen by_call(const KernelRules& k, std::size_t rule, const std::vector<std::int32_t>& a, const Choices& choices,
             const SmallState& before, const std::function<void(SmallState&)>& others) {
  Seen out{{}, before, {}};
  ir::Call call = k.calls.start(rule, a, choices, out.state, out.outcome);
  while (const auto event = k.calls.next(call)) {
    out.locks.push_back(*event);
    others(out.state);
    const ir::Call copy = call;
    ir::Call again = copy;
    Outcome ignored;
    SmallState elsewhere = out.state;
    k.calls.pass(again, elsewhere, ignored);
    k.calls.pass(call, out.state, out.outcome);
    RC_ASSERT(again == call);  // a call is nothing but its bytes
    RC_ASSERT(ir::hash(again) == ir::hash(call));
    RC_ASSERT(elsewhere == out.state);
  }
  const ir::Instruction* check = k.calls.failed(call);
  RC_ASSERT((check == nullptr ? std::string_view{} : check->clause.id) == out.outcome.clause.id);
  return out;
}

// Some rules of one kernel in each case: in the short run every rule still meets some 300 states.
template <class F>
void some_rules(F&& look_at) {
  constexpr std::size_t kEach = 3;
  const KernelRules& k = kernels()[*rc::gen::inRange(std::size_t{0}, kernels().size())];
  for (std::size_t i = *rc::gen::inRange(std::size_t{0}, kEach); i < k.rules.size(); i += kEach) look_at(k, i);
}

void every_form_agrees(const SmallState& before, const Dice& d) {
  some_rules([&](const KernelRules& k, std::size_t i) {
    const Rule& rule = k.rules[i];
    const std::vector<std::int32_t> a = arguments(rule, d);
    Seen exec{{}, before, {}};
    Exec<SmallState> run(exec.state, *k.kernel, d.choices, &exec.locks);
    rule.run(run, a);
    exec.outcome = run.outcome();
    for (const ir::Program* form : {&rule.program, &k.unrolled[i], &k.flat[i]}) {
      Seen seen{{}, before, {}};
      seen.outcome = ir::interpret(*form, seen.state, a, d.choices, &seen.locks);
      const char* name = form == &rule.program ? "as written" : form == &k.unrolled[i] ? "unrolled" : "flat";
      expect_same(name, k, rule, a, before, exec, seen);
    }
    expect_same("a call in flight", k, rule, a, before, exec, by_call(k, i, a, d.choices, before, [](SmallState&) {}));
  });
}

RC_GTEST_PROP(calls, every_form_agrees_on_any_state, ()) { every_form_agrees(*any_state(), *dice()); }

RC_GTEST_PROP(calls, every_form_agrees_with_a_tracee, ()) {
  Dice d = *dice();
  d.thrown[0] = 0;  // thread 0 is the tracer
  every_form_agrees(*any_state_with_tracee(), d);
}

// While a call waits, the state becomes another one altogether: what it computed before, it must have kept.
RC_GTEST_PROP(calls, a_call_keeps_what_it_has_computed, ()) {
  const SmallState before = *any_state_with_tracee();
  std::vector<SmallState> later;
  for (int i = 0; i < 4; ++i) later.push_back(*any_state_with_tracee());
  Dice d = *dice();
  d.thrown[0] = 0;
  some_rules([&](const KernelRules& k, std::size_t i) {
    const std::vector<std::int32_t> a = arguments(k.rules[i], d);
    Seen expected{{}, before, {}};
    std::size_t turn = 0;
    expected.outcome = ir::interpret(k.rules[i].program, expected.state, a, d.choices, &expected.locks,
                                     [&] { expected.state = later[turn++ % later.size()]; });
    turn = 0;
    const Seen seen = by_call(k, i, a, d.choices, before, [&](SmallState& s) { s = later[turn++ % later.size()]; });
    expect_same("among others", k, k.rules[i], a, before, expected, seen);
  });
}

// The bound that ir::Call stands on.  Calls throws if a rule does not fit; this says by how much they do.
TEST(calls, sixteen_bytes_are_enough) {
  for (const KernelRules& k : kernels()) {
    std::size_t bits = 0, points = 0;
    for (std::size_t i = 0; i < k.rules.size(); ++i) {
      bits = std::max(bits, k.calls.need(i).bits);
      points = std::max(points, k.calls.need(i).points);
    }
    EXPECT_LE(bits, 8 * ir::Call::kBytes) << k.kernel->name;
    EXPECT_GT(points, 8U) << k.kernel->name;
    std::cout << k.kernel->name << ": at most " << bits << " bits of values, " << points << " lock operations\n";
  }
}

TEST(calls, equal_calls_are_found_in_a_set) {
  const KernelRules& k = kernels().back();
  std::unordered_set<ir::Call> met;
  for (int twice = 0; twice < 2; ++twice)
    for (std::size_t i = 0; i < k.rules.size(); ++i) {
      SmallState state = SmallState::boot();
      Outcome seen;
      const std::vector<std::int32_t> a(k.rules[i].arguments.size(), 0);
      ir::Call call = k.calls.start(i, a, {}, state, seen);
      EXPECT_EQ(met.insert(call).second, twice == 0) << k.calls.print(call);
      EXPECT_TRUE(k.calls.print(call).starts_with(k.rules[i].program.name));
    }
}

}  // namespace
}  // namespace proctor::model
