#!/usr/bin/env python3
"""What the error terms cost: bound passes per second with and without them, on properties of several networks.

usage: rounding_cost.py DATA --out RESULT.json [--rounds 3] [--seconds 2] [--program .build/release/surety]

Each round goes over all properties; within one, `surety bench bounds` lets turns with (safe) and without (ignore) error
terms alternate and gives the median of five each. The cost is time with over time without, less 1; a network's is the
median over its properties and rounds. Every single rate is kept in the result.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess

PROPERTIES = {
    "sri_resnet_a": ["cifar10_spec_idx_1551_eps_0.00198", "cifar10_spec_idx_2219_eps_0.00350",
                     "cifar10_spec_idx_1864_eps_0.00350"],
    "mnist_fc": ["prop_2_0.05", "prop_13_0.05", "prop_6_0.03"],
    "oval21": ["cifar_base_kw-img9410-eps0.043137254901960784"],
    "acasxu_2023": ["prop_3"],
}


def instances(data):
    for name, wanted in PROPERTIES.items():
        folder = os.path.join(data, name)
        with open(os.path.join(folder, "instances.csv")) as lines:
            rows = [line.strip().split(",") for line in lines]
        for text in wanted:
            # The largest network that has the property comes last.
            row = [row for row in rows if f"/{text}." in row[1]][-1]
            yield name, os.path.join(folder, row[0]), os.path.join(folder, row[1])


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", default="2")
    parser.add_argument("--program", default=".build/release/surety")
    options = parser.parse_args()
    runs, costs = [], {}
    for turn in range(options.rounds):
        for name, model, specification in instances(options.data):
            done = subprocess.run(
                [options.program, "bench", "bounds", model, specification, "--seconds", options.seconds, "--json"],
                capture_output=True, text=True, check=True)
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            for row in rows:
                runs.append({"round": turn, "set": name, "property": os.path.basename(specification), **row})
                if "roundingCost" in row:
                    costs.setdefault(f"{name}, {row['path']}", []).append(row["roundingCost"])
                    print(f"{turn} {name:14} {os.path.basename(specification):52} {row['path']:24} "
                          f"{row['boundsPerSecond']:>12,.0f}/s {100 * row['roundingCost']:>6.1f} %", flush=True)
    summary = {
        path: {"medianCost": statistics.median(found), "least": min(found), "greatest": max(found)}
        for path, found in costs.items()}
    for path, found in summary.items():
        print(f"{path:44} median {100 * found['medianCost']:5.1f} %, {100 * found['least']:.1f} to {100 * found['greatest']:.1f} %")
    with open(options.out, "w") as file:
        json.dump({"machine": {"processor": processor(), "cores": len(os.sched_getaffinity(0))},
                   "secondsPerPath": float(options.seconds), "costs": summary, "runs": runs}, file, indent=1)


if __name__ == "__main__":
    main()
