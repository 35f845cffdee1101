#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh PROCTOR hold SCENARIO KERNEL: the scenario comes out as it says on the model of that kernel.
# run.sh PROCTOR atf: the scenarios that can be printed as C compile with the headers in stand-in/.
# run.sh - readme: the table in README.md names exactly the scenarios that exist, and counts them right.
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

hold() { "$proctor" run -k "$2" "$here/$1.scn" || fail "$1 on $2: exit status $?"; }

atf() {
  command -v cc >/dev/null || {
    echo "skipped: there is no cc"
    exit 77
  }
  local scratch scenario kernel printed=0 refused=0 kernels all
  all=$(sed -n 's/.*name = "\([^"]*\)".*/\1/p' "$here/../../model/behaviours.hpp")
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064  # now
  trap "rm -rf -- '$scratch'" EXIT
  for scenario in "$here"/*.scn; do
    kernels=$(sed -n 's/^kernels //p' "$scenario")
    for kernel in ${kernels:-$all}; do
      if "$proctor" run --format atf -k "$kernel" "$scenario" >"$scratch/test.c" 2>"$scratch/err"; then
        printed=$((printed + 1))
        cc -std=c99 -c -o "$scratch/test.o" -nostdinc -I "$here/stand-in" -Wall -Wextra -Werror "$scratch/test.c" ||
          fail "${scenario##*/} on $kernel: what was printed does not compile"
      else
        refused=$((refused + 1))
        grep -qE ':[0-9]+: cannot be printed: ' "$scratch/err" ||
          fail "${scenario##*/} on $kernel: no reason why it cannot be printed: $(head -c 300 "$scratch/err")"
      fi
    done
  done
  echo "$printed programs compile, $refused cannot be printed"
  ((printed >= 240)) || fail "only $printed programs were printed"
}

readme() {
  diff <(cd -- "$here" && printf '%s\n' ./*.scn | sed 's|^\./||' | sort) \
    <(grep -oE '^\| [^|]+ \| \[[^]]+\.scn\]' "$here/README.md" | sed 's/.*\[//; s/\]//' | sort) ||
    fail "README.md: < is a file without a row, > is a row without a file"
  local cases covered
  cases=$(sed -n '/^## The cases/,/^## The defects/p' "$here/README.md" | grep -cE '^\| `')
  covered=$(sed -n '/^## The cases/,/^## The defects/p' "$here/README.md" | grep -cE '^\| `.*\.scn\]')
  grep -qF "$covered of $cases cases" "$here/README.md" ||
    fail "README.md: the table has $covered of $cases cases, which the text does not say"
}

proctor=$1
case $2 in
  hold) hold "$3" "$4" ;;
  atf) atf ;;
  readme) readme ;;
  *)
    echo "usage: run.sh PROCTOR hold SCENARIO KERNEL | PROCTOR atf | - readme" >&2
    exit 2
    ;;
esac
exit $((failures > 0))
