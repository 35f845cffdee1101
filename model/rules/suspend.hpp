// SPDX-License-Identifier: BSD-2-Clause
//
// Suspended threads, and what the parent of a process is told of: kern_thread.c, and the childproc_*() functions of
// kern_sig.c.
#pragma once

#include "model/rules/tree.hpp"

namespace proctor::model::rules {

template <Kernel K>
typename K::Bool at_place(const LwpRef<K>& td, At at) {
  return td[td_at] == td.k->lit(int(at));
}

// wakeup() of a process.  Where a vfork parent sleeps in fork1() it sleeps on its own process, so this alone lets it go on,
// once its child has run execve() or exit1(), and if it is still the child's p_pptr: a debugger is woken in its place.
// td_local of the sleeper: 1 once it is woken for good.
template <Kernel K>
void wakeup(K& k, ProcRef<K> p) {
  k.wakeup(p);
  if (k.behaviour().stop_has_thread) return;
  k.each_lwp(p, [&](LwpRef<K> td) {
    auto waits = k.yes(false);
    k.each_proc([&](ProcRef<K> q) { waits = waits || (q[p_vforker] == td.slot && q[P_PPWAIT]); });
    k.when(td[TD_RFPPWAIT] && !waits, [&] { k.set(td, td_local, k.lit(1)); });
  });
}

// SIGCHLD for a parent.  It stops and continues nobody, so all that sending does is to find it a place, or to drop it.
template <Kernel K>
void send_sigchld(K& k, ProcRef<K> parent) {
  const Behaviours& b = k.behaviour();
  auto sig = k.lit(kSigchld);
  auto ignored = k.has(parent, p_sigignore, sig);
  if (b.stop_has_thread) {
    k.when(is(parent, ProcState::normal) && !ignored, [&] { k.add(parent, p_siglist, sig); });
    return;
  }
  auto dropped = !parent[P_TRACED] && (ignored || parent[P_WEXIT]);
  auto taker = ProcRef<K>(parent);
  auto td = LwpRef<K>{&k, k.first_unmasked(taker, sig, b.tokens)};
  auto to_process = none(k, td.slot);
  if (b.tokens) {  // nobody takes it while the process is stopped
    dropped = parent[P_WEXIT] || (!parent[P_TRACED] && ignored);
    to_process = to_process || parent[P_STOPPED_SIG];
  }
  k.when(is(parent, ProcState::normal) && !dropped, [&] {
    k.when(to_process, [&] { k.add(parent, p_siglist, sig); });
    k.when(!to_process, [&] { k.add(td, td_siglist, sig); });
  });
}

// sigparent(): the parent hears of p once at a time (p_ksi).
template <Kernel K>
void sigparent(K& k, ProcRef<K> p) {
  auto parent = proc(k, p[p_pptr]);
  if (!k.behaviour().stop_has_thread) return send_sigchld(k, parent);
  k.when(!p[KSI_ONQ], [&] {
    send_sigchld(k, parent);
    k.when(k.has(parent, p_siglist, k.lit(kSigchld)), [&] { k.set(p, KSI_ONQ); });
  });
}

// childproc_jobstate(): a parent with SA_NOCLDSTOP is woken up only.
template <Kernel K>
void childproc_jobstate(K& k, ProcRef<K> p) {
  auto parent = proc(k, p[p_pptr]);
  wakeup(k, parent);
  k.when((parent[p_cred] & PS_NOCLDSTOP) == k.lit(0), [&] { sigparent(k, p); });
}
template <Kernel K>
void childproc_stopped(K& k, ProcRef<K> p) {
  childproc_jobstate(k, p);
}
template <Kernel K>
void childproc_continued(K& k, ProcRef<K> p) {
  childproc_jobstate(k, p);
}

// A thread ends that may have been waiting for its vfork child.
template <Kernel K>
void forget_vforker(K& k, LwpRef<K> td) {
  k.each_proc([&](ProcRef<K> q) { k.when(q[p_vforker] == td.slot, [&] { k.set(q, p_vforker, k.lit(kNone)); }); });
}

// thread_unsuspend(): every suspended thread may run, unless the process is (still) to stop.
template <Kernel K>
void thread_unsuspend(K& k, ProcRef<K> p) {
  k.when(!p[P_STOPPED_SIG | P_STOPPED_TRACE], [&] {
    k.each_lwp(p, [&](LwpRef<K> td) { k.clear(td, TD_SUSPENDED); });
    k.set(p, p_suspcount, k.lit(0));
  });
}

// What guards the suspension of threads: the process's own spin lock, in 2003 sched_lock.
template <Kernel K>
Lock suspension_lock(K& k) {
  return k.behaviour().giant_and_sched_lock ? Lock::sched : Lock::slock;
}

// thread_stopped(): when as many threads as that are suspended, the stop is complete, and can be waited for.  The spin lock
// is given up for the lock of the parent.
template <Kernel K>
void thread_stopped(K& k, ProcRef<K> p, typename K::Num suspended) {
  k.when(p[P_STOPPED_SIG] && (suspended == p[p_numthreads]), [&] {
    k.clear(p, P_WAITED);
    if (!k.behaviour().tokens) k.unlock(suspension_lock(k), p);
    const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
    auto parent = proc(k, p[p_pptr]);
    k.lock(lock, parent);
    childproc_stopped(k, p);
    k.unlock(lock, parent);
    if (!k.behaviour().tokens) k.lock(suspension_lock(k), p);
  });
}

// The calling thread is suspended.
template <Kernel K>
void thread_suspend(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  thread_stopped(k, p, p[p_suspcount] + k.lit(1));
  k.set(p, p_suspcount, p[p_suspcount] + k.lit(1));  // read again: a call in flight has no room for it
  k.set(td, TD_SUSPENDED);
}

// proc_unstop() of DragonFly.
template <Kernel K>
void proc_unstop(K& k, ProcRef<K> p) {
  k.clear(p, P_STOPPED_SIG | P_STOPPED_TRACE);
  thread_unsuspend(k, p);
}

}  // namespace proctor::model::rules
