#!/usr/bin/env python3
"""How surety scales, on this machine: one page with plots, and the raw numbers.

Throughput of noisy samples against batch, threads, image size and depth; the passes of a certificate against n; the
time of a bound against layers; the time of a search against its subproblems. Networks and properties are generated
(random weights, fixed seed): residual chains of 3x3 convolutions with 32 channels, and fully connected ReLU networks.
Every number is one that the program prints with --json.

Raw numbers go to Benchmarks/results/DATE-scaling.json, the page beside it. A part that was measured before stays there
when others are measured, so that a long run can be cut into pieces; --draw makes the page alone from a file.

Example:  Benchmarks/scaling.py
          Benchmarks/scaling.py --parts batch,threads --seconds 2
          Benchmarks/scaling.py --draw Benchmarks/results/2026-11-28-scaling.json
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys

from cpu_throughput import CACHE, HERE, ROOT, machine, prepare, say
from scaling_page import page

SIZES = (16, 32, 64, 128, 224)
DEPTHS = (2, 4, 8, 16, 32)
LAYERS = (2, 4, 6, 8, 10)
# How far below the least output that was found a property's threshold lies, in parts of the outputs' spread: the closer,
# the more subproblems a proof takes.
GAPS = (0.4, 0.2, 0.1, 0.05, 0.025, 0.0125)
SMALL = (5, 30, 4, 0.4)      # inputs, neurons of a layer, layers, radius of the region: splits of the input box
LARGE = (20, 30, 3, 0.1)     # splits of ReLUs


# --- Networks and properties, written by the virtual environment's python ---------------------------------------------

GENERATE = """
import json, sys
import numpy as np, onnx
from onnx import helper, numpy_helper, TensorProto

request = json.loads(sys.argv[1])
random = np.random.default_rng(1)
nodes, tensors = [], []

def constant(name, array):
    tensors.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
    return name

def node(kind, inputs, output, **attributes):
    nodes.append(helper.make_node(kind, inputs, [output], **attributes))
    return output

def save(shape, classes):
    graph = helper.make_graph(nodes, "scaling", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], classes])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, request["out"] + ".onnx")

def convolutions(size, depth, channels=32):
    x, width = "x", 3
    for layer in range(depth):
        weight = random.standard_normal((channels, width, 3, 3)) * np.sqrt(2 / (9 * width)) * (0.5 if layer else 1)
        bias = 0.01 * random.standard_normal(channels)
        y = node("Conv", [x, constant(f"w{layer}", weight), constant(f"b{layer}", bias)], f"conv{layer}",
                 kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        if layer:
            y = node("Add", [y, x], f"add{layer}")
        x, width = node("Relu", [y], f"relu{layer}"), channels
    x = node("Flatten", [node("GlobalAveragePool", [x], "pool")], "flat")
    node("Gemm", [x, constant("w", random.standard_normal((10, channels))), constant("b", np.zeros(10))], "y", transB=1)
    save(["N", 3, size, size], 10)

def dense(inputs, neurons, layers, radius, gaps):
    sizes = [inputs] + [neurons] * layers + [5]
    weights, x = [], "x"
    for layer, (m, n) in enumerate(zip(sizes, sizes[1:])):
        weight, bias = random.standard_normal((n, m)) * np.sqrt(2 / m), 0.1 * random.standard_normal(n)
        weights.append((weight.astype(np.float32), bias.astype(np.float32)))
        last = layer == len(sizes) - 2
        x = node("Gemm", [x, constant(f"w{layer}", weight), constant(f"b{layer}", bias)],
                 "y" if last else f"z{layer}", transB=1)
        if not last:
            x = node("Relu", [x], f"h{layer}")
    save([1, inputs], 5)

    def descend(points, step):
        # The outputs at some points, and the points after one step down the signs of the gradient.
        active, hidden = [], points
        for weight, bias in weights[:-1]:
            hidden = hidden @ weight.T + bias
            active.append(hidden > 0)
            hidden = np.maximum(hidden, 0)
        weight, bias = weights[-1]
        values = hidden @ weight[0] + bias[0]
        gradient = np.broadcast_to(weight[0], hidden.shape)
        for (weight, _), is_active in zip(reversed(weights[:-1]), reversed(active)):
            gradient = (gradient * is_active) @ weight
        return values, np.clip(points - step * np.sign(gradient), -radius, radius)

    # The least output in the region, nearly: descents from many points.
    points = random.uniform(-radius, radius, (4000 if inputs < 100 else 50, inputs))
    values, _ = descend(points, 0)
    least, spread = values.min(), values.max() - values.min()
    for step in range(150):
        values, points = descend(points, radius * 0.2 * 0.96 ** step)
        least = min(least, values.min())
    for gap in gaps:
        lines = [f"(declare-const X_{i} Real)" for i in range(inputs)]
        lines += [f"(declare-const Y_{i} Real)" for i in range(5)]
        lines += [f"(assert (>= X_{i} {-radius}))\\n(assert (<= X_{i} {radius}))" for i in range(inputs)]
        lines.append(f"(assert (<= Y_0 {least - gap * spread:.6f}))")
        open(f"{request['out']}-{gap}.vnnlib", "w").write("\\n".join(lines) + "\\n")

{"convolutions": convolutions, "dense": dense}[request["kind"]](*request["arguments"])
"""


class Generator:
    """Writes networks into a folder of the virtual environment."""

    def __init__(self):
        self.python = prepare(["onnxruntime"])
        self.folder = CACHE / "models" / "scaling"
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name, kind, *arguments):
        out = str(self.folder / name)
        request = {"out": out, "kind": kind, "arguments": arguments}
        subprocess.run([self.python, "-c", GENERATE, json.dumps(request)], check=True)
        return out

    def convolutions(self, size=64, depth=8):
        return self.write(f"conv-{size}x{depth}", "convolutions", size, depth) + ".onnx"

    def dense(self, inputs, neurons, layers, radius, gaps):
        """The model's path and a property's for each gap."""
        out = self.write(f"dense-{inputs}-{neurons}x{layers}", "dense", inputs, neurons, layers, radius, list(gaps))
        return out + ".onnx", [f"{out}-{gap}.vnnlib" for gap in gaps]


# --- Parts: each returns a list of rows -------------------------------------------------------------------------------

class Bench:
    def __init__(self, options):
        self.options = options
        self.generator = Generator()

    def rows(self, *arguments, codes=(0,)):
        """The JSON lines of a command."""
        done = subprocess.run([self.options.program, *map(str, arguments), "--json"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode not in codes:
            raise SystemExit(f"surety {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def smooth(self, model, *more, seconds=None, precision=None, **fields):
        found = self.rows("bench", "smooth", "--model", model, "--device", self.options.device, "--precision",
                          precision or self.options.precision, "--seconds", seconds or self.options.seconds, *more)
        for row in found:
            say(f"  {fields} {row['device']} {row['precision']}: {row['samplesPerSecond']:.1f} samples/s")
        return [{**fields, **row} for row in found]

    def batch(self):
        model = self.generator.convolutions()
        return [row for batch in (1, 2, 4, 8, 16, 32) for row in self.smooth(model, "--batch", batch)]

    def threads(self):
        model = self.generator.convolutions()
        counts = [n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n < os.cpu_count()] + [os.cpu_count()]
        return [row for threads in counts for row in self.smooth(model, "--threads", threads, threads=threads)]

    def size(self):
        return [row for size in SIZES for row in self.smooth(self.generator.convolutions(size=size), size=size)]

    def depth(self):
        return [row for depth in DEPTHS for row in self.smooth(self.generator.convolutions(depth=depth), depth=depth)]

    def passes(self):
        """Expected passes do not depend on speed, so the network is the smallest and the time short."""
        model = self.generator.convolutions(size=16, depth=2)
        return [row for n in (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)
                for row in self.smooth(model, "--n", n, seconds=0.05, precision="float32", n=n)]

    def layers(self):
        found = []
        for inputs, neurons, radius in ((5, 50, 0.05), (784, 256, 0.01)):
            for layers in LAYERS:
                model, properties = self.generator.dense(inputs, neurons, layers, radius, [0.5])
                for row in self.rows("bench", "bounds", model, properties[0], "--rounding", "safe", "--device",
                                     self.options.device, "--seconds", self.options.seconds):
                    found.append({"layers": layers, "inputs": inputs, "neurons": neurons, **row})
                    say(f"  {layers} layers of {neurons}, {row['path']}: {row['boundsPerSecond']:,.0f} bounds/s")
        return found

    def subproblems(self):
        found = []
        for inputs, neurons, layers, radius in (SMALL, LARGE):
            model, properties = self.generator.dense(inputs, neurons, layers, radius, GAPS)
            for gap, path in zip(GAPS, properties):
                # 3: the time was over; what it did until then counts as well.
                row = self.rows("verify", model, path, "--timeout", self.options.timeout, "--device", "cpu", "--quiet",
                                codes=(0, 1, 3))[0]
                found.append({"inputs": inputs, "neurons": neurons, "layers": layers, "gap": gap, **{
                    key: row.get(key) for key in ("engine", "device", "subproblems", "seconds", "timeout", "verdict")}})
                say(f"  {neurons}x{layers}, gap {gap}: {row['verdict']}, {row['subproblems']} subproblems, "
                    f"{row['seconds']['search']:.2f} s")
        return found


PARTS = ("batch", "threads", "size", "depth", "passes", "layers", "subproblems")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="devices, separated by commas (default: %(default)s)")
    parser.add_argument("--precision", default="float32,bfloat16",
                        help="(default: %(default)s; what is missing is left out)")
    parser.add_argument("--seconds", type=float, default=0.6, help="time of one measurement (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=8, help="seconds of one search (default: %(default)s)")
    parser.add_argument("--program", default=str(ROOT / ".build" / "release" / "surety"))
    parser.add_argument("--out", help="the JSON file (default: Benchmarks/results/DATE-scaling.json)")
    parser.add_argument("--draw", metavar="FILE", help="measure nothing; make the page from this JSON file")
    options = parser.parse_args()
    parts = options.parts.split(",")
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose of {', '.join(PARTS)}")

    now = datetime.datetime.now(datetime.timezone.utc)
    output = pathlib.Path(options.draw or options.out or HERE / "results" / f"{now.date()}-scaling.json")
    record = json.loads(output.read_text()) if output.exists() else {"parts": {}}
    if not options.draw:
        if not pathlib.Path(options.program).exists():
            parser.error(f"there is no program {options.program}: run  make build  first")
        if record.get("machine", machine()) != machine():
            parser.error(f"{output} holds numbers of another machine; name another file with --out")
        bench = Bench(options)
        version = subprocess.run([options.program, "--version"], capture_output=True, text=True).stdout.strip()
        record.update(date=now.isoformat(timespec="seconds"), machine=machine(), surety=version)
        for part in parts:
            say(part)
            # What else was running: timings of a busy machine say little.
            load = round(os.getloadavg()[0], 1)
            record["parts"][part] = {"load": load, "seconds": options.seconds, "rows": getattr(bench, part)()}
            # Written after every part: an interruption loses one.
            output.write_text(json.dumps(record, indent=1) + "\n")
    html = output.with_suffix(".html")
    html.write_text(page(record))
    say(f"{output}\n{html}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
