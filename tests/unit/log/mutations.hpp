// SPDX-License-Identifier: BSD-2-Clause
//
// Systematic changes of one record: every result of ptrace, wait4, fork and kill, and every field of a KTR line, gets other
// values that a kernel could print.  Not each of them is wrong; how many are found out is what strictness_test measures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "traces/event.hpp"

namespace proctor::test {

struct Mutation {
  std::string kind;         // "ptrace: success -> EPERM", "KTR ptracestop: signal + 1"
  std::uint32_t event = 0;  // index in the log
  std::function<void(trace::Event&)> change;
};

std::vector<Mutation> result_mutations(const trace::Log& ktrace);
std::vector<Mutation> line_mutations(const trace::Log& ktr);

}  // namespace proctor::test
