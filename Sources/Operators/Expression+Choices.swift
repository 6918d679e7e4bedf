// Comparisons, choices and casts of computed values by steps: 1 where x >= 0, else 0.

import Graphs
import Networks
import Primitives
import Tensors

extension NetworkExpression {
  /// Sums, means and extremes over axes.
  mutating func reduce(_ operation: Reduce.Operation, _ node: GraphNode, axes: Set<Int>) throws {
    let input = node.inputs[0]!
    let shape = shape(input)
    let x = try elements(input)
    let strides = rowMajorStrides(shape)
    let kept = shape.indices.filter { !axes.contains($0) }
    let inner = stridedIndices(axes.sorted().map { shape[$0] }, axes.sorted().map { strides[$0] })
    let groups = stridedIndices(kept.map { shape[$0] }, kept.map { strides[$0] }).map { base in
      inner.map { x[base + $0] }
    }
    switch operation {
    case .sum, .mean:
      let result = builder.sums(
        node.name, of: groups.flatMap { $0 }, size: inner.count, isMean: operation == .mean)
      define(node.outputs[0]!, result)
    case .maximum, .minimum:
      let result = builder.extreme(node.name, of: groups, isMaximum: operation == .maximum)
      define(node.outputs[0]!, result, isShared: true)
    }
  }

  /// Equal, Less, Greater, LessOrEqual, GreaterOrEqual, And, Or, Not.
  mutating func compare(_ kind: String, _ node: GraphNode) throws {
    let shape = shape(node.outputs[0]!)
    let name = node.name
    let a = try broadcast(node.inputs[0]!, to: shape).elements
    let b = try node.input(1).map { try broadcast($0, to: shape).elements } ?? []
    func plain(_ elements: [Element]) -> SumTerm { SumTerm(elements: elements, mayMerge: false) }
    func all(_ number: Double) -> [Double] { .init(repeating: number, count: a.count) }
    let result: [Element]
    switch kind {
    case "Equal": result = builder.isEqual(name, a, b)
    case "GreaterOrEqual": result = builder.isAtLeast(name, a, b)
    case "LessOrEqual": result = builder.isAtLeast(name, b, a)
    case "Less": result = builder.complement(name, builder.isAtLeast(name + ".not", a, b))
    case "Greater": result = builder.complement(name, builder.isAtLeast(name + ".not", b, a))
    case "Not": result = builder.complement(name, a)
    case "And":
      // relu(a + b - 1) of numbers 0 and 1
      result = builder.function(
        name, .relu, of: builder.sum(name + ".sum", [plain(a), plain(b)], constant: all(-1)))
    default:
      // a + b - relu(a + b - 1)
      let both = builder.function(
        name + ".both", .relu, of: builder.sum(name + ".sum", [plain(a), plain(b)], constant: all(-1)))
      result = builder.sum(name, [plain(a), plain(b), SumTerm(elements: both, factor: -1, mayMerge: false)])
    }
    define(node.outputs[0]!, result)
  }

  /// Where: entries by a constant condition, else no + condition (yes - no).
  mutating func choose(_ node: GraphNode) throws {
    let shape = shape(node.outputs[0]!)
    let yes = try broadcast(node.inputs[1]!, to: shape).elements
    let no = try broadcast(node.inputs[2]!, to: shape).elements
    if let truths = constants(node.inputs[0]!, to: shape) {
      define(node.outputs[0]!, truths.indices.map { truths[$0] != 0 ? yes[$0] : no[$0] }, isShared: true)
      return
    }
    let condition = try broadcast(node.inputs[0]!, to: shape).elements
    let difference = builder.sum(
      node.name + ".difference",
      [SumTerm(elements: yes, mayMerge: false), SumTerm(elements: no, factor: -1, mayMerge: false)])
    let chosen = builder.product(node.name + ".chosen", condition, difference)
    define(
      node.outputs[0]!,
      builder.sum(node.name, [SumTerm(elements: no, mayMerge: false), SumTerm(elements: chosen, mayMerge: false)]))
  }

  /// Cast: integers and truths are real numbers already; a float becomes an integer by truncation and a truth by
  /// comparison with 0. Casts between float types round, which real numbers do not.
  mutating func cast(_ node: GraphNode, to type: ElementType) throws {
    let input = node.inputs[0]!
    let x = try elements(input)
    let from = fact(input).type
    func plain(_ elements: [Element], _ factor: Double = 1) -> SumTerm {
      SumTerm(elements: elements, factor: factor, mayMerge: false)
    }
    if type == .bool, from != .bool {
      // 2 - step(x) - step(-x)
      let isZero = builder.isEqual(node.name + ".zero", x, .init(repeating: NetworkBuilder.zero, count: x.count))
      define(node.outputs[0]!, builder.complement(node.name, isZero))
    } else if from.isFloat, !type.isFloat {
      let positive = builder.function(
        node.name + ".floor", .floor, of: builder.function(node.name + ".positive", .relu, of: x))
      let mirrored = builder.sum(node.name + ".mirrored", [plain(x, -1)])
      let negative = builder.function(
        node.name + ".mirroredFloor", .floor,
        of: builder.function(node.name + ".mirroredPositive", .relu, of: mirrored))
      define(node.outputs[0]!, builder.sum(node.name, [plain(positive), plain(negative, -1)]))
    } else {
      if from.isFloat, from != type { builder.forbidFloat32("\(node.name) rounds to \(type.rawValue)") }
      define(node.outputs[0]!, x, isShared: !mayMerge(input))
    }
  }
}
