// SPDX-License-Identifier: BSD-2-Clause
//
// A list of at most N, inside a row of a table.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>

namespace proctor::model {

template <class T, std::size_t N>
class AtMost {
 public:
  constexpr AtMost() = default;
  constexpr AtMost(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }
  constexpr void push_back(const T& item) {
    items_.at(count_++) = item;
  }  // of a constant, one too many does not compile
  constexpr const T* begin() const { return items_.data(); }
  constexpr const T* end() const { return items_.data() + count_; }
  constexpr std::size_t size() const { return count_; }
  constexpr const T& operator[](std::size_t i) const { return items_[i]; }

 private:
  std::array<T, N> items_{};
  std::size_t count_ = 0;
};

}  // namespace proctor::model
