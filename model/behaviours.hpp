// SPDX-License-Identifier: BSD-2-Clause
//
// A kernel is a value: the set of its named behaviours.  Each flag names what the code does, never a system, and cites
// the commit that brought it, as far as it is known.  `proctor kernels` prints this table.
#pragma once

#include <string_view>

#include "model/kernels/lines.hpp"

namespace proctor::model {

// Which sys_process.c the kernel has.
enum class Source : unsigned char { freebsd51, freebsd51_sa0309, freebsd11c, dragonfly55, freebsd104 };

struct Behaviours {
  std::string_view name;
  std::string_view provenance;
  Source source;
  const LineFile* lines;
  // DragonFly since 2003 (4.x): tokens instead of locks, lwps, and its own kern_ptrace()
  bool tokens;

  // Requests that exist
  // from r132016 on (2004-07): PT_LWPINFO to PT_RESUME, and a thread id is accepted where a pid is
  bool thread_requests;
  // between 5.1 and 7: PT_TO_SCE, PT_TO_SCX, PT_SYSCALL
  bool syscall_stops;
  // between 7 and 9.3: PT_FOLLOW_FORK
  bool follow_fork;
  // 2010-02: PT_VM_TIMESTAMP, PT_VM_ENTRY
  bool vm_requests;
  // r302902 (2016-07): p_ptevents replaces p_stops and P_FOLLOWFORK; brings PT_GET/SET_EVENT_MASK and PTRACE_VFORK
  bool event_mask;
  // r292894 (2015-12): PT_LWP_EVENTS, TDB_BORN, TDB_EXIT
  bool lwp_events;

  // Checks
  // 9.0: in capability mode (cap_enter(2)) ptrace(2) answers ECAPMODE
  bool capability_mode;
  // 2006-02, "Close some races between procfs/ptrace and exit(2)": a process in exit1() answers ESRCH
  bool exiting_is_no_process;
  // r289660 (2015-10): PT_TRACE_ME refuses a traced process and a child of init
  bool trace_me_needs_parent;
  // between 2003 and 2015: a request that no kernel knows is first asked whether it may, and only then refused
  bool any_number_needs_tracee;
  // between 2003 and 2015: all threads must be suspended, not only P_SHOULDSTOP() set
  bool all_threads_must_stop;
  // 007e25d95aae (2003-08-10, SA-03:09): the signal number of PT_STEP is checked too
  bool step_checks_signal;
  // between 2003 and 2015: p_candebug() of a process in execve() says EBUSY, not EAGAIN
  bool in_exec_is_ebusy;

  // Effects
  // between 2003 and 2015: PT_STEP and PT_DETACH leave the program counter alone
  bool only_continue_sets_pc;
  // 2006-02, as exiting_is_no_process: the target is held for the whole request, not only around calls that may sleep
  bool target_is_held;
  // r269656 (2014-08): the real parent is found by the tree (p_orphans, proc_realparent()), not by its pid
  bool real_parent_by_tree;
  // between 5.1 and 7: PT_ATTACH posts its SIGSTOP even to a process that is stopped already
  bool attach_posts_sigstop;
  // between 2003 and 2015: a resumed process is no longer P_WAITED
  bool resume_clears_waited;
  // 2004-07, "Add code to support debugging threaded process": the stop belongs to one thread (p_xthread, td_xsig), and
  // threads are suspended one by one
  bool stop_has_thread;
  // r303423 (2016-07), sys_process.c: the first stop after PT_ATTACH is its SIGSTOP (P2_PTRACE_FSTP)
  bool attach_stop_comes_first;
  // r303001 (2016-07), kern_fork.c: the parent of a vfork is marked (TDB_VFORK) until the child lets it go on
  bool vfork_is_marked;
  // r303423 (2016-07), kern_sig.c: the thread that reports a stop first stays its reporter, and TDB_FSTP comes before all
  bool first_reporter_keeps_stop;
  // r303423, r315949: PT_DETACH forgets stops that were not reported and the SIGSTOP of an attach
  bool detach_forgets_stops;
  // r315949 (2017-03): SIGKILL from the debugger marks P_WKILLED and cannot be overtaken
  bool kill_is_immediate;
  // r291961 (2015-12): PT_READ and PT_WRITE answer ENOMEM for an unmapped address, before and in 10.4 EFAULT
  bool memory_fault_is_enomem;
  // between 2003 and 2015: proc_rwmem() tells a shortage of memory (ENOMEM) from a bad address (EFAULT)
  bool memory_shortage_is_enomem;
  // between 2003 and 2015: PT_IO says when it could not write its descriptor back
  bool io_copyout_checked;

  // Locks
  // 5.x: memory is read under Giant, threads are resumed under sched_lock; later under the process' own spin lock
  bool giant_and_sched_lock;

  // Wait and exit
  // r283600 (2015-05, not confirmed): a debugger that is the real parent gets an exit status once
  bool status_reported_once;
  // r242958 (2012-11): wait6(2), and with it WNOWAIT; before, wait4(2) knew fewer options
  bool wait6;
  // 10.2, and DragonFly: PROC_REAP_ACQUIRE
  bool reapers;
  // 2015-08, head only: getppid(2) of a traced process names its real parent, not its debugger
  bool getppid_is_real_parent;
  // between 9.3 and 2015: exit1() gives tracees to their real parent, not to init
  bool tracees_go_to_real_parent;

  // between 5.1 and 10.2 (r281954 to r284878): KTR_PTRACE lines
  bool writes_ktr;
};

// 5.1-CURRENT of early 2003, before SA-03:09.
inline constexpr Behaviours kFreebsd51{
    .name = "freebsd-5.1",
    .provenance = "FreeBSD 77b7cdf1999e, 5.1-CURRENT, early 2003",
    .source = Source::freebsd51,
    .lines = &kFreebsd51Lines,
    .tokens = false,
    .thread_requests = false,
    .syscall_stops = false,
    .follow_fork = false,
    .vm_requests = false,
    .event_mask = false,
    .lwp_events = false,
    .capability_mode = false,
    .exiting_is_no_process = false,
    .trace_me_needs_parent = false,
    .any_number_needs_tracee = false,
    .all_threads_must_stop = false,
    .step_checks_signal = false,
    .in_exec_is_ebusy = false,
    .only_continue_sets_pc = false,
    .target_is_held = false,
    .real_parent_by_tree = false,
    .attach_posts_sigstop = false,
    .resume_clears_waited = false,
    .stop_has_thread = false,
    .attach_stop_comes_first = false,
    .vfork_is_marked = false,
    .first_reporter_keeps_stop = false,
    .detach_forgets_stops = false,
    .kill_is_immediate = false,
    .memory_fault_is_enomem = false,
    .memory_shortage_is_enomem = false,
    .io_copyout_checked = false,
    .giant_and_sched_lock = true,
    .status_reported_once = false,
    .wait6 = false,
    .reapers = false,
    .getppid_is_real_parent = false,
    .tracees_go_to_real_parent = false,
    .writes_ktr = false,
};

// The fix of SA-03:09; nothing else in kern_ptrace() differs.
inline constexpr Behaviours kFreebsd51Sa0309 = [] {
  Behaviours k = kFreebsd51;
  k.name = "freebsd-5.1-sa0309";
  k.provenance = "FreeBSD 007e25d95aae, 5.1-CURRENT, 10 August 2003";
  k.source = Source::freebsd51_sa0309;
  k.lines = &kFreebsd51Sa0309Lines;
  k.step_checks_signal = true;
  return k;
}();

// FreeBSD 10.4-RELEASE (r315949 for sys_process.c and kern_sig.c, r310585 for kern_exit.c).
inline constexpr Behaviours kFreebsd104{
    .name = "freebsd-10.4",
    .provenance = "FreeBSD 10.4-RELEASE, October 2017",
    .source = Source::freebsd104,
    .lines = &kFreebsd104Lines,
    .tokens = false,
    .thread_requests = true,
    .syscall_stops = true,
    .follow_fork = true,
    .vm_requests = true,
    .event_mask = true,
    .lwp_events = true,
    .capability_mode = true,
    .exiting_is_no_process = true,
    .trace_me_needs_parent = true,
    .any_number_needs_tracee = true,
    .all_threads_must_stop = true,
    .step_checks_signal = true,
    .in_exec_is_ebusy = true,
    .only_continue_sets_pc = true,
    .target_is_held = true,
    .real_parent_by_tree = true,
    .attach_posts_sigstop = true,
    .resume_clears_waited = true,
    .stop_has_thread = true,
    .attach_stop_comes_first = true,
    .vfork_is_marked = true,
    .first_reporter_keeps_stop = true,
    .detach_forgets_stops = true,
    .kill_is_immediate = true,
    .memory_fault_is_enomem = false,
    .memory_shortage_is_enomem = true,
    .io_copyout_checked = true,
    .giant_and_sched_lock = false,
    .status_reported_once = true,
    .wait6 = true,
    .reapers = true,
    .getppid_is_real_parent = false,
    .tracees_go_to_real_parent = true,
    .writes_ktr = true,
};

// Head of December 2015: what 10.4 had before the event mask and the stop of its own, and ENOMEM.
inline constexpr Behaviours kFreebsd11c = [] {
  Behaviours k = kFreebsd104;
  k.name = "freebsd-11c";
  k.provenance = "FreeBSD c6a33c8e88c5, head r291961, 7 December 2015";
  k.source = Source::freebsd11c;
  k.lines = &kFreebsd11cLines;
  k.event_mask = false;
  k.lwp_events = false;
  k.attach_stop_comes_first = false;
  k.vfork_is_marked = false;
  k.first_reporter_keeps_stop = false;
  k.detach_forgets_stops = false;
  k.kill_is_immediate = false;
  k.memory_fault_is_enomem = true;
  k.getppid_is_real_parent = true;
  return k;
}();

// kern_ptrace() of freebsd-11c built into a 10.4 kernel, its neighbours adapted to p_stops and P_FOLLOWFORK: signals, stops,
// wait and exit are those of 10.4.  Logs of it exist, and it shows that kernels are values.
inline constexpr Behaviours kFreebsd11cIn104 = [] {
  Behaviours k = kFreebsd11c;
  k.name = "freebsd-11c-in-10.4";
  k.provenance = "sys_process.c of freebsd-11c in FreeBSD 10.4-RELEASE";
  k.lines = &kFreebsd11cIn104Lines;
  k.vfork_is_marked = true;
  k.first_reporter_keeps_stop = true;
  k.getppid_is_real_parent = false;
  return k;
}();

// DragonFly kept the 4.x text of 2003 (with SA-03:09 fixed) and put tokens around it.
inline constexpr Behaviours kDragonfly55 = [] {
  Behaviours k = kFreebsd51Sa0309;
  k.name = "dragonfly-5.5";
  k.provenance = "DragonFly b608d1d3, 5.5-DEVELOPMENT, 31 May 2019";
  k.source = Source::dragonfly55;
  k.lines = &kDragonfly55Lines;
  k.tokens = true;
  k.reapers = true;
  k.target_is_held = true;
  k.giant_and_sched_lock = false;
  return k;
}();

inline constexpr const Behaviours* kKernels[] = {&kFreebsd51,   &kFreebsd51Sa0309, &kFreebsd11c,
                                                 &kDragonfly55, &kFreebsd104,      &kFreebsd11cIn104};

}  // namespace proctor::model
