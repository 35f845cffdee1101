// SPDX-License-Identifier: BSD-2-Clause
//
// The lines of class KTR_PTRACE: what they are called, what they say, and how each kernel writes them.  A row of
// ktr_lines.inc each, which says how to add one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "model/words/at_most.hpp"

namespace proctor::model {

enum class Ktr : std::uint8_t {
#define LINE(id, ...) id,
#include "model/words/ktr_lines.inc"
#undef LINE
};

// What a line says beside the pid of its process.
struct LineParameter {
  enum class Is : std::uint8_t {
    number,
    events,  // a set of PTRACE_* events, which a log that begins late does not tell
    process,
    thread
  };
  static constexpr int kThreadOfLine = -1, kUndecided = -1;

  std::string_view name;
  Is is = Is::number;
  int logged = 0;            // index in Event::args, or kThreadOfLine: the tid that the line names, Event::tid
  int emitted = kUndecided;  // index in Emission::arg; kUndecided: no state decides it (addresses, the program counter)
  bool hex = false;          // how it is written
  bool data = false;         // it is the data argument of the call

  constexpr LineParameter in_hex() const {
    LineParameter out = *this;
    out.hex = true;
    return out;
  }
  constexpr LineParameter is_data() const {
    LineParameter out = *this;
    out.data = true;
    return out;
  }
};
inline constexpr int kThreadOfLine = LineParameter::kThreadOfLine;

// A CTR() of some kernel; the letters of `roles` stand for the conversions of the format, as ktr_lines.inc says.
struct LineFormat {
  std::string_view format, roles;
  std::int32_t arg0 = -1;
};

struct LineWords {
  Ktr line;
  std::string_view name;
  AtMost<LineParameter, 5> parameters;
  AtMost<LineFormat, 7> formats;
};

namespace line_words {

constexpr LineParameter of(std::string_view name, LineParameter::Is is, int logged, int emitted) {
  return {name, is, logged, emitted};
}
constexpr LineParameter number(std::string_view name, int logged, int emitted = LineParameter::kUndecided) {
  return of(name, LineParameter::Is::number, logged, emitted);
}
constexpr LineParameter events(std::string_view name, int logged, int emitted) {
  return of(name, LineParameter::Is::events, logged, emitted);
}
constexpr LineParameter process(std::string_view name, int logged, int emitted) {
  return of(name, LineParameter::Is::process, logged, emitted);
}
constexpr LineParameter thread(std::string_view name, int logged, int emitted) {
  return of(name, LineParameter::Is::thread, logged, emitted);
}
constexpr LineParameter thread_of_line(int emitted) { return thread("tid", kThreadOfLine, emitted); }

#define PARAMETERS(...) \
  { __VA_ARGS__ }
#define FORMATS(...) \
  { __VA_ARGS__ }
#define LINE(id, name, parameters, formats) LineWords{Ktr::id, name, parameters, formats},
inline constexpr std::array kTable{
#include "model/words/ktr_lines.inc"
};
#undef LINE
#undef FORMATS
#undef PARAMETERS

// Every conversion has its role, every role its parameter, every parameter its place in some format.
constexpr bool is_consistent(const LineWords& line) {
  const auto has = [&](int logged) {
    for (const LineParameter& p : line.parameters)
      if (p.logged == logged) return true;
    return false;
  };
  for (const LineFormat& f : line.formats) {
    if (std::count(f.format.begin(), f.format.end(), '%') != std::ptrdiff_t(f.roles.size())) return false;
    if (std::count(f.roles.begin(), f.roles.end(), 'p') != 1) return false;
    for (const char role : f.roles) {
      const bool digit = role >= '0' && role <= '7';
      if (!digit && role != 'p' && role != 't' && role != '-') return false;
      if (line.line != Ktr::none && ((digit && !has(role - '0')) || (role == 't' && !has(kThreadOfLine)))) return false;
    }
  }
  for (const LineParameter& p : line.parameters) {
    bool shown = false;
    for (const LineFormat& f : line.formats) {
      const char role = p.logged == kThreadOfLine ? 't' : char('0' + p.logged);
      shown = shown || f.roles.find(role) != std::string_view::npos || (p.logged == 0 && f.arg0 >= 0);
    }
    if (!shown) return false;
  }
  return line.formats.size() > 0;
}
static_assert(std::all_of(kTable.begin(), kTable.end(), is_consistent));

// Those that a rule emits, in the order of the rows.
inline constexpr auto kDecided = [] {
  std::array<AtMost<LineParameter, 3>, kTable.size()> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    AtMost<LineParameter, 3>& of = out[i];
    for (const LineParameter& p : kTable[i].parameters)
      if (p.emitted != LineParameter::kUndecided) of.push_back(p);
  }
  return out;
}();

}  // namespace line_words

inline constexpr const auto& kLines = line_words::kTable;
constexpr const LineWords& words(Ktr line) { return kLines[std::size_t(line)]; }

// What the line begins with in the log, and where that is not enough what it says.
constexpr std::string_view name(Ktr line) { return words(line).name; }

// The parameters that the state decides: each shows a part of what a rule emits.
constexpr std::span<const LineParameter> parameters(Ktr line) {
  const auto& decided = line_words::kDecided[std::size_t(line)];
  return {decided.begin(), decided.size()};
}

}  // namespace proctor::model
