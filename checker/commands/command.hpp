// SPDX-License-Identifier: BSD-2-Clause
//
// What the subcommands share.  Each has a file here with its options; what it does is in the folder of its subject.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/names/nearest.hpp"
#include "checker/run/files.hpp"

namespace proctor::commands {

// The exit status; what a user can rely on (README.md).
enum class Exit : int { nothing_found = 0, finding = 1, inconclusive = 2, unreadable = 3, internal = 4 };
// Of several inputs: a finding is the worst, then what could not be read, then what could not be decided.
Exit worse(Exit a, Exit b);

// A subcommand as the command line knows it, and what runs if it was given.
struct Command {
  CLI::App* options;
  std::function<int()> run;
};

Command add_kernels(CLI::App& program);
Command add_rules(CLI::App& program);
Command add_run(CLI::App& program);
Command add_source(CLI::App& program);
Command add_anchors(CLI::App& program);
Command add_check(CLI::App& program);

// One line on stderr.
void complain(std::string_view message);
Exit unreadable(std::string_view message);
// The report on stdout, or what was wrong on stderr.
Exit print_report(const tl::expected<std::string, std::string>& report);

// The library would take -1 for the greatest number, and what is too great too.
CLI::Validator number_between(std::uint64_t low, std::uint64_t high);
CLI::Validator one_of(names::Words known);

}  // namespace proctor::commands
