// Slice: every step-th element between start and end along some axes; Split: consecutive slices along one axis.

import Graphs
import Tensors

/// Slice: limits as attributes before opset 10 and as inputs since; negative limits count from the end, and limits
/// beyond an axis are clamped to it.
package struct SliceLayer: Operator {
  package static let names = ["Slice"]
  package var isMovement: Bool { true }

  struct Limits {
    var starts: [Int]
    var ends: [Int]
    var axes: [Int]?
    var steps: [Int]?
  }

  let limits: Limits?

  package init(_ attributes: OperatorAttributes) throws {
    if attributes.opset < 10 {
      try attributes.expect(inputs: 1...1)
      guard let starts = try attributes.integers("starts"), let ends = try attributes.integers("ends") else {
        throw OperatorError("attributes starts and ends are missing")
      }
      limits = Limits(starts: starts, ends: ends, axes: try attributes.integers("axes"), steps: nil)
    } else {
      try attributes.expect(inputs: 3...5)
      limits = nil
    }
  }

  private func boxes(_ inputs: [Fact?]) throws -> [BoxAxis] {
    let shape = inputs[0]!.shape
    func list(_ position: Int, _ name: String) throws -> [Int]? {
      guard position < inputs.count, let fact = inputs[position] else { return nil }
      return try fact.integers(name)
    }
    let limits =
      try limits
      ?? Limits(
        starts: list(1, "the starts")!, ends: list(2, "the ends")!, axes: list(3, "the axes"),
        steps: list(4, "the steps"))
    let axes = limits.axes ?? Array(limits.starts.indices)
    let steps = limits.steps ?? axes.map { _ in 1 }
    guard limits.starts.count == axes.count, limits.ends.count == axes.count, steps.count == axes.count else {
      throw OperatorError("starts, ends, axes and steps have different lengths")
    }
    var boxes = shape.map { BoxAxis(extent: $0) }
    for (index, given) in axes.enumerated() {
      let axis = try normalized(given, rank: shape.count)
      let extent = shape[axis]
      let step = steps[index]
      guard step != 0, step.magnitude < 1 << 40 else { throw OperatorError("a step is \(step)") }
      func clamped(_ limit: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(limit < 0 ? limit + extent : limit, range.lowerBound), range.upperBound)
      }
      let range = step > 0 ? 0...extent : -1...max(extent - 1, -1)
      let start = clamped(limits.starts[index], step > 0 ? range : 0...max(extent - 1, 0))
      let end = clamped(limits.ends[index], range)
      let count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step
      boxes[axis] = BoxAxis(extent: max(count, 0), source: start, step: step)
    }
    return boxes
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let boxes = try boxes(inputs)
    if let batch = input.batchAxis {
      let box = boxes[batch]
      if box.source != 0 || box.step != 1 || box.extent != input.shape[batch] {
        throw OperatorError.mixing("it picks from axis \(batch), along which the samples lie")
      }
    }
    if input.constant == nil, boxes.contains(where: { $0.extent == 0 }) { throw OperatorError("its result is empty") }
    return [input.with(shape: boxes.map(\.extent), batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [picked(inputs[0]!, try boxes(inputs.map { $0.map { Fact(constant: $0) } }))]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let boxes = try boxes(node.inputs.map { $0.map { lowering.fact($0) } })
    try lowering.defineBox(boxes, of: node.inputs[0]!, as: node.outputs[0]!)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
}

/// Split: parts of given sizes (an attribute before opset 13, an input since), or equal parts.
package struct SplitLayer: Operator {
  package static let names = ["Split"]
  package var isMovement: Bool { true }

  let axis: Int
  let sizes: [Int]?
  let parts: Int
  /// Whether the last of equal parts may be smaller (opset 18).
  let allowsSmallerLast: Bool

  package init(_ attributes: OperatorAttributes) throws {
    let takesInput = attributes.opset >= 13
    try attributes.expect(inputs: takesInput ? 1...2 : 1...1, outputs: 1...4096)
    axis = try attributes.integer("axis") ?? 0
    sizes = takesInput ? nil : try attributes.integers("split")
    parts = attributes.outputs.count
    allowsSmallerLast = attributes.opset >= 18
    if attributes.opset >= 18, let count = try attributes.integer("num_outputs"), count != parts {
      throw OperatorError("attribute num_outputs is \(count), but it has \(parts) outputs")
    }
  }

  private func boxes(_ inputs: [Fact?]) throws -> (axis: Int, parts: [[BoxAxis]]) {
    let shape = inputs[0]!.shape
    let axis = try normalized(axis, rank: shape.count)
    let extent = shape[axis]
    var lengths: [Int]
    if let given = try sizes ?? (inputs.count > 1 ? inputs[1]?.integers("the sizes") : nil) {
      lengths = given
    } else {
      let each = (extent + parts - 1) / parts
      lengths = (0..<parts).map { min(each, max(extent - $0 * each, 0)) }
      if !allowsSmallerLast, extent % parts != 0 {
        throw OperatorError("axis \(axis) of \(shape) does not split into \(parts) equal parts")
      }
    }
    guard lengths.count == parts, lengths.allSatisfy({ $0 >= 0 && $0 <= extent }), lengths.reduce(0, +) == extent else {
      throw OperatorError("the sizes \(lengths) do not make up axis \(axis) of \(shape)")
    }
    var start = 0
    return (
      axis,
      lengths.map { length in
        var box = shape.map { BoxAxis(extent: $0) }
        box[axis] = BoxAxis(extent: length, source: start)
        start += length
        return box
      }
    )
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let (axis, parts) = try boxes(inputs)
    if input.batchAxis == axis { throw OperatorError.mixing("it splits axis \(axis), along which the samples lie") }
    return parts.map { input.with(shape: $0.map(\.extent), batchAxis: input.batchAxis) }
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    try boxes(inputs.map { $0.map { Fact(constant: $0) } }).parts.map { picked(inputs[0]!, $0) }
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let parts = try boxes(node.inputs.map { $0.map { lowering.fact($0) } }).parts
    for (output, box) in zip(node.outputs, parts) {
      if let output { try lowering.defineBox(box, of: node.inputs[0]!, as: output) }
    }
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
}

/// The elements of a box.
func picked(_ tensor: Tensor, _ axes: [BoxAxis]) -> Tensor {
  let strides = rowMajorStrides(tensor.shape)
  let offset = zip(axes, strides).reduce(0) { $0 + $1.0.source * $1.1 }
  let indices =
    axes.contains { $0.extent == 0 }
    ? [] : stridedIndices(axes.map(\.extent), zip(axes, strides).map { $0.step * $1 }, offset: offset)
  return tensor.picking(indices, shape: axes.map(\.extent))
}
