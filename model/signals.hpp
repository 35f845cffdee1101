// SPDX-License-Identifier: BSD-2-Clause
//
// Signal numbers, and sets of signals.  How many different signals a state can hold is a parameter of the state: all 128
// where runs and sources are looked at, eight representatives where states are counted.  A signal that a set cannot hold
// is never a member of it, and adding it does nothing; whoever chooses signals asks holds() first.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "model/words/signals.hpp"

namespace proctor::model {

inline constexpr int kStopSignals[] = {kSigstop, kSigtstp, kSigttin, kSigttou};
inline constexpr int kTtyStopSignals[] = {kSigtstp, kSigttin, kSigttou};

// Signals 1 to 128.
class AllSignals {
 public:
  static constexpr bool holds(int sig) { return sig >= 1 && sig <= kSigmax; }
  constexpr bool has(int sig) const { return holds(sig) && (bits_[word(sig)] >> bit(sig) & 1U) != 0; }
  constexpr void add(int sig) {
    if (holds(sig)) bits_[word(sig)] |= 1U << bit(sig);
  }
  constexpr void remove(int sig) {
    if (holds(sig)) bits_[word(sig)] &= ~(1U << bit(sig));
  }
  constexpr int lowest() const {  // sig_ffs(); 0: the set is empty
    for (std::size_t i = 0; i < bits_.size(); ++i)
      if (bits_[i] != 0) return int(i) * 32 + std::countr_zero(bits_[i]) + 1;
    return 0;
  }
  constexpr bool empty() const { return (bits_[0] | bits_[1] | bits_[2] | bits_[3]) == 0; }
  friend constexpr AllSignals operator|(AllSignals a, const AllSignals& b) {
    for (std::size_t i = 0; i < a.bits_.size(); ++i) a.bits_[i] |= b.bits_[i];
    return a;
  }
  friend constexpr AllSignals operator-(AllSignals a, const AllSignals& b) {
    for (std::size_t i = 0; i < a.bits_.size(); ++i) a.bits_[i] &= ~b.bits_[i];
    return a;
  }
  friend constexpr bool operator==(const AllSignals&, const AllSignals&) = default;

 private:
  static constexpr std::size_t word(int sig) { return std::size_t(sig - 1) / 32; }
  static constexpr unsigned bit(int sig) { return unsigned(sig - 1) % 32; }
  std::array<std::uint32_t, 4> bits_{};
};

// Some signals, at most eight, in ascending order.
template <int... Signals>
class FewSignals {
 public:
  static constexpr std::array<int, sizeof...(Signals)> kHeld{Signals...};
  static_assert(kHeld.size() <= 8);
  static constexpr bool holds(int sig) { return mask(sig) != 0; }
  constexpr bool has(int sig) const { return (bits_ & mask(sig)) != 0; }
  constexpr void add(int sig) { bits_ = std::uint8_t(bits_ | mask(sig)); }
  constexpr void remove(int sig) { bits_ = std::uint8_t(bits_ & ~mask(sig)); }
  constexpr int lowest() const { return bits_ == 0 ? 0 : kHeld[std::size_t(std::countr_zero(bits_))]; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr FewSignals operator|(FewSignals a, FewSignals b) { return FewSignals(a.bits_ | b.bits_); }
  friend constexpr FewSignals operator-(FewSignals a, FewSignals b) { return FewSignals(a.bits_ & ~b.bits_); }
  friend constexpr bool operator==(FewSignals, FewSignals) = default;
  constexpr FewSignals() = default;

 private:
  constexpr explicit FewSignals(int bits) : bits_(std::uint8_t(bits)) {}
  static constexpr unsigned mask(int sig) {
    unsigned out = 0, bit = 1;
    for (const int held : kHeld) {
      if (held == sig) out = bit;
      bit <<= 1;
    }
    return out;
  }
  std::uint8_t bits_ = 0;
};

// Eight that stand for all: one that the machine raises, the two that cannot be caught, one that kills, a stop from the
// terminal, SIGCONT, one that is ignored by default, and one of the user's.
using EightSignals = FewSignals<kSigtrap, kSigkill, kSigterm, kSigstop, kSigtstp, kSigcont, kSigchld, kSigusr1>;

}  // namespace proctor::model
