// SPDX-License-Identifier: BSD-2-Clause
#include "checker/names/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace proctor::names {
namespace {

constexpr std::size_t kDistanceMax = 3, kWordsMax = 3;
constexpr std::size_t kFew = 8;             // words that are listed even if one of them is likely
constexpr std::size_t kLengthMax = 1 << 8;  // a longer word is none that somebody mistyped

struct Near {
  std::size_t far, alike;  // letters that differ, letters that both begin with
  const std::string* word;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

}  // namespace

std::size_t distance(std::string_view a, std::string_view b) {
  // Rows of the table for the first i - 2, i - 1 and i letters of a.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

Words nearest(std::string_view word, const Words& known) {
  if (word.size() > kLengthMax) return {};
  const std::size_t most = std::min(kDistanceMax, word.size() / 3);
  std::vector<Near> near;
  for (const std::string& one : known) {
    if (one == word || one.size() > word.size() + most || one.size() + most < word.size()) continue;
    const std::size_t far = distance(word, one);
    const auto alike = std::mismatch(word.begin(), word.end(), one.begin(), one.end()).first - word.begin();
    const bool is_new = std::none_of(near.begin(), near.end(), [&](const Near& n) { return *n.word == one; });
    if (far <= most && is_new) near.push_back({far, std::size_t(alike), &one});
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const Near& a, const Near& b) { return a.far != b.far ? a.far < b.far : a.alike > b.alike; });
  Words out;
  for (const Near& one : near) {
    if (out.size() == kWordsMax || (one.far > 0 && near[0].far == 0)) break;
    out.push_back(*one.word);
  }
  return out;
}

std::string either(const Words& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return out;
}

std::string did_you_mean(std::string_view word, const Words& known) {
  const Words near = nearest(word, known);
  return near.empty() ? "" : fmt::format("did you mean {}?", either(near));
}

std::string instead_of(std::string_view word, const Words& known, std::string_view kind) {
  const std::string meant = did_you_mean(word, known);
  if (!meant.empty() && known.size() > kFew) return meant;
  return fmt::format("{}{}expected {}: {}", meant, meant.empty() ? "" : " ", kind, either(known));
}

std::string unknown_word(std::string_view word, const Words& known, std::string_view kind) {
  return fmt::format("unknown word '{}': {}", word, instead_of(word, known, kind));
}

}  // namespace proctor::names
