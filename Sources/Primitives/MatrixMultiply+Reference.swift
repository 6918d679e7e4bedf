// Definition of the matrix product: sums in binary64, rounded once to binary32 before the activation.

import Compute
import Tensors

extension MatrixMultiply {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try list.requireActivation(output, name, "output")
    try require(
      m >= 1 && n >= 1 && k >= 1 && batchShape.allSatisfy { $0 >= 1 }
        && leftBatchStrides.count == batchShape.count && rightBatchStrides.count == batchShape.count,
      "\(name) expects positive extents and one batch stride per batch dimension, not m \(m), n \(n), k \(k), batch "
        + "\(batchShape), strides \(leftBatchStrides) and \(rightBatchStrides)")
    let batch = batchShape.reduce(1, *)
    try list.requireCount(output, batch * m * n, name, "output")
    for (operand, strides, size, role) in [
      (left, leftBatchStrides, m * k, "left operand"), (right, rightBatchStrides, k * n, "right operand"),
    ] {
      let range = reach(batchShape, strides, offset: 0)
      try require(
        range.lowerBound >= 0 && range.upperBound + size <= list[operand].count,
        "\(name) expects matrices of \(size) elements with batch strides \(strides) over \(batchShape) to lie inside "
          + "its \(role) \(list.spell(operand))")
      try list.requireOperand(operand, like: output, name, role)
    }
    if let bias { try list.requireParameters(bias, n, name, "bias") }
    if let residual {
      try list.requireCount(residual, batch * m * n, name, "residual")
      try list.requireSameType(residual, output, name)
    }
  }

  public func reference(_ memory: HostMemory) {
    let a = memory.loadFloats(left)
    let b = memory.loadFloats(right)
    let shift = bias.map { memory.loadFloats($0) }
    let before = residual.map { memory.loadFloats($0) }
    var result: [Float] = []
    result.reserveCapacity(memory.list[output].count)
    forEachIndex(batchShape) { index in
      let fromLeft = place(index, leftBatchStrides)
      let fromRight = place(index, rightBatchStrides)
      for i in 0..<m {
        for j in 0..<n {
          var sum = Double(shift?[j] ?? 0)
          if let before { sum += Double(before[result.count]) }
          for l in 0..<k {
            let x = a[fromLeft + (transposeLeft ? l * m + i : i * k + l)]
            let y = b[fromRight + (transposeRight ? j * k + l : l * n + j)]
            sum += Double(x) * Double(y)
          }
          result.append(activation(Float(sum)))
        }
      }
    }
    memory.storeFloats(result, to: output)
  }
}
