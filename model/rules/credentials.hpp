// SPDX-License-Identifier: BSD-2-Clause
//
// Who may see and debug whom: p_cansee() and p_candebug() of kern_prot.c, and what changes credentials.
// In a state that was made from a log the credentials are unknown, and the answer is left open.
#pragma once

#include "model/rules/tree.hpp"

namespace proctor::model::rules {

template <Kernel K>
typename K::Bool has_cred(ProcRef<K> p, int bits) {
  return !((p[p_cred] & bits) == p.k->lit(0));
}
template <Kernel K>
typename K::Bool is_root(ProcRef<K> p) {
  return (p[p_cred] & CR_UID) == p.k->lit(CR_ROOT);
}
inline constexpr int kUsers[] = {CR_ROOT, 2, 3};

// cr_uid, which is cr_svuid too, and cr_ruid.
template <Kernel K>
typename K::Num uid(ProcRef<K> p) {
  return p[p_cred] & CR_UID;
}
template <Kernel K>
typename K::Bool real_uid_is(ProcRef<K> p, typename K::Num user) {
  K& k = *p.k;
  auto own = has_cred(p, CR_RUID);
  auto same = k.yes(false);
  for (const int one : kUsers) same = same || (user == k.lit(one) && (p[p_cred] & CR_RUID) == k.lit(one * kRealUid));
  return (own && same) || (!own && uid(p) == user);
}
template <Kernel K>
typename K::Bool same_real_uid(ProcRef<K> a, ProcRef<K> b) {
  K& k = *a.k;
  auto same = k.yes(false);
  for (const int one : kUsers) same = same || (real_uid_is(a, k.lit(one)) && real_uid_is(b, k.lit(one)));
  return same;
}
template <Kernel K>
typename K::Bool known(ProcRef<K> a, ProcRef<K> b) {
  return has_cred(a, CR_UID) && has_cred(b, CR_UID);
}

// prison_check(): from inside a jail only that jail is visible.
template <Kernel K>
typename K::Bool sees(ProcRef<K> curp, ProcRef<K> p) {
  return curp == p || !has_cred(curp, CR_JAIL) || has_cred(p, CR_JAIL);
}

template <Kernel K>
void p_cansee(K& k, ProcRef<K> curp, ProcRef<K> p) {
  auto open = k.open(Open::cansee, 2) == k.lit(0);
  auto is_known = known(curp, p);
  k.require((is_known && sees(curp, p)) || (!is_known && open), Errno::esrch, at("not-visible"));
}

// reaper_sigtest() of DragonFly: nobody signals beyond the reaper that is above him, and the reaper itself only by kill(2)
// of it alone.  A reaper that gave up is forgotten here; in the kernel its descendants still differ by it.
template <Kernel K>
typename K::Bool below_own_reaper(K& k, ProcRef<K> curp, ProcRef<K> p, bool reaper_too) {
  const auto reaper_of = [&](ProcRef<K> q) {
    return proc(k, k.either(q[P_TREE_REAPER] || q.slot == k.lit(kInit), q.slot, q[p_reaper]));
  };
  auto own = reaper_of(curp), up = reaper_of(p);
  auto found = up == own;
  k.each_proc([&](ProcRef<K>) {  // as many turns as there can be reapers
    up = proc(k, up[p_reaper]);
    found = found || up == own;
  });
  if (reaper_too) return found;
  return found && (!(own == p) || p == curp);
}

// p_cansignal(), and CANSIGNAL() of DragonFly.  All processes are of one session, so SIGCONT may always be sent.
template <Kernel K>
typename K::Bool may_signal(K& k, ProcRef<K> curp, ProcRef<K> p, typename K::Num sig, bool reaper_too) {
  auto open = k.open(Open::candebug, 2) == k.lit(0);
  auto is_known = known(curp, p);
  auto same_user =
      uid(curp) == uid(p) || real_uid_is(curp, uid(p)) || real_uid_is(p, uid(curp)) || same_real_uid(curp, p);
  auto allowed = sees(curp, p) && (is_root(curp) || same_user);
  if (k.behaviour().tokens) allowed = allowed && below_own_reaper(k, curp, p, reaper_too);
  if (!k.behaviour().tokens) {  // conservative_signals: what a process with other rights than its user's may be sent
    auto ordinary = k.yes(false);
    for (const int one : {0, kSighup, kSigint, kSigkill, kSigalrm, kSigterm, kSigstop, kSigtstp, kSigttin, kSigttou,
                          kSigusr1, kSigusr2})
      ordinary = ordinary || sig == k.lit(one);
    allowed = allowed && (is_root(curp) || !p[P_SUGID] || ordinary);
  }
  return curp == p || sig == k.lit(kSigcont) || (is_known && allowed) || (!is_known && open);
}

// priv_check(): root, and in DragonFly outside of jails, as PRIV_ROOT is none of a jail's privileges.
template <Kernel K>
typename K::Bool is_privileged(K& k, ProcRef<K> p) {
  auto root = is_root(p);
  return k.behaviour().tokens ? root && !has_cred(p, CR_JAIL) : root;
}

// Root, or the same user with a process that has not changed its credentials.
template <Kernel K>
typename K::Bool same_owner(K& k, ProcRef<K> curp, ProcRef<K> p) {
  auto open = k.open(Open::candebug, 2) == k.lit(0);
  auto is_known = known(curp, p);
  auto same_user = uid(curp) == uid(p) && real_uid_is(p, uid(curp));
  if (k.behaviour().tokens) same_user = same_real_uid(curp, p);
  auto allowed = is_privileged(k, curp) || (same_user && !p[P_SUGID]);
  return (is_known && allowed) || (!is_known && open);
}

template <Kernel K>
void p_candebug(K& k, ProcRef<K> curp, ProcRef<K> p) {
  auto init = proc(k, k.lit(kInit));
  k.require(is_root(curp) || !has_cred(init, CR_NO_UNPRIVILEGED), Errno::eperm, at("unprivileged-debug"));
  k.when(!(curp == p), [&] {
    k.require(same_owner(k, curp, p), Errno::eperm, at("may-not-debug"));
    k.require(!(p == init && has_cred(init, CR_SECURELEVEL)), Errno::eperm, at("init-securelevel"));
    k.require(!p[P_INEXEC], k.behaviour().in_exec_is_ebusy ? Errno::ebusy : Errno::eagain, at("in-exec"));
  });
}

// setuid(2) and its kin; the process has changed credentials until its next execve().
template <Kernel K>
void setuid(K& k, LwpRef<K> td, int uid) {
  auto p = proc(k, td[td_proc]);
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT] && has_cred(p, CR_UID),
          in("setuid-runs", "sys_setuid", "kern_prot.c"));
  k.require(is_root(p) || (p[p_cred] & CR_UID) == k.lit(uid), Errno::eperm,
            in("setuid-root", "sys_setuid", "kern_prot.c"));
  auto same = (p[p_cred] & CR_UID) == k.lit(uid) && !has_cred(p, CR_RUID);
  k.when(!same, [&] { k.set(p, P_SUGID); });
  k.set(p, p_cred, (p[p_cred] & ~(CR_UID | CR_RUID)) | uid);
}

// jail(2), jail_attach(2).
template <Kernel K>
void jail(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT] && !(p.slot == k.lit(kInit)) && has_cred(p, CR_UID),
          in("jail-runs", "sys_jail", "kern_jail.c"));
  k.require(is_root(p) && !has_cred(p, CR_JAIL), Errno::eperm, in("jail-root", "sys_jail", "kern_jail.c"));
  if (!k.behaviour().tokens) k.set(p, P_SUGID);  // change_root() and the new credentials
  k.set(p, p_cred, p[p_cred] | CR_JAIL);
}

// sysctl of a setting of the whole system, kept with init: kern.securelevel, security.bsd.unprivileged_proc_debug.
template <Kernel K>
void set_system(K& k, LwpRef<K> td, int bit) {
  auto p = proc(k, td[td_proc]);
  auto init = proc(k, k.lit(kInit));
  k.guard(is(p, ProcState::normal) && !p[P_WEXIT] && has_cred(p, CR_UID),
          in("sysctl-runs", "sys___sysctl", "kern_sysctl.c"));
  k.require(is_root(p) && !has_cred(p, CR_JAIL), Errno::eperm, in("sysctl-root", "sys___sysctl", "kern_sysctl.c"));
  k.set(init, p_cred, init[p_cred] | bit);
}

}  // namespace proctor::model::rules
