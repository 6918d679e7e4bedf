// Convolutions as affine rows over the elements of an image.

import Graphs
import Networks
import Primitives
import Tensors

/// The rows of a cross-correlation of [N, C, H, W] (or [N, C, L]): for every output the weights inside the image,
/// ascending by position, zeros left out.
/// - Complexity: O(multiply-adds).
func convolutionRows(input: [Int], filter: Tensor, window: Window, output: [Int], groups: Int) -> SparseRows {
  let plane = planeExtents(input)
  let (samples, channels) = (input[0], input[1])
  let (outputs, perGroup) = (filter.shape[0], filter.shape[1])
  let numbers = filter.doubles
  let area = window.rows * window.columns
  // The taps of every output channel that are not 0.
  struct Tap {
    var row: Int
    var column: Int
    var position: Int
    var weight: Double
  }
  var taps: [[Tap]] = []
  for o in 0..<outputs {
    let first = o / (outputs / groups) * perGroup
    var own: [Tap] = []
    for c in 0..<perGroup {
      for r in 0..<window.rows {
        for s in 0..<window.columns {
          let weight = numbers[(o * perGroup + c) * area + r * window.columns + s]
          if weight == 0 { continue }
          let row = r * window.dilationRows - window.top
          let column = s * window.dilationColumns - window.left
          own.append(
            Tap(
              row: row, column: column, position: ((first + c) * plane[0] + row) * plane[1] + column, weight: weight))
        }
      }
    }
    taps.append(own)
  }
  let pixels = output[0] * output[1]
  let capacity = samples * pixels * taps.reduce(0) { $0 + $1.count }
  return SparseRows(count: samples * outputs * pixels, capacity: capacity) { starts, columns, values in
    var entry = 0
    var rowIndex = 0
    for n in 0..<samples {
      for o in 0..<outputs {
        taps[o].withUnsafeBufferPointer { taps in
          for i in 0..<output[0] {
            for j in 0..<output[1] {
              let top = i * window.strideRows
              let left = j * window.strideColumns
              let base = n * channels * plane[0] * plane[1] + top * plane[1] + left
              for tap in taps {
                let row = top + tap.row
                let column = left + tap.column
                guard row >= 0, row < plane[0], column >= 0, column < plane[1] else { continue }
                columns[entry] = Int32(truncatingIfNeeded: base + tap.position)
                values[entry] = tap.weight
                entry += 1
              }
              rowIndex += 1
              starts[rowIndex] = entry
            }
          }
        }
      }
    }
  }
}

/// The rows of a transposed convolution: for every output the weights that reach it, ascending by position.
/// - Complexity: O(outputs * inputs per group * window).
func transposedConvolutionRows(
  input: [Int], filter: Tensor, window: Window, output: [Int], groups: Int
) -> SparseRows {
  let plane = planeExtents(input)
  let (samples, channels) = (input[0], input[1])
  let perGroup = filter.shape[1]
  let inGroup = channels / groups
  let numbers = filter.doubles
  // For an output row, the pairs (input row, filter row) that reach it, input rows ascending.
  func pairs(
    _ extent: Int, _ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ before: Int
  ) -> [[(Int, Int)]] {
    (0..<extent).map { place in
      (0..<kernel).reversed().compactMap { tap in
        let distance = place + before - tap * dilation
        guard distance >= 0, distance.isMultiple(of: stride), distance / stride < size else { return nil }
        return (distance / stride, tap)
      }
    }
  }
  let rowPairs = pairs(output[0], plane[0], window.rows, window.strideRows, window.dilationRows, window.top)
  let columnPairs = pairs(
    output[1], plane[1], window.columns, window.strideColumns, window.dilationColumns, window.left)
  let reach = rowPairs.reduce(0) { $0 + $1.count } * columnPairs.reduce(0) { $0 + $1.count }
  let capacity = samples * perGroup * groups * inGroup * reach
  var rows = SparseRows()
  rows.columns.reserveCapacity(capacity)
  rows.values.reserveCapacity(capacity)
  for n in 0..<samples {
    for o in 0..<perGroup * groups {
      for i in 0..<output[0] {
        for j in 0..<output[1] {
          for c in o / perGroup * inGroup..<(o / perGroup + 1) * inGroup {
            for (row, r) in rowPairs[i] {
              for (column, s) in columnPairs[j] {
                let weight = numbers[((c * perGroup + o % perGroup) * window.rows + r) * window.columns + s]
                if weight == 0 { continue }
                rows.columns.append(Int32(((n * channels + c) * plane[0] + row) * plane[1] + column))
                rows.values.append(weight)
              }
            }
          }
          rows.starts.append(rows.columns.count)
        }
      }
    }
  }
  return rows
}

extension NetworkExpression {
  /// Defines a node's output [N, O, ...] as rows over an image plus a bias per channel.
  mutating func affine(
    _ node: GraphNode, over input: ValueID, rows: SparseRows, channelBias: ValueID?
  ) throws {
    let shape = shape(node.outputs[0]!)
    var bias = [Double](repeating: 0, count: rows.count)
    var variable: ValueID?
    let area = shape[2...].reduce(1, *)
    if let channelBias {
      if let numbers = constant(channelBias)?.doubles {
        for index in bias.indices { bias[index] = numbers[index / area % shape[1]] }
      } else {
        variable = channelBias
      }
    }
    var result = builder.affine(node.name, over: try elements(input), AffineRows(rows: rows, bias: bias))
    if let variable {
      result = try adding(
        variable, factor: 1, at: result.indices.map { $0 / area % shape[1] }, to: result, node)
    }
    define(node.outputs[0]!, result)
  }
}
