// Convolutions, transposed convolutions and matrix products: every combination of edges that a kernel may get wrong.

import Compute
import Primitives
import Tensors

/// A convolution case in numbers.
private struct ConvolutionShape: Sendable {
  var name: String
  var n = 2, height = 9, width = 11, channels: Int, outputs: Int, size: Int
  var stride = 1, dilation = 1, groups = 1
  var top = 0, left = 0, bottom = 0, right = 0
  var activation = FusedActivation.none
  var hasBias = true, hasResidual = false
  var special: [Int: Float] = [:]

  var window: Window {
    Window(
      rows: size, columns: size, strideRows: stride, strideColumns: stride, dilationRows: dilation,
      dilationColumns: dilation, top: top, left: left, bottom: bottom, right: right)
  }
  var terms: Int { size * size * channels / groups }
}

private let convolutions: [ConvolutionShape] = [
  .init(name: "1x1", channels: 64, outputs: 32, size: 1),
  .init(name: "1x1 stride 2", channels: 33, outputs: 17, size: 1, stride: 2),
  .init(name: "1x1 residual relu", channels: 16, outputs: 64, size: 1, activation: .relu, hasResidual: true),
  .init(name: "3x3", channels: 32, outputs: 48, size: 3, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "3x3 relu", channels: 16, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1, activation: .relu),
  .init(
    name: "3x3 clip", channels: 16, outputs: 24, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: 0, high: 0.5)),
  .init(
    name: "3x3 residual clip", channels: 16, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: -0.25, high: 0.75), hasResidual: true),
  .init(name: "3x3 stride 2 asymmetric", channels: 24, outputs: 40, size: 3, stride: 2, bottom: 1, right: 1),
  .init(name: "3x3 dilation 2", channels: 8, outputs: 8, size: 3, dilation: 2, top: 2, left: 2, bottom: 2, right: 2),
  .init(name: "5x5 odd channels", channels: 7, outputs: 13, size: 5, top: 2, left: 1, bottom: 0, right: 3),
  .init(
    name: "7x7 stride 2 image", height: 31, width: 29, channels: 3, outputs: 64, size: 7, stride: 2, top: 3, left: 3,
    bottom: 3, right: 3, activation: .relu),
  .init(name: "groups 4", channels: 32, outputs: 64, size: 3, groups: 4, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "depthwise 3x3 clip", channels: 40, outputs: 40, size: 3, groups: 40, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: 0, high: 6)),
  .init(
    name: "depthwise 5x5 stride 2", channels: 19, outputs: 19, size: 5, stride: 2, groups: 19, top: 1, left: 2,
    bottom: 2,
    right: 1),
  .init(
    name: "depthwise multiplier 2", channels: 12, outputs: 24, size: 3, groups: 12, top: 1, left: 1, bottom: 1, right: 1
  ),
  .init(name: "one channel", channels: 1, outputs: 1, size: 3, hasBias: false),
  .init(
    name: "deep", n: 1, height: 5, width: 5, channels: 515, outputs: 10, size: 3, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "NaN relu", channels: 16, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1, activation: .relu,
    special: [40: .nan, 900: .nan]),
  .init(
    name: "NaN clip", channels: 16, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: 0, high: 6), special: [40: .nan, 900: .nan]),
  .init(
    name: "NaN residual relu", channels: 16, outputs: 16, size: 1, activation: .relu, hasResidual: true,
    special: [40: .nan]),
  .init(
    name: "NaN depthwise clip", channels: 32, outputs: 32, size: 3, groups: 32, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: 0, high: 6), special: [40: .nan]),
]

private func convolution(_ shape: ConvolutionShape) -> AgreementCase {
  AgreementCase(Convolve.name, shape.name, .sum(terms: shape.terms)) { builder throws(ShapeError) in
    let window = shape.window
    let input = builder.input([shape.n, shape.height, shape.width, shape.channels], special: shape.special)
    let filter = builder.constant(
      [shape.outputs, shape.size, shape.size, shape.channels / shape.groups], -0.25...0.25)
    let bias = shape.hasBias ? builder.constant([shape.outputs]) : nil
    let extents = [shape.n, window.outputRows(shape.height), window.outputColumns(shape.width), shape.outputs]
    let residual = shape.hasResidual ? builder.input(extents) : nil
    try builder.append(
      Convolve(
        input: input, filter: filter, bias: bias, residual: residual, output: builder.output(extents), window: window,
        groups: shape.groups, activation: builder.activation(shape.activation)))
  }
}

private func transposed(_ shape: ConvolutionShape, outputRows: Int, outputColumns: Int) -> AgreementCase {
  AgreementCase(ConvolveTransposed.name, shape.name, .sum(terms: shape.terms)) { builder throws(ShapeError) in
    let input = builder.input([shape.n, shape.height, shape.width, shape.channels])
    let filter = builder.constant(
      [shape.outputs, shape.size, shape.size, shape.channels / shape.groups], -0.25...0.25)
    let bias = shape.hasBias ? builder.constant([shape.outputs]) : nil
    try builder.append(
      ConvolveTransposed(
        input: input, filter: filter, bias: bias,
        output: builder.output([shape.n, outputRows, outputColumns, shape.outputs]), window: shape.window,
        groups: shape.groups, activation: builder.activation(shape.activation)))
  }
}

/// A matrix product case in numbers.
private struct ProductShape: Sendable {
  var name: String
  var m: Int, n: Int, k: Int
  var batch: [Int] = []
  var transposeLeft = false, transposeRight = false
  var rightIsConstant = true, sharesRight = true
  var hasBias = false, hasResidual = false
  var activation = FusedActivation.none
}

private let products: [ProductShape] = [
  .init(name: "fully connected", m: 5, n: 1000, k: 67, hasBias: true),
  .init(name: "fully connected transposed", m: 4, n: 10, k: 515, transposeRight: true, hasBias: true),
  .init(name: "one row", m: 1, n: 7, k: 3, activation: .relu),
  .init(name: "variable right", m: 17, n: 19, k: 23, rightIsConstant: false),
  .init(name: "left transposed", m: 9, n: 12, k: 31, transposeLeft: true, rightIsConstant: false),
  .init(name: "batch 2x3", m: 7, n: 5, k: 11, batch: [2, 3], rightIsConstant: false, sharesRight: false),
  .init(
    name: "batch both transposed", m: 6, n: 10, k: 9, batch: [3], transposeLeft: true, transposeRight: true,
    rightIsConstant: false, sharesRight: false),
  .init(
    name: "batch shared constant", m: 6, n: 24, k: 16, batch: [4], hasBias: true, hasResidual: true, activation: .relu),
  .init(name: "residual clip", m: 8, n: 33, k: 20, hasResidual: true, activation: .clip(low: -0.5, high: 0.5)),
]

private func product(_ shape: ProductShape) -> AgreementCase {
  AgreementCase(MatrixMultiply.name, shape.name, .sum(terms: shape.k)) { builder throws(ShapeError) in
    let count = shape.batch.reduce(1, *)
    let left = builder.input([count, shape.m * shape.k])
    let rightShape = [shape.sharesRight ? 1 : count, shape.k * shape.n]
    let right = shape.rightIsConstant ? builder.constant(rightShape) : builder.input(rightShape)
    let dense = { (inner: Int) in
      shape.batch.indices.map { shape.batch[($0 + 1)...].reduce(inner, *) }
    }
    try builder.append(
      MatrixMultiply(
        left: left, right: right, bias: shape.hasBias ? builder.constant([shape.n]) : nil,
        residual: shape.hasResidual ? builder.input([count, shape.m, shape.n]) : nil,
        output: builder.output(shape.batch + [shape.m, shape.n]), m: shape.m, n: shape.n, k: shape.k,
        batchShape: shape.batch, leftBatchStrides: dense(shape.m * shape.k),
        rightBatchStrides: shape.sharesRight ? shape.batch.map { _ in 0 } : dense(shape.k * shape.n),
        transposeLeft: shape.transposeLeft, transposeRight: shape.transposeRight,
        activation: builder.activation(shape.activation)))
  }
}

private func multiplyAdds(_ rounds: Int) -> AgreementCase {
  AgreementCase(MultiplyAdds.name, "\(rounds) rounds", .exact, precisions: [.float32]) { builder throws(ShapeError) in
    let starts = (0..<3 * MultiplyAdds.block).map { Float($0 % 8) }
    try builder.append(
      MultiplyAdds(
        starts: builder.input([starts.count], .float32, starts), sums: builder.output([starts.count]), rounds: rounds))
  }
}

let denseCases: [AgreementCase] =
  convolutions.map(convolution)
  + [
    transposed(
      .init(name: "2x2 stride 2", height: 5, width: 6, channels: 12, outputs: 8, size: 2, stride: 2), outputRows: 10,
      outputColumns: 12),
    transposed(
      .init(
        name: "4x4 stride 2 padded relu", height: 5, width: 6, channels: 16, outputs: 7, size: 4, stride: 2, top: 1,
        left: 1, bottom: 1, right: 1, activation: .relu), outputRows: 10, outputColumns: 12),
    transposed(
      .init(
        name: "3x3 groups 2 output padding", height: 4, width: 4, channels: 8, outputs: 6, size: 3, stride: 2,
        groups: 2,
        top: 1, left: 1, bottom: 1, right: 1, hasBias: false), outputRows: 8, outputColumns: 8),
    transposed(
      .init(name: "3x3 dilation 2", height: 4, width: 5, channels: 5, outputs: 3, size: 3, dilation: 2), outputRows: 8,
      outputColumns: 9),
  ] + products.map(product) + [0, 64].map(multiplyAdds)
