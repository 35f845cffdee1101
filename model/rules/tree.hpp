// SPDX-License-Identifier: BSD-2-Clause
//
// The process tree: who is parent, who is real parent, who is on whose orphan list.  All under proctree_lock.
#pragma once

#include "model/kernel.hpp"

namespace proctor::model::rules {

using model::kSigchld, model::kSigcont, model::kSigkill, model::kSigmax, model::kSigstop, model::kSigtrap,
    model::kSigtstp, model::kStopSignals, model::kTtyStopSignals;

template <Kernel K>
ProcRef<K> proc(K& k, typename K::Num slot) {
  return {&k, slot};
}
template <Kernel K>
LwpRef<K> lwp(K& k, typename K::Num slot) {
  return {&k, slot};
}
template <Kernel K>
typename K::Bool is(const ProcRef<K>& p, ProcState state) {
  return p[p_state] == p.k->lit(int(state));
}
template <Kernel K>
typename K::Bool none(K& k, typename K::Num slot) {
  return slot == k.lit(kNone);
}

// proc_realparent(): the parent that is not a debugger; initproc if it is gone.
template <Kernel K>
ProcRef<K> proc_realparent(K& k, ProcRef<K> child) {
  auto borrowed = !none(k, child[p_oppid]) && !(child[p_pptr] == child[p_oppid]);
  auto not_orphaned = k.either(borrowed, k.lit(kInit), child[p_pptr]);
  return proc(k, k.either(none(k, child[p_orphan]), not_orphaned, child[p_orphan]));
}

// getppid(2): the debugger, while there is one (B23); later the parent that it was borrowed from.
template <Kernel K>
void getppid(K& k, ProcRef<K> p) {
  auto parent = p[p_pptr];
  auto traced = p[P_TRACED];
  if (!k.behaviour().tokens) {  // DragonFly reads p_pptr as it is
    k.lock(Lock::proc, p);
    k.unlock(Lock::proc, p);
  }
  if (k.behaviour().getppid_is_real_parent) {
    k.when(traced, [&] { k.lock(Lock::proctree, p); });
    parent = k.either(traced, proc_realparent(k, p).slot, parent);
    k.when(traced, [&] { k.unlock(Lock::proctree, p); });
  }
  k.result(parent);
}

template <Kernel K>
void clear_orphan(K& k, ProcRef<K> p) {
  k.set(p, p_orphan, k.lit(kNone));
}

// sigqueue_take(p->p_ksi): the SIGCHLD that tells of p is taken back.
template <Kernel K>
void sigqueue_take(K& k, ProcRef<K> p) {
  auto parent = p[p_pptr];
  k.when(p[KSI_ONQ], [&] {
    k.clear(p, KSI_ONQ);
    auto others = k.yes(false);
    k.each_proc(
        [&](ProcRef<K> q) { others = others || (!is(q, ProcState::free) && q[p_pptr] == parent && q[KSI_ONQ]); });
    k.when(!others, [&] { k.remove(proc(k, parent), p_siglist, k.lit(kSigchld)); });
  });
}

// proc_reparent(): a traced child stays on the orphan list of the parent that it leaves, where there are such lists.
template <Kernel K>
void proc_reparent(K& k, ProcRef<K> child, ProcRef<K> parent) {
  auto old = child[p_pptr];
  k.when(!(old == parent.slot), [&] {
    if (k.behaviour().real_parent_by_tree) {
      sigqueue_take(k, child);
      clear_orphan(k, child);
      k.when(child[P_TRACED], [&] { k.set(child, p_orphan, old); });
    }
    k.set(child, p_pptr, parent.slot);
  });
}

// Whether the debugger wants to hear of the event.  Without an event mask every exec is reported.
template <Kernel K>
typename K::Bool wants_event(ProcRef<K> p, PtEvent event) {
  K& k = *p.k;
  if (event == PTRACE_EXEC && !k.behaviour().event_mask) return k.yes(true);
  return !((p[p_ptevents] & event) == k.lit(0));
}

// The start of being traced; proc_set_traced() in 10.4.
template <Kernel K>
void proc_set_traced(K& k, ProcRef<K> p, bool stop) {
  k.set(p, P_TRACED);
  if (stop && k.behaviour().attach_stop_comes_first) k.set(p, P2_PTRACE_FSTP);
  if (k.behaviour().event_mask) k.set(p, p_ptevents, k.lit(PTRACE_DEFAULT));
  k.set(p, p_oppid, p[p_pptr]);
}

}  // namespace proctor::model::rules
