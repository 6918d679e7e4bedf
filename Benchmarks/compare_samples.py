#!/usr/bin/env python3
"""Feeds what `surety smooth sample` wrote to ONNX Runtime and compares classes and logits.

Another runtime that eats the same noisy inputs must answer the same classes, except where two logits are as near as the
rounding of another implementation (1e-4 of the largest).

  surety smooth sample --model M.onnx --data D --sigma 0.25 --samples '0..<64' --limit 4 --out noisy
  Benchmarks/compare_samples.py M.onnx noisy

Needs numpy and onnxruntime. Exit code 0: all classes agree or are explained; 1: some disagree.
"""
import glob
import os
import sys

import numpy
import onnxruntime


def main():
    model, folder = sys.argv[1:3]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    fixed = entry.shape[0] == 1
    samples = same = explained = 0
    worst = 0.0
    for path in sorted(glob.glob(os.path.join(folder, "input-*.npy"))):
        inputs = numpy.load(path)
        ours = numpy.load(path.replace("input-", "logits-"))
        pieces = [inputs[i : i + 1] for i in range(len(inputs))] if fixed else [inputs]
        theirs = numpy.concatenate([session.run(None, {entry.name: p})[0].reshape(len(p), -1) for p in pieces])
        scale = numpy.abs(theirs).max(axis=1)
        worst = max(worst, float((numpy.abs(ours - theirs).max(axis=1) / scale).max()))
        for a, b, s in zip(ours, theirs, scale):
            samples += 1
            first, second = int(a.argmax()), int(b.argmax())
            if first == second:
                same += 1
            elif abs(b[first] - b[second]) < 1e-4 * s:
                explained += 1
    print(f"{samples} samples: {same} classes agree, {explained} explained by rounding, "
          f"{samples - same - explained} disagree; largest logit difference {worst:.2e} of the largest logit")
    return 0 if samples and same + explained == samples else 1


if __name__ == "__main__":
    sys.exit(main())
