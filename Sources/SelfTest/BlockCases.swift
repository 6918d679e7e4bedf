// Chains of steps that devices may compute at once, recorded step by step: whole inverted residual blocks, and
// convolutions with the concatenation behind them.

import Compute
import Primitives
import Tensors

/// An inverted residual block in numbers.
private struct BlockShape: Sendable {
  var name: String
  var n = 2, height = 14, width = 14, channels = 16, expanded = 48, outputs = 24
  /// The expansion's window: 1, or 3 for a network's first layer, with stride 2.
  var first = 1
  var size = 3, stride = 1
  /// Padding before and after the map in both directions.
  var before = 1, after = 1
  var hasResidual = false, hasBias = true
  var activation = FusedActivation.clip(low: 0, high: 6)
  var last = FusedActivation.none
  var special: [Int: Float] = [:]
  var precisions: [Precision] = [.float32, .bfloat16]
}

private let blocks: [BlockShape] = [
  .init(name: "3x3"),
  .init(name: "3x3 residual", channels: 24, expanded: 144, hasResidual: true),
  .init(name: "3x3 stride 2 same", outputs: 40, stride: 2, before: 0, after: 1),
  .init(name: "3x3 stride 2 symmetric", n: 1, height: 15, width: 17, outputs: 33, stride: 2),
  .init(name: "5x5", channels: 40, expanded: 240, outputs: 40, size: 5, before: 2, after: 2, hasResidual: true),
  .init(name: "5x5 stride 2 same", channels: 40, expanded: 240, outputs: 80, size: 5, stride: 2, before: 1, after: 2),
  .init(name: "small map", n: 5, height: 3, width: 5, channels: 32, expanded: 96, outputs: 8),
  .init(name: "small map of seven", n: 3, height: 7, width: 7, channels: 160, expanded: 960, outputs: 320),
  .init(name: "ragged strips", n: 1, height: 43, width: 45, channels: 8, expanded: 48, outputs: 17),
  .init(name: "ragged strips relu", n: 1, height: 43, width: 45, outputs: 16, stride: 2, activation: .relu),
  .init(name: "odd slab", height: 11, width: 9, channels: 12, expanded: 40, outputs: 5, activation: .none),
  .init(name: "last relu", height: 9, width: 13, outputs: 52, hasBias: false, last: .relu),
  .init(
    name: "first layer", height: 33, width: 35, channels: 3, expanded: 32, outputs: 16, first: 3, before: 1, after: 1),
  .init(
    name: "first layer of many slabs", n: 1, height: 96, width: 90, channels: 3, expanded: 64, outputs: 16, first: 3),
  .init(name: "NaN", special: [40: .nan, 3000: .infinity], precisions: [.float32]),
]

private func block(_ shape: BlockShape) -> AgreementCase {
  let sums = [
    shape.first * shape.first * shape.channels, shape.size * shape.size, shape.expanded,
  ]
  return AgreementCase(
    InvertedResidual.name, shape.name, .chain(terms: sums), precisions: shape.precisions
  ) { builder throws(ShapeError) in
    let input = builder.input([shape.n, shape.height, shape.width, shape.channels], special: shape.special)
    let convolve = {
      (
        input: Value, window: Window, outputs: Int, groups: Int, output: Value?, residual: Value?,
        activation: FusedActivation
      ) throws(ShapeError) -> Value in
      let from = builder.list[input].shape
      let extents = [from[0], window.outputRows(from[1]), window.outputColumns(from[2]), outputs]
      let output = output ?? builder.list.transient(extents, builder.type, name: "between")
      try builder.append(
        Convolve(
          input: input, filter: builder.constant([outputs, window.rows, window.columns, from[3] / groups], -0.3...0.3),
          bias: shape.hasBias ? builder.constant([outputs]) : nil, residual: residual, output: output, window: window,
          groups: groups, activation: builder.activation(activation)))
      return output
    }
    let point = Window(rows: 1, columns: 1)
    let first =
      shape.first == 1 ? point : Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, bottom: 1, right: 1)
    let middle = Window(
      rows: shape.size, columns: shape.size, strideRows: shape.stride, strideColumns: shape.stride, top: shape.before,
      left: shape.before, bottom: shape.after, right: shape.after)
    let map = try convolve(input, first, shape.expanded, 1, nil, nil, shape.activation)
    let deep = try convolve(map, middle, shape.expanded, shape.expanded, nil, nil, shape.activation)
    let from = builder.list[deep].shape
    let extents = [from[0], from[1], from[2], shape.outputs]
    let residual = shape.hasResidual ? builder.input(extents) : nil
    _ = try convolve(deep, point, shape.outputs, 1, builder.output(extents), residual, shape.last)
  }
}

/// Two convolutions of one image, side by side along channels.
private func slices(_ name: String, height: Int, width: Int, channels: Int, outputs: Int) -> AgreementCase {
  AgreementCase(
    PanelConvolve.name, name, .sum(terms: 9 * channels), precisions: [.float32, .bfloat16]
  ) { builder throws(ShapeError) in
    let input = builder.input([2, height, width, channels])
    let output = builder.output([2, height, width, 2 * outputs])
    for (index, size) in [1, 3].enumerated() {
      let window = Window(rows: size, columns: size, top: index, left: index, bottom: index, right: index)
      let one = builder.list.transient([2, height, width, outputs], builder.type, name: "one")
      try builder.append(
        Convolve(
          input: input, filter: builder.constant([outputs, size, size, channels], -0.25...0.25),
          bias: builder.constant([outputs]), output: one, window: window, activation: builder.activation(.relu)))
      try builder.append(
        CopyStrided(
          input: one, output: output, extents: [2 * height * width, outputs], inputStrides: [outputs, 1],
          outputOffset: index * outputs, outputStrides: [2 * outputs, 1]))
    }
  }
}

let blockCases: [AgreementCase] =
  blocks.map(block)
  + [
    slices("fire", height: 13, width: 13, channels: 48, outputs: 192),
    slices("fire of few channels", height: 27, width: 20, channels: 16, outputs: 72),
  ]
