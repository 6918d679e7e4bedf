// Copies of boxes between values in any memory order: what Concat, Slice, Split, Expand and Pad are made of.

import Compute
import Graphs
import Primitives
import Tensors

/// One axis of a box: where it starts and how it steps in the source, and where it starts in the result.
struct BoxAxis {
  var extent: Int
  var source = 0
  var step = 1
  var target = 0
}

extension Lowering {
  /// A memory order for a result of `shape` that follows the operand's where every axis of that is one factor.
  func similarLayout(to operand: Stored, shape: [Int]) -> Layout {
    guard operand.layout.axes.count == shape.count, operand.layout.axes.allSatisfy({ $0.count <= 1 }) else {
      return .dense(shape)
    }
    let strides = operand.layout.axes.map { $0.first?.stride }
    // Axes of extent 1 have no place of their own in memory; they keep their logical place before the next axis.
    let order = shape.indices.sorted { left, right in
      switch (strides[left], strides[right]) {
      case (let l?, let r?) where l != r: l > r
      default: left < right
      }
    }
    let hasGaps = strides.contains { $0 == nil }
    return hasGaps ? .dense(shape) : .ordered(shape, order)
  }

  /// Copies a box from `source` into `target`, both of the same rank; steps may be negative or 0.
  mutating func copyBox(_ axes: [BoxAxis], from source: Stored, to target: Stored) throws {
    var loops: [(extent: Int, source: Int, target: Int)] = []
    var sourceOffset = 0
    var targetOffset = 0
    for (axis, box) in axes.enumerated() {
      let s = source.layout.axes[axis]
      let t = target.layout.axes[axis]
      guard s.count <= 1, t.count <= 1 else {
        throw OperatorError("a box is only copied between memory orders that keep every axis whole")
      }
      sourceOffset += box.source * (s.first?.stride ?? 0)
      targetOffset += box.target * (t.first?.stride ?? 0)
      if box.extent != 1 {
        loops.append((box.extent, box.step * (s.first?.stride ?? 0), t.first?.stride ?? 0))
      }
    }
    if loops.contains(where: { $0.extent == 0 }) { return }
    loops.sort { $0.target > $1.target }
    // Neighbouring loops that continue each other on both sides are one loop.
    var merged: [(extent: Int, source: Int, target: Int)] = []
    for loop in loops {
      if let last = merged.last, last.source == loop.source * loop.extent, last.target == loop.target * loop.extent {
        merged[merged.count - 1] = (last.extent * loop.extent, loop.source, loop.target)
      } else {
        merged.append(loop)
      }
    }
    if merged.isEmpty { merged = [(1, 1, 1)] }
    guard merged.count <= 6 else { throw OperatorError("it needs a copy over more than six dimensions") }
    try list.append(
      CopyStrided(
        input: source.value, output: target.value, extents: merged.map(\.extent), inputOffset: sourceOffset,
        inputStrides: merged.map(\.source), outputOffset: targetOffset, outputStrides: merged.map(\.target)))
  }

  /// The operand in an order that keeps every axis whole.
  mutating func whole(_ id: ValueID) throws -> Stored {
    let current = try stored(id)
    if current.layout.axes.allSatisfy({ $0.count <= 1 }) { return current }
    return Stored(value: try dense(id), layout: .dense(shape(id)))
  }

  /// A result that is one box of an operand.
  mutating func defineBox(_ axes: [BoxAxis], of input: ValueID, as output: ValueID) throws {
    let source = try whole(input)
    let layout = similarLayout(to: source, shape: axes.map(\.extent))
    let target = define(output, layout: layout)
    try copyBox(axes, from: source, to: Stored(value: target, layout: layout))
  }
}
