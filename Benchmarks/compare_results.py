#!/usr/bin/env python3
"""Whether surety became slower beside its peers: two files of cpu_throughput.py, compared by ratios.

usage: compare_results.py OLD.json NEW.json [--peer "onnxruntime float32"] [--least 0.85]
       compare_results.py --self-check

Seconds of two days do not compare, because machines and their neighbours differ; within one file surety and the peer
took turns on one machine. So for every model and every runtime of surety in both files, the ratio of its rate to the
peer's is compared: the median over the rounds, each of which has both within a minute. Exit status 1 where a ratio fell
by more than 15 per cent, 2 where the files have nothing in common.

Files of different processors are compared as well, with a warning: instruction sets favour one side or the other.
"""
import argparse
import json
import statistics
import sys

PEER = "onnxruntime float32"


def ratios(record, peer):
    """The median over the rounds of our rate over the peer's: {(model, runtime): ratio}, where both were measured."""
    found = {}
    for result in record["results"]:
        rates = result["samplesPerSecond"]
        for label, measured in rates.items():
            # A runtime that gave up has the rounds before; lists begin with the same round.
            pairs = list(zip(measured, rates.get(peer, [])))
            if label.startswith("surety ") and pairs:
                found[result["model"], label] = statistics.median(ours / theirs for ours, theirs in pairs)
    return found


def compare(old, new, peer, least):
    """Rows (model, runtime, old ratio, new ratio, new over old, is a regression) of what both files have."""
    before, after = ratios(old, peer), ratios(new, peer)
    rows = []
    for key in before:
        if key in after:
            change = after[key] / before[key]
            rows.append((*key, before[key], after[key], change, change < least))
    return rows


def self_check():
    """The comparison on files small enough to work out by hand."""
    def record(surety, peer):
        rates = {"surety cpu float32": surety, PEER: peer, "other": [9]}
        return {"results": [{"model": "m", "samplesPerSecond": rates}]}

    old = record([10, 40, 20, 8], [10, 10, 10])  # ratios 1, 4 and 2; their median is 2
    # A machine of half the speed, the same ratio: no regression, whatever the seconds say.
    assert [row[2:] for row in compare(old, record([10], [5]), PEER, 0.85)] == [(2, 2, 1, False)]
    # The same seconds beside a faster peer: the ratio 1.6 is 80 per cent of 2.
    assert [row[3:] for row in compare(old, record([20], [12.5]), PEER, 0.85)] == [(1.6, 0.8, True)]
    # 86 per cent is within the bound, and so is any gain.
    assert not compare(old, record([17.2], [10]), PEER, 0.85)[0][5]
    assert not compare(old, record([60], [10]), PEER, 0.85)[0][5]
    # Nothing measured on one side, or no such peer, compares with nothing.
    assert compare(old, record([], [10]), PEER, 0.85) == []
    assert compare(old, record([20], []), PEER, 0.85) == []
    assert compare(old, old, "openvino float32", 0.85) == []
    print("compare_results.py: self-check passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="OLD.json NEW.json")
    parser.add_argument("--peer", default=PEER, help="the runtime that ratios are to (default: %(default)s)")
    parser.add_argument("--least", type=float, default=0.85, help="the least new ratio over old (default: %(default)s)")
    parser.add_argument("--self-check", action="store_true", help="test the comparison itself")
    options = parser.parse_args()
    if options.self_check:
        return self_check()
    if len(options.files) != 2:
        parser.error("name two files: the old one and the new one")
    records = []
    for path in options.files:
        with open(path) as file:
            records.append(json.load(file))
    processors = [record.get("machine", {}).get("processor", "unknown") for record in records]
    if processors[0] != processors[1]:
        print(f"note: {processors[0]} before, {processors[1]} now; ratios shift with the processor", file=sys.stderr)
    rows = compare(*records, options.peer, options.least)
    if not rows:
        print(f"the files share no model that surety and {options.peer} were both measured on", file=sys.stderr)
        return 2
    print(f"| {'model':22} | {'runtime':24} | old ratio | new ratio | change |\n|---|---|---|---|---|")
    for model, label, before, after, change, is_regression in rows:
        print(f"| {model:22} | {label:24} | {before:9.2f} | {after:9.2f} | {100 * (change - 1):+5.0f} % |"
              + (" slower" if is_regression else ""))
    slower = sum(row[5] for row in rows)
    print(f"\n{slower} of {len(rows)} ratios to {options.peer} fell by more than {100 * (1 - options.least):.0f} %")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
