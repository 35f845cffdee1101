// SPDX-License-Identifier: BSD-2-Clause
//
// Sending signals: kern_sig.c of FreeBSD since the stop belongs to a thread, of 2003, and of DragonFly.  What is sent goes
// into a set, of a thread or of its process; what stops or continues at once does so here.  The receiver takes signals
// out on its way to user mode (issignal.hpp).
#pragma once

#include "model/rules/suspend.hpp"

namespace proctor::model::rules {

template <Kernel K>
typename K::Bool any_of(K& k, typename K::Num sig, std::initializer_list<int> signals) {
  auto found = k.yes(false);
  for (const int one : signals) found = found || sig == k.lit(one);
  return found;
}

// sigproptbl: SA_STOP, SA_TTYSTOP, SA_IGNORE; what is none of them kills.
template <Kernel K>
typename K::Bool is_stop_signal(K& k, typename K::Num sig) {
  return any_of(k, sig, {kSigstop, kSigtstp, kSigttin, kSigttou});
}
template <Kernel K>
typename K::Bool is_tty_stop_signal(K& k, typename K::Num sig) {
  return any_of(k, sig, {kSigtstp, kSigttin, kSigttou});
}
template <Kernel K>
typename K::Bool is_ignored_by_default(K& k, typename K::Num sig) {
  auto ignored = any_of(k, sig, {kSigurg, kSigcont, kSigchld, kSigio, kSigwinch, kSiginfo});
  if (k.behaviour().tokens) ignored = ignored || sig.between(32, 63);  // SIGTHR, those of checkpoints, the rest
  return ignored;
}

// pg_jobc == 0.  It counts the members of a group with a parent in another group, and is kept by fixjobc() alone
// (jobc.hpp): ptrace(2), and whoever adopts the children of the dead, leave it as it is (B26).
template <Kernel K>
typename K::Bool is_orphaned(K& k, ProcRef<K> p) {
  return p[pg_jobc] == k.lit(0);
}

// sigtd(): who is to take a signal that is sent to the process.
template <Kernel K>
LwpRef<K> sigtd(K& k, ProcRef<K> p, typename K::Num sig, LwpRef<K> curthread) {
  auto first = k.first_unmasked(p, sig, false);
  auto other = k.either(none(k, first), k.first_lwp(p), first);
  auto self = curthread[td_proc] == p.slot && !k.has(curthread, td_sigmask, sig);
  return lwp(k, k.either(self, curthread.slot, other));
}

// sigqueue_delete_proc(): out of all queues of the process.
template <Kernel K>
void delete_signal(K& k, ProcRef<K> p, typename K::Num sig) {
  k.remove(p, p_siglist, sig);
  k.each_lwp(p, [&](LwpRef<K> td) {
    k.remove(td, td_siglist, sig);
    k.remove(td, td_sigptrace, sig);
  });
}
template <Kernel K>
void delete_stop_signals(K& k, ProcRef<K> p) {
  for (const int sig : kStopSignals) delete_signal(k, p, k.lit(sig));
}
template <Kernel K>
void delete_signal(K& k, LwpRef<K> td,
                   typename K::Num sig) {  // lwp_delsig() and its like: wherever the thread found it
  k.remove(td, td_siglist, sig);
  k.remove(td, td_sigptrace, sig);
  k.remove(proc(k, td[td_proc]), p_siglist, sig);
}

// tdsendsignal(): to a thread, or with none to the process.  `by_debugger`: KSI_PTRACE.
template <Kernel K>
void tdsendsignal(K& k, ProcRef<K> p, LwpRef<K> to, typename K::Num sig, LwpRef<K> curthread,
                  bool by_debugger = false) {
  auto whole = none(k, to.slot);
  auto td = lwp(k, k.either(whole, sigtd(k, p, sig, curthread).slot, to.slot));
  const auto dequeue = [&] {
    k.when(whole, [&] { k.remove(p, p_siglist, sig); });
    k.when(!whole, [&] {
      k.remove(td, td_siglist, sig);
      k.remove(td, td_sigptrace, sig);
    });
  };
  k.when(is(p, ProcState::normal) && !k.has(p, p_sigignore, sig), [&] {
    auto masked = k.has(td, td_sigmask, sig), caught = !masked && k.has(p, p_sigcatch, sig);
    auto by_default = !masked && !caught;
    auto cont = sig == k.lit(kSigcont), kill = sig == k.lit(kSigkill), stop = is_stop_signal(k, sig);
    auto stopped_by_signal = p[P_STOPPED_SIG];
    auto discarded = is_tty_stop_signal(k, sig) && by_default && is_orphaned(k, p);
    k.when(cont, [&] { delete_stop_signals(k, p); });
    k.when(!discarded, [&] {
      k.when(stop, [&] {
        delete_signal(k, p, k.lit(kSigcont));
        k.when(p[P_CONTINUED], [&] {
          k.clear(p, P_CONTINUED);
          sigqueue_take(k, p);
        });
      });
      k.when(whole, [&] { k.add(p, p_siglist, sig); });
      k.when(!whole, [&] {
        k.add(td, td_siglist, sig);
        if (by_debugger) k.when(!(kill || sig == k.lit(kSigstop)), [&] { k.add(td, td_sigptrace, sig); });
      });
      auto held = masked && !(cont && stopped_by_signal);
      auto traced = p[P_TRACED], should_stop = p[P_STOPPED_SIG | P_STOPPED_TRACE];
      k.when(!held && should_stop && !traced, [&] {
        k.when(kill, [&] {
          k.clear(p, P_STOPPED_SIG);
          thread_unsuspend(k, p);
        });
        k.when(cont, [&] {
          k.clear(p, P_STOPPED_SIG);
          k.when(p[p_suspcount] == p[p_numthreads], [&] {
            k.set(p, P_CONTINUED);
            k.set(p, p_xstat, k.lit(kSigcont));
            auto parent = proc(k, p[p_pptr]);
            k.lock(Lock::proc, parent);
            childproc_continued(k, p);
            k.unlock(Lock::proc, parent);
          });
          thread_unsuspend(k, p);
          k.when(by_default, dequeue);
        });
        k.when(stop, [&] {
          k.set(p, P_STOPPED_SIG);
          dequeue();
        });
      });
      k.when(!held && !should_stop && !traced && !caught, [&] {
        k.when(stop && !p[P_PPWAIT | P_WEXIT], [&] {  // its threads find out by themselves
          k.set(p, P_STOPPED_SIG);
          k.set(p, p_xstat, sig);
        });
        k.when(!stop, [&] { thread_unsuspend(k, p); });  // "runfast"
      });
    });
  });
}

// psignal() of 2003: a traced process keeps what it ignores, and a signal goes to a thread that does not mask it.
template <Kernel K>
void psignal_2003(K& k, ProcRef<K> p, LwpRef<K> to, typename K::Num sig, LwpRef<K> curthread) {
  auto traced = p[P_TRACED];
  auto dropped = !traced && (k.has(p, p_sigignore, sig) || p[P_WEXIT]);
  auto td = lwp(k, k.either(none(k, to.slot), sigtd(k, p, sig, curthread).slot, to.slot));
  k.when(is(p, ProcState::normal) && !dropped, [&] {
    auto masked = !traced && k.has(td, td_sigmask, sig), caught = !traced && !masked && k.has(p, p_sigcatch, sig);
    auto by_default = !masked && !caught;
    auto to_process = (none(k, to.slot) || k.yes(!k.behaviour().thread_signals_stay)) && k.has(td, td_sigmask, sig);
    auto cont = sig == k.lit(kSigcont), kill = sig == k.lit(kSigkill), stop = is_stop_signal(k, sig);
    auto stopped = p[P_STOPPED_SIG | P_STOPPED_TRACE];
    auto discarded = is_tty_stop_signal(k, sig) && by_default && is_orphaned(k, p);
    k.when(cont, [&] { delete_stop_signals(k, p); });
    k.when(!discarded, [&] {
      k.when(stop, [&] {
        delete_signal(k, p, k.lit(kSigcont));
        k.clear(p, P_CONTINUED);
      });
      k.when(to_process, [&] { k.add(p, p_siglist, sig); });
      k.when(!to_process, [&] { k.add(td, td_siglist, sig); });
      auto held = masked && !(cont && p[P_STOPPED_SIG]);
      k.when(!held && stopped && !traced, [&] {
        k.when(kill, [&] {
          k.clear(p, P_STOPPED_SIG);
          thread_unsuspend(k, p);
        });
        k.when(cont, [&] {
          k.clear(p, P_STOPPED_SIG);
          k.set(p, P_CONTINUED);
          k.when(by_default, [&] { delete_signal(k, td, sig); });
          thread_unsuspend(k, p);
        });
        k.when(stop, [&] {
          k.set(p, P_STOPPED_SIG);
          delete_signal(k, td, sig);
        });
      });
      k.when(!held && !stopped && !traced && by_default && stop && !p[P_PPWAIT], [&] {
        k.set(p, P_STOPPED_SIG);
        k.set(p, p_xstat, sig);
      });
    });
  });
}

// proc_stop() of DragonFly.  Threads that run count themselves when they come to tstop(); one that sleeps, here until its
// vfork child goes on, counts at once.
template <Kernel K>
void proc_stop(K& k, ProcRef<K> p) {
  k.when(!p[P_STOPPED_SIG] && is(p, ProcState::normal), [&] {
    k.set(p, P_STOPPED_SIG);
    k.each_lwp(p, [&](LwpRef<K> td) {
      k.when(at_place(td, At::vfork) && !td[TD_SUSPENDED], [&] {
        k.set(td, TD_SUSPENDED);
        k.set(p, p_suspcount, p[p_suspcount] + k.lit(1));
      });
    });
    k.when(p[p_suspcount] == p[p_numthreads], [&] {
      auto parent = proc(k, p[p_pptr]);
      k.clear(p, P_WAITED);
      k.lock(Lock::token, parent);
      childproc_stopped(k, p);
      k.unlock(Lock::token, parent);
    });
  });
}

// siginit() of DragonFly: ignored from the start, and by default again.
template <Kernel K>
typename K::Bool is_ignored_from_start(K& k, typename K::Num sig) {
  return is_ignored_by_default(k, sig) && !any_of(k, sig, {kSigcont, 33, 34});
}

// find_lwp_for_signal(): the thread that runs if it belongs to the process, else the first; none that waits for its vfork
// child.
template <Kernel K>
LwpRef<K> find_lwp_for_signal(K& k, ProcRef<K> p, typename K::Num sig, LwpRef<K> curthread) {
  auto self = curthread[td_proc] == p.slot && !k.has(curthread, td_sigmask, sig);
  return lwp(k, k.either(self, curthread.slot, k.first_unmasked(p, sig, true)));
}

// lwpsignal() of DragonFly: a stop signal stops the process at once, traced or not, and is not kept.
template <Kernel K>
void lwpsignal(K& k, ProcRef<K> p, LwpRef<K> to, typename K::Num sig, LwpRef<K> curthread) {
  auto whole = none(k, to.slot);
  auto traced = p[P_TRACED];
  auto unseen = k.has(p, p_sigignore, sig) || (is_ignored_from_start(k, sig) && !k.has(p, p_sigcatch, sig));
  auto dropped = (whole && p[P_WEXIT]) || (!traced && unseen);
  k.when(is(p, ProcState::normal) && !dropped, [&] {
    auto caught = !traced && k.has(p, p_sigcatch, sig);
    auto by_default = !caught;
    auto cont = sig == k.lit(kSigcont), kill = sig == k.lit(kSigkill), stop = is_stop_signal(k, sig);
    auto discarded = is_tty_stop_signal(k, sig) && by_default && is_orphaned(k, p);
    k.when(cont, [&] {
      for (const int one : kStopSignals) k.remove(p, p_siglist, k.lit(one));
    });
    k.when(!discarded, [&] {
      k.when(stop, [&] {
        k.remove(p, p_siglist, k.lit(kSigcont));
        k.clear(p, P_CONTINUED);
      });
      auto stopped = p[P_STOPPED_SIG];
      auto goes_on = stopped && !traced && (kill || (cont && caught));
      k.when(stopped, [&] {
        k.when(whole, [&] { k.add(p, p_siglist, sig); });
        k.when(!whole, [&] { k.add(to, td_siglist, sig); });
        k.when(!traced, [&] {
          k.when(kill, [&] { proc_unstop(k, p); });
          k.when(cont, [&] {
            k.set(p, P_CONTINUED);
            wakeup(k, proc(k, p[p_pptr]));
            k.when(by_default, [&] { k.remove(p, p_siglist, sig); });
            proc_unstop(k, p);
          });
          k.when(stop, [&] { k.remove(p, p_siglist, sig); });
        });
      });
      k.when(!stopped || goes_on, [&] {
        auto taker = lwp(k, k.either(whole, find_lwp_for_signal(k, p, sig, curthread).slot, to.slot));
        auto nobody = none(k, taker.slot);
        auto stops = stop && by_default, ignored = cont && by_default;
        k.when(nobody, [&] { k.add(p, p_siglist, sig); });
        k.when(!nobody && stops, [&] {
          k.when(p[P_PPWAIT], [&] { k.add(p, p_siglist, sig); });
          k.when(!p[P_PPWAIT | P_WEXIT], [&] {
            k.set(p, p_xstat, sig);
            proc_stop(k, p);
          });
        });
        k.when(!nobody && !stops && !ignored, [&] { k.add(taker, td_siglist, sig); });
      });
    });
  });
}

// A signal for the process, or for one of its threads, as this kernel sends it.
template <Kernel K>
void send(K& k, ProcRef<K> p, LwpRef<K> to, typename K::Num sig, LwpRef<K> curthread) {
  const Behaviours& b = k.behaviour();
  if (b.tokens)
    lwpsignal(k, p, to, sig, curthread);
  else if (b.stop_has_thread)
    tdsendsignal(k, p, to, sig, curthread);
  else
    psignal_2003(k, p, to, sig, curthread);
}
template <Kernel K>
LwpRef<K> no_thread(K& k) {
  return lwp(k, k.lit(kNone));
}
// kern_psignal(), psignal(), ksignal()
template <Kernel K>
void psignal(K& k, ProcRef<K> p, typename K::Num sig) {
  send(k, p, no_thread(k), sig, no_thread(k));
}

}  // namespace proctor::model::rules
