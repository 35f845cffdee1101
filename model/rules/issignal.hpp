// SPDX-License-Identifier: BSD-2-Clause
//
// Taking signals out, on the way to user mode: issignal(), postsig(), sigexit() (kern_sig.c).  A thread takes the lowest
// signal that is pending and not masked.  If the process is traced it stops for it, and afterwards does what the
// debugger's word says.
#pragma once

#include "model/rules/stop.hpp"

namespace proctor::model::rules {

// Who calls exit1(): a system call, or sigexit(), with the process locked, which it gives up.
enum class Caller : std::uint8_t { call, sigexit };

// exit1() to the point of no return: the process is on its way out, nobody may stop it any more.
template <Kernel K>
void exit1_wexit(K& k, LwpRef<K> td, typename K::Num status, Caller caller = Caller::call) {
  auto p = proc(k, td[td_proc]);
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT] && !td[TD_SUSPENDED], in("exit-runs", "exit1", "kern_exit.c"));
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  if (caller == Caller::sigexit) k.unlock(lock, p);
  k.lock(lock, p);
  k.each_lwp(p, [&](LwpRef<K> other) {
    k.when(!(other == td), [&] {
      forget_vforker(k, other);
      k.unlink(other);
    });
  });
  k.set(p, p_numthreads, k.lit(1));
  k.set(p, p_suspcount, k.lit(0));
  // "Ignore any pending request to stop": not in 2003, and DragonFly's p_stat stays SSTOP to the end.
  k.clear(p, k.behaviour().stop_has_thread ? P_STOPPED_SIG | P_STOPPED_TRACE | P_SINGLE_EXIT : P_SINGLE_EXIT);
  k.set(p, P_WEXIT);
  k.set(p, p_xstat, status);
  go_to(k, td, At::exit);
  k.set(td, td_local, k.lit(0));
  if (caller == Caller::call) k.unlock(lock, p);
}

// thread_single(SINGLE_EXIT), killalllwps(): the other threads are asked to end.
template <Kernel K>
void thread_single(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.set(p, P_SINGLE_EXIT);
  k.each_lwp(p, [&](LwpRef<K> other) {  // weed_inhib()
    k.when(other[TD_SUSPENDED], [&] {
      k.clear(other, TD_SUSPENDED);
      k.set(p, p_suspcount, p[p_suspcount] - k.lit(1));
    });
  });
}

// exit1() from its beginning.  With other threads alive it asks them to end and waits; but if the process is to stop, it
// stops first, in 2003 only if there are others.
template <Kernel K>
void exit1_begins(K& k, LwpRef<K> td, typename K::Num status, Caller caller = Caller::call) {
  auto p = proc(k, td[td_proc]);
  auto alone = p[p_numthreads] == k.lit(1);
  auto late = !alone && p[P_SINGLE_EXIT];  // another thread is about to end the process: this one ends with it
  auto stops = k.yes(!k.behaviour().tokens) && p[P_STOPPED_SIG | P_STOPPED_TRACE] &&
               (k.yes(k.behaviour().stop_has_thread) || !alone);
  k.when(alone && !stops, [&] { exit1_wexit(k, td, status, caller); });
  k.when(late, [&] { go_to(k, td, At::user); });
  k.when((!alone || stops) && !late, [&] {
    k.set(td, td_local, status);
    go_to(k, td, At::exit);
    k.when(!stops, [&] { thread_single(k, td); });
  });
}

// After thread_suspend_check() in exit1().
template <Kernel K>
void exit1_goes_on(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::exit) && !p[P_SINGLE_EXIT | P_STOPPED_SIG | P_STOPPED_TRACE],
          place_of("exit-goes-on", "exit1", "kern_exit.c"));
  exit1_begins(k, td, td[td_local]);
}

// The others are gone.
template <Kernel K>
void exit1_alone(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::exit) && p[P_SINGLE_EXIT] && p[p_numthreads] == k.lit(1),
          place_of("exit-alone", "thread_single", "kern_thread.c"));
  exit1_wexit(k, td, td[td_local]);
}

// sigqueue_get(): the thread's own queue first.
template <Kernel K>
void get_signal(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  auto own = k.has(td, td_siglist, sig);
  k.when(own, [&] {
    k.remove(td, td_siglist, sig);
    k.remove(td, td_sigptrace, sig);
  });
  k.when(!own, [&] {
    k.remove(p, p_siglist, sig);
    if (k.behaviour().stop_has_thread)
      k.when(sig == k.lit(kSigchld),
             [&] { k.each_proc([&](ProcRef<K> q) { k.when(q[p_pptr] == p.slot, [&] { k.clear(q, KSI_ONQ); }); }); });
  });
}

// td_local of a thread of DragonFly that is to stop, but goes on looking at signals: one that is dropped does not end that.
inline constexpr int kLooksOn = 0x100;

// "Decide whether the signal should be returned", and postsig().
template <Kernel K>
void take_signal(K& k, LwpRef<K> td, typename K::Num sig) {
  const Behaviours& b = k.behaviour();
  auto p = proc(k, td[td_proc]);
  auto caught = k.has(p, p_sigcatch, sig);
  auto ignored = !caught && (k.has(p, p_sigignore, sig) || is_ignored_by_default(k, sig));
  auto stop = !caught && !ignored && is_stop_signal(k, sig);
  auto dropped = !caught && (ignored || p.slot == k.lit(kInit) ||
                             (stop && (p[P_TRACED | P_WEXIT] || (is_tty_stop_signal(k, sig) && is_orphaned(k, p)))));
  go_to(k, td, At::user);
  k.set(td, td_local, k.lit(0));
  k.when(caught, [&] { get_signal(k, td, sig); });  // postsig(): the handler is called
  k.when(dropped, [&] {
    delete_signal(k, td, sig);
    if (b.tokens) k.when(p[P_STOPPED_SIG], [&] { k.set(td, td_local, k.lit(kLooksOn)); });
  });
  k.when(stop && !dropped, [&] {
    k.set(p, p_xstat, sig);
    if (b.tokens) {  // it stops on its way to user mode, with the others, and looks at the other signals before
      delete_signal(k, td, sig);
      proc_stop(k, p);
      k.set(td, td_local, k.lit(kLooksOn));
      return;
    }
    k.set(p, P_STOPPED_SIG);
    if (b.job_stop_takes_signal_first) {
      delete_signal(k, td, sig);
    } else {
      go_to(k, td, At::job_stop);
      k.set(td, td_local, sig);
    }
    k.lock(suspension_lock(k), p);
    thread_suspend(k, td);
    k.unlock(suspension_lock(k), p);
  });
  k.when(!caught && !dropped && !stop, [&] {  // postsig(), sigexit()
    get_signal(k, td, sig);
    exit1_begins(k, td, sig, Caller::sigexit);
  });
}

// A stop signal has suspended the thread, and it goes on: only now the signal is taken out of its queue.
template <Kernel K>
void leave_job_stop(K& k, LwpRef<K> td) {
  k.guard(runs(td) && at_place(td, At::job_stop), place_of("job-stop-over", "issignal", "kern_sig.c"));
  auto p = proc(k, td[td_proc]);
  k.lock(Lock::proc, p);
  delete_signal(k, td, td[td_local]);
  go_to(k, td, At::user);
  k.set(td, td_local, k.lit(0));
  k.unlock(Lock::proc, p);
}

// issignal() of a traced process, where a stop belongs to a thread: the signal leaves its queue, and the thread stops.
template <Kernel K>
void issignal_traced(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_TRACED] && !p[P_PPTRACE], at("signal-stop-traced", "kern_sig.c"));
  k.guard(!p[P_PPWAIT] || !is_stop_signal(k, sig), in("vfork-child-goes-on", "issignal", "kern_sig.c"));
  auto stop_pending = k.has(p, p_siglist, k.lit(kSigstop)) || k.has(td, td_siglist, k.lit(kSigstop));
  auto ritual = p[P2_PTRACE_FSTP] && stop_pending && !p[P_PPWAIT];
  k.guard(!ritual || (sig == k.lit(kSigstop)), at("attach-stop-first", "kern_sig.c"));
  k.when(ritual, [&] { k.set(td, TDB_FSTP); });
  auto own = k.has(td, td_siglist, sig);
  k.set(td, td_at, k.either(own, k.lit(int(At::signal_stop)), k.lit(int(At::proc_signal_stop))));
  k.set(td, td_local, sig);
  k.set(td, td_dbgksi, sig);
  get_signal(k, td, sig);
  ptracestop(k, td, sig);
}

// The same before, and in DragonFly: the process stops, and the debugger leaves its word in p_xstat.
template <Kernel K>
void stop_2003(K& k, LwpRef<K> td, typename K::Num sig) {
  const Behaviours& b = k.behaviour();
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_TRACED] && !p[P_PPWAIT] && !p[P_WEXIT] && !td[TD_SUSPENDED], in("stop-2003", "issignal", "kern_sig.c"));
  k.set(p, p_xstat, sig);
  if (b.tokens) {
    proc_stop(k, p);
    if (!b.stop_waits_for_word) {  // the signal goes on at once; the thread stops when it comes to userret()
      delete_signal(k, td, sig);
      k.add(p, p_siglist, sig);
      take_signal(k, td, sig);
      return;
    }
    go_to(k, td, At::signal_stop);
    k.set(td, td_local, sig);
    thread_suspend(k, td);  // tstop()
    return;
  }
  k.set(p, P_STOPPED_SIG);
  k.clear(p, P_WAITED);
  auto parent = proc(k, p[p_pptr]);
  k.lock(Lock::proc, parent);
  send_sigchld(k, parent);
  k.unlock(Lock::proc, parent);
  k.lock(Lock::sched, p);
  wakeup(k, parent);
  go_to(k, td, At::signal_stop);
  k.set(td, td_local, sig);
  k.set(p, p_suspcount, p[p_suspcount] + k.lit(1));
  k.set(td, TD_SUSPENDED);
  k.unlock(Lock::sched, p);
}

// One turn of issignal(): sig is the signal that the thread finds.
template <Kernel K>
void issignal(K& k, LwpRef<K> td, typename K::Num sig) {
  const Behaviours& b = k.behaviour();
  auto p = proc(k, td[td_proc]);
  auto found = k.pending(td, !p[P_PPWAIT]);
  auto hidden = b.stop_has_thread ? p[P_PPTRACE] : p[P_PPWAIT];
  auto traced = p[P_TRACED], stops = traced && !hidden;
  if (b.attach_stop_comes_first) {
    auto stop_pending = k.has(p, p_siglist, k.lit(kSigstop)) || k.has(td, td_siglist, k.lit(kSigstop));
    found = k.either(stops && p[P2_PTRACE_FSTP] && stop_pending && !p[P_PPWAIT], k.lit(kSigstop), found);
  }
  k.guard(runs(td) && at_place(td, At::user) && !p[P_INEXEC], place_of("signal-at-boundary", "issignal", "kern_sig.c"));
  if (b.tokens)
    k.guard(!p[P_STOPPED_SIG] || td[td_local] == k.lit(kLooksOn), in("stop-before-signals", "userret", "trap.c"));
  k.guard(sig == found && !(found == k.lit(0)), in("signal-pending", "issignal", "kern_sig.c"));
  const Lock lock = b.tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  auto unseen = k.has(p, p_sigignore, sig) && !traced;  // it was sent while a debugger would have seen it
  k.when(unseen, [&] { delete_signal(k, td, sig); });
  k.when(!unseen && !stops, [&] { take_signal(k, td, sig); });
  if (!b.stop_has_thread) {
    k.when(!unseen && stops, [&] { stop_2003(k, td, sig); });
  } else {
    auto given = k.has(td, td_sigptrace, sig);  // KSI_PTRACE: the debugger's own word does not stop the thread again
    k.when(stops && given, [&] {
      k.set(td, td_dbgksi, sig);
      k.set(td, td_xsig, sig);
      take_signal(k, td, sig);
    });
    k.when(stops && !given, [&] { issignal_traced(k, td, sig); });
  }
  k.unlock(lock, p);
}

// What ptracestop() and issignal() do with the debugger's word, where the word is sent like a signal.
template <Kernel K>
void after_stop(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto word = td[td_xsig], sig = td[td_local];
  auto of_signal = at_any(td, {At::signal_stop, At::proc_signal_stop});
  auto same = of_signal && word == sig;
  auto other = !same && !(word == k.lit(0));
  auto taker = sigtd(k, p, word, td);
  k.when(same, [&] { k.add(td, td_siglist, sig); });
  k.when(other, [&] { tdsendsignal(k, p, taker, word, td, true); });
  auto taken = of_signal && p[P_TRACED] && !(word == k.lit(0)) && (same || taker == td);
  k.when(of_signal, [&] { go_to(k, td, At::user); });
  k.when(taken, [&] { take_signal(k, td, word); });
}

// The same in 2015: the word is put into the queue where the signal was found; other stops lose it.
template <Kernel K>
void after_stop_2015(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto word = td[td_xsig], sig = td[td_local];
  auto own = at_place(td, At::signal_stop), of_signal = own || at_place(td, At::proc_signal_stop);
  auto given = of_signal && !(word == k.lit(0));
  auto to_thread = own || word == sig;
  k.when(given && to_thread, [&] { k.add(td, td_siglist, word); });
  k.when(given && !to_thread, [&] { k.add(p, p_siglist, word); });
  auto masked = !(word == sig) && k.has(td, td_sigmask, word);
  k.when(of_signal, [&] { go_to(k, td, At::user); });
  k.when(given && !masked && p[P_TRACED], [&] { take_signal(k, td, word); });
}

// The same of 2003 and of DragonFly: the word is in p_xstat.
template <Kernel K>
void after_stop_2003(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto word = p[p_xstat], sig = td[td_local];
  auto given = !(word == k.lit(0)) && (k.yes(k.behaviour().tokens) || p[P_TRACED]);  // the word of a PT_DETACH is lost
  delete_signal(k, td, sig);
  go_to(k, td, At::user);
  k.set(td, td_local, k.lit(0));
  k.when(given, [&] {
    if (k.behaviour().tokens)
      k.add(p, p_siglist, word);
    else
      k.add(td, td_siglist, word);
  });
  k.when(given && !k.has(td, td_sigmask, word) && p[P_TRACED], [&] { take_signal(k, td, word); });
}

// The thread leaves ptracestop(): what the stop reported is over, and it goes on where it was.
template <Kernel K>
void leave_stop(K& k, LwpRef<K> td) {
  const Behaviours& b = k.behaviour();
  auto p = proc(k, td[td_proc]);
  auto waits = p[p_xthread] == td.slot || (p[P_TRACED] && (td[TDB_XSIG] || (td[TDB_SUSPEND] && !p[P_SINGLE_EXIT])));
  if (!b.stop_has_thread) waits = k.yes(b.tokens) && p[P_STOPPED_SIG] && !p[P_SINGLE_EXIT];
  k.guard(runs(td) && in_ptracestop(td) && !waits, place_of("stop-is-over", "ptracestop", "kern_sig.c"));
  const Lock lock = b.tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  if (!b.stop_has_thread) {
    after_stop_2003(k, td);
    k.unlock(lock, p);
    return;
  }
  auto place = td[td_at];
  if (b.word_is_sent)
    after_stop(k, td);
  else
    after_stop_2015(k, td);
  const auto was = [&](At at) { return place == k.lit(int(at)); };
  k.when(was(At::call_stop), [&] { go_to(k, td, At::call); });
  k.when(was(At::back_stop), [&] {
    k.clear(td, TDB_SCX | TDB_EXEC | TDB_FORK);
    k.set(td, td_at, k.either(td[TD_RFPPWAIT], k.lit(int(At::vfork)), k.lit(int(At::user))));
  });
  k.when(was(At::vfork_stop), [&] {
    k.clear(td, TDB_VFORK);
    go_to(k, td, At::user);
  });
  k.when(was(At::child_stop), [&] {
    k.clear(td, TDB_CHILD | TDB_SCX);
    go_to(k, td, At::user);
  });
  k.when(was(At::born_stop), [&] {
    k.clear(td, TDB_SCX | TDB_BORN);
    go_to(k, td, At::user);
  });
  k.when(was(At::thr_exit_stop), [&] { go_to(k, td, At::thr_exit); });
  k.unlock(lock, p);
}

// trapsignal(): the machine raises a signal in the thread that runs.  A handler is called at once; what is blocked or
// ignored would come again and again.
template <Kernel K>
void trapsignal(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  auto handler = !p[P_TRACED] && k.has(p, p_sigcatch, sig) && !k.has(td, td_sigmask, sig);
  if (k.behaviour().traps_kill) {
    auto ignored = k.has(p, p_sigignore, sig) && !is_ignored_by_default(k, sig);
    k.when(!handler && (k.has(td, td_sigmask, sig) || ignored), [&] {
      k.remove(td, td_sigmask, sig);
      k.remove(p, p_sigcatch, sig);
      k.remove(p, p_sigignore, sig);
    });
  }
  k.when(!handler, [&] { send(k, p, td, sig, td); });
  k.unlock(lock, p);
}

// The same as a step that the program takes.
template <Kernel K>
void raise(K& k, LwpRef<K> td, typename K::Num sig) {
  k.guard(runs(td) && at_place(td, At::user) && sig.between(1, kSigmax), place_of("raises", "trap", "trap.c"));
  trapsignal(k, td, sig);
}

// The trap after one instruction, once nothing else holds the thread up.
template <Kernel K>
void step_trap(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::user) && td[TD_STEP] && !p[P_STOPPED_SIG | P_STOPPED_TRACE] &&
              k.pending(td, !p[P_PPWAIT]) == k.lit(0),
          place_of("steps", "trap", "trap.c"));
  k.clear(td, TD_STEP);
  trapsignal(k, td, k.lit(kSigtrap));
}

}  // namespace proctor::model::rules
