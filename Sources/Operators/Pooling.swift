// MaxPool and AveragePool over windows of [N, C, H, W] (or [N, C, L]).

import Graphs
import Networks
import Primitives
import Tensors

/// MaxPool: padding never wins.
package struct MaxPoolLayer: Operator {
  package static let names = ["MaxPool"]

  let pool: WindowPool

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1, outputs: 1...2)
    if attributes.outputs.count > 1, attributes.outputs[1] {
      throw OperatorError("its second output (the indices) is not supported")
    }
    // Only the indices depend on the storage order.
    _ = try attributes.integer("storage_order")
    pool = try WindowPool(attributes)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] { try pool.infer(inputs) }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    try pool.evaluate(inputs[0]!) { numbers, _, _ in
      numbers.contains { $0.isNaN } ? .nan : numbers.max() ?? -.infinity
    }
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    guard lowering.standsAsLevels(node.inputs[0]!), let scale = lowering.levelScale(node.inputs[0]!) else {
      return try pool.lower(.maximum, node, into: &lowering, countIncludePadding: false)
    }
    let window = try pool.window(lowering.shape(node.inputs[0]!))
    let input = try lowering.channelsLastLevels(node.inputs[0]!)
    let output = lowering.defineChannelsLastLevels(node.outputs[0]!, scale)
    try lowering.list.append(Pool(kind: .maximum, input: input, output: output, window: window))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let input = node.inputs[0]!
    let windows = try pool.positions(expression.shape(input))
    let elements = try expression.elements(input)
    guard windows.allSatisfy({ !$0.inside.isEmpty }) else { throw OperatorError("a window holds nothing but padding") }
    let groups = windows.map { $0.inside.map { elements[$0] } }
    let result = expression.builder.extreme(node.name, of: groups, isMaximum: true)
    expression.define(node.outputs[0]!, result, isShared: !expression.mayMerge(input))
  }

  package var layoutDemand: LayoutDemand { .channelsLast }
  package var levels: LevelTraits { LevelTraits(passesOn: true) }
}

/// AveragePool: divides by the positions inside the image or, with count_include_pad, inside the padded image.
package struct AveragePoolLayer: Operator {
  package static let names = ["AveragePool"]

  let pool: WindowPool
  let countIncludePadding: Bool

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    countIncludePadding = try attributes.flag("count_include_pad")
    pool = try WindowPool(attributes)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] { try pool.infer(inputs) }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    try pool.evaluate(inputs[0]!) { numbers, inside, padded in
      numbers.reduce(0, +) / Double(countIncludePadding ? padded : inside)
    }
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    try pool.lower(.average, node, into: &lowering, countIncludePadding: countIncludePadding)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let windows = try pool.positions(expression.shape(node.inputs[0]!))
    var rows = SparseRows()
    var isExact = true
    for (inside, padded) in windows {
      let divisor = countIncludePadding ? padded : inside.count
      if divisor & (divisor - 1) != 0 { isExact = false }
      rows.append(inside.map { (column: $0, value: 1 / Double(divisor)) })
    }
    let result = expression.builder.affine(
      node.name, over: try expression.elements(node.inputs[0]!),
      AffineRows(
        rows: rows, bias: .init(repeating: 0, count: rows.count), coefficientRoundings: isExact ? 0 : 1,
        float32ExtraRoundings: 1))
    expression.define(node.outputs[0]!, result)
  }

  package var layoutDemand: LayoutDemand { .channelsLast }
}

/// What the two have in common.
struct WindowPool: Sendable {
  let attributes: WindowAttributes

  init(_ attributes: OperatorAttributes) throws {
    var window = try WindowAttributes(attributes)
    window.roundsUp = try attributes.flag("ceil_mode")
    guard window.kernel != nil else { throw OperatorError("attribute kernel_shape is missing") }
    self.attributes = window
  }

  func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    guard input.rank == 3 || input.rank == 4 else {
      throw OperatorError("its input has shape \(input.shape); only 1-D and 2-D images are supported")
    }
    if let axis = input.batchAxis, axis != 0 {
      throw OperatorError.mixing("the samples lie along axis \(axis) of its input")
    }
    let (_, output) = try attributes.window(kernel: attributes.kernel!, image: Array(input.shape[2...]))
    let spatial = input.rank == 3 ? [output[1]] : output
    return [input.with(shape: Array(input.shape[..<2]) + spatial, batchAxis: input.batchAxis)]
  }

  /// `combine` gets the numbers inside the image and how many positions lie inside the image and the padded image.
  func evaluate(_ input: Tensor, combine: ([Double], _ inside: Int, _ padded: Int) -> Double) throws -> [Tensor] {
    let x = input.doubles
    let windows = try positions(input.shape)
    let y = windows.map { inside, padded in combine(inside.map { x[$0] }, inside.count, padded) }
    let shape = try infer([Fact(shape: input.shape, type: input.type)])[0].shape
    return [Tensor(shape: shape, type: input.type, doubles: y)]
  }

  /// For every output the positions in the image that its window covers, ascending, and how many it covers of the
  /// padded image.
  func positions(_ shape: [Int]) throws -> [(inside: [Int], padded: Int)] {
    let (window, out) = try attributes.window(kernel: attributes.kernel!, image: Array(shape[2...]))
    let plane = planeExtents(shape)
    var result: [(inside: [Int], padded: Int)] = []
    for image in 0..<shape[0] * shape[1] {
      for i in 0..<out[0] {
        for j in 0..<out[1] {
          var inside: [Int] = []
          var padded = 0
          for r in 0..<window.rows {
            let row = i * window.strideRows + r * window.dilationRows - window.top
            guard row < plane[0] + window.bottom else { continue }
            for s in 0..<window.columns {
              let column = j * window.strideColumns + s * window.dilationColumns - window.left
              guard column < plane[1] + window.right else { continue }
              padded += 1
              if row >= 0, row < plane[0], column >= 0, column < plane[1] {
                inside.append((image * plane[0] + row) * plane[1] + column)
              }
            }
          }
          result.append((inside, padded))
        }
      }
    }
    return result
  }

  func window(_ input: [Int]) throws -> Window {
    try attributes.window(kernel: attributes.kernel!, image: Array(input[2...])).window
  }

  func lower(
    _ kind: Pool.Kind, _ node: GraphNode, into lowering: inout Lowering, countIncludePadding: Bool
  ) throws {
    let window = try window(lowering.shape(node.inputs[0]!))
    let input = try lowering.channelsLast(node.inputs[0]!)
    let output = lowering.defineChannelsLast(node.outputs[0]!)
    try lowering.list.append(
      Pool(kind: kind, input: input, output: output, window: window, countIncludePadding: countIncludePadding))
  }
}
