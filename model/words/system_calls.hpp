// SPDX-License-Identifier: BSD-2-Clause
//
// System calls by name and number, and what kind of call the acceptor takes them for.  A row of system_calls.inc each,
// which says how to add one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace proctor::model {

// System calls are known by their FreeBSD number, DragonFly's own by theirs and this bit.  kUnknownSyscall stands for
// one that a text log names and that has no row.
inline constexpr std::uint16_t kUnknownSyscall = 0xffff;
inline constexpr std::uint16_t kOfDragonFly = 0x4000;

// The numbers: sys::wait4.
namespace sys {
#define OTHER_NAME(name, id)
#define SYSTEM_CALL(id, name, number, dragonfly, meaning) inline constexpr std::uint16_t id = number;
#include "model/words/system_calls.inc"
#undef SYSTEM_CALL
}  // namespace sys

struct SystemCall {
  enum class Meaning : std::uint8_t { none, fork, exec, wait, judged, credentials, signal_action };
  std::string_view name;
  std::uint16_t number;
  std::uint16_t dragonfly;  // if it is another there, else 0
  Meaning meaning;
};
inline constexpr std::array kSystemCalls{
#define SYSTEM_CALL(id, name, number, dragonfly, meaning) \
  SystemCall{name, number, dragonfly, SystemCall::Meaning::meaning},
#include "model/words/system_calls.inc"
#undef SYSTEM_CALL
};
#undef OTHER_NAME

struct SystemCallName {
  std::string_view name;
  std::uint16_t number;
};
// All names of all calls, sorted.
inline constexpr auto kSystemCallNames = [] {
  std::array names{
#define OTHER_NAME(name, id) SystemCallName{name, sys::id},
#define SYSTEM_CALL(id, name, number, dragonfly, meaning) SystemCallName{name, sys::id},
#include "model/words/system_calls.inc"
#undef SYSTEM_CALL
#undef OTHER_NAME
  };
  for (std::size_t i = 1; i < names.size(); ++i)
    for (std::size_t j = i; j > 0 && names[j].name < names[j - 1].name; --j) {
      const SystemCallName lower = names[j];
      names[j] = names[j - 1];
      names[j - 1] = lower;
    }
  return names;
}();

// kUnknownSyscall: no row has the name.
constexpr std::uint16_t syscall_number(std::string_view name) {
  std::size_t low = 0, high = kSystemCallNames.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (kSystemCallNames[middle].name < name)
      low = middle + 1;
    else
      high = middle;
  }
  const bool found = low < kSystemCallNames.size() && kSystemCallNames[low].name == name;
  return found ? kSystemCallNames[low].number : kUnknownSyscall;
}
// The name that FreeBSD 10 prints, or an empty string.
constexpr std::string_view syscall_name(std::uint16_t number) {
  for (const SystemCall& row : kSystemCalls)
    if (row.number == number) return row.name;
  return {};
}

// DragonFly's number -> FreeBSD's, or the number with kOfDragonFly.  Up to FreeBSD 4.x, from which DragonFly comes, the
// numbers are the same.
constexpr std::uint16_t from_dragonfly(std::uint16_t number) {
  constexpr std::uint16_t kOwn = 374;  // the first that FreeBSD gave out after the two parted
  for (const SystemCall& row : kSystemCalls)
    if (row.dragonfly == number && number != 0) return row.number;
  return number < kOwn ? number : number | kOfDragonFly;
}

// By number, as every record of a log asks for it.
inline constexpr auto kMeanings = [] {
  std::array<SystemCall::Meaning, 600> out{};
  for (const SystemCall& row : kSystemCalls)
    if (row.number < kOfDragonFly) out.at(row.number) = row.meaning;
  return out;
}();
constexpr bool has_meaning(std::uint16_t code, SystemCall::Meaning meaning) {
  return code < kMeanings.size() && kMeanings[code] == meaning;
}
constexpr bool is_fork(std::uint16_t code) { return has_meaning(code, SystemCall::Meaning::fork); }
constexpr bool is_exec(std::uint16_t code) { return has_meaning(code, SystemCall::Meaning::exec); }
constexpr bool is_wait(std::uint16_t code) { return has_meaning(code, SystemCall::Meaning::wait); }
constexpr bool changes_credentials(std::uint16_t code) { return has_meaning(code, SystemCall::Meaning::credentials); }
// sigaction(2) in the numbers that it has had; the arguments are the same.
constexpr bool sets_signal_action(std::uint16_t code) { return has_meaning(code, SystemCall::Meaning::signal_action); }
// Calls whose outcome the model judges.
constexpr bool is_modelled(std::uint16_t code) {
  return is_fork(code) || is_exec(code) || is_wait(code) || has_meaning(code, SystemCall::Meaning::judged);
}

}  // namespace proctor::model
