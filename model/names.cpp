// SPDX-License-Identifier: BSD-2-Clause
#include "model/names.hpp"

#include <fmt/format.h>

namespace proctor::model {

std::string flag_names(std::span<const FlagName> table, int bits, std::string_view separator) {
  std::string out;
  const auto add = [&](std::string_view name) {
    if (!out.empty()) out += separator;
    out += name;
  };
  for (const auto& [bit, name] : table)
    if ((bits & bit) == bit) {
      add(name);
      bits &= ~bit;
    }
  if (bits != 0) add(fmt::format("{:#x}", bits));
  return out;
}

}  // namespace proctor::model
