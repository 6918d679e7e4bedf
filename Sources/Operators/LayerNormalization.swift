// LayerNormalization over the trailing axes: (x - mean) / sqrt(variance + epsilon) * scale + shift, variance biased.

import Compute
import Graphs
import Networks
import Primitives
import Tensors

package struct LayerNormalizationLayer: Operator {
  package static let names = ["LayerNormalization"]

  let axis: Int
  let epsilon: Float

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...3, outputs: 1...3)
    if attributes.outputs.dropFirst().contains(true) {
      throw OperatorError("its outputs mean and inverse deviation are not supported")
    }
    axis = try attributes.integer("axis") ?? -1
    epsilon = try attributes.float("epsilon") ?? 1e-5
    if let type = try attributes.integer("stash_type"), type != 1 {
      throw OperatorError("stash_type \(type) is not supported, only 1 (float32)")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let axis = try normalized(axis, rank: input.rank)
    if let batch = input.batchAxis, batch >= axis {
      throw OperatorError.mixing("it normalises over axis \(batch), along which the samples lie")
    }
    for parameter in inputs.dropFirst() where parameter != nil {
      guard Array(input.shape[axis...]) == parameter!.shape else {
        throw OperatorError("a parameter has shape \(parameter!.shape) instead of \(Array(input.shape[axis...]))")
      }
    }
    return [input.with(shape: input.shape, batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let columns = input.shape[try normalized(axis, rank: input.shape.count)...].reduce(1, *)
    let x = input.doubles
    let scale = inputs[1]!.doubles
    let shift = inputs.count > 2 ? inputs[2]?.doubles : nil
    var y: [Double] = []
    for row in 0..<x.count / max(columns, 1) {
      let numbers = x[row * columns..<(row + 1) * columns]
      let mean = numbers.reduce(0, +) / Double(columns)
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let deviation = (variance + Double(epsilon)).squareRoot()
      for (column, number) in numbers.enumerated() {
        y.append((number - mean) / deviation * scale[column] + (shift?[column] ?? 0))
      }
    }
    return [Tensor(shape: input.shape, type: input.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let input = node.inputs[0]!
    let shape = lowering.shape(input)
    let columns = shape[try normalized(axis, rank: shape.count)...].reduce(1, *)
    func parameter(_ position: Int, _ lowering: inout Lowering) throws -> Value? {
      guard let operand = node.input(position) else { return nil }
      guard let tensor = lowering.constant(operand) else { throw OperatorError("its parameters must be constants") }
      return lowering.list.constant(tensor.converted(to: .float32).reshaped([columns]), name: node.name + ".parameter")
    }
    let scale = try parameter(1, &lowering)
    let shift = try parameter(2, &lowering)
    let value = try lowering.dense(input)
    let output = lowering.defineDense(node.outputs[0]!)
    try lowering.list.append(
      NormalizeRows(
        input: value, scale: scale, shift: shift, output: output, rows: shape.reduce(1, *) / columns, columns: columns,
        epsilon: epsilon))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let shape = expression.shape(node.inputs[0]!)
    let columns = shape[try normalized(axis, rank: shape.count)...].reduce(1, *)
    guard let scale = expression.constant(node.inputs[1])?.doubles,
      node.input(2) == nil || expression.constant(node.input(2)) != nil
    else { throw OperatorError("its parameters must be constants") }
    let shift = expression.constant(node.input(2))?.doubles
    let x = try expression.elements(node.inputs[0]!)
    let unit = expression.builder.normalized(node.name + ".unit", x, size: columns, epsilon: Double(epsilon))
    let result = expression.builder.sum(
      node.name,
      [SumTerm(elements: unit, factors: x.indices.map { scale[$0 % columns] }, mayMerge: false)],
      constant: shift.map { shift in x.indices.map { shift[$0 % columns] } })
    expression.define(node.outputs[0]!, result)
  }
}
