// Operands of matrix products in the order that the device step takes, with as few copies as possible.

import Compute
import Graphs
import Tensors

extension Lowering {
  /// The operand as rows of `columns` elements: all axes but the last count rows, row-major.
  ///
  /// A last axis whose elements stand in another order (a flattened channels-last image) is left as it is when
  /// `allowPermuted`: element j then stands at `permutation[j]`, and the rows of the other matrix have to move along.
  mutating func rows(
    _ id: ValueID, columns: Int, allowPermuted: Bool
  ) throws -> (value: Value, permutation: [Int]?) {
    let shape = shape(id)
    let current = try stored(id)
    if current.layout == .dense(shape) { return (current.value, nil) }
    var expected = Layout.dense(shape).axes
    expected[expected.count - 1] = current.layout.axes[expected.count - 1]
    if allowPermuted, current.layout == Layout(expected) {
      let order = Layout([current.layout.axes[expected.count - 1]]).indices()
      return (current.value, order)
    }
    return (try dense(id), nil)
  }

  /// The operand as matrices with strides along the axes of `batch`, 0 where it is broadcast.
  mutating func matrices(
    _ id: ValueID, rows: Int, columns: Int, batch: [Int], asBinary32: Bool = false
  ) throws -> (value: Value, strides: [Int], isTransposed: Bool) {
    let shape = shape(id)
    var operand = asBinary32 ? try self.operand(id) : try stored(id)
    if shape.count < 2 {
      return (try asBinary32 ? operand.value : dense(id), batch.map { _ in 0 }, false)
    }
    func reading(_ layout: Layout) -> (strides: [Int], isTransposed: Bool)? {
      let axes = layout.axes
      guard axes.allSatisfy({ $0.count <= 1 }) else { return nil }
      let rowStride = axes[axes.count - 2].first?.stride
      let columnStride = axes[axes.count - 1].first?.stride
      let isPlain = (rowStride ?? columns) == columns && (columnStride ?? 1) == 1
      let isTransposed = (rowStride ?? 1) == 1 && (columnStride ?? rows) == rows
      guard isPlain || isTransposed else { return nil }
      let own = axes.dropLast(2).map { $0.first?.stride ?? 0 }
      return ([Int](repeating: 0, count: batch.count - own.count) + own, !isPlain)
    }
    if let found = reading(operand.layout) { return (operand.value, found.strides, found.isTransposed) }
    operand = Stored(value: try dense(id), layout: .dense(shape))
    let found = reading(operand.layout)!
    return (operand.value, found.strides, found.isTransposed)
  }
}

extension Tensor {
  /// A matrix whose row j has moved to row `permutation[j]`.
  func permutingRows(_ permutation: [Int]) -> Tensor {
    var inverse = permutation
    for (row, place) in permutation.enumerated() { inverse[place] = row }
    let columns = shape[1]
    return picking(inverse.flatMap { row in (0..<columns).map { row * columns + $0 } }, shape: shape)
  }

  /// A matrix whose column j has moved to column `permutation[j]`.
  func permutingColumns(_ permutation: [Int]) -> Tensor {
    var inverse = permutation
    for (column, place) in permutation.enumerated() { inverse[place] = column }
    let columns = shape[1]
    return picking((0..<shape[0]).flatMap { row in inverse.map { row * columns + $0 } }, shape: shape)
  }
}
