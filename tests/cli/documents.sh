#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The examples in the documents: each block that starts with a "$ ./dev run" line is run and must print just what the
# document shows (stdout and stderr), and every file that a document links to exists.
. "$(dirname -- "$0")/lib.sh"
cd -- "$root" || exit 1
examples=0

check_block() {  # check_block FILE COMMAND EXPECTED
  local command=${2#'$ ./dev run '} got
  # shellcheck disable=SC2086  # the documents' commands are plain words
  got=$("$proctor" $command 2>&1)
  examples=$((examples + 1))
  if [[ $got != "$3" ]]; then
    fail "$1: $2: prints something else:"
    diff <(echo "$3") <(echo "$got")
  fi
}

documents=(README.md ARCHITECTURE.md)
for document in "${documents[@]}"; do
  command='' expected=''
  while IFS= read -r line; do
    if [[ $line == '$ ./dev run '* || ($line == '```' && -n $command) ]]; then
      [[ -z $command ]] || check_block "$document" "$command" "${expected%$'\n'}"
      command='' expected=''
      [[ $line == '```' ]] || command=$line
    elif [[ -n $command ]]; then
      expected+=$line$'\n'
    fi
  done <"$document"
done
((examples >= 3)) || fail "only $examples examples were found in ${documents[*]}"

for document in "${documents[@]}" CONTRIBUTING.md SECURITY.md traces/corpus/PROVENANCE.md traces/mutants/README.md; do
  while IFS= read -r link; do
    [[ $link == http* || -e $(dirname -- "$document")/$link ]] || fail "$document links to $link, which does not exist"
  done < <(grep -oE '\]\([^)#]+\)' "$document" | sed 's/^](//; s/)$//')
done
finish
