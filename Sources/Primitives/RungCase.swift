// Small problems with exact answers on which a device's kernel variants are tried before they are used.

import Compute
import Tensors

/// One command list with integer inputs, whose result is exact in binary32 whatever the order of summation.
package struct RungCase: Sendable {
  package let list: CommandList
  package let inputs: [(Value, [Float])]
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

  private static func convolution(_ shape: [Int], outputs: Int, _ window: Window, groups: Int = 1) -> RungCase {
    var list = CommandList()
    let input = list.input(shape, .float32, name: "input")
    let result = [shape[0], window.outputRows(shape[1]), window.outputColumns(shape[2]), outputs]
    let residual = list.input(result, .float32, name: "residual")
    let output = list.output(result, .float32, name: "output")
    let filterShape = [outputs, window.rows, window.columns, shape[3] / groups]
    let filter = list.constant(Tensor(shape: filterShape, floats: integers(filterShape.reduce(1, *), 3)))
    let bias = list.constant(Tensor(shape: [outputs], floats: integers(outputs, 5)))
    append(
      Convolve(
        input: input, filter: filter, bias: bias, residual: residual, output: output, window: window, groups: groups,
        activation: .clip(low: -20, high: 50)), &list)
    return RungCase(
      list: list, inputs: [(input, integers(list[input].count, 7)), (residual, integers(list[residual].count, 11))],
      output: output)
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
      list: list, inputs: [(left, integers(2 * m * k, 3)), (right, integers(2 * k * n, 5))], output: output)
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
