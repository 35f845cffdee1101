#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# style.sh CHECK: what compilers do not see.  Prints file:line: problem, and how to repair it.
# Exit status: 1 if there was any problem, 77 if the tool for the check is not installed.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
export LC_ALL=C.UTF-8

skip() {
  echo "skipped: $*"
  exit 77
}

# A checkout without .git (a release archive), or a machine without git, is checked as it lies on the disk.
list_files() {
  git ls-files -z 2>/dev/null ||
    find . \( -path ./.git -o -path ./build -o -path ./.cache -o -name compile_commands.json \) -prune -o \
      -type f -printf '%P\0'
}
files=() sources=()
while IFS= read -r -d '' file; do
  [[ -f $file ]] || continue  # deleted, but not yet committed
  files+=("$file")
  if [[ $file =~ \.(c|h|cpp|hpp)$ && $file != traces/corpus/* ]]; then sources+=("$file"); fi
done < <(list_files)

bad=0
problem() {
  echo "$1"
  bad=1
}

check_format() {
  command -v clang-format-14 >/dev/null || skip "clang-format-14 is not installed (other versions format differently)"
  local file
  for file in "${sources[@]}"; do
    [[ $file == *pp ]] || continue
    cmp -s <(clang-format-14 "$file") "$file" || problem "$file:1: not formatted; run ./dev format"
  done
}

check_words() {
  # The brackets keep this file from finding itself.  Logs are evidence and keep whatever the kernel wrote.
  local line own=() file
  for file in "${files[@]}"; do [[ $file == traces/corpus/* ]] || own+=("$file"); done
  while IFS= read -r line; do
    problem "$line  <- unfinished work; do it, or describe the limit in the manual"
  done < <(grep -InEw 'TO[D]O|FI[X]ME|X[X]X|HA[C]K' -- "${own[@]}")
  while IFS= read -r line; do
    problem "$line  <- a path of one machine; use one relative to the repository"
  done < <(grep -InE '(^|[^[:alnum:]_.}-])/(work|tmp|home|root|Users)/' -- "${own[@]}")
}

check_spdx() {
  local file
  for file in "${files[@]}"; do
    [[ $file == *.cpp || $file == *.hpp || $file == *.[ch] || -x $file ]] || continue
    [[ $file != traces/corpus/* ]] || continue
    grep -qI 'SPDX-License-Identifier: BSD-2-Clause' <(head -n 2 -- "$file") ||
      problem "$file:1: no licence; start it (after a #! line) with: SPDX-License-Identifier: BSD-2-Clause"
  done
}

check_length() {
  local file lines
  for file in "${sources[@]}"; do
    lines=$(wc -l <"$file")
    ((lines <= 600)) || problem "$file:601: has $lines lines, the limit is 600; split it at its second purpose"
  done
}

check_manuals() {
  command -v mandoc >/dev/null || skip "mandoc is not installed"
  local file
  for file in "${files[@]}"; do
    [[ $file == *.[157] ]] || continue
    mandoc -T lint -W warning "$file" || problem "$file:1: mandoc's warnings are above; correct the page"
  done
}

# A .cpp that no CMakeLists.txt between it and the root names is not compiled, and a test in it is never run.
check_orphans() {
  local file dir stem
  for file in "${sources[@]}"; do
    [[ $file == *.cpp ]] || continue
    dir=${file%/*} stem=${file##*/}
    stem=${stem%.cpp}
    while :; do
      if [[ -f $dir/CMakeLists.txt ]] && grep -qwE "$stem|\*\.cpp" "$dir/CMakeLists.txt"; then continue 2; fi
      [[ $dir == */* ]] || break
      dir=${dir%/*}
    done
    problem "$file:1: in no CMakeLists.txt; add it to the one beside it, or delete it"
  done
}

case ${1:-} in
  format | words | spdx | length | manuals | orphans) "check_$1" ;;
  *)
    echo "usage: style.sh format|words|spdx|length|manuals|orphans" >&2
    exit 2
    ;;
esac
exit $bad
