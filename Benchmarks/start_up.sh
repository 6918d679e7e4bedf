#!/usr/bin/env bash
# Wall-clock time of short commands, each a new process: medians of 20 runs, in milliseconds.
#   surety --help                                                       limit  30 ms
#   surety smooth predict on an MNIST model, --n 100 --limit 1          limit 300 ms
#
#   Benchmarks/start_up.sh [PROGRAM]       default: .build/release/surety
# Ends with 1 when a median is over its limit. The MNIST model is the demo's; the digit is written here.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${1:-.build/release/surety}
[ -x "$program" ] || { echo "There is no program $program: run  make build  first." >&2; exit 2; }
exec python3 - "$program" << 'PYTHON'
import os, shutil, statistics, struct, subprocess, sys, tempfile, time

program, runs = os.path.abspath(sys.argv[1]), 20
folder = tempfile.mkdtemp()


def npy(path, array_bytes, shape):
    """Writes unsigned bytes as a .npy file, version 1.0."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }" % (shape,)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + array_bytes)


def median_milliseconds(command):
    times = []
    for run in range(runs + 2):  # two warm-ups: file cache
        start = time.perf_counter()
        result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        elapsed = 1000 * (time.perf_counter() - start)
        if result.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(command)} ended with {result.returncode}: {result.stderr.strip()}")
        times.append(elapsed)
    return statistics.median(times[2:]), min(times[2:]), max(times[2:])


try:
    with open("Sources/DemoAssets/digits.bin", "rb") as file:
        count, height, width = struct.unpack("<III", file.read(12))
        pixels = file.read(1 + height * width)[1:]
    npy(os.path.join(folder, "digit.npy"), pixels, (1, height, width))
    predict = [program, "smooth", "predict", "--model", os.path.abspath("Sources/DemoAssets/demo.onnx"), "--data",
               "digit.npy", "--preprocess", "unit", "--sigma", "0.25", "--n", "100", "--limit", "1", "--device", "cpu"]
    slow = 0
    for name, command, limit in (("surety --help", [program, "--help"], 30),
                                 ("surety smooth predict --n 100 --limit 1", predict, 300)):
        median, least, most = median_milliseconds(command)
        slow += median > limit
        print(f"{name:42} {median:7.1f} ms  ({least:.1f} to {most:.1f}; limit {limit})"
              + ("  TOO SLOW" if median > limit else ""))
finally:
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(1 if slow else 0)
PYTHON
