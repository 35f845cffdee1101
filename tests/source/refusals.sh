#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What proctor source cannot work with: exit status 3, nothing on stdout, and words that help.
. "$(dirname -- "$0")/lib.sh"

# The compiler's own words, with the user's file and line; the last line says that it was the compiler.
wants_compile_error() {  # NAME LINE WORDS
  wants_status 3
  wants_silence out
  wants_err "(^|/)$1:$2:[0-9]+: (fatal )?error: .*$3"
  wants_err "^proctor: $1: does not compile against the miniature kernel of freebsd-5\.1$"
  ! grep -qE 'proctor\.[A-Za-z0-9]{6}|/source/' err || fail "$ran: names a temporary folder: $(head -c 600 err)"
}
line_of() { grep -nF -- "$2" "$1" | head -n 1 | cut -d: -f1; }
wants_gaps() { wants_err "^shim gaps \(.*\): $1$"; }

change function 's/^\tp->p_oppid = 0;/&\n\tforget_debugger(p);/'
source_run function.c
wants_compile_error function.c "$(line_of function.c forget_debugger)" forget_debugger
wants_gaps forget_debugger

change type 's/^\tint tc_locks;/\tlock_set_t tc_locks;/'
source_run type.c
wants_compile_error type.c "$(line_of type.c lock_set_t)" lock_set_t
wants_gaps lock_set_t

change member 's/^\tp->p_oppid = 0;/&\n\tp->p_dbgwait = 0;/'
source_run member.c
wants_compile_error member.c "$(line_of member.c p_dbgwait)" p_dbgwait
wants_gaps '(struct )?proc\.p_dbgwait'

change several 's/^\tp->p_oppid = 0;/&\n\tp->p_dbgwait = P_NEWER;\n\tforget_debugger(p);/'
source_run several.c
wants_status 3
for gap in '(struct )?proc\.p_dbgwait' P_NEWER forget_debugger; do
  wants_err "^shim gaps .*: (.*, )?$gap(,|$)"
done

change syntax 's/^\tp->p_oppid = 0;/\tp->p_oppid = ;/'
source_run syntax.c
wants_compile_error syntax.c "$(line_of syntax.c 'p_oppid = ;')" expected
! grep -q 'shim gaps' err || fail "$ran: names a gap: $(grep 'shim gaps' err)"

# Declared, so that the compiler is content, and missing all the same.
change linked 's/^\tp->p_oppid = 0;/&\n\tforget_debugger(p);/;s/^static int begin_tracing_me.*/&\nvoid forget_debugger(struct proc *);/'
source_run linked.c
wants_status 3
wants_silence out
wants_gaps forget_debugger

printf 'int unrelated;\n' >no_ptrace.c
source_run no_ptrace.c
wants_status 3
wants_silence out
wants_gaps ptrace

cp -- "$small" small.c
: >empty.c
source_run empty.c
wants_status 3
wants_silence out

source_run missing.c
wants_refusal '^proctor: missing\.c: cannot be read: .*expected a C source'
source_run small.c missing.c
wants_refusal '^proctor: missing\.c: '
mkdir folder.c
source_run folder.c
wants_refusal '^proctor: folder\.c: cannot be read: it is a folder: expected a C source'
source_run small.c folder.c
wants_refusal '^proctor: folder\.c: cannot be read: it is a folder'
run source small.c --kernel freebsd-99.9
wants_refusal 'freebsd-99\.9.*expected.*freebsd-5\.1,.*dragonfly-5\.5'
run source small.c --kernel freebsd-10
wants_refusal 'freebsd-10: no such kernel: did you mean freebsd-10\.4.* expected.*freebsd-11c.*freebsd-10\.4'
run source small.c
wants_refusal '[-]-kernel'
source_run
wants_refusal 'expected one file .* or two'
source_run small.c small.c small.c
wants_refusal '(expected one file .* or two|small\.c)'
source_run small.c small.c --preemptive
wants_refusal '[-]-preemptive.*expected one file'
source_run small.c --format xml
wants_refusal 'xml'
source_run small.c --calls many
wants_refusal 'many'
for seed in -1 18446744073709551616 99999999999999999999999 0x10 1.5 ''; do
  source_run small.c --seed "$seed"
  wants_refusal "[-]-seed: $seed: expected a number from 0 to 18446744073709551615"
done
for patience in 99 0 -1 99999999999; do
  source_run small.c --patience $patience
  wants_refusal "[-]-patience: $patience: expected a number from 100 to "
done
printf 'p1 fork p2\n' >one.scn
for other in '--rerun one.scn' --preemptive; do
  source_run small.c --scenario one.scn $other
  wants_refusal "[-]-scenario.*excludes.*${other%% *}|${other%% *}.*excludes.*--scenario"
done

CC=no-such-compiler source_run small.c
wants_status 3
wants_silence out
wants_err "cannot run the C compiler 'no-such-compiler'.*CC"
TMPDIR=$scratch/none source_run small.c
wants_status 3
wants_silence out
wants_err "none: cannot make a temporary folder.*TMPDIR"
finish
