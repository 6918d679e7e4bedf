// Steps on 8-bit levels. Sums are exact and what follows is rounded in a fixed order, so results must be equal on every
// device, bit for bit.

import Compute
import Primitives
import Tensors

/// A convolution on levels in numbers.
private struct LevelShape: Sendable {
  var name: String
  var n = 2, height = 9, width = 11, channels: Int, outputs: Int, size: Int
  var stride = 1, dilation = 1, groups = 1
  var top = 0, left = 0, bottom = 0, right = 0
  var input = ElementType.uint8, output = ElementType.uint8
  var residual: ElementType?
  var activation = FusedActivation.none
  /// Draws every level at the end of its range, so that sums are as large as they can be.
  var isExtreme = false

  var window: Window {
    Window(
      rows: size, columns: size, strideRows: stride, strideColumns: stride, dilationRows: dilation,
      dilationColumns: dilation, top: top, left: left, bottom: bottom, right: right)
  }
  var terms: Int { size * size * channels / groups }
}

private let convolutions: [LevelShape] = [
  .init(name: "1x1", channels: 64, outputs: 32, size: 1),
  .init(name: "1x1 stride 2 signed result", channels: 33, outputs: 17, size: 1, stride: 2, output: .int8),
  .init(name: "1x1 residual relu", channels: 16, outputs: 64, size: 1, residual: .uint8, activation: .relu),
  .init(name: "1x1 signed residual relu", channels: 24, outputs: 48, size: 1, residual: .int8, activation: .relu),
  .init(
    name: "1x1 signed throughout", channels: 40, outputs: 24, size: 1, input: .int8, output: .int8, residual: .int8),
  .init(name: "3x3", channels: 32, outputs: 48, size: 3, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "3x3 signed input", channels: 32, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1, input: .int8),
  .init(
    name: "3x3 clip", channels: 16, outputs: 24, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    activation: .clip(low: 0, high: 100.5)),
  .init(
    name: "3x3 signed relu", channels: 16, outputs: 24, size: 3, top: 1, left: 1, bottom: 1, right: 1, output: .int8,
    activation: .relu),
  .init(name: "3x3 to float32", channels: 20, outputs: 33, size: 3, top: 1, left: 1, output: .float32),
  .init(
    name: "3x3 to float32 residual relu", channels: 16, outputs: 16, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    output: .float32, residual: .float32, activation: .relu),
  .init(name: "3x3 stride 2 asymmetric", channels: 24, outputs: 40, size: 3, stride: 2, bottom: 1, right: 1),
  .init(name: "3x3 dilation 2", channels: 8, outputs: 8, size: 3, dilation: 2, top: 2, left: 2, bottom: 2, right: 2),
  .init(name: "5x5 odd channels", channels: 7, outputs: 13, size: 5, top: 2, left: 1, bottom: 0, right: 3),
  .init(
    name: "7x7 stride 2 image", height: 31, width: 29, channels: 3, outputs: 64, size: 7, stride: 2, top: 3, left: 3,
    bottom: 3, right: 3, input: .int8, activation: .relu),
  .init(name: "groups 4", channels: 32, outputs: 64, size: 3, groups: 4, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "depthwise 3x3", channels: 40, outputs: 40, size: 3, groups: 40, top: 1, left: 1, bottom: 1, right: 1),
  .init(
    name: "depthwise 5x5 stride 2 signed", channels: 19, outputs: 19, size: 5, stride: 2, groups: 19, top: 1, left: 2,
    bottom: 2, right: 1, input: .int8, output: .int8),
  .init(name: "one channel", channels: 1, outputs: 1, size: 3),
  // Sums up to 515 * 9 * 255 * 127 = 1.5e8: past binary32's integers, where the conversion rounds.
  .init(
    name: "deep", n: 1, height: 5, width: 5, channels: 515, outputs: 10, size: 3, top: 1, left: 1, bottom: 1, right: 1,
    isExtreme: true),
  .init(
    name: "deep signed", n: 1, height: 5, width: 5, channels: 515, outputs: 10, size: 3, top: 1, left: 1, bottom: 1,
    right: 1, input: .int8, output: .int8, isExtreme: true),
]

private func convolution(_ shape: LevelShape) -> AgreementCase {
  AgreementCase(QuantizedConvolve.name, shape.name, .exact, precisions: [.int8]) { builder throws(ShapeError) in
    let window = shape.window
    let input = builder.levels(
      [shape.n, shape.height, shape.width, shape.channels], shape.input, isExtreme: shape.isExtreme)
    let filterShape = [shape.outputs, shape.size, shape.size, shape.channels / shape.groups]
    let filter = builder.list.constant(
      Tensor(
        shape: filterShape, type: .int8,
        elements: (0..<filterShape.reduce(1, *)).map { _ -> Int8 in
          let level = Int8(truncatingIfNeeded: builder.next() >> 40)
          return max(-127, shape.isExtreme && level > -100 ? 127 : level)
        }))
    // Sums have about this size; results then fill the range of a byte and leave it at both ends.
    let size = shape.isExtreme ? 20_000 * Float(shape.terms) : 11_000 * Float(shape.terms).squareRoot()
    let extents = [shape.n, window.outputRows(shape.height), window.outputColumns(shape.width), shape.outputs]
    let residual = shape.residual.map { builder.levels(extents, $0, isExtreme: false) }
    try builder.append(
      QuantizedConvolve(
        input: input, filter: filter, bias: builder.constant([shape.outputs], -0.25 * size...size),
        scale: builder.constant([shape.outputs], 30 / size...120 / size), residual: residual, residualScale: 0.7,
        output: builder.output(extents, shape.output), window: window, groups: shape.groups,
        activation: shape.activation))
  }
}

extension CaseBuilder {
  /// An input of random levels, or of random numbers where the type is float32.
  fileprivate func levels(_ shape: [Int], _ type: ElementType, isExtreme: Bool) -> Value {
    if type == .float32 { return input(shape, -100...100) }
    let bytes = (0..<shape.reduce(1, *)).map { _ -> UInt8 in
      let byte = UInt8(truncatingIfNeeded: next() >> 40)
      return isExtreme ? (type == .int8 ? 127 : 255) - (byte & 1) : byte
    }
    return input(shape, type, bytes)
  }
}

/// Ties (half a level), both ends of the range, numbers far outside, NaN and infinities.
private let awkward: [Int: Float] = [
  0: 0.5, 1: 1.5, 2: 2.5, 3: -0.5, 4: -1.5, 5: 126.5, 6: 127.5, 7: 254.5, 8: 255.5, 9: -128.5, 10: 1e30, 11: -1e30,
  12: .nan, 13: .infinity, 14: -.infinity, 15: -0.0,
]

private func rescale(_ type: ElementType, toLevels: Bool, factor: Float) -> AgreementCase {
  AgreementCase(
    Rescale.name, "\(toLevels ? "float32 to \(type.rawValue)" : "\(type.rawValue) to float32") times \(factor)",
    .exact, precisions: [.int8]
  ) { builder throws(ShapeError) in
    let input =
      toLevels
      ? builder.input([3, 7, 37], -300...300, special: awkward) : builder.levels([3, 7, 37], type, isExtreme: false)
    try builder.append(
      Rescale(input: input, output: builder.output([3, 7, 37], toLevels ? type : .float32), factor: factor))
  }
}

private func levelPool(_ type: ElementType, _ window: Window, rows: Int, columns: Int) -> AgreementCase {
  AgreementCase(Pool.name, "maximum of \(type.rawValue) \(window.rows)x\(window.columns)", .exact, precisions: [.int8])
  {
    builder throws(ShapeError) in
    let input = builder.levels([2, 9, 11, 37], type, isExtreme: false)
    try builder.append(
      Pool(kind: .maximum, input: input, output: builder.output([2, rows, columns, 37], type), window: window))
  }
}

let quantizedCases: [AgreementCase] =
  convolutions.map(convolution) + [
    rescale(.int8, toLevels: true, factor: 1), rescale(.uint8, toLevels: true, factor: 1),
    rescale(.int8, toLevels: true, factor: 0.37), rescale(.uint8, toLevels: true, factor: 0.37),
    rescale(.int8, toLevels: false, factor: 0.37), rescale(.uint8, toLevels: false, factor: 0.37),
    levelPool(
      .uint8, Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1),
      rows: 5,
      columns: 6),
    levelPool(.int8, Window(rows: 2, columns: 2, strideRows: 2, strideColumns: 2), rows: 4, columns: 5),
  ]
