#!/usr/bin/env python3
"""Writes a structurally exact ResNet-50 v1.5 as ONNX, with seeded random weights: for throughput, not for predictions.

53 convolutions with batch normalisation folded in, 16 residual additions, 3x3/2 max-pool, global average pool, Gemm;
input `input` [N, 3, 224, 224], output `logits` [N, 1000]; 4.09 billion multiply-adds per image; opset 13, 102 MB.
He-normal weights; the last convolution of each residual branch is scaled by 1/4, which keeps activations of order 1.

Needs numpy only: the file is written in protobuf's wire format directly (a field is a key, number << 3 | kind, then a
varint or a length and bytes), because a GPU machine seldom has the onnx package.

Example:  make_resnet50.py resnet50.onnx
"""
import sys

try:
    import numpy as np
except ImportError:
    raise SystemExit("make_resnet50.py needs numpy: pip install numpy")

BLOCKS = (3, 4, 6, 3)


def varint(value):
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def field(number, value):
    """One protobuf field: an integer as a varint, text or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    """AttributeProto: name 1, i 3, ints 8, type 20 (2 is INT, 7 is INTS)."""
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)


def value_info(name, shape):
    """ValueInfoProto of a float tensor; a text dimension is symbolic."""
    dimensions = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))


class Graph:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.tensors = [], []

    def constant(self, name, array):
        """TensorProto: dims 1, data_type 2 (1 is FLOAT), name 8, raw_data 9."""
        array = np.ascontiguousarray(array, dtype="<f4")
        dims = b"".join(field(1, d) for d in array.shape)
        self.tensors.append(dims + field(2, 1) + field(8, name) + field(9, array.tobytes()))
        return name

    def node(self, kind, inputs, output, **attributes):
        """NodeProto: input 1, output 2, name 3, op_type 4, attribute 5."""
        self.nodes.append(b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, output) + field(4, kind)
                          + b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))
        return output

    def convolution(self, x, inputs, outputs, kernel, stride, name, gain=1.0):
        fan_in = inputs * kernel * kernel
        weight = self.random.standard_normal((outputs, inputs, kernel, kernel), np.float32)
        weight *= np.float32(gain * np.sqrt(2 / fan_in))
        bias = 0.01 * self.random.standard_normal(outputs, np.float32)
        pad = kernel // 2
        return self.node("Conv", [x, self.constant(name + ".weight", weight), self.constant(name + ".bias", bias)],
                         name, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4)

    def relu(self, x):
        return self.node("Relu", [x], x + ".relu")


def resnet50(seed=1):
    """Returns the bytes of the ONNX file."""
    g = Graph(seed)
    x = g.relu(g.convolution("input", 3, 64, 7, 2, "stem"))
    x = g.node("MaxPool", [x], "stem.pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, blocks in enumerate(BLOCKS):
        width = 64 << stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            name = f"layer{stage + 1}.{block}"
            y = g.relu(g.convolution(x, channels, width, 1, 1, name + ".conv1"))
            y = g.relu(g.convolution(y, width, width, 3, stride, name + ".conv2"))
            y = g.convolution(y, width, 4 * width, 1, 1, name + ".conv3", gain=0.25)
            if block == 0:
                x = g.convolution(x, channels, 4 * width, 1, stride, name + ".shortcut", gain=np.sqrt(0.5))
            channels = 4 * width
            x = g.relu(g.node("Add", [y, x], name + ".add"))
    x = g.node("Flatten", [g.node("GlobalAveragePool", [x], "pool")], "flat", axis=1)
    dense = g.random.standard_normal((1000, channels), np.float32) / np.float32(np.sqrt(channels))
    bias = 0.01 * g.random.standard_normal(1000, np.float32)
    g.node("Gemm", [x, g.constant("dense.weight", dense), g.constant("dense.bias", bias)], "logits", transB=1)
    # GraphProto: node 1, name 2, initializer 5, input 11, output 12. ModelProto: ir_version 1, producer_name 2,
    # graph 7, opset_import 8 (version 2).
    graph = (b"".join(field(1, n) for n in g.nodes) + field(2, "resnet50_v1_5_random")
             + b"".join(field(5, t) for t in g.tensors) + field(11, value_info("input", ["N", 3, 224, 224]))
             + field(12, value_info("logits", ["N", 1000])))
    return field(1, 8) + field(2, "surety") + field(7, graph) + field(8, field(2, 13))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    with open(sys.argv[1], "wb") as file:
        file.write(resnet50())
