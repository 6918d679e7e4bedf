// Functions of one and two elements in terms of affine rows, elementary functions and products.

import Graphs
import Networks
import Primitives
import Tensors

extension NetworkExpression {
  /// A function of every element of a value.
  mutating func express(_ function: Unary.Operation, of input: ValueID, as output: ValueID, _ node: GraphNode) throws {
    let x = try elements(input)
    switch function {
    case .identity: define(output, x, isShared: !mayMerge(input))
    case .relu: define(output, builder.function(node.name, .relu, of: x, merging: mayMerge(input)))
    default: throw OperatorError("there are no bounds for this operator")
    }
  }

  /// A function of two or more operands that broadcast.
  mutating func express(_ operation: Binary.Operation, _ node: GraphNode) throws {
    let output = node.outputs[0]!
    switch operation {
    case .add: try sum(node, sign: 1)
    case .subtract: try sum(node, sign: -1)
    default: throw OperatorError("there are no bounds for this operator")
    }
    _ = output
  }

  /// left + sign * right.
  private mutating func sum(_ node: GraphNode, sign: Double) throws {
    let output = node.outputs[0]!
    let shape = shape(output)
    var terms: [SumTerm] = []
    var sums: [Double]?
    for (position, value) in node.inputs.enumerated() {
      guard let value else { continue }
      let places = broadcastIndices(self.shape(value), to: shape)
      let factor = position == 0 ? 1 : sign
      if let tensor = constant(value) {
        let numbers = tensor.doubles
        sums = places.map { factor * numbers[$0] }
      } else {
        let elements = try elements(value)
        terms.append(
          SumTerm(
            elements: places.map { elements[$0] }, factor: factor,
            mayMerge: mayMerge(value) && places.count == elements.count))
      }
    }
    // Adding zeros changes nothing.
    if terms.count == 1, terms[0].factors == nil, sums?.allSatisfy({ $0 == 0 }) ?? true {
      let operand = node.inputs.compactMap { $0 }.first { constant($0) == nil }!
      define(output, terms[0].elements, isShared: !mayMerge(operand) || !terms[0].mayMerge)
    } else {
      define(output, builder.sum(node.name, terms, constant: sums))
    }
  }
}
