// SPDX-License-Identifier: BSD-2-Clause
//
// Job control: pg_jobc of a process group, and what happens when it comes to 0 (fixjobc(), orphanpg(); kern_proc.c).
// All processes are of one session.
#pragma once

#include "model/rules/signal.hpp"

namespace proctor::model::rules {

// Dies of a signal that dumps core: DragonFly stops such a process and leaves it so.
template <Kernel K>
typename K::Bool dumps_core(const ProcRef<K>& p) {
  auto sig = p[p_xstat] & 0x7f;
  auto by_signal = (p[p_xstat] & 0xff00) == p.k->lit(0);
  return p[P_WEXIT] && by_signal && (sig.between(3, 8) || sig.between(10, 12));
}
// Whether orphanpg() takes it for stopped.
template <Kernel K>
typename K::Bool counts_as_stopped(K& k, ProcRef<K> p) {
  if (k.behaviour().tokens) return is(p, ProcState::normal) && (p[P_STOPPED_SIG] || dumps_core(p));
  auto stopped = p[P_STOPPED_SIG | P_STOPPED_TRACE];
  if (k.behaviour().stop_has_thread) stopped = p[P_STOPPED_SIG] && !p[P_STOPPED_TRACE];
  return stopped;
}

// Every group's counter goes up, then down, by what the two say of the group; one that comes down to 0 with a stopped
// member is hung up.
template <Kernel K, class Up, class Down>
void change_jobc(K& k, LwpRef<K> curthread, Up&& up, Down&& down) {
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.each_proc([&](ProcRef<K> group) {  // by the process whose pid it has
    auto member = [&](ProcRef<K> q) { return !is(q, ProcState::free) && q[p_pgrp] == group.slot; };
    auto was = k.lit(0);
    auto stopped = k.yes(false);
    k.each_proc([&](ProcRef<K> q) {
      was = k.either(member(q), q[pg_jobc], was);
      stopped = stopped || (member(q) && counts_as_stopped(k, q));
    });
    auto high = was + up(group), low = high - down(group);
    auto orphaned = stopped && high.between(1, 0x7f) && !low.between(1, 0x7f);
    k.each_proc([&](ProcRef<K> q) { k.when(member(q), [&] { k.set(q, pg_jobc, low); }); });
    k.each_proc([&](ProcRef<K> q) {  // orphanpg()
      k.when(orphaned && member(q), [&] {
        k.lock(lock, q);
        send(k, q, no_thread(k), k.lit(kSighup), curthread);
        send(k, q, no_thread(k), k.lit(kSigcont), curthread);
        k.unlock(lock, q);
      });
    });
  });
}

// How many of p's children are in the group and count for it.
template <Kernel K>
typename K::Num children_in(K& k, ProcRef<K> p, ProcRef<K> group) {
  auto count = k.lit(0);
  k.each_proc([&](ProcRef<K> child) {
    auto counts = is(child, ProcState::normal) && child[p_pptr] == p.slot && child[p_pgrp] == group.slot;
    count = count + k.either(counts, k.lit(1), k.lit(0));
  });
  return count;
}
template <Kernel K>
typename K::Num one_if(K& k, typename K::Bool condition) {
  return k.either(condition, k.lit(1), k.lit(0));
}

// fixjobc(p, p->p_pgrp, 0) in exit1(): before the children are given away.
template <Kernel K>
void fixjobc_exit(K& k, ProcRef<K> p, LwpRef<K> curthread) {
  auto old = p[p_pgrp], above = proc(k, p[p_pptr])[p_pgrp];
  change_jobc(
      k, curthread, [&](ProcRef<K>) { return k.lit(0); },
      [&](ProcRef<K> group) {
        auto own = group.slot == old;
        return k.either(own, one_if(k, !(above == old)), children_in(k, p, group));
      });
}

// fixjobc(p, pgrp, 1) and fixjobc(p, p->p_pgrp, 0) of doenterpgrp(): the process goes from one group to another.  In
// DragonFly it is in the new one already.
template <Kernel K>
void fixjobc_enter(K& k, ProcRef<K> p, typename K::Num pgrp, LwpRef<K> curthread) {
  auto old = p[p_pgrp], above = proc(k, p[p_pptr])[p_pgrp];
  const auto counter_of_new = [&](typename K::Num if_new) {
    auto counter = if_new;
    k.each_proc(
        [&](ProcRef<K> q) { counter = k.either(!is(q, ProcState::free) && q[p_pgrp] == pgrp, q[pg_jobc], counter); });
    return counter;
  };
  const auto join = [&](typename K::Num counter) {
    k.set(p, p_pgrp, pgrp);
    k.set(p, pg_jobc, counter);
  };
  if (k.behaviour().tokens) join(counter_of_new(k.lit(0)));
  change_jobc(
      k, curthread,
      [&](ProcRef<K> group) {
        return k.either(group.slot == pgrp, one_if(k, !(above == pgrp)), children_in(k, p, group));
      },
      [&](ProcRef<K> group) {
        return k.either(group.slot == old, one_if(k, !(above == old)), children_in(k, p, group));
      });
  if (!k.behaviour().tokens) join(counter_of_new(one_if(k, !(above == pgrp)) - children_in(k, p, proc(k, pgrp))));
}

}  // namespace proctor::model::rules
