// Concat: operands side by side along one axis.

import Graphs
import Tensors

package struct ConcatLayer: Operator {
  package static let names = ["Concat"]
  package var isMovement: Bool { true }

  let axis: Int

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...4096)
    guard let axis = try attributes.integer("axis") else { throw OperatorError("attribute axis is missing") }
    self.axis = axis
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let operands = inputs.compactMap { $0 }
    let axis = try normalized(axis, rank: operands[0].rank)
    let batches = Set(operands.compactMap(\.batchAxis))
    guard batches.count <= 1 else { throw OperatorError.mixing("the samples lie along different axes of its operands") }
    let batch = batches.first
    if batch == axis { throw OperatorError.mixing("it joins along axis \(axis), along which the samples lie") }
    let model = operands.first { $0.batchAxis != nil } ?? operands[0]
    var shape = model.shape
    shape[axis] = 0
    for operand in operands {
      guard operand.rank == shape.count, operand.type == model.type else {
        throw OperatorError("its operands \(model.shape) and \(operand.shape) do not fit each other")
      }
      for place in shape.indices where place != axis && operand.shape[place] != shape[place] {
        // What every sample shares may stand there once.
        guard place == batch, operand.batchAxis == nil, operand.shape[place] == 1 else {
          throw OperatorError("its operands \(model.shape) and \(operand.shape) do not fit each other")
        }
      }
      if let batch, operand.batchAxis == nil {
        try Broadcasting.checkSharedOperand(operand, axis: batch, rank: shape.count)
      }
      shape[axis] += operand.shape[axis]
    }
    return [model.with(shape: shape, batchAxis: batch)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let operands = inputs.compactMap { $0 }
    let axis = try normalized(axis, rank: operands[0].shape.count)
    let largest = operands.map { $0.shape.reduce(1, *) / max($0.shape[axis], 1) }.max()!
    let model = operands.first { $0.shape.reduce(1, *) / max($0.shape[axis], 1) == largest }!
    var shape = model.shape
    let spread = operands.map { operand -> Tensor in
      var wanted = shape
      wanted[axis] = operand.shape[axis]
      return operand.picking(broadcastIndices(operand.shape, to: wanted), shape: wanted)
    }
    shape[axis] = spread.reduce(0) { $0 + $1.shape[axis] }
    let outer = shape[..<axis].reduce(1, *)
    return [
      Tensor(shape: shape, type: model.type) { bytes in
        var place = 0
        for row in 0..<outer {
          for operand in spread {
            let length = operand.byteCount / max(outer, 1)
            operand.withBytes { source in
              for index in 0..<length { bytes[place + index] = source[row * length + index] }
            }
            place += length
          }
        }
      }
    ]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let output = node.outputs[0]!
    let operands = node.inputs.compactMap { $0 }
    let shape = lowering.shape(output)
    let axis = try normalized(axis, rank: shape.count)
    var layout = Layout.dense(shape)
    if let first = operands.first(where: { lowering.constant($0) == nil }) {
      layout = lowering.similarLayout(to: try lowering.stored(first), shape: shape)
    }
    let target = Stored(value: lowering.define(output, layout: layout), layout: layout)
    var start = 0
    for operand in operands {
      let own = lowering.shape(operand)
      let axes = shape.indices.map { place in
        place == axis
          ? BoxAxis(extent: own[place], target: start)
          : BoxAxis(extent: shape[place], step: own[place] == 1 ? 0 : 1)
      }
      try lowering.copyBox(axes, from: try lowering.whole(operand), to: target)
      start += own[axis]
    }
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.move(node, data: Set(node.inputs.indices))
  }
}
