// SPDX-License-Identifier: BSD-2-Clause
//
// errno values by name and number.  A row of errors.inc each.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace proctor::model {

// Lower case, as the host's own are macros.
enum class Errno : int {
#define ERRNO(id, name, number) id = number,
#include "model/words/errors.inc"
#undef ERRNO
};

// What a log shows of an execve(2) that succeeded: EJUSTRETURN.  Not an error, and nothing that a rule returns.
inline constexpr int kJustReturn = -2;

struct ErrnoWords {
  Errno error;
  std::string_view name;
};
inline constexpr std::array kErrors{
#define ERRNO(id, name, number) ErrnoWords{Errno::id, name},
#include "model/words/errors.inc"
#undef ERRNO
};

std::string name(Errno error);  // "EBUSY", or "errno 55" for one that no rule returns
constexpr std::optional<Errno> find_errno(std::string_view name) {
  for (const ErrnoWords& row : kErrors)
    if (row.name == name) return row.error;
  return std::nullopt;
}

// Whether a call that a log shows ended so.
constexpr bool ended_with(int logged, Errno error) { return logged == int(error); }

}  // namespace proctor::model
