// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor rules` and `proctor kernels`: what the model says, for people.
#include <fmt/ranges.h>

#include <memory>

#include "checker/commands/command.hpp"
#include "checker/listing/kernels.hpp"
#include "checker/listing/listing.hpp"

namespace proctor::commands {

Command add_kernels(CLI::App& program) {
  const auto options = std::make_shared<rules::KernelsOptions>();
  CLI::App* const app = program.add_subcommand("kernels", "the kernels of the model and what distinguishes them");
  app->add_option("--format", options->format, "text or jsonl")
      ->check(one_of({"text", "jsonl"}))
      ->capture_default_str();
  return {app, [options] { return int(print_report(rules::kernels_report(*options))); }};
}

Command add_rules(CLI::App& program) {
  struct Options {
    rules::RulesOptions report;
    std::vector<std::string> words;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const app = program.add_subcommand("rules", "what a kernel's rules say, check by check");
  app->add_option("-k,--kernel", options->report.kernel,
                  "whose rules (default: freebsd-10.4; of a clause all kernels)");
  app->add_option("--format", options->report.format, "text or jsonl")
      ->check(one_of({"text", "jsonl"}))
      ->capture_default_str();
  app->add_option("REQUEST", options->words,
                  "PT_ATTACH, ptrace PT_ATTACH, 10, how another rule's name begins, a system call, or a clause");
  return {app, [options] {
            options->report.request = fmt::format("{}", fmt::join(options->words, " "));
            return int(print_report(rules::rules_report(options->report)));
          }};
}

}  // namespace proctor::commands
