// Sums, means and extremes over axes: ReduceSum, ReduceMean, ReduceMax, ReduceMin, and the global pools.

import Graphs
import Primitives
import Tensors

/// ReduceSum, ReduceMean, ReduceMax, ReduceMin. The axes are an attribute, and later (ReduceSum since opset 13, the
/// others since 18) an input.
package struct ReductionLayer: Operator {
  package static let names = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"]

  let operation: Reduce.Operation
  /// The axes as attribute; nil means all, or those of the second input.
  let axes: [Int]?
  let keepsAxes: Bool
  let emptyMeansNone: Bool

  package init(_ attributes: OperatorAttributes) throws {
    switch attributes.operatorName {
    case "ReduceSum": operation = .sum
    case "ReduceMean": operation = .mean
    case "ReduceMax": operation = .maximum
    default: operation = .minimum
    }
    let takesInput = attributes.opset >= (operation == .sum ? 13 : 18)
    try attributes.expect(inputs: takesInput ? 1...2 : 1...1)
    axes = takesInput ? nil : try attributes.integers("axes")
    emptyMeansNone = takesInput ? try attributes.flag("noop_with_empty_axes") : false
    keepsAxes = try attributes.flag("keepdims", default: true)
  }

  private func axes(_ inputs: [Fact?]) throws -> Set<Int> {
    let given = try axes ?? (inputs.count > 1 ? inputs[1]?.integers("the axes") : nil) ?? []
    if given.isEmpty { return emptyMeansNone ? [] : Set(inputs[0]!.shape.indices) }
    return Set(try given.map { try normalized($0, rank: inputs[0]!.rank) })
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [try reducedFact(inputs[0]!, axes: try axes(inputs), keepsAxes: keepsAxes)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let axes = try axes(inputs.map { $0.map { Fact(constant: $0) } })
    return [evaluateReduction(operation, inputs[0]!, axes: axes, keepsAxes: keepsAxes)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let axes = try axes(node.inputs.map { $0.map { lowering.fact($0) } })
    try lowerReduction(operation, node, axes: axes, keepsAxes: keepsAxes, into: &lowering)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let axes = try axes(node.inputs.map { $0.map { expression.fact($0) } })
    try expression.reduce(operation, node, axes: axes)
  }
}

/// GlobalAveragePool and GlobalMaxPool: a reduction over all axes but the first two, which stay with extent 1.
package struct GlobalPoolLayer: Operator {
  package static let names = ["GlobalAveragePool", "GlobalMaxPool"]

  let operation: Reduce.Operation

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    operation = attributes.operatorName == "GlobalAveragePool" ? .mean : .maximum
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    guard inputs[0]!.rank >= 3 else { throw OperatorError("its input has shape \(inputs[0]!.shape), not an image's") }
    return [try reducedFact(inputs[0]!, axes: Set(2..<inputs[0]!.rank), keepsAxes: true)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [evaluateReduction(operation, inputs[0]!, axes: Set(2..<inputs[0]!.shape.count), keepsAxes: true)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let axes = Set(2..<lowering.shape(node.inputs[0]!).count)
    try lowerReduction(operation, node, axes: axes, keepsAxes: true, into: &lowering)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.reduce(operation, node, axes: Set(2..<expression.shape(node.inputs[0]!).count))
  }

  package var layoutDemand: LayoutDemand { .channelsLast }
}

/// An axis counted from the front.
func normalized(_ axis: Int, rank: Int) throws -> Int {
  guard axis >= -rank, axis < rank else { throw OperatorError("axis \(axis) does not exist in \(rank) dimensions") }
  return axis < 0 ? axis + rank : axis
}

private func reducedFact(_ input: Fact, axes: Set<Int>, keepsAxes: Bool) throws -> Fact {
  if let batch = input.batchAxis, axes.contains(batch) {
    throw OperatorError.mixing("it reduces over axis \(batch), along which the samples lie")
  }
  let shape = input.shape.indices.compactMap { axes.contains($0) ? (keepsAxes ? 1 : nil) : input.shape[$0] }
  let batchAxis = input.batchAxis.map { batch in
    keepsAxes ? batch : (0..<batch).filter { !axes.contains($0) }.count
  }
  return input.with(shape: shape, batchAxis: batchAxis)
}

private func evaluateReduction(
  _ operation: Reduce.Operation, _ input: Tensor, axes: Set<Int>, keepsAxes: Bool
) -> Tensor {
  let kept = input.shape.indices.filter { !axes.contains($0) }
  let strides = rowMajorStrides(input.shape)
  let inner = stridedIndices(axes.sorted().map { input.shape[$0] }, axes.sorted().map { strides[$0] })
  let x = input.doubles
  let y = stridedIndices(kept.map { input.shape[$0] }, kept.map { strides[$0] }).map { base -> Double in
    let numbers = inner.map { x[base + $0] }
    switch operation {
    case .sum: return numbers.reduce(0, +)
    case .mean: return numbers.reduce(0, +) / Double(numbers.count)
    case .maximum: return numbers.contains { $0.isNaN } ? .nan : numbers.max() ?? -.infinity
    case .minimum: return numbers.contains { $0.isNaN } ? .nan : numbers.min() ?? .infinity
    }
  }
  let shape = input.shape.indices.compactMap { axes.contains($0) ? (keepsAxes ? 1 : nil) : input.shape[$0] }
  return Tensor(shape: shape, type: input.type, doubles: y)
}

private func lowerReduction(
  _ operation: Reduce.Operation, _ node: GraphNode, axes: Set<Int>, keepsAxes: Bool, into lowering: inout Lowering
) throws {
  let input = node.inputs[0]!
  guard lowering.fact(input).type.isFloat else { throw OperatorError("it is only supported on float values") }
  let operand = try lowering.block(input, axes: axes)
  let layout = lowering.collapsed(operand, axes: axes, keepingAxes: keepsAxes)
  let output = lowering.define(node.outputs[0]!, layout: layout)
  try lowering.list.append(
    Reduce(
      operation, input: operand.stored.value, output: output, outer: operand.outer, length: operand.length,
      inner: operand.inner))
}
