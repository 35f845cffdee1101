// SPDX-License-Identifier: BSD-2-Clause
//
// One line of kdump(1) text.
//
//     "%6jd [%6jd ]%-8.*s [time ]%s  [abi  ]body"      pid, tid (-H), command, times (-T -R -E), type, ABI (-A)
//     "%5d:%-4d %-8.*s [time ]%s  body"                DragonFly: pid, tid, command, time (-T -R), type
#pragma once

#include <cstdint>
#include <string_view>

#include "traces/event.hpp"

namespace proctor::trace::kdump {

inline constexpr std::size_t kPidWidth = 6;
inline constexpr int kTimesMax = 3;  // -T, -E and -R at once, since 12

enum class Ids : std::uint8_t { pid, pid_tid, dragonfly };
inline constexpr Ids kIds[] = {Ids::pid, Ids::pid_tid, Ids::dragonfly};

// Which columns the lines of a file have; the same in every line of it.
struct Columns {
  Ids ids = Ids::pid;
  int times = 0;
};

enum class Type : std::uint8_t { call, ret, psig, namei, other, dropped };

// A line, taken apart.
struct Record {
  Type type = Type::other;
  bool open = false;  // NAMI: the path goes on in the next line, because it contains a newline
  Event event;
  std::string_view time;  // the time columns
};

// Says whether `line` is a record.  The traced program chooses its own name and its own data, so the only safe way to
// find the type in a line is to ask for a body that kdump prints for that type.
bool read_line(std::string_view line, const Columns& columns, Record& record);

// "%5d:%-4d ": DragonFly's first column.
bool take_dragonfly_ids(std::string_view& line, std::int32_t& pid, std::int32_t& tid);

// A record may go on in lines that begin with a tab or with seven spaces, where no record line can begin.
inline bool is_continuation(std::string_view line) { return line.starts_with('\t') || line.starts_with("       "); }

}  // namespace proctor::trace::kdump
