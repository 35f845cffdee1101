// SPDX-License-Identifier: BSD-2-Clause
//
// Whatever the bytes are, reading them ends, and ends with a log whose parts fit together or with one line of
// complaint.
#include <cstdint>
#include <cstdlib>

#include "traces/read.hpp"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proctor::trace;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto log = read_bytes(bytes, "fuzz");
  if (!log) {
    const std::string& message = log.error().message;
    require(message.starts_with("fuzz: ") && message.find('\n') == std::string::npos);
    return 0;
  }
  require(log->unreadable <= log->records);
  require(log->events.size() <= log->records);
  require(log->dragonfly ? log->format == Format::ktrace_dragonfly_lp64_le || log->format == Format::kdump_text
                         : log->format != Format::ktrace_dragonfly_lp64_le);
  require(!log->dragonfly || log->drops == 0 || log->format == Format::kdump_text);
  for (const Event& event : log->events) {
    require(event.at.record < log->records);
    require(!log->where(event).empty());
    require(event.kind != Kind::ktr || (event.ktr != Ktr::none && log->is_ktr()));
  }
  return 0;
}
