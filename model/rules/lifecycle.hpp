// SPDX-License-Identifier: BSD-2-Clause
//
// How processes and threads come and go: fork, vfork, rfork, fork_return(), execve, exit1(), threads, system call stops
// (kern_fork.c, kern_exec.c, kern_exit.c, kern_thr.c, subr_syscall.c of FreeBSD 10.4).
#pragma once

#include "model/rules/credentials.hpp"
#include "model/rules/issignal.hpp"
#include "model/rules/jobc.hpp"

namespace proctor::model::rules {

// The thread can make a system call: it is in user mode, or has entered one.  In the latter case it is on its way back
// when the call has had its effect, or has failed.
template <Kernel K>
void begin_call(K& k, LwpRef<K> td) {
  k.guard(runs(td) && at_any(td, {At::user, At::call}), place_of("can-call", "syscallenter", "subr_syscall.c"));
  k.when(at_place(td, At::call), [&] { go_to(k, td, At::back); });
}

struct ForkKind {
  bool ppwait = false;        // RFPPWAIT: vfork
  bool nowait = false;        // RFNOWAIT: the child belongs to the reaper
  bool procdesc = false;      // RFPROCDESC: pdfork()
  bool other_signal = false;  // RFTSIGFLAGS, RFLINUXTHPN: the parent is told by another signal than SIGCHLD
};

// fork1(): child and child_td are free slots.
template <Kernel K>
void fork1(K& k, LwpRef<K> td, ProcRef<K> child, LwpRef<K> child_td, ForkKind kind) {
  const Behaviours& b = k.behaviour();
  auto p1 = proc(k, td[td_proc]);
  k.guard(is(p1, ProcState::normal) && !p1[P_WEXIT] && !td[TD_SUSPENDED], in("fork-runs", "do_fork", "kern_fork.c"));
  auto free_pid = is(child, ProcState::free) && !none(k, child.slot);
  k.each_proc([&](ProcRef<K> q) {  // nor is it the number of a group
    free_pid = free_pid && (is(q, ProcState::free) || !(q[p_pgrp] == child.slot));
  });
  k.guard(free_pid, in("fork-pid-free", "fork_findpid", "kern_fork.c"));
  if (b.tokens) {
    k.lock(Lock::token, p1);
  } else {
    k.lock(Lock::proctree, p1);
    k.lock(Lock::proc, child);
    k.lock(Lock::proc, p1);
  }
  k.fresh(child, child_td);  // bzero: no flags, no events, nothing pending
  k.set(child, p_state, k.lit(int(ProcState::normal)));
  k.set(child, p_numthreads, k.lit(1));
  k.link(child_td, child, true);
  k.copy(child, p_sigignore, p1);
  k.copy(child, p_sigcatch, p1);
  k.copy(child_td, td_sigmask, td);
  k.set(child, p_pgrp, p1[p_pgrp]);
  k.set(child, pg_jobc, p1[pg_jobc]);
  auto own = p1[P_TREE_REAPER];
  auto adopter = p1[p_reaper];
  if (b.tokens) {
    adopter = k.either(own, p1.slot, adopter);
    k.copy(child_td, td_siglist, td);    // lwp_startcopy
    k.set(child, p_xstat, p1[p_xstat]);  // p_startcopy
  } else if (kind.nowait) {
    own = k.yes(false);
  }
  k.set(child, p_pptr, kind.nowait ? adopter : p1.slot);
  k.set(child, p_reaper, k.either(own, p1.slot, p1[p_reaper]));
  k.when(p1[P_SUGID], [&] { k.set(child, P_SUGID); });
  constexpr int kept = CR_UID | CR_RUID | CR_JAIL | PS_NOCLDSTOP | PS_NOCLDWAIT | PS_CLDSIGIGN;
  k.set(child, p_cred,
        (p1[p_cred] & kept) | (kind.other_signal ? int{P_SIGPARENT} : 0) | (kind.procdesc ? int{P_PROCDESC} : 0));
  auto follow = wants_event(p1, PTRACE_FORK);
  k.when(follow, [&] {
    k.set(td, TDB_FORK);
    k.set(child_td, TDB_STOPATFORK);
    go_to(k, child_td, At::child);
  });
  if (kind.ppwait) {
    k.set(child, P_PPWAIT);
    k.set(child, p_vforker, td.slot);
    k.set(td, TD_RFPPWAIT);
    if (!b.stop_has_thread) k.set(td, td_local, k.lit(0));
    if (b.vfork_is_marked) k.set(td, TDB_VFORK);
  }
  if (b.tokens) {
    k.unlock(Lock::token, p1);
  } else {
    k.unlock(Lock::proc, p1);
    k.unlock(Lock::proc, child);
    k.unlock(Lock::proctree, p1);
  }
  k.result(child.slot);
}

// The same as a system call.
template <Kernel K>
void sys_fork(K& k, LwpRef<K> td, ProcRef<K> child, LwpRef<K> child_td, ForkKind kind) {
  begin_call(k, td);
  if (k.behaviour().tokens)  // ERESTART: the signal comes first
    k.guard(k.pending(td, k.yes(true)) == k.lit(0), in("fork-no-signal", "fork1", "kern_fork.c"));
  k.guard(none(k, child_td[td_proc]) && !none(k, child_td.slot),
          place_of("fork-thread-free", "do_fork", "kern_fork.c"));
  fork1(k, td, child, child_td, kind);
  if (!k.behaviour().stop_has_thread) {  // fork1() itself waits for the vfork child
    if (kind.ppwait) go_to(k, td, At::vfork);
    return;
  }
  k.when(td[TDB_FORK], [&] { go_to(k, td, At::back); });
  if (kind.ppwait) k.when(!td[TDB_FORK] && at_place(td, At::user), [&] { go_to(k, td, At::vfork); });
}

// fork_return() of a child with TDB_STOPATFORK: attach to the debugger of the parent if it still wants that.
template <Kernel K>
void fork_return(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(td[TDB_STOPATFORK], at("stop-at-fork", "kern_fork.c"));
  k.lock(Lock::proctree, p);
  k.lock(Lock::proc, p);
  auto parent = proc(k, p[p_pptr]);
  auto wanted = wants_event(parent, PTRACE_FORK);  // kern_fork.c:1064
  auto debugger = proc(k, parent[p_pptr]);
  k.when(wanted, [&] {
    proc_set_traced(k, p, true);
    k.emit(Ktr::fork_return, p, p[p_oppid]);
    proc_reparent(k, p, debugger);
    k.set(td, TDB_CHILD | TDB_SCX);
    if (k.behaviour().first_reporter_keeps_stop) k.set(td, TDB_FSTP);
    go_to(k, td, At::child_due);
  });
  k.when(!wanted, [&] {
    k.clear(td, TDB_STOPATFORK);
    go_to(k, td, At::user);
  });
  k.unlock(Lock::proctree, p);
  k.unlock(Lock::proc, p);
}

template <Kernel K>
void return_from_fork(K& k, LwpRef<K> td) {
  k.guard(runs(td) && at_place(td, At::child), place_of("child-returns", "fork_return", "kern_fork.c"));
  fork_return(k, td);
}

// The first return of a new thread to user mode in a traced process.
template <Kernel K>
void thread_return(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::born), place_of("thread-returns", "fork_return", "kern_fork.c"));
  k.lock(Lock::proc, p);
  auto seen = p[P_TRACED] || td[TDB_BORN];
  auto stops = seen && (wants_event(p, PTRACE_SCX) || td[TDB_BORN]);
  k.when(stops, [&] { k.set(td, TDB_SCX); });
  k.set(td, td_at, k.either(stops, k.lit(int(At::born_due)), k.lit(int(At::user))));
  k.unlock(Lock::proc, p);
}

// syscallenter() up to the place where PTRACE_SCE would stop.
template <Kernel K>
void syscallenter(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(p[P_TRACED], [&] { k.set(td, TDB_SCE); });
  k.clear(td, TDB_USERWR);
}
template <Kernel K>
void enter_call(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::user), place_of("enters-call", "syscallenter", "subr_syscall.c"));
  k.lock(Lock::proc, p);
  syscallenter(k, td);
  auto stops = p[P_TRACED] && wants_event(p, PTRACE_SCE);
  k.set(td, td_at, k.either(stops, k.lit(int(At::call_due)), k.lit(int(At::call))));
  k.unlock(Lock::proc, p);
}

// The end of syscallenter() and syscallret() up to the place where PTRACE_SCX, exec and fork would stop.
template <Kernel K>
void syscallret(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.clear(td, TDB_SCE);
  k.when(p[P_TRACED], [&] { k.set(td, TDB_SCX); });
}
// A parent whose child is to be attached to its debugger waits for that first (p_dbgwait).
template <Kernel K>
void leave_call(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_any(td, {At::call, At::back}) && !p[P_INEXEC],
          place_of("leaves-call", "syscallret", "subr_syscall.c"));
  k.each_proc([&](ProcRef<K> q) {
    auto ours = q[p_pptr] == p.slot || q[p_oppid] == p.slot;
    k.guard(!(ours && td[TDB_FORK] && lwp(k, k.first_lwp(q))[TDB_STOPATFORK]),
            in("fork-child-attached", "do_fork", "kern_fork.c"));
  });
  k.lock(Lock::proc, p);
  syscallret(k, td);
  auto stops = p[P_TRACED] && (td[TDB_FORK | TDB_EXEC] || wants_event(p, PTRACE_SCX));
  k.when(stops, [&] { go_to(k, td, At::back_due); });
  k.when(!stops, [&] {
    k.clear(td, TDB_SCX | TDB_EXEC | TDB_FORK);
    k.set(td, td_at, k.either(td[TD_RFPPWAIT], k.lit(int(At::vfork)), k.lit(int(At::user))));
  });
  k.unlock(Lock::proc, p);
}

// The vfork child has gone on by exec or exit: its parent may go on.  Where that waits for the child itself, a dying child
// tells it at its very end.
template <Kernel K>
void vfork_done(K& k, ProcRef<K> child, bool dies) {
  auto waited_for = child[P_PPWAIT];
  k.when(waited_for, [&] { k.clear(child, P_PPWAIT | P_PPTRACE); });
  if (!k.behaviour().stop_has_thread) {  // in FreeBSD exit1() does it at its very end
    if (!dies || k.behaviour().tokens) k.when(waited_for, [&] { wakeup(k, proc(k, child[p_pptr])); });
  } else if (!dies) {
    k.when(waited_for, [&] { k.wakeup(proc(k, child[p_pptr])); });
    k.set(child, p_vforker, k.lit(kNone));
  }
}

// The end of the vfork parent's wait: in syscallret(), in older kernels in fork1().
template <Kernel K>
void vfork_wait_over(K& k, LwpRef<K> td) {
  k.when(td[TD_RFPPWAIT], [&] {
    if (k.behaviour().stop_has_thread) {
      k.each_proc([&](ProcRef<K> q) { k.guard(!(q[p_vforker] == td.slot), at("vfork-wait", "subr_syscall.c")); });
    } else {
      k.guard(td[td_local] == k.lit(1), at("vfork-wait", "subr_syscall.c"));
      forget_vforker(k, td);  // PRELE()
      k.set(td, td_local, k.lit(0));
    }
    k.clear(td, TD_RFPPWAIT);
  });
}
template <Kernel K>
void end_vfork_wait(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto goes_on = runs(td);
  if (k.behaviour().tokens)
    goes_on = is(p, ProcState::normal) && !p[P_WEXIT];  // if it was counted as stopped, it stays so
  k.guard(goes_on && at_place(td, At::vfork), place_of("waits-for-vfork", "syscallret", "subr_syscall.c"));
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  vfork_wait_over(k, td);
  auto stops = td[TDB_VFORK] && wants_event(p, PTRACE_VFORK);
  k.when(!stops, [&] { k.clear(td, TDB_VFORK); });
  k.set(td, td_at, k.either(stops, k.lit(int(At::vfork_due)), k.lit(int(At::user))));
  k.unlock(lock, p);
}

// procctl(PROC_REAP_ACQUIRE) and PROC_REAP_RELEASE of the caller itself.  init is a reaper, and in FreeBSD stays one.
template <Kernel K>
void reap_acquire(K& k, ProcRef<K> p) {
  const bool tokens = k.behaviour().tokens;
  const Lock lock = tokens ? Lock::token : Lock::proctree;
  k.lock(lock, p);
  k.require(!p[P_TREE_REAPER] && !(p.slot == k.lit(kInit)), tokens ? Errno::ealready : Errno::ebusy,
            in("reaper-already", tokens ? "sys_procctl" : "reap_acquire", tokens ? "kern_fork.c" : "kern_procctl.c"));
  k.set(p, P_TREE_REAPER);
  k.leave(lock, p);
}
template <Kernel K>
void reap_release(K& k, ProcRef<K> p) {
  const bool tokens = k.behaviour().tokens;
  const Lock lock = tokens ? Lock::token : Lock::proctree;
  k.lock(lock, p);
  k.require(p[P_TREE_REAPER], tokens ? Errno::enotconn : Errno::einval,
            in("reaper-is-none", tokens ? "sys_procctl" : "reap_release", tokens ? "kern_fork.c" : "kern_procctl.c"));
  k.each_proc([&](ProcRef<K> q) { k.when(q[p_reaper] == p.slot, [&] { k.set(q, p_reaper, p[p_reaper]); }); });
  k.clear(p, P_TREE_REAPER);
  k.leave(lock, p);
}

// execve() from the moment when it looks at the file: nobody may attach now.
template <Kernel K>
void execve_begins(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT] && !td[TD_SUSPENDED] && !p[P_INEXEC], in("exec-begins", "do_execve", "kern_exec.c"));
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  k.set(p, P_INEXEC);
  k.unlock(lock, p);
}

// execsigs(): what was caught has its default action again.
template <Kernel K>
void execsigs(K& k, ProcRef<K> p) {
  for (const int sig : {kSigurg, kSigchld, kSigio, kSigwinch, kSiginfo, kSigcont})
    k.when(k.has(p, p_sigcatch, k.lit(sig)), [&] {
      if (sig != kSigcont) k.add(p, p_sigignore, k.lit(sig));
      delete_signal(k, p, k.lit(sig));
    });
  k.clear(p, p_sigcatch);
  k.set(p, p_cred, p[p_cred] & ~(PS_NOCLDWAIT | PS_CLDSIGIGN));
}

// execve() succeeds.  Other threads are gone by then.
template <Kernel K>
void execve(K& k, LwpRef<K> td, bool set_id) {
  const Behaviours& b = k.behaviour();
  auto p = proc(k, td[td_proc]);
  k.guard(!p[P_WEXIT] && !td[TD_SUSPENDED], in("exec-runs", "do_execve", "kern_exec.c"));
  const Lock lock = b.tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  k.each_lwp(p, [&](LwpRef<K> other) { k.when(!(other == td), [&] { k.unlink(other); }); });
  k.set(p, p_numthreads, k.lit(1));
  k.set(p, p_suspcount, k.lit(0));
  execsigs(k, p);
  vfork_done(k, p, false);
  k.set(p, p_cred, p[p_cred] | P_EXEC);
  // The file belongs to root.  A traced process does not gain its rights, and root has them.
  auto changes = k.yes(set_id) && !p[P_TRACED] && !((p[p_cred] & CR_UID) == k.lit(CR_ROOT));
  k.when(changes, [&] {
    k.set(p, P_SUGID);
    for (const int user : {2, 3})
      k.when((p[p_cred] & CR_UID) == k.lit(user),
             [&] { k.set(p, p_cred, (p[p_cred] & ~CR_UID) | (CR_ROOT | user * kRealUid)); });
  });
  k.when(!changes && !has_cred(p, CR_RUID), [&] { k.clear(p, P_SUGID); });
  k.clear(p, P_INEXEC);
  auto report = p[P_TRACED] && wants_event(p, PTRACE_EXEC);
  if (b.stop_has_thread) k.when(report, [&] { k.set(td, TDB_EXEC); });
  k.unlock(lock, p);
}

// The same as system calls.  Other threads are asked to end first, and waited for.
template <Kernel K>
void sys_execve_begins(K& k, LwpRef<K> td) {
  begin_call(k, td);
  auto p = proc(k, td[td_proc]);
  k.guard(!(p.slot == k.lit(kInit)) && p[p_numthreads] == k.lit(1),
          place_of("exec-alone", "thread_single", "kern_thread.c"));
  execve_begins(k, td);
}
template <Kernel K>
void execve_alone(K& k, LwpRef<K> td, bool set_id) {
  auto p = proc(k, td[td_proc]);
  execve(k, td, set_id);
  if (!k.behaviour().stop_has_thread) k.when(p[P_TRACED], [&] { send(k, p, no_thread(k), k.lit(kSigtrap), td); });
  k.when(td[TDB_EXEC], [&] { go_to(k, td, At::back); });
}
template <Kernel K>
void sys_execve(K& k, LwpRef<K> td, bool set_id) {
  begin_call(k, td);
  auto p = proc(k, td[td_proc]);
  k.guard(!(p.slot == k.lit(kInit)), place_of("exec-not-init", "do_execve", "kern_exec.c"));
  auto alone = p[p_numthreads] == k.lit(1);
  auto late = !alone && p[P_SINGLE_EXIT];  // another thread came first: this one ends
  k.when(alone, [&] { execve_alone(k, td, set_id); });
  k.when(late, [&] { go_to(k, td, At::user); });
  k.when(!alone && !late, [&] {
    const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
    k.lock(lock, p);
    k.set(td, td_local, k.lit(set_id));
    go_to(k, td, At::exec);
    thread_single(k, td);
    k.unlock(lock, p);
  });
}
// The others are gone.
template <Kernel K>
void execve_goes_on(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(runs(td) && at_place(td, At::exec) && p[p_numthreads] == k.lit(1),
          place_of("exec-goes-on", "thread_single", "kern_thread.c"));
  auto set_id = td[td_local] == k.lit(1);
  k.clear(p, P_SINGLE_EXIT);
  k.set(td, td_local, k.lit(0));
  go_to(k, td, At::user);
  k.when(set_id, [&] { execve_alone(k, td, true); });
  k.when(!set_id, [&] { execve_alone(k, td, false); });
}

// thr_new(): td is a free slot.
template <Kernel K>
void thread_create(K& k, ProcRef<K> p, LwpRef<K> td) {
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  k.link(td, p, k.behaviour().new_threads_come_last);
  k.set(p, p_numthreads, p[p_numthreads] + k.lit(1));
  auto report = wants_event(p, PTRACE_LWP);
  k.when(report, [&] { k.set(td, TDB_BORN); });
  k.unlock(lock, p);
}
template <Kernel K>
void sys_thr_new(K& k, LwpRef<K> td, LwpRef<K> newtd) {
  begin_call(k, td);
  auto p = proc(k, td[td_proc]);
  k.guard(!(p.slot == k.lit(kInit)) && none(k, newtd[td_proc]) && !none(k, newtd.slot),
          place_of("thread-free", "create_thread", "kern_thr.c"));
  thread_create(k, p, newtd);
  k.copy(newtd, td_sigmask, td);
  if (k.behaviour().tokens) k.copy(newtd, td_siglist, td);
  if (k.behaviour().stop_has_thread) go_to(k, newtd, At::born);
}

// kern_thr_exit() where the end of a thread can be reported: marked first, it stops if the debugger asked for that.
template <Kernel K>
void thread_exit_begins(K& k, LwpRef<K> td) {
  begin_call(k, td);
  auto p = proc(k, td[td_proc]);
  k.guard(!(p[p_numthreads] == k.lit(1)), place_of("thread-not-last", "kern_thr_exit", "kern_thr.c"));
  k.lock(Lock::proc, p);
  k.set(td, TDB_EXIT);
  auto report = p[P_TRACED] && wants_event(p, PTRACE_LWP);
  k.set(td, td_at, k.either(report, k.lit(int(At::thr_exit_due)), k.lit(int(At::thr_exit))));
  k.unlock(Lock::proc, p);
}

// kern_thr_exit() to its end: thread_unlink(), thread_stopped().
template <Kernel K>
void thread_exit(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  auto marked = k.behaviour().lwp_events ? td[TDB_EXIT] : k.yes(true);
  k.guard(!td[TD_SUSPENDED] && marked, in("thread-exit-runs", "kern_thr_exit", "kern_thr.c"));
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  k.set(p, p_numthreads, p[p_numthreads] - k.lit(1));
  auto alone = p[P_SINGLE_EXIT];
  forget_vforker(k, td);
  k.unlink(td);
  if (!k.behaviour().tokens) k.lock(suspension_lock(k), p);
  k.when(!alone, [&] { thread_stopped(k, p, p[p_suspcount]); });  // the others had stopped
  if (!k.behaviour().tokens) k.unlock(suspension_lock(k), p);
  k.unlock(lock, p);
}
template <Kernel K>
void end_thread(K& k, LwpRef<K> td) {
  k.guard(runs(td) && at_place(td, At::thr_exit), place_of("thread-ends", "kern_thr_exit", "kern_thr.c"));
  thread_exit(k, td);
}
template <Kernel K>
void sys_thr_exit(K& k, LwpRef<K> td) {  // where nobody hears of it
  begin_call(k, td);
  auto last = proc(k, td[td_proc])[p_numthreads] == k.lit(1);
  if (k.behaviour().tokens) {  // extexit()
    k.guard(!(td[td_proc] == k.lit(kInit)), place_of("exit-not-init", "exit1", "kern_exit.c"));
    k.when(last, [&] { exit1_begins(k, td, k.lit(0)); });
    k.when(!last, [&] { thread_exit(k, td); });
    return;
  }
  k.guard(!last, place_of("thread-not-last", "kern_thr_exit", "kern_thr.c"));
  thread_exit(k, td);
}

// exit(2)
template <Kernel K>
void sys_exit(K& k, LwpRef<K> td, typename K::Num status) {
  begin_call(k, td);
  k.guard(!(td[td_proc] == k.lit(kInit)), place_of("exit-not-init", "exit1", "kern_exit.c"));
  exit1_begins(k, td, status);
}

// exit1() on its way: nobody traces the process any more, but its debugger is still its parent.  If the debugger dies now,
// the process is taken for a child like any other, and its real parent does not get it back.
template <Kernel K>
void exit1_untraced(K& k, ProcRef<K> p) {
  k.guard(is(p, ProcState::normal) && p[P_WEXIT], in("exit-untraced", "exit1", "kern_exit.c"));
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  vfork_done(k, p, true);
  if (k.behaviour().tokens)
    k.clear(p, p_siglist);
  else
    k.clear(p, P_TRACED);  // DragonFly does it when the process is a zombie
  if (k.behaviour().event_mask) k.set(p, p_ptevents, k.lit(0));
  k.unlock(lock, p);
}

// "Notify parent that we're gone."
template <Kernel K>
void childproc_exited(K& k, ProcRef<K> p) {
  auto other = !((p[p_cred] & P_SIGPARENT) == k.lit(0));
  auto to_init = p[p_pptr] == k.lit(kInit);
  if (k.behaviour().reapers && !k.behaviour().tokens) to_init = to_init || p[p_pptr] == p[p_reaper];
  k.when(other && !to_init, [&] { psignal(k, proc(k, p[p_pptr]), k.lit(kSigusr1)); });
  k.when(!other || to_init, [&] { sigparent(k, p); });
}

// exit1() to its end, under proctree_lock: children, tracees and orphans find new parents.
template <Kernel K>
void exit1_zombie(K& k, ProcRef<K> p) {
  const Behaviours& b = k.behaviour();
  auto untraced = b.tokens ? none(k, p[p_vforker]) : !p[P_TRACED];  // DragonFly: the vfork parent holds it
  k.guard(is(p, ProcState::normal) && p[P_WEXIT] && untraced && !p[P_PPWAIT], at("exit-zombie", "kern_exit.c"));
  if (b.tokens) k.clear(p, P_TRACED);
  const Lock tree = b.tokens ? Lock::token : Lock::proctree, lock = b.tokens ? Lock::token : Lock::proc;
  k.lock(tree, p);
  fixjobc_exit(k, p, lwp(k, k.first_lwp(p)));
  k.unlock(tree, p);
  k.lock(tree, p);
  if (!b.tokens && !b.stop_has_thread) {
    auto has_child = k.yes(false);
    k.each_proc([&](ProcRef<K> q) { has_child = has_child || (q[p_pptr] == p.slot && !is(q, ProcState::free)); });
    k.when(has_child, [&] { wakeup(k, proc(k, k.lit(kInit))); });
  }
  if (b.tokens) {  // reaper_exit()
    k.clear(p, P_STOPPED_SIG | P_STOPPED_TRACE);
    k.when(p[P_TREE_REAPER], [&] {
      k.each_proc([&](ProcRef<K> q) { k.when(q[p_reaper] == p.slot, [&] { k.set(q, p_reaper, p[p_reaper]); }); });
      k.clear(p, P_TREE_REAPER);
    });
  }
  k.each_proc([&](ProcRef<K> q) {
    auto reaper = proc(k, q[p_reaper]);
    k.when((q[p_pptr] == p.slot) && !is(q, ProcState::free), [&] {
      k.lock(lock, q);
      auto traced = q[P_TRACED];
      k.set(q, p_cred, q[p_cred] & ~P_SIGPARENT);
      k.when(!traced, [&] {  // kern_exit.c:500
        proc_reparent(k, q, reaper);
        if (b.reaper_hears_of_zombies) k.when(is(q, ProcState::zombie), [&] { sigparent(k, q); });
      });
      k.when(traced, [&] {  // kern_exit.c:507
        if (b.tracees_go_to_real_parent) {
          auto t = proc_realparent(k, q);
          proc_reparent(k, q, proc(k, k.either(t == p, reaper.slot, t.slot)));
          clear_orphan(k, q);
          k.clear(q, P_TRACED | P_STOPPED_TRACE);
        } else {  // B17
          proc_reparent(k, q, reaper);
          k.clear(q, P_TRACED);
        }
        if (b.attach_stop_comes_first) k.clear(q, P2_PTRACE_FSTP);
        if (b.event_mask) k.set(q, p_ptevents, k.lit(0));
        const auto stop = b.first_reporter_keeps_stop ? TDB_XSIG | TDB_FSTP : LwpFlag{};  // B30
        k.each_lwp(q, [&](LwpRef<K> td) { k.clear(td, TDB_SUSPEND | stop); });
        psignal(k, q, k.lit(kSigkill));
      });
      k.unlock(lock, q);
    });
    k.when((q[p_orphan] == p.slot) && !is(q, ProcState::free), [&] {
      k.lock(lock, q);
      k.emit(Ktr::exit_orphan, p, q.slot);
      clear_orphan(k, q);
      k.unlock(lock, q);
    });
  });
  // PS_NOCLDWAIT or PS_CLDSIGIGN of the parent; where its actions are not known it is open.
  auto parent = proc(k, p[p_pptr]);
  auto described = has_cred(p, P_PROCDESC);  // then the descriptor tells of the end, and not a signal
  auto ignored = k.open(Open::sigchld_ignored, 2) == k.lit(1);
  ignored = !described && (ignored || has_cred(parent, PS_NOCLDWAIT | PS_CLDSIGIGN));
  k.lock(lock, p);
  k.lock(lock, parent);
  k.when(ignored, [&] {
    k.unlock(lock, parent);
    proc_reparent(k, p, proc(k, p[p_reaper]));
    if (!b.tokens) k.set(p, p_cred, p[p_cred] & ~P_SIGPARENT);
    k.lock(lock, proc(k, p[p_pptr]));
  });
  auto told = proc(k, p[p_pptr]);
  if (b.stop_has_thread) k.set(p, p_xthread, k.first_lwp(p));
  k.when(!described, [&] { childproc_exited(k, p); });
  k.unlock(tree, p);
  k.clear(p, p_siglist);
  k.each_lwp(p, [&](LwpRef<K> td) {
    k.clear(td, td_siglist);
    k.clear(td, td_sigptrace);
  });
  wakeup(k, told);
  if (b.stop_has_thread) k.set(p, p_vforker, k.lit(kNone));  // cv_broadcast(&p->p_pwait)
  k.set(p, p_state, k.lit(int(ProcState::zombie)));
  k.unlock(lock, told);
  k.unlock(lock, p);
}

}  // namespace proctor::model::rules
