// SPDX-License-Identifier: BSD-2-Clause
#include "model/lean.hpp"

namespace proctor::model {

// programs.cpp has them, built with PROCTOR_LEAN_KERNEL.
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd51>();
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd51Sa0309>();
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd11c>();
template <>
std::vector<LeanRule> lean_rules_of<kDragonfly55>();
template <>
std::vector<LeanRule> lean_rules_of<kDragonfly55Be1f9dd>();
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd104>();
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd11cIn104>();
template <>
std::vector<LeanRule> lean_rules_of<kFreebsd111>();

std::vector<LeanRule> lean_rules(const Behaviours& kernel) {
  struct {
    const Behaviours& kernel;
    std::vector<LeanRule> (*rules)();
  } constexpr all[] = {{kFreebsd51, lean_rules_of<kFreebsd51>},
                       {kFreebsd51Sa0309, lean_rules_of<kFreebsd51Sa0309>},
                       {kFreebsd11c, lean_rules_of<kFreebsd11c>},
                       {kDragonfly55, lean_rules_of<kDragonfly55>},
                       {kDragonfly55Be1f9dd, lean_rules_of<kDragonfly55Be1f9dd>},
                       {kFreebsd104, lean_rules_of<kFreebsd104>},
                       {kFreebsd11cIn104, lean_rules_of<kFreebsd11cIn104>},
                       {kFreebsd111, lean_rules_of<kFreebsd111>}};
  for (const auto& one : all)
    if (one.kernel.name == kernel.name) return one.rules();
  return {};
}

}  // namespace proctor::model
