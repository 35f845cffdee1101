// SPDX-License-Identifier: BSD-2-Clause
//
// The kernels.  Each is a value: a point on the timeline of named behaviours, with what it does otherwise.  Rules ask for
// a behaviour by name (k.behaviour().event_mask); `proctor kernels` prints all of this.
#pragma once

#include "model/kernels/timeline.hpp"

namespace proctor::model {

// 5.1-CURRENT before SA-03:09; the day is not known, but the file is older than the __FBSDID() lines of June 2003.
inline constexpr Behaviours kFreebsd51 = resolve({.name = "freebsd-5.1",
                                                  .provenance = "FreeBSD 77b7cdf1999e, 5.1-CURRENT, early 2003",
                                                  .source = Source::freebsd51,
                                                  .lines = &kFreebsd51Lines,
                                                  .branch = Branch::head,
                                                  .date = 20030531});

// The fix of SA-03:09; nothing else in kern_ptrace() differs.
inline constexpr Behaviours kFreebsd51Sa0309 =
    resolve({.name = "freebsd-5.1-sa0309",
             .provenance = "FreeBSD 007e25d95aae, 5.1-CURRENT, 10 August 2003",
             .source = Source::freebsd51_sa0309,
             .lines = &kFreebsd51Sa0309Lines,
             .branch = Branch::head,
             .date = 20030810});

inline constexpr Behaviours kFreebsd11c = resolve({.name = "freebsd-11c",
                                                   .provenance = "FreeBSD c6a33c8e88c5, head r291961, 7 December 2015",
                                                   .source = Source::freebsd11c,
                                                   .lines = &kFreebsd11cLines,
                                                   .branch = Branch::head,
                                                   .date = 20151207});

// r315949 for sys_process.c, r310585 for kern_exit.c.
inline constexpr Behaviours kFreebsd104 = resolve({.name = "freebsd-10.4",
                                                   .provenance = "FreeBSD 10.4-RELEASE, October 2017",
                                                   .source = Source::freebsd104,
                                                   .lines = &kFreebsd104Lines,
                                                   .branch = Branch::stable10,
                                                   .date = 20171003});

// kern_ptrace() of freebsd-11c built into a 10.4 kernel, its neighbours adapted to p_stops and P_FOLLOWFORK: signals, stops,
// wait and exit are those of 10.4.  Logs of it exist, and it shows that kernels are values.
inline constexpr Behaviours kFreebsd11cIn104 =
    resolve({.name = "freebsd-11c-in-10.4",
             .provenance = "sys_process.c of freebsd-11c in FreeBSD 10.4-RELEASE",
             .source = Source::freebsd11c,
             .lines = &kFreebsd11cIn104Lines,
             .branch = Branch::head,
             .date = 20151207,
             .exceptions = {{&Behaviours::vfork_is_marked, true},
                            {&Behaviours::first_reporter_keeps_stop, true},
                            {&Behaviours::reaper_hears_of_zombies, true},
                            {&Behaviours::word_is_sent, true},
                            {&Behaviours::job_stop_takes_signal_first, true},
                            {&Behaviours::new_threads_come_last, false},
                            {&Behaviours::wait_any_passes_procdesc, false},
                            {&Behaviours::getppid_is_real_parent, false}}});

// DragonFly kept the 4.x text of 2003 and put tokens around it.
inline constexpr Behaviours kDragonfly55 = resolve({.name = "dragonfly-5.5",
                                                    .provenance = "DragonFly b608d1d3, 5.5-DEVELOPMENT, 31 May 2019",
                                                    .source = Source::dragonfly55,
                                                    .lines = &kDragonfly55Lines,
                                                    .branch = Branch::dragonfly,
                                                    .date = 20190531});

// The same tree with one later commit of kern_sig.c.
inline constexpr Behaviours kDragonfly55Be1f9dd =
    resolve({.name = "dragonfly-5.5-be1f9dd",
             .provenance = "DragonFly b608d1d3 with kern_sig.c of be1f9ddcee, 13 June 2019",
             .source = Source::dragonfly55,
             .lines = &kDragonfly55Be1f9ddLines,
             .branch = Branch::dragonfly,
             .date = 20190613});

inline constexpr Behaviours kFreebsd111 = resolve({.name = "freebsd-11.1",
                                                   .provenance = "FreeBSD 11.1-RELEASE, July 2017",
                                                   .source = Source::freebsd111,
                                                   .lines = &kFreebsd111Lines,
                                                   .branch = Branch::stable11,
                                                   .date = 20170726});

inline constexpr const Behaviours* kKernels[] = {&kFreebsd51,       &kFreebsd51Sa0309,    &kFreebsd11c,
                                                 &kDragonfly55,     &kDragonfly55Be1f9dd, &kFreebsd104,
                                                 &kFreebsd11cIn104, &kFreebsd111};

}  // namespace proctor::model
