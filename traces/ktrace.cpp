// SPDX-License-Identifier: BSD-2-Clause
//
// ktrace.out: the records that the kernel wrote, struct ktr_header of sys/ktrace.h followed by ktr_len bytes.  The file
// has no magic, no version and no byte order mark, so a header is known by being plausible in every field at once.
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

#include "traces/readers.hpp"

namespace proctor::trace {
namespace {

// Where the fields are, for each layout that exists.  Only the first is read; the others serve to tell the user what he
// has.  The two bytes at 6 are padding in version 0 and hold whatever was on the kernel's stack.
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
};

constexpr std::int32_t kPidMax = 99999;
constexpr std::int64_t kMicro = 1000000;
constexpr std::int64_t kNano = 1000000000;
constexpr Layout kSupported{
    "FreeBSD, 64-bit little-endian, version 0", 56, 8, 12, 20, 32, 8, kMicro, kPidMax, false, false};
constexpr Layout kUnsupported[] = {
    {"FreeBSD ktrace.out with header version 1 (14 and later)", 64, 8, 12, 20, 32, 8, kNano, kPidMax, true, false},
    {"32-bit FreeBSD ktrace.out", 44, 8, 12, 20, 32, 4, kMicro, kPidMax, false, false},
    {"32-bit FreeBSD ktrace.out with header version 1 (14 and later)", 48, 8, 12, 20, 32, 4, kNano, kPidMax, true,
     false},
    {"big-endian 64-bit FreeBSD ktrace.out", 56, 8, 12, 20, 32, 8, kMicro, kPidMax, false, true},
    {"big-endian 64-bit FreeBSD ktrace.out with header version 1", 64, 8, 12, 20, 32, 8, kNano, kPidMax, true, true},
    {"big-endian 32-bit FreeBSD ktrace.out", 44, 8, 12, 20, 32, 4, kMicro, kPidMax, false, true},
    {"DragonFly ktrace.out", 64, 8, 16, 17, 40, 8, kMicro, 999999, false, false},
};
constexpr std::size_t kTid = 48;

constexpr std::uint16_t KTR_DROP = 0x8000;
constexpr std::uint16_t KTR_VERSIONED = 0x4000;
enum : std::uint16_t {
  KTR_SYSCALL = 1,
  KTR_SYSRET = 2,
  KTR_PSIG = 5,
  KTR_PROCCTOR = 10,
  KTR_PROCDTOR = 11,
  KTR_MAX = 18
};

// The kernel caps every payload far below this; a larger length is not one.
constexpr std::int32_t kPayloadMax = 1 << 20;

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
  header.drop = (type & KTR_DROP) != 0;
  header.type = type & static_cast<std::uint16_t>(~(KTR_DROP | KTR_VERSIONED));
  if (header.type < 1 || header.type > KTR_MAX) {
    return "type";
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
  if (header.seconds < 0 || header.seconds > std::numeric_limits<std::uint32_t>::max() || header.fraction < 0 ||
      header.fraction >= layout.fraction_max) {
    return "time";
  }
  return {};
}

// Whether `bytes` begins with a record of this layout, and with a second one if it is long enough to hold it.
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

template <std::size_t I = 0>
std::string_view first_unsupported(std::string_view bytes) {
  if constexpr (I < std::size(kUnsupported)) {
    static constexpr Layout layout = kUnsupported[I];
    return begins_with<layout>(bytes, 3) ? layout.name : first_unsupported<I + 1>(bytes);
  } else {
    return {};
  }
}

// struct ktr_syscall: short code, short narg, padding, register_t args[narg]
bool read_call(std::string_view payload, Event& event) {
  if (payload.size() < 8) {
    return false;
  }
  const auto count = load<std::int16_t>(payload.data() + 2);
  if (count < 0 || static_cast<std::size_t>(count) > (payload.size() - 8) / 8) {
    return false;
  }
  event.kind = Kind::call;
  event.code = load<std::uint16_t>(payload.data());
  const int shown = count < kArgsMax ? count : kArgsMax;
  for (int i = 0; i < shown; ++i) {
    event.args[static_cast<std::size_t>(i)] = load<std::uint64_t>(payload.data() + 8 + 8 * i);
  }
  event.args_known = static_cast<std::uint8_t>((1U << shown) - 1);
  return true;
}

// struct ktr_sysret: short code, short eosys, int error, register_t retval
bool read_return(std::string_view payload, Event& event) {
  if (payload.size() < 16) {
    return false;
  }
  event.kind = Kind::ret;
  event.code = load<std::uint16_t>(payload.data());
  event.error = load<std::int32_t>(payload.data() + 4);
  event.retval = load<std::int64_t>(payload.data() + 8);
  return true;
}

// struct ktr_psig: int signo, sig_t action (0 is SIG_DFL), int code, sigset_t mask
bool read_signal(std::string_view payload, Event& event) {
  if (payload.size() < 16) {
    return false;
  }
  event.kind = Kind::signal;
  event.signo = load<std::int32_t>(payload.data());
  event.caught = load<std::uint64_t>(payload.data() + 8) != 0;
  return true;
}

bool read_payload(const Header& header, std::string_view payload, Event& event) {
  switch (header.type) {
    case KTR_SYSCALL:
      return read_call(payload, event);
    case KTR_SYSRET:
      return read_return(payload, event);
    case KTR_PSIG:
      return read_signal(payload, event);
    case KTR_PROCCTOR:
      event.kind = Kind::proc_start;
      return true;
    case KTR_PROCDTOR:
      event.kind = Kind::proc_exit;
      return true;
    default:
      return true;  // the process ran, no more
  }
}

}  // namespace

bool looks_like_ktrace(std::string_view bytes) {
  // One header is enough: that random bytes satisfy every condition on it is less likely than 2^-80.  So a log that is
  // broken in its second record is still known for what it is.
  return begins_with<kSupported>(bytes, 1);
}

std::string_view unsupported_ktrace(std::string_view bytes) { return first_unsupported(bytes); }

void read_ktrace(std::string_view bytes, Log& log) {
  constexpr std::size_t kRecordSizeTypical = 80;
  log.events.reserve(bytes.size() / kRecordSizeTypical);
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t left = bytes.size() - at;
    const char* const base = bytes.data() + at;
    if (left < kSupported.size) {
      log.cut =
          Log::Cut{at, 0, fmt::format("the file ends inside a record header ({} of {} bytes)", left, kSupported.size)};
      return;
    }
    Header header;
    if (const std::string_view wrong = read_header<kSupported>(base, header); !wrong.empty()) {
      log.cut = Log::Cut{at, 0, fmt::format("no record header here: its {} is impossible", wrong)};
      return;
    }
    const auto length = static_cast<std::size_t>(header.length);
    if (left - kSupported.size < length) {
      log.cut = Log::Cut{at, 0,
                         fmt::format("the file ends inside a record ({} of {} bytes)", left, kSupported.size + length)};
      return;
    }
    Event& event = log.events.emplace_back();
    event.pid = header.pid;
    event.lost_before = header.drop;
    event.time = static_cast<std::uint64_t>(header.seconds * kNano + header.fraction * (kNano / kMicro));
    // Before 2005 a kernel pointer was here, which is no thread id.
    const auto tid = load<std::int64_t>(base + kTid);
    event.tid = tid > 0 && tid <= std::numeric_limits<std::int32_t>::max() ? static_cast<std::int32_t>(tid) : 0;
    event.at = {at, 0, static_cast<std::uint32_t>(log.records)};
    if (!read_payload(header, {base + kSupported.size, length}, event)) {
      ++log.unreadable;
    }
    if (header.drop) {
      ++log.drops;
    }
    ++log.records;
    at += kSupported.size + length;
  }
}

}  // namespace proctor::trace
