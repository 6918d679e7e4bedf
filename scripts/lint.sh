#!/usr/bin/env bash
# The checks that need no build: formatting, and the rules of the house that a formatter does not know. Prints every
# violation with file and line; ends with 1 if there was one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

failures=0
complain() { # TITLE < <(COMMAND that prints the offending lines); no line, no complaint. Not in a pipeline: it counts.
  local lines
  lines=$(cat)
  [ -z "$lines" ] && return
  printf '%s\n%s\n\n' "$1" "$lines" >&2
  failures=$((failures + 1))
}

# Files as they are in the working tree: tracked ones and new ones that are not ignored.
mapfile -t files < <(git ls-files --cached --others --exclude-standard | sort -u | while read -r file; do
  [ -f "$file" ] && echo "$file"
done)
if [ "${#files[@]}" -eq 0 ]; then
  echo "lint: no files found; run it in a git checkout" >&2
  exit 2
fi
only() { printf '%s\n' "${files[@]}" | grep -E "$1"; }
mapfile -t swift_files < <(only '\.swift$')
mapfile -t text_files < <(only '(\.(swift|c|h|cl|sh|py|md|json|proto|modulemap|txt)|/run|Makefile)$' | grep -v '^scripts/lint\.sh$')

complain "Formatting (make format mends most of it):" < <(
  swift format lint --strict --parallel "${swift_files[@]}" 2>&1)

complain "A path of one machine:" < <(
  grep -nE '(^|[^A-Za-z0-9_.~-])/(work|root|home|Users)/' "${text_files[@]}")

complain "Unfinished work (finish it, or say what is missing in the documentation):" < <(
  grep -nwE 'TODO|FIXME|XXX|HACK' "${text_files[@]}")

complain "Full Foundation brings ICU and 40 MB into the binary; import FoundationEssentials:" < <(
  # Generated protobuf code imports it only where FoundationEssentials does not exist.
  grep -nE '^[[:space:]]*(@[A-Za-z_]+ +)*((public|package|internal|private) +)?import +(struct +|class +|func +)?Foundation($|[^A-Za-z])' \
    "${swift_files[@]}" | grep -v '\.pb\.swift:')

complain "String(format:) needs full Foundation; use our own formatting:" < <(
  grep -nE 'String\(format:' "${swift_files[@]}")

complain "Package versions are pinned with exact: (Package.resolved is not committed):" < <(
  grep -nE '\.package\(url' Package.swift | grep -v 'exact:')

complain "unsafeFlags keeps others from depending on this package:" < <(
  grep -nE 'unsafeFlags' Package.swift)

complain "Kernels that are not embedded (#embed in the C file of Kernels/):" < <(
  only '^Kernels/.*\.cl$' | while read -r kernel; do
    grep -qrF "#embed \"${kernel#Kernels/}\"" Kernels --include='*.c' --include='*.h' || echo "$kernel"
  done)

complain "Shell scripts:" < <(
  only '(\.sh|^\.ci/run)$' | while read -r script; do
    bash -n "$script" 2>&1
    [ -x "$script" ] || echo "$script: not executable"
  done)

complain "The comparison of benchmark results does not pass its own check:" < <(
  ! command -v python3 > /dev/null || python3 Benchmarks/compare_results.py --self-check 2>&1 | grep -v ": self-check passed$")

if [ "$failures" -ne 0 ]; then
  echo "lint: $failures kinds of violation" >&2
  exit 1
fi
echo "lint: ${#files[@]} files, no violation"
