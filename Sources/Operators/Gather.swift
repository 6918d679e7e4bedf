// Gather: result[.., i.., ..] = data[.., indices[i..], ..] along one axis; negative indices count from the end.

import Compute
import Graphs
import Primitives
import Tensors

package struct GatherLayer: Operator {
  package static let names = ["Gather"]
  package var isMovement: Bool { true }

  let axis: Int

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...2)
    axis = try attributes.integer("axis") ?? 0
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let data = inputs[0]!
    let indices = inputs[1]!
    let axis = try normalized(axis, rank: data.rank)
    guard indices.type == .int32 || indices.type == .int64 else {
      throw OperatorError("its indices are \(indices.type.rawValue), but must be int32 or int64")
    }
    let shape = Array(data.shape[..<axis]) + indices.shape + Array(data.shape[(axis + 1)...])
    if data.batchAxis == axis { throw OperatorError.mixing("it picks from axis \(axis), along which the samples lie") }
    if data.batchAxis != nil, indices.batchAxis != nil {
      throw OperatorError.mixing("it picks from every sample what every sample asks for")
    }
    if indices.dependsOnBatchSize, data.constant == nil {
      throw OperatorError.mixing("its indices depend on the size of the batch")
    }
    if let known = indices.constant?.integers,
      let wrong = known.first(where: { $0 < -data.shape[axis] || $0 >= data.shape[axis] })
    {
      throw OperatorError("index \(wrong) does not exist along axis \(axis) of \(data.shape)")
    }
    let batch = data.batchAxis.map { $0 < axis ? $0 : $0 - 1 + indices.rank } ?? indices.batchAxis.map { axis + $0 }
    return [data.with(shape: shape, batchAxis: batch)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let data = inputs[0]!
    let indices = inputs[1]!.integers!
    let axis = try normalized(axis, rank: data.shape.count)
    let length = data.shape[axis]
    let inner = data.shape[(axis + 1)...].reduce(1, *)
    var picks: [Int] = []
    for outer in 0..<data.shape[..<axis].reduce(1, *) {
      for index in indices {
        let place = index < 0 ? index + length : index
        guard place >= 0, place < length else {
          throw OperatorError("index \(index) does not exist along axis \(axis)")
        }
        for column in 0..<inner { picks.append((outer * length + place) * inner + column) }
      }
    }
    let shape = Array(data.shape[..<axis]) + inputs[1]!.shape + Array(data.shape[(axis + 1)...])
    return [data.picking(picks, shape: shape)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let data = node.inputs[0]!
    let indices = node.inputs[1]!
    let output = node.outputs[0]!
    let shape = lowering.shape(data)
    let axis = try normalized(axis, rank: shape.count)
    let type = lowering.fact(data).type
    if type.isFloat, let known = lowering.constant(indices), known.count == 1, let index = known.integers?.first {
      // One known index is a slice.
      let source = try lowering.whole(data)
      var boxes = shape.map { BoxAxis(extent: $0) }
      boxes[axis] = BoxAxis(extent: 1, source: index < 0 ? index + shape[axis] : index)
      let sliced = boxes.map(\.extent)
      let target = Stored(value: lowering.defineDense(output), layout: .dense(sliced))
      try lowering.copyBox(boxes, from: source, to: target)
      return
    }
    let picks = try lowering.dense(indices)
    let table: Value
    let result: Value
    if type.isFloat {
      table = lowering.constant(data) != nil ? try lowering.operand(data).value : try lowering.dense(data)
      result = lowering.defineDense(output)
    } else if let tensor = lowering.constant(data), type == .int8 || type == .uint8 {
      // 8-bit numbers are kept as floats, which every precision holds exactly.
      table = lowering.list.constant(tensor.converted(to: .float32), name: node.name + ".table")
      result = lowering.scratch(lowering.shape(output), name: node.name)
      lowering.alias(output, Stored(value: result, layout: .dense(lowering.shape(output))))
    } else {
      throw OperatorError("picking from \(type.rawValue) is only supported when the model is loaded")
    }
    try lowering.list.append(
      Gather(
        data: table, indices: picks, output: result, outer: shape[..<axis].reduce(1, *), length: shape[axis],
        inner: shape[(axis + 1)...].reduce(1, *)))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
}
