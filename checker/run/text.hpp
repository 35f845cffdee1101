// SPDX-License-Identifier: BSD-2-Clause
//
// Words, numbers and names, as they stand in a scenario.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/names/nearest.hpp"
#include "model/state.hpp"

namespace proctor::scenario {

struct Word {
  std::string_view text;
  int column = 1;
};
std::vector<Word> split(std::string_view line);  // up to a comment
std::vector<std::string_view> lines_of(std::string_view text);

// Decimal, or hexadecimal after 0x.
std::optional<std::int32_t> number(std::string_view text);
std::optional<std::int32_t> number_or_signal(std::string_view text);
std::string no_number(std::string_view text);  // what is wrong with one that is neither
const names::Words& signal_names();

// p3, t4, p3/t4 or nobody.
struct Name {
  std::int32_t proc = model::kNone, td = model::kNone;
  bool is_thread = false;
  bool is_nobody() const { return proc == model::kNone && td == model::kNone; }
};
std::optional<Name> read_name(std::string_view text);
std::string expected_names();  // "p1 to p4 (p1 is init), p2/t0 to p2/t5 for a thread"

}  // namespace proctor::scenario
