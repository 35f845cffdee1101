// SPDX-License-Identifier: BSD-2-Clause
//
// Reading a log of any supported format.  The format is found by content, never by name; xz-compressed input is
// unpacked.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "traces/event.hpp"

namespace proctor::trace {

// One clear line for the user: where, what is wrong, what would have been accepted.
struct ReadError {
  std::string message;
};

// Limits that keep a hostile file from taking the machine down.
inline constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;  // after decompression
inline constexpr std::size_t kEventsMax = std::size_t{1} << 26;

// Reads a file, or standard input for "-".  Fails for: missing, unreadable, directory, empty, unknown content.  A log
// that is cut in its last record succeeds with Log::cut set.
tl::expected<Log, ReadError> read_log(const std::string& path);

// The same on bytes in memory; `path` is used in messages only.
tl::expected<Log, ReadError> read_bytes(std::string_view bytes, const std::string& path);

// What the content looks like, or nothing.
std::optional<Format> detect(std::string_view bytes);

}  // namespace proctor::trace
