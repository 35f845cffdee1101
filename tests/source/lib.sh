# SPDX-License-Identifier: BSD-2-Clause
#
# Sourced by the scripts beside it, each of which is called with the path of proctor.
tests=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
. "$tests/../cli/lib.sh"
small=$tests/small_process.c
seeds=$root/../shared/seeds

skip() {
  echo "SKIPPED: $*"
  exit 77
}

compiler=${CC:-cc}
command -v -- "${compiler%% *}" >/dev/null || skip "no C compiler ${compiler%% *}, and proctor source needs one"

# change NAME SED: NAME.c is small_process.c with something changed.
change() {
  sed -e "$2" -- "$small" >"$1.c"
  ! cmp -s -- "$small" "$1.c" || fail "$1: nothing in small_process.c is as the test expects it: sed $2"
}
# With the address sanitizer: a source that crashes is for proctor to see, and that fibers were used is no finding.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0"
run() {
  ran="proctor $*"
  "$proctor" "$@" >out 2>err
  status=$?
  sed -i -E '/^==[0-9]+==WARNING: ASan (doesn.t fully support makecontext|is ignoring requested)/d
    /^(False positive error reports may follow|For details see https:.*sanitizers)/d' err
}
source_run() { run source "$@" --kernel freebsd-5.1; }
of_run() { sed '1,/^the run, /d; /^again: /d' out; }
wants_actions() {  # at most
  local count
  count=$(of_run | wc -l)
  ((count > 0 && count <= $1)) || fail "$ran: a run of $count actions, expected 1 to $1: $(head -c 600 out)"
}
wants_last_action() {
  of_run | tail -n 1 | grep -qE -- "$1" || fail "$ran: the last action is not \"$1\": $(of_run | tail -n 1)"
}
