// SPDX-License-Identifier: BSD-2-Clause
//
// What `check` asks of a process or a thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "checker/run/action.hpp"
#include "model/state.hpp"

namespace proctor::scenario {

struct Property {
  std::string text;  // "!P_WAITED"
  std::function<bool(const model::SmallState&, int slot)> holds;
};

// Fails with what is wrong and at which letter of the word.
struct NoProperty {
  std::size_t at;
  std::string what;
};
tl::expected<Property, NoProperty> process_property(std::string_view word);
tl::expected<Property, NoProperty> thread_property(std::string_view word);

// All of it, for a message about a property that does not hold.
std::string describe_process(const model::SmallState& state, int slot);
std::string describe_thread(const model::SmallState& state, int slot);

}  // namespace proctor::scenario
