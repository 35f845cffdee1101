// SPDX-License-Identifier: BSD-2-Clause
//
// A kernel is a value: the set of its named behaviours.  Each flag names what the code does, never a system, and cites
// the commit that brought it.  `proctor kernels` prints this table.
#pragma once

#include <string_view>

namespace proctor::model {

struct Behaviours {
  std::string_view name;
  std::string_view provenance;
  // r302902 (2016-07): p_ptevents replaces p_stops and P_FOLLOWFORK; brings PT_GET/SET_EVENT_MASK and PTRACE_VFORK
  bool event_mask;
  // r292894 (2015-12): PT_LWP_EVENTS, TDB_BORN, TDB_EXIT
  bool lwp_events;
  // r303423 (2016-07): the first stop after PT_ATTACH is its SIGSTOP, taken by one thread (P2_PTRACE_FSTP, TDB_FSTP)
  bool attach_stop_comes_first;
  // r303423, r315949: PT_DETACH forgets stops that were not reported and the SIGSTOP of an attach
  bool detach_forgets_stops;
  // r315949 (2017-03): SIGKILL from the debugger marks P_WKILLED and cannot be overtaken
  bool kill_is_immediate;
  // r291961 (2015-12): PT_READ and PT_WRITE answer ENOMEM for an unmapped address, before and in 10.4 EFAULT or EINVAL
  bool memory_fault_is_enomem;
};

// FreeBSD 10.4-RELEASE (r315949 for sys_process.c and kern_sig.c, r310585 for kern_exit.c).
inline constexpr Behaviours kFreebsd104{
    .name = "freebsd-10.4",
    .provenance = "FreeBSD 10.4-RELEASE, October 2017",
    .event_mask = true,
    .lwp_events = true,
    .attach_stop_comes_first = true,
    .detach_forgets_stops = true,
    .kill_is_immediate = true,
    .memory_fault_is_enomem = false,
};

}  // namespace proctor::model
