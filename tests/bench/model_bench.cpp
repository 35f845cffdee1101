// SPDX-License-Identifier: BSD-2-Clause
//
// Steps per second of the rule text read in its two ways, on the same steps: every rule, with arguments that pick each
// slot in turn, on a state with a stopped tracee.  items_per_second is steps per second.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "model/programs.hpp"
#include "model/rules/sys_ptrace.hpp"

namespace proctor::model {
namespace {

// 1 traces 2, a child of 3: stopped and waited for.
SmallState tracee_state() {
  SmallState state = SmallState::boot();
  for (Slot p = 1; p < 4; ++p) {
    state.proc[p].state = ProcState::normal;
    state.proc[p].p_pptr = kInit;
    state.proc[p].p_numthreads = 1;
    state.lwp[p].proc = p;
  }
  Proc& tracee = state.proc[2];
  tracee.p_pptr = 1;
  tracee.p_oppid = tracee.p_orphan = 3;
  tracee.p_xthread = 2;
  tracee.p_suspcount = 1;
  tracee.p_flag = P_TRACED | P_WAITED | P_STOPPED_SIG | P_STOPPED_TRACE;
  state.lwp[2].td_flag = TDB_XSIG | TD_SUSPENDED;
  return state;
}

struct Step {
  const Rule* rule;
  std::vector<std::int32_t> arguments;
};

std::vector<Step> steps(const std::vector<Rule>& rules) {
  std::vector<Step> out;
  for (const Rule& rule : rules)
    for (int caller = 0; caller < 4; ++caller)
      for (int other = 0; other < 4; ++other) {
        Step step{&rule, {}};
        for (std::size_t i = 0; i < rule.arguments.size(); ++i) {
          const bool slot = rule.arguments[i].takes == Takes::process || rule.arguments[i].takes == Takes::thread;
          step.arguments.push_back(!slot ? 0 : i == 0 ? caller : other);
        }
        out.push_back(std::move(step));
      }
  return out;
}

void all_rules_by_exec(benchmark::State& bench) {
  const std::vector<Rule> rules = all_rules(kFreebsd104);
  const std::vector<Step> todo = steps(rules);
  const SmallState start = tracee_state();
  for (auto _ : bench)
    for (const Step& step : todo) {
      SmallState state = start;
      Exec<SmallState> k(state, kFreebsd104);
      step.rule->run(k, step.arguments);
      benchmark::DoNotOptimize(state);
      benchmark::DoNotOptimize(k.outcome().error);
    }
  bench.SetItemsProcessed(std::int64_t(bench.iterations() * todo.size()));
}
BENCHMARK(all_rules_by_exec);

void all_rules_by_interpreter(benchmark::State& bench) {
  const std::vector<Rule> rules = all_rules(kFreebsd104);
  const std::vector<Step> todo = steps(rules);
  const SmallState start = tracee_state();
  for (auto _ : bench)
    for (const Step& step : todo) {
      SmallState state = start;
      const Outcome outcome = ir::interpret(step.rule->program, state, step.arguments, {});
      benchmark::DoNotOptimize(state);
      benchmark::DoNotOptimize(outcome.error);
    }
  bench.SetItemsProcessed(std::int64_t(bench.iterations() * todo.size()));
}
BENCHMARK(all_rules_by_interpreter);

// What the explorer does most: a request that goes through, called directly.
template <rules::Request req>
void request_by_exec(benchmark::State& bench) {
  using K = Exec<SmallState>;
  const SmallState start = tracee_state();
  for (auto _ : bench) {
    SmallState state = start;
    K k(state, kFreebsd104);
    rules::sys_ptrace(k, k.lwp(1),
                      rules::PtraceArgs<K>{
                          .req = req, .pid = {2}, .tid = {kNone}, .data = {0}, .event_mask = {0}, .capmode = {false}});
    if (k.outcome().error != Errno::ok) bench.SkipWithError("the request was refused");
    benchmark::DoNotOptimize(state);
  }
  bench.SetItemsProcessed(std::int64_t(bench.iterations()));
}
BENCHMARK(request_by_exec<rules::PT_CONTINUE>);
BENCHMARK(request_by_exec<rules::PT_DETACH>);
BENCHMARK(request_by_exec<rules::PT_GETNUMLWPS>);

// Writing all rules down, as is done once at start; the counters give their size.
void record_all_rules(benchmark::State& bench) {
  std::size_t instructions = 0, rules = 0, longest = 0;
  for (auto _ : bench) {
    const std::vector<ir::Program> written = programs(kFreebsd104);
    instructions = longest = 0;
    rules = written.size();
    for (const ir::Program& program : written) {
      instructions += program.code.size();
      longest = std::max(longest, program.code.size());
    }
  }
  bench.counters["rules"] = double(rules);
  bench.counters["instructions"] = double(instructions);
  bench.counters["longest"] = double(longest);
}
BENCHMARK(record_all_rules);

}  // namespace
}  // namespace proctor::model
