#!/usr/bin/env python3
"""How far runs of `surety verify` go beyond --timeout and --memory, on the hardest instances of VNN-COMP sets.

usage: limits.py DATA [--sets a,b,c] [--timeouts 1,2,3,5] [--memory 1G] [--candidates 3] [--instance SET=SUBSTRING ...]
                      [--program .build/release/surety] [--device cpu] [--out RESULTS.json]

For each set, candidates are tried with the longest timeout until one runs into it: rows of the largest network first,
from the list's end, or those that --instance names. It then runs with the other timeouts. Wall time counts from before
the process starts until it is gone, peak memory is the kernel's ru_maxrss.
"""
import argparse
import json
import os
import subprocess
import time

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def measure(program, folder, row, timeout, memory, device, proof):
    command = [program, "verify", os.path.join(folder, row[0]), os.path.join(folder, row[1]), "--quiet",
               "--timeout", str(timeout), "--device", device]
    if memory:
        command += ["--memory", memory]
    if proof:
        command += ["--proof", "/tmp/limits.proof"]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    verdict = process.stdout.read().split("\n", 1)[0]
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    return {"network": row[0], "property": row[1], "timeout": timeout, "verdict": verdict or f"status {status}",
            "seconds": round(wall, 3), "over": round(wall - timeout, 3), "peakMB": usage.ru_maxrss // 1024}


def candidates(folder, wanted):
    with open(os.path.join(folder, "instances.csv")) as lines:
        rows = [line.strip().split(",") for line in lines if line.strip()]
    rows = [row for row in rows if row[0] != "onnx"]
    if wanted:
        return [row for row in rows if wanted in row[0] + " " + row[1]]
    order = sorted(range(len(rows)), key=lambda i: (os.path.getsize(os.path.join(folder, rows[i][0])), i), reverse=True)
    return [rows[i] for i in order]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--sets")
    parser.add_argument("--timeouts", default="1,2,3,5")
    parser.add_argument("--memory")
    parser.add_argument("--candidates", type=int, default=3)
    parser.add_argument("--instance", action="append", default=[])
    parser.add_argument("--program", default=".build/release/surety")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--proof", action="store_true", help="keep a proof, too")
    parser.add_argument("--out")
    options = parser.parse_args()
    timeouts = sorted((float(t) for t in options.timeouts.split(",")), reverse=True)
    wanted = dict(item.split("=", 1) for item in options.instance)
    names = options.sets.split(",") if options.sets else sorted(
        name for name in os.listdir(options.data) if os.path.exists(os.path.join(options.data, name, "instances.csv")))
    runs = []
    for name in names:
        folder = os.path.join(options.data, name)
        for row in candidates(folder, wanted.get(name))[:options.candidates]:
            run = measure(options.program, folder, row, timeouts[0], options.memory, options.device, options.proof)
            if run["verdict"] == "timeout" or run["over"] > -0.5:
                break
        of_set = [run] + [
            measure(options.program, folder, row, timeout, options.memory, options.device, options.proof)
            for timeout in timeouts[1:]]
        for run in of_set:
            run["set"] = name
            print(f"{name:32} {run['timeout']:>5} s  {run['verdict']:8} {run['seconds']:>7.3f} s "
                  f"{run['over']:>+7.3f} s {run['peakMB']:>6} MB  {os.path.basename(run['property'])}", flush=True)
        runs += of_set
    late = [run for run in runs if run["over"] > 0.2]
    print(f"{len(runs)} runs, {len(late)} more than 0.2 s late; the latest {max(run['over'] for run in runs):+.3f} s")
    if options.memory:
        limit = float(options.memory.rstrip("KMGB")) * UNITS.get(options.memory.rstrip("B")[-1:], 1) / (1 << 20)
        over = [run for run in runs if run["peakMB"] > limit]
        print(f"{len(over)} above {options.memory}; the most {max(run['peakMB'] for run in runs)} MB")
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"memory": options.memory, "device": options.device, "runs": runs}, file, indent=1)


if __name__ == "__main__":
    main()
