// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor kernels`: the kernels of the model and what distinguishes them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "model/behaviours.hpp"

namespace proctor::rules {

struct KernelsOptions {
  std::string format = "text";
};
std::string kernels_report(const KernelsOptions& options);

}  // namespace proctor::rules
