// SPDX-License-Identifier: BSD-2-Clause
//
// ptrace(2): sys_ptrace() and kern_ptrace(), check by check and effect by effect in the order of the source.
// Line numbers are those of sys_process.c in FreeBSD 10.4.
#pragma once

#include "model/rules/stop.hpp"

namespace proctor::model::rules {

// Request numbers, sys/ptrace.h.
enum Request : int {
  PT_TRACE_ME = 0,
  PT_READ_I = 1,
  PT_READ_D = 2,
  PT_WRITE_I = 4,
  PT_WRITE_D = 5,
  PT_CONTINUE = 7,
  PT_KILL = 8,
  PT_STEP = 9,
  PT_ATTACH = 10,
  PT_DETACH = 11,
  PT_IO = 12,
  PT_LWPINFO = 13,
  PT_GETNUMLWPS = 14,
  PT_GETLWPLIST = 15,
  PT_CLEARSTEP = 16,
  PT_SETSTEP = 17,
  PT_SUSPEND = 18,
  PT_RESUME = 19,
  PT_TO_SCE = 20,
  PT_TO_SCX = 21,
  PT_SYSCALL = 22,
  PT_FOLLOW_FORK = 23,
  PT_LWP_EVENTS = 24,
  PT_GET_EVENT_MASK = 25,
  PT_SET_EVENT_MASK = 26,
  PT_GETREGS = 33,
  PT_SETREGS = 34,
  PT_GETFPREGS = 35,
  PT_SETFPREGS = 36,
  PT_GETDBREGS = 37,
  PT_SETDBREGS = 38,
  PT_VM_TIMESTAMP = 40,
  PT_VM_ENTRY = 41,
  PT_FIRSTMACH = 64,
};
inline constexpr int kLwpinfoBytes = 160;  // sizeof(struct ptrace_lwpinfo), LP64

template <Kernel K>
struct PtraceArgs {
  Request req;                 // the number itself is data of the rule, not of the state
  typename K::Num pid;         // slot of the process named by pid or of the thread named by tid, kNone: no such
  typename K::Num tid;         // slot of the thread named (pid above PID_MAX), kNone: a pid was given
  typename K::Num data;        // int data
  typename K::Num event_mask;  // PT_SET_EVENT_MASK: *(int *)addr
  typename K::Bool capmode;    // the caller is in capability mode (cap_enter(2))
};

constexpr bool takes_proctree_lock(Request req) {  // sys_process.c:685
  switch (req) {
    case PT_TRACE_ME:
    case PT_ATTACH:
    case PT_STEP:
    case PT_CONTINUE:
    case PT_TO_SCE:
    case PT_TO_SCX:
    case PT_SYSCALL:
    case PT_FOLLOW_FORK:
    case PT_LWP_EVENTS:
    case PT_GET_EVENT_MASK:
    case PT_SET_EVENT_MASK:
    case PT_DETACH: return true;
    default: return false;
  }
}

// p_cansee() and p_candebug() look at credentials, which are not in the state; P_INEXEC is.
template <Kernel K>
void may_debug(K& k, ProcRef<K> curp, ProcRef<K> p) {
  k.require(k.open(Open::cansee, 2) == k.lit(0), Errno::esrch, at("not-visible", 734));
  k.when(!(curp == p), [&] {
    k.require(k.open(Open::candebug, 2) == k.lit(0), Errno::eperm, at("may-not-debug", 737));
    k.require(!p[P_INEXEC], Errno::ebusy, at("in-exec", 737));
  });
}

// "Permissions check", sys_process.c:772.
template <Kernel K>
void permission(K& k, ProcRef<K> curp, LwpRef<K> td, ProcRef<K> p, LwpRef<K> td2, Request req) {
  auto traced_by_caller = [&] {
    k.require(p[P_TRACED], Errno::eperm, at("not-traced", 823));
    k.require(p[p_pptr] == curp.slot, Errno::ebusy, at("not-traced-by-you", 829));
    k.require(p[P_STOPPED_SIG | P_STOPPED_TRACE], Errno::ebusy, at("not-stopped", 835));
    k.require(p[p_suspcount] == p[p_numthreads], Errno::ebusy, at("not-all-suspended", 836));
    k.require(p[P_WAITED], Errno::ebusy, at("not-waited", 837));
  };
  switch (req) {
    case PT_TRACE_ME:
      k.require(!p[P_TRACED], Errno::ebusy, at("trace-me-traced", 778));
      k.require(!(p[p_pptr] == k.lit(kInit)), Errno::eperm, at("trace-me-init", 782));
      break;
    case PT_ATTACH:
      k.require(!(p == curp), Errno::einval, at("attach-self", 790));
      k.require(!p[P_TRACED], Errno::ebusy, at("attach-traced", 796));
      // A process may not trace an ancestor while it is traced itself.  The walk follows p_pptr, which can be a cycle:
      // then it does not end while the locks are held.
      k.when(curp[P_TRACED], [&] {
        auto pp = curp[p_pptr];
        k.each_proc([&](ProcRef<K> turn) {  // as many turns as there are processes
          k.require(!(pp == p.slot), Errno::einval, at("attach-ancestor", 804));
          pp = k.either(is(turn, ProcState::free), pp, proc(k, pp)[p_pptr]);
        });
        k.guard(none(k, pp), at("attach-walk-ends", 803));
      });
      break;
    case PT_CLEARSTEP:
      k.when(!(td == td2), traced_by_caller);  // sys_process.c:817, a thread may clear its own
      break;
    default: traced_by_caller();  // any number, known or not
  }
}

// "Reset the process parent", sys_process.c:1029.
template <Kernel K>
void detach(K& k, ProcRef<K> p, typename K::Num sig) {
  k.clear(p, P_TRACED | P_WAITED);  // first, or the process would become an orphan of its debugger
  auto borrowed = !(p[p_oppid] == p[p_pptr]);
  auto pp = proc_realparent(k, p);
  k.when(borrowed, [&] {
    k.lock(Lock::proc, proc(k, p[p_pptr]));
    k.unlock(Lock::proc, proc(k, p[p_pptr]));
    proc_reparent(k, p, pp);
    k.emit(trace::Ktr::detach, p, pp.slot, sig);
  });
  k.when(!borrowed, [&] { k.emit(trace::Ktr::detach, p, k.lit(kNone), sig); });
  k.set(p, p_oppid, k.lit(kNone));
  k.set(p, p_ptevents, k.lit(0));
  if (k.behaviour().detach_forgets_stops) {
    k.each_lwp(p, [&](LwpRef<K> td) { k.clear(td, TDB_XSIG | TDB_FSTP); });
    k.when(p[P2_PTRACE_FSTP], [&] {
      k.clear(p, PEND_STOP);
      k.clear(p, P2_PTRACE_FSTP);
    });
  }
}

// "sendsig:", sys_process.c:1073: hand the signal over and let the process run.
template <Kernel K>
void sendsig(K& k, ProcRef<K> p, LwpRef<K> td2, Request req, typename K::Num data) {
  if (takes_proctree_lock(req)) k.unlock(Lock::proctree, p);
  auto stopped = p[P_STOPPED_SIG | P_STOPPED_TRACE];
  k.set(p, p_xstat, data);
  k.set(p, p_xthread, k.lit(kNone));
  k.when(stopped, [&] {
    k.clear(td2, TDB_XSIG);
    k.set(td2, td_xsig, data);
    if (k.behaviour().kill_is_immediate) k.when(data == k.lit(kSigkill), [&] { k.set(p, P_WKILLED); });
    if (req == PT_DETACH) k.each_lwp(p, [&](LwpRef<K> td3) { k.clear(td3, TDB_SUSPEND); });
    k.lock(Lock::slock, p);
    k.clear(p, P_STOPPED_TRACE | P_STOPPED_SIG | P_WAITED);
    thread_unsuspend(k, p);
    k.unlock(Lock::slock, p);
    if (req == PT_ATTACH) psignal(k, p, data);
  });
  k.when(!stopped && !(data == k.lit(0)), [&] { psignal(k, p, data); });
}

// PL_FLAG_*: what PT_LWPINFO says about a thread, sys_process.c:1278.
inline constexpr int PL_FLAG_SCE = 0x04, PL_FLAG_SCX = 0x08, PL_FLAG_EXEC = 0x10, PL_FLAG_SI = 0x20,
                     PL_FLAG_FORKED = 0x40, PL_FLAG_CHILD = 0x80, PL_FLAG_BORN = 0x100, PL_FLAG_EXITED = 0x200,
                     PL_FLAG_VFORKED = 0x400, PL_FLAG_VFORK_DONE = 0x800;
template <Kernel K>
typename K::Num lwpinfo_flags(K& k, LwpRef<K> td) {
  auto bit = [&](typename K::Bool cond, int flag) { return k.either(cond, k.lit(flag), k.lit(0)); };
  auto forked = td[TDB_FORK];
  return bit(td[TDB_SCE], PL_FLAG_SCE) | bit(!td[TDB_SCE] && td[TDB_SCX], PL_FLAG_SCX) |
         bit(td[TDB_EXEC], PL_FLAG_EXEC) | bit(forked, PL_FLAG_FORKED) | bit(forked && td[TDB_VFORK], PL_FLAG_VFORKED) |
         bit(!forked && td[TDB_VFORK] && !td[TDB_SCX], PL_FLAG_VFORK_DONE) | bit(td[TDB_CHILD], PL_FLAG_CHILD) |
         bit(td[TDB_BORN], PL_FLAG_BORN) | bit(td[TDB_EXIT], PL_FLAG_EXITED);
}

// "Actually do the requests", sys_process.c:868.
template <Kernel K>
void request(K& k, ProcRef<K> curp, ProcRef<K> p, LwpRef<K> td2, const PtraceArgs<K>& a) {
  using trace::Ktr;
  const Behaviours& b = k.behaviour();
  auto on = [&](int event) { return !((p[p_ptevents] & event) == k.lit(0)); };
  auto set_event = [&](Ktr line, int event) {
    auto old = on(event);
    auto now = !(a.data == k.lit(0));
    k.emit(line, p, k.either(old, k.lit(1), k.lit(0)), k.either(now, k.lit(1), k.lit(0)));
    k.when(now, [&] { k.set(p, p_ptevents, p[p_ptevents] | event); });
    k.when(!now, [&] { k.set(p, p_ptevents, p[p_ptevents] & ~event); });
  };
  auto unlocked_memory = [&](Ktr line, bool writes) {
    if (writes) k.set(td2, TDB_USERWR);
    k.unlock(Lock::proc, p);  // the hold keeps the process; its lock is dropped for the transfer
    auto outcome = k.open(Open::memory, 3);
    k.when(outcome == k.lit(0), [&] { k.emit(line, p, a.data); });
    k.lock(Lock::proc, p);
    k.require(!(outcome == k.lit(1)), b.memory_fault_is_enomem ? Errno::enomem : Errno::efault,
              at("memory-unmapped", 1135));
    k.require(!(outcome == k.lit(2)), b.memory_fault_is_enomem ? Errno::enomem : Errno::einval,
              at("memory-short", 1147));
  };
  auto registers = [&](Ktr line, bool writes) {
    k.emit(line, p, td2.slot);
    if (writes) k.set(td2, TDB_USERWR);
    auto outcome = k.open(Open::registers, writes ? 3 : 2);
    k.require(!(outcome == k.lit(1)), Errno::eio, at("not-in-memory", 108));
    if (writes) k.require(!(outcome == k.lit(2)), Errno::einval, at("registers-refused", 1226));
  };
  auto valid_signal = [&] { k.require(a.data.between(0, kSigmax), Errno::einval, at("signal-range", 977)); };
  auto resume = [&](Ktr line, int events) {
    valid_signal();
    k.set(p, p_ptevents, p[p_ptevents] | events);
    k.emit(line, p, p[p_ptevents], a.data);
    sendsig(k, p, td2, a.req, a.data);
  };

  switch (a.req) {
    case PT_TRACE_ME:
      proc_set_traced(k, p, false);
      k.when(p[P_PPWAIT], [&] { k.set(p, P_PPTRACE); });
      k.emit(Ktr::trace_me, p);
      break;
    case PT_ATTACH:
      proc_set_traced(k, p, true);
      proc_reparent(k, p, curp);
      k.emit(Ktr::attach, p, p[p_oppid]);
      sendsig(k, p, td2, a.req, k.lit(kSigstop));
      break;
    case PT_CLEARSTEP: k.emit(Ktr::clearstep, p, td2.slot); break;
    case PT_SETSTEP: k.emit(Ktr::setstep, p, td2.slot); break;
    case PT_SUSPEND:
      k.emit(Ktr::suspend, p, td2.slot);
      k.set(td2, TDB_SUSPEND);
      break;
    case PT_RESUME:
      k.emit(Ktr::resume, p, td2.slot);
      k.clear(td2, TDB_SUSPEND);
      break;
    case PT_FOLLOW_FORK: set_event(Ktr::follow_fork, PTRACE_FORK); break;
    case PT_LWP_EVENTS: set_event(Ktr::lwp_events, PTRACE_LWP); break;
    case PT_GET_EVENT_MASK:
      k.require(a.data == k.lit(4), Errno::einval, at("event-mask-size-get", 945));
      k.emit(Ktr::get_event_mask, p, p[p_ptevents]);
      break;
    case PT_SET_EVENT_MASK:
      k.require((a.event_mask & ~0x3f) == k.lit(0), Errno::einval, at("event-mask-bits", 960));
      k.emit(Ktr::set_event_mask, p, p[p_ptevents], a.event_mask);
      k.set(p, p_ptevents, a.event_mask);
      break;
    case PT_STEP:
      valid_signal();
      k.emit(Ktr::step, p, td2.slot);
      sendsig(k, p, td2, a.req, a.data);
      break;
    case PT_CONTINUE: resume(Ktr::continue_, 0); break;
    case PT_TO_SCE: resume(Ktr::to_sce, PTRACE_SCE); break;
    case PT_TO_SCX: resume(Ktr::to_scx, PTRACE_SCX); break;
    case PT_SYSCALL: resume(Ktr::syscall, PTRACE_SCE | PTRACE_SCX); break;
    case PT_DETACH:
      valid_signal();
      detach(k, p, a.data);
      sendsig(k, p, td2, a.req, a.data);
      break;
    case PT_WRITE_I:
    case PT_WRITE_D: unlocked_memory(Ktr::write, true); break;
    case PT_READ_I:
    case PT_READ_D: unlocked_memory(Ktr::read, false); break;
    case PT_IO: {
      auto op = k.open(Open::io_op, 3);  // 0 PIOD_READ_*, 1 none of them, 2 PIOD_WRITE_*
      auto writes = op == k.lit(2);
      k.require(!(op == k.lit(1)), Errno::einval, at("io-op", 1203));
      k.emit(Ktr::io, p, k.either(writes, k.lit(1), k.lit(0)));
      k.when(writes, [&] { k.set(td2, TDB_USERWR); });
      k.unlock(Lock::proc, p);
      auto outcome = k.open(Open::memory, 2);
      k.lock(Lock::proc, p);
      k.require(outcome == k.lit(0), Errno::efault, at("io-memory", 1207));
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
      k.require(a.data.between(1, kLwpinfoBytes), Errno::einval, at("lwpinfo-size", 1262));
      k.emit(Ktr::lwpinfo, p, td2.slot, k.either(td2[TDB_XSIG], k.lit(1), k.lit(0)), lwpinfo_flags(k, td2));
      break;
    case PT_GETNUMLWPS:
      k.emit(Ktr::getnumlwps, p, p[p_numthreads]);
      k.result(p[p_numthreads]);
      break;
    case PT_GETLWPLIST: {
      k.emit(Ktr::getlwplist, p, a.data, p[p_numthreads]);
      k.require(a.data.between(1, 0x7fffffff), Errno::einval, at("lwplist-size", 1350));
      k.unlock(Lock::proc, p);
      k.lock(Lock::proc, p);
      k.unlock(Lock::proc, p);
      auto fault = k.open(Open::copyout, 2);
      k.lock(Lock::proc, p);
      k.require(fault == k.lit(0), Errno::efault, at("lwplist-copyout", 1365));
      k.result(a.data.min(p[p_numthreads]));
      break;
    }
    case PT_VM_TIMESTAMP: k.emit(Ktr::vm_timestamp, p); break;
    case PT_VM_ENTRY: {
      k.unlock(Lock::proc, p);
      auto outcome = k.open(Open::vm_entry, 4);
      k.when(outcome == k.lit(0), [&] { k.emit(Ktr::vm_entry, p); });
      k.lock(Lock::proc, p);
      k.require(!(outcome == k.lit(1)), Errno::einval, at("vm-entry-index", 361));
      k.require(!(outcome == k.lit(2)), Errno::enoent, at("vm-entry-end", 370));
      k.require(!(outcome == k.lit(3)), Errno::enametoolong, at("vm-entry-path", 434));
      break;
    }
    default: {
      k.require(k.yes(a.req >= PT_FIRSTMACH), Errno::einval, at("unknown-request", 1398));
      k.unlock(Lock::proc, p);
      auto outcome = k.open(Open::machine, 3);  // cpu_ptrace()
      k.lock(Lock::proc, p);
      k.require(!(outcome == k.lit(1)), Errno::einval, at("machine-request", 1393));
      k.require(!(outcome == k.lit(2)), Errno::efault, at("machine-fault", 1393));
    }
  }
}

template <Kernel K>
void kern_ptrace(K& k, LwpRef<K> td, const PtraceArgs<K>& a) {
  auto curp = proc(k, td[td_proc]);
  auto p = proc(k, a.req == PT_TRACE_ME ? curp.slot : a.pid);
  if (takes_proctree_lock(a.req)) k.lock(Lock::proctree, p);
  if (a.req != PT_TRACE_ME) k.require(is(p, ProcState::normal), Errno::esrch, at("no-such-process", 711));
  k.lock(Lock::proc, p);
  k.require(!p[P_WEXIT], Errno::esrch, at("exiting", 730));
  may_debug(k, curp, p);
  k.require(!p[P_SYSTEM], Errno::einval, at("system-process", 743));
  auto by_pid = k.either(p[P_STOPPED_TRACE], p[p_xthread], k.first_lwp(p));
  auto td2 = lwp(k, k.either(none(k, a.tid), by_pid, a.tid));
  permission(k, curp, td, p, td2, a.req);
  k.hold(p);
  request(k, curp, p, td2, a);
  k.release(p);
  k.unlock(Lock::proc, p);
  if (takes_proctree_lock(a.req)) k.unlock(Lock::proctree, p);
}

template <Kernel K>
void sys_ptrace(K& k, LwpRef<K> td, const PtraceArgs<K>& a) {
  k.require(!a.capmode, Errno::ecapmode, at("capability-mode", 118, "subr_syscall.c"));
  switch (a.req) {
    case PT_SETREGS:
    case PT_SETFPREGS:
    case PT_SETDBREGS:
    case PT_IO:
    case PT_VM_ENTRY: k.require(k.open(Open::copyin, 2) == k.lit(0), Errno::efault, at("copyin", 568)); break;
    case PT_SET_EVENT_MASK:
      k.require(a.data == k.lit(4), Errno::einval, at("event-mask-size-set", 577));
      k.require(k.open(Open::copyin, 2) == k.lit(0), Errno::efault, at("event-mask-copyin", 580));
      break;
    default: break;
  }
  kern_ptrace(k, td, a);
  switch (a.req) {
    case PT_VM_ENTRY:
    case PT_IO:
    case PT_GETREGS:
    case PT_GETFPREGS:
    case PT_GETDBREGS:
    case PT_GET_EVENT_MASK:
    case PT_LWPINFO: k.require(k.open(Open::copyout, 2) == k.lit(0), Errno::efault, at("copyout", 601)); break;
    default: break;
  }
}

}  // namespace proctor::model::rules
