// SPDX-License-Identifier: BSD-2-Clause
//
// Signals by name and number.  A row of signals.inc each; sets of them are in model/signals.hpp.
#pragma once

#include <optional>
#include <string_view>

namespace proctor::model {

#define SIGNAL(constant, name, number) inline constexpr int constant = number;
#include "model/words/signals.inc"
#undef SIGNAL
inline constexpr int kSigmax = 128;  // _SIG_MAXSIG

struct SignalName {
  std::string_view name;
  int number;
};
inline constexpr SignalName kSignalNames[] = {
#define SIGNAL(constant, name, number) {name, number},
#include "model/words/signals.inc"
#undef SIGNAL
};

// Empty: the number has no name.
constexpr std::string_view signal_name(int signo) {
  for (const SignalName& row : kSignalNames)
    if (row.number == signo) return row.name;
  return {};
}
// "SIGKILL" is 9; also "SIG 77" and "SIGRT3", as kdump(1) prints the numbers that have no name.
std::optional<int> signal_number(std::string_view name);

}  // namespace proctor::model
