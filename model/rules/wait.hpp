// SPDX-License-Identifier: BSD-2-Clause
//
// wait4(2) and wait6(2): kern_exit.c.  Which of several children is reported depends on the order of p_children, which is
// not in the state: any that can be is, under the locks that the kernel holds while it looks.
#pragma once

#include "model/rules/credentials.hpp"
#include "model/rules/lifecycle.hpp"
#include "model/words/arguments.hpp"

namespace proctor::model::rules {

using model::kWnohang, model::kWuntraced, model::kWcontinued, model::kWnowait, model::kWexited, model::kWtrapped,
    model::kWlinuxclone;

// What wait4(2) asks of kern_wait6().
constexpr int wait4_options(int options) { return options | kWexited | kWtrapped; }

// What a child is reported for, in the order in which the loop looks.
enum class Report : std::uint8_t { none, exited, trapped, stopped, continued };
inline constexpr Report kReports[] = {Report::exited, Report::trapped, Report::stopped, Report::continued};

// Which children a call asks for: all, one, those of a process group, or some set that the state does not know.
enum class WaitFor : std::uint8_t { any, pid, pgrp, unknown };
template <Kernel K>
struct WaitArgs {
  WaitFor set;          // P_ALL, P_PID, P_PGID; unknown: a group, session or user that a log names
  typename K::Num pid;  // slot of the process, or of the one that gave the group its id
  int options;          // as kern_wait6() sees them
};

// A child that tells its parent of its end by another signal than SIGCHLD is found with WLINUXCLONE only, and one that a
// jail hides not at all.
template <Kernel K>
typename K::Bool matches(K& k, ProcRef<K> q, ProcRef<K> p, const WaitArgs<K>& a) {
  auto sigchld = (p[p_cred] & P_SIGPARENT) == k.lit(0);
  auto of_kind = (a.options & kWlinuxclone) == 0 ? sigchld : !sigchld;
  if (k.behaviour().stop_has_thread) of_kind = of_kind && sees(q, p);  // p_canwait()
  if (a.set == WaitFor::any && k.behaviour().wait_any_passes_procdesc) of_kind = of_kind && !has_cred(p, P_PROCDESC);
  if (a.set == WaitFor::pid) return of_kind && p.slot == a.pid;
  if (a.set == WaitFor::pgrp) return of_kind && p[p_pgrp] == a.pid;
  return of_kind;
}

// The conditions of the loop over p_children, in its order; the first that holds is the report.
template <Kernel K>
typename K::Bool reportable(K& k, ProcRef<K> q, ProcRef<K> p, const WaitArgs<K>& a, Report report) {
  auto child = (p[p_pptr] == q.slot) && matches(k, q, p, a);
  auto stopped_whole = is(p, ProcState::normal) && !p[P_WAITED];
  if (k.behaviour().all_threads_must_stop) stopped_whole = stopped_whole && (p[p_suspcount] == p[p_numthreads]);
  switch (report) {
    case Report::exited: return child && is(p, ProcState::zombie) && k.yes((a.options & kWexited) != 0);
    case Report::trapped:  // kern_exit.c:1219
      return child && stopped_whole && p[P_TRACED] && p[P_STOPPED_TRACE | P_STOPPED_SIG] &&
             k.yes((a.options & kWtrapped) != 0);
    case Report::stopped:  // kern_exit.c:1249, after the test for trapped
      return child && stopped_whole && p[P_STOPPED_SIG] && k.yes((a.options & kWuntraced) != 0) &&
             !(p[P_TRACED] && k.yes((a.options & kWtrapped) != 0));
    case Report::continued:  // kern_exit.c:1275
      return child && is(p, ProcState::normal) && p[P_CONTINUED] && k.yes((a.options & kWcontinued) != 0);
    case Report::none: break;
  }
  return k.yes(false);
}

// proc_reap(): a tracer that is not the real parent gives the zombie back; the real parent's wait frees it.
template <Kernel K>
void proc_reap(K& k, ProcRef<K> curp, ProcRef<K> p) {
  const bool by_tree = k.behaviour().real_parent_by_tree;
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  if (k.behaviour().stop_has_thread) {
    k.lock(lock, curp);
    sigqueue_take(k, p);
    k.unlock(lock, curp);
  }
  auto t = by_tree ? proc_realparent(k, p) : proc(k, p[p_oppid]);
  auto borrowed = !none(k, p[p_oppid]);
  if (k.behaviour().status_reported_once) borrowed = borrowed && !(p[p_oppid] == p[p_pptr]);  // kern_exit.c:877
  if (!by_tree) borrowed = borrowed && is(t, ProcState::normal);  // whoever pfind() finds, the debugger itself too: B11
  k.unlock(lock, p);
  k.when(borrowed, [&] {  // the parent's lock comes before that of the child here
    k.lock(lock, t);
    k.lock(lock, p);
    k.emit(Ktr::wait_moved, p, t.slot);
    proc_reparent(k, p, t);
    k.set(p, p_oppid, k.lit(kNone));
    k.unlock(lock, p);
    sigparent(k, p);
    wakeup(k, t);
    k.unlock(lock, t);
  });
  k.when(!borrowed, [&] {
    k.each_lwp(p, [&](LwpRef<K> td) { k.unlink(td); });
    k.each_proc([&](ProcRef<K> q) {  // reaper_abandon_children()
      k.when(q[p_reaper] == p.slot, [&] {
        k.set(q, p_reaper, p[p_reaper]);
        k.when(q[p_pptr] == p.slot, [&] { proc_reparent(k, q, proc(k, p[p_reaper])); });
      });
    });
    k.free(p);
  });
}

// kern_wait6() reports child p of q for one reason.
template <Kernel K>
void wait_report(K& k, ProcRef<K> q, ProcRef<K> p, const WaitArgs<K>& a, Report report) {
  const Behaviours& b = k.behaviour();
  const Lock tree = b.tokens ? Lock::token : Lock::proctree, lock = b.tokens ? Lock::token : Lock::proc;
  k.lock(tree, b.tokens ? q : p);
  k.lock(lock, p);
  k.guard(reportable(k, q, p, a, report), at("wait-reportable", "kern_exit.c"));
  k.result(p.slot);
  const bool consume = (a.options & kWnowait) == 0;
  const auto take = [&] {
    if (!consume || !b.stop_has_thread) return;
    k.lock(lock, q);
    sigqueue_take(k, p);
    k.unlock(lock, q);
  };
  switch (report) {
    case Report::exited:
      if (consume) proc_reap(k, q, p);
      break;
    case Report::trapped:
      if (consume) k.set(p, P_WAITED);
      take();
      k.emit(Ktr::wait_trapped, p, p[p_xstat], p[p_xthread]);
      break;
    case Report::stopped:
      if (consume) k.set(p, P_WAITED);
      take();
      break;
    case Report::continued:
      if (consume) k.clear(p, P_CONTINUED);
      take();
      break;
    case Report::none: break;
  }
  k.unlock(lock, p);
  k.unlock(tree, b.tokens ? q : p);
}

// kern_wait6() finds nothing to report: ECHILD if there is no such child or orphan, else 0 (WNOHANG) or it sleeps.
template <Kernel K>
void wait_nothing(K& k, ProcRef<K> q, const WaitArgs<K>& a) {
  const Behaviours& b = k.behaviour();
  const int known =
      kWnohang | kWuntraced | kWcontinued | kWexited | kWtrapped | kWlinuxclone | (b.wait6 ? kWnowait : 0);
  k.require(k.yes((a.options & ~known) == 0), Errno::einval, at("wait-options", "kern_exit.c"));
  if (b.wait6)
    k.require(k.yes((a.options & (kWuntraced | kWcontinued | kWexited | kWtrapped)) != 0), Errno::einval,
              at("wait-no-event", "kern_exit.c"));
  const Lock tree = b.tokens ? Lock::token : Lock::proctree;
  k.lock(tree, q);
  auto reports = k.yes(false);
  auto found = k.yes(false);
  k.each_proc([&](ProcRef<K> p) {
    for (const Report report : kReports) reports = reports || reportable(k, q, p, a, report);
    auto counts = k.yes(b.tokens || (a.options & kWexited) != 0);  // DragonFly finds a zombie that nobody asked for
    auto live = is(p, ProcState::normal) || (is(p, ProcState::zombie) && counts);
    auto child = p[p_pptr] == q.slot;
    if (b.real_parent_by_tree) child = child || (p[p_orphan] == q.slot);
    found = found || (live && matches(k, q, p, a) && child);
  });
  auto set_unknown = k.yes(a.set == WaitFor::unknown);  // anyone may be outside it
  k.guard(!reports || set_unknown, at("wait-nothing", "kern_exit.c"));
  if (a.set == WaitFor::unknown) found = found && (k.open(Open::cansee, 2) == k.lit(0));
  k.require(found, Errno::echild, at("wait-no-child", "kern_exit.c"));
  k.result(k.lit(kNone));
  k.leave(tree, q);
}

// The same as system calls.
template <Kernel K>
void sys_wait_report(K& k, LwpRef<K> td, ProcRef<K> p, const WaitArgs<K>& a, Report report) {
  begin_call(k, td);
  wait_report(k, proc(k, td[td_proc]), p, a, report);
}
template <Kernel K>
void sys_wait_nothing(K& k, LwpRef<K> td, const WaitArgs<K>& a) {
  begin_call(k, td);
  wait_nothing(k, proc(k, td[td_proc]), a);
}

}  // namespace proctor::model::rules
