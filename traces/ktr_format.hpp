// SPDX-License-Identifier: BSD-2-Clause
//
// The messages of class KTR_PTRACE, read with the kernel's own format strings.
#pragma once

#include <string_view>

#include "traces/event.hpp"

namespace proctor::trace {

enum class Message : std::uint8_t {
  other_class,  // not a message of KTR_PTRACE
  broken,       // begins like one and does not end like one
  read,         // event has kind, ktr, pid, tid and args
};

Message read_message(std::string_view text, Event& event);

}  // namespace proctor::trace
