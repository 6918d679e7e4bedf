#!/usr/bin/env bash
# Ends with an error and a sentence unless Swift 6.3 or later is on the PATH.
set -euo pipefail

hint="Surety needs Swift 6.3 or later: install it from https://www.swift.org/install/linux/ and put it on the PATH."
if ! command -v swift > /dev/null; then
  echo "No 'swift' was found. $hint" >&2
  exit 2
fi
version=$(swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
major=${version%%.*}
minor=${version#*.}
if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 3 ]; }; then
  echo "The 'swift' that was found is version ${version:-unknown}. $hint" >&2
  exit 2
fi
