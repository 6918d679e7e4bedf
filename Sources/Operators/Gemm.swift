// Gemm: alpha A' B' + beta C, where ' transposes if asked to and C broadcasts to the result.

import Compute
import Graphs
import Primitives
import Tensors

package struct GemmLayer: WeightedSum {
  package static let names = ["Gemm"]

  let alpha: Float
  let beta: Float
  let transposesA: Bool
  let transposesB: Bool
  var after = FusedActivation.none
  var hasResidual = false

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: attributes.opset < 11 ? 3...3 : 2...3)
    alpha = try attributes.float("alpha") ?? 1
    beta = try attributes.float("beta") ?? 1
    transposesA = try attributes.flag("transA")
    transposesB = try attributes.flag("transB")
  }

  private func sizes(_ a: [Int], _ b: [Int]) throws -> (m: Int, k: Int, n: Int) {
    guard a.count == 2, b.count == 2 else {
      throw OperatorError("its operands have shapes \(a) and \(b), but must be matrices")
    }
    let (m, k) = transposesA ? (a[1], a[0]) : (a[0], a[1])
    let (other, n) = transposesB ? (b[1], b[0]) : (b[0], b[1])
    guard k == other else { throw OperatorError("the shapes \(a) and \(b) do not fit each other") }
    return (m, k, n)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let a = inputs[0]!
    let b = inputs[1]!
    let (m, _, n) = try sizes(a.shape, b.shape)
    if let axis = a.batchAxis, axis != (transposesA ? 1 : 0) {
      throw OperatorError.mixing("it sums over axis \(axis), along which the samples lie")
    }
    if b.batchAxis != nil { throw OperatorError.mixing("its second operand depends on the input") }
    var result = a.with(shape: [m, n], batchAxis: a.batchAxis == nil ? nil : 0)
    if let c = inputs.count > 2 ? inputs[2] : nil {
      guard try Broadcasting.shape(c.shape, [m, n]) == [m, n] else {
        throw OperatorError("its third operand \(c.shape) does not broadcast to [\(m), \(n)]")
      }
      result = try Broadcasting.join([result, c])
    }
    return [result]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (m, k, n) = try sizes(inputs[0]!.shape, inputs[1]!.shape)
    let a = inputs[0]!.doubles
    let b = inputs[1]!.doubles
    let c = inputs.count > 2 ? inputs[2] : nil
    let numbers = c?.doubles
    let places = c.map { broadcastIndices($0.shape, to: [m, n]) }
    let residual = hasResidual ? inputs[3]?.doubles : nil
    var y: [Double] = []
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for l in 0..<k { sum += a[transposesA ? l * m + i : i * k + l] * b[transposesB ? j * k + l : l * n + j] }
        var result = Double(alpha) * sum
        if let numbers, let places { result += Double(beta) * numbers[places[i * n + j]] }
        y.append(after.number(result + (residual?[y.count] ?? 0)))
      }
    }
    return [Tensor(shape: [m, n], type: inputs[0]!.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let a = node.inputs[0]!
    let b = node.inputs[1]!
    let output = node.outputs[0]!
    let (m, k, n) = try sizes(lowering.shape(a), lowering.shape(b))
    guard var matrix = lowering.constant(b)?.converted(to: .float32) else {
      throw OperatorError("its second operand must be a constant; export the product as MatMul")
    }
    if alpha != 1 {
      matrix = Tensor(shape: matrix.shape, type: .float32, doubles: matrix.doubles.map { $0 * Double(alpha) })
    }
    let left: Value
    if transposesA {
      left = try lowering.dense(a)
    } else {
      let rows = try lowering.rows(a, columns: k, allowPermuted: true)
      left = rows.value
      if let permutation = rows.permutation {
        matrix = transposesB ? matrix.permutingColumns(permutation) : matrix.permutingRows(permutation)
      }
    }
    let weights = lowering.list.constant(matrix, name: node.name + ".weights")
    var bias: Value?
    var rest: Stored?
    if let c = node.input(2) {
      if let tensor = lowering.constant(c), tensor.count == 1 || tensor.shape.last == tensor.count && tensor.count == n
      {
        let numbers = tensor.doubles.map { $0 * Double(beta) }
        bias = lowering.weights(
          [n], numbers.count == n ? numbers : .init(repeating: numbers[0], count: n), name: node.name + ".bias")
      } else {
        rest = try lowering.operand(c)
        if beta != 1, let operand = rest {
          if let tensor = lowering.constant(c) {
            let scaled = lowering.weights(
              tensor.shape, tensor.doubles.map { $0 * Double(beta) }, name: node.name + ".c")
            rest = Stored(value: scaled, layout: .dense(tensor.shape))
          } else {
            rest = try lowering.apply(.affine(scale: beta, shift: 0), to: operand, name: node.name + ".c")
          }
        }
      }
    }
    var residual: Value?
    if hasResidual { residual = try lowering.dense(node.inputs[3]!) }
    let result: Value
    if rest == nil {
      result = lowering.defineDense(output)
    } else {
      result = lowering.scratch([m, n], name: node.name)
    }
    try lowering.list.append(
      MatrixMultiply(
        left: left, right: weights, bias: bias, residual: residual, output: result, m: m, n: n, k: k,
        transposeLeft: transposesA, transposeRight: transposesB, activation: rest == nil ? after : .none))
    if let rest {
      let product = Stored(value: result, layout: .dense([m, n]))
      lowering.alias(
        output, try lowering.combine(.add, product, rest, shape: [m, n], name: node.name, activation: after))
    }
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let a = node.inputs[0]!
    let (m, k, n) = try sizes(expression.shape(a), expression.shape(node.inputs[1]!))
    var left = try expression.elements(a)
    if transposesA { left = (0..<m * k).map { left[$0 % k * m + $0 / k] } }
    guard let matrix = expression.constant(node.inputs[1]) else {
      throw OperatorError("its second operand must be a constant; export the product as MatMul")
    }
    var product = MatrixRows(matrix, k: k, n: n, isTransposed: transposesB)
    product.scale(by: Double(alpha))
    var result = expression.rows(node, product, over: left, m: m)
    if let c = node.input(2) {
      let places = broadcastIndices(expression.shape(c), to: [m, n])
      result = try expression.adding(c, factor: Double(beta), at: places, to: result, node)
    }
    expression.define(node.outputs[0]!, result)
  }

  package func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int {
    outputs[0].count * inputs[0]!.shape[transposesA ? 0 : 1]
  }

  package func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]? {
    guard after == .none, !hasResidual, alpha == 1, beta == 1, affine.axis == 1, let weights = inputs[1]?.constant,
      affine.scale.count == output.shape[1]
    else { return nil }
    if let c = inputs.count > 2 ? inputs[2] : nil, c.shape.last != c.count { return nil }
    let n = output.shape[1]
    let k = weights.count / n
    return absorbed(affine, weights: weights, weightsAt: 1, bias: inputs.count > 2 ? inputs[2] : nil, biasAt: 2) {
      transposesB ? $0 / k : $0 % n
    }
  }
}
