// SPDX-License-Identifier: BSD-2-Clause
//
// Is what somebody does in a state among the steps that the relation has there?
#pragma once

#include <algorithm>

#include "model/environment/relation.hpp"

namespace proctor::test {

// Everything that somebody may choose, with what this step has chosen.
inline model::Universe universe_of(const model::Rule& rule, const model::Step& step) {
  model::Universe out{.signals = {}, .data = {}, .masks = {}, .statuses = {}, .capability_mode = true};
  for (std::size_t i = 0; i < step.arguments.size(); ++i) {
    const int value = step.arguments[i];
    switch (rule.arguments[i].takes) {
      case model::Takes::signal: out.signals = {value}; break;
      case model::Takes::data: out.data = {value}; break;
      case model::Takes::mask: out.masks = {value}; break;
      case model::Takes::status: out.statuses = {value}; break;
      default: break;
    }
  }
  return out;
}

// What no state decides is left out: who may step does not depend on it.
inline bool has_step(const model::Relation& relation, const model::Step& step, const model::SmallState& state) {
  const std::vector<model::Step> possible = relation.of_rule(state, universe_of(relation.rule(step), step), step.rule);
  return std::any_of(possible.begin(), possible.end(),
                     [&](const model::Step& other) { return other.arguments == step.arguments; });
}

}  // namespace proctor::test
