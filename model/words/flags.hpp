// SPDX-License-Identifier: BSD-2-Clause
//
// The bits of the state by name.  A row of flags.inc each, which says how to add one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace proctor::model {

enum ProcFlag : std::uint16_t {
#define PROCESS_FLAG(name, bit) name = bit,
#include "model/words/flags.inc"
};
enum LwpFlag : std::uint16_t {
#define THREAD_FLAG(name, bit) name = bit,
#include "model/words/flags.inc"
};
enum PtEvent : std::uint8_t {
#define EVENT(name, bit) name = bit,
#include "model/words/flags.inc"
};
// What p_cansee() and p_candebug() look at, and the rest of what a process brings along.  A state made from a log knows
// nothing of the former: then the answer is open.
enum ProcCred : std::uint16_t {
#define CREDENTIAL(name, bits, word) name = bits,
#include "model/words/flags.inc"
  CR_ROOT = 0x0001,  // of CR_UID
};
inline constexpr int kRealUid = 0x0400;  // times a user is that user in CR_RUID

inline constexpr std::uint16_t P_STOPPED = P_STOPPED_SIG | P_STOPPED_TRACE;
inline constexpr std::uint16_t TDB_MASK = 0x1fff;  // the kernel's own
inline constexpr std::uint8_t PTRACE_DEFAULT = PTRACE_EXEC;

struct FlagName {
  int bit;
  std::string_view name;
};
inline constexpr std::array kProcessFlags{
#define PROCESS_FLAG(name, bit) FlagName{bit, #name},
#include "model/words/flags.inc"
};
inline constexpr std::array kThreadFlags{
#define THREAD_FLAG(name, bit) FlagName{bit, #name},
#include "model/words/flags.inc"
};
inline constexpr std::array kEventFlags{
#define EVENT(name, bit) FlagName{bit, #name},
#include "model/words/flags.inc"
};
inline constexpr std::array kCredentials{
#define CREDENTIAL(name, bits, word) FlagName{bits, #name},
#include "model/words/flags.inc"
};
// The same by the words that scenarios have for them; empty: none.
inline constexpr std::array kCredentialWords{
#define CREDENTIAL(name, bits, word) FlagName{bits, word},
#include "model/words/flags.inc"
};

// Every PTRACE_* bit.
inline constexpr std::uint8_t kEventsAll = [] {
  int all = 0;
  for (const FlagName& event : kEventFlags) all |= event.bit;
  return std::uint8_t(all);
}();

// The bits of a kind do not overlap.
template <std::size_t N>
constexpr bool are_apart(const std::array<FlagName, N>& flags) {
  int seen = 0;
  for (const FlagName& flag : flags) {
    if ((seen & flag.bit) != 0) return false;
    seen |= flag.bit;
  }
  return true;
}
static_assert(are_apart(kProcessFlags) && are_apart(kThreadFlags) && are_apart(kEventFlags) && are_apart(kCredentials));

}  // namespace proctor::model
