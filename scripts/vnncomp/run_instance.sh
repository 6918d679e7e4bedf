#!/bin/sh
# VNN-COMP calling convention: run_instance.sh v1 CATEGORY ONNX VNNLIB RESULTS_FILE TIMEOUT
# Writes the verdict, and after sat the counterexample, to the results file.
set -eu
[ "${1:-}" = v1 ] && [ $# -ge 6 ] || { echo "usage: $0 v1 CATEGORY ONNX VNNLIB RESULTS_FILE TIMEOUT" >&2; exit 1; }
root=$(cd "$(dirname "$0")/../.." && pwd)
surety=${SURETY:-}
for candidate in "$root/surety" "$root/.build-static/release/surety" "$root/.build/release/surety"; do
  [ -n "$surety" ] || { [ -x "$candidate" ] && surety=$candidate; } || true
done
[ -n "$surety" ] || { echo "the program is not built: run install_tool.sh first" >&2; exit 1; }
onnx=$3; [ -r "$onnx" ] || onnx=$3.gz
spec=$4; [ -r "$spec" ] || spec=$4.gz
# The competition counts everything from the call on; real arithmetic together with every binary32 evaluation order is
# the strongest claim, but the standard's is about real numbers.
code=0
"$surety" verify "$onnx" "$spec" --timeout "$6" --quiet >"$5.part" || code=$?
case $code in
  0 | 1 | 3) grep -v '^;' "$5.part" >"$5" ;;
  *) echo error >"$5" ;;
esac
rm -f "$5.part"
[ $code -ne 2 ]
