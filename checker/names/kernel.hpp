// SPDX-License-Identifier: BSD-2-Clause
//
// The kernels by name, as -k and the scenarios have them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "checker/names/nearest.hpp"
#include "model/behaviours.hpp"

namespace proctor::names {

const Words& kernels();
const model::Behaviours* kernel(std::string_view name);  // or null

// The same for an option, or what is wrong with it: "--kernel x: no such kernel: expected a kernel: ...".
tl::expected<const model::Behaviours*, std::string> kernel_of_option(std::string_view name);
std::string no_such_kernel(std::string_view name, const Words& known);

}  // namespace proctor::names
