#!/bin/sh
# VNN-COMP calling convention: prepare_instance.sh v1 CATEGORY ONNX VNNLIB
# Nothing is converted and nothing tuned; only what run_instance.sh will need is looked at.
set -eu
[ "${1:-}" = v1 ] || { echo "usage: $0 v1 CATEGORY ONNX VNNLIB" >&2; exit 1; }
for file in "$3" "$4"; do
  [ -r "$file" ] || [ -r "$file.gz" ] || { echo "cannot read $file" >&2; exit 1; }
done
