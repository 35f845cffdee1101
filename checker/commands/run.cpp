// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor run`: scenarios on the model.
#include "checker/scenario/run.hpp"

#include <fmt/format.h>

#include <memory>

#include "checker/commands/command.hpp"
#include "checker/names/kernel.hpp"
#include "checker/scenario/atf.hpp"

namespace proctor::commands {
namespace {

using scenario::RunResult;
using scenario::Script;
using scenario::States;

struct Options {
  std::vector<std::string> kernels;  // empty: those of each scenario
  std::string format = "text";       // text, jsonl, atf
  std::string states = "both";       // of jsonl: none, end, both
  std::string output;                // empty: standard output
  std::vector<std::string> paths;    // "-" is standard input
};

Exit all_unreadable(const std::vector<std::string>& messages) {
  for (const std::string& message : messages) complain(message);
  return Exit::unreadable;
}

States states_of(const std::string& word) {
  return word == "none" ? States::none : word == "end" ? States::end : States::both;
}

Exit run_on(const Script& script, const model::Behaviours& kernel, const Options& options, std::string& out) {
  if (options.format == "atf") {
    const auto program = scenario::atf_program(script, kernel);
    if (!program) return unreadable(program.error());
    out += *program;
    return Exit::nothing_found;
  }
  const RunResult result = scenario::run(script, kernel);
  const bool jsonl = options.format == "jsonl";
  out += jsonl ? scenario::jsonl_report(result, states_of(options.states)) : scenario::text_report(result);
  if (!jsonl) all_unreadable(result.unreadable);
  return Exit(result.exit_status());
}

Exit run_command(const Options& options) {
  std::vector<const model::Behaviours*> wanted;
  for (const std::string& name : options.kernels) {
    const auto kernel = names::kernel_of_option(name);
    if (!kernel) return unreadable(kernel.error());
    wanted.push_back(*kernel);
  }
  if (options.paths.empty())
    return unreadable("run: no scenario given: expected at least one file, or - for standard input");
  Exit status = Exit::nothing_found;
  int programs = 0;
  std::string out;
  for (const std::string& path : options.paths) {
    const auto scenario = scenario::read_scenario(path);
    if (!scenario) {
      status = worse(status, unreadable(scenario.error()));
      continue;
    }
    // What is wrong with the words is said once, and not for each kernel.
    const Script script = scenario::read_script(*scenario);
    if (!script.problems.empty()) {
      const RunResult result = scenario::not_run(script);
      status = worse(status, all_unreadable(result.unreadable));
      if (options.format == "jsonl") out += scenario::jsonl_report(result);
      continue;
    }
    for (const model::Behaviours* kernel : wanted.empty() ? script.kernels : wanted) {
      if (options.format == "atf" && ++programs > 1)
        return unreadable("--format atf prints one program: expected one scenario and, with -k, one kernel");
      status = worse(status, run_on(script, *kernel, options, out));
    }
  }
  auto file = Output::open(options.output);
  if (!file) return unreadable(file.error());
  file->write(out);
  const auto closed = file->close();
  return closed ? status : unreadable(closed.error());
}

}  // namespace

Command add_run(CLI::App& program) {
  const auto options = std::make_shared<Options>();
  CLI::App* const app =
      program.add_subcommand("run", "run scenarios on the model, or print one as a C test for FreeBSD");
  app->add_option("-k,--kernel", options->kernels, "the kernel (repeatable; default: those of the scenario)")
      ->allow_extra_args(false);
  app->add_option("--format", options->format, "text, jsonl or atf")
      ->check(one_of({"text", "jsonl", "atf"}))
      ->capture_default_str();
  app->add_option("--states", options->states, "of jsonl: the state of each line at its end, after it too, or none")
      ->check(one_of({"none", "end", "both"}))
      ->capture_default_str();
  app->add_option("-o,--output", options->output, "write to this file");
  app->add_option("SCENARIO", options->paths, "files of the scenario language; - is standard input");
  return {app, [options] { return int(run_command(*options)); }};
}

}  // namespace proctor::commands
