#!/usr/bin/env bash
# Compiles every tile of the kernels for NVIDIA devices as NVIDIA's OpenCL compiler does, on a machine without such a
# device: clang (PoCL's Debian package brings it) is the front end, NVIDIA's own libnvvm optimises and ptxas assembles.
# Fails on errors and on spilled registers. libnvvm and ptxas come with the CUDA toolkit, or with the wheel
# nvidia-cuda-nvcc-cu12 of PyPI (40 MB, not installed by us).
#
#   scripts/check-ptx.sh [FOLDER]     FOLDER: where ptxas or an unpacked wheel lies, if not where python3 finds it
#
# Ends with 77 where a tool is missing. The default tests contain the same check, and skip it without ptxas on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

find_assembler() {
  command -v ptxas && return
  local folder
  for folder in "${1:-}" "${CUDA_HOME:-/usr/local/cuda}/bin" \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))' 2> /dev/null)/nvidia"; do
    [ -n "$folder" ] && [ -d "$folder" ] || continue
    find "$folder" -name ptxas -type f -perm -u+x -print -quit | grep . && return
  done
  return 1
}

if ! assembler=$(find_assembler "${1:-}"); then
  echo "check-ptx: skipped, there is no ptxas (for example: pip install nvidia-cuda-nvcc-cu12)" >&2
  exit 77
fi
if [ -z "${SURETY_CLANG:-}" ] && ! command -v clang-15 > /dev/null; then
  echo "check-ptx: skipped, there is no clang for nvptx64 (for example: apt-get install clang-15)" >&2
  exit 77
fi
export SURETY_PTXAS=$assembler
if [ ! -e "$(dirname "$assembler")/../nvvm/lib64/libnvvm.so" ]; then
  echo "check-ptx: skipped, there is no nvvm/lib64/libnvvm.so beside the folder of $assembler" >&2
  exit 77
fi
swift test -c release --disable-testable-imports --disable-xctest --filter PTXTests
