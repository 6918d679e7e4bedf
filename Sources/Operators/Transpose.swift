// Transpose: axis i of the result is axis perm[i] of the input. Nothing moves in memory until somebody needs it.

import Graphs
import Tensors

package struct TransposeLayer: Operator {
  package static let names = ["Transpose"]
  package var isMovement: Bool { true }

  /// Nil reverses the axes.
  let permutation: [Int]?

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    permutation = try attributes.integers("perm")
    if let permutation, permutation.sorted() != Array(permutation.indices) {
      throw OperatorError("attribute perm is \(permutation), which is no permutation")
    }
  }

  private func permutation(rank: Int) throws -> [Int] {
    let result = permutation ?? (0..<rank).reversed()
    guard result.count == rank else { throw OperatorError("attribute perm is \(result) for \(rank) dimensions") }
    return result
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let permutation = try permutation(rank: input.rank)
    return [
      input.with(
        shape: permutation.map { input.shape[$0] }, batchAxis: input.batchAxis.map { permutation.firstIndex(of: $0)! })
    ]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [inputs[0]!.transposed(try permutation(rank: inputs[0]!.shape.count))]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let current = try lowering.stored(node.inputs[0]!)
    let permutation = try permutation(rank: current.layout.axes.count)
    lowering.alias(
      node.outputs[0]!, Stored(value: current.value, layout: current.layout.transposed(permutation)))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }

  package var layoutDemand: LayoutDemand { permutation.map { .permutes($0) } ?? .none }
}
