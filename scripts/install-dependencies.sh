#!/usr/bin/env bash
# Installs the Debian packages of Sources/apt-packages.txt that are missing. Nothing missing: says nothing, asks nothing.
#
#   scripts/install-dependencies.sh [GROUP...]     groups of the list; default: build
#
# As root it calls apt-get; otherwise it prints the commands and runs them with sudo, which may ask for a password.
# The package lists are updated once, because a fresh machine has none or stale ones.
set -euo pipefail
cd "$(dirname "$0")/.."

list=Sources/apt-packages.txt
groups=" ${*:-build} "

wanted=()
while read -r name group _; do
  case "$name" in '' | '#'*) continue ;; esac
  [[ "$groups" == *" $group "* ]] && wanted+=("$name")
done < "$list"
if [ "${#wanted[@]}" -eq 0 ]; then
  echo "No package of $list is in the group(s)$groups; the groups are in the second column." >&2
  exit 2
fi

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  echo "This is not a Debian system: install what these Debian packages hold, if it is not there already:" >&2
  echo "  ${wanted[*]}" >&2
  exit 0
fi

missing=()
for name in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null || true)
  [ "$status" = installed ] || missing+=("$name")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

elevate=()
if [ "$(id -u)" -ne 0 ]; then
  echo "Missing Debian packages: ${missing[*]}"
  if ! command -v sudo > /dev/null; then
    echo "Run this as root, then try again:  apt-get update && apt-get install ${missing[*]}" >&2
    exit 1
  fi
  elevate=(sudo)
  echo "Running:  sudo apt-get update"
  echo "          sudo apt-get install --yes --no-install-recommends ${missing[*]}"
else
  echo "Installing Debian packages: ${missing[*]}"
fi

# A list that cannot be fetched is no reason to stop: the one that is there may do.
"${elevate[@]}" apt-get update -qq || echo "apt-get update failed; trying with the package lists that are there." >&2
"${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --no-install-recommends -qq -o Dpkg::Use-Pty=0 "${missing[@]}"
