// SPDX-License-Identifier: BSD-2-Clause
//
// The seam between read.cpp, which finds out what a file is, and the readers, one for each family of formats.  A reader
// gets all bytes, appends to `log.events` and counts; it never fails: what it cannot read it counts as unreadable,
// where the log is full it stops, and read.cpp decides whether that leaves a log.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "traces/event.hpp"
#include "traces/read.hpp"

namespace proctor::trace {

inline bool is_full(const Log& log) { return log.events.size() >= kEventsMax; }

// ktrace.cpp: the kernel's own records.
std::optional<Format> ktrace_format(std::string_view bytes);
void read_ktrace(std::string_view bytes, Log& log);
void read_dragonfly_ktrace(std::string_view bytes, Log& log);

// unsupported.cpp: what the bytes are, if they are something well known that no reader takes; else empty.
std::string_view unsupported_format(std::string_view bytes);

// kdump.cpp
bool is_kdump_record(std::string_view line);  // beyond doubt: header, record type and a body of that type
void read_kdump(std::string_view bytes, Log& log);

// ktr_text.cpp
bool is_ktrdump_line(std::string_view line);  // the title line, or a row that only ktrdump(8) prints
bool is_console_line(std::string_view line);  // a line that only debug.ktr.verbose prints
void read_ktrdump(std::string_view bytes, Log& log);
void read_console(std::string_view bytes, Log& log);

// unpack.cpp: xz.  `message` of the error has no path in front.
bool is_xz(std::string_view bytes);
tl::expected<std::string, std::string> unpack_xz(std::string_view bytes);

}  // namespace proctor::trace
