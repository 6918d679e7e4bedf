// QuantizeLinear: q = clamp(round(x / scale) + zero), ties to even; DequantizeLinear: x = (q - zero) scale.
//
// Weights are computed when the model is loaded. At run time the quantised numbers are kept as floats, which every
// precision holds exactly.

import Compute
import Graphs
import Primitives
import Tensors

/// The scale and zero point of either, per tensor or along one axis.
private struct Grid {
  var scale: [Double]
  var zero: [Double]
  /// The index of an element's scale.
  var place: (Int) -> Int

  init(_ inputs: [Tensor?], axis: Int) throws {
    let shape = inputs[0]!.shape
    let scale = inputs[1]!.doubles
    self.scale = scale
    zero = inputs.count > 2 ? inputs[2]?.doubles ?? scale.map { _ in 0 } : scale.map { _ in 0 }
    guard zero.count == scale.count else { throw OperatorError("its scale and zero point have different sizes") }
    if inputs[1]!.shape.isEmpty || scale.count == 1 {
      place = { _ in 0 }
      return
    }
    let axis = try normalized(axis, rank: shape.count)
    guard inputs[1]!.shape == [shape[axis]] else {
      throw OperatorError("its scale has shape \(inputs[1]!.shape), but axis \(axis) of \(shape) has another extent")
    }
    let inner = shape[(axis + 1)...].reduce(1, *)
    let extent = shape[axis]
    place = { $0 / inner % extent }
  }
}

package struct DequantizeLayer: Operator {
  package static let names = ["DequantizeLinear"]

  let axis: Int

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...3)
    axis = try attributes.integer("axis") ?? 1
    if let block = try attributes.integer("block_size"), block != 0 {
      throw OperatorError("quantisation in blocks (block_size \(block)) is not supported")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    var result = inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)
    result.type = inputs[1]!.type
    return [result]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let grid = try Grid(inputs, axis: axis)
    let numbers = inputs[0]!.doubles.enumerated().map { index, q in
      (q - grid.zero[grid.place(index)]) * grid.scale[grid.place(index)]
    }
    return [Tensor(shape: inputs[0]!.shape, type: inputs[1]!.type, doubles: numbers)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let grid = try runTimeGrid(node, lowering)
    let name = lowering.graph.valueNames[node.outputs[0]!]
    var value = try lowering.stored(node.inputs[0]!)
    if grid.zero != 0 { value = try lowering.apply(.affine(scale: 1, shift: Float(-grid.zero)), to: value, name: name) }
    lowering.alias(
      node.outputs[0]!, try lowering.apply(.affine(scale: Float(grid.scale), shift: 0), to: value, name: name))
  }

  package var layoutDemand: LayoutDemand { .passesOn }
}

package struct QuantizeLayer: Operator {
  package static let names = ["QuantizeLinear"]

  let axis: Int
  let type: ElementType?

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...3)
    axis = try attributes.integer("axis") ?? 1
    attributes.ignore("saturate")
    if let block = try attributes.integer("block_size"), block != 0 {
      throw OperatorError("quantisation in blocks (block_size \(block)) is not supported")
    }
    if let precision = try attributes.integer("precision"), precision != 0, precision != 1 {
      throw OperatorError("precision \(precision) is not supported, only float32")
    }
    if let code = try attributes.integer("output_dtype"), code != 0 {
      guard let type = ElementType(onnx: code) else { throw OperatorError("output_dtype \(code) is not supported") }
      self.type = type
    } else {
      type = nil
    }
  }

  private func target(_ zero: ElementType?) throws -> (type: ElementType, low: Double, high: Double) {
    switch zero ?? type ?? .uint8 {
    case .uint8: (.uint8, 0, 255)
    case .int8: (.int8, -128, 127)
    case let other: throw OperatorError("quantising to \(other.rawValue) is not supported")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    var result = inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)
    result.type = try target(inputs.count > 2 ? inputs[2]?.type : nil).type
    return [result]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let grid = try Grid(inputs, axis: axis)
    let (type, low, high) = try target(inputs.count > 2 ? inputs[2]?.type : nil)
    let numbers = inputs[0]!.doubles.enumerated().map { index, x in
      // The quotient is rounded to binary32 first, as the standard computes it.
      let quotient = Double(Float(x / grid.scale[grid.place(index)])).rounded(.toNearestOrEven)
      return min(max(quotient + grid.zero[grid.place(index)], low), high)
    }
    return [Tensor(shape: inputs[0]!.shape, type: type, doubles: numbers)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let grid = try runTimeGrid(node, lowering)
    let (_, low, high) = try target(node.input(2).map { lowering.fact($0).type })
    let name = lowering.graph.valueNames[node.outputs[0]!]
    let input = try lowering.stored(node.inputs[0]!)
    let scale = Stored(
      value: lowering.list.constant(Tensor(shape: [1], floats: [Float(grid.scale)]), name: name), layout: .dense([1]))
    var value = try lowering.combine(.divide, input, scale, shape: input.layout.shape, name: name)
    value = try lowering.apply(.round, to: value, name: name)
    if grid.zero != 0 { value = try lowering.apply(.affine(scale: 1, shift: Float(grid.zero)), to: value, name: name) }
    lowering.alias(
      node.outputs[0]!, try lowering.apply(.clip(low: Float(low), high: Float(high)), to: value, name: name))
  }

  package var layoutDemand: LayoutDemand { .passesOn }
}

/// The scale and zero point of a node that runs on activations: known and one for the whole tensor.
private func runTimeGrid(_ node: GraphNode, _ lowering: Lowering) throws -> (scale: Double, zero: Double) {
  guard let scale = lowering.constant(node.inputs[1]), scale.count == 1,
    let zero = node.input(2).map({ lowering.constant($0) }) ?? Tensor(shape: [1], floats: [0]), zero.count == 1
  else { throw OperatorError("activations are only quantised with one known scale and zero point") }
  return (scale.doubles[0], zero.doubles[0])
}
