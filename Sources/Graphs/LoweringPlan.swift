// From a graph to a command list: where the inputs stand, and the steps.

import Compute
import Primitives
import Tensors

/// Where the elements of a graph input stand in memory.
public struct InputPlacement: Sendable {
  public var name: String
  /// The logical shape, as the model declares it, with the batch first.
  public var shape: [Int]
  /// What the device memory holds: floats in the run's precision, integers as declared.
  public var type: ElementType
  /// True if the leading dimension counts the samples of the batch.
  public var isBatched: Bool
  public var layout: Layout

  /// The shape of the memory.
  public var physicalShape: [Int]

  /// The number of elements of one sample.
  public var sampleCount: Int { isBatched ? shape.dropFirst().reduce(1, *) : shape.reduce(1, *) }

  /// Where element `index` (row-major in the logical shape of one sample) of a sample stands within its memory.
  /// - Complexity: O(number of dimensions).
  public func physicalIndex(_ index: Int) -> Int {
    var rest = index
    var result = 0
    for factor in (isBatched ? Layout(Array(layout.axes.dropFirst())) : layout).axes.joined().reversed() {
      result += rest % factor.extent * factor.stride
      rest /= factor.extent
    }
    return result
  }

  /// The distance in memory between two elements of a sample that are `logicalStride` apart in row-major logical
  /// order, for `extent` steps; nil if the distance is not the same for all of them.
  public func physicalStride(logicalStride: Int, extent: Int) -> Int? {
    if extent <= 1 { return 0 }
    let stride = physicalIndex(logicalStride)
    for step in 2..<max(extent, 2) where physicalIndex(logicalStride * step) != step * stride { return nil }
    return stride
  }

  /// Rearranges whole batches from logical row-major to memory order.
  public func physical<Element>(_ logical: [Element]) -> [Element] {
    precondition(logical.count == shape.reduce(1, *))
    let indices = layout.indices()
    return [Element](unsafeUninitializedCapacity: logical.count) { buffer, count in
      for index in logical.indices { (buffer.baseAddress! + indices[index]).initialize(to: logical[index]) }
      count = logical.count
    }
  }
}

/// A graph ready to be appended to a command list.
///
/// The caller may create the inputs itself, for instance as the output of a noise step: it makes a value of
/// `inputs[i].physicalShape` and `inputs[i].type`, fills it in the order that `inputs[i]` tells, and hands it over.
public struct LoweringPlan: Sendable {
  public let graph: ShapedGraph
  public let precision: Precision
  /// The scales of an int8 network; nil for every other precision.
  public let quantization: Quantization?
  public let inputs: [InputPlacement]

  /// - Throws: a sentence where int8 has no scales, or scales for other values than the graph has.
  public init(_ graph: ShapedGraph, precision: Precision, quantization: Quantization? = nil) throws(GraphError) {
    self.graph = graph
    self.precision = precision
    self.quantization = precision == .int8 ? quantization : nil
    if precision == .int8 { try Self.check(quantization, graph) }
    inputs = graph.inputs.map { input in
      let fact = graph.fact(input.value)
      let layout = graph.preferredLayout(of: input.value) ?? .dense(fact.shape)
      return InputPlacement(
        name: input.name, shape: fact.shape, type: fact.type.isFloat ? precision.elementType : fact.type,
        isBatched: fact.batchAxis == 0, layout: layout,
        physicalShape: fact.batchAxis == 0
          ? [fact.shape[0]] + Layout(Array(layout.axes.dropFirst())).physicalShape : layout.physicalShape)
    }
  }

  /// The logical shapes of the outputs.
  public var outputShapes: [[Int]] { graph.outputs.map { graph.fact($0).shape } }

  /// Appends the network's steps and returns its outputs: float32, row-major, as values of the given kind.
  public func append(
    to list: inout CommandList, inputs values: [Value], outputs kind: OutputKind = .transient
  ) throws(GraphError) -> [Value] {
    try append(to: &list, inputs: values, outputs: kind, observing: []).outputs
  }

  /// Appends the steps, and makes other values of the graph readable for the host: float32, in any memory order.
  public func append(
    to list: inout CommandList, inputs values: [Value], outputs kind: OutputKind, observing observed: [ValueID]
  ) throws(GraphError) -> (outputs: [Value], observed: [Value]) {
    precondition(values.count == inputs.count)
    var lowering = Lowering(
      list: list, graph: graph, activationType: precision.elementType, quantization: quantization,
      observing: Set(observed))
    for (index, placement) in inputs.enumerated() {
      precondition(list[values[index]].count == placement.shape.reduce(1, *))
      precondition(list[values[index]].type == placement.type)
      lowering.alias(graph.inputs[index].value, Stored(value: values[index], layout: placement.layout))
    }
    for node in graph.nodes {
      do {
        try node.operation.lower(node, into: &lowering)
      } catch {
        throw .node(name: node.name, operatorName: node.operatorName, reason: "\(error)")
      }
    }
    var results: [Value] = []
    for output in graph.outputs {
      do {
        results.append(try lowering.finish(output, kind: kind))
      } catch {
        throw .malformed("the output \(graph.valueNames[output]): \(error)")
      }
    }
    var seen: [Value] = []
    for value in observed {
      do { seen.append(try lowering.observed(value)) } catch {
        throw .malformed("the value \(graph.valueNames[value]): \(error)")
      }
    }
    list = lowering.list
    return (results, seen)
  }

  private static func check(_ quantization: Quantization?, _ graph: ShapedGraph) throws(GraphError) {
    let wanted = try graph.requireQuantizableValues().map { graph.valueNames[$0] }
    guard let quantization else { throw .quantization("int8 needs the scales of a calibration") }
    if let missing = wanted.first(where: { quantization.scales[$0] == nil }) {
      throw .quantization("the int8 scales are those of another network: there is none for \(missing)")
    }
    guard quantization.scales.count == wanted.count else {
      throw .quantization(
        "the int8 scales are those of another network: \(quantization.scales.count) for \(wanted.count) values")
    }
    if let bad = wanted.first(where: { !(quantization.scales[$0]?.isUsable ?? false) }) {
      throw .quantization("the int8 scale of \(bad) is no positive number that can be worked with")
    }
  }

  /// How the outputs are kept.
  public enum OutputKind: Sendable {
    /// Read by later steps.
    case transient
    /// Read by the host.
    case output
  }
}

/// A command list that computes a graph and nothing else.
public struct LoweredGraph: Sendable {
  public let commands: CommandList
  public let inputs: [(placement: InputPlacement, value: Value)]
  /// Float32, row-major.
  public let outputs: [Value]
  public let outputShapes: [[Int]]
}

extension LoweringPlan {
  /// The network alone, fed by the host.
  public func lowered() throws(GraphError) -> LoweredGraph {
    var list = CommandList()
    var values: [Value] = []
    for input in inputs { values.append(list.input(input.physicalShape, input.type, name: input.name)) }
    let outputs = try append(to: &list, inputs: values, outputs: .output)
    return LoweredGraph(
      commands: list, inputs: Array(zip(inputs, values)).map { (placement: $0, value: $1) }, outputs: outputs,
      outputShapes: outputShapes)
  }
}

extension Graph {
  /// The graph bound to a batch, simplified and ready for a command list.
  public func plan(
    batch: Int, precision: Precision, dimensions: [String: Int] = [:], quantization: Quantization? = nil
  ) throws(GraphError) -> LoweringPlan {
    var shaped = try shaped(batch: batch, dimensions: dimensions)
    shaped.rewrite()
    return try LoweringPlan(shaped, precision: precision, quantization: quantization)
  }

  /// The graph as a command list of its own.
  public func lower(
    batch: Int, precision: Precision, dimensions: [String: Int] = [:]
  ) throws(GraphError) -> LoweredGraph {
    try plan(batch: batch, precision: precision, dimensions: dimensions).lowered()
  }
}

extension Lowering {
  /// An output of the graph in row-major float32.
  mutating func finish(_ id: ValueID, kind: LoweringPlan.OutputKind) throws -> Value {
    let shape = shape(id)
    guard fact(id).type.isFloat else { throw OperatorError("only float outputs are supported") }
    if constant(id) != nil { throw OperatorError("it does not depend on the inputs") }
    let value = try dense(id)
    if list[value].type == .float32, kind == .transient { return view(value, shape) }
    let name = graph.valueNames[id]
    let result: Value
    switch kind {
    case .transient: result = list.transient(shape, .float32, name: name)
    case .output: result = list.output(shape, .float32, name: name)
    }
    if list[value].type == .float32 {
      try list.append(
        CopyStrided(input: value, output: result, extents: [list[value].count], inputStrides: [1], outputStrides: [1]))
    } else {
      try list.append(Convert(input: value, output: result))
    }
    return result
  }
}

extension Layout {
  /// The shape of the memory: the extents of all factors from the outermost inwards.
  var physicalShape: [Int] {
    let extents = axes.flatMap { $0 }.sorted { $0.stride > $1.stride }.map(\.extent)
    return extents.isEmpty ? [1] : extents
  }
}

extension ShapedGraph {
  /// The memory order in which the first consumers of a value want it; nil if none of them cares.
  func preferredLayout(of value: ValueID) -> Layout? {
    let shape = fact(value).shape
    for node in nodes where node.input(0) == value {
      guard let output = node.outputs.first ?? nil else { continue }
      var layout: Layout?
      switch node.operation.layoutDemand {
      case .none: break
      case .channelsLast where shape.count >= 3: layout = .channelsLast(shape)
      case .channelsLast: break
      case .passesOn where fact(output).shape == shape: layout = preferredLayout(of: output)
      case .passesOn: break
      case .permutes(let permutation):
        guard permutation.count == shape.count, let later = preferredLayout(of: output) else { break }
        var inverse = permutation
        for (axis, source) in permutation.enumerated() { inverse[source] = axis }
        layout = later.transposed(inverse)
      }
      // The samples must stay the outermost dimension, one after another.
      let sampleStride = shape.dropFirst().reduce(1, *)
      if let layout, layout.axes.first == Layout.dense(shape).axes.first || shape[0] == 1,
        layout.axes.first?.first?.stride ?? sampleStride == sampleStride
      {
        return layout
      }
    }
    return nil
  }
}
