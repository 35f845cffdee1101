// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor anchors`: writes the line file of a kernel.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/behaviours.hpp"

namespace proctor::anchors {

struct Options {
  std::string kernel;
  std::string output;
  std::vector<std::string> files;
};

// What stands somewhere in the kernel: the clauses of its rules.
std::set<std::string> clauses_of(const model::Behaviours& kernel);

// Returns the exit status: 1 if a clause has no place in the files.
int anchors_command(const Options& options);

}  // namespace proctor::anchors
