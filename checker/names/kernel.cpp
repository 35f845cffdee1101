// SPDX-License-Identifier: BSD-2-Clause
#include "checker/names/kernel.hpp"

#include <fmt/format.h>

namespace proctor::names {

const Words& kernels() {
  static const Words names = [] {
    Words out;
    for (const model::Behaviours* kernel : model::kKernels) out.emplace_back(kernel->name);
    return out;
  }();
  return names;
}

const model::Behaviours* kernel(std::string_view name) {
  for (const model::Behaviours* kernel : model::kKernels)
    if (kernel->name == name) return kernel;
  return nullptr;
}

std::string no_such_kernel(std::string_view name, const Words& known) {
  return fmt::format("--kernel {}: no such kernel: {}", name, instead_of(name, known, "a kernel"));
}

tl::expected<const model::Behaviours*, std::string> kernel_of_option(std::string_view name) {
  const model::Behaviours* found = kernel(name);
  if (found == nullptr) return tl::make_unexpected(no_such_kernel(name, kernels()));
  return found;
}

}  // namespace proctor::names
