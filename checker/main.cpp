// SPDX-License-Identifier: BSD-2-Clause
//
// The command: finds the subcommand that was meant and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "checker/commands/command.hpp"
#include "checker/names/nearest.hpp"
#include "model/behaviours.hpp"

namespace {

using namespace proctor;

// The library says what it did not expect; this, what may have been meant.
std::string meant(const CLI::App& app, const std::vector<std::string>& words) {
  names::Words commands, options;
  const CLI::App* given = nullptr;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(one->get_name());
    if (!words.empty() && words[0] == one->get_name()) given = one;
  }
  if (given == nullptr)
    return words.empty() || words[0].starts_with('-')
               ? ""
               : fmt::format("{}: no such command: {}", words[0], names::instead_of(words[0], commands, "a command"));
  for (const CLI::Option* option : given->get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!word.starts_with("--") || std::find(options.begin(), options.end(), name) != options.end()) continue;
    const std::string said = names::did_you_mean(name, options);
    if (!said.empty()) return fmt::format("{}: no such option of {}: {}", name, words[0], said);
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  using commands::Exit;
  try {
    CLI::App app{"proctor: a model of ptrace(2) in BSD kernels, and checkers of logs and sources against it"};
    std::string version = "proctor " PROCTOR_VERSION ", kernels:";
    for (const model::Behaviours* kernel : model::kKernels) version += " " + std::string(kernel->name);
    app.set_version_flag("--version", version);
    app.require_subcommand(1);
    const commands::Command all[] = {commands::add_kernels(app), commands::add_rules(app),   commands::add_run(app),
                                     commands::add_source(app),  commands::add_anchors(app), commands::add_check(app)};
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& done) {
      return app.exit(done);
    } catch (const CLI::ParseError& wrong) {
      const std::string said = meant(app, {argv + 1, argv + std::max(argc, 1)});
      fmt::print(stderr, "proctor: {}; see proctor --help\n", said.empty() ? wrong.what() : said);
      return int(Exit::unreadable);
    }
    for (const commands::Command& command : all)
      if (command.options->parsed()) return command.run();
    return int(Exit::internal);  // the library asks for exactly one
  } catch (const std::exception& bug) {
    fmt::print(stderr, "proctor: internal error: {}\n", bug.what());
    return int(Exit::internal);
  }
}
