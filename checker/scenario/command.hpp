// SPDX-License-Identifier: BSD-2-Clause
//
// The command `proctor run`.
#pragma once

#include <string>
#include <vector>

namespace proctor::scenario {

struct Options {
  std::vector<std::string> kernels;  // empty: those of each scenario
  std::string format = "text";       // text, jsonl, atf
  std::string states = "both";       // of jsonl: none, end, both
  std::string output;                // empty: standard output
  std::vector<std::string> paths;    // "-" is standard input
};

// The exit status, as in README.md: 0 nothing found, 1 a finding, 3 what cannot be read or printed.
int run_command(const Options& options);

}  // namespace proctor::scenario
