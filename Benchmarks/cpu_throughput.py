#!/usr/bin/env python3
"""Noisy samples per second on this machine: surety beside other runtimes, in one run.

The work is the inner loop of randomized smoothing: add Gaussian noise to one image, forward pass, argmax, count the
vote; noise and votes are included on every side. Peers draw float noise (NumPy's ziggurat, or their own generator);
surety draws its integer noise law. ONNX Runtime is listed a second time with the noise left out ("forward only"),
which bounds what any faster generator could give it.

Every measurement is a process of its own, and the tools take turns, so that a slow minute of the machine hits all of
them; the table shows medians over the rounds and half the range in per cent. Raw numbers go to
Benchmarks/results/DATE-cpu-throughput.json, with the processor's name.

Models: a ResNet-50 with random weights (../shared/tools/make_resnet50_onnx.py where it is there, otherwise
scripts/make_resnet50.py: the same graph), and EfficientNet-Lite0, MobileNetV2 and SqueezeNet 1.1 of the test data, or
--model FILE. The 8-bit weights of the MobileNetV2 file are turned into float32 for the peers, which would otherwise
convert them in every pass; ONNX Runtime's own way to do that (session.disable_quant_qdq) is set as well.

Peers are installed in Benchmarks/.venv, pinned: ONNX Runtime always, more by --with pytorch,openvino. PyTorch runs the
ResNet-50 only (scripts/torch_bench.py, channels-last).

Example:  Benchmarks/cpu_throughput.py --rounds 5 --with openvino
          Benchmarks/cpu_throughput.py --models efficientnet_lite0 --surety cpu:float32
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = HERE / ".venv"  # ignored by git; also holds generated models
PINNED = {
    "onnxruntime": ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0"],
    "openvino": ["openvino==2026.4.1"],
    "pytorch": ["torch==2.15.0"],
}
SIGMA = 0.25


# --- Workers: one measurement in a process of the virtual environment --------------------------------------------------

def measure(step, batch, seconds):
    """Returns samples per second of `step`, which handles one batch, over at least `seconds` after a warm-up."""
    step()
    step()
    start = time.perf_counter()
    steps = 0
    while steps < 3 or time.perf_counter() - start < seconds:
        step()
        steps += 1
    return steps * batch / (time.perf_counter() - start), steps


def worker(options):
    import numpy as np

    random = np.random.default_rng(1)
    batch = options.batch
    image = random.random((1, 3, 224, 224), dtype=np.float32)
    noise = np.empty((batch, 3, 224, 224), dtype=np.float32)
    votes = None

    def noisy():
        random.standard_normal(out=noise, dtype=np.float32)
        np.multiply(noise, np.float32(SIGMA), out=noise)
        return np.add(noise, image, out=noise)

    if options.worker.startswith("onnxruntime"):
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        # Weights stored in 8 bits become float32 once, not in every pass. For files whose weights `float_weights` has
        # turned it changes nothing.
        settings.add_session_config_entry("session.disable_quant_qdq", "1")
        session = onnxruntime.InferenceSession(options.model, settings, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        version = onnxruntime.__version__

        def forward(x):
            return session.run(None, {name: x})[0]
    else:
        import openvino

        core = openvino.Core()
        compiled = core.compile_model(options.model, "CPU", {
            "INFERENCE_NUM_THREADS": options.threads, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if options.precision == "bfloat16" else "f32"})
        version = openvino.__version__.split("-")[0]

        def forward(x):
            return compiled(x)[0]

    votes = np.zeros(forward(noisy()).shape[1], dtype=np.int64)
    with_noise = not options.worker.endswith("forward-only")

    def step():
        nonlocal votes
        logits = forward(noisy() if with_noise else noise)
        votes += np.bincount(logits.argmax(1), minlength=len(votes))

    rate, steps = measure(step, batch, options.seconds)
    assert votes.sum() >= steps * batch, "votes were lost"
    print(json.dumps({"samplesPerSecond": rate, "version": version}))


# --- The run ------------------------------------------------------------------------------------------------------------

def say(text):
    print(text, file=sys.stderr, flush=True)


def prepare(peers):
    """Creates the virtual environment with the pinned peers; returns its python."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        say(f"creating {CACHE.relative_to(ROOT)}")
        subprocess.run([sys.executable, "-m", "venv", str(CACHE)], check=True)
    wanted = [requirement for peer in peers for requirement in PINNED[peer]]
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format", "freeze"],
                            check=True, capture_output=True, text=True).stdout.split()
    missing = [r for r in wanted if r not in listed]
    if missing:
        say(f"installing {' '.join(missing)}")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *missing], check=True)
    return str(python)


def resnet50(python, data):
    """The path of a ResNet-50 with random weights, written on first use."""
    path = CACHE / "models" / "resnet50.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        tool = data.parent / "tools" / "make_resnet50_onnx.py"
        command = [str(tool), "--out", str(partial)] if tool.exists() else \
            [str(ROOT / "scripts" / "make_resnet50.py"), str(partial)]
        subprocess.run([python, *command], check=True, stdout=sys.stderr)
        partial.rename(path)
    return path


FOLD = """
import sys, numpy as np, onnx
from onnx import numpy_helper
model = onnx.load(sys.argv[1])
graph = model.graph
constants = {t.name: t for t in graph.initializer}
kept, folded = [], 0
for node in graph.node:
    if node.op_type == "DequantizeLinear" and all(i in constants for i in node.input if i):
        q, scale, *zero = [numpy_helper.to_array(constants[i]) for i in node.input if i]
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [-1 if d == axis % q.ndim else 1 for d in range(q.ndim)] if scale.ndim else ()
        value = q.astype(np.float32) - (zero[0].astype(np.float32).reshape(shape) if zero else 0)
        value = (value * scale.reshape(shape)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        folded += 1
    else:
        kept.append(node)
if folded:
    del graph.node[:]
    graph.node.extend(kept)
    onnx.save(model, sys.argv[2])
"""


def float_weights(python, path):
    """The path of the model with its stored 8-bit weights as float32, or `path` itself where it has none."""
    result = CACHE / "models" / (path.stem + "-float.onnx")
    result.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, "-c", FOLD, str(path), str(result)], check=True)
    return result if result.exists() else path


def last_json(text, **fields):
    """The last JSON line of an output whose fields have these values; None without one."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            record = json.loads(line)
            if "samplesPerSecond" in record and all(str(record.get(k, v)).startswith(v) for k, v in fields.items()):
                return record
    return None


def run(command, environment, **fields):
    """Runs one measurement; returns its record, or None with the reason on stderr."""
    result = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    record = last_json(result.stdout, **fields)
    if result.returncode != 0 or record is None:
        reason = (result.stderr.strip().splitlines() or ["no JSON line with samplesPerSecond"])[-1]
        say(f"    no result ({result.returncode}): {' '.join(command[:6])} ...: {reason}")
        return None
    return record


def contenders(options, python, model_name, path, peer_path):
    """Pairs of a label and a command whose output ends with a JSON line holding samplesPerSecond."""
    pairs = []
    for entry in options.surety.split(","):
        device, precision = entry.rsplit(":", 1) if entry.count(":") else (entry, "float32")
        pairs.append((f"surety {device} {precision}",
                      [options.program, "bench", "smooth", "--model", str(path), "--device", device,
                       "--precision", precision, "--seconds", str(options.seconds), "--json"]
                      + (["--batch", str(options.surety_batch)] if options.surety_batch else []),
                      {"precision": precision}))
    itself = [python, str(HERE / "cpu_throughput.py"), "--seconds", str(options.seconds), "--threads",
              str(options.threads), "--batch", str(options.batch), "--model", str(peer_path)]
    pairs.append(("onnxruntime float32", itself + ["--worker", "onnxruntime"], {}))
    pairs.append(("onnxruntime float32, forward only", itself + ["--worker", "onnxruntime-forward-only"], {}))
    if "openvino" in options.peers:
        for precision in ("float32", "bfloat16"):
            pairs.append((f"openvino {precision}", itself + ["--worker", "openvino", "--precision", precision], {}))
    if "pytorch" in options.peers and model_name == "resnet50":
        for precision in ("float32", "bfloat16"):
            pairs.append((f"pytorch {precision}, channels-last",
                          [python, str(ROOT / "scripts" / "torch_bench.py"), "--device", "cpu", "--mode", "eager",
                           "--precision", precision, "--batch", str(options.batch), "--threads", str(options.threads),
                           "--seconds", str(options.seconds), "--repetitions", "3"], {}))
    return pairs


def machine():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {"processor": names[0] if names else platform.machine(), "cores": os.cpu_count()}


def table(results, baseline):
    """The medians of one model beside each other, and their ratio to the baseline."""
    reference = statistics.median(results[baseline]) if results.get(baseline) else None
    lines = [f"| {'runtime':40} | {'samples/s':>10} | {'spread':>7} | {'ratio':>6} |", "|---|---|---|---|"]
    for label, rates in results.items():
        if not rates:
            lines.append(f"| {label:40} | {'-':>10} | {'-':>7} | {'-':>6} |")
            continue
        median = statistics.median(rates)
        spread = f"{100 * (max(rates) - min(rates)) / 2 / median:.1f} %"
        ratio = f"{median / reference:.2f}" if reference else "-"
        lines.append(f"| {label:40} | {median:10.2f} | {spread:>7} | {ratio:>6} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="resnet50,efficientnet_lite0,mobilenet_v2,squeezenet1_1",
                        help="resnet50 and names of the test data (default: %(default)s)")
    parser.add_argument("--model", help="one ONNX file with input [N,3,224,224], instead of --models")
    parser.add_argument("--surety", default="cpu:float32,cpu:bfloat16,cpu:int8,opencl:float32",
                        help="devices and precisions of surety (default: %(default)s)")
    parser.add_argument("--program", default=str(ROOT / ".build" / "release" / "surety"))
    parser.add_argument("--with", dest="peers", default="", help="more peers: pytorch,openvino")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="least time of one measurement")
    parser.add_argument("--batch", type=int, default=8, help="of the peers (default: %(default)s)")
    parser.add_argument("--surety-batch", type=int, help="default: the one that surety chooses for a model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="float32", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options)

    options.peers = [p for p in options.peers.split(",") if p]
    unknown = set(options.peers) - set(PINNED)
    if unknown:
        parser.error(f"unknown peer {', '.join(unknown)}; pytorch or openvino")
    if not pathlib.Path(options.program).exists():
        parser.error(f"there is no program {options.program}: run  make build  first")
    data = pathlib.Path(os.environ.get("SURETY_DATA", ROOT.parent / "shared" / "data"))
    python = prepare(["onnxruntime", *options.peers])

    paths = {}
    if options.model:
        paths[pathlib.Path(options.model).stem] = pathlib.Path(options.model)
    else:
        for name in options.models.split(","):
            if name == "resnet50":
                paths[name] = resnet50(python, data)
                continue
            found = sorted((data / "imagenet").glob(name + "*.onnx"))
            if found:
                paths[name] = found[0]
            else:
                say(f"{name} is left out: no such model in {data / 'imagenet'} (set SURETY_DATA)")

    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    record = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": machine(),
              "batch": options.batch, "suretyBatch": options.surety_batch or "its default", "threads": options.threads, "rounds": options.rounds, "peers": PINNED, "results": []}
    version = subprocess.run([options.program, "--version"], capture_output=True, text=True).stdout.strip()
    record["surety"] = version
    output = HERE / "results" / f"{record['date'][:10]}-cpu-throughput.json"
    output.parent.mkdir(exist_ok=True)
    print(f"{record['machine']['processor']}, {options.threads} threads, batch {options.batch}, "
          f"{options.rounds} rounds, {record['date'][:10]}")
    for name, path in paths.items():
        pairs = contenders(options, python, name, path, float_weights(python, path))
        rates = {label: [] for label, _, _ in pairs}
        given_up = set()
        for round_ in range(options.rounds):
            for label, command, fields in pairs:
                if label in given_up:
                    continue
                result = run(command, environment, **fields)
                if result is None:
                    given_up.add(label)
                    continue
                rates[label].append(result["samplesPerSecond"])
                say(f"  {name} round {round_ + 1}: {label}: {result['samplesPerSecond']:.2f} samples/s")
        record["results"].append({"model": name, "samplesPerSecond": rates})
        # Written after every model: an interruption loses one.
        output.write_text(json.dumps(record, indent=1) + "\n")
        print(f"\n{name} (ratio to onnxruntime float32)\n{table(rates, 'onnxruntime float32')}", flush=True)
    say(f"raw numbers: {output.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
