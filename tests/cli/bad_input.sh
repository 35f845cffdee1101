#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Input that is no log, or no log about ptrace: refused in one line, and never accepted.
. "$(dirname -- "$0")/lib.sh"

: >empty
printf '\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00' >picture.jpg
# The same bytes each time, and nothing that a format begins with.
awk 'BEGIN { x = 12345; for (i = 0; i < 4096; i++) { x = (x * 1103515245 + 12345) % 2147483648; printf "%c", 128 + int(x / 65536) % 128 } }' >noise
printf 'once upon a time\nthere was a kernel\n' >prose
# A whole log in which nothing is about ptrace: what the director does first.
awk '/ptrace/ { exit } { print }' "$base/attach_sibling/kdump.txt" >no_ptrace.txt
mkdir directory

for input in empty picture.jpg noise prose no_ptrace.txt directory missing; do
  run check "$input"
  wants_refusal "^proctor: $input: "
done
run check no_ptrace.txt
wants_err 'no record about ptrace'

run check - <empty
wants_refusal '^proctor: -: '
run check - <"$base/attach_sibling/ktrace.out"
wants_status 0
wants_out '^-: accepted by freebsd-10.4'

# Which of the two systems wrote a log is certain.
dragonfly=$root/traces/corpus/dragonfly-5.5/base/trace_me
for log in "$dragonfly/ktrace.out" "$dragonfly/kdump-T.txt"; do
  run check "$log"
  wants_refusal 'of DragonFly, which freebsd-10\.4 did not write: expected .*dragonfly-5\.5, dragonfly-5\.5-be1f9dd'
  run check -k dragonfly-5.5 "$log"
  wants_status 0
  wants_out ': accepted by dragonfly-5\.5$'
done
for log in ktrace.out ktr.txt; do
  run check -k dragonfly-5.5 "$base/attach_sibling/$log"
  wants_refusal 'of FreeBSD, which dragonfly-5\.5 did not write: expected .*freebsd-10\.4'
done

cp -- "$base/attach_sibling/ktrace.out" unreadable
chmod 000 unreadable
if [[ -r unreadable ]]; then
  echo "not tried: a file without read permission, because this user may read everything"
else
  run check unreadable
  wants_refusal '^proctor: unreadable: '
fi

# A good log beside a bad one is still judged, and the status tells that something could not be read.
run check empty "$base/attach_sibling/ktrace.out"
wants_status 3
wants_out 'accepted by freebsd-10.4'
# A finding weighs more than a file that could not be read.
run check empty "$mutants/048-errors_self-self-attach-succeeds.ktrace.out"
wants_status 1

mkdir corpus
run check --corpus corpus
wants_status 3
wants_err '^proctor: corpus: no logs found'
finish
