// SPDX-License-Identifier: BSD-2-Clause
//
// The requests of ptrace(2) by name and number, and the lines that they write.  A row of requests.inc each, which says
// how to add one; which kernels have it is in the same row, and asked for by has_request() of model/rules/requests.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/words/ktr_lines.hpp"

namespace proctor::model {

enum Request : int {
#define REQUEST(name, number, ...) name = number,
#include "model/words/requests.inc"
#undef REQUEST
};

inline constexpr int kLwpinfoBytes = 160;  // sizeof(struct ptrace_lwpinfo) on LP64
inline constexpr int kEventMaskBytes = 4;  // sizeof(p->p_ptevents)

struct RequestWords {
  Request request;
  std::string_view name;
  Ktr line;  // none: it writes none
  std::int32_t data;
};

inline constexpr std::array kRequests{
#define REQUEST(name, number, kernels, lock, line, data) RequestWords{name, #name, Ktr::line, data},
#include "model/words/requests.inc"
#undef REQUEST
};

inline constexpr int kRequestMax = PT_LASTMACH;
inline constexpr std::size_t kNoRow = kRequests.size();
// Rows by number.
inline constexpr auto kRequestRows = [] {
  std::array<std::uint8_t, kRequestMax + 1> out{};
  out.fill(kNoRow);
  for (std::size_t row = 0; row < kRequests.size(); ++row) out[std::size_t(kRequests[row].request)] = std::uint8_t(row);
  return out;
}();

// kNoRow: no such request.
constexpr std::size_t row_of(std::int64_t request) {
  return request < 0 || request > kRequestMax ? kNoRow : kRequestRows[std::size_t(request)];
}

// Empty: the number has no name.
constexpr std::string_view request_name(std::int64_t request) {
  const std::size_t row = row_of(request);
  return row == kNoRow ? std::string_view{} : kRequests[row].name;
}
constexpr std::optional<Request> find_request(std::string_view name) {
  for (const RequestWords& row : kRequests)
    if (row.name == name) return row.request;
  return std::nullopt;
}

// The line that a request writes, none if it writes none.
constexpr Ktr line_of(std::int64_t request) {
  const std::size_t row = row_of(request);
  return row == kNoRow ? Ktr::none : kRequests[row].line;
}
// The first request that writes the line; nothing for those of stops, fork, exit and wait.
constexpr const RequestWords* writer_of(Ktr line) {
  for (const RequestWords& row : kRequests)
    if (row.line == line && line != Ktr::none) return &row;
  return nullptr;
}

static_assert([] {
  for (std::size_t i = 1; i < kRequests.size(); ++i)
    if (kRequests[i - 1].request >= kRequests[i].request) return false;
  for (const LineWords& line : kLines)  // PT_STEP: and no request writes it?
    if (line.name.starts_with("PT_") != (writer_of(line.line) != nullptr)) return false;
  return true;
}());

}  // namespace proctor::model
