// SPDX-License-Identifier: BSD-2-Clause
//
// PID_MAX of sys/proc.h: larger ids are of threads.
#pragma once

#include <cstdint>

namespace proctor::model {

inline constexpr std::int32_t kPidMax = 99999;
inline constexpr std::int32_t kDragonFlyPidMax = 999999;

}  // namespace proctor::model
