// SPDX-License-Identifier: BSD-2-Clause
//
// How a process of DragonFly stops and takes a signal, as far as a log shows it: proc_stop() says at once that the process
// is stopped, and its threads follow (follow_stop()) on their way to user mode.  (The step that scenarios take is stop_2003(),
// where both are one.)
#pragma once

#include "model/rules/stop.hpp"

namespace proctor::model::rules {

// do_execve() of a traced process posts SIGTRAP.  TDB_EXEC: it is pending, and nothing catches it any more.
template <Kernel K>
void exec_trap(K& k, LwpRef<K> td) {
  auto p = proc(k, td[td_proc]);
  k.when(p[P_TRACED], [&] { k.set(td, TDB_EXEC); });
}

// issignal() of a traced process, for a signal that it outlives: proc_stop(), and the thread will follow.  TDB_XSIG: it does
// nothing else before, and when it goes on it looks at the debugger's word, where there is a wait for one.  Where there is
// not, SIGKILL and the trap of an exec let nothing else happen.
template <Kernel K>
void issignal_stop(K& k, LwpRef<K> td, typename K::Num sig) {
  auto p = proc(k, td[td_proc]);
  k.guard(p[P_TRACED] && !p[P_PPWAIT | P_WEXIT | P_STOPPED_SIG] && !td[TD_SUSPENDED | TDB_EXIT],
          in("signal-stop", "issignal", "kern_sig.c"));
  if (!k.behaviour().stop_waits_for_word)
    k.guard(!k.has(p, p_siglist, k.lit(kSigkill)) && !k.has(td, td_siglist, k.lit(kSigkill)) && !td[TDB_EXEC],
            in("kill-comes-first", "issignal", "kern_sig.c"));
  delete_signal(k, td, sig);
  k.when(sig == k.lit(kSigtrap), [&] { k.clear(td, TDB_EXEC); });
  k.set(p, p_xstat, sig);
  k.set(p, P_STOPPED_SIG);
  k.set(td, TDB_XSIG);
}

// postsig(): the signal kills, or its handler will be called.  A traced process has been stopped for it before if
// issignal() waits, and then the signal is the debugger's word; if not, it has called proc_stop() and stops after this.
// TDB_EXIT: the action is the default, the thread is in sigexit() and stops no more.
template <Kernel K>
void postsig(K& k, LwpRef<K> td, typename K::Num sig, bool caught) {
  auto p = proc(k, td[td_proc]);
  auto traced = p[P_TRACED] && !p[P_PPWAIT];
  k.guard(!p[P_WEXIT] && !td[TD_SUSPENDED | TDB_EXIT], in("signal-delivered", "postsig", "kern_sig.c"));
  if (k.behaviour().stop_waits_for_word) {
    k.guard(!traced || (td[TDB_XSIG] && !p[P_STOPPED_SIG] && (p[p_xstat] == sig)),
            in("signal-is-the-word", "issignal", "kern_sig.c"));
    k.clear(td, TDB_XSIG);
  } else {
    k.when(traced, [&] {
      k.set(p, p_xstat, sig);
      k.set(p, P_STOPPED_SIG);
      k.set(td, TDB_XSIG);
    });
  }
  delete_signal(k, td, sig);
  if (!caught) k.set(td, TDB_EXIT);
}

}  // namespace proctor::model::rules
