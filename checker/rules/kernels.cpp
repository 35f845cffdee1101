// SPDX-License-Identifier: BSD-2-Clause
#include "checker/rules/kernels.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

namespace proctor::rules {

using B = model::Behaviours;

namespace {

constexpr Behaviour kBehaviours[] = {
    {"tokens", &B::tokens, "Tokens in place of locks, lwps, and a kern_ptrace() of its own",
     "DragonFly since 2003 (4.x)"},
    // requests
    {"thread_requests", &B::thread_requests,
     "PT_LWPINFO to PT_RESUME exist, and a thread id is accepted where a pid is", "from r132016 on (July 2004)"},
    {"syscall_stops", &B::syscall_stops, "PT_TO_SCE, PT_TO_SCX and PT_SYSCALL exist", "between 5.1 and 7"},
    {"follow_fork", &B::follow_fork, "PT_FOLLOW_FORK exists", "between 7 and 9.3"},
    {"vm_requests", &B::vm_requests, "PT_VM_TIMESTAMP and PT_VM_ENTRY exist", "February 2010"},
    {"event_mask", &B::event_mask,
     "p_ptevents in place of p_stops and P_FOLLOWFORK; PT_GET_EVENT_MASK, PT_SET_EVENT_MASK and PTRACE_VFORK exist",
     "r302902 (July 2016)"},
    {"lwp_events", &B::lwp_events, "PT_LWP_EVENTS, TDB_BORN and TDB_EXIT exist", "r292894 (December 2015)"},
    // checks
    {"capability_mode", &B::capability_mode, "In capability mode (cap_enter(2)) ptrace(2) answers ECAPMODE", "9.0"},
    {"exiting_is_no_process", &B::exiting_is_no_process, "A process in exit1() answers ESRCH",
     "22 February 2006, \"Close some races between procfs..\""},
    {"trace_me_needs_parent", &B::trace_me_needs_parent, "PT_TRACE_ME refuses a traced process and a child of init",
     "r289660 (October 2015)"},
    {"any_number_needs_tracee", &B::any_number_needs_tracee,
     "A request that no kernel knows is first asked whether it may, and only then refused", "between 2003 and 2015"},
    {"all_threads_must_stop", &B::all_threads_must_stop,
     "All threads of the tracee must be suspended, P_SHOULDSTOP() is not enough", "between 2003 and 2015"},
    {"step_checks_signal", &B::step_checks_signal, "The signal number of PT_STEP is checked too",
     "007e25d95aae (10 August 2003, SA-03:09)"},
    {"in_exec_is_ebusy", &B::in_exec_is_ebusy, "A process in execve() is EBUSY to p_candebug(), without this EAGAIN",
     "between 2003 and 2015"},
    // effects
    {"only_continue_sets_pc", &B::only_continue_sets_pc, "PT_STEP and PT_DETACH leave the program counter alone",
     "between 2003 and 2015"},
    {"target_is_held", &B::target_is_held,
     "The target is held for the whole request, not only around calls that may sleep",
     "22 February 2006, \"Close some races between procfs..\""},
    {"real_parent_by_tree", &B::real_parent_by_tree,
     "The real parent is found by the tree (p_orphans, proc_realparent()), not by its pid", "r269656 (August 2014)"},
    {"attach_posts_sigstop", &B::attach_posts_sigstop,
     "PT_ATTACH posts its SIGSTOP even to a process that is stopped already", "between 5.1 and 7"},
    {"resume_clears_waited", &B::resume_clears_waited, "A resumed process is no longer P_WAITED",
     "between 2003 and 2015"},
    {"stop_has_thread", &B::stop_has_thread,
     "A stop belongs to one thread (p_xthread, td_xsig), and threads are suspended one by one",
     "July 2004, \"Add code to support debugging threaded process\""},
    {"attach_stop_comes_first", &B::attach_stop_comes_first,
     "The first stop after PT_ATTACH is its SIGSTOP (P2_PTRACE_FSTP)", "r303423 (July 2016)"},
    {"vfork_is_marked", &B::vfork_is_marked,
     "The parent of a vfork is marked (TDB_VFORK) until the child lets it go on", "r303001 (July 2016)"},
    {"first_reporter_keeps_stop", &B::first_reporter_keeps_stop,
     "The thread that reports a stop first stays its reporter, and TDB_FSTP comes before all", "r303423 (July 2016)"},
    {"detach_forgets_stops", &B::detach_forgets_stops,
     "PT_DETACH forgets stops that were not reported, and the SIGSTOP of an attach", "r303423, r315949"},
    {"kill_is_immediate", &B::kill_is_immediate, "SIGKILL from the debugger marks P_WKILLED and cannot be overtaken",
     "r315949 (March 2017)"},
    {"memory_fault_is_enomem", &B::memory_fault_is_enomem,
     "PT_READ and PT_WRITE of an unmapped address answer ENOMEM, without this EFAULT or EINVAL",
     "r291961 (December 2015), not in 10.4"},
    {"memory_shortage_is_enomem", &B::memory_shortage_is_enomem,
     "PT_READ, PT_WRITE and PT_IO tell a shortage of memory (ENOMEM) from a bad address", "between 2003 and 2015"},
    {"io_copyout_checked", &B::io_copyout_checked, "PT_IO says when it could not write its descriptor back",
     "between 2003 and 2015"},
    // locks
    {"giant_and_sched_lock", &B::giant_and_sched_lock,
     "Memory is read under Giant, threads are resumed under sched_lock, not under the process's own spin lock", "5.x"},
    // wait and exit
    {"status_reported_once", &B::status_reported_once, "A debugger that is the real parent gets an exit status once",
     "r283600 (May 2015, not confirmed)"},
    {"wait6", &B::wait6, "wait6(2) and WNOWAIT exist", "r242958 (November 2012)"},
    {"reapers", &B::reapers, "procctl(PROC_REAP_ACQUIRE) exists", "10.2, and DragonFly"},
    {"getppid_is_real_parent", &B::getppid_is_real_parent,
     "getppid(2) of a traced process names its real parent, not its debugger",
     "between July and August 2015, not in 10.4"},
    {"tracees_go_to_real_parent", &B::tracees_go_to_real_parent,
     "exit1() gives tracees to their real parent, not to init", "between 9.3 and 2015"},
    {"writes_ktr", &B::writes_ktr, "KTR_PTRACE lines are written", "r281954 to r284878, in 10.2"},
};

// How many members an aggregate has: as many as it can be initialized with.
struct Anything {
  template <class T>
  operator T() const;
};
template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{(void(I), Anything{})...}; };
}
template <class T, std::size_t N = 0>
constexpr std::size_t members() {
  if constexpr (takes<T>(std::make_index_sequence<N + 1>{})) return members<T, N + 1>();
  return N;
}
constexpr bool are_distinct() {
  for (const Behaviour& a : kBehaviours)
    for (const Behaviour& b : kBehaviours)
      if (&a != &b && a.member == b.member) return false;
  return true;
}
constexpr std::size_t kOthers = 4;  // name, provenance, source, lines
static_assert(std::size(kBehaviours) == members<B>() - kOthers && are_distinct(),
              "each bool of Behaviours has one line in kBehaviours");

std::string text() {
  std::string out = "The kernels\n";
  int number = 0;
  for (const B* kernel : model::kKernels)
    out += fmt::format("  {}  {:<20}{}\n", ++number, kernel->name, kernel->provenance);
  out += "\nWhat their code does\n  ";
  out += fmt::format("{:<28}", "");
  for (int i = 1; i <= number; ++i) out += fmt::format("{:<5}", i);
  out += " since\n";
  for (const Behaviour& behaviour : kBehaviours) {
    out += fmt::format("  {:<28}", behaviour.name);
    for (const B* kernel : model::kKernels) out += fmt::format("{:<5}", kernel->*behaviour.member ? "yes" : "-");
    out += fmt::format(" {}\n      {}.\n", behaviour.since, behaviour.meaning);
  }
  return out;
}

std::string jsonl() {
  std::string out;
  for (const B* kernel : model::kKernels) {
    nlohmann::json yes;
    for (const Behaviour& behaviour : kBehaviours) yes[std::string(behaviour.name)] = kernel->*behaviour.member;
    out += nlohmann::json{{"v", 1}, {"kernel", kernel->name}, {"provenance", kernel->provenance}, {"behaviours", yes}}
               .dump() +
           '\n';
  }
  for (const Behaviour& behaviour : kBehaviours)
    out +=
        nlohmann::json{
            {"v", 1}, {"behaviour", behaviour.name}, {"meaning", behaviour.meaning}, {"since", behaviour.since}}
            .dump() +
        '\n';
  return out;
}

}  // namespace

std::span<const Behaviour> behaviours() { return kBehaviours; }

std::string kernels_report(const KernelsOptions& options) { return options.format == "text" ? text() : jsonl(); }

int kernels_command(const KernelsOptions& options) { return print_report(kernels_report(options)); }

tl::expected<const B*, std::string> find_kernel(std::string_view name) {
  std::string names;
  for (const B* kernel : model::kKernels) {
    if (kernel->name == name) return kernel;
    names += (names.empty() ? "" : ", ") + std::string(kernel->name);
  }
  return tl::make_unexpected(fmt::format("--kernel {}: no such kernel: expected one of {}", name, names));
}

int print_report(const tl::expected<std::string, std::string>& report) {
  constexpr int kNothingFound = 0, kUnreadable = 3;  // check::Exit
  if (!report) {
    fmt::print(stderr, "proctor: {}\n", report.error());
    return kUnreadable;
  }
  fmt::print("{}", *report);
  return kNothingFound;
}

}  // namespace proctor::rules
