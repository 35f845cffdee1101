// SPDX-License-Identifier: BSD-2-Clause
//
// A scenario as a program for FreeBSD's test framework (libatf-c), to be put into tests/sys/kern and run on the kernel
// itself.  The test case plays init for the processes that p1 forks; what init adopts goes to the real one.  Each thread
// of the scenario does what it is ordered to through shared memory.  What the kernel does by itself is not in the program:
// after each line the test case waits until the processes stand as in the model.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "checker/scenario/run.hpp"

namespace proctor::scenario {

// Fails with "PATH:LINE: WHY" for what no program can bring about at will, and for a scenario that does not hold on the
// model of this kernel.
tl::expected<std::string, std::string> atf_program(const Script& script, const model::Behaviours& kernel);

}  // namespace proctor::scenario
