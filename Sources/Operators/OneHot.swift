// OneHot: a new axis of extent `depth` that holds values[1] at the index and values[0] elsewhere.

import Graphs
import Networks
import Tensors

package struct OneHotLayer: Operator {
  package static let names = ["OneHot"]

  let axis: Int

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 3...3)
    axis = try attributes.integer("axis") ?? -1
  }

  private func depth(_ fact: Fact?) throws -> Int {
    guard let number = fact?.constant?.doubles.first, number >= 1, number <= 0x1p20 else {
      throw OperatorError("its depth must be a positive number that is known when the model is loaded")
    }
    return Int(number)
  }

  private func shape(_ indices: [Int], depth: Int) throws -> (shape: [Int], axis: Int) {
    let axis = try normalized(axis, rank: indices.count + 1)
    var shape = indices
    shape.insert(depth, at: axis)
    return (shape, axis)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let indices = inputs[0]!
    guard inputs[2]!.count == 2 else { throw OperatorError("its values must be two numbers") }
    if indices.batchAxis != nil, inputs[2]!.batchAxis != nil {
      throw OperatorError.mixing("its values depend on the input")
    }
    let (shape, axis) = try shape(indices.shape, depth: try depth(inputs[1]))
    return [inputs[2]!.with(shape: shape, batchAxis: indices.batchAxis.map { $0 >= axis ? $0 + 1 : $0 })]
  }

  /// For every entry of the result which index it compares with which place.
  private func entries(_ indices: [Int], depth: Int) throws -> [(index: Int, place: Int)] {
    let axis = try shape(indices, depth: depth).axis
    let inner = indices[axis...].reduce(1, *)
    var result: [(index: Int, place: Int)] = []
    for outer in 0..<indices[..<axis].reduce(1, *) {
      for place in 0..<depth { for i in 0..<inner { result.append((outer * inner + i, place)) } }
    }
    return result
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let indices = inputs[0]!.doubles
    let depth = try depth(inputs[1].map { Fact(constant: $0) })
    let values = inputs[2]!
    let picks = try entries(inputs[0]!.shape, depth: depth).map { entry -> Int in
      let index = indices[entry.index]
      return index == Double(entry.place) || index + Double(depth) == Double(entry.place) ? 1 : 0
    }
    return [values.picking(picks, shape: try shape(inputs[0]!.shape, depth: depth).shape)]
  }

  /// off + (on - off) [index = place], where a negative index counts from the end.
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let depth = try depth(expression.fact(node.inputs[1]!))
    guard let values = expression.constant(node.inputs[2])?.doubles, addsExactly(values[1], -values[0]) else {
      throw OperatorError("its values must be constants")
    }
    let indices = try expression.elements(node.inputs[0]!)
    let entries = try entries(expression.shape(node.inputs[0]!), depth: depth)
    let own = entries.map { indices[$0.index] }
    let places = entries.map { expression.builder.constant(Double($0.place)) }
    let fromEnd = entries.map { expression.builder.constant(Double($0.place - depth)) }
    let isPlace = expression.builder.isEqual(node.name + ".equal", own, places)
    let isFromEnd = expression.builder.isEqual(node.name + ".equalFromEnd", own, fromEnd)
    let scale = values[1] - values[0]
    let result = expression.builder.sum(
      node.name,
      [
        SumTerm(elements: isPlace, factor: scale, mayMerge: true),
        SumTerm(elements: isFromEnd, factor: scale, mayMerge: true),
      ], constant: entries.map { _ in values[0] })
    expression.define(node.outputs[0]!, result)
  }
}
