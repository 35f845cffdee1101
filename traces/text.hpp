// SPDX-License-Identifier: BSD-2-Clause
//
// What the text readers share: lines with their place in the file, and numbers taken off the front of a text.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace proctor::trace {

// Takes a number off the front of `text`; says false and leaves `text` alone if there is none or it does not fit.
template <typename Int>
bool take_number(std::string_view& text, Int& value, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{}) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

template <typename Int>
bool take_decimal(std::string_view& text, Int& value) {
  return take_number(text, value, 10);
}

// printf's %#x: "0x" and digits, or the bare "0" that it prints for zero.
template <typename Int>
bool take_sharp_hex(std::string_view& text, Int& value) {
  if (text.starts_with("0x")) {
    std::string_view digits = text.substr(2);
    if (digits.starts_with('-') || !take_number(digits, value, 16)) {
      return false;
    }
    text = digits;
    return true;
  }
  if (text.starts_with('0')) {
    value = 0;
    text.remove_prefix(1);
    return true;
  }
  return false;
}

inline bool take(std::string_view& text, std::string_view literal) {
  if (!text.starts_with(literal)) {
    return false;
  }
  text.remove_prefix(literal.size());
  return true;
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// printf's "%*jd" at `width`: spaces, then a number without sign, right-aligned or wider than `width`, then one space.
template <typename Int>
bool take_column(std::string_view& text, std::size_t width, Int& value) {
  std::size_t start = 0;
  while (start < text.size() && text[start] == ' ') {
    ++start;
  }
  if (start >= width || start >= text.size() || !is_digit(text[start])) {
    return false;
  }
  std::string_view rest = text.substr(start);
  if (!take_decimal(rest, value)) {
    return false;
  }
  const std::size_t end = text.size() - rest.size();
  if (end < width || (end > width && start > 0) || !take(rest, " ")) {
    return false;
  }
  text = rest;
  return true;
}

// The whole lines of a text, one after the other.  What follows the last newline is no line: nobody can know that it is
// complete, since a number that was cut still reads as a number.
class Lines {
 public:
  explicit Lines(std::string_view bytes) : bytes_(bytes) {}

  bool next() {
    const std::size_t start = end_;
    const std::size_t newline = bytes_.find('\n', start);
    if (newline == std::string_view::npos) {
      return false;
    }
    offset_ = start;
    end_ = newline + 1;
    ++number_;
    text_ = bytes_.substr(start, newline - start);
    if (text_.ends_with('\r')) {
      text_.remove_suffix(1);
    }
    return true;
  }

  std::string_view text() const { return text_; }                // without its newline
  std::uint64_t offset() const { return offset_; }               // of the current line
  std::uint32_t number() const { return number_; }               // of the current line, from 1
  std::string_view rest() const { return bytes_.substr(end_); }  // what follows the current line
  std::uint64_t end() const { return end_; }

 private:
  std::string_view bytes_;
  std::string_view text_;
  std::size_t offset_ = 0;
  std::size_t end_ = 0;
  std::uint32_t number_ = 0;
};

}  // namespace proctor::trace
