// SPDX-License-Identifier: BSD-2-Clause
//
// Calls a second in lockstep: the model and a compiled sys_process.c, compared after each call.  Our own small source runs
// everywhere; PROCTOR_SOURCE=freebsd-11c:/path/to/sys_process.c (or an annotated listing) adds another.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "checker/source/listing.hpp"
#include "checker/source/preempt.hpp"
#include "checker/source/shim_of.hpp"

namespace {

using namespace proctor;

const model::Behaviours* kernel_named(const std::string& name) {
  for (const model::Behaviours* kernel : model::kKernels)
    if (kernel->name == name) return kernel;
  return nullptr;
}

std::unique_ptr<source::Harness> compile(const std::string& path, const scenario::Vocabulary& words) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (source::looks_like_listing(text)) text = source::strip_listing(text, path).value_or(text);
  const auto shim = source::shim_of(words.kernel());
  auto image = source::compile_source(path, text, {.family = std::string(shim.family), .kernel_number = shim.number});
  return image ? std::make_unique<source::Harness>(std::move(*image), words) : nullptr;
}

void lockstep(benchmark::State& state, const std::string& kernel, const std::string& path, bool preemptive) {
  const model::Behaviours* behaviours = kernel_named(kernel);
  if (behaviours == nullptr) return state.SkipWithError("no such kernel");
  const scenario::Vocabulary words(*behaviours);
  const auto harness = compile(path, words);
  if (harness == nullptr) return state.SkipWithError("the source does not compile");
  source::Sequence sequence;
  std::uint64_t seed = 0, calls = 0;
  source::Lockstep atomic(words, *harness, nullptr);
  source::Preemptive in_flight(words, *harness);
  for (auto unused : state) {
    static_cast<void>(unused);
    constexpr int kLength = 48;
    if (preemptive)
      in_flight.explore(++seed, kLength, sequence);
    else
      atomic.explore(++seed, kLength, sequence);
    calls = preemptive ? in_flight.calls : atomic.calls;
  }
  state.counters["calls"] = benchmark::Counter(double(calls), benchmark::Counter::kIsRate);
}

const bool registered = [] {
  auto add = [](const std::string& kernel, const std::string& path) {
    for (bool preemptive : {false, true})
      benchmark::RegisterBenchmark(("source/" + kernel + (preemptive ? "/preemptive" : "/atomic")).c_str(),
                                   [=](benchmark::State& state) { lockstep(state, kernel, path, preemptive); });
  };
  add("freebsd-5.1", PROCTOR_SMALL_SOURCE);
  if (const char* other = std::getenv("PROCTOR_SOURCE")) {
    const std::string text = other;
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos) add(text.substr(0, colon), text.substr(colon + 1));
  }
  return true;
}();

}  // namespace
