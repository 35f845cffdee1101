#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# --format jsonl: one JSON object per check and line, with the fields that the manual page promises.
. "$(dirname -- "$0")/lib.sh"

if ! command -v jq >/dev/null; then
  echo "skipped: jq is not installed, and it is what reads the JSON here"
  exit 77
fi

# wants_json FILTER: of the first object
wants_json() { head -n 1 out | jq -e "$1" >/dev/null || fail "$ran: not true of the output: $1: $(head -c 300 out)"; }

run check --format jsonl "$base/attach_sibling/ktrace.out" "$base/attach_sibling/ktr.txt"
wants_status 0
[[ $(wc -l <out) == 1 ]] || fail "$ran: one check, but $(wc -l <out) lines"
wants_json '.v == 1 and .verdict == "accepted" and .kernel == "freebsd-10.4" and (.logs | length) == 2'
# kdump(1) printed 153 records of this log in the emulated machine, ktrdump(8) 5 lines
wants_json '.logs[0].format == "ktrace.out" and .logs[0].records == 153 and .logs[0].judged > 0'
wants_json '.logs[1].records == 5 and .logs[1].judged == 5'
wants_json 'has("rejection") | not'

run check --format jsonl --separately "$base/attach_sibling/ktrace.out" "$base/attach_sibling/ktr.txt"
wants_status 0
[[ $(wc -l <out) == 2 ]] || fail "$ran: two checks, but $(wc -l <out) lines"

run check --format jsonl "$mutants/048-errors_self-self-attach-succeeds.ktrace.out"
wants_status 1
record=$(awk -F'\t' '$1 ~ /^048-/ { print $4 }' "$mutants/INDEX.tsv")
wants_json ".verdict == \"rejected\" and .rejection.record == $record and (.rejection.allowed | length) > 0"

head -c 8000 "$base/attach_sibling/ktrace.out" >cut.out
run check --format jsonl cut.out
wants_status 2
wants_json '.verdict == "inconclusive" and .logs[0].cut.offset < 8000 and (.reason | length) > 0'

run check --format jsonl --corpus "$root/traces/corpus/freebsd-10.4/verb"
jq -es 'length >= 6 and all(.v == 1)' out >/dev/null || fail "$ran: not JSON Lines: $(head -c 300 out)"
finish
