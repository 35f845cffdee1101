# SPDX-License-Identifier: BSD-2-Clause
#
# Sourced by the scripts beside it, each of which is called with the path of proctor.
set -uo pipefail
export LC_ALL=C.UTF-8
proctor=$(readlink -f -- "$1")
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
base=$root/traces/corpus/freebsd-10.4/base
mutants=$root/traces/mutants
scratch=$(mktemp -d)
trap 'chmod -R u+rwX -- "$scratch"; rm -rf -- "$scratch"' EXIT
cd -- "$scratch" || exit 1
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

# run ARGS: leaves status, and the files out and err.
run() {
  ran="proctor $*"
  "$proctor" "$@" >out 2>err
  status=$?
}
wants_status() { ((status == $1)) || fail "$ran: exit status $status, expected $1: $(head -c 300 err out)"; }
wants_out() { grep -qE -- "$1" out || fail "$ran: stdout has nothing like \"$1\": $(head -c 300 out)"; }
wants_err() { grep -qE -- "$1" err || fail "$ran: stderr has nothing like \"$1\": $(head -c 300 err)"; }
wants_silence() { [[ ! -s $1 ]] || fail "$ran: $1 should be empty: $(head -c 300 "$1")"; }

# What is no log: one line that names the input, status 3, and no verdict.
wants_refusal() {
  wants_status 3
  wants_silence out
  [[ $(wc -l <err) == 1 ]] || fail "$ran: expected one line on stderr: $(head -c 600 err)"
  wants_err "$1"
}

finish() {
  ((failures == 0)) || echo "$failures failures"
  exit $((failures > 0))
}
