#!/bin/sh
# VNN-COMP calling convention: install_tool.sh v1
# Builds the program; afterwards run_instance.sh finds it in .build-static/release or .build/release.
set -eu
[ "${1:-v1}" = v1 ] || { echo "Surety follows version v1 of the calling convention, not $1." >&2; exit 1; }
cd "$(dirname "$0")/../.."
scripts/install-dependencies.sh
swift build -c release --product surety
