// Operators whose results follow from shapes and constants: Constant, ConstantOfShape, Shape; and Expand.

import Graphs
import Tensors

/// Constant: one tensor, given as an attribute.
package struct ConstantLayer: Operator {
  package static let names = ["Constant"]
  package var isMovement: Bool { true }

  let tensor: Tensor

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 0...0)
    if case .tensor(let tensor)? = attributes.content("value") {
      self.tensor = tensor
    } else if let number = try attributes.float("value_float") {
      tensor = Tensor(shape: [], floats: [number])
    } else if case .floats(let numbers)? = attributes.content("value_floats") {
      tensor = Tensor(shape: [numbers.count], floats: numbers)
    } else if let number = try attributes.integer("value_int") {
      tensor = Tensor(shape: [], type: .int64, integers: [number])
    } else if let numbers = try attributes.integers("value_ints") {
      tensor = Tensor(shape: [numbers.count], type: .int64, integers: numbers)
    } else {
      throw OperatorError("it has no value of a supported kind")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] { [Fact(constant: tensor)] }
  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] { [tensor] }
}

/// ConstantOfShape: one number (0 of type float32 unless given) everywhere.
package struct ConstantOfShapeLayer: Operator {
  package static let names = ["ConstantOfShape"]
  package var isMovement: Bool { true }

  let number: Tensor

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    switch attributes.content("value") {
    case nil: number = Tensor(shape: [1], floats: [0])
    case .tensor(let tensor)? where tensor.count == 1: number = tensor
    case _?: throw OperatorError("attribute value must be a tensor of one number")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let shape = try inputs[0]!.integers("the shape")
    let count = shape.reduce((1, false)) { total, extent in
      let (product, overflow) = total.0.multipliedReportingOverflow(by: extent)
      return (product, total.1 || overflow)
    }
    guard shape.allSatisfy({ $0 >= 0 }), !count.1, count.0 <= 1 << 26 else {
      throw OperatorError("\(shape) is not a usable shape")
    }
    return [Fact(shape: shape, type: number.type)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let shape = try infer(inputs.map { $0.map { Fact(constant: $0) } })[0].shape
    return [number.picking([Int](repeating: 0, count: shape.reduce(1, *)), shape: shape)]
  }

  package func readsOnlyShape(from position: Int) -> Bool { true }
}

/// Shape: the extents of a value, from `start` to `end` since opset 15.
package struct ShapeLayer: Operator {
  package static let names = ["Shape"]

  let start: Int
  let end: Int?

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    start = attributes.opset >= 15 ? try attributes.integer("start") ?? 0 : 0
    end = attributes.opset >= 15 ? try attributes.integer("end") : nil
  }

  private func extents(_ shape: [Int]) -> [Int] {
    func place(_ limit: Int) -> Int { min(max(limit < 0 ? limit + shape.count : limit, 0), shape.count) }
    let first = place(start)
    let last = place(end ?? shape.count)
    return first < last ? Array(shape[first..<last]) : []
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [Fact(shape: [extents(inputs[0]!.shape).count], type: .int64)]
  }

  package func known(_ inputs: [Fact?]) -> [Tensor]? {
    let extents = extents(inputs[0]!.shape)
    return [Tensor(shape: [extents.count], type: .int64, integers: extents)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let extents = extents(inputs[0]!.shape)
    return [Tensor(shape: [extents.count], type: .int64, integers: extents)]
  }
}

/// Expand: repeats along axes of extent 1 until the value has the given shape (both broadcast).
package struct ExpandLayer: Operator {
  package static let names = ["Expand"]
  package var isMovement: Bool { true }

  package init(_ attributes: OperatorAttributes) throws { try attributes.expect(inputs: 2...2) }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let target = try inputs[1]!.integers("the target shape")
    guard target.allSatisfy({ $0 > 0 && $0 <= 1 << 31 }) else { throw OperatorError("\(target) is not a usable shape") }
    let shape = try Broadcasting.shape(input.shape, target)
    return [input.with(shape: shape, batchAxis: input.batchAxis.map { $0 + shape.count - input.rank })]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let shape = try Broadcasting.shape(inputs[0]!.shape, inputs[1]!.integers ?? [])
    return [inputs[0]!.picking(broadcastIndices(inputs[0]!.shape, to: shape), shape: shape)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let output = node.outputs[0]!
    let shape = lowering.shape(output)
    let current = try lowering.whole(node.inputs[0]!)
    // Leading axes that the operand lacks have extent 1.
    let missing = [[Layout.Factor]](repeating: [], count: shape.count - current.layout.axes.count)
    let source = Stored(value: current.value, layout: Layout(missing + current.layout.axes))
    let own = source.layout.shape
    let target = Stored(value: lowering.defineDense(output), layout: .dense(shape))
    try lowering.copyBox(
      shape.indices.map { BoxAxis(extent: shape[$0], step: own[$0] == 1 ? 0 : 1) }, from: source, to: target)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }

  package func readsOnlyShape(from position: Int) -> Bool { position == 1 }
}
