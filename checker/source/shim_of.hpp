// SPDX-License-Identifier: BSD-2-Clause
//
// Which miniature kernel a source of a kernel is compiled against.
#pragma once

#include <string_view>

#include "model/behaviours.hpp"

namespace proctor::source {

struct Shim {
  std::string_view family;
  int number;  // PROCTOR_KERNEL
};

constexpr Shim shim_of(const model::Behaviours& kernel) {
  switch (kernel.source) {
    case model::Source::freebsd51: return Shim{"freebsd", 51};
    case model::Source::freebsd51_sa0309: return Shim{"freebsd", 52};
    case model::Source::freebsd11c: return Shim{"freebsd", 110};
    case model::Source::dragonfly55: return Shim{"dragonfly", 55};
    case model::Source::freebsd104: return Shim{"freebsd", 104};
    case model::Source::freebsd111: return Shim{"freebsd", 111};
  }
  return {};
}

}  // namespace proctor::source
