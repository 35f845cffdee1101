// SPDX-License-Identifier: BSD-2-Clause
//
// What the model leaves open, and what the answers are called and mean.  A row of open_choices.inc each, which says how
// to add one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/words/at_most.hpp"

namespace proctor::model {

enum class Open : std::uint8_t {
#define OPEN(id, ...) id,
#include "model/words/open_choices.inc"
#undef OPEN
};

struct OpenWay {
  std::string_view word;      // in scenarios
  std::string_view meaning;   // a sentence
  std::string_view how = {};  // for a printed test program; empty: a program cannot bring it about
};
struct OpenWords {
  enum class By : std::uint8_t { call, credentials, machine };
  Open kind;
  std::string_view word;
  By by;
  AtMost<OpenWay, 5> ways;
};

#define WAYS(...) \
  { __VA_ARGS__ }
#define OPEN(id, word, by, ways) OpenWords{Open::id, word, OpenWords::By::by, ways},
inline constexpr std::array kOpens{
#include "model/words/open_choices.inc"
};
#undef OPEN
#undef WAYS

inline constexpr std::size_t kOpenKinds = kOpens.size();
constexpr const OpenWords& words(Open kind) { return kOpens[std::size_t(kind)]; }

// How each is decided, by kind; 0 goes on.
using Choices = std::array<std::uint8_t, kOpenKinds>;

}  // namespace proctor::model
