// SPDX-License-Identifier: BSD-2-Clause
//
// ptracestop() and following a stop (kern_sig.c, kern_thread.c), where the stop belongs to a thread.
#pragma once

#include "model/rules/signal.hpp"

namespace proctor::model::rules {

template <Kernel K>
typename K::Bool at_any(const LwpRef<K>& td, std::initializer_list<At> places) {
  auto found = td.k->yes(false);
  for (const At place : places) found = found || at_place(td, place);
  return found;
}
template <Kernel K>
void go_to(K& k, LwpRef<K> td, At place) {
  k.set(td, td_at, k.lit(int(place)));
}

// It runs: it is not suspended, and its process has not come to the end of exit1().
template <Kernel K>
typename K::Bool runs(const LwpRef<K>& td) {
  auto p = proc(*td.k, td[td_proc]);
  return is(p, ProcState::normal) && !p[P_WEXIT] && !td[TD_SUSPENDED];
}

// In ptracestop(): it has reported its stop, or has been let go and has not run since.
template <Kernel K>
typename K::Bool in_ptracestop(const LwpRef<K>& td) {
  return td[td_at].between(int(At::call_stop), int(At::proc_signal_stop));
}

// One turn of the loop in ptracestop(): report the stop, or find that it is not ours to report.
template <Kernel K>
void ptracestop_turn(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  const Behaviours& b = k.behaviour();
  k.when(p[P_TRACED] && td[TDB_XSIG], [&] {
    auto killed = k.yes(b.kill_is_immediate) && p[P_WKILLED];  // P_KILLED(), kern_sig.c:2541
    auto alone = p[P_SINGLE_EXIT];                             // the process ends: only ends of threads are reported
    if (b.kill_is_immediate) alone = alone && !td[TDB_EXIT];
    k.when(killed, [&] {
      k.clear(td, TDB_XSIG);
      k.set(td, td_xsig, k.lit(kSigkill));
      k.set(p, p_ptevents, k.lit(0));
    });
    k.when(!killed && alone, [&] {
      k.clear(td, TDB_XSIG);
      if (b.word_is_sent) k.set(td, td_xsig, k.lit(0));
    });
    k.when(!killed && !alone, [&] {
      // Right after an attach the thread that took its SIGSTOP reports; otherwise whoever comes first.  kern_sig.c:2574
      auto reports =
          k.yes(!b.first_reporter_keeps_stop) || td[TDB_FSTP] || (!p[P2_PTRACE_FSTP] && none(k, p[p_xthread]));
      k.when(reports, [&] {
        k.set(p, p_xstat, td[td_xsig]);
        k.set(p, p_xthread, td.slot);
        k.clear(td, TDB_FSTP);
        k.clear(p, P2_PTRACE_FSTP);
        k.set(p, P_STOPPED_SIG | P_STOPPED_TRACE);
      });
      k.clear(td, TDB_STOPATFORK);  // and cv_broadcast(p_dbgwait): the forking parent goes on
      thread_suspend(k, td);
    });
  });
}

// ptracestop(td, sig), up to where the thread stands.
template <Kernel K>
void ptracestop(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT], at("stop-exiting", "kern_sig.c"));
  k.guard(!td[TD_SUSPENDED], at("stop-runs", "kern_sig.c"));
  k.set(td, td_xsig, sig);
  k.set(td, TDB_XSIG);
  k.emit(Ktr::ptracestop, p, td.slot, sig);
  k.lock(Lock::slock, p);
  ptracestop_turn(k, td);
  k.unlock(Lock::slock, p);
}

// The stop that was due is made.
template <Kernel K>
void enter_stop(K& k, LwpRef<K> td, typename K::Num sig) {
  constexpr int kStep = int(At::call_stop) - int(At::call_due);
  auto due = td[td_at];
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && due.between(int(At::call_due), int(At::thr_exit_due)),
          place_of("stop-is-due", "ptracestop", "kern_sig.c"));
  k.guard(sig == k.either(due == k.lit(int(At::child_due)), k.lit(kSigstop), k.lit(kSigtrap)),
          in("stop-signal", "ptracestop", "kern_sig.c"));
  k.lock(Lock::proc, p);
  k.set(td, td_at, due + k.lit(kStep));
  k.set(td, td_local, sig);
  ptracestop(k, td, sig);
  k.unlock(Lock::proc, p);
}

// After thread_suspend_switch() in ptracestop(): the thread was made to run again.
template <Kernel K>
void ptracestop_resumed(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(!td[TD_SUSPENDED], at("resumed", "kern_sig.c"));
  k.when(p[p_xthread] == td.slot, [&] { k.set(p, p_xthread, k.lit(kNone)); });
  auto again = p[P_TRACED] && td[TDB_SUSPEND] && !p[P_SINGLE_EXIT];
  k.when(again, [&] { thread_suspend(k, td); });
  k.when(!again, [&] { ptracestop_turn(k, td); });
}

// The same as a step of the thread, while the loop has another turn.
template <Kernel K>
void resume_in_stop(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto turns = p[p_xthread] == td.slot || (p[P_TRACED] && (td[TDB_XSIG] || (td[TDB_SUSPEND] && !p[P_SINGLE_EXIT])));
  k.guard(runs(td) && in_ptracestop(td) && turns, place_of("stop-goes-on", "ptracestop", "kern_sig.c"));
  k.lock(Lock::proc, p);
  k.lock(Lock::slock, p);
  ptracestop_resumed(k, td);
  k.unlock(Lock::slock, p);
  k.unlock(Lock::proc, p);
}

// thread_suspend_check(), or a sleep that sig_suspend_threads() turns into a suspension: the others follow a stop.
template <Kernel K>
void thread_suspend_check(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_STOPPED_SIG | P_STOPPED_TRACE] && !td[TD_SUSPENDED],
          in("suspend-check", "thread_suspend_check", "kern_thread.c"));
  thread_suspend(k, td);
}

// The same as a step of the thread.  At the user boundary signals come first; DragonFly's userret() has it the other way
// round.
template <Kernel K>
void follow_stop(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  const Behaviours& b = k.behaviour();
  auto to_stop = p[P_STOPPED_SIG | P_STOPPED_TRACE];
  if (b.stop_has_thread) to_stop = to_stop || (p[P_TRACED] && td[TDB_SUSPEND]);  // thread_suspend_check_needed()
  auto no_signal = k.pending(td, !p[P_PPWAIT]) == k.lit(0);
  auto stops_first = k.yes(b.tokens) && td[td_local] == k.lit(0);
  auto here = at_any(td, {At::call, At::exit}) || (at_place(td, At::user) && (stops_first || no_signal));
  if (b.stop_has_thread) here = here || at_place(td, At::vfork);  // in fork1() the wait goes on
  if (b.tokens) here = here && !td[TDB_EXIT];                     // a log has shown that it is in sigexit()
  k.guard(runs(td) && to_stop && !p[P_SINGLE_EXIT | P_INEXEC] && here,
          place_of("suspend-check", b.tokens ? "tstop" : "thread_suspend_check",
                   b.tokens ? "kern_synch.c" : "kern_thread.c"));
  if (b.tokens) {
    k.lock(Lock::token, p);
    k.when(at_place(td, At::user), [&] { k.set(td, td_local, k.lit(0)); });
    thread_suspend(k, td);
    k.unlock(Lock::token, p);
    return;
  }
  k.lock(Lock::proc, p);
  k.lock(suspension_lock(k), p);
  thread_suspend(k, td);
  k.unlock(suspension_lock(k), p);
  k.unlock(Lock::proc, p);
}

// For whoever sees only that a thread runs (a log): it has left whatever stop it was in.
template <Kernel K>
void stop_is_past(K& k, LwpRef<K> td) {
  k.guard(!td[TD_SUSPENDED], at("leave-runs", 2590, "kern_sig.c"));
  k.when(!td[TDB_FORK], [&] { k.when(!td[TD_RFPPWAIT], [&] { k.clear(td, TDB_VFORK); }); });
  k.clear(td, TDB_XSIG | TDB_SCX | TDB_EXEC | TDB_FORK | TDB_CHILD | TDB_BORN | TD_STEP);
  go_to(k, td, At::user);
  k.set(td, td_local, k.lit(0));
  k.set(td, td_dbgksi, k.lit(0));
}

// A thread of a process that another of its threads ends: it ends too, wherever it comes to the user boundary.
template <Kernel K>
void die_with_process(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto here = at_any(td, {At::user, At::call, At::job_stop, At::child, At::born});
  if (k.behaviour().stop_has_thread) here = here || at_place(td, At::vfork);  // in fork1() the wait goes on
  k.guard(runs(td) && p[P_SINGLE_EXIT] && here, place_of("single-exit", "thread_suspend_check", "kern_thread.c"));
  auto report = k.behaviour().lwp_events ? p[P_TRACED] && wants_event(p, PTRACE_LWP) : k.yes(false);
  if (k.behaviour().lwp_events) k.set(td, TDB_EXIT);
  k.set(td, td_at, k.either(report, k.lit(int(At::thr_exit_due)), k.lit(int(At::thr_exit))));
}

}  // namespace proctor::model::rules
