// SPDX-License-Identifier: BSD-2-Clause
//
// ktrace.out: the records that the kernel wrote, a header followed by ktr_len bytes each.  The records themselves are
// the same in FreeBSD and DragonFly; headers and the numbers of newer system calls are not.
#include <fmt/format.h>

#include <limits>

#include "model/words/system_calls.hpp"
#include "traces/ktrace_header.hpp"
#include "traces/readers.hpp"

namespace proctor::trace {
namespace {

constexpr std::size_t kTid = 48;
constexpr std::size_t kDragonFlyTid = 12;

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
    case KTR_SYSCALL: return read_call(payload, event);
    case KTR_SYSRET: return read_return(payload, event);
    case KTR_PSIG: return read_signal(payload, event);
    case KTR_PROCCTOR: event.kind = Kind::proc_start; return true;
    case KTR_PROCDTOR: event.kind = Kind::proc_exit; return true;
    default: return true;  // the process ran, no more
  }
}

// How many records the lengths promise, so that the events are allocated once.
template <const Layout& layout>
std::size_t count_records(std::string_view bytes) {
  std::size_t count = 0;
  Header header;
  for (std::size_t at = 0; bytes.size() - at >= layout.size && count < kEventsMax; ++count) {
    if (!read_header<layout>(bytes.data() + at, header).empty()) {
      break;
    }
    at += layout.size + static_cast<std::size_t>(header.length);
    if (at > bytes.size()) {
      break;
    }
  }
  return count;
}

template <const Layout& layout>
std::int32_t read_tid(const char* header) {
  if constexpr (layout.dragonfly) {
    return load<std::int32_t>(header + kDragonFlyTid);
  } else {
    // Before 2005 a kernel pointer was here, which is no thread id.
    const auto tid = load<std::int64_t>(header + kTid);
    return tid > 0 && tid <= std::numeric_limits<std::int32_t>::max() ? static_cast<std::int32_t>(tid) : 0;
  }
}

template <const Layout& layout>
void read_records(std::string_view bytes, Log& log) {
  log.events.reserve(count_records<layout>(bytes));
  std::size_t at = 0;
  while (at < bytes.size() && !is_full(log)) {
    const std::size_t left = bytes.size() - at;
    const char* const base = bytes.data() + at;
    if (left < layout.size) {
      log.cut =
          Log::Cut{at, 0, fmt::format("the file ends inside a record header ({} of {} bytes)", left, layout.size)};
      return;
    }
    Header header;
    if (const std::string_view wrong = read_header<layout>(base, header); !wrong.empty()) {
      log.cut = Log::Cut{at, 0, fmt::format("no record header here: its {} is impossible", wrong)};
      return;
    }
    const auto length = static_cast<std::size_t>(header.length);
    if (left - layout.size < length) {
      log.cut =
          Log::Cut{at, 0, fmt::format("the file ends inside a record ({} of {} bytes)", left, layout.size + length)};
      return;
    }
    Event& event = log.events.emplace_back();
    event.pid = header.pid;
    event.lost_before = header.drop;
    event.time = static_cast<std::uint64_t>(header.seconds * kNano + header.fraction * (kNano / kMicro));
    event.tid = read_tid<layout>(base);
    event.at = {at, 0, static_cast<std::uint32_t>(log.records)};
    if (!read_payload(header, {base + layout.size, length}, event)) {
      ++log.unreadable;
    }
    if constexpr (layout.dragonfly) {
      if (event.kind == Kind::call || event.kind == Kind::ret) {
        event.code = model::from_dragonfly(event.code);
      }
    }
    if (header.drop) {
      ++log.drops;
    }
    ++log.records;
    at += layout.size + length;
  }
}

}  // namespace

std::optional<Format> ktrace_format(std::string_view bytes) {
  // One header is enough: that random bytes satisfy every condition on it is less likely than 2^-80.  So a log that is
  // broken in its second record is still known for what it is.
  if (begins_with<kFreeBsd>(bytes, 1)) {
    return Format::ktrace_freebsd_v0_lp64_le;
  }
  if (begins_with<kDragonFly>(bytes, 1)) {
    return Format::ktrace_dragonfly_lp64_le;
  }
  return std::nullopt;
}

void read_ktrace(std::string_view bytes, Log& log) { read_records<kFreeBsd>(bytes, log); }

void read_dragonfly_ktrace(std::string_view bytes, Log& log) {
  log.dragonfly = true;
  read_records<kDragonFly>(bytes, log);
}

}  // namespace proctor::trace
