// SPDX-License-Identifier: BSD-2-Clause
#include "traces/event.hpp"

#include <fmt/format.h>

namespace proctor::trace {

std::string_view name(Format format) {
  switch (format) {
    case Format::ktrace_freebsd_v0_lp64_le: return "ktrace.out";
    case Format::ktrace_dragonfly_lp64_le: return "ktrace.out";
    case Format::kdump_text: return "kdump text";
    case Format::ktrdump_text: return "ktrdump text";
    case Format::ktr_console: return "console lines of debug.ktr.verbose";
  }
  return "?";
}

std::string Log::where(const Event& event) const {
  return is_binary() ? fmt::format("{}:record {} (byte {:#x})", path, event.at.record, event.at.offset)
                     : fmt::format("{}:{}", path, event.at.line);
}

}  // namespace proctor::trace
