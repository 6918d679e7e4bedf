// Pad: a constant, the edge, the mirrored or the repeated image around a value; negative amounts crop.

import Graphs
import Primitives
import Tensors

package struct PadLayer: Operator {
  package static let names = ["Pad"]
  package var isMovement: Bool { true }

  enum Mode: String { case constant, reflect, edge, wrap }

  let mode: Mode
  /// As attributes, before opset 11.
  let fixed: (pads: [Int], number: Float)?

  package init(_ attributes: OperatorAttributes) throws {
    let name = try attributes.string("mode") ?? "constant"
    guard let mode = Mode(rawValue: name) else { throw OperatorError("attribute mode has the unknown value \(name)") }
    self.mode = mode
    if attributes.opset < 11 {
      try attributes.expect(inputs: 1...1)
      guard let pads = try attributes.integers("pads") else { throw OperatorError("attribute pads is missing") }
      fixed = (pads, try attributes.float("value") ?? 0)
    } else {
      try attributes.expect(inputs: 2...4)
      fixed = nil
    }
  }

  /// For each axis the result's extent and the runs of source indices that fill it; constant padding has one run.
  private func runs(_ inputs: [Fact?]) throws -> [(extent: Int, runs: [BoxAxis])] {
    let shape = inputs[0]!.shape
    var before = shape.map { _ in 0 }
    var after = before
    let pads = try fixed?.pads ?? inputs[1]!.integers("the pads")
    let axes = try inputs.count > 3 && inputs[3] != nil ? inputs[3]!.integers("the axes") : Array(shape.indices)
    guard pads.count == 2 * axes.count else {
      throw OperatorError("there are \(pads.count) pads for \(axes.count) axes")
    }
    for (index, given) in axes.enumerated() {
      let axis = try normalized(given, rank: shape.count)
      guard pads[index].magnitude < 1 << 30, pads[index + axes.count].magnitude < 1 << 30 else {
        throw OperatorError("the pads \(pads) are out of range")
      }
      before[axis] = pads[index]
      after[axis] = pads[index + axes.count]
    }
    return try shape.indices.map { axis in
      let extent = shape[axis]
      let first = max(-before[axis], 0)
      let last = extent - max(-after[axis], 0)
      guard last > first else {
        throw OperatorError("the pads \(pads) leave nothing of axis \(axis)")
      }
      let front = max(before[axis], 0)
      let back = max(after[axis], 0)
      let kept = last - first
      var runs = [BoxAxis(extent: kept, source: first, target: front)]
      switch mode {
      case .constant: break
      case .edge:
        runs.append(BoxAxis(extent: front, source: first, step: 0))
        runs.append(BoxAxis(extent: back, source: last - 1, step: 0, target: front + kept))
      case .reflect, .wrap:
        guard front < kept + (mode == .wrap ? 1 : 0), back < kept + (mode == .wrap ? 1 : 0) else {
          throw OperatorError("the pads \(pads) reach beyond the image along axis \(axis)")
        }
        if mode == .reflect {
          runs.append(BoxAxis(extent: front, source: first + front, step: -1))
          runs.append(BoxAxis(extent: back, source: last - 2, step: -1, target: front + kept))
        } else {
          runs.append(BoxAxis(extent: front, source: last - front))
          runs.append(BoxAxis(extent: back, source: first, target: front + kept))
        }
      }
      return (front + kept + back, runs.filter { $0.extent > 0 })
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let runs = try runs(inputs)
    if let batch = input.batchAxis,
      runs[batch].extent != input.shape[batch] || runs[batch].runs.count != 1
        || runs[batch].runs[0].target != 0
    {
      throw OperatorError.mixing("it pads axis \(batch), along which the samples lie")
    }
    return [input.with(shape: runs.map(\.extent), batchAxis: input.batchAxis)]
  }

  private func number(_ inputs: [Tensor?]) -> Double {
    if let fixed { return Double(fixed.number) }
    return inputs.count > 2 ? inputs[2]?.doubles.first ?? 0 : 0
  }

  /// Every combination of one run per axis.
  private func boxes(_ runs: [(extent: Int, runs: [BoxAxis])]) -> [[BoxAxis]] {
    runs.reduce([[]]) { boxes, axis in boxes.flatMap { box in axis.runs.map { box + [$0] } } }
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let runs = try runs(inputs.map { $0.map { Fact(constant: $0) } })
    return [padded(inputs[0]!, runs, with: number(inputs))]
  }

  private func padded(_ input: Tensor, _ runs: [(extent: Int, runs: [BoxAxis])], with number: Double) -> Tensor {
    let shape = runs.map(\.extent)
    let strides = rowMajorStrides(shape)
    let x = input.doubles
    let own = rowMajorStrides(input.shape)
    var y = [Double](repeating: number, count: shape.reduce(1, *))
    for box in boxes(runs) {
      let sources = stridedIndices(
        box.map(\.extent), zip(box, own).map { $0.step * $1 },
        offset: zip(box, own).reduce(0) { $0 + $1.0.source * $1.1 })
      let targets = stridedIndices(
        box.map(\.extent), strides, offset: zip(box, strides).reduce(0) { $0 + $1.0.target * $1.1 })
      for (source, target) in zip(sources, targets) { y[target] = x[source] }
    }
    return Tensor(shape: shape, type: input.type, doubles: y)
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let runs = try runs(node.inputs.map { $0.map { lowering.fact($0) } })
    if mode == .constant, let operand = node.input(2), lowering.constant(operand) == nil {
      throw OperatorError("its constant_value must be known when the model is loaded")
    }
    let output = node.outputs[0]!
    guard lowering.fact(output).type.isFloat else { throw OperatorError("it is only supported on float values") }
    let source = try lowering.whole(node.inputs[0]!)
    let layout = lowering.similarLayout(to: source, shape: runs.map(\.extent))
    let target = Stored(value: lowering.define(output, layout: layout), layout: layout)
    if mode == .constant {
      try lowering.list.append(
        Fill(output: target.value, number: Float(number(node.inputs.map { lowering.constant($0) }))))
    }
    for box in boxes(runs) { try lowering.copyBox(box, from: source, to: target) }
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let input = node.inputs[0]!
    let runs = try runs(node.inputs.map { $0.map { expression.fact($0) } })
    let rim: Int
    if let operand = node.input(2), mode == .constant {
      rim = try expression.elements(operand)[0]
    } else {
      rim = expression.builder.constant(number([]))
    }
    let ids = Tensor(shape: expression.shape(input), type: .int64, integers: try expression.elements(input))
    let moved = padded(ids, runs, with: Double(rim))
    expression.define(
      node.outputs[0]!, moved.integers ?? [], isShared: !expression.mayMerge(input) || moved.count > ids.count)
  }

  package var layoutDemand: LayoutDemand { .channelsLast }
}
