// Turns the nodes of a shaped graph into device steps.

import Compute
import Primitives
import Tensors

/// A value in device memory with its memory order.
public struct Stored: Sendable {
  public var value: Value
  public var layout: Layout

  public init(value: Value, layout: Layout) {
    self.value = value
    self.layout = layout
  }
}

/// The state of lowering one graph: the command list so far and where each value stands.
///
/// Operators ask for their operands in the memory order they need (`dense`, `channelsLast`, `load`), which copies only
/// where the order differs, and announce their results with `define` or, where nothing moves, `alias`.
public struct Lowering {
  public var list: CommandList
  public let graph: ShapedGraph
  /// The type of float activations.
  public let activationType: ElementType
  private var stored: [ValueID: Stored] = [:]
  private var copies: [ValueID: [Stored]] = [:]
  /// Which values are kept as 8-bit levels; nil outside int8.
  let quantization: Quantization?
  let levelSources: [ValueID: ValueID]
  var levels: [ValueID: Stored] = [:]
  /// Values that the host reads after every pass.
  private let observed: Set<ValueID>

  init(
    list: CommandList, graph: ShapedGraph, activationType: ElementType, quantization: Quantization? = nil,
    observing observed: Set<ValueID> = []
  ) {
    self.list = list
    self.graph = graph
    self.activationType = activationType
    self.quantization = quantization
    self.observed = observed
    levelSources = quantization == nil ? [:] : graph.levelSources()
  }

  public func fact(_ value: ValueID) -> Fact { graph.fact(value) }
  /// The content of an operand that is known; nil if it is missing or computed.
  public func constant(_ value: ValueID?) -> Tensor? { value.flatMap { graph.fact($0).constant } }
  public func shape(_ value: ValueID) -> [Int] { graph.fact(value).shape }

  /// Where a value stands. Constants get the type of activations, row-major.
  public mutating func stored(_ id: ValueID) throws -> Stored {
    if let found = stored[id] { return found }
    if let found = levels[id] {
      let numbers = try numbers(ofLevels: found, id)
      stored[id] = numbers
      return numbers
    }
    guard let tensor = constant(id) else {
      throw OperatorError("the value \(graph.valueNames[id]) is read before it is written")
    }
    let typed = tensor.type.isFloat ? tensor.converted(to: activationType) : tensor
    let result = Stored(
      value: list.constant(typed, name: graph.valueNames[id]), layout: .dense(tensor.shape))
    stored[id] = result
    return result
  }

  /// Like `stored`, but a constant is binary32 whatever the activations are, as `Binary` and `Gather` take it.
  public mutating func operand(_ id: ValueID) throws -> Stored {
    guard let tensor = constant(id), tensor.type.isFloat else { return try stored(id) }
    return Stored(
      value: list.constant(tensor.converted(to: .float32), name: graph.valueNames[id]), layout: .dense(tensor.shape))
  }

  /// A new binary32 constant, such as a filter in the order that a step wants.
  public mutating func weights(_ shape: [Int], _ numbers: [Double], name: String) -> Value {
    list.constant(Tensor(shape: shape, type: .float32, doubles: numbers), name: name)
  }

  /// The operand in a given memory order, copied if it stands otherwise.
  public mutating func load(_ id: ValueID, as layout: Layout) throws -> Value {
    let current = try stored(id)
    if current.layout == layout { return current.value }
    if let copy = copies[id]?.first(where: { $0.layout == layout }) { return copy.value }
    let copy = try rearranged(current, as: layout, name: graph.valueNames[id])
    copies[id, default: []].append(copy)
    return copy.value
  }

  /// The operand row-major.
  public mutating func dense(_ id: ValueID) throws -> Value { try load(id, as: .dense(shape(id))) }

  /// The operand as an image with channels innermost, under its physical shape with two spatial dimensions
  /// (a signal [N, C, L] is an image of one row).
  public mutating func channelsLast(_ id: ValueID) throws -> Value {
    let shape = shape(id)
    return view(try load(id, as: .channelsLast(shape)), Self.imageShape(shape))
  }

  /// [N, C, H, W] to [N, H, W, C], and [N, C, L] to [N, 1, L, C].
  public static func imageShape(_ shape: [Int]) -> [Int] {
    shape.count == 3 ? [shape[0], 1, shape[2], shape[1]] : [shape[0]] + shape[2...] + [shape[1]]
  }

  /// A value under another physical shape.
  public mutating func view(_ value: Value, _ shape: [Int]) -> Value {
    list[value].shape == shape ? value : list.view(of: value, shape)
  }

  /// A new value for a result in a given memory order.
  public mutating func define(_ id: ValueID, layout: Layout, as physicalShape: [Int]? = nil) -> Value {
    let fact = fact(id)
    let type = fact.type.isFloat ? activationType : fact.type
    let (shape, name) = (physicalShape ?? fact.shape, graph.valueNames[id])
    let value = observed.contains(id) ? list.output(shape, type, name: name) : list.transient(shape, type, name: name)
    stored[id] = Stored(value: value, layout: layout)
    return value
  }

  /// The numbers of a value in memory that the host can read, in whatever order they stand.
  mutating func observed(_ id: ValueID) throws -> Value {
    let value = try stored(id).value
    if case .output = list[list.owner(of: value)].kind { return value }
    let copy = list.output([list[value].count], list[value].type, name: graph.valueNames[id])
    try list.append(
      CopyStrided(input: value, output: copy, extents: [list[value].count], inputStrides: [1], outputStrides: [1]))
    return copy
  }

  /// A result that is row-major.
  public mutating func defineDense(_ id: ValueID, as physicalShape: [Int]? = nil) -> Value {
    define(id, layout: .dense(shape(id)), as: physicalShape)
  }

  /// A result that is an image with channels innermost.
  public mutating func defineChannelsLast(_ id: ValueID) -> Value {
    define(id, layout: .channelsLast(shape(id)), as: Self.imageShape(shape(id)))
  }

  /// A result that is an existing value, read in another way.
  public mutating func alias(_ id: ValueID, _ existing: Stored) { stored[id] = existing }

  /// Scratch memory of the activations' type.
  public mutating func scratch(_ shape: [Int], name: String) -> Value {
    list.transient(shape, activationType, name: name)
  }

  /// A copy in another memory order.
  public mutating func rearranged(_ source: Stored, as layout: Layout, name: String) throws -> Stored {
    let perAxis = zip(layout.axes, source.layout.axes).map { Layout.loops([$0, $1]) }
    guard perAxis.allSatisfy({ $0 != nil }) else {
      // Every order splits a row-major one evenly, so the way over row-major memory is always open.
      let between = try rearranged(source, as: .dense(layout.shape), name: name)
      return try rearranged(between, as: layout, name: name)
    }
    let loops = Layout.ordered(perAxis.flatMap { $0! })
    let copy = list.transient(layout.shape, list[source.value].type, name: name)
    try list.append(
      CopyStrided(
        input: source.value, output: copy, extents: loops.map(\.extent), inputStrides: loops.map { $0.strides[1] },
        outputStrides: loops.map { $0.strides[0] }))
    return Stored(value: copy, layout: layout)
  }

  /// The operand with the given axes forming one block of memory, in any order inside and outside.
  public mutating func block(
    _ id: ValueID, axes: Set<Int>
  ) throws -> (stored: Stored, outer: Int, length: Int, inner: Int) {
    var current = try stored(id)
    var block = current.layout.block(axes)
    if block == nil {
      let shape = shape(id)
      let order = shape.indices.filter { !axes.contains($0) } + axes.sorted()
      let layout = Layout.ordered(shape, order)
      current = Stored(value: try load(id, as: layout), layout: layout)
      block = layout.block(axes)
    }
    return (current, block!.outer, block!.length, block!.inner)
  }

  /// The memory order of a result whose given axes, a block of an operand, shrank to extent 1.
  public func collapsed(
    _ operand: (stored: Stored, outer: Int, length: Int, inner: Int), axes: Set<Int>, keepingAxes: Bool
  ) -> Layout {
    let collapsed = operand.stored.layout.collapsing(axes, block: (operand.outer, operand.length, operand.inner))
    if keepingAxes { return collapsed }
    return Layout(collapsed.axes.indices.filter { !axes.contains($0) }.map { collapsed.axes[$0] })
  }

  /// Records an elementwise function of two operands with broadcasting.
  public mutating func appendBinary(
    _ operation: Binary.Operation, _ left: ValueID, _ right: ValueID, output: ValueID,
    activation: FusedActivation = .none
  ) throws {
    let result = try combine(
      operation, try operand(left), try operand(right), shape: shape(output), name: graph.valueNames[output],
      activation: activation)
    alias(output, result)
  }

  /// An elementwise function of two float operands that broadcast to `shape`, in the memory order of the larger one.
  public mutating func combine(
    _ operation: Binary.Operation, _ left: Stored, _ right: Stored, shape: [Int], name: String,
    activation: FusedActivation = .none
  ) throws -> Stored {
    var operands = [left, right]
    for operand in operands where !list[operand.value].type.isFloat {
      throw OperatorError(
        "arithmetic on \(list[operand.value].type.rawValue) is only supported where it can be "
          + "computed when the model is loaded")
    }
    let full = operands.firstIndex { $0.layout.shape == shape && !isConstant($0.value) }
    let layout = full.map { operands[$0].layout } ?? .dense(shape)
    if Self.broadcastLoops(layout, operands.map(\.layout), shape) == nil {
      // Whatever interleaves with the result's order is brought into row-major order first.
      for index in operands.indices where index != full {
        operands[index] = try rearranged(operands[index], as: .dense(operands[index].layout.shape), name: name)
      }
    }
    guard let loops = Self.broadcastLoops(layout, operands.map(\.layout), shape), loops.count <= 6 else {
      throw OperatorError(
        "broadcasting \(left.layout.shape) with \(right.layout.shape) takes more than six dimensions")
    }
    let value = list.transient(shape, activationType, name: name)
    try list.append(
      Binary(
        operation, left: operands[0].value, right: operands[1].value, output: value, shape: loops.map(\.extent),
        leftStrides: loops.map { $0.strides[1] }, rightStrides: loops.map { $0.strides[2] }, activation: activation))
    return Stored(value: value, layout: layout)
  }

  /// Records a function of each element, in the operand's memory order.
  public mutating func apply(_ operation: Unary.Operation, to operand: Stored, name: String) throws -> Stored {
    guard list[operand.value].type.isFloat else {
      throw OperatorError(
        "arithmetic on \(list[operand.value].type.rawValue) is only supported where it can be "
          + "computed when the model is loaded")
    }
    let value = list.transient(list[operand.value].shape, activationType, name: name)
    try list.append(Unary(operation, input: operand.value, output: value))
    return Stored(value: value, layout: operand.layout)
  }

  private func isConstant(_ value: Value) -> Bool {
    if case .constant = list[list.owner(of: value)].kind { true } else { false }
  }

  /// Loops over a result of `shape` with the strides of operands that broadcast to it.
  static func broadcastLoops(_ output: Layout, _ operands: [Layout], _ shape: [Int]) -> [Layout.Loop]? {
    var result: [Layout.Loop] = []
    for axis in shape.indices {
      var lists = [output.axes[axis]]
      for operand in operands {
        let own = axis - (shape.count - operand.axes.count)
        let factors = own < 0 ? [] : operand.axes[own]
        lists.append(factors.isEmpty && shape[axis] > 1 ? [Layout.Factor(shape[axis], 0)] : factors)
      }
      guard let loops = Layout.loops(lists) else { return nil }
      result += loops
    }
    if result.isEmpty { result = [Layout.Loop(extent: 1, strides: [0] + operands.map { _ in 0 })] }
    return Layout.ordered(result)
  }
}
