// SPDX-License-Identifier: BSD-2-Clause
//
// kern_ptrace() of DragonFly: the checks of 4.x in their own order, and tokens.  Nothing locks the process tree; the
// target is held (PHOLD) from its lookup on, and its token serializes all that is done to it.  A token is released while
// its holder sleeps and taken again afterwards: what was checked before may no longer hold then.
#pragma once

#include "model/rules/ptrace.hpp"

namespace proctor::model::rules {

// Credentials are looked at for PT_ATTACH only.
template <Kernel K>
void dragonfly_may_attach(K& k, ProcRef<K> curp, ProcRef<K> p) {
  k.require(!(p == curp), Errno::einval, at("attach-self"));
  k.require(!p[P_TRACED], Errno::ebusy, at("attach-traced"));
  not_an_ancestor(k, curp, p);
  k.require(same_owner(k, curp, p), Errno::eperm, at("may-not-debug"));
  auto init = proc(k, k.lit(kInit));
  k.require(!(p == init && has_cred(init, CR_SECURELEVEL)), Errno::eperm, at("init-securelevel"));
}

template <Kernel K>
void dragonfly_sendsig(K& k, ProcRef<K> p, typename K::Num data) {
  k.lock(Lock::crit, p);
  auto stopped = p[P_STOPPED_SIG];
  k.when(stopped, [&] {
    k.set(p, p_xstat, data);
    proc_unstop(k, p);
  });
  k.when(!stopped && !(data == k.lit(0)), [&] { psignal(k, p, data); });
  k.unlock(Lock::crit, p);
}

template <Kernel K>
void dragonfly_resume(K& k, ProcRef<K> p, LwpRef<K> lp, const PtraceArgs<K>& a) {
  k.require(a.data.between(0, kSigmax), Errno::einval, at("signal-range"));
  k.hold(p, Lock::lwp);
  if (a.req == PT_STEP) {
    k.require(k.open(Open::single_step, 2) == k.lit(0), Errno::einval, at("single-step-refused"));
    k.set(lp, TD_STEP);
  }
  auto addr = k.open(Open::set_pc, 3);
  k.require(!(addr == k.lit(2)), Errno::einval, at("pc-refused"));
  k.when(addr == k.lit(1), [&] { k.move(Move::pc, lp); });
  k.let_go(p, Lock::lwp);
  if (a.req == PT_DETACH) {
    k.when(!(p[p_oppid] == p[p_pptr]), [&] {
      auto pp = proc(k, p[p_oppid]);
      k.when(is(pp, ProcState::normal), [&] {  // B19: nobody has that pid: the debugger stays the parent
        k.hold(pp);
        k.sleep(p);
        proc_reparent(k, p, pp);
        k.release(pp);
      });
    });
    k.clear(p, P_TRACED | P_WAITED);
    k.set(p, p_oppid, k.lit(kNone));
  }
  dragonfly_sendsig(k, p, a.data);
}

// CHECKIO() and p_trespass() of procfs, through which memory and registers go: a debugger that gave up its rights may not.
template <Kernel K>
typename K::Bool procfs_may(ProcRef<K> curp, ProcRef<K> p) {
  auto owner = real_uid_is(p, uid(curp)) && !has_cred(curp, CR_RUID);
  return !known(curp, p) || is_root(curp) || (owner && !p[P_SUGID | P_INEXEC]);
}

template <Kernel K>
void dragonfly_request(K& k, ProcRef<K> curp, ProcRef<K> p, LwpRef<K> lp, const PtraceArgs<K>& a) {
  auto may = procfs_may(curp, p);
  auto word = [&](Move what) {
    k.require(may, Errno::einval, in("memory-not-permitted", "procfs_domem", "procfs_mem.c"));
    auto outcome = k.open(Open::memory, 3);
    k.when(outcome == k.lit(0), [&] { k.move(what, lp); });
    k.require(!(outcome == k.lit(1)), Errno::efault, at("memory-unmapped"));
    k.require(!(outcome == k.lit(2)), Errno::einval, at("memory-short"));
  };
  auto registers = [&](bool writes) {
    auto outcome = k.open(Open::registers, 3);
    k.require(!(outcome == k.lit(1)), Errno::einval, at("registers-invalid"));
    k.require(may, Errno::eperm, in("registers-not-permitted", "procfs_doregs", "procfs_regs.c"));
    k.require(!(outcome == k.lit(2)), Errno::einval, at("registers-refused"));
    if (writes) k.move(Move::registers_written, lp);
  };
  switch (a.req) {
    case PT_TRACE_ME:
      k.set(p, P_TRACED);
      k.set(p, p_oppid, p[p_pptr]);
      break;
    case PT_ATTACH:
      k.set(p, P_TRACED);
      k.set(p, p_oppid, p[p_pptr]);
      k.sleep(p);
      proc_reparent(k, p, curp);
      dragonfly_sendsig(k, p, k.lit(kSigstop));
      break;
    case PT_STEP:
    case PT_CONTINUE:
    case PT_DETACH: dragonfly_resume(k, p, lp, a); break;
    case PT_WRITE_I:
    case PT_WRITE_D: word(Move::word_write); break;
    case PT_READ_I:
    case PT_READ_D: word(Move::word_read); break;
    case PT_IO: {
      auto op = k.open(Open::io_op, 3);
      k.require(!(op == k.lit(1)), Errno::einval, at("io-op"));
      k.require(may, Errno::eperm, in("io-not-permitted", "procfs_domem", "procfs_mem.c"));
      auto outcome = k.open(Open::memory, 3);
      k.when(outcome == k.lit(0) && op == k.lit(2), [&] { k.move(Move::io_write, lp); });
      k.when(outcome == k.lit(0) && op == k.lit(0), [&] { k.move(Move::io_read, lp); });
      k.require(!(outcome == k.lit(1)), Errno::efault, at("io-memory"));
      break;
    }
    case PT_KILL: dragonfly_sendsig(k, p, k.lit(kSigkill)); break;
    case PT_SETREGS:
    case PT_SETFPREGS:
    case PT_SETDBREGS: registers(true); break;
    default: registers(false);  // PT_GETREGS, PT_GETFPREGS, PT_GETDBREGS
  }
}

template <Kernel K>
LwpRef<K> dragonfly_ptrace(K& k, LwpRef<K> td, const PtraceArgs<K>& a) {
  auto curp = proc(k, td[td_proc]);
  auto p = proc(k, a.req == PT_TRACE_ME ? curp.slot : a.pid);
  if (a.req != PT_TRACE_ME) k.require(is(p, ProcState::normal) && none(k, a.tid), Errno::esrch, at("no-such-process"));
  k.hold(p);
  p_cansee(k, curp, p);
  k.require(!p[P_SYSTEM], Errno::einval, at("system-process"));
  k.lock(Lock::token, p);
  k.require(!p[P_INEXEC], Errno::eagain, at("in-exec"));
  if (a.req == PT_ATTACH) {
    dragonfly_may_attach(k, curp, p);
  } else if (a.req != PT_TRACE_ME) {  // which is "always legal"
    k.require(k.yes(has_request(k.behaviour(), a.req)), Errno::einval, unknown_request());
    traced_by_caller(k, curp, p);
  }
  auto lp = lwp(k, k.first_lwp(p));
  if (a.req != PT_TRACE_ME && a.req != PT_ATTACH && a.req != PT_KILL)  // which do not touch it
    k.guard(
        !none(k, lp.slot),
        at("first-lwp-exists")
            .impossible("fork is one step here; in the kernel a pid can be found before its first lwp: B39"));  // B39
  if (has_request(k.behaviour(), a.req)) dragonfly_request(k, curp, p, lp, a);
  k.leave(Lock::token, p);
  k.let_go(p);
  return lp;
}

}  // namespace proctor::model::rules
