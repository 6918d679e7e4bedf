#!/usr/bin/env python3
"""Runs Surety over folders of VNN-COMP instances and prints one line per set: solved, median, contradictions.

usage: verification.py DATA --out RESULTS [--sets a,b,c] [--timeout 60] [--program .build/release/surety]
                       [--semantics real] [--rounding safe] [--proofs] [--check] [--limit N]

DATA holds one folder per set with an instances.csv (onnx,vnnlib,timeout[,expected[,confidence]]). Each set runs in one
process into RESULTS/SET; a finished set is resumed, not repeated. With --check, `surety check` replays all proofs, and
the line says how long it took. RESULTS/summary.json collects everything, machine included.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--sets")
    parser.add_argument("--timeout", default="60")
    parser.add_argument("--program", default=".build/release/surety")
    parser.add_argument("--semantics", default="real")
    parser.add_argument("--proofs", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounding", default="safe", help="ignore: only to measure what rounding safety costs")
    parser.add_argument("--limit")
    options = parser.parse_args()
    names = options.sets.split(",") if options.sets else sorted(
        name for name in os.listdir(options.data)
        if os.path.exists(os.path.join(options.data, name, "instances.csv")))
    results = {
        "machine": {"processor": processor(), "cores": len(os.sched_getaffinity(0))},
        "timeout": float(options.timeout), "semantics": options.semantics,
        "rounding": options.rounding, "sets": {},
    }
    print(f"{'set':32} {'solved':>9} {'unsat':>5} {'sat':>4} {'median s':>9} {'largest':>8} {'total s':>8}  wrong")
    for name in names:
        folder = os.path.join(options.out, name)
        command = [
            options.program, "verify", "--instances", os.path.join(options.data, name, "instances.csv"),
            "--out", folder, "--timeout", options.timeout, "--semantics", options.semantics, "--rounding", options.rounding,
            "--quiet"]
        if options.proofs:
            command.append("--proofs")
        if options.limit:
            command += ["--limit", options.limit]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        path = os.path.join(folder, "summary.json")
        if done.returncode not in (0, 1) or not os.path.exists(path):
            print(f"{name:32} failed with exit code {done.returncode}")
            continue
        with open(path) as file:
            summary = json.load(file)
        line = (
            f"{name:32} {summary['unsat'] + summary['sat']:>4}/{summary['instances']:<4} {summary['unsat']:>5} "
            f"{summary['sat']:>4} {summary['medianSeconds']:>9.3f} {summary['largestSeconds']:>8.2f} "
            f"{summary['totalSeconds']:>8.1f}  {len(summary['contradictions'])}")
        if options.check:
            start = time.monotonic()
            checked = subprocess.run([options.program, "check", folder, "--quiet"], capture_output=True, text=True)
            summary["checkSeconds"] = time.monotonic() - start
            summary["checkAccepted"] = checked.returncode == 0
            line += f"  check {summary['checkSeconds']:.1f} s {'accepted' if checked.returncode == 0 else 'REJECTED'}"
        print(line)
        sys.stdout.flush()
        results["sets"][name] = summary
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "summary.json"), "w") as file:
        json.dump(results, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
