// Clip: min(max(x, low), high); the limits are attributes before opset 11 and optional inputs since.

import Graphs
import Primitives
import Tensors

package struct ClipLayer: Operator {
  package static let names = ["Clip"]

  /// The limits as attributes; nil where they are inputs.
  let limits: (low: Float, high: Float)?

  package init(_ attributes: OperatorAttributes) throws {
    if attributes.opset < 11 {
      try attributes.expect(inputs: 1...1)
      limits = (
        try attributes.float("min") ?? -.infinity, try attributes.float("max") ?? .infinity
      )
    } else {
      try attributes.expect(inputs: 1...3)
      limits = nil
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    for limit in inputs.dropFirst() where (limit?.count ?? 1) != 1 { throw OperatorError("a limit must be one number") }
    return [inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)]
  }

  private func limits(_ inputs: [Tensor?]) -> (low: Double, high: Double) {
    if let limits { return (Double(limits.low), Double(limits.high)) }
    func number(_ position: Int) -> Double? { position < inputs.count ? inputs[position]?.doubles.first : nil }
    return (number(1) ?? -.infinity, number(2) ?? .infinity)
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (low, high) = limits(inputs)
    let input = inputs[0]!
    // The upper limit wins where the two contradict each other.
    return [
      Tensor(
        shape: input.shape, type: input.type,
        doubles: input.doubles.map { x in
          let raised = x < low ? low : x
          return raised > high ? high : raised
        })
    ]
  }

  package func activation(_ inputs: [Fact?]) -> FusedActivation? {
    for limit in inputs.dropFirst() where limit != nil && limit!.constant == nil { return nil }
    let (low, high) = limits(inputs.map { $0?.constant })
    return low <= high ? .clip(low: Float(low), high: Float(high)) : nil
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    guard case .clip(let low, let high)? = activation(node.inputs.map { $0.map { lowering.fact($0) } }) else {
      throw OperatorError("its limits must be known when the model is loaded, the lower one not above the upper one")
    }
    let input = try lowering.stored(node.inputs[0]!)
    let output = node.outputs[0]!
    lowering.alias(
      output, try lowering.apply(.clip(low: low, high: high), to: input, name: lowering.graph.valueNames[output]))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    guard
      case .clip(let low, let high)? = activation(
        node.inputs.enumerated().map { $0.offset == 0 ? nil : $0.element.map { expression.fact($0) } })
    else {
      throw OperatorError("its limits must be known when the model is loaded, the lower one not above the upper one")
    }
    try expression.express(.clip(low: low, high: high), node)
  }

  package var layoutDemand: LayoutDemand { .passesOn }
}
