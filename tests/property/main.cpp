// SPDX-License-Identifier: BSD-2-Clause
//
// RapidCheck takes its parameters from the environment only.  A failure prints a seed; RC_PARAMS="reproduce=..." repeats it.
// The short run always looks at the same cases, so that it says the same about the same code; the long one looks for new.
#include <gtest/gtest.h>

#include <cstdlib>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const bool longer = std::getenv("PROCTOR_LONG") != nullptr;
  setenv("RC_PARAMS", longer ? "max_success=50000 max_size=100" : "seed=2003 max_success=5000 max_size=100", 0);
  return RUN_ALL_TESTS();
}
