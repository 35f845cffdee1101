// SPDX-License-Identifier: BSD-2-Clause
//
// Named arguments of other system calls than ptrace(2).  A row of arguments.inc each.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace proctor::model {

#define ARGUMENT(kind, constant, name, number) inline constexpr int constant = number;
#include "model/words/arguments.inc"
#undef ARGUMENT

struct ArgumentName {
  enum class Kind : std::uint8_t { wait, idtype, procctl, how } kind;
  std::string_view name;
  int number;
};
inline constexpr ArgumentName kArgumentNames[] = {
#define ARGUMENT(kind, constant, name, number) {ArgumentName::Kind::kind, name, number},
#include "model/words/arguments.inc"
#undef ARGUMENT
};

constexpr std::optional<int> find_argument(ArgumentName::Kind kind, std::string_view name) {
  for (const ArgumentName& row : kArgumentNames)
    if (row.kind == kind && row.name == name) return row.number;
  return std::nullopt;
}

// "WNOHANG|WUNTRACED" is 3.
std::optional<int> wait_options(std::string_view names);

}  // namespace proctor::model
