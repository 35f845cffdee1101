// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/words/signals.hpp"

namespace proctor::scenario {

using model::SmallState;

std::vector<Word> split(std::string_view line) {
  std::vector<Word> out;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
      ++i;
      continue;
    }
    if (line[i] == '#') break;
    const std::size_t end = std::min(line.find_first_of(" \t\r#", i), line.size());
    out.push_back({line.substr(i, end - i), int(i) + 1});
    i = end;
  }
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::optional<std::int32_t> number(std::string_view text) {
  const bool negative = text.starts_with("-");
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return std::int32_t(negative ? 0U - value : value);
}

std::optional<std::int32_t> number_or_signal(std::string_view text) {
  if (const auto n = number(text)) return n;
  return model::signal_number(text);
}

const names::Words& signal_names() {
  static const names::Words names = [] {
    names::Words out;
    for (int signal = 1; signal <= model::kSiglibrt; ++signal)  // those with names of their own
      if (const std::string_view name = model::signal_name(signal); !name.empty()) out.emplace_back(name);
    return out;
  }();
  return names;
}

std::string no_number(std::string_view text) {
  const std::string meant = names::did_you_mean(text, signal_names());
  if (!meant.empty()) return fmt::format("unknown word '{}': {}", text, meant);
  return fmt::format("'{}' is no number: expected digits, 0x and hexadecimal digits, or a signal's name", text);
}

std::optional<Name> read_name(std::string_view text) {
  Name out;
  if (text == "nobody") return out;
  const auto slot = [&](char letter, int first, int count) -> std::optional<std::int32_t> {
    if (text.empty() || text[0] != letter) return std::nullopt;
    const std::size_t end = std::min(text.find('/'), text.size());
    const auto n = number(text.substr(1, end - 1));
    if (!n || *n < first || *n >= first + count) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
    return *n - first;
  };
  if (const auto p = slot('p', 1, SmallState::kProcs)) {
    out.proc = *p;
    if (text.empty()) return out;
  }
  const auto td = slot('t', 0, SmallState::kLwps);
  if (!td || !text.empty()) return std::nullopt;
  out.td = *td;
  out.is_thread = true;
  return out;
}

std::string expected_names() {
  return fmt::format("p1 to p{} (p1 is init), p2/t0 to p2/t{} for a thread", SmallState::kProcs, SmallState::kLwps - 1);
}

}  // namespace proctor::scenario
