// SPDX-License-Identifier: BSD-2-Clause
//
// How processes and threads come and go: fork, vfork, rfork, fork_return(), execve, exit1(), threads, system call stops
// (kern_fork.c, kern_exec.c, kern_exit.c, kern_thr.c, subr_syscall.c of FreeBSD 10.4).
#pragma once

#include "model/rules/stop.hpp"

namespace proctor::model::rules {

struct ForkKind {
  bool ppwait = false;        // RFPPWAIT: vfork
  bool nowait = false;        // RFNOWAIT: the child belongs to the reaper
  bool other_signal = false;  // RFTSIGFLAGS, RFLINUXTHPN: the parent is told by another signal than SIGCHLD
};

// fork1(): child and child_td are free slots.
template <Kernel K>
void fork1(K& k, LwpRef<K> td, ProcRef<K> child, LwpRef<K> child_td, ForkKind kind) {
  auto p1 = proc(k, td[td_proc]);
  k.guard(is(p1, ProcState::normal) && !p1[P_WEXIT] && !td[TD_SUSPENDED], in("fork-runs", "do_fork", "kern_fork.c"));
  k.guard(is(child, ProcState::free), in("fork-pid-free", "fork_findpid", "kern_fork.c"));
  k.lock(Lock::proctree, p1);
  k.lock(Lock::proc, child);
  k.lock(Lock::proc, p1);
  k.fresh(child, child_td);  // bzero: no flags, no events, one thread
  k.set(child, p_state, k.lit(int(ProcState::normal)));
  k.set(child, p_numthreads, k.lit(1));
  k.set(child_td, td_proc, child.slot);
  k.set(child, p_pptr, kind.nowait ? p1[p_reaper] : p1.slot);
  auto own = p1[P_TREE_REAPER];
  if (kind.nowait) own = k.yes(false);
  k.set(child, p_reaper, k.either(own, p1.slot, p1[p_reaper]));
  k.when(p1[P_SUGID], [&] { k.set(child, P_SUGID); });
  k.set(child, p_cred, (p1[p_cred] & (CR_UID | CR_JAIL)) | (kind.other_signal ? int{P_SIGPARENT} : 0));
  auto follow = wants_event(p1, PTRACE_FORK);
  k.when(follow, [&] {
    k.set(td, TDB_FORK);
    k.set(child_td, TDB_STOPATFORK);
  });
  if (kind.ppwait) {
    k.set(child, P_PPWAIT);
    k.set(td, TD_RFPPWAIT);
    if (k.behaviour().vfork_is_marked) k.set(td, TDB_VFORK);
  }
  k.unlock(Lock::proc, p1);
  k.unlock(Lock::proc, child);
  k.unlock(Lock::proctree, p1);
  k.result(child.slot);
}

// fork_return() of a child with TDB_STOPATFORK: attach to the debugger of the parent if it still wants that.
template <Kernel K>
void fork_return(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(td[TDB_STOPATFORK], at("stop-at-fork", 1061, "kern_fork.c"));
  auto parent = proc(k, p[p_pptr]);
  auto wanted = wants_event(parent, PTRACE_FORK);  // kern_fork.c:1064
  auto debugger = proc(k, parent[p_pptr]);
  k.when(wanted, [&] {
    proc_set_traced(k, p, true);
    k.emit(trace::Ktr::fork_return, p, p[p_oppid]);
    proc_reparent(k, p, debugger);
    k.set(td, TDB_CHILD | TDB_SCX);
    if (k.behaviour().first_reporter_keeps_stop) k.set(td, TDB_FSTP);
  });
  k.when(!wanted, [&] { k.clear(td, TDB_STOPATFORK); });
}

// The first return of a new thread to user mode in a traced process.
template <Kernel K>
void thread_return(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(p[P_TRACED] || td[TDB_BORN], [&] { k.set(td, TDB_SCX); });
}

// syscallenter() up to the place where PTRACE_SCE would stop.
template <Kernel K>
void syscallenter(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(p[P_TRACED], [&] { k.set(td, TDB_SCE); });
  k.clear(td, TDB_USERWR);
}

// The end of syscallenter() and syscallret() up to the place where PTRACE_SCX, exec and fork would stop.
template <Kernel K>
void syscallret(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.clear(td, TDB_SCE);
  k.when(p[P_TRACED], [&] { k.set(td, TDB_SCX); });
}

// The vfork child has gone on by exec or exit: its parent may go on.
template <Kernel K>
void vfork_done(K& k, ProcRef<K> child) {
  k.when(child[P_PPWAIT], [&] {
    k.clear(child, P_PPWAIT | P_PPTRACE);
    k.wakeup(proc(k, child[p_pptr]));
  });
}

// The end of the vfork parent's wait in syscallret(): no child of its still runs on its address space.
template <Kernel K>
void vfork_wait_over(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(td[TD_RFPPWAIT], [&] {
    k.each_proc([&](ProcRef<K> q) {
      auto ours = q[p_pptr] == p.slot || q[p_oppid] == p.slot || q[p_orphan] == p.slot;
      k.guard(!(ours && q[P_PPWAIT] && !is(q, ProcState::zombie)), at("vfork-wait", 239, "subr_syscall.c"));
    });
    k.clear(td, TD_RFPPWAIT);
  });
}

// procctl(PROC_REAP_ACQUIRE) and PROC_REAP_RELEASE of the caller itself.
template <Kernel K>
void reap_acquire(K& k, ProcRef<K> p) {
  k.set(p, P_TREE_REAPER);
}
template <Kernel K>
void reap_release(K& k, ProcRef<K> p) {
  k.each_proc([&](ProcRef<K> q) { k.when(q[p_reaper] == p.slot, [&] { k.set(q, p_reaper, p[p_reaper]); }); });
  k.clear(p, P_TREE_REAPER);
}

// execve() from the moment when it looks at the file: nobody may attach now.
template <Kernel K>
void execve_begins(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT] && !td[TD_SUSPENDED] && !p[P_INEXEC], in("exec-begins", "do_execve", "kern_exec.c"));
  k.set(p, P_INEXEC);
}

// execve() succeeds.  Other threads are gone by then.
template <Kernel K>
void execve(K& k, LwpRef<K> td, bool set_id) {
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT] && !td[TD_SUSPENDED], in("exec-runs", "do_execve", "kern_exec.c"));
  k.each_lwp(p, [&](LwpRef<K> other) { k.when(!(other == td), [&] { k.set(other, td_proc, k.lit(kNone)); }); });
  k.set(p, p_numthreads, k.lit(1));
  k.set(p, p_suspcount, k.lit(0));
  vfork_done(k, p);
  k.clear(p, P_INEXEC);
  if (set_id)
    k.when(!p[P_TRACED], [&] {  // a traced process does not gain the file's rights
      k.set(p, P_SUGID);
      k.set(p, p_cred, k.either((p[p_cred] & CR_UID) == k.lit(0), p[p_cred], (p[p_cred] & ~CR_UID) | CR_ROOT));
    });
  else
    k.clear(p, P_SUGID);
  auto report = p[P_TRACED] && wants_event(p, PTRACE_EXEC);
  if (k.behaviour().stop_has_thread) k.when(report, [&] { k.set(td, TDB_EXEC); });
}

// thr_new(): td is a free slot.
template <Kernel K>
void thread_create(K& k, ProcRef<K> p, LwpRef<K> td) {
  k.fresh_thread(td);
  k.set(td, td_proc, p.slot);
  k.set(p, p_numthreads, p[p_numthreads] + k.lit(1));
  auto report = wants_event(p, PTRACE_LWP);
  k.when(report, [&] { k.set(td, TDB_BORN); });
}

// kern_thr_exit() where the end of a thread can be reported: marked first, it stops if the debugger asked for that.
template <Kernel K>
void thread_exit_begins(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.set(td, TDB_EXIT);
  k.when(p[P_TRACED] && wants_event(p, PTRACE_LWP), [&] { ptracestop(k, td, k.lit(kSigtrap)); });
}

// kern_thr_exit() to its end.
template <Kernel K>
void thread_exit(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto marked = k.behaviour().lwp_events ? td[TDB_EXIT] : k.yes(true);
  k.guard(!td[TD_SUSPENDED] && marked, in("thread-exit-runs", "kern_thr_exit", "kern_thr.c"));
  k.set(p, p_numthreads, p[p_numthreads] - k.lit(1));
  k.set(td, td_proc, k.lit(kNone));
  k.when(p[P_STOPPED_SIG] && (p[p_suspcount] == p[p_numthreads]), [&] {  // thread_stopped(): the others had stopped
    k.clear(p, P_WAITED);
    k.wakeup(proc(k, p[p_pptr]));
  });
}

// exit1() to the point of no return.
template <Kernel K>
void exit1_wexit(K& k, LwpRef<K> td, typename K::Num status) {
  auto p = proc(k, td[td_proc]);
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT] && !td[TD_SUSPENDED], in("exit-runs", "exit1", "kern_exit.c"));
  k.lock(Lock::proc, p);
  k.each_lwp(p, [&](LwpRef<K> other) { k.when(!(other == td), [&] { k.set(other, td_proc, k.lit(kNone)); }); });
  k.set(p, p_numthreads, k.lit(1));
  k.set(p, p_suspcount, k.lit(0));
  k.clear(p, P_STOPPED_SIG | P_STOPPED_TRACE);
  k.set(p, P_WEXIT);
  k.set(p, p_xstat, status);
  k.unlock(Lock::proc, p);
}

// exit1() on its way: nobody traces the process any more, but its debugger is still its parent.  If the debugger dies now,
// the process is taken for a child like any other, and its real parent does not get it back.
template <Kernel K>
void exit1_untraced(K& k, ProcRef<K> p) {
  k.guard(is(p, ProcState::normal) && p[P_WEXIT], in("exit-untraced", "exit1", "kern_exit.c"));
  k.lock(Lock::proc, p);
  vfork_done(k, p);
  if (!k.behaviour().tokens) k.clear(p, P_TRACED);  // DragonFly does it when the process is a zombie
  k.set(p, p_ptevents, k.lit(0));
  k.unlock(Lock::proc, p);
}

// exit1() to its end, under proctree_lock: children, tracees and orphans find new parents.
// cldwait is false if the parent ignores SIGCHLD or set SA_NOCLDWAIT: then init is told.
template <Kernel K>
void exit1_zombie(K& k, ProcRef<K> p) {
  auto untraced = k.behaviour().tokens ? k.yes(true) : !p[P_TRACED];
  k.guard(is(p, ProcState::normal) && p[P_WEXIT] && untraced && !p[P_PPWAIT], at("exit-zombie", 491, "kern_exit.c"));
  if (k.behaviour().tokens) k.clear(p, P_TRACED);
  k.lock(Lock::proctree, p);
  k.each_proc([&](ProcRef<K> q) {
    auto reaper = proc(k, q[p_reaper]);
    k.when((q[p_pptr] == p.slot) && !is(q, ProcState::free), [&] {
      k.lock(Lock::proc, q);
      auto traced = q[P_TRACED];
      k.set(q, p_cred, q[p_cred] & ~P_SIGPARENT);
      k.when(!traced, [&] { proc_reparent(k, q, reaper); });  // kern_exit.c:500
      k.when(traced, [&] {                                    // kern_exit.c:507
        if (k.behaviour().tracees_go_to_real_parent) {
          auto t = proc_realparent(k, q);
          proc_reparent(k, q, proc(k, k.either(t == p, reaper.slot, t.slot)));
          clear_orphan(k, q);
          k.clear(q, P_TRACED | P_STOPPED_TRACE);
        } else {  // B17
          proc_reparent(k, q, reaper);
          k.clear(q, P_TRACED);
        }
        if (k.behaviour().attach_stop_comes_first) k.clear(q, P2_PTRACE_FSTP);
        if (k.behaviour().event_mask) k.set(q, p_ptevents, k.lit(0));
        const auto stop = k.behaviour().first_reporter_keeps_stop ? TDB_XSIG | TDB_FSTP : LwpFlag{};  // B30
        k.each_lwp(q, [&](LwpRef<K> td) { k.clear(td, TDB_SUSPEND | stop); });
        psignal(k, q, k.lit(kSigkill));
      });
      k.unlock(Lock::proc, q);
    });
    k.when((q[p_orphan] == p.slot) && !is(q, ProcState::free), [&] {
      k.emit(trace::Ktr::exit_orphan, p, q.slot);
      clear_orphan(k, q);
    });
  });
  auto ignored = k.open(Open::sigchld_ignored, 2);  // PS_NOCLDWAIT or PS_CLDSIGIGN of the parent
  k.when(ignored == k.lit(1), [&] {
    proc_reparent(k, p, proc(k, p[p_reaper]));
    if (!k.behaviour().tokens) k.set(p, p_cred, p[p_cred] & ~P_SIGPARENT);
  });
  k.wakeup(proc(k, p[p_pptr]));
  k.unlock(Lock::proctree, p);
  k.set(p, p_state, k.lit(int(ProcState::zombie)));
}

}  // namespace proctor::model::rules
