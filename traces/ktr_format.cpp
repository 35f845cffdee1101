// SPDX-License-Identifier: BSD-2-Clause
#include "traces/ktr_format.hpp"

#include <limits>

#include "traces/text.hpp"

namespace proctor::trace {
namespace {

// Takes off `text` what the conversion at the front of `format` printed, and the conversion off `format`.
bool take_conversion(std::string_view& format, std::string_view& text, std::uint64_t& value) {
  const auto narrow = [&](auto number, auto taker) {
    if (!taker(text, number)) {
      return false;
    }
    value = static_cast<std::uint64_t>(number);  // sign-extended, as KTR keeps it
    return true;
  };
  const auto decimal = [](std::string_view& from, auto& to) { return take_decimal(from, to); };
  const auto hex = [](std::string_view& from, auto& to) { return take_sharp_hex(from, to); };
  if (take(format, "%d")) {
    return narrow(std::int32_t{}, decimal);
  }
  if (take(format, "%u")) {
    return narrow(std::uint32_t{}, decimal);
  }
  if (take(format, "%#x")) {
    return narrow(std::uint32_t{}, hex);
  }
  if (take(format, "%#lx") || take(format, "%p")) {
    return narrow(std::uint64_t{}, hex);
  }
  if (take(format, "%s")) {  // only ever "enabled" or "disabled"
    value = text.starts_with("enabled") ? 1 : 0;
    return take(text, "enabled") || take(text, "disabled");
  }
  return false;
}

bool read_with(Ktr line, const model::LineFormat& format, std::string_view text, Event& event) {
  std::string_view pattern = format.format;
  std::size_t conversion = 0;
  while (!pattern.empty()) {
    const std::size_t percent = pattern.find('%');
    if (!take(text, pattern.substr(0, percent))) {
      return false;
    }
    if (percent == std::string_view::npos) {
      break;
    }
    pattern.remove_prefix(percent);
    std::uint64_t value = 0;
    if (!take_conversion(pattern, text, value)) {
      return false;
    }
    const char role = format.roles[conversion++];
    if (role == 'p') {
      event.pid = static_cast<std::int32_t>(value);
    } else if (role == 't') {
      event.tid = static_cast<std::int32_t>(value);
    } else if (role != '-') {
      event.args[static_cast<std::size_t>(role - '0')] = value;
      event.args_known |= static_cast<std::uint8_t>(1U << (role - '0'));
    }
  }
  if (!text.empty()) {
    return false;
  }
  if (format.arg0 >= 0) {
    event.args[0] = static_cast<std::uint64_t>(format.arg0);
    event.args_known |= 1;
  }
  event.ktr = line;
  event.kind = line == Ktr::none ? Kind::other : Kind::ktr;
  return true;
}

// What a format begins with, up to its first conversion: "PT_ATTACH: pid ".
constexpr std::string_view head_of(std::string_view format) { return format.substr(0, format.find('%')); }

// The first letters of all formats: most messages of other classes are told apart by these alone.
constexpr bool may_begin_message(char c) {
  return c == 'P' || c == 's' || c == 'p' || c == 'f' || c == 'd' || c == 'e' || c == 'w';
}

constexpr bool letters_match() {
  for (const model::LineWords& line : model::kLines) {
    for (const model::LineFormat& format : line.formats) {
      if (!may_begin_message(format.format[0])) {
        return false;
      }
    }
  }
  return true;
}
static_assert(letters_match());

}  // namespace

std::optional<KtrFormat> find_format(std::string_view format) {
  for (const model::LineWords& line : model::kLines)
    for (const model::LineFormat& known : line.formats)
      if (known.format == format) return KtrFormat{line.line, known.roles, known.arg0};
  return std::nullopt;
}

Message read_message(std::string_view text, Event& event) {
  if (text.empty() || !may_begin_message(text[0])) {
    return Message::other_class;
  }
  bool begun = false;
  for (const model::LineWords& line : model::kLines) {
    for (const model::LineFormat& format : line.formats) {
      if (!text.starts_with(head_of(format.format))) {
        continue;
      }
      begun = true;
      Event candidate = event;
      if (read_with(line.line, format, text, candidate)) {
        event = candidate;
        return Message::read;
      }
    }
  }
  // "PT_ATT" and nothing else: cut inside the first word.  No other class has messages in this spelling.
  return begun || text.starts_with("PT_") ? Message::broken : Message::other_class;
}

}  // namespace proctor::trace
