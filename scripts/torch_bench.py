#!/usr/bin/env python3
"""The work of `surety bench smooth` in PyTorch: Gaussian noise, forward pass of a ResNet-50, argmax and vote counts.

The network has the structure of make_resnet50.py (random weights, batch normalisation folded into the convolutions),
in evaluation mode, channels-last, without gradients. One step on a batch is

    votes += bincount(argmax(f(x + sigma g))),   g ~ N(0, 1) drawn on the device,

with the image x already there and the votes left there, as in Cohen et al.'s CERTIFY. (Surety's own noise is an integer
law that costs more; PyTorch is not asked for it.) float32 is meant strictly, tf32 is listed by itself.

One JSON line per configuration, as soon as it is measured, so that a time limit loses only what was not reached:
    {"tool": "pytorch", "version", "device", "model", "precision", "mode", "batch", "samplesPerSecond", "spread"}
samplesPerSecond is the median over the repetitions, spread half their range divided by the median.

Example:  torch_bench.py --device cuda --precision float32,float16,bfloat16 --mode eager,compiled --batch 256
"""
import argparse
import json
import statistics
import sys
import time

try:
    import torch
except ImportError:
    raise SystemExit("torch_bench.py needs PyTorch; without it there is nothing to compare with here")
import torch.nn.functional as F


class Bottleneck(torch.nn.Module):
    def __init__(self, inputs, width, stride, shortcut):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, width, 1)
        self.conv2 = torch.nn.Conv2d(width, width, 3, stride, 1)
        self.conv3 = torch.nn.Conv2d(width, 4 * width, 1)
        self.shortcut = torch.nn.Conv2d(inputs, 4 * width, 1, stride) if shortcut else None

    def forward(self, x):
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet50(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 64, 7, 2, 3)
        blocks, channels = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            width = 64 << stage
            for block in range(count):
                blocks.append(Bottleneck(channels, width, 2 if stage > 0 and block == 0 else 1, block == 0))
                channels = 4 * width
        self.blocks = torch.nn.Sequential(*blocks)
        self.dense = torch.nn.Linear(channels, 1000)
        for module in self.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
                torch.nn.init.zeros_(module.bias)
            if isinstance(module, Bottleneck):
                module.conv3.weight.data *= 0.25

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        return self.dense(self.blocks(x).mean((2, 3)))


class Votes(torch.nn.Module):
    """One step: the votes of one batch of noisy samples."""

    def __init__(self, network, sigma):
        super().__init__()
        self.network, self.sigma = network, sigma

    def forward(self, image, batch: int):
        # Drawn as [batch, height, width, channel]: channels-last without a copy.
        channels, height, width = image.shape
        noise = torch.randn((batch, height, width, channels), dtype=image.dtype, device=image.device)
        return self.network(image + self.sigma * noise.permute(0, 3, 1, 2)).argmax(1)


def measure(options, precision, mode, batch):
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    dtype = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16,
             "bfloat16": torch.bfloat16}[precision]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    network = ResNet50().eval().to(device=device, dtype=dtype, memory_format=torch.channels_last)
    step = Votes(network, 0.25)
    if mode == "compiled":
        torch._dynamo.reset()
        step = torch.compile(step)
    image = torch.rand(224, 224, 3, device=device).to(dtype).permute(2, 0, 1)
    votes = torch.zeros(1000, dtype=torch.int64, device=device)

    def run(steps):
        for _ in range(steps):
            votes.add_(torch.bincount(step(image, batch), minlength=1000))
        if on_gpu:
            torch.cuda.synchronize()
        return int(votes.sum().item())

    with torch.inference_mode():
        start = time.perf_counter()
        run(2)
        warm_up = time.perf_counter() - start
        start = time.perf_counter()
        run(1)
        steps = max(1, round(options.seconds / options.repetitions / (time.perf_counter() - start)))
        votes.zero_()
        rates = []
        for repetition in range(options.repetitions):
            start = time.perf_counter()
            counted = run(steps)
            rates.append(steps * batch / (time.perf_counter() - start))
            assert counted == (repetition + 1) * steps * batch, "votes were lost"
    name = torch.cuda.get_device_name(device) if on_gpu else "cpu"
    median = statistics.median(rates)
    print(json.dumps({
        "tool": "pytorch", "version": torch.__version__, "device": name, "model": "resnet50", "precision": precision,
        "mode": mode, "batch": batch, "samplesPerSecond": round(median, 2),
        "spread": round((max(rates) - min(rates)) / 2 / median, 4), "warmUpSeconds": round(warm_up, 2)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="float32,float16,bfloat16,tf32")
    parser.add_argument("--mode", default="eager,compiled")
    parser.add_argument("--batch", default="256")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: PyTorch's own choice")
    parser.add_argument("--seconds", type=float, default=5, help="measuring time of one configuration")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    failures = 0
    for mode in options.mode.split(","):
        for precision in options.precision.split(","):
            for batch in options.batch.split(","):
                try:
                    measure(options, precision, mode, int(batch))
                except Exception as error:  # one configuration that fails must not lose the others
                    failures += 1
                    print(f"{mode} {precision} batch {batch}: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
