// Small problems with exact answers on which a device's kernel variants are tried before they are used.

import Compute
import Tensors

/// One command list with integer inputs, whose result is exact whatever the order of summation: sums in binary32, results
/// in the type of the activations.
package struct RungCase: Sendable {
  package let list: CommandList
  package let inputs: [(Value, [UInt8])]
  package let output: Value

  /// Convolutions (pad, stride, odd channels, residual, depthwise) and matrix products with ragged edges.
  package static var all: [RungCase] {
    [
      convolution([2, 9, 11, 16], outputs: 40, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)),
      convolution(
        [1, 13, 13, 3], outputs: 33,
        Window(
          rows: 7, columns: 7, strideRows: 2, strideColumns: 2, top: 3,
          left: 3, bottom: 3, right: 3)),
      convolution([3, 7, 5, 24], outputs: 140, Window(rows: 1, columns: 1)),
      convolution([1, 6, 6, 96], outputs: 16, Window(rows: 1, columns: 1, strideRows: 2, strideColumns: 2)),
      convolution(
        [2, 10, 9, 20], outputs: 20, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), groups: 20),
      matrixProduct(m: 37, n: 50, k: 45), matrixProduct(m: 130, n: 200, k: 64),
      matrixProduct(m: 21, n: 39, k: 50, transposeRight: true),
    ]
  }

  /// Layers for the tiles of NVIDIA's rungs: one, two and many slabs of 64 k values, channels that do not fill a slab,
  /// pixels and outputs that do not fill a tile, pads, strides, dilation, few channels; a product with a constant matrix.
  package static func tiled(_ type: ElementType) -> [RungCase] {
    [
      convolution(
        [2, 9, 11, 72], outputs: 136, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution(
        [1, 14, 13, 64], outputs: 40,
        Window(
          rows: 3, columns: 2, strideRows: 2, strideColumns: 1, dilationRows: 1, dilationColumns: 2, top: 1, left: 1,
          bottom: 0, right: 1), type: type),
      convolution([3, 7, 8, 64], outputs: 136, Window(rows: 1, columns: 1), type: type),
      convolution([1, 13, 10, 120], outputs: 200, Window(rows: 1, columns: 1), type: type),
      convolution([2, 9, 8, 48], outputs: 64, Window(rows: 1, columns: 1), type: type),
      convolution(
        [2, 13, 15, 3], outputs: 40,
        Window(rows: 7, columns: 7, strideRows: 2, strideColumns: 2, top: 3, left: 2, bottom: 3, right: 3), type: type),
      convolution(
        [1, 9, 10, 3], outputs: 72, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution(
        [2, 22, 25, 64], outputs: 64, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type,
        hasResidual: false), constantProduct(m: 37, n: 264, k: 320, type: type),
    ]
  }

  /// Layers of hundreds of tiles.
  package static func wide(_ type: ElementType) -> [RungCase] {
    [
      convolution(
        [8, 56, 56, 64], outputs: 256, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution([16, 56, 56, 64], outputs: 64, Window(rows: 1, columns: 1), type: type),
      convolution([8, 56, 56, 128], outputs: 256, Window(rows: 1, columns: 1), type: type),
      convolution(
        [256, 56, 56, 64], outputs: 64, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type,
        hasResidual: false),
    ]
  }

  /// The tiles that a device with these traits would run the case by.
  package func tiles(_ traits: DeviceTraits) -> [String] {
    let launches = list.steps.flatMap { (try? $0.launches(list, traits)) ?? [] }
    return launches.map(\.tile).filter { !$0.isEmpty }
  }

  /// Whether the output's bytes hold a NaN, of the output's type.
  package func hasNaN(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      switch list[output].type {
      case .float32: bytes.bindMemory(to: Float.self).contains { $0.isNaN }
      case .bfloat16: bytes.bindMemory(to: UInt16.self).contains { $0 & 0x7fff > 0x7f80 }
      case .float16: bytes.bindMemory(to: UInt16.self).contains { $0 & 0x7fff > 0x7c00 }
      default: false
      }
    }
  }

  private static func convolution(
    _ shape: [Int], outputs: Int, _ window: Window, groups: Int = 1, type: ElementType = .float32,
    hasResidual: Bool = true
  ) -> RungCase {
    var list = CommandList()
    let input = list.input(shape, type, name: "input")
    let result = [shape[0], window.outputRows(shape[1]), window.outputColumns(shape[2]), outputs]
    let residual = hasResidual ? list.input(result, type, name: "residual") : nil
    let output = list.output(result, type, name: "output")
    let filterShape = [outputs, window.rows, window.columns, shape[3] / groups]
    let filter = list.constant(Tensor(shape: filterShape, floats: integers(filterShape.reduce(1, *), 3)))
    let bias = list.constant(Tensor(shape: [outputs], floats: integers(outputs, 5)))
    append(
      Convolve(
        input: input, filter: filter, bias: bias, residual: residual, output: output, window: window, groups: groups,
        activation: bounds), &list)
    var inputs = [(input, encoded(integers(list[input].count, 7), type))]
    if let residual { inputs.append((residual, encoded(integers(list[residual].count, 11), type))) }
    return RungCase(list: list, inputs: inputs, output: output)
  }

  private static func matrixProduct(m: Int, n: Int, k: Int, transposeRight: Bool = false) -> RungCase {
    var list = CommandList()
    let left = list.input([2, m, k], .float32, name: "left")
    let right = list.input(transposeRight ? [2, n, k] : [2, k, n], .float32, name: "right")
    let output = list.output([2, m, n], .float32, name: "output")
    append(
      MatrixMultiply(
        left: left, right: right, output: output, m: m, n: n, k: k, batchShape: [2], leftBatchStrides: [m * k],
        rightBatchStrides: [k * n], transposeRight: transposeRight), &list)
    return RungCase(
      list: list,
      inputs: [
        (left, encoded(integers(2 * m * k, 3), .float32)), (right, encoded(integers(2 * k * n, 5), .float32)),
      ], output: output)
  }

  private static func constantProduct(m: Int, n: Int, k: Int, type: ElementType) -> RungCase {
    var list = CommandList()
    let left = list.input([m, k], type, name: "left")
    let right = list.constant(Tensor(shape: [k, n], floats: integers(n * k, 5)))
    let bias = list.constant(Tensor(shape: [n], floats: integers(n, 9)))
    let output = list.output([m, n], type, name: "output")
    append(
      MatrixMultiply(left: left, right: right, bias: bias, output: output, m: m, n: n, k: k, activation: bounds), &list)
    return RungCase(list: list, inputs: [(left, encoded(integers(m * k, 3), type))], output: output)
  }

  /// Integers up to 256 are exact in bfloat16; most sums stay within the bounds.
  private static let bounds = FusedActivation.clip(low: -200, high: 250)

  private static func encoded(_ numbers: [Float], _ type: ElementType) -> [UInt8] {
    switch type {
    case .bfloat16: numbers.map { bfloat16($0) }.withUnsafeBytes { Array($0) }
    case .float16: numbers.map { half($0) }.withUnsafeBytes { Array($0) }
    default: numbers.withUnsafeBytes { Array($0) }
    }
  }

  private static func append(_ step: some Primitive, _ list: inout CommandList) {
    do throws(ShapeError) { try list.append(step) } catch { preconditionFailure(error.description) }
  }

  /// Integers from -4 to 4 in a fixed order.
  private static func integers(_ count: Int, _ seed: UInt32) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(Int(state >> 16) % 9 - 4)
    }
  }
}
