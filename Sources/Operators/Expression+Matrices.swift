// Matrix products as affine rows: y = x W + c for constant W, and sums of products where both operands are computed.

import Graphs
import Networks
import Tensors

/// The columns of a constant k x n matrix as sparse rows over k positions, zeros left out.
struct MatrixRows {
  var rows: SparseRows
  /// Roundings to binary64 that an entry has behind it.
  var roundings = 0
  var float32ExtraRoundings = 0

  /// - Complexity: O(k n), two passes in memory order.
  init(_ matrix: Tensor, k: Int, n: Int, isTransposed: Bool, at offset: Int = 0) {
    if matrix.type == .float32 {
      rows = matrix.withElements(as: Float.self) {
        sparseRows($0.baseAddress! + offset, k: k, n: n, isTransposed: isTransposed)
      }
    } else {
      rows = matrix.doubles.withUnsafeBufferPointer {
        sparseRows($0.baseAddress! + offset, k: k, n: n, isTransposed: isTransposed)
      }
    }
  }

  /// Multiplies every entry; what is not exact counts as a rounding.
  mutating func scale(by factor: Double) {
    if factor == 1 { return }
    float32ExtraRoundings += 1
    var isExact = true
    for entry in rows.values.indices {
      if !isExactProduct(rows.values[entry], factor) { isExact = false }
      rows.values[entry] *= factor
    }
    if !isExact { roundings += 1 }
  }

  /// The same rows for `count` operands that follow each other, each of `length` positions.
  func repeated(_ count: Int, length: Int) -> SparseRows {
    if count == 1 { return rows }
    var result = rows
    result.starts.reserveCapacity(rows.count * count + 1)
    result.columns.reserveCapacity(rows.columns.count * count)
    result.values.reserveCapacity(rows.values.count * count)
    for index in 1..<count {
      let shift = Int32(index * length)
      let start = rows.columns.count * index
      for row in 1...max(rows.count, 1) where row <= rows.count { result.starts.append(start + rows.starts[row]) }
      for column in rows.columns { result.columns.append(column + shift) }
      result.values.append(contentsOf: rows.values)
    }
    return result
  }
}

private func sparseRows<Number: BinaryFloatingPoint>(
  _ matrix: UnsafePointer<Number>, k: Int, n: Int, isTransposed: Bool
) -> SparseRows {
  var counts = [Int](repeating: 0, count: n + 1)
  counts.withUnsafeMutableBufferPointer { counts in
    if isTransposed {
      for row in 0..<n {
        var count = 0
        for l in 0..<k where matrix[row * k + l] != 0 { count += 1 }
        counts[row + 1] = count
      }
    } else {
      for l in 0..<k { for row in 0..<n where matrix[l * n + row] != 0 { counts[row + 1] += 1 } }
    }
    for row in 0..<n { counts[row + 1] += counts[row] }
  }
  return SparseRows(count: n, capacity: counts[n]) { starts, columns, values in
    var next = counts
    next.withUnsafeMutableBufferPointer { next in
      for row in 0...n { starts[row] = counts[row] }
      if isTransposed {
        for row in 0..<n {
          var place = next[row]
          for l in 0..<k where matrix[row * k + l] != 0 {
            columns[place] = Int32(l)
            values[place] = Double(matrix[row * k + l])
            place += 1
          }
        }
      } else {
        for l in 0..<k {
          for row in 0..<n where matrix[l * n + row] != 0 {
            let place = next[row]
            columns[place] = Int32(l)
            values[place] = Double(matrix[l * n + row])
            next[row] = place + 1
          }
        }
      }
    }
  }
}

extension NetworkExpression {
  /// m rows of k elements times a constant matrix.
  mutating func rows(_ node: GraphNode, _ matrix: MatrixRows, over left: [Element], m: Int) -> [Element] {
    let rows = matrix.repeated(m, length: left.count / max(m, 1))
    return builder.affine(
      node.name, over: left,
      AffineRows(
        rows: rows, bias: .init(repeating: 0, count: rows.count), coefficientRoundings: matrix.roundings,
        float32ExtraRoundings: matrix.float32ExtraRoundings))
  }

  /// result + factor * (the elements of `value` at `places`), where `result` is read by nothing else.
  mutating func adding(
    _ value: ValueID, factor: Double, at places: [Int], to result: [Element], _ node: GraphNode
  ) throws -> [Element] {
    if let tensor = constant(value) {
      let numbers = tensor.doubles
      if numbers.allSatisfy({ isExactProduct($0, factor) }) {
        let constants = places.map { numbers[$0] * factor }
        if constants.allSatisfy({ $0 == 0 }) { return result }
        return builder.sum(node.name, [SumTerm(elements: result, mayMerge: true)], constant: constants)
      }
    }
    let elements = try elements(value)
    return builder.sum(
      node.name,
      [
        SumTerm(elements: result, mayMerge: true),
        SumTerm(elements: places.map { elements[$0] }, factor: factor, mayMerge: mayMerge(value)),
      ])
  }

  /// A batched matrix product.
  mutating func product(_ node: GraphNode, _ sizes: MatMulLayer.Sizes) throws {
    let (m, k, n) = (sizes.m, sizes.k, sizes.n)
    let leftStarts = broadcastIndices(sizes.leftBatch, to: sizes.batch)
    let rightStarts = broadcastIndices(sizes.rightBatch, to: sizes.batch)
    var result: [Element] = []
    if let matrix = constant(node.inputs[1]) {
      let left = try elements(node.inputs[0]!)
      if sizes.rightBatch.allSatisfy({ $0 == 1 }) {
        let operand = leftStarts.count == 1 ? left : leftStarts.flatMap { left[$0 * m * k..<($0 + 1) * m * k] }
        let rows = MatrixRows(matrix, k: k, n: n, isTransposed: false)
        result = self.rows(node, rows, over: operand, m: m * leftStarts.count)
      } else {
        for (l, r) in zip(leftStarts, rightStarts) {
          let rows = MatrixRows(matrix, k: k, n: n, isTransposed: false, at: r * k * n)
          result += self.rows(node, rows, over: Array(left[l * m * k..<(l + 1) * m * k]), m: m)
        }
      }
    } else if let matrix = constant(node.inputs[0]) {
      let right = try elements(node.inputs[1]!)
      for (l, r) in zip(leftStarts, rightStarts) {
        // (A X)' = X' A': n rows of k elements, and the result transposed back.
        let rows = MatrixRows(matrix, k: k, n: m, isTransposed: true, at: l * m * k)
        let operand = (0..<n * k).map { right[r * k * n + $0 % k * n + $0 / k] }
        let transposed = self.rows(node, rows, over: operand, m: n)
        result += (0..<m * n).map { transposed[$0 % n * m + $0 / n] }
      }
    } else {
      let left = try elements(node.inputs[0]!)
      let right = try elements(node.inputs[1]!)
      var factors: (left: [Element], right: [Element]) = ([], [])
      for (l, r) in zip(leftStarts, rightStarts) {
        for i in 0..<m {
          for j in 0..<n {
            for c in 0..<k {
              factors.left.append(left[(l * m + i) * k + c])
              factors.right.append(right[(r * k + c) * n + j])
            }
          }
        }
      }
      let products = builder.product(node.name + ".products", factors.left, factors.right)
      let count = leftStarts.count * m * n
      let sums = SparseRows(
        starts: (0...count).map { $0 * k }, columns: (0..<Int32(count * k)).map { $0 },
        values: .init(repeating: 1, count: count * k))
      result = builder.affine(
        node.name, over: products, AffineRows(rows: sums, bias: .init(repeating: 0, count: count)))
    }
    define(node.outputs[0]!, result)
  }
}
