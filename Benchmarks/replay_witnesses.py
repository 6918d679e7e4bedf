#!/usr/bin/env python3
"""Replays the witnesses of verification runs in ONNX Runtime, an implementation that shares nothing with Surety.

usage: replay_witnesses.py RESULTS DATA [--tolerance 1e-4]

RESULTS is what Benchmarks/verification.py wrote (one run per set) for the sets in DATA. Every `sat` of every run is read
from its witness file. The inputs must satisfy the property's input constraints exactly, as rational numbers; ONNX
Runtime then evaluates the model on them in float32, and its outputs must satisfy the output constraints, either as they
are or, where the true value lies within float32's error of a limit, to within the tolerance (VNN-COMP's rule).

Exit code 0: all replay; 1: some do not; 2: nothing to replay. Needs the Python packages numpy and onnxruntime.
"""

import argparse
import gzip
import json
import os
import sys
from fractions import Fraction

import numpy
import onnxruntime


def text_of(path):
    """A file's bytes, unpacked where it is compressed."""
    with open(path, "rb") as file:
        data = file.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def expressions(text):
    """The s-expressions of a text as nested lists of strings."""
    lines = (line.split(";", 1)[0] for line in text.decode().splitlines())
    tokens = " ".join(lines).replace("(", " ( ").replace(")", " ) ").split()
    stack = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1:
        raise ValueError("unbalanced parentheses")
    return stack[0]


def variables(term):
    """The first letters of the variables that an expression names."""
    if isinstance(term, str):
        return {term[0]} if term[:2] in ("X_", "Y_") else set()
    return set().union(*(variables(part) for part in term[1:])) if term else set()


def value(term, point):
    if isinstance(term, str):
        return point[term] if term in point else Fraction(term)
    operands = [value(part, point) for part in term[1:]]
    if term[0] == "+":
        return sum(operands)
    if term[0] == "-":
        return -operands[0] if len(operands) == 1 else operands[0] - sum(operands[1:])
    if term[0] == "*":
        product = Fraction(1)
        for operand in operands:
            product *= operand
        return product
    raise ValueError(f"an unknown operation: {term[0]}")


def holds(formula, point, tolerance):
    """Whether a formula holds; constraints about outputs may miss by the tolerance."""
    name, operands = formula[0], formula[1:]
    if name == "and":
        return all(holds(part, point, tolerance) for part in operands)
    if name == "or":
        return any(holds(part, point, tolerance) for part in operands)
    left, right = (value(part, point) for part in operands)
    slack = tolerance if "Y" in variables(formula) else 0
    if name in (">=", ">"):
        left, right = right, left
    if name in ("<", ">") and slack == 0:
        return left < right
    return left <= right + slack


def replay(model, asserts, witness):
    """Exact, within the tolerance, or why not: a function of the tolerance."""
    inputs = {}
    for name, number in witness:
        if name.startswith("X_"):
            inputs[int(name[2:])] = Fraction(number)
    flat = [inputs[index] for index in range(len(inputs))]
    point = {f"X_{index}": number for index, number in enumerate(flat)}
    feeds = {}
    start = 0
    for description in model.get_inputs():
        shape = [size if isinstance(size, int) and size > 0 else 1 for size in description.shape]
        count = int(numpy.prod(shape)) if shape else 1
        kind = numpy.float64 if "double" in description.type else numpy.float32
        part = numpy.array([float(number) for number in flat[start:start + count]], dtype=kind)
        feeds[description.name] = part.reshape(shape)
        start += count
    if start != len(flat):
        return lambda tolerance: False
    outputs = numpy.concatenate([numpy.asarray(part).reshape(-1) for part in model.run(None, feeds)])
    if not numpy.isfinite(outputs).all():
        return lambda tolerance: False
    for index, number in enumerate(outputs):
        point[f"Y_{index}"] = Fraction(float(number))
    return lambda tolerance: all(holds(formula, point, tolerance) for formula in asserts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    parser.add_argument("data")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    total = failed = 0
    print(f"{'set':32} {'sat':>5} {'exactly':>8} {'tolerance':>10} {'failed':>7}")
    for name in sorted(os.listdir(options.results)):
        records = os.path.join(options.results, name, "certificates.jsonl")
        if not os.path.exists(records):
            continue
        counts = {"exactly": 0, "tolerance": 0, "failed": 0}
        models = {}
        with open(records) as lines:
            for line in lines:
                record = json.loads(line)["record"]
                if record["verdict"] != "sat":
                    continue
                path = record["model"]
                if path not in models:
                    settings = onnxruntime.SessionOptions()
                    settings.log_severity_level = 4
                    models[path] = onnxruntime.InferenceSession(
                        text_of(os.path.join(options.data, name, path)), settings, providers=["CPUExecutionProvider"])
                formulas = expressions(text_of(os.path.join(options.data, name, record["property"])))
                asserts = [formula[1] for formula in formulas if formula[0] == "assert"]
                words = expressions(text_of(os.path.join(options.results, name, record["witness"])))
                check = replay(models[path], asserts, words[1])
                if check(0):
                    counts["exactly"] += 1
                elif check(Fraction(options.tolerance)):
                    counts["tolerance"] += 1
                else:
                    counts["failed"] += 1
                    print(f"  {name}: instance {record['index']} ({path}, {record['property']}) does not replay")
        found = sum(counts.values())
        if found:
            print(f"{name:32} {found:>5} {counts['exactly']:>8} {counts['tolerance']:>10} {counts['failed']:>7}")
        total += found
        failed += counts["failed"]
    if total == 0:
        print("There is no sat verdict with a witness in these results.", file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
