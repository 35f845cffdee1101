// SPDX-License-Identifier: BSD-2-Clause
//
// sys_ptrace(): the copies from and to the caller's memory, and kern_ptrace() of the kernel at hand between them.
#pragma once

#include "model/rules/dragonfly.hpp"

namespace proctor::model::rules {

template <Kernel K>
void copyin(K& k, const PtraceArgs<K>& a) {
  const Behaviours& b = k.behaviour();
  switch (has_request(b, a.req) ? a.req : PT_FIRSTMACH) {
    case PT_SETREGS:
    case PT_SETFPREGS:
    case PT_SETDBREGS:
    case PT_IO:
    case PT_VM_ENTRY: k.require(k.open(Open::copyin, 2) == k.lit(0), Errno::efault, at("copyin")); break;
    case PT_SET_EVENT_MASK:
      k.require(a.data == k.lit(4), Errno::einval, at("event-mask-size-set"));
      k.require(k.open(Open::copyin, 2) == k.lit(0), Errno::efault, at("event-mask-copyin"));
      break;
    default: break;
  }
}

template <Kernel K>
void copyout(K& k, LwpRef<K> td2, const PtraceArgs<K>& a) {
  const Behaviours& b = k.behaviour();
  auto copy = [&](Move what) {
    auto fault = k.open(Open::copyout, 2);
    k.require(fault == k.lit(0), Errno::efault, at("copyout"));
    k.move(what, td2);
  };
  switch (has_request(b, a.req) ? a.req : PT_FIRSTMACH) {
    case PT_IO:
      if (b.io_copyout_checked) return copy(Move::io_length);
      k.when(k.open(Open::copyout, 2) == k.lit(0), [&] { k.move(Move::io_length, td2); });  // B06: a fault is ignored
      break;
    case PT_VM_ENTRY: copy(Move::vm_entry); break;
    case PT_GETREGS:
    case PT_GETFPREGS:
    case PT_GETDBREGS: copy(Move::registers_read); break;
    case PT_GET_EVENT_MASK: copy(Move::none); break;
    case PT_LWPINFO:  // SA-17:08: what nobody wrote goes to the caller too
      copy(Move::lwpinfo);
      k.when(a.data.between(kLwpinfoHole + 1, kLwpinfoBytes), [&] { k.uninitialised(Uninitialised::padding); });
      k.when(a.data.between(kLwpinfoNameTail + 1, kLwpinfoBytes), [&] { k.uninitialised(Uninitialised::name_tail); });
      k.when(a.data.between(kLwpinfoChild + 1, kLwpinfoBytes) && !td2[TDB_FORK],
             [&] { k.uninitialised(Uninitialised::child_pid); });
      break;
    default: break;
  }
}

template <Kernel K>
void sys_ptrace(K& k, LwpRef<K> td, const PtraceArgs<K>& a) {
  if (k.behaviour().capability_mode) k.require(!a.capmode, Errno::ecapmode, at("capability-mode", "subr_syscall.c"));
  copyin(k, a);
  auto td2 = k.behaviour().tokens ? dragonfly_ptrace(k, td, a) : kern_ptrace(k, td, a);
  copyout(k, td2, a);
}

}  // namespace proctor::model::rules
