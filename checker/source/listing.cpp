// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace proctor::source {
namespace {

constexpr std::string_view kXref = "xref: ";
constexpr std::string_view kNoBreakSpace = "\u00a0";
constexpr std::size_t kCommitDigitsMin = 7;  // what git abbreviates to at the least

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// Takes the first line off `rest`.  Editors of other systems leave a carriage return at the end of each.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Enough of a line to recognize it in a message, cut between characters.
std::string begin_of(std::string_view line) {
  constexpr std::size_t kShown = 40;
  if (line.size() <= kShown) return std::string(line);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return fmt::format("{}...", line.substr(0, end));
}

// Whether `note`, between the number and the no-break space, is a commit and an author's name.
bool is_annotation(std::string_view note) {
  const auto digits = static_cast<std::size_t>(std::find_if_not(note.begin(), note.end(), is_hex) - note.begin());
  return digits >= kCommitDigitsMin && digits < note.size();
}

}  // namespace

bool looks_like_listing(std::string_view text) {
  if (!take_line(text).starts_with(kXref)) return false;
  return !text.empty() && is_digit(text.front());
}

tl::expected<std::string, std::string> strip_listing(std::string_view text, const std::string& path) {
  std::size_t line_number = 1;  // of the listing; the source's is one less
  const auto refuse = [&](std::string_view what, std::string_view accepted) {
    return tl::make_unexpected(fmt::format("{}:{}: {}; {}", path, line_number, what, accepted));
  };

  if (const std::string_view first = take_line(text); !first.starts_with(kXref)) {
    return refuse(fmt::format("not a listing: begins with '{}'", begin_of(first)),
                  "a listing's first line is 'xref: FILE (revision ...)'");
  }
  if (text.empty()) return refuse("the listing ends after its first line", "the source's lines follow, each numbered");

  std::string plain;
  plain.reserve(text.size());
  bool annotated = false, ended = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::string number = std::to_string(line_number);
    ++line_number;
    if (ended) {
      return refuse(fmt::format("'{}' after the end of the listing", begin_of(line)),
                    "a number without a no-break space is the last line");
    }
    // With a commit glued to it only the expected number says where the number ends.
    if (!line.starts_with(number)) {
      return refuse(fmt::format("line {} of the source should be here, not '{}'", number, begin_of(line)),
                    fmt::format("numbers run without gaps, so this line begins with {}", number));
    }
    const std::string_view rest = line.substr(number.size());
    if (rest.empty() && number != "1") {
      ended = true;
      continue;
    }
    const std::size_t space = rest.find(kNoBreakSpace);
    if (space == std::string_view::npos) {
      return refuse(fmt::format("no no-break space (U+00A0) in '{}'", begin_of(line)),
                    "it stands between the number, or the author's name, and the text");
    }
    if (number == "1") annotated = space > 0;
    const std::string_view note = rest.substr(0, space);
    if (!annotated && !note.empty()) {
      return refuse(fmt::format("'{}' between the number {} and the no-break space", begin_of(note), number),
                    "in this listing, going by its first number, the no-break space follows at once");
    }
    if (annotated && !is_annotation(note)) {
      return refuse(fmt::format("'{}' between the number {} and the no-break space", begin_of(note), number),
                    "a commit of 7 or more hexadecimal digits and the author's name, as at the first number");
    }
    plain += rest.substr(space + kNoBreakSpace.size());
    plain += '\n';
  }
  if (!ended) {
    return refuse("the listing is cut: its last line has text",
                  "a listing ends with a number that has nothing after it");
  }
  return plain;
}

}  // namespace proctor::source
