// Comparisons and choices, computed when the model is loaded: they steer shapes, not activations.

import Graphs
import Tensors

/// Equal, Less, Greater, LessOrEqual, GreaterOrEqual, And, Or, Not.
package struct ComparisonLayer: Operator {
  package static let names = ["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Not"]

  let name: String

  package init(_ attributes: OperatorAttributes) throws {
    name = attributes.operatorName
    try attributes.expect(inputs: name == "Not" ? 1...1 : 2...2)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [try Broadcasting.join(inputs.compactMap { $0 }, type: .bool)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let left = inputs[0]!
    if name == "Not" {
      return [Tensor(shape: left.shape, type: .bool, integers: left.doubles.map { $0 == 0 ? 1 : 0 })]
    }
    let right = inputs[1]!
    let shape = try Broadcasting.shape(left.shape, right.shape)
    let a = left.doubles
    let b = right.doubles
    let truths = zip(broadcastIndices(left.shape, to: shape), broadcastIndices(right.shape, to: shape)).map { i, j in
      switch name {
      case "Equal": a[i] == b[j]
      case "Less": a[i] < b[j]
      case "Greater": a[i] > b[j]
      case "LessOrEqual": a[i] <= b[j]
      case "GreaterOrEqual": a[i] >= b[j]
      case "And": a[i] != 0 && b[j] != 0
      default: a[i] != 0 || b[j] != 0
      }
    }
    return [Tensor(shape: shape, type: .bool, integers: truths.map { $0 ? 1 : 0 })]
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.compare(name, node)
  }
}

/// Where: the second operand where the first is true, else the third.
package struct WhereLayer: Operator {
  package static let names = ["Where"]
  package var isMovement: Bool { true }

  package init(_ attributes: OperatorAttributes) throws { try attributes.expect(inputs: 3...3) }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [try Broadcasting.join(inputs.compactMap { $0 }, type: inputs[1]!.type)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let condition = inputs[0]!
    let yes = inputs[1]!
    let no = inputs[2]!
    let shape = try Broadcasting.shape(try Broadcasting.shape(condition.shape, yes.shape), no.shape)
    let places = [condition, yes, no].map { broadcastIndices($0.shape, to: shape) }
    let truths = condition.doubles
    if let a = yes.integers, let b = no.integers {
      return [
        Tensor(
          shape: shape, type: yes.type,
          integers: shape.reduce(1, *) == 0
            ? [] : places[0].indices.map { truths[places[0][$0]] != 0 ? a[places[1][$0]] : b[places[2][$0]] })
      ]
    }
    let a = yes.doubles
    let b = no.doubles
    return [
      Tensor(
        shape: shape, type: yes.type,
        doubles: places[0].indices.map { truths[places[0][$0]] != 0 ? a[places[1][$0]] : b[places[2][$0]] })
    ]
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.choose(node)
  }
}
