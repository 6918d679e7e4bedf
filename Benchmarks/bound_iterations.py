#!/usr/bin/env python3
"""Bound iterations per second on this machine: surety beside the same arithmetic in PyTorch, in one run.

An iteration of one item (a part of the region and a row) is a backward pass through the network, the gradient of the
bound with respect to all slopes and split multipliers, and a step of Adam: what beta-CROWN spends its time on. PyTorch
does it twice: with automatic differentiation, as auto_LiRPA does (dense layers and transposed convolutions over a batch
of items), and with the closed-form gradient (one forward pass, nothing recorded). Neither has an error term; surety's
iterations carry theirs. Both sides split each item at 8 random neurons.

Every measurement is a process of its own and the tools take turns; PyTorch's best batch counts. The table shows medians
over the rounds. Raw numbers go to Benchmarks/results/DATE-bound-iterations.json, with the processor's name.

PyTorch is installed in Benchmarks/.venv, pinned as in cpu_throughput.py. Before it is timed, its bounds are compared
with sampled points of the region, and the closed-form gradients with the automatic ones.

Example:  Benchmarks/bound_iterations.py DATA --rounds 3
"""
import argparse
import datetime
import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from cpu_throughput import ROOT, HERE, machine, prepare, say

# Model and property of each set; the first of the list that names them.
CASES = {
    "sri_resnet_a": ("resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1.onnx.gz", "cifar10_spec_idx_1551_eps_0.00198.vnnlib.gz"),
    "cifar10_resnet": ("resnet_2b.onnx.gz", "prop_2_eps_0.008.vnnlib.gz"),
    "mnist_fc": ("mnist-net_256x4.onnx.gz", "prop_7_0.05.vnnlib.gz"),
}
SPLITS = 8
BATCHES = (64, 256, 1024)


# --- The worker: the arithmetic in PyTorch ------------------------------------------------------------------------------

class Relaxed:
    """A ReLU network of Conv, Gemm, Add, Flatten and Reshape with its bounds on a box, for batches of items."""

    def __init__(self, model_path, property_path, items):
        import numpy
        import onnx
        import torch
        from onnx import numpy_helper
        self.torch, self.items = torch, items
        graph = onnx.load_model_from_string(gzip.open(model_path).read()).graph
        weights = {t.name: torch.tensor(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        source = next(i for i in graph.input if i.name not in weights)
        shape = [d.dim_value or 1 for d in source.type.tensor_type.shape.dim]
        self.input = source.name
        self.output = graph.output[0].name
        text = gzip.open(property_path, "rt").read()
        ends = {"<=": {}, ">=": {}}
        for sign, index, value in re.findall(r"\((<=|>=) X_(\d+) ([-+.\deE]+)\)", text):
            ends[sign][int(index)] = float(value)
        box = [torch.tensor([ends[s][i] for i in range(len(ends[s]))]).reshape(shape) for s in (">=", "<=")]
        self.lower, self.upper = box
        self.nodes = []
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            inputs = [i for i in node.input if i not in weights]
            parameters = [weights[i] for i in node.input if i in weights]
            if node.op_type not in ("Conv", "Gemm", "Add", "Relu", "Flatten", "Reshape"):
                raise SystemExit(f"{node.op_type} is not part of this comparison")
            if node.op_type == "Gemm" and not attributes.get("transB"):
                parameters[0] = parameters[0].T.contiguous()
            self.nodes.append((node.op_type, inputs, node.output[0], parameters, attributes))
        self.bound_by_intervals()
        generator = torch.Generator().manual_seed(1)
        self.parameters = {}
        for kind, inputs, name, _, _ in self.nodes:
            if kind != "Relu":
                continue
            low, high = self.low[inputs[0]], self.high[inputs[0]]
            unstable = (low < 0) & (high > 0)
            slope = torch.where(unstable, high / (high - low).clamp(min=1e-30), (low >= 0).float())
            self.parameters[name] = {
                "unstable": unstable, "upper": slope, "intercept": torch.where(unstable, -slope * low, 0.),
                "alpha": (high > -low).float().expand(items, *low.shape[1:]).contiguous(),
                "beta": torch.zeros(items, *low.shape[1:]), "sign": torch.zeros(items, *low.shape[1:])}
        names = list(self.parameters)
        for item in range(items):
            for _ in range(SPLITS):
                p = self.parameters[names[torch.randint(len(names), (1,), generator=generator)]]
                free = p["unstable"].flatten().nonzero().flatten()
                if len(free):
                    place = free[torch.randint(len(free), (1,), generator=generator)]
                    p["sign"][item].view(-1)[place] = 1. - 2 * torch.randint(2, (1,), generator=generator)
        for p in self.parameters.values():
            p["free"] = p["unstable"] & (p["sign"] == 0)
            p["fixed"] = torch.where(p["unstable"], (p["sign"] > 0).float(), p["upper"])
            p["slopes"] = torch.where(p["free"], p["upper"], p["fixed"])
            p["intercepts"] = torch.where(p["free"], p["intercept"], 0.)
        outputs = self.low[self.output].shape[1]
        self.rows = torch.zeros(items, outputs)
        label = int(re.search(r"\(>= Y_\d+ Y_(\d+)\)", text).group(1))
        for item in range(items):
            self.rows[item, label] = 1
            self.rows[item, [i for i in range(outputs) if i != label][item % (outputs - 1)]] = -1
        self.moments = {}

    def forward(self, kind, parameters, attributes, x, bias=True):
        torch = self.torch
        if kind == "Conv":
            pads = attributes.get("pads", [0, 0, 0, 0])
            return torch.nn.functional.conv2d(
                x, parameters[0], parameters[1] if bias and len(parameters) > 1 else None,
                stride=attributes.get("strides", [1, 1]), padding=pads[:2])
        if kind == "Gemm":
            y = x @ parameters[0].T
            return y + parameters[1] if bias and len(parameters) > 1 else y
        return x.flatten(1)

    def bound_by_intervals(self):
        self.low, self.high = {self.input: self.lower}, {self.input: self.upper}
        for kind, inputs, name, parameters, attributes in self.nodes:
            low, high = self.low[inputs[0]], self.high[inputs[0]]
            if kind == "Add":
                low, high = low + self.low[inputs[1]], high + self.high[inputs[1]]
            elif kind == "Relu":
                low, high = low.clamp(min=0), high.clamp(min=0)
            else:
                centre = self.forward(kind, parameters, attributes, (low + high) / 2)
                magnitude = [p.abs() for p in parameters]
                radius = self.forward(kind, magnitude, attributes, (high - low) / 2, bias=False)
                low, high = centre - radius, centre + radius
            self.low[name], self.high[name] = low, high

    def backward(self, keep=None):
        """The bounds of all items, and where the linear forms are least."""
        torch = self.torch
        held = {self.output: self.rows}
        constant = torch.zeros(self.items)
        for kind, inputs, name, parameters, attributes in reversed(self.nodes):
            a = held.pop(name)
            if kind == "Relu":
                p = self.parameters[name]
                if keep is not None:
                    keep[name] = a
                below, above = a.clamp(min=0), a.clamp(max=0)
                lines = torch.where(p["free"], p["alpha"], p["fixed"])
                constant = constant + (above * p["intercepts"]).flatten(1).sum(1)
                a = below * lines + above * p["slopes"] - p["sign"] * p["beta"]
            elif kind == "Conv":
                if len(parameters) > 1:
                    constant = constant + (a * parameters[1][:, None, None]).flatten(1).sum(1)
                stride, pads = attributes.get("strides", [1, 1]), attributes.get("pads", [0, 0, 0, 0])
                size = self.low[inputs[0]].shape[2:]
                rest = [size[i] - ((a.shape[2 + i] - 1) * stride[i] - 2 * pads[i] + parameters[0].shape[2 + i])
                        for i in (0, 1)]
                a = torch.nn.functional.conv_transpose2d(
                    a, parameters[0], stride=stride, padding=pads[:2], output_padding=rest)
            elif kind == "Gemm":
                if len(parameters) > 1:
                    constant = constant + a @ parameters[1]
                a = a @ parameters[0]
            elif kind in ("Flatten", "Reshape"):
                a = a.reshape(self.items, *self.low[inputs[0]].shape[1:])
            for source in inputs if kind == "Add" else inputs[:1]:
                held[source] = held[source] + a if source in held else a
        a = held[self.input]
        least = torch.where(a >= 0, self.lower, self.upper)
        return constant + (a * least).flatten(1).sum(1), least

    def gradients(self, keep, least):
        """Of the bounds with respect to slopes and multipliers, by one forward pass from the minimisers."""
        torch = self.torch
        values, result = {self.input: least}, {}
        for kind, inputs, name, parameters, attributes in self.nodes:
            z = values[inputs[0]]
            if kind == "Add":
                values[name] = z + values[inputs[1]]
            elif kind == "Relu":
                p, is_below = self.parameters[name], keep[name] >= 0
                result[name] = (
                    torch.where(p["free"] & is_below, keep[name] * z, 0.), -p["sign"] * z)
                lines = torch.where(p["free"], p["alpha"], p["fixed"])
                values[name] = torch.where(is_below, lines * z, p["slopes"] * z + p["intercepts"])
            else:
                values[name] = self.forward(kind, parameters, attributes, z)
        return result

    def automatic(self, step):
        torch = self.torch
        if step == 0:
            for p in self.parameters.values():
                p["alpha"].requires_grad_(True)
                p["beta"].requires_grad_(True)
            self.optimizer = torch.optim.Adam([
                {"params": [p["alpha"] for p in self.parameters.values()], "lr": 0.1},
                {"params": [p["beta"] for p in self.parameters.values()], "lr": 0.05}])
        self.optimizer.zero_grad(set_to_none=True)
        bounds, _ = self.backward()
        (-bounds.sum()).backward()
        self.optimizer.step()
        with torch.no_grad():
            for p in self.parameters.values():
                p["alpha"].clamp_(0, 1)
                p["beta"].clamp_(min=0)
        return bounds.detach()

    def closed(self, step):
        torch = self.torch
        with torch.no_grad():
            keep = {}
            bounds, least = self.backward(keep)
            for name, gradients in self.gradients(keep, least).items():
                p = self.parameters[name]
                for key, gradient, rate in zip(("alpha", "beta"), gradients, (0.1, 0.05)):
                    first, second = self.moments.setdefault(
                        (name, key), (torch.zeros_like(p[key]), torch.zeros_like(p[key])))
                    first.lerp_(gradient, 0.1)
                    second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                    scale = (second / (1 - 0.999 ** (step + 1))).sqrt_().add_(1e-8)
                    p[key].addcdiv_(first, scale, value=rate / (1 - 0.9 ** (step + 1)))
                p["alpha"].clamp_(0, 1)
                p["beta"].clamp_(min=0)
        return bounds

    def check(self):
        """No sampled point below a bound without splits; closed-form and automatic gradients agree."""
        torch = self.torch
        splits = {name: p["sign"] for name, p in self.parameters.items()}
        for p in self.parameters.values():
            p["alpha"].requires_grad_(True)
            p["beta"].requires_grad_(True)
        keep = {}
        bounds, least = self.backward(keep)
        bounds.sum().backward()
        with torch.no_grad():
            for name, (alpha, beta) in self.gradients(keep, least).items():
                p = self.parameters[name]
                for own, automatic in ((alpha, p["alpha"].grad), (beta, p["beta"].grad)):
                    size = automatic.abs().max().item()
                    assert (own - automatic).abs().max().item() <= 1e-3 * max(size, 1e-3), f"gradients of {name}"
            for p in self.parameters.values():
                p["free"] = p["unstable"].expand_as(p["sign"])
                p["fixed"], p["sign"] = p["upper"].expand_as(p["sign"]), torch.zeros_like(p["sign"])
                p["slopes"], p["intercepts"] = p["upper"], p["intercept"]
            bounds, _ = self.backward()
            values = {self.input: self.lower + torch.rand(256, *self.lower.shape[1:]) * (self.upper - self.lower)}
            for kind, inputs, name, parameters, attributes in self.nodes:
                z = values[inputs[0]]
                values[name] = z + values[inputs[1]] if kind == "Add" else z.clamp(min=0) if kind == "Relu" \
                    else self.forward(kind, parameters, attributes, z)
            found = (values[self.output] @ self.rows.T).min(0).values
            assert (bounds <= found + 1e-3 * (1 + found.abs())).all(), "a sampled point lies below its bound"
        assert any(sign.abs().sum() > 0 for sign in splits.values()), "nothing was split"


def worker(options):
    import torch
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    Relaxed(options.model, options.property, 16).check()
    best = {}
    for kind in ("automatic", "closed"):
        for batch in BATCHES:
            relaxed = Relaxed(options.model, options.property, batch)
            step = getattr(relaxed, kind)
            step(0)
            start, count = time.perf_counter(), 0
            while count < 2 or time.perf_counter() - start < options.seconds:
                count += 1
                step(count)
            rate = count * batch / (time.perf_counter() - start)
            if rate > best.get(kind, {"rate": 0})["rate"]:
                best[kind] = {"rate": rate, "batch": batch}
    print(json.dumps({"version": torch.__version__, **best}))


# --- The run ------------------------------------------------------------------------------------------------------------

def ours(options, model, property_):
    """Iterations per second of surety's gather blocks, error terms included, on each device asked for."""
    result = subprocess.run(
        [options.program, "bench", "bounds", str(model), str(property_), "--device", options.devices, "--rounding",
         "safe", "--seconds", str(options.seconds), "--threads", str(options.threads), "--json", "--quiet"],
        check=True, capture_output=True, text=True)
    rates = {}
    for line in result.stdout.splitlines():
        record = json.loads(line)
        if record.get("path", "").startswith("gather"):
            # Passes are counted; ten of eleven end with a step.
            rates[f"surety {record['device']}"] = record["boundsPerSecond"] * 10 / 11
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="the folder that holds vnncomp/")
    parser.add_argument("--sets", default=",".join(CASES))
    parser.add_argument("--devices", default="cpu", help="of surety, for example cpu,opencl")
    parser.add_argument("--program", default=str(ROOT / ".build" / "release" / "surety"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="least time of one measurement")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--property", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model:
        return worker(options)
    data = pathlib.Path(options.data or os.environ.get("SURETY_DATA", ROOT.parent / "shared" / "data"))
    python = prepare(["pytorch", "onnxruntime"])
    record = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": machine(),
        "threads": options.threads, "rounds": options.rounds, "splits": SPLITS, "results": []}
    output = HERE / "results" / f"{record['date'][:10]}-bound-iterations.json"
    print("| set | runtime | items x iterations/s | spread | surety's multiple |\n|---|---|---|---|---|")
    for name in options.sets.split(","):
        model, property_ = CASES[name]
        model = data / "vnncomp" / name / "onnx" / model
        property_ = data / "vnncomp" / name / "vnnlib" / property_
        rates, batches = {}, {}
        for round_ in range(options.rounds):
            for device, rate in ours(options, model, property_).items():
                rates.setdefault(device, []).append(rate)
            result = subprocess.run(
                [python, str(pathlib.Path(__file__).resolve()), "--model", str(model), "--property", str(property_),
                 "--seconds", str(options.seconds), "--threads", str(options.threads)],
                check=True, capture_output=True, text=True)
            peer = json.loads(result.stdout.splitlines()[-1])
            for kind, label in (("automatic", "PyTorch autograd"), ("closed", "PyTorch closed form")):
                rates.setdefault(label, []).append(peer[kind]["rate"])
                batches.setdefault(label, []).append(peer[kind]["batch"])
            say(f"  {name} round {round_ + 1}: " + ", ".join(f"{k} {v[-1]:.0f}" for k, v in rates.items()))
        first = statistics.median(next(iter(rates.values())))
        for label, values in rates.items():
            median = statistics.median(values)
            spread = 100 * (max(values) - min(values)) / 2 / median
            print(f"| {name} | {label} | {median:.0f} | {spread:.0f} % | {first / median:.1f} |", flush=True)
        record["pytorch"] = peer["version"]
        record["results"].append({"set": name, "iterationsPerSecond": rates, "batches": batches})
        output.write_text(json.dumps(record, indent=1) + "\n")
    say(f"raw numbers: {output.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
