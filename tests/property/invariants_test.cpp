// SPDX-License-Identifier: BSD-2-Clause
//
// What the listings imply about every state that a kernel can come to, on random walks from the boot state.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <sstream>
#include <string_view>
#include <type_traits>

#include "tests/property/worlds.hpp"

namespace proctor::model {
namespace {

using namespace property;

std::map<std::string, std::uint64_t>
    g_met;  // how often each situation was seen: a property about nothing proves nothing

std::string report(std::string_view what, const SmallState& before, const Rule& rule,
                   const std::vector<std::int32_t>& a, const Outcome& outcome, const SmallState& after) {
  std::ostringstream out;
  out << what << "\n" << describe(rule, a, outcome) << "\nbefore:" << before << "\nafter:" << after;
  return out.str();
}

// Holds in every state reached; `what` names the first process for which it does not.
void always(const char* what, bool (*holds)(const SmallState&, Slot)) {
  follow(*walk(), [&](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                      const Outcome& outcome, const SmallState& after) {
    for (Slot p = 0; p < SmallState::kProcs; ++p) {
      if (after.proc[p].state == ProcState::free || holds(after, p)) continue;
      RC_FAIL(report(fmt::format("{}: process {}", what, p), before, rule, a, outcome, after));
    }
  });
}

int count_threads(const SmallState& s, Slot p, std::uint16_t with = 0) {
  int n = 0;
  for (const Lwp& td : s.lwp) n += td.proc == p && (td.td_flag & with) == with ? 1 : 0;
  return n;
}
bool lives(const SmallState& s, Slot p) { return p < SmallState::kProcs && s.proc[p].state != ProcState::free; }

bool is_zombie(const SmallState& s, Slot p) { return lives(s, p) && s.proc[p].state == ProcState::zombie; }
bool is_reaped_reaper(const SmallState& before, const SmallState& after, Slot p) {
  return is_zombie(before, p) && (before.proc[p].p_flag & P_TREE_REAPER) != 0 && !lives(after, p);
}

RC_GTEST_PROP(invariant, p_numthreads_counts_the_threads, ()) {
  always("p_numthreads", [](const SmallState& s, Slot p) {
    return s.proc[p].state == ProcState::zombie || s.proc[p].p_numthreads == count_threads(s, p);
  });
}

RC_GTEST_PROP(invariant, p_suspcount_counts_the_suspended_threads, ()) {
  always("p_suspcount", [](const SmallState& s, Slot p) {
    return s.proc[p].state == ProcState::zombie || (s.proc[p].p_suspcount <= s.proc[p].p_numthreads &&
                                                    s.proc[p].p_suspcount == count_threads(s, p, TD_SUSPENDED));
  });
}

// tdsendsignal() does not clear P_WAITED when SIGCONT or SIGKILL ends a job-control stop (it stays until the next stop is
// announced), so the flag says something about traced processes only.
RC_GTEST_PROP(invariant, p_waited_of_a_tracee_only_while_it_is_stopped, ()) {
  follow(*walk(), [](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                     const Outcome& outcome, const SmallState& after) {
    for (Slot p = 0; p < SmallState::kProcs; ++p) {
      const Proc& now = after.proc[p];
      const Proc& was = before.proc[p];
      const bool sets = (now.p_flag & P_WAITED) != 0 && (was.p_flag & P_WAITED) == 0;
      if (sets && (now.p_flag & P_STOPPED) == 0)
        RC_FAIL(report("P_WAITED set without a stop", before, rule, a, outcome, after));
      // A request that lets the tracee run takes the mark off.
      const bool resumed =
          rule.by == Rule::By::request && (was.p_flag & P_STOPPED) != 0 && (now.p_flag & P_STOPPED) == 0;
      if (resumed && (now.p_flag & P_WAITED) != 0)
        RC_FAIL(report("P_WAITED kept by a request that resumes", before, rule, a, outcome, after));
      if (resumed) ++g_met["resumed by a request"];
    }
  });
}

// What is free has nothing left of whom it belonged to: states that are equal to the kernel are equal.
RC_GTEST_PROP(invariant, a_free_slot_is_empty, ()) {
  follow(*walk(), [](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                     const Outcome& outcome, const SmallState& after) {
    for (std::size_t i = 0; i < after.proc.size(); ++i) {
      const bool freed = before.proc[i].state != ProcState::free && after.proc[i].state == ProcState::free;
      if (freed) ++g_met["reaped"];
      if (after.proc[i].state == ProcState::free && !(after.proc[i] == ProcOf<SmallState::Signals>{}))
        RC_FAIL(report(fmt::format("process {} is free", i), before, rule, a, outcome, after));
    }
    for (std::size_t i = 0; i < after.lwp.size(); ++i)
      if (after.lwp[i].proc == kNone && !(after.lwp[i] == LwpOf<SmallState::Signals>{}))
        RC_FAIL(report(fmt::format("thread {} is free", i), before, rule, a, outcome, after));
  });
}

RC_GTEST_PROP(invariant, the_parent_exists, ()) {
  always("p_pptr", [](const SmallState& s, Slot p) { return p == kInit || lives(s, s.proc[p].p_pptr); });
}

RC_GTEST_PROP(invariant, a_tracee_has_p_oppid, ()) {
  always("p_oppid", [](const SmallState& s, Slot p) {
    const Proc& proc = s.proc[p];
    if (proc.state == ProcState::zombie || (proc.p_flag & P_WEXIT) != 0) return true;  // exit1() clears P_TRACED only
    return (proc.p_flag & P_TRACED) == 0 || proc.p_oppid != kNone;
  });
}

// proc_reparent() puts a process on an orphan list only while it is traced, off its former one first, and the list is
// that of a parent it has left.
RC_GTEST_PROP(invariant, at_most_one_orphan_list, ()) {
  // exit1() leaves a reaper the children that it had itself; proc_reap() hands on only those that are still its children.
  // One that a debugger takes in between stays on the list of a process that is gone.
  std::array<bool, SmallState::kProcs> left_behind{};
  follow(*walk(), [&](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                      const Outcome& outcome, const SmallState& after) {
    for (Slot p = 0; p < SmallState::kProcs; ++p) {
      const Proc& proc = after.proc[p];
      const bool orphan = proc.state != ProcState::free && proc.p_orphan != kNone;
      left_behind[p] = orphan && (left_behind[p] || is_reaped_reaper(before, after, proc.p_orphan));
      if (!orphan || left_behind[p]) continue;
      ++g_met["orphan"];
      if (proc.p_orphan == proc.p_pptr || !lives(after, proc.p_orphan))
        RC_FAIL(report(fmt::format("p_orphan: process {}", p), before, rule, a, outcome, after));
    }
  });
}

RC_GTEST_PROP(invariant, p_xthread_belongs_to_the_process, ()) {
  always("p_xthread", [](const SmallState& s, Slot p) {
    const Proc& proc = s.proc[p];
    if (proc.state != ProcState::normal || (proc.p_flag & P_WEXIT) != 0 || proc.p_xthread == kNone) return true;
    return s.lwp[proc.p_xthread].proc == p;
  });
}

// KASSERT(p->p_xthread != NULL, ("NULL p_xthread")) in kern_ptrace() for a pid whose process has P_STOPPED_TRACE.
// B47 of the bug list: PT_SUSPEND the reporter, continue another thread.  A request must also be possible at all.
RC_GTEST_PROP(invariant, p_waited_with_stopped_trace_has_a_reporter, ()) {
  always("p_xthread of a waited-for stop", [](const SmallState& s, Slot p) {
    const Proc& proc = s.proc[p];
    const std::uint16_t stop = P_TRACED | P_STOPPED_TRACE | P_WAITED;
    if (proc.state != ProcState::normal || (proc.p_flag & (stop | P_WEXIT)) != stop) return true;
    if (proc.p_suspcount != proc.p_numthreads) return true;
    ++g_met["requestable"];
    if (count_threads(s, p, TDB_SUSPEND) != 0) return true;  // B47 itself
    return proc.p_xthread != kNone;
  });
}

// The siblings that show the properties of a suite to be about something.
void expect_met(std::initializer_list<const char*> situations) {
  for (const char* situation : situations) {
    EXPECT_GT(g_met[situation], 0U) << situation << ": was only a part of this suite run?";
    std::cout << situation << ": " << g_met[situation] << " times\n";
  }
}

TEST(invariant, sometimes_each_situation_arises) {
  if (g_met.empty()) GTEST_SKIP() << "it counts what the other tests of its suite meet; run them in the same process";
  expect_met({"reaped", "resumed by a request", "orphan", "requestable"});
}

// Requests.

constexpr std::string_view kPermissionStage[] = {
    "capability-mode",   "copyin",         "event-mask-size-set", "event-mask-copyin",
    "no-such-process",   "exiting",        "not-visible",         "may-not-debug",
    "in-exec",           "system-process", "trace-me-traced",     "trace-me-init",
    "attach-self",       "attach-traced",  "attach-ancestor",     "not-traced",
    "not-traced-by-you", "not-stopped",    "not-all-suspended",   "not-waited"};

void refused_changes_nothing(const SmallState& before, const Dice& d) {
  for (const Rule& rule : table()) {
    if (rule.by != Rule::By::request) continue;
    const std::vector<std::int32_t> a = arguments(rule, d);
    SmallState after = before;
    Exec<SmallState> k(after, kFreebsd104, d.choices);
    rule.run(k, a);
    const Outcome& o = k.outcome();
    if (!o.possible) continue;
    const bool refused =
        std::find(std::begin(kPermissionStage), std::end(kPermissionStage), o.clause.id) != std::end(kPermissionStage);
    if (!refused) continue;
    ++g_met["refused"];
    after.lwp[std::size_t(a[0])].td_at =
        before.lwp[std::size_t(a[0])].td_at;  // it is on its way back, as after any call
    if (after == before && o.emissions == 0 && o.result == 0 && o.error != Errno::ok) continue;
    RC_FAIL(report("a refused request left a trace", before, rule, a, o, after));
  }
}

RC_GTEST_PROP(request, refused_changes_nothing_in_any_state, ()) { refused_changes_nothing(*any_state(), *dice()); }

RC_GTEST_PROP(request, refused_changes_nothing_with_a_tracee, ()) {
  Dice d = *dice();
  d.thrown[0] = 0;
  refused_changes_nothing(*any_state_with_tracee(), d);
}

Slot target_of(const Rule& rule, const std::vector<std::int32_t>& a, const SmallState& before) {
  if (rule.program.name.ends_with(", pid)")) return Slot(a[1]);
  return a[1] == kNone ? kNone : before.lwp[std::size_t(a[1])].proc;
}

// After PT_DETACH the process is nobody's tracee: not P_TRACED, no p_oppid, no events, no stop left, on no orphan list,
// and the child of the process that was its parent when it was attached (B10, B14, B19), or of init if that one is gone.
RC_GTEST_PROP(request, detach_gives_the_process_back, ()) {
  std::map<Slot, Slot> parent_at_attach;
  follow(*walk(), [&](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                      const Outcome& outcome, const SmallState& after) {
    for (Slot p = 0; p < SmallState::kProcs; ++p) {
      const bool was = (before.proc[p].p_flag & P_TRACED) != 0, is = (after.proc[p].p_flag & P_TRACED) != 0;
      // kNone: a zombie that was its own children's reaper, see at_most_one_orphan_list.
      if (!was && is) parent_at_attach[p] = is_zombie(before, before.proc[p].p_pptr) ? kNone : before.proc[p].p_pptr;
      // A real parent that dies while the debugger has its child will not get it back.
      if (after.proc[p].state == ProcState::zombie)
        for (auto& [child, parent] : parent_at_attach)
          if (parent == p) parent = kInit;
    }
    if (!rule.program.name.starts_with("ptrace(PT_DETACH") || outcome.error != Errno::ok) return;
    const Slot p = target_of(rule, a, before);
    const Proc& proc = after.proc[p];
    ++g_met["detached"];
    if (before.proc[p].p_oppid != before.proc[p].p_pptr) ++g_met["detached and reparented"];
    const bool forgotten = (proc.p_flag & (P_TRACED | P_WAITED | P_STOPPED_TRACE | P2_PTRACE_FSTP)) == 0 &&
                           proc.p_oppid == kNone && proc.p_ptevents == 0 && proc.p_orphan == kNone &&
                           count_threads(after, p, TDB_SUSPEND) == 0 && count_threads(after, p, TDB_XSIG) == 0 &&
                           count_threads(after, p, TDB_FSTP) == 0;
    if (!forgotten) RC_FAIL(report("PT_DETACH left something", before, rule, a, outcome, after));
    if (parent_at_attach[p] != kNone && proc.p_pptr != parent_at_attach[p])
      RC_FAIL(report(fmt::format("its parent was {}", parent_at_attach[p]), before, rule, a, outcome, after));
  });
}

// p_xstat is the next signal to be handled: SA-03:09 was a number that is none (B04).
RC_GTEST_PROP(request, hands_over_valid_signals_only, ()) {
  follow(*walk(), [](const SmallState& before, const Rule& rule, const std::vector<std::int32_t>& a,
                     const Outcome& outcome, const SmallState& after) {
    if (rule.by != Rule::By::request) return;
    for (Slot p = 0; p < SmallState::kProcs; ++p)
      if (after.proc[p].p_xstat != before.proc[p].p_xstat && after.proc[p].p_xstat > 128)
        RC_FAIL(report("p_xstat", before, rule, a, outcome, after));
    for (std::size_t td = 0; td < after.lwp.size(); ++td)
      if (after.lwp[td].td_xsig != before.lwp[td].td_xsig && after.lwp[td].td_xsig > 128)
        RC_FAIL(report("td_xsig", before, rule, a, outcome, after));
  });
}

TEST(request, sometimes_each_situation_arises) {
  if (g_met.empty()) GTEST_SKIP() << "it counts what the other tests of its suite meet; run them in the same process";
  expect_met({"refused", "detached", "detached and reparented"});
}

}  // namespace
}  // namespace proctor::model
