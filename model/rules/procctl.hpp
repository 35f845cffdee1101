// SPDX-License-Identifier: BSD-2-Clause
//
// What else a process can do to those below it: procctl(PROC_REAP_KILL) of kern_procctl.c, and the last close of a process
// descriptor (pdfork(2), sys_procdesc.c).  The descriptor stays open when its holder dies: files are not in the state.
#pragma once

#include "model/rules/wait.hpp"

namespace proctor::model::rules {

// reap_kill(): all that have the caller, or if it is no reaper its own, as reaper.
template <Kernel K>
void reap_kill(K& k, LwpRef<K> td, typename K::Num sig) {
  auto curp = proc(k, td[td_proc]);
  auto reaper = k.either(curp[P_TREE_REAPER] || curp.slot == k.lit(kInit), curp.slot, curp[p_reaper]);
  k.lock(Lock::proctree, curp);
  k.require(sig.between(1, kSigmax), Errno::einval, in("reap-kill-signal-range", "reap_kill", "kern_procctl.c"));
  auto found = k.yes(false), refused = k.yes(false);
  k.each_proc([&](ProcRef<K> p) {
    auto member = !is(p, ProcState::free) && p[p_reaper] == reaper && !(p.slot == k.lit(kInit));
    k.when(member, [&] { k.lock(Lock::proc, p); });
    auto allowed = member && may_signal(k, curp, p, sig, true);
    found = found || allowed;
    refused = refused || (member && !allowed && sees(curp, p));
    k.when(allowed, [&] { send(k, p, no_thread(k), sig, td); });
    k.when(member, [&] { k.unlock(Lock::proc, p); });
  });
  k.require(found || !refused, Errno::eperm, in("reap-kill-not-permitted", "reap_kill", "kern_procctl.c"));
  k.require(found, Errno::esrch, in("reap-kill-nobody", "reap_kill", "kern_procctl.c"));
  k.leave(Lock::proctree, curp);
}

// procdesc_close(): a zombie is reaped; who is alive becomes a child of init like any other, and is killed.  Whether a
// debugger is the parent is not asked (B24).
template <Kernel K>
void procdesc_close(K& k, LwpRef<K> td, ProcRef<K> p) {
  k.guard(has_cred(p, P_PROCDESC), in("procdesc-open", "procdesc_close", "sys_procdesc.c"));
  auto dead = is(p, ProcState::zombie);
  k.lock(Lock::proctree, p);
  k.lock(Lock::proc, p);
  k.when(dead, [&] { proc_reap(k, proc(k, td[td_proc]), p); });
  k.when(!dead, [&] {
    k.set(p, p_cred, p[p_cred] & ~(P_PROCDESC | P_SIGPARENT));
    proc_reparent(k, p, proc(k, k.lit(kInit)));
    psignal(k, p, k.lit(kSigkill));
  });
  k.unlock(Lock::proc, p);
  k.unlock(Lock::proctree, p);
}

}  // namespace proctor::model::rules
