// SPDX-License-Identifier: BSD-2-Clause
//
// struct ktr_header of sys/ktrace.h as it lies in a file.  The file has no magic, no version and no byte order mark, so
// a header is known by being plausible in every field at once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "model/words/limits.hpp"

namespace proctor::trace {

// Where the fields are, for each layout that exists.  Only kFreeBsd and kDragonFly are read; the others of
// unsupported.cpp serve to tell the user what he has.  The two bytes at 6 are padding in version 0 and hold whatever
// was on the kernel's stack.
struct Layout {
  std::string_view name;
  std::size_t size;
  std::size_t pid;
  std::size_t comm;
  std::size_t comm_size;
  std::size_t time;       // of the seconds; the fraction follows
  std::size_t time_size;  // of the seconds and of the fraction
  std::int64_t fraction_max;
  std::int32_t pid_max;
  bool versioned;
  bool swapped;  // big-endian
  bool dragonfly = false;
  std::int64_t seconds_min = 0;
};

inline constexpr std::int64_t kMicro = 1000000;
inline constexpr std::int64_t kNano = 1000000000;
inline constexpr Layout kFreeBsd{
    "FreeBSD, 64-bit little-endian, version 0", 56, 8, 12, 20, 32, 8, kMicro, model::kPidMax, false, false};
// DragonFly's seconds lie where FreeBSD's microseconds do, so a minimum for the former tells the two apart for certain:
// no bytes are a header of both.  The bytes between the command name, the seconds and ktr_buf are not cleared.
inline constexpr Layout kDragonFly{"DragonFly, 64-bit little-endian", 64,    8,     16,   17,    40, 8, kMicro,
                                   model::kDragonFlyPidMax,           false, false, true, kMicro};
inline constexpr std::uint16_t KTR_DROP = 0x8000;
inline constexpr std::uint16_t KTR_VERSIONED = 0x4000;
enum KtrType : std::uint16_t {
  KTR_SYSCALL = 1,
  KTR_SYSRET = 2,
  KTR_PSIG = 5,
  KTR_PROCCTOR = 10,
  KTR_PROCDTOR = 11,
  KTR_MAX = 18
};
inline constexpr std::uint16_t kDragonFlyTypeMax = 7;
inline constexpr std::uint16_t kDragonFlyNoFlags =
    0x00fe;  // ktr_flags: KTRH_THREADED is bit 0, the cpu is bits 8 to 15

// The kernel caps every payload far below this; a larger length is not one.
inline constexpr std::int32_t kPayloadMax = 1 << 20;

static_assert(std::endian::native == std::endian::little, "load() below takes the file's byte order for its own");

template <typename Int>
Int load(const char* from) {
  Int value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename Int>
Int load(const char* from, bool swapped) {
  const Int value = load<Int>(from);
  if (!swapped) {
    return value;
  }
  if constexpr (sizeof(Int) == 2) {
    return static_cast<Int>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(Int) == 4) {
    return static_cast<Int>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    return static_cast<Int>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

struct Header {
  std::int32_t length = 0;
  std::uint16_t type = 0;  // without its flags
  bool drop = false;
  std::int32_t pid = 0;
  std::int64_t seconds = 0;
  std::int64_t fraction = 0;
};

// What is wrong with the header at `at` (of at least layout.size bytes); empty if every field can be what it says.
template <const Layout& layout>
std::string_view read_header(const char* at, Header& header) {
  header.length = load<std::int32_t>(at, layout.swapped);
  if (header.length < 0 || header.length > kPayloadMax) {
    return "length";
  }
  const auto type = load<std::uint16_t>(at + 4, layout.swapped);
  if (((type & KTR_VERSIONED) != 0) != layout.versioned) {
    return "type";
  }
  if (layout.versioned && load<std::uint16_t>(at + 6, layout.swapped) != 1) {
    return "version";
  }
  if constexpr (layout.dragonfly) {
    header.type = type;
    if (type < 1 || type > kDragonFlyTypeMax) {
      return "type";
    }
    if ((load<std::uint16_t>(at + 6) & kDragonFlyNoFlags) != 0) {
      return "flags";
    }
  } else {
    header.drop = (type & KTR_DROP) != 0;
    header.type = type & static_cast<std::uint16_t>(~(KTR_DROP | KTR_VERSIONED));
    if (header.type < 1 || header.type > KTR_MAX) {
      return "type";
    }
  }
  header.pid = load<std::int32_t>(at + layout.pid, layout.swapped);
  if (header.pid < 0 || header.pid > layout.pid_max) {
    return "pid";
  }
  // The name is the program's choice and may hold any byte, but the kernel always ends it.
  if (std::memchr(at + layout.comm, '\0', layout.comm_size) == nullptr) {
    return "command name";
  }
  if constexpr (layout.time_size == 8) {
    header.seconds = load<std::int64_t>(at + layout.time, layout.swapped);
    header.fraction = load<std::int64_t>(at + layout.time + 8, layout.swapped);
  } else {
    header.seconds = load<std::int32_t>(at + layout.time, layout.swapped);
    header.fraction = load<std::int32_t>(at + layout.time + 4, layout.swapped);
  }
  if (header.seconds < layout.seconds_min || header.seconds > std::numeric_limits<std::uint32_t>::max() ||
      header.fraction < 0 || header.fraction >= layout.fraction_max) {
    return "time";
  }
  return {};
}

// Whether `bytes` begins with this many records of this layout, or with fewer and is at its end.
template <const Layout& layout>
bool begins_with(std::string_view bytes, int records) {
  std::size_t at = 0;
  for (int i = 0; i < records && bytes.size() - at >= layout.size; ++i) {
    Header header;
    if (!read_header<layout>(bytes.data() + at, header).empty()) {
      return false;
    }
    at += layout.size + static_cast<std::size_t>(header.length);
    if (at >= bytes.size()) {
      return true;
    }
  }
  return at != 0;
}

}  // namespace proctor::trace
