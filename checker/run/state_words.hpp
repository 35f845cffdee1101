// SPDX-License-Identifier: BSD-2-Clause
//
// Words for a state, and for what a step did to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.hpp"

namespace proctor::scenario {

bool is_pending(const model::SmallState& state, int p, int signal);  // for the process or one of its threads
inline constexpr std::string_view kPendingFlags[] = {"PEND_STOP", "PEND_KILL"};  // SIGSTOP, SIGKILL is pending
std::optional<int> pending_flag(std::string_view name);                          // PEND_STOP, PEND_KILL: the signal
std::vector<std::string> pending_words(const model::SmallState& state, int p);
unsigned shown_flags(const model::Proc& p);  // those that have words
std::string flag_words(const model::Proc& p);
std::string flag_words(const model::Lwp& td);
std::optional<std::uint16_t> proc_flag(std::string_view name);
std::optional<std::uint16_t> lwp_flag(std::string_view name);
std::string signal_words(int signal);
std::string thread_name(int slot);                    // "t2", "none"
std::string_view state_name(model::ProcState state);  // "alive"
std::string_view user_name(const model::Proc& p);     // "root"
std::vector<std::string> credential_names(const model::Proc& p);
std::string changes(const model::SmallState& before, const model::SmallState& after);

}  // namespace proctor::scenario
