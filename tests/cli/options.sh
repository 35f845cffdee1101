#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Options: wrong ones are refused, -o writes all or nothing, and the manual page names those that exist.
. "$(dirname -- "$0")/lib.sh"

log=$base/attach_sibling/ktrace.out
run check --no-such-option "$log"
wants_refusal 'no-such-option'
run check --kernel freebsd-99.9 "$log"
wants_refusal 'freebsd-99\.9.*expected.*freebsd-10\.4'
run check --format xml "$log"
wants_refusal 'xml'
run check
wants_refusal 'no log given'
run
wants_refusal .
run no_such_command
wants_refusal .

run check -o missing/report.txt "$log"
wants_refusal 'missing/report\.txt'
[[ ! -e missing ]] || fail "-o made a folder"
run check -o report.txt "$log"
wants_status 0
wants_silence out
"$proctor" check "$log" | cmp -s - report.txt || fail "-o wrote something else than stdout gets"
[[ $(ls report.txt*) == report.txt ]] || fail "-o left files behind: $(ls report.txt*)"
run check -o report.txt missing.out  # an unreadable log is no reason to lose the file in silence
wants_status 3

run --version
wants_status 0
wants_out '^proctor [0-9.]+, kernels: .*freebsd-10\.4'

# The option names of each command's --help and of the OPTIONS lists in the manual page (mdoc: .It Fl k Ar name , Fl -kernel
# Ar name).  -h, --help and --version are said once.
help_options=$(for command in anchors check kernels rules run source; do
  "$proctor" "$command" --help 2>/dev/null
done | grep -oE '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,' | grep -vxE -e '-h|--help|--version' | sort -u)
manual_options=$(awk '/^\.Sh / { section = $2 } section == "DESCRIPTION" && /^\.It Fl / {
    for (i = 2; i < NF; i++) if ($i == "Fl") print "-" $(i + 1) }' "$root/checker/man/proctor.1" |
  grep -vxE -e '-h|--help|--version' | sort -u)
if [[ $help_options != "$manual_options" ]]; then
  fail "the options of the commands' --help and of proctor.1 differ:"
  diff <(echo "$help_options") <(echo "$manual_options") | sed 's/^</only in --help:/; s/^>/only in proctor.1:/'
fi
[[ $help_options == *--kernel* ]] || fail "no option names were found in --help"
finish
