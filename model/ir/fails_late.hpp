// SPDX-License-Identifier: BSD-2-Clause
//
// What a recorded program says about a KTR line and the checks that come after it: a line that was written does not always
// tell of a call that succeeded.
#pragma once

#include <span>

#include "model/ir/program.hpp"

namespace proctor::model::ir {

// Can a run of the program write this line and fail?  `settled` are open questions to which the machine knows one answer
// only, the one that goes on.  What depends on the state or on arguments is taken as possible both ways.
bool may_fail_after(const Program& program, Ktr line, std::span<const Open> settled = {});

}  // namespace proctor::model::ir
