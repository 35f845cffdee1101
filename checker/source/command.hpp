// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor source`: one source against the model, or two sources against each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace proctor::source {

struct Options {
  std::vector<std::string> files;  // one or two
  std::string kernel;
  bool listing = false;  // the files are annotated listings
  bool preemptive = false;
  bool coverage = false;                // print which way each clause went
  bool quiet = false;                   // no progress
  bool as_found = false;                // do not look for a shorter run
  std::optional<std::size_t> findings;  // how many to show; 1 beside the model, 16 of two sources
  std::uint64_t calls = 200000;
  std::uint64_t seed = 1;
  int patience_ms = 2000;
  std::string rerun;     // a saved run
  std::string scenario;  // a file for the scenario runner
  std::string save;      // where a finding's run goes, empty: beside the user, with a name of its own
  std::string format = "text";
};

// Returns the exit status.
int source_command(const Options& options);

}  // namespace proctor::source
