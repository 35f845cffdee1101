// SPDX-License-Identifier: BSD-2-Clause
//
// Stopping and going on: ptracestop(), thread suspension, signals that stop or continue (kern_sig.c, kern_thread.c).
// Which signals are blocked, ignored or caught is not in the state: a signal that could be delivered may be.
#pragma once

#include "model/rules/tree.hpp"

namespace proctor::model::rules {

// thread_unsuspend(): every suspended thread may run, unless the process is (still) to stop.
template <Kernel K>
void thread_unsuspend(K& k, ProcRef<K> p) {
  k.when(!p[P_STOPPED_SIG | P_STOPPED_TRACE], [&] {
    k.each_lwp(p, [&](LwpRef<K> td) { k.clear(td, TD_SUSPENDED); });
    k.set(p, p_suspcount, k.lit(0));
  });
}

// thread_stopped() and the suspension of the calling thread: the last one to stop makes the stop waitable.
template <Kernel K>
void thread_suspend(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto count = p[p_suspcount] + k.lit(1);
  k.when(p[P_STOPPED_SIG] && (count == p[p_numthreads]), [&] {
    k.clear(p, P_WAITED);
    k.wakeup(proc(k, p[p_pptr]));  // childproc_stopped(): SIGCHLD and wakeup
  });
  k.set(p, p_suspcount, count);
  k.set(td, TD_SUSPENDED);
}

// proc_unstop() of DragonFly.
template <Kernel K>
void proc_unstop(K& k, ProcRef<K> p) {
  k.clear(p, P_STOPPED_SIG | P_STOPPED_TRACE);
  thread_unsuspend(k, p);
}

// One turn of the loop in ptracestop(): report the stop, or find that it is not ours to report.
template <Kernel K>
void ptracestop_turn(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(p[P_TRACED] && td[TDB_XSIG], [&] {
    auto killed = k.yes(k.behaviour().kill_is_immediate) && p[P_WKILLED];
    k.when(killed, [&] {  // kern_sig.c:2541
      k.clear(td, TDB_XSIG);
      k.set(td, td_xsig, k.lit(kSigkill));
      k.set(p, p_ptevents, k.lit(0));
    });
    k.when(!killed, [&] {
      // Right after an attach the thread that took its SIGSTOP reports; otherwise whoever comes first.  kern_sig.c:2574
      auto reports = k.yes(!k.behaviour().first_reporter_keeps_stop) || td[TDB_FSTP] ||
                     (!p[P2_PTRACE_FSTP] && none(k, p[p_xthread]));
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

// ptracestop(td, sig).
template <Kernel K>
void ptracestop(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT], at("stop-exiting", 2529, "kern_sig.c"));
  k.guard(!td[TD_SUSPENDED], at("stop-runs", 2589, "kern_sig.c"));
  k.set(td, td_xsig, sig);
  k.set(td, TDB_XSIG);
  k.emit(trace::Ktr::ptracestop, p, td.slot, sig);
  ptracestop_turn(k, td);
}

// After thread_suspend_switch() in ptracestop(): the thread was made to run again.
template <Kernel K>
void ptracestop_resumed(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(!td[TD_SUSPENDED], at("resumed", 2590, "kern_sig.c"));
  k.when(p[p_xthread] == td.slot, [&] { k.set(p, p_xthread, k.lit(kNone)); });
  auto again = p[P_TRACED] && td[TDB_SUSPEND];
  k.when(again, [&] { thread_suspend(k, td); });
  k.when(!again, [&] { ptracestop_turn(k, td); });
}

// The thread has left its stop: what the stop reported is over.
template <Kernel K>
void leave_stop(K& k, LwpRef<K> td) {
  k.guard(!td[TD_SUSPENDED], at("leave-runs", 2590, "kern_sig.c"));
  k.when(!td[TDB_FORK], [&] { k.when(!td[TD_RFPPWAIT], [&] { k.clear(td, TDB_VFORK); }); });
  k.clear(td, TDB_XSIG | TDB_SCX | TDB_EXEC | TDB_FORK | TDB_CHILD | TDB_BORN | TD_STEP);
}

// thread_suspend_check(), or a sleep that sig_suspend_threads() turns into a suspension: the others follow a stop.
template <Kernel K>
void thread_suspend_check(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_STOPPED_SIG | P_STOPPED_TRACE] && !td[TD_SUSPENDED],
          in("suspend-check", "thread_suspend_check", "kern_thread.c"));
  k.when(td[TDB_XSIG], [&] { ptracestop_turn(k, td); });
  k.when(!td[TD_SUSPENDED], [&] { thread_suspend(k, td); });
}

// issignal() of a traced process before stops belonged to a thread: stop(p), and the first thread carries the signal.
template <Kernel K>
void stop_2003(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_TRACED] && !p[P_PPWAIT] && !p[P_WEXIT] && !td[TD_SUSPENDED], in("stop-2003", "issignal", "kern_sig.c"));
  k.when(sig == k.lit(kSigstop), [&] { k.clear(p, PEND_STOP); });
  k.when(sig == k.lit(kSigkill), [&] { k.clear(p, PEND_KILL); });
  k.when(sig == k.lit(kSigtrap), [&] { k.clear(td, TD_STEP); });  // the trap of the step
  k.set(p, p_xstat, sig);
  k.set(p, P_STOPPED_SIG);
  k.clear(p, P_WAITED);
  k.wakeup(proc(k, p[p_pptr]));  // SIGCHLD and wakeup
  k.set(p, p_suspcount, p[p_suspcount] + k.lit(1));
  k.set(td, TD_SUSPENDED);
}

template <Kernel K>
typename K::Bool is_stop_signal(K& k, typename K::Num sig) {
  auto found = k.yes(false);
  for (const int stop : kStopSignals) found = found || sig == k.lit(stop);
  return found;
}

// issignal() of a traced process: every signal that is not blocked stops it, the one of PT_ATTACH first.
template <Kernel K>
void issignal_traced(K& k, LwpRef<K> td, typename K::Num sig) {
  if (!k.behaviour().stop_has_thread) return stop_2003(k, td, sig);
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_TRACED] && !p[P_PPTRACE], at("signal-stop-traced", 2788, "kern_sig.c"));
  k.guard(!p[P_PPWAIT] || !is_stop_signal(k, sig), in("vfork-child-goes-on", "issignal", "kern_sig.c"));
  auto ritual = p[P2_PTRACE_FSTP] && p[PEND_STOP];
  k.guard(!ritual || (sig == k.lit(kSigstop)), at("attach-stop-first", 2758, "kern_sig.c"));
  k.when(ritual, [&] { k.set(td, TDB_FSTP); });
  k.when(sig == k.lit(kSigstop), [&] { k.clear(p, PEND_STOP); });
  k.when(sig == k.lit(kSigkill), [&] { k.clear(p, PEND_KILL); });
  ptracestop(k, td, sig);
}

// Job control: a stop signal with default action stops an untraced process.
template <Kernel K>
void sigstop(K& k, ProcRef<K> p, typename K::Num sig) {
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT | P_TRACED | P_PPWAIT | P_STOPPED_SIG | P_STOPPED_TRACE],
          at("job-stop", 2850, "kern_sig.c"));
  k.clear(p, PEND_STOP);
  k.set(p, P_STOPPED_SIG);
  k.set(p, p_xstat, sig);
  k.each_lwp(p, [&](LwpRef<K> td) { k.when(!td[TD_SUSPENDED], [&] { thread_suspend(k, td); }); });
}

// tdsendsignal(): what sending a signal does at once.  The delivery itself is a step of the receiver.
template <Kernel K>
void psignal(K& k, ProcRef<K> p, typename K::Num sig) {
  k.when(is(p, ProcState::normal), [&] {
    auto stopped = p[P_STOPPED_SIG | P_STOPPED_TRACE];
    auto acts = stopped && !p[P_TRACED];  // a traced process that is stopped stays so, even for SIGKILL
    auto cont = sig == k.lit(kSigcont);
    auto kill = sig == k.lit(kSigkill);
    k.when(cont, [&] { k.clear(p, PEND_STOP); });
    k.when(is_stop_signal(k, sig), [&] { k.clear(p, P_CONTINUED); });
    k.when((sig == k.lit(kSigstop)) && !acts, [&] { k.set(p, PEND_STOP); });
    k.when(kill, [&] { k.set(p, PEND_KILL); });
    k.when(acts && (cont || kill), [&] {
      k.clear(p, P_STOPPED_SIG);
      k.when(cont && (p[p_suspcount] == p[p_numthreads]), [&] {
        k.set(p, P_CONTINUED);
        k.set(p, p_xstat, k.lit(kSigcont));
        k.wakeup(proc(k, p[p_pptr]));  // childproc_continued()
      });
      thread_unsuspend(k, p);
    });
  });
}

// kill(2) of one process.  p_cansignal() looks at credentials; a zombie takes the signal and nothing happens.
template <Kernel K>
void kill(K& k, ProcRef<K> curp, ProcRef<K> p, typename K::Num sig, typename K::Bool capmode) {
  k.require(!capmode, Errno::ecapmode, in("kill-capability-mode", "sys_kill", "kern_sig.c"));
  k.require(sig.between(0, kSigmax), Errno::einval, in("kill-signal-range", "sys_kill", "kern_sig.c"));
  k.require(!is(p, ProcState::free), Errno::esrch, in("kill-no-such-process", "sys_kill", "kern_sig.c"));
  k.when(!(curp == p), [&] {
    k.require(k.open(Open::candebug, 2) == k.lit(0), Errno::eperm, in("kill-not-permitted", "sys_kill", "kern_sig.c"));
  });
  k.when(!(sig == k.lit(0)), [&] { psignal(k, p, sig); });
}

}  // namespace proctor::model::rules
