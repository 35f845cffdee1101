// SPDX-License-Identifier: BSD-2-Clause
//
// System calls about signals and process groups: kill(2), thr_kill(2), sigaction(2), sigprocmask(2), setpgid(2)
// (kern_sig.c, kern_thr.c, kern_prot.c).
#pragma once

#include "model/rules/credentials.hpp"
#include "model/rules/jobc.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::model::rules {

template <Kernel K>
void valid_signal(K& k, typename K::Num sig, std::string_view id) {
  k.require(sig.between(0, kSigmax), Errno::einval, in(id, "sys_kill", "kern_sig.c"));
}

// kill(2) of one process.  A zombie takes the signal and nothing happens, where it is found.
template <Kernel K>
void kill(K& k, LwpRef<K> td, ProcRef<K> p, typename K::Num sig, typename K::Bool capmode) {
  const Behaviours& b = k.behaviour();
  auto curp = proc(k, td[td_proc]);
  const Lock lock = b.tokens ? Lock::token : Lock::proc;
  k.require(!capmode || curp == p, Errno::ecapmode, in("kill-capability-mode", "sys_kill", "kern_sig.c"));
  valid_signal(k, sig, "kill-signal-range");
  auto found = b.kill_finds_zombies ? !is(p, ProcState::free) : is(p, ProcState::normal);
  k.require(found, Errno::esrch, in("kill-no-such-process", "sys_kill", "kern_sig.c"));
  k.lock(lock, p);  // pfind() returns it locked
  auto zombie = is(p, ProcState::zombie), unseen = known(curp, p) && !sees(curp, p);
  auto allowed = may_signal(k, curp, p, sig, true);
  if (b.tokens) {
    allowed = allowed || zombie;
  } else {
    k.require(allowed || !unseen, Errno::esrch, in("kill-not-visible", "p_cansignal", "kern_prot.c"));
  }
  k.require(allowed, Errno::eperm, in("kill-not-permitted", "p_cansignal", "kern_prot.c"));
  auto exits = k.yes(b.tokens) && p[P_WEXIT];
  k.when(!(sig == k.lit(0)) && !exits, [&] { send(k, p, no_thread(k), sig, td); });
  k.leave(lock, p);
}

// kill(2) of a process group, killpg1(): success if there is one member that may be signalled.  Which error it is if
// there is none has changed.
template <Kernel K>
void killpg(K& k, LwpRef<K> td, typename K::Num pgrp, typename K::Num sig, typename K::Bool capmode) {
  const Behaviours& b = k.behaviour();
  auto curp = proc(k, td[td_proc]);
  const Lock lock = b.tokens ? Lock::token : Lock::proc;
  k.require(!capmode, Errno::ecapmode, in("kill-capability-mode", "sys_kill", "kern_sig.c"));
  valid_signal(k, sig, "kill-signal-range");
  if (!b.tokens) {  // while it finds the group
    k.lock(Lock::proctree, curp);
    k.unlock(Lock::proctree, curp);
  }
  auto found = k.yes(false), refused = k.yes(false);
  k.each_proc([&](ProcRef<K> p) {
    auto member = !is(p, ProcState::free) && p[p_pgrp] == pgrp && !(p.slot == k.lit(kInit)) && !p[P_SYSTEM];
    if (!b.killpg_finds_zombies) member = member && !is(p, ProcState::zombie);
    auto allowed = may_signal(k, curp, p, sig, false);
    found = found || (member && allowed);
    refused = refused || (member && !allowed && sees(curp, p));
    k.when(member, [&] {
      k.lock(lock, p);
      k.when(allowed && !(sig == k.lit(0)), [&] { send(k, p, no_thread(k), sig, td); });
      k.unlock(lock, p);
    });
  });
  if (b.killpg_says_eperm)
    k.require(found || !refused, Errno::eperm, in("killpg-not-permitted", "killpg1", "kern_sig.c"));
  k.require(found, Errno::esrch, in("killpg-nobody", "killpg1", "kern_sig.c"));
}

// thr_kill(2), lwp_kill(2): a signal for one thread of the caller's process.
template <Kernel K>
void thr_kill(K& k, LwpRef<K> td, LwpRef<K> target, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.require(target[td_proc] == p.slot, Errno::esrch, in("thr-kill-no-such-thread", "sys_thr_kill", "kern_thr.c"));
  k.require(sig.between(0, kSigmax), Errno::einval, in("thr-kill-signal-range", "sys_thr_kill", "kern_thr.c"));
  k.lock(lock, p);
  k.when(!(sig == k.lit(0)), [&] { send(k, p, target, sig, td); });
  k.unlock(lock, p);
}

// sigaction(2): what the process does with the signal from here on.
enum class Action : std::uint8_t { by_default, ignore, handle };
template <Kernel K>
void sigaction(K& k, LwpRef<K> td, typename K::Num sig, Action action) {
  auto p = proc(k, td[td_proc]);
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.require(sig.between(1, kSigmax), Errno::einval, in("sigaction-signal-range", "kern_sigaction", "kern_sig.c"));
  k.lock(lock, p);
  if (action != Action::by_default)
    k.require(!(sig == k.lit(kSigkill)) && !(sig == k.lit(kSigstop)), Errno::einval,
              in("sigaction-cannot", "kern_sigaction", "kern_sig.c"));
  auto cont = sig == k.lit(kSigcont), chld = sig == k.lit(kSigchld);
  k.when(chld, [&] {
    k.set(p, p_cred, p[p_cred] & ~(PS_NOCLDSTOP | PS_NOCLDWAIT | PS_CLDSIGIGN));
    if (action == Action::ignore) k.set(p, p_cred, p[p_cred] | PS_CLDSIGIGN);
  });
  auto unseen = is_ignored_by_default(k, sig);
  if (action == Action::ignore) unseen = k.yes(true);
  if (action == Action::handle) unseen = k.yes(false);
  k.when(unseen, [&] {
    delete_signal(k, p, sig);
    k.when(!cont, [&] { k.add(p, p_sigignore, sig); });
    k.remove(p, p_sigcatch, sig);
  });
  k.when(!unseen, [&] {
    k.remove(p, p_sigignore, sig);
    if (action == Action::handle)
      k.add(p, p_sigcatch, sig);
    else
      k.remove(p, p_sigcatch, sig);
  });
  k.leave(lock, p);
}

// sigprocmask(2) of one signal.
template <Kernel K>
void sigprocmask(K& k, LwpRef<K> td, typename K::Num sig, bool block) {
  auto p = proc(k, td[td_proc]);
  const Lock lock = k.behaviour().tokens ? Lock::token : Lock::proc;
  k.lock(lock, p);
  if (block)  // SIG_CANTMASK
    k.when(!(sig == k.lit(kSigkill)) && !(sig == k.lit(kSigstop)), [&] { k.add(td, td_sigmask, sig); });
  else
    k.remove(td, td_sigmask, sig);
  if (!block && k.behaviour().thread_takes_unblocked)  // signotify()
    k.when(k.has(p, p_siglist, sig), [&] {
      k.remove(p, p_siglist, sig);
      k.add(td, td_siglist, sig);
    });
  k.unlock(lock, p);
}

// setpgid(2) of the caller or of a child: into the group of that id, which is made if it is the process's own pid.
template <Kernel K>
void setpgid(K& k, LwpRef<K> td, ProcRef<K> p, typename K::Num pgrp) {
  auto curp = proc(k, td[td_proc]);
  const Lock tree = k.behaviour().tokens ? Lock::token : Lock::proctree;
  k.lock(tree, curp);
  const auto parent = [&](typename K::Num of) {
    return k.behaviour().real_parent_by_tree ? proc_realparent(k, proc(k, of)).slot : proc(k, of)[p_pptr];
  };
  auto inferior = p == curp, up = parent(p.slot);
  k.each_proc([&](ProcRef<K> turn) {  // inferior(): as many turns as there are processes
    inferior = inferior || (!is(turn, ProcState::free) && up == curp.slot);
    up = k.either(is(turn, ProcState::free), up, parent(up));
  });
  k.guard(inferior || none(k, up) || !is(p, ProcState::normal), in("setpgid-walk-ends", "inferior", "kern_proc.c"));
  k.require(is(p, ProcState::normal) && inferior, Errno::esrch, in("setpgid-no-child", "sys_setpgid", "kern_prot.c"));
  if (!k.behaviour().tokens)
    k.require(!known(curp, p) || sees(curp, p), Errno::esrch, in("setpgid-not-visible", "sys_setpgid", "kern_prot.c"));
  k.require(p == curp || (p[p_cred] & P_EXEC) == k.lit(0), Errno::eacces,
            in("setpgid-exec", "sys_setpgid", "kern_prot.c"));
  k.require(!(p.slot == k.lit(kInit)), Errno::eperm, in("setpgid-leader", "sys_setpgid", "kern_prot.c"));
  auto exists = pgrp == p.slot;
  k.each_proc([&](ProcRef<K> q) { exists = exists || (!is(q, ProcState::free) && q[p_pgrp] == pgrp); });
  k.require(exists, Errno::eperm, in("setpgid-no-group", "sys_setpgid", "kern_prot.c"));
  k.when(!(p[p_pgrp] == pgrp), [&] { fixjobc_enter(k, p, pgrp, td); });
  k.leave(tree, curp);
}

}  // namespace proctor::model::rules
