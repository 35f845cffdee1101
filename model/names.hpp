// SPDX-License-Identifier: BSD-2-Clause
//
// Sets of bits of the state in words.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/words/flags.hpp"

namespace proctor::model {

// "P_TRACED P_WAITED" with that separator; bits without a name as a number.
std::string flag_names(std::span<const FlagName> table, int bits, std::string_view separator);

}  // namespace proctor::model
