#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One change at a time in a source that was fine, and what must be said about it.
. "$(dirname -- "$0")/lib.sh"

# finds NAME KIND TEXT [OPTION...]: in NAME.c
finds() {
  local name=$1 kind=$2 text=$3
  shift 3
  source_run "$name.c" --calls 60000 --save "$name.run" "$@"
  wants_status 1
  wants_silence err
  [[ $(head -n 1 out) == "$name.c and the model of freebsd-5.1: $kind" ]] ||
    fail "$ran: kind $kind expected: $(head -n 3 out)"
  wants_out "$text"
  wants_out "^the run, [0-9]+ of [0-9]+ actions(, schedule [0-9A-Za-z]+)?:"
  wants_out "^again: proctor source $name\.c --kernel freebsd-5\.1 --rerun $name\.run$"
}

case $2 in
answers)
  change errno 's/return (EPERM);/return (ESRCH);/'
  finds errno errno '^  EPERM expected \[not-traced, sys_process\.c:492\], ESRCH returned'
  wants_actions 4

  change removed '/P_SYSTEM) != 0)$/,+1d'
  finds removed errno '^  EINVAL expected \[system-process, .*\], (EPERM|EBUSY|success) returned'
  wants_actions 4

  change swapped '/P_TRACED) == 0)$/{N;h;d};/p_pptr != tc->tc_self)$/{N;G}'
  finds swapped errno '^  EPERM expected \[not-traced, .*\], EBUSY returned'
  wants_actions 5

  change no_signal 's/^\t\tp->p_xstat = sig;/\t\tp->p_xstat = 0;/'
  finds no_signal state '^    p[1-4] p_xstat: 0x[0-9a-f]+ expected, 0x0 seen'
  wants_actions 8

  change flag 's/~(P_TRACED | P_WAITED)/~P_TRACED/'
  finds flag state '^    p[1-4] p_flag: '
  wants_last_action 'ptrace PT_DETACH'

  change foreign 's/^\tp->p_oppid = 0;/&\n\tp->p_sflag |= PS_PROFIL;/'
  finds foreign panic '^  p_sflag of pid [0-9]+ changed, which ptrace has no business with'
  wants_last_action 'ptrace PT_DETACH'

  change not_run '/setrunnable/d'
  finds not_run moves '^    expected .*a call of setrunnable\(\)'

  change first_word 's/td_retval\[0\] = word/td_retval[0] = word + 1/'
  finds first_word moves '^    expected the word read from the target'
  wants_last_action 'ptrace PT_READ_[ID]'

  # What the compiler puts between two members is not copied member by member.
  change leak 's/^\t\terror = copyout(addr.*/\t\tif (uap->req == PT_IO) {\n\t\t\tunion payload d;\n\n\t\t\td.io.piod_op = payload.io.piod_op;\n\t\t\td.io.piod_offs = payload.io.piod_offs;\n\t\t\td.io.piod_addr = payload.io.piod_addr;\n\t\t\td.io.piod_len = payload.io.piod_len;\n\t\t\terror = copyout(\&d, uap->addr, r->r_size);\n\t\t} else\n\t&/'
  finds leak uninitialised '^  bytes copied out that nobody wrote: none expected, padding seen'
  wants_last_action 'ptrace PT_IO'
  ;;
locks)
  change held 's/^\tgive_proc(&tc);/\t;/'
  finds held 'held at return' '^  the call returned and did not give back: lock process lock p[1-4]'
  wants_actions 4

  change tree 's/^\tsx_xunlock.*/\t;/'
  finds tree 'held at return' '^  the call returned and did not give back: lock proctree_lock'
  wants_actions 3

  change recursion 's/^\tmark_traced(p);/\tPROC_LOCK(p);\n&/'
  finds recursion recursion '^  lock process lock p[1-4] a second time'
  wants_last_action 'ptrace PT_ATTACH'

  change not_held 's/^\twake_with(tc, SIGKILL);/\tPROC_UNLOCK(tc->tc_proc);\n\tPROC_UNLOCK(tc->tc_proc);/'
  finds not_held 'not held' '^  unlock process lock p[1-4], which is not held'
  wants_last_action 'ptrace PT_KILL'

  # A mutex is held where proctree_lock may sleep.
  change order '/R_TREE) != 0)$/{N;h;d};/^\terror = find_target/G'
  finds order sleep '^  sx_xlock\(&proctree_lock\) may sleep, and the caller holds lock process lock p[1-4]'
  finds order locks '^    lock proctree_lock expected, lock process lock p[1-4] seen' --preemptive

  change shared 's/sx_xlock(/sx_slock(/;s/sx_xunlock(/sx_sunlock(/'
  finds shared locks '^    seen     lock shared proctree_lock, '
  ;;
ends)
  change hang 's/^\twake_with(tc, SIGKILL);/\twhile (1)\n\t\t;/'
  finds hang hang '^  the call does not return' --patience 300 --as-found
  wants_last_action 'ptrace PT_KILL'
  wants_out '^  in p[1-4](/t[0-5])? ptrace PT_KILL '
  finds hang hang '^  in p[1-4](/t[0-5])? ptrace PT_KILL ' --patience 300
  wants_last_action 'ptrace PT_KILL'
  wants_actions 8
  finds hang hang '^  the call does not return' --patience 300 --as-found --preemptive
  of_run | grep -q 'ptrace PT_KILL' || fail "$ran: a run without the call that hangs"
  wants_out '^  in p[1-4](/t[0-5])? ptrace PT_KILL '

  change null 's/^\t\tgive_back(tc);/\t\t((volatile struct proc *)NULL)->p_flag = 0;/'
  finds null crash '^  the source crashed: '
  wants_last_action 'ptrace PT_DETACH'
  wants_actions 8
  finds null crash '^  the source crashed: ' --preemptive
  of_run | grep -q 'ptrace PT_DETACH' || fail "$ran: a run without the call that crashes"
  wants_out '^  in p[1-4](/t[0-5])? ptrace PT_DETACH '
  # Choices that a rule does not ask for are not in a run: none of these asks whether a signal is ignored.
  finds null crash '^  in p[1-4](/t[0-5])? ptrace PT_DETACH ' --as-found
  ! of_run | grep -E '(fork|takes|thr_new|PT_ATTACH|PT_KILL|PT_READ_.|PT_DETACH|PT_CONTINUE) .*sigchld=' ||
    fail "$ran: choices that nobody asks for"
  ! of_run | grep -E '(fork|takes|thr_new|wait6) .*(memory|registers|io_op|pc|copyin)=' ||
    fail "$ran: choices that nobody asks for"

  # A second attach gets as far as the KASSERT in mark_traced().
  change kassert '/P_TRACED) != 0)$/{N;/EBUSY/d}'
  finds kassert panic '^  panic: pid [0-9]+ is traced already'
  wants_last_action 'ptrace PT_ATTACH'
  wants_actions 6

  change called_panic 's/^\twake_with(tc, SIGKILL);/\tpanic("no %s today", "signals");/'
  finds called_panic panic '^  panic: no signals today'
  wants_last_action 'ptrace PT_KILL'
  wants_out '^  in p[1-4](/t[0-5])? ptrace PT_KILL '

  # The process of the fourth slot, which mostly does not exist.
  change freed 's/^\tmark_traced(p);/\t(initproc + 3)->p_stops = 0;\n&/'
  finds freed panic '^  p_stops of pid 103 was written to after the process was freed'
  wants_last_action 'ptrace PT_ATTACH'
  change freed_lock 's/^\tmark_traced(p);/\tPROC_LOCK(initproc + 3);\n&\n\tPROC_UNLOCK(initproc + 3);/'
  # in a run in which that process has never been made
  printf 'p1 fork p2\np1 fork p3\np2 ptrace PT_ATTACH p3\n' >freed_lock.run
  run source freed_lock.c --kernel freebsd-5.1 --rerun freed_lock.run
  wants_status 1
  wants_out 'begin_tracing: pid 103 is used after it was freed'

  change reference 's/^\tvmspace_free.*/\t;/'
  finds reference panic '^  reference to a vmspace of pid [0-9]+ not released'
  ;;
*) fail "no such part: $2" ;;
esac
finish
