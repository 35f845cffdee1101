// SPDX-License-Identifier: BSD-2-Clause
//
// The messages of class KTR_PTRACE, read with the kernel's own format strings.
#pragma once

#include <optional>
#include <string_view>

#include "traces/event.hpp"

namespace proctor::trace {

enum class Message : std::uint8_t {
  other_class,  // not a message of KTR_PTRACE
  broken,       // begins like one and does not end like one
  read,         // event has kind, ktr, pid, tid and args
};

Message read_message(std::string_view text, Event& event);

// The same by the format string itself, as it stands in the kernel's source.
struct KtrFormat {
  Ktr line;
  std::string_view roles;  // of each conversion: p pid, t tid, a digit the index in Event::args, - nothing
  std::int32_t arg0;       // args[0] where the format itself says what it is, else -1
};
std::optional<KtrFormat> find_format(std::string_view format);

}  // namespace proctor::trace
