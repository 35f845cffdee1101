// SPDX-License-Identifier: BSD-2-Clause
//
// ptrace(2): sys_ptrace() and kern_ptrace() of FreeBSD, check by check and effect by effect in the order of the source.
// DragonFly's, which has the checks in another order and tokens for locks, is in dragonfly.hpp.
#pragma once

#include "model/rules/credentials.hpp"
#include "model/rules/requests.hpp"
#include "model/rules/signal.hpp"

namespace proctor::model::rules {

// "not being traced...", "not being traced by YOU", "not currently stopped"
template <Kernel K>
void traced_by_caller(K& k, ProcRef<K> curp, ProcRef<K> p) {
  const Behaviours& b = k.behaviour();
  k.require(p[P_TRACED], Errno::eperm, at("not-traced"));
  k.require(p[p_pptr] == curp.slot, Errno::ebusy, at("not-traced-by-you"));
  k.require(p[P_STOPPED_SIG | P_STOPPED_TRACE], Errno::ebusy, at("not-stopped"));
  if (b.all_threads_must_stop) k.require(p[p_suspcount] == p[p_numthreads], Errno::ebusy, at("not-all-suspended"));
  k.require(p[P_WAITED], Errno::ebusy, at("not-waited"));
}

// A process may not trace an ancestor while it is traced itself.  The walk follows p_pptr, which can be a cycle: then it
// does not end while the locks are held.
template <Kernel K>
void not_an_ancestor(K& k, ProcRef<K> curp, ProcRef<K> p) {
  k.when(curp[P_TRACED], [&] {
    auto pp = curp[p_pptr];
    k.each_proc([&](ProcRef<K> turn) {  // as many turns as there are processes
      k.require(!(pp == p.slot), Errno::einval, at("attach-ancestor"));
      pp = k.either(is(turn, ProcState::free), pp, proc(k, pp)[p_pptr]);
    });
    k.guard(none(k, pp), at("attach-walk-ends"));
  });
}

// "Permissions check"
template <Kernel K>
void permission(K& k, ProcRef<K> curp, LwpRef<K> td, ProcRef<K> p, LwpRef<K> td2, Request req) {
  const Behaviours& b = k.behaviour();
  switch (req) {
    case PT_TRACE_ME:
      if (!b.trace_me_needs_parent) return;  // "Always legal"
      k.require(!p[P_TRACED], Errno::ebusy, at("trace-me-traced"));
      k.require(!(p[p_pptr] == k.lit(kInit)), Errno::eperm, at("trace-me-init"));
      return;
    case PT_ATTACH:
      k.require(!(p == curp), Errno::einval, at("attach-self"));
      k.require(!p[P_TRACED], Errno::ebusy, at("attach-traced"));
      not_an_ancestor(k, curp, p);
      return;
    case PT_CLEARSTEP:
      if (!has_request(b, req)) break;
      k.when(!(td == td2), [&] { traced_by_caller(k, curp, p); });  // a thread may clear its own
      return;
    default: break;
  }
  if (!b.any_number_needs_tracee) k.require(k.yes(has_request(b, req)), Errno::einval, unknown_request());
  traced_by_caller(k, curp, p);
}

// "Reset the process parent", by the tree.
template <Kernel K>
void detach(K& k, ProcRef<K> p, LwpRef<K> td2, typename K::Num sig) {
  k.clear(p, P_TRACED | P_WAITED);  // first, or the process would become an orphan of its debugger
  if (!k.behaviour().event_mask) k.set(p, p_ptevents, p[p_ptevents] & ~PTRACE_FORK);  // P_FOLLOWFORK
  auto borrowed = !(p[p_oppid] == p[p_pptr]);
  auto pp = proc_realparent(k, p);
  k.when(borrowed, [&] {
    k.lock(Lock::proc, proc(k, p[p_pptr]));
    k.move(Move::sigchld_taken, td2);
    sigqueue_take(k, p);
    k.unlock(Lock::proc, proc(k, p[p_pptr]));
    proc_reparent(k, p, pp);
    k.when(pp.slot == k.lit(kInit), [&] { k.set(p, p_cred, p[p_cred] & ~P_SIGPARENT); });
    k.emit(Ktr::detach, p, pp.slot, sig);
  });
  k.when(!borrowed, [&] { k.emit(Ktr::detach, p, k.lit(kNone), sig); });
  k.set(p, p_oppid, k.lit(kNone));
  k.set(p, p_ptevents, k.lit(0));
  if (k.behaviour().detach_forgets_stops) {
    k.each_lwp(p, [&](LwpRef<K> td) { k.clear(td, TDB_XSIG | TDB_FSTP); });
    k.when(p[P2_PTRACE_FSTP], [&] {
      k.remove(p, p_siglist, k.lit(kSigstop));
      k.clear(p, P2_PTRACE_FSTP);
    });
  }
}

// The same by p_oppid, which is a pid: whoever has it now becomes the parent, init if nobody has.
template <Kernel K>
void detach_by_pid(K& k, ProcRef<K> p) {
  k.when(!(p[p_oppid] == p[p_pptr]), [&] {
    auto pp = proc(k, p[p_oppid]);
    k.unlock(Lock::proc, p);
    auto lives = is(pp, ProcState::normal);
    k.when(lives, [&] {  // pfind() returns it locked
      k.lock(Lock::proc, pp);
      k.unlock(Lock::proc, pp);
    });
    k.lock(Lock::proc, p);
    proc_reparent(k, p, proc(k, k.either(lives, pp.slot, k.lit(kInit))));
  });
  k.clear(p, P_TRACED | P_WAITED);
  k.set(p, p_oppid, k.lit(kNone));
}

// "sendsig:": hand the signal over and let the process run.
template <Kernel K>
void sendsig(K& k, ProcRef<K> p, LwpRef<K> td2, Request req, typename K::Num data) {
  const Behaviours& b = k.behaviour();
  if (takes_proctree_lock(b, req)) k.unlock(Lock::proctree, p);
  auto stopped = p[P_STOPPED_SIG | P_STOPPED_TRACE];
  if (b.stop_has_thread) {
    k.set(p, p_xstat, data);
    k.set(p, p_xthread, k.lit(kNone));
  }
  k.when(stopped, [&] {
    if (b.stop_has_thread) {
      k.clear(td2, TDB_XSIG);
      k.set(td2, td_xsig, data);
      if (b.kill_is_immediate) k.when(data == k.lit(kSigkill), [&] { k.set(p, P_WKILLED); });
      if (req == PT_DETACH) k.each_lwp(p, [&](LwpRef<K> td3) { k.clear(td3, TDB_SUSPEND); });
    } else {
      k.set(p, p_xstat, data);
      k.clear(p, P_STOPPED_TRACE | P_STOPPED_SIG);
    }
    k.lock(b.giant_and_sched_lock ? Lock::sched : Lock::slock, p);
    k.clear(p, P_STOPPED_TRACE | P_STOPPED_SIG);
    if (b.resume_clears_waited) k.clear(p, P_WAITED);
    thread_unsuspend(k, p);
    if (b.giant_and_sched_lock) k.move(Move::runnable, td2);
    k.unlock(b.giant_and_sched_lock ? Lock::sched : Lock::slock, p);
    if (b.attach_posts_sigstop && req == PT_ATTACH) psignal(k, p, data);
  });
  k.when(!stopped && !(data == k.lit(0)), [&] { psignal(k, p, data); });
}

// PL_FLAG_*: what PT_LWPINFO says about a thread.
inline constexpr int PL_FLAG_SCE = 0x04, PL_FLAG_SCX = 0x08, PL_FLAG_EXEC = 0x10, PL_FLAG_SI = 0x20,
                     PL_FLAG_FORKED = 0x40, PL_FLAG_CHILD = 0x80, PL_FLAG_BORN = 0x100, PL_FLAG_EXITED = 0x200,
                     PL_FLAG_VFORKED = 0x400, PL_FLAG_VFORK_DONE = 0x800;
template <Kernel K>
typename K::Num lwpinfo_flags(K& k, LwpRef<K> td) {
  const Behaviours& b = k.behaviour();
  auto bit = [&](typename K::Bool cond, int flag) { return k.either(cond, k.lit(flag), k.lit(0)); };
  auto forked = td[TDB_FORK];
  auto flags = bit(td[TDB_SCE], PL_FLAG_SCE) | bit(!td[TDB_SCE] && td[TDB_SCX], PL_FLAG_SCX) |
               bit(td[TDB_EXEC], PL_FLAG_EXEC) | bit(forked, PL_FLAG_FORKED) | bit(td[TDB_CHILD], PL_FLAG_CHILD);
  if (b.event_mask)
    flags = flags | bit(forked && td[TDB_VFORK], PL_FLAG_VFORKED) |
            bit(!forked && td[TDB_VFORK] && !td[TDB_SCX], PL_FLAG_VFORK_DONE);
  if (b.lwp_events) flags = flags | bit(td[TDB_BORN], PL_FLAG_BORN) | bit(td[TDB_EXIT], PL_FLAG_EXITED);
  return flags;
}

// "Actually do the requests"
template <Kernel K>
void request(K& k, ProcRef<K> curp, ProcRef<K> p, LwpRef<K> td2, const PtraceArgs<K>& a) {
  const Behaviours& b = k.behaviour();
  auto on = [&](int event) { return !((p[p_ptevents] & event) == k.lit(0)); };
  auto set_event = [&](Ktr line, int event) {
    auto old = on(event);
    auto now = !(a.data == k.lit(0));
    k.emit(line, p, k.either(old, k.lit(1), k.lit(0)), k.either(now, k.lit(1), k.lit(0)));
    k.when(now, [&] { k.set(p, p_ptevents, p[p_ptevents] | event); });
    k.when(!now, [&] { k.set(p, p_ptevents, p[p_ptevents] & ~event); });
  };
  const int memory_ways = b.memory_shortage_is_enomem ? 4 : 3;
  auto shortage = [&](typename K::Num outcome, std::string_view id) {
    if (b.memory_shortage_is_enomem) k.require(!(outcome == k.lit(3)), Errno::enomem, at(id));
  };
  // The process lock is dropped for the transfer; the hold, where there is one, keeps the process.
  auto unlocked_memory = [&](Ktr line, bool writes) {
    if (writes && b.stop_has_thread) k.set(td2, TDB_USERWR);
    k.unlock(Lock::proc, p);
    if (b.giant_and_sched_lock) k.lock(Lock::giant, p);
    auto outcome = k.open(Open::memory, memory_ways);
    k.when(outcome == k.lit(0), [&] {
      k.move(writes ? Move::word_write : Move::word_read, td2);
      k.emit(line, p, a.data);
    });
    if (b.giant_and_sched_lock)
      k.unlock(Lock::giant, p);
    else
      k.lock(Lock::proc, p);
    const Errno unmapped = b.memory_fault_is_enomem ? Errno::enomem : Errno::efault;
    k.require(!(outcome == k.lit(1)), unmapped, at(writes ? "memory-unmapped/write" : "memory-unmapped/read"));
    // uiomove() of one mapped page knows no other error than EFAULT; what else they would turn into EINVAL does not happen.
    k.require(!(outcome == k.lit(2)), unmapped, at(writes ? "memory-refused/write" : "memory-refused/read"));
    shortage(outcome, "memory-shortage");
  };
  // proc_read_regs() and its kin; the registers reach the caller in sys_ptrace().
  auto registers = [&](Ktr line, bool writes) {
    k.emit(line, p, td2.slot);
    if (writes && b.stop_has_thread) k.set(td2, TDB_USERWR);
    if (!b.target_is_held) k.hold(p);
    auto outcome = k.open(Open::registers, writes ? 3 : 2);
    if (writes) k.when(outcome == k.lit(0), [&] { k.move(Move::registers_written, td2); });
    if (!b.target_is_held) k.release(p);
    k.require(!(outcome == k.lit(1)), Errno::eio, at("not-in-memory"));
    if (writes) k.require(!(outcome == k.lit(2)), Errno::einval, at("registers-refused"));
  };
  auto valid_signal = [&] { k.require(a.data.between(0, kSigmax), Errno::einval, at("signal-range")); };
  auto single_step = [&](bool step) {
    auto refused = k.open(Open::single_step, 2);
    k.require(refused == k.lit(0), Errno::einval, at("single-step-refused"));
    if (step)
      k.set(td2, TD_STEP);
    else
      k.clear(td2, TD_STEP);
  };
  // addr is where to go on; 1 stands for "where it stopped"
  auto set_pc = [&] {
    auto addr = k.open(Open::set_pc, 3);
    k.require(!(addr == k.lit(2)), Errno::einval, at("pc-refused"));
    k.when(addr == k.lit(1), [&] { k.move(Move::pc, td2); });
  };
  auto resume = [&](Ktr line, int events) {
    valid_signal();
    set_pc();
    k.set(p, p_ptevents, p[p_ptevents] | events);
    auto shown = p[p_ptevents];  // what the line shows: p_ptevents, or p_stops with its own bits
    if (!b.event_mask)
      shown = k.either(on(PTRACE_SCE), k.lit(0x10000), k.lit(0)) | k.either(on(PTRACE_SCX), k.lit(0x20000), k.lit(0));
    k.emit(line, p, shown, a.data);
    sendsig(k, p, td2, a.req, a.data);
  };
  // PT_STEP, PT_CONTINUE and PT_DETACH of 2003 are one piece of code.
  auto resume_2003 = [&] {
    if (a.req != PT_STEP || b.step_checks_signal) valid_signal();
    k.hold(p);
    if (a.req == PT_STEP) single_step(true);
    set_pc();
    k.let_go(p);
    if (a.req == PT_DETACH) detach_by_pid(k, p);
    sendsig(k, p, td2, a.req, a.data);
  };

  if (!has_request(b, a.req)) {
    k.require(k.yes(false), Errno::einval, unknown_request().impossible("a number that is known does not come here"));
    return;
  }
  switch (a.req) {
    case PT_TRACE_ME:
      proc_set_traced(k, p, false);
      if (b.stop_has_thread) k.when(p[P_PPWAIT], [&] { k.set(p, P_PPTRACE); });
      k.emit(Ktr::trace_me, p);
      break;
    case PT_ATTACH:
      proc_set_traced(k, p, true);
      proc_reparent(k, p, curp);
      k.emit(Ktr::attach, p, p[p_oppid]);
      sendsig(k, p, td2, a.req, k.lit(kSigstop));
      break;
    case PT_CLEARSTEP:
      k.emit(Ktr::clearstep, p, td2.slot);
      single_step(false);
      break;
    case PT_SETSTEP:
      k.emit(Ktr::setstep, p, td2.slot);
      single_step(true);
      break;
    case PT_SUSPEND:
      k.emit(Ktr::suspend, p, td2.slot);
      k.set(td2, TDB_SUSPEND);
      k.lock(Lock::thread, p);
      k.unlock(Lock::thread, p);
      break;
    case PT_RESUME:
      k.emit(Ktr::resume, p, td2.slot);
      k.clear(td2, TDB_SUSPEND);
      break;
    case PT_FOLLOW_FORK: set_event(Ktr::follow_fork, PTRACE_FORK); break;
    case PT_LWP_EVENTS: set_event(Ktr::lwp_events, PTRACE_LWP); break;
    case PT_GET_EVENT_MASK:
      k.require(a.data == k.lit(4), Errno::einval, at("event-mask-size-get"));
      k.emit(Ktr::get_event_mask, p, p[p_ptevents]);
      break;
    case PT_SET_EVENT_MASK:
      k.require((a.event_mask & ~kEventsAll) == k.lit(0), Errno::einval, at("event-mask-bits"));
      k.emit(Ktr::set_event_mask, p, p[p_ptevents], a.event_mask);
      k.set(p, p_ptevents, a.event_mask);
      break;
    case PT_STEP:
      if (!b.only_continue_sets_pc) return resume_2003();
      valid_signal();
      k.emit(Ktr::step, p, td2.slot);
      single_step(true);
      sendsig(k, p, td2, a.req, a.data);
      break;
    case PT_CONTINUE:
      if (!b.only_continue_sets_pc) return resume_2003();
      resume(Ktr::continue_, 0);
      break;
    case PT_TO_SCE: resume(Ktr::to_sce, PTRACE_SCE); break;
    case PT_TO_SCX: resume(Ktr::to_scx, PTRACE_SCX); break;
    case PT_SYSCALL: resume(Ktr::syscall, PTRACE_SCE | PTRACE_SCX); break;
    case PT_DETACH:
      if (!b.only_continue_sets_pc) return resume_2003();
      valid_signal();
      detach(k, p, td2, a.data);
      sendsig(k, p, td2, a.req, a.data);
      break;
    case PT_WRITE_I:
    case PT_WRITE_D: unlocked_memory(Ktr::write, true); break;
    case PT_READ_I:
    case PT_READ_D: unlocked_memory(Ktr::read, false); break;
    case PT_IO: {
      if (!b.target_is_held) k.unlock(Lock::proc, p);
      auto op = k.open(Open::io_op, 3);  // 0 PIOD_READ_*, 1 none of them, 2 PIOD_WRITE_*
      auto writes = op == k.lit(2);
      k.require(!(op == k.lit(1)), Errno::einval, at("io-op"));
      k.emit(Ktr::io, p, k.either(writes, k.lit(1), k.lit(0)));
      if (b.stop_has_thread) k.when(writes, [&] { k.set(td2, TDB_USERWR); });
      k.unlock(Lock::proc, p);
      if (b.giant_and_sched_lock) k.lock(Lock::giant, p);
      auto outcome = k.open(Open::memory, memory_ways);
      auto fault = !(outcome == k.lit(0));
      k.when(!fault && writes, [&] { k.move(Move::io_write, td2); });
      k.when(!fault && !writes, [&] { k.move(Move::io_read, td2); });
      if (b.giant_and_sched_lock)
        k.unlock(Lock::giant, p);
      else
        k.lock(Lock::proc, p);
      shortage(outcome, "io-shortage");
      k.require(!fault, Errno::efault, at("io-memory"));
      break;
    }
    case PT_KILL:
      k.emit(Ktr::kill, p);
      sendsig(k, p, td2, a.req, k.lit(kSigkill));
      break;
    case PT_SETREGS: registers(Ktr::setregs, true); break;
    case PT_GETREGS: registers(Ktr::getregs, false); break;
    case PT_SETFPREGS: registers(Ktr::setfpregs, true); break;
    case PT_GETFPREGS: registers(Ktr::getfpregs, false); break;
    case PT_SETDBREGS: registers(Ktr::setdbregs, true); break;
    case PT_GETDBREGS: registers(Ktr::getdbregs, false); break;
    case PT_LWPINFO:
      k.require(a.data.between(1, kLwpinfoBytes), Errno::einval, at("lwpinfo-size"));
      k.emit(Ktr::lwpinfo, p, td2.slot, k.either(td2[TDB_XSIG], k.lit(1), k.lit(0)),
             lwpinfo_flags(k, td2) |
                 k.either(td2[TDB_XSIG] && !(td2[td_dbgksi] == k.lit(0)) && a.data.between(kSiginfoEnd, kLwpinfoBytes),
                          k.lit(PL_FLAG_SI), k.lit(0)));
      break;
    case PT_GETNUMLWPS:
      k.emit(Ktr::getnumlwps, p, p[p_numthreads]);
      k.result(p[p_numthreads]);
      break;
    case PT_GETLWPLIST: {
      k.emit(Ktr::getlwplist, p, a.data, p[p_numthreads]);
      k.require(a.data.between(1, 0x7fffffff), Errno::einval, at("lwplist-size"));
      auto threads = a.data.min(p[p_numthreads]);
      k.unlock(Lock::proc, p);
      k.lock(Lock::proc, p);
      k.unlock(Lock::proc, p);
      auto fault = k.open(Open::copyout, 2);
      k.when(fault == k.lit(0), [&] { k.move(Move::lwplist, td2); });
      k.lock(Lock::proc, p);
      k.require(fault == k.lit(0), Errno::efault, at("lwplist-copyout"));
      k.result(threads);
      break;
    }
    case PT_VM_TIMESTAMP: k.emit(Ktr::vm_timestamp, p); break;
    case PT_VM_ENTRY: {
      k.unlock(Lock::proc, p);
      auto outcome = k.open(Open::vm_entry, 5);
      auto fault = outcome == k.lit(4) && k.open(Open::copyout, 2) == k.lit(1);  // of the path
      k.when((outcome == k.lit(0) || outcome == k.lit(4)) && !fault, [&] { k.emit(Ktr::vm_entry, p); });
      k.lock(Lock::proc, p);
      k.require(!(outcome == k.lit(1)), Errno::einval, at("vm-entry-index"));
      k.require(!(outcome == k.lit(2)), Errno::enoent, at("vm-entry-end"));
      k.require(!(outcome == k.lit(3)), Errno::enametoolong, at("vm-entry-path"));
      k.require(!fault, Errno::efault, at("vm-entry-copyout"));
      break;
    }
    default: {
      k.unlock(Lock::proc, p);
      auto outcome = k.open(Open::machine, 3);  // cpu_ptrace()
      k.move(Move::machine, td2);
      k.lock(Lock::proc, p);
      k.require(!(outcome == k.lit(1)), Errno::einval, at("machine-request"));
      k.require(!(outcome == k.lit(2)), Errno::efault, at("machine-fault"));
    }
  }
}

// Returns the thread that the request was about.
template <Kernel K>
LwpRef<K> kern_ptrace(K& k, LwpRef<K> td, const PtraceArgs<K>& a) {
  const Behaviours& b = k.behaviour();
  auto curp = proc(k, td[td_proc]);
  if (takes_proctree_lock(b, a.req)) k.lock(Lock::proctree, curp);
  auto p = curp;
  if (a.req != PT_TRACE_ME) p = proc(k, k.either(none(k, a.tid), a.pid, lwp(k, a.tid)[td_proc]));  // pfind(), tdfind()
  if (a.req != PT_TRACE_ME) k.require(is(p, ProcState::normal), Errno::esrch, at("no-such-process"));
  if (a.req != PT_TRACE_ME && !b.thread_requests) k.require(none(k, a.tid), Errno::esrch, at("no-such-process"));
  k.lock(Lock::proc, p);
  if (b.exiting_is_no_process) k.require(!p[P_WEXIT], Errno::esrch, at("exiting"));
  p_cansee(k, curp, p);
  p_candebug(k, curp, p);
  k.require(!p[P_SYSTEM], Errno::einval, at("system-process"));
  auto by_pid = k.first_lwp(p);
  if (b.stop_has_thread) {
    by_pid = k.either(p[P_STOPPED_TRACE], p[p_xthread], k.first_lwp(p));
    // KASSERT.  It can fail while thread_single() waits: it has made the reporter run, and the flag stays.
    k.guard(!(none(k, a.tid) && p[P_STOPPED_TRACE]) || !none(k, p[p_xthread]), at("stop-has-reporter"));
  }
  auto td2 = lwp(k, k.either(none(k, a.tid), by_pid, a.tid));
  permission(k, curp, td, p, td2, a.req);
  if (b.target_is_held) k.hold(p);
  request(k, curp, p, td2, a);
  if (b.target_is_held) k.let_go(p);
  k.leave(Lock::proc, p);
  if (takes_proctree_lock(b, a.req)) k.leave(Lock::proctree, p);
  return td2;
}

}  // namespace proctor::model::rules
