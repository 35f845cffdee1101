// SPDX-License-Identifier: BSD-2-Clause
//
// All rules on random states that the kernel can come to, with random arguments: the table that everybody uses against the
// one for searches.  items_per_second is runs of a rule per second; the same runs are made by both.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "model/lean.hpp"
#include "model/programs.hpp"

namespace proctor::model {
namespace {

constexpr std::size_t kStates = 256;

struct Try {
  std::size_t rule;
  std::vector<std::int32_t> arguments;
};
struct Work {
  std::vector<Rule> rules = all_rules(kFreebsd104);
  std::vector<LeanRule> lean = lean_rules(kFreebsd104);
  std::vector<SmallState> states;
  std::vector<Try> tries;  // every rule once
};

std::vector<std::int32_t> some_arguments(const Rule& rule, std::mt19937& random) {
  constexpr std::int32_t kSignals[] = {0, 5, 9, 15, 17, 19};
  std::vector<std::int32_t> out;
  for (const Argument& argument : rule.arguments) {
    const auto n = std::int32_t(random() % 64);
    switch (argument.takes) {
      case Takes::process: out.push_back(n % SmallState::kProcs); break;
      case Takes::thread: out.push_back(n % SmallState::kLwps); break;
      case Takes::yes_no: out.push_back(0); break;
      case Takes::mask: out.push_back(n); break;
      default: out.push_back(kSignals[std::size_t(n) % std::size(kSignals)]);
    }
  }
  out.resize(kArgumentsMax, 0);  // as the lean table wants it
  return out;
}

const Work& work() {
  static const Work made = [] {
    Work out;
    std::mt19937 random(2003);
    SmallState state = SmallState::boot();
    for (std::uint64_t i = 0; out.states.size() < kStates; ++i) {
      const Rule& rule = out.rules[random() % out.rules.size()];
      std::vector<std::int32_t> a = some_arguments(rule, random);
      SmallState next = state;
      Exec<SmallState> k(next, kFreebsd104);
      rule.run(k, a);
      if (!k.outcome().possible || next == state) continue;
      state = next;
      out.states.push_back(state);
      if (random() % 40 == 0) state = SmallState::boot();
    }
    for (std::size_t rule = 0; rule < out.rules.size(); ++rule)
      out.tries.push_back({rule, some_arguments(out.rules[rule], random)});
    return out;
  }();
  return made;
}

std::int64_t runs(const benchmark::State& bench) {
  return std::int64_t(bench.iterations() * work().states.size() * work().tries.size());
}

void reachable_states_by_exec(benchmark::State& bench) {
  const Work& w = work();
  for (auto _ : bench)
    for (const SmallState& start : w.states)
      for (const Try& one : w.tries) {
        SmallState state = start;
        Exec<SmallState> k(state, kFreebsd104);
        w.rules[one.rule].run(k, one.arguments);
        benchmark::DoNotOptimize(state);
        benchmark::DoNotOptimize(k.outcome().error);
      }
  bench.SetItemsProcessed(runs(bench));
}
BENCHMARK(reachable_states_by_exec);

// Only what was written has to be restored for the next run.
void reachable_states_by_lean(benchmark::State& bench) {
  const Work& w = work();
  const Choices choices{};
  for (auto _ : bench)
    for (const SmallState& start : w.states) {
      SmallState state = start;
      for (const Try& one : w.tries) {
        LeanOutcome outcome;
        w.lean[one.rule].run(state, one.arguments.data(), choices, outcome);
        benchmark::DoNotOptimize(state);
        benchmark::DoNotOptimize(outcome.error);
        if ((outcome.procs | outcome.lwps) != 0) state = start;
      }
    }
  bench.SetItemsProcessed(runs(bench));
}
BENCHMARK(reachable_states_by_lean);

}  // namespace
}  // namespace proctor::model
