// MatMul: batched matrix product with NumPy's rules. Vectors count as matrices of one row or column.

import Compute
import Graphs
import Primitives
import Tensors

/// y[b, i, j] = act(bias[j] + residual[b, i, j] + sum over k of left[b, i, k] right[b, k, j]).
///
/// Inputs: left, right and, when a rule joined them, bias [n] and residual of the output's shape.
package struct MatMulLayer: WeightedSum {
  package static let names = ["MatMul"]

  var after = FusedActivation.none
  var hasResidual = false

  package init(_ attributes: OperatorAttributes) throws { try attributes.expect(inputs: 2...2) }

  /// The sizes of a product.
  struct Sizes {
    var batch: [Int]
    var leftBatch: [Int]
    var rightBatch: [Int]
    var m: Int
    var k: Int
    var n: Int
    var output: [Int]
  }

  static func sizes(_ left: [Int], _ right: [Int]) throws -> Sizes {
    guard !left.isEmpty, !right.isEmpty else { throw OperatorError("it multiplies a scalar; use Mul") }
    let l = left.count == 1 ? [1] + left : left
    let r = right.count == 1 ? right + [1] : right
    let k = l[l.count - 1]
    guard k == r[r.count - 2] else { throw OperatorError("the shapes \(left) and \(right) do not fit each other") }
    let leftBatch = Array(l.dropLast(2))
    let rightBatch = Array(r.dropLast(2))
    let batch = try Broadcasting.shape(leftBatch, rightBatch)
    let m = l[l.count - 2]
    let n = r[r.count - 1]
    return Sizes(
      batch: batch, leftBatch: leftBatch, rightBatch: rightBatch, m: m, k: k, n: n,
      output: batch + (left.count == 1 ? [] : [m]) + (right.count == 1 ? [] : [n]))
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let left = inputs[0]!
    let right = inputs[1]!
    guard left.type.isFloat, right.type.isFloat else { throw OperatorError("it is only supported on float values") }
    let sizes = try Self.sizes(left.shape, right.shape)
    var result = Fact(shape: sizes.output, type: left.type)
    // The axes of the output counted from its last matrix dimension.
    let rank = sizes.batch.count + 2
    var axis: Int?
    if let batch = left.batchAxis {
      if batch == left.rank - 1 {
        throw OperatorError.mixing("it sums over axis \(batch), along which the samples lie")
      }
      axis = batch + rank - left.rank
    }
    if let batch = right.batchAxis {
      if right.rank == 1 || batch == right.rank - 2 {
        throw OperatorError.mixing("it sums over axis \(batch), along which the samples lie")
      }
      let own = batch + rank - right.rank
      if let axis, axis != own { throw OperatorError.mixing("it multiplies different samples with each other") }
      if axis == nil, left.batchAxis == nil, own < rank - 2 || own == rank - 1 { axis = own }
    }
    if let axis {
      for operand in [left, right] where operand.batchAxis == nil {
        if operand.dependsOnBatchSize {
          throw OperatorError.mixing("it computes with a number that depends on the size of the batch")
        }
        if axis < rank - 2 { try Broadcasting.checkSharedOperand(operand, axis: axis, rank: rank) }
      }
      if axis >= rank - 2, left.batchAxis != nil, right.batchAxis != nil {
        throw OperatorError.mixing("it multiplies different samples with each other")
      }
      result.batchAxis = left.rank == 1 && axis == rank - 1 ? axis - 1 : axis
    }
    return [result]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let left = inputs[0]!
    let right = inputs[1]!
    let sizes = try Self.sizes(left.shape, right.shape)
    let a = left.doubles
    let b = right.doubles
    let bias = inputs.count > 2 ? inputs[2]?.doubles : nil
    let residual = hasResidual ? inputs[3]?.doubles : nil
    let leftStarts = broadcastIndices(sizes.leftBatch, to: sizes.batch)
    let rightStarts = broadcastIndices(sizes.rightBatch, to: sizes.batch)
    var y: [Double] = []
    for (l, r) in zip(leftStarts, rightStarts) {
      for i in 0..<sizes.m {
        for j in 0..<sizes.n {
          var sum = bias?[j] ?? 0
          for k in 0..<sizes.k {
            sum += a[(l * sizes.m + i) * sizes.k + k] * b[(r * sizes.k + k) * sizes.n + j]
          }
          y.append(after.number(sum + (residual?[y.count] ?? 0)))
        }
      }
    }
    return [Tensor(shape: sizes.output, type: left.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let left = node.inputs[0]!
    let right = node.inputs[1]!
    let output = node.outputs[0]!
    let sizes = try Self.sizes(lowering.shape(left), lowering.shape(right))
    var bias: Value?
    if let operand = node.input(2), let tensor = lowering.constant(operand) {
      bias = lowering.list.constant(tensor.converted(to: .float32), name: node.name + ".bias")
    }
    var residual: Value?
    if hasResidual { residual = try lowering.dense(node.inputs[3]!) }
    if sizes.rightBatch.allSatisfy({ $0 == 1 }), lowering.constant(left) == nil {
      let rows = try lowering.rows(left, columns: sizes.k, allowPermuted: lowering.constant(right) != nil)
      let weights: Value
      if let tensor = lowering.constant(right) {
        let matrix = tensor.converted(to: .float32).reshaped([sizes.k, sizes.n])
        weights = lowering.list.constant(
          rows.permutation.map { matrix.permutingRows($0) } ?? matrix, name: node.name + ".weights")
      } else {
        weights = try lowering.dense(right)
      }
      let result = lowering.defineDense(output)
      try lowering.list.append(
        MatrixMultiply(
          left: rows.value, right: weights, bias: bias, residual: residual, output: result,
          m: sizes.leftBatch.reduce(sizes.m, *), n: sizes.n, k: sizes.k, activation: after))
      return
    }
    let l = try lowering.matrices(left, rows: sizes.m, columns: sizes.k, batch: sizes.batch)
    let r = try lowering.matrices(right, rows: sizes.k, columns: sizes.n, batch: sizes.batch, asBinary32: true)
    let result = lowering.defineDense(output)
    try lowering.list.append(
      MatrixMultiply(
        left: l.value, right: r.value, bias: bias, residual: residual, output: result, m: sizes.m, n: sizes.n,
        k: sizes.k, batchShape: sizes.batch, leftBatchStrides: l.strides, rightBatchStrides: r.strides,
        transposeLeft: l.isTransposed, transposeRight: r.isTransposed, activation: after))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let sizes = try Self.sizes(expression.shape(node.inputs[0]!), expression.shape(node.inputs[1]!))
    try expression.product(node, sizes)
  }

  package func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int {
    outputs[0].count * (inputs[0]!.shape.last ?? 1)
  }

  package func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]? {
    guard after == .none, !hasResidual, let weights = inputs[1]?.constant, weights.shape.count == 2,
      affine.axis == output.rank - 1, affine.scale.count == weights.shape[1]
    else { return nil }
    let n = weights.shape[1]
    return absorbed(affine, weights: weights, weightsAt: 1, bias: inputs.count > 2 ? inputs[2] : nil, biasAt: 2) {
      $0 % n
    }
  }
}
