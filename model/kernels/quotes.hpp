// SPDX-License-Identifier: BSD-2-Clause
//
// What each clause stands for in the kernels' sources: the test, as it is written there.  `proctor anchors` finds these
// and writes the line files (model/kernels/lines).
//
// They stand here and not beside the clause in the rule text.  The rule states the same condition in its own words, so
// there it would be read twice; one clause can have a wording in each kernel; and only one command reads them.
#pragma once

#include <string_view>

namespace proctor::model {

// Rows of one clause are tried in order, and the first that a source has is its place; so a kernel that words a test in
// its own way is one more row.
struct Quote {
  std::string_view clause;    // its id, with "/case" where one clause stands in two places
  std::string_view file;      // of the kernel
  std::string_view function;  // or macro; a|b: the first of them that the file has
  // Tokens, so that blanks and comments between them do not count.  @ stands before the one whose line it is, if that is
  // not the first.  Empty: the step has no test of its own, and the function's name is its place.
  std::string_view test;
  int nth = 1;  // occurrence in the function
};

inline constexpr Quote kQuotes[] = {
    // sys_ptrace(), ptrace() before
    {"capability-mode", "subr_syscall.c", "syscallenter", "IN_CAPABILITY_MODE(td)"},
    {"copyin", "sys_process.c", "sys_ptrace|ptrace", "} @if (error) return (error); error = kern_ptrace("},
    {"event-mask-size-set", "sys_process.c", "sys_ptrace", "uap->data != sizeof(r.ptevents)) @error = EINVAL"},
    {"event-mask-copyin", "sys_process.c", "sys_ptrace", "copyin(uap->addr, &r.ptevents, uap->data)"},
    {"copyout", "sys_process.c", "sys_ptrace", "COPYOUT(&r.pve, uap->addr, sizeof r.pve)"},
    {"copyout", "sys_process.c", "sys_ptrace|ptrace", "copyout(&r.reg, uap->addr, sizeof r.reg)"},

    // kern_ptrace(): who may
    {"no-such-process", "sys_process.c", "kern_ptrace", "(p = pfind(pid)) == NULL"},
    {"exiting", "sys_process.c", "kern_ptrace", "(p->p_flag & P_WEXIT) != 0"},
    {"not-visible", "sys_process.c", "kern_ptrace", "p_cansee(td, p)"},
    {"not-visible", "sys_process.c", "kern_ptrace", "!PRISON_CHECK(curp->p_ucred, p->p_ucred)"},
    {"unprivileged-debug", "sys_process.c", "kern_ptrace", "p_candebug(td, p)"},
    {"may-not-debug", "sys_process.c", "kern_ptrace", "p_candebug(td, p)"},
    {"may-not-debug", "sys_process.c", "kern_ptrace", "p->p_ucred->cr_ruid != curp->p_ucred->cr_ruid"},
    {"init-securelevel", "sys_process.c", "kern_ptrace", "p_candebug(td, p)"},
    {"init-securelevel", "sys_process.c", "kern_ptrace", "securelevel > 0 && p->p_pid == 1"},
    {"in-exec", "sys_process.c", "kern_ptrace", "p_candebug(td, p)"},
    {"in-exec", "sys_process.c", "kern_ptrace", "(p->p_flags & P_INEXEC) != 0"},
    {"system-process", "sys_process.c", "kern_ptrace", "(p->p_flag & P_SYSTEM) != 0"},
    {"system-process", "sys_process.c", "kern_ptrace", "p->p_flags & P_SYSTEM"},
    {"stop-has-reporter", "sys_process.c", "kern_ptrace", "KASSERT(p->p_xthread != NULL"},
    {"trace-me-traced", "sys_process.c", "kern_ptrace", "(p->p_flag & P_TRACED) != 0"},
    {"trace-me-init", "sys_process.c", "kern_ptrace", "p->p_pptr == initproc"},
    {"attach-self", "sys_process.c", "kern_ptrace", "p == td->td_proc"},
    {"attach-self", "sys_process.c", "kern_ptrace", "p->p_pid == td->td_proc->p_pid"},
    {"attach-self", "sys_process.c", "kern_ptrace", "p->p_pid == curp->p_pid"},
    {"attach-traced", "sys_process.c", "kern_ptrace", "if (p->p_flag & P_TRACED)"},
    {"attach-traced", "sys_process.c", "kern_ptrace", "if (p->p_flags & P_TRACED)"},
    {"attach-walk-ends", "sys_process.c", "kern_ptrace", "pp = curp->p_pptr; pp != NULL"},
    {"attach-ancestor", "sys_process.c", "kern_ptrace", "pp == p"},
    {"not-traced", "sys_process.c", "kern_ptrace", "(p->p_flag & P_TRACED) == 0"},
    {"not-traced", "sys_process.c", "kern_ptrace", "(p->p_flags & P_TRACED) == 0"},
    {"not-traced-by-you", "sys_process.c", "kern_ptrace", "p->p_pptr != td->td_proc"},
    {"not-traced-by-you", "sys_process.c", "kern_ptrace", "p->p_pptr != curp"},
    {"not-stopped", "sys_process.c", "kern_ptrace", "(p->p_flag & (P_STOPPED_SIG | P_STOPPED_TRACE)) == 0"},
    {"not-stopped", "sys_process.c", "kern_ptrace", "!P_SHOULDSTOP(p)"},
    {"not-stopped", "sys_process.c", "kern_ptrace", "p->p_stat != SSTOP"},
    {"not-all-suspended", "sys_process.c", "kern_ptrace", "p->p_suspcount != p->p_numthreads"},
    {"not-waited", "sys_process.c", "kern_ptrace", "(p->p_flag & P_WAITED) == 0"},
    {"not-waited", "sys_process.c", "kern_ptrace", "(p->p_flags & P_WAITED) == 0"},
    {"first-lwp-exists", "sys_process.c", "kern_ptrace", "FIRST_LWP_IN_PROC(p)"},

    // kern_ptrace(): the requests
    {"unknown-request", "sys_process.c", "kern_ptrace", "else @error = EINVAL; break; } out:"},
    {"unknown-request", "sys_process.c", "kern_ptrace", "default: @error = EINVAL; goto fail;"},
    {"unknown-request", "sys_process.c", "kern_ptrace", "default: lwkt_reltoken(&p->p_token); PRELE(p); return EINVAL"},
    {"event-mask-size-get", "sys_process.c", "kern_ptrace",
     "case PT_GET_EVENT_MASK: if (@data != sizeof(p->p_ptevents))"},
    {"event-mask-bits", "sys_process.c", "kern_ptrace", "tmp & ~(PTRACE_EXEC"},
    {"signal-range", "sys_process.c", "kern_ptrace", "data < 0 || data > _SIG_MAXSIG"},
    {"signal-range", "sys_process.c", "kern_ptrace", "(unsigned)data > _SIG_MAXSIG"},
    {"single-step-refused", "sys_process.c", "kern_ptrace", "ptrace_single_step(td2); @if (error)"},
    {"single-step-refused", "sys_process.c", "kern_ptrace", "(error = ptrace_single_step(lp))"},
    {"pc-refused", "sys_process.c", "kern_ptrace", "(u_long)(uintfptr_t)addr); @if (error)"},
    {"pc-refused", "sys_process.c", "kern_ptrace", "(error = ptrace_set_pc(lp"},
    {"memory-unmapped/write", "sys_process.c", "kern_ptrace", "proc_writemem(td, p,"},
    {"memory-unmapped/write", "sys_process.c", "kern_ptrace", "proc_rwmem(p, &uio)"},
    {"memory-unmapped/read", "sys_process.c", "kern_ptrace", "proc_readmem(td, p,"},
    {"memory-unmapped/read", "sys_process.c", "kern_ptrace", "proc_rwmem(p, &uio)"},
    {"memory-unmapped", "sys_process.c", "kern_ptrace", "procfs_domem(curp, lp, NULL, &uio)"},
    {"memory-refused/write", "sys_process.c", "kern_ptrace", "proc_writemem(td, p,"},
    {"memory-refused/write", "sys_process.c", "kern_ptrace", "proc_rwmem(p, &uio)"},
    {"memory-refused/read", "sys_process.c", "kern_ptrace", "proc_readmem(td, p,"},
    {"memory-refused/read", "sys_process.c", "kern_ptrace", "proc_rwmem(p, &uio)"},
    {"memory-short", "sys_process.c", "kern_ptrace", "error == 0 || error == ENOSPC"},
    {"memory-shortage", "sys_process.c", "proc_rwmem", "error == KERN_RESOURCE_SHORTAGE) @error = ENOMEM"},
    {"io-op", "sys_process.c", "kern_ptrace", "@default: error = EINVAL; goto out; } PROC_UNLOCK(p);"},
    {"io-op", "sys_process.c", "kern_ptrace", "@default: return (EINVAL); } mtx_lock(&Giant);"},
    {"io-op", "sys_process.c", "kern_ptrace", "@default: lwkt_reltoken(&p->p_token); PRELE(p); return (EINVAL);"},
    {"io-memory", "sys_process.c", "kern_ptrace", "goto out; } PROC_UNLOCK(p); @error = proc_rwmem(p, &uio)"},
    {"io-memory", "sys_process.c", "kern_ptrace", "return (EINVAL); } mtx_lock(&Giant); @error = proc_rwmem(p, &uio)"},
    {"io-memory", "sys_process.c", "kern_ptrace", "procfs_domem(curp, lp, NULL, &uio)", 2},
    {"io-shortage", "sys_process.c", "proc_rwmem", "error == KERN_RESOURCE_SHORTAGE) @error = ENOMEM"},
    {"not-in-memory", "sys_process.c", "PROC_ACTION", "(td->td_proc->p_flag & P_INMEM) == 0"},
    {"not-in-memory", "sys_process.c", "PROC_ACTION", "(td->td_proc->p_sflag & PS_INMEM) == 0"},
    {"registers-refused", "sys_process.c", "PROC_ACTION", "error = (action)"},
    {"registers-refused", "sys_process.c", "kern_ptrace", "procfs_doregs(curp, lp, NULL, &uio)"},
    {"registers-invalid", "sys_process.c", "kern_ptrace", "!procfs_validregs(lp)"},
    {"lwpinfo-size", "sys_process.c", "kern_ptrace", "case PT_LWPINFO: if (@data <= 0"},
    {"lwplist-size", "sys_process.c", "kern_ptrace", "if (data <= 0) {"},
    {"lwplist-copyout", "sys_process.c", "kern_ptrace", "copyout(buf, addr, tmp * sizeof(lwpid_t))"},
    {"vm-entry-index", "sys_process.c", "ptrace_vm_entry", "index != pve->pve_entry) { @error = EINVAL"},
    {"vm-entry-end", "sys_process.c", "ptrace_vm_entry", "entry == &map->header) { @error = ENOENT"},
    {"vm-entry-path", "sys_process.c", "ptrace_vm_entry", "error = ENAMETOOLONG"},
    {"vm-entry-copyout", "sys_process.c", "ptrace_vm_entry", "copyout(fullpath, pve->pve_path"},
    {"machine-request", "sys_process.c", "kern_ptrace", "cpu_ptrace(td2, req, addr, data)"},
    {"machine-fault", "sys_process.c", "kern_ptrace", "cpu_ptrace(td2, req, addr, data)"},

    // credentials
    {"setuid-runs", "kern_prot.c", "sys_setuid", ""},
    {"setuid-root", "kern_prot.c", "sys_setuid", "priv_check_cred(oldcred, PRIV_CRED_SETUID, 0)"},
    {"setuid-root", "kern_prot.c", "sys_setuid", "priv_check_cred(cr, PRIV_CRED_SETUID, 0)"},
    {"jail-runs", "kern_jail.c", "sys_jail", ""},
    {"jail-root", "kern_jail.c", "sys_jail", ""},
    {"sysctl-runs", "kern_sysctl.c", "sys___sysctl", ""},
    {"sysctl-root", "kern_sysctl.c", "sys___sysctl", ""},

    // signals and stops
    {"stop-exiting", "kern_sig.c", "ptracestop", "KASSERT(!(p->p_flag & P_WEXIT)"},
    {"stop-runs", "kern_sig.c", "ptracestop", "thread_suspend_switch(td, p)"},
    {"resumed", "kern_sig.c", "ptracestop", "p->p_xthread == td"},
    {"leave-runs", "kern_sig.c", "ptracestop", "p->p_xthread == td"},
    {"suspend-check", "kern_thread.c", "thread_suspend_check", "while (thread_suspend_check_needed())"},
    {"stop-2003", "kern_sig.c", "issignal", "maytrace && (p->p_flags & P_TRACED)"},
    {"signal-stop-traced", "kern_sig.c", "issignal", "(p->p_flag & (P_TRACED | P_PPTRACE)) == P_TRACED) {"},
    {"signal-stop-traced", "kern_sig.c", "issignal", "p->p_flag & P_TRACED && (p->p_flag & P_PPTRACE) == 0"},
    {"attach-stop-first", "kern_sig.c", "issignal", "(p->p_flag & (P_TRACED | P_PPTRACE)) == P_TRACED &&"},
    {"attach-stop-first", "kern_sig.c", "issignal", ""},  // before P2_PTRACE_FSTP any signal may come first
    {"vfork-child-goes-on", "kern_sig.c", "issignal", "p->p_flag & P_PPWAIT"},
    {"job-stop", "kern_sig.c", "issignal", "prop & SA_STOP) { if (@p->p_flag &"},
    {"job-stop", "kern_sig.c", "issignal", "prop & SA_STOP"},
    {"kill-capability-mode", "kern_sig.c", "sys_kill", "IN_CAPABILITY_MODE(td) && uap->pid != td->td_proc->p_pid"},
    {"kill-capability-mode", "kern_sig.c", "sys_kill", ""},  // where there is no such mode
    {"kill-signal-range", "kern_sig.c", "sys_kill", "(u_int)uap->signum > _SIG_MAXSIG"},
    {"kill-signal-range", "kern_sig.c", "kern_kill", "(u_int)sig > _SIG_MAXSIG"},
    {"kill-no-such-process", "kern_sig.c", "sys_kill", "(p = zpfind(uap->pid)) == NULL"},
    {"kill-no-such-process", "kern_sig.c", "kern_kill", "(p = zpfind(pid)) == NULL"},
    {"kill-not-permitted", "kern_sig.c", "sys_kill", "p_cansignal(td, p, uap->signum)"},
    {"kill-not-permitted", "kern_sig.c", "kern_kill", "!CANSIGNAL(p, sig, 1)"},

    // life of processes and threads
    {"fork-runs", "kern_fork.c", "do_fork|fork1", ""},
    {"fork-pid-free", "kern_fork.c", "fork_findpid|fork1", ""},
    {"stop-at-fork", "kern_fork.c", "fork_return", "td->td_dbgflags & TDB_STOPATFORK"},
    {"exec-begins", "kern_exec.c", "do_execve", "p->p_flag |= P_INEXEC"},
    {"exec-begins", "kern_exec.c", "exec_new_vmspace", "p->p_flags |= P_INEXEC"},
    {"exec-runs", "kern_exec.c", "do_execve|kern_execve", ""},
    {"thread-exit-runs", "kern_thr.c", "kern_thr_exit", ""},
    {"thread-exit-runs", "kern_exit.c", "lwp_exit", ""},
    {"vfork-wait", "subr_syscall.c", "syscallret", "while (p2->p_flag & P_PPWAIT)"},
    {"vfork-wait", "kern_fork.c", "start_forked_proc", "(pflags = p2->p_flags) & P_PPWAIT"},
    {"exit-runs", "kern_exit.c", "exit1", ""},
    {"exit-untraced", "kern_exit.c", "exit1", "p->p_flag &= ~(P_TRACED | P_PPWAIT | P_PPTRACE)"},
    {"exit-untraced", "kern_exit.c", "exit1", "p->p_flags &= ~P_TRACED"},
    {"exit-zombie", "kern_exit.c", "exit1", "sx_xlock(&proctree_lock); q = LIST_FIRST(&p->p_children)"},
    {"exit-zombie", "kern_exit.c", "exit1", "proc_move_allproc_zombie(p)"},

    // wait4(2), wait6(2)
    {"wait-options", "kern_exit.c", "kern_wait6|kern_wait", "options & ~(WUNTRACED"},
    {"wait-no-event", "kern_exit.c", "kern_wait6|kern_wait",
     "(options & (WEXITED | WUNTRACED | WCONTINUED | WTRAPPED)) == 0"},
    {"wait-reportable", "kern_exit.c", "kern_wait6", "p_sibling) { @ret = proc_to_reap(td, p, idtype, id, status"},
    {"wait-reportable", "kern_exit.c", "kern_wait6", "p_sibling) { pid = p->p_pid; @ret = proc_to_reap(td, p, idtype"},
    {"wait-reportable", "kern_exit.c", "kern_wait", "LIST_FOREACH(p, &q->p_children, p_sibling)"},
    {"wait-nothing", "kern_exit.c", "kern_wait6", "nfound == 0) { LIST_FOREACH(p, &q->p_orphans"},
    {"wait-nothing", "kern_exit.c", "kern_wait", "nfound == 0"},
    {"wait-no-child", "kern_exit.c", "kern_wait6", "nfound == 0) { sx_xunlock(&proctree_lock); return (ECHILD)"},
    {"wait-no-child", "kern_exit.c", "kern_wait", "nfound == 0"},
};

}  // namespace proctor::model
