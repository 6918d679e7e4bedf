// Softmax: exp(x - max) / sum of exp(x - max) along one axis (since opset 13), or over all axes from `axis` on (before).

import Glibc
import Graphs
import Primitives
import Tensors

package struct SoftmaxLayer: Operator {
  package static let names = ["Softmax"]

  let axis: Int
  /// Whether all axes from `axis` on share one sum.
  let isFlattening: Bool

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    isFlattening = attributes.opset < 13
    axis = try attributes.integer("axis") ?? (isFlattening ? 1 : -1)
  }

  private func axes(rank: Int) throws -> Set<Int> {
    // A flattening axis may be the rank itself: then every element is a row of its own.
    if isFlattening, axis == rank { return [] }
    let axis = try normalized(axis, rank: rank)
    return isFlattening ? Set(axis..<rank) : [axis]
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    if let batch = input.batchAxis, try axes(rank: input.rank).contains(batch) {
      throw OperatorError.mixing("it normalises over axis \(batch), along which the samples lie")
    }
    return [input.with(shape: input.shape, batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let axes = try axes(rank: input.shape.count)
    let strides = rowMajorStrides(input.shape)
    let kept = input.shape.indices.filter { !axes.contains($0) }
    let inner = stridedIndices(axes.sorted().map { input.shape[$0] }, axes.sorted().map { strides[$0] })
    let x = input.doubles
    var y = x
    for base in stridedIndices(kept.map { input.shape[$0] }, kept.map { strides[$0] }) {
      let largest = inner.reduce(-Double.infinity) { max($0, x[base + $1]) }
      let sum = inner.reduce(0.0) { $0 + exp(x[base + $1] - largest) }
      for offset in inner { y[base + offset] = exp(x[base + offset] - largest) / sum }
    }
    return [Tensor(shape: input.shape, type: input.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let input = node.inputs[0]!
    let operand = try lowering.block(input, axes: try axes(rank: lowering.shape(input).count))
    let output = lowering.define(node.outputs[0]!, layout: operand.stored.layout)
    try lowering.list.append(
      Softmax(
        input: operand.stored.value, output: output, outer: operand.outer, length: operand.length, inner: operand.inner)
    )
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let shape = expression.shape(node.inputs[0]!)
    let groups = try groups(shape)
    let x = try expression.elements(node.inputs[0]!)
    let size = groups.first?.count ?? 1
    let result = expression.builder.softmax(node.name, groups.flatMap { $0.map { x[$0] } }, size: size)
    var placed = x
    for (place, element) in zip(groups.joined(), result) { placed[place] = element }
    expression.define(node.outputs[0]!, placed)
  }

  /// The row-major indices that share a sum.
  private func groups(_ shape: [Int]) throws -> [[Int]] {
    let axes = try axes(rank: shape.count)
    let strides = rowMajorStrides(shape)
    let kept = shape.indices.filter { !axes.contains($0) }
    let inner = stridedIndices(axes.sorted().map { shape[$0] }, axes.sorted().map { strides[$0] })
    return stridedIndices(kept.map { shape[$0] }, kept.map { strides[$0] }).map { base in inner.map { base + $0 } }
  }
}
