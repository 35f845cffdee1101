// SPDX-License-Identifier: BSD-2-Clause
//
// The system calls of the table (model/words/system_calls.inc), as the acceptor speaks of them.
#pragma once

#include "model/kernel.hpp"
#include "model/words/errors.hpp"
#include "model/words/system_calls.hpp"

namespace proctor::check {

namespace sys = model::sys;
using model::changes_credentials;
using model::is_exec;
using model::is_fork;
using model::is_modelled;
using model::is_wait;
using model::kJustReturn;
using model::sets_signal_action;

}  // namespace proctor::check
