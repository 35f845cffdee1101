// SPDX-License-Identifier: BSD-2-Clause
//
// Which parameter of a KTR_PTRACE line shows which part of what a rule emits.  Parameters that no state determines
// (addresses, the program counter) are not here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "traces/event.hpp"

namespace proctor::model {

inline constexpr int kThreadOfLine = -1;  // the tid that a line names, which is not among its numbered parameters

struct LineParameter {
  // `events`: a set of PTRACE_* events, which a log that begins late does not tell.
  enum class Is : std::uint8_t { number, events, process, thread };
  std::string_view name;
  Is is;
  int emitted;  // index in Emission::arg
  int logged;   // index in Event::args, or kThreadOfLine
};

std::span<const LineParameter> parameters(trace::Ktr line);

}  // namespace proctor::model
