// The meaning of a graph on the host: every node by its operator's definition. Slow; for comparisons.

import Tensors

extension ShapedGraph {
  /// The outputs, one after the other, for all inputs one after the other, by the operators' definitions.
  ///
  /// - Throws: `OperatorError` where an operator refuses its operands or the number of values does not fit.
  public func evaluate(_ input: [Double]) throws -> [Double] {
    var contents: [Tensor?] = facts.map { $0?.constant }
    var start = 0
    for port in inputs {
      let fact = fact(port.value)
      guard start + fact.count <= input.count else { throw OperatorError("it needs more than \(input.count) inputs") }
      contents[port.value] = Tensor(
        shape: fact.shape, type: fact.type, doubles: Array(input[start..<start + fact.count]))
      start += fact.count
    }
    guard start == input.count else { throw OperatorError("it has \(start) inputs, not \(input.count)") }
    for node in nodes {
      let results = try node.operation.evaluate(node.inputs.map { $0.flatMap { contents[$0] } })
      for (position, value) in node.outputs.enumerated() where position < results.count {
        if let value { contents[value] = results[position] }
      }
    }
    return outputs.flatMap { contents[$0]?.doubles ?? [] }
  }
}
