// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "checker/names/kernel.hpp"
#include "checker/scenario/atf.hpp"
#include "checker/scenario/run.hpp"

namespace proctor::scenario {
namespace {

constexpr int kFinding = 1, kUnreadable = 3;

int complain(const std::string& message) {
  fmt::print(stderr, "proctor: {}\n", message);
  return kUnreadable;
}

// A finding is worse than a file that cannot be read.
int worse(int a, int b) { return a == kFinding || b == 0 ? a : b; }

int complain(const std::vector<std::string>& messages) {
  for (const std::string& message : messages) complain(message);
  return kUnreadable;
}

States states_of(const std::string& word) {
  return word == "none" ? States::none : word == "end" ? States::end : States::both;
}

int run_on(const Script& script, const model::Behaviours& kernel, const Options& options, std::string& out) {
  if (options.format == "atf") {
    const auto program = atf_program(script, kernel);
    if (!program) return complain(program.error());
    out += *program;
    return 0;
  }
  const RunResult result = run(script, kernel);
  const bool jsonl = options.format == "jsonl";
  out += jsonl ? jsonl_report(result, states_of(options.states)) : text_report(result);
  if (!jsonl) complain(result.unreadable);
  return result.exit_status();
}

}  // namespace

int run_command(const Options& options) {
  std::vector<const model::Behaviours*> wanted;
  for (const std::string& name : options.kernels) {
    const auto kernel = names::kernel_of_option(name);
    if (!kernel) return complain(kernel.error());
    wanted.push_back(*kernel);
  }
  if (options.paths.empty())
    return complain("run: no scenario given: expected at least one file, or - for standard input");
  int status = 0, programs = 0;
  std::string out;
  for (const std::string& path : options.paths) {
    const auto scenario = read_scenario(path);
    if (!scenario) {
      status = worse(status, complain(scenario.error()));
      continue;
    }
    // What is wrong with the words is said once, and not for each kernel.
    const Script script = read_script(*scenario);
    if (!script.problems.empty()) {
      const RunResult result = not_run(script);
      status = worse(status, complain(result.unreadable));
      if (options.format == "jsonl") out += jsonl_report(result);
      continue;
    }
    for (const model::Behaviours* kernel : wanted.empty() ? script.kernels : wanted) {
      if (options.format == "atf" && ++programs > 1)
        return complain("--format atf prints one program: expected one scenario and, with -k, one kernel");
      status = worse(status, run_on(script, *kernel, options, out));
    }
  }
  if (options.output.empty()) {
    std::fwrite(out.data(), 1, out.size(), stdout);
    return status;
  }
  // Written beside it first: what is there stays whole if this fails.
  const std::string part = options.output + ".part";
  std::FILE* file = std::fopen(part.c_str(), "w");
  if (file == nullptr)
    return complain(fmt::format("{}: cannot be written: expected a path in a folder that exists", options.output));
  const bool written = std::fwrite(out.data(), 1, out.size(), file) == out.size();
  if (std::fclose(file) != 0 || !written)
    return complain(fmt::format("{}: cannot be written: the disk may be full", part));
  std::filesystem::rename(part, options.output);
  return status;
}

}  // namespace proctor::scenario
