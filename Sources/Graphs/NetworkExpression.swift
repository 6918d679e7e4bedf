// Turns the nodes of a shaped graph into relations between real neurons.

import Networks
import Tensors

/// The state of expressing one graph: the network so far, and which element every entry of a value is.
///
/// Operators ask for the elements of their operands and announce those of their results. Nothing is rewritten and
/// nothing is rounded that is not declared: see `NetworkBuilder`.
public struct NetworkExpression {
  package typealias Element = NetworkBuilder.Element

  package var builder: NetworkBuilder
  package let graph: ShapedGraph
  private var values: [ValueID: [Element]] = [:]
  /// Values whose neurons may be read in another way too.
  private var shared: Set<ValueID> = []
  private let readers: [Int]

  init(_ graph: ShapedGraph) throws(GraphError) {
    self.graph = graph
    readers = graph.readerCounts()
    var count = 0
    for input in graph.inputs {
      guard graph.fact(input.value).type.isFloat else {
        throw .input(name: input.name, reason: "a network over real numbers needs float inputs")
      }
      count += graph.fact(input.value).count
    }
    builder = NetworkBuilder(name: graph.name, inputCount: count)
    var start = 0
    for input in graph.inputs {
      let own = graph.fact(input.value).count
      values[input.value] = Array(start..<start + own)
      start += own
    }
  }

  package func fact(_ value: ValueID) -> Fact { graph.fact(value) }
  package func shape(_ value: ValueID) -> [Int] { graph.fact(value).shape }
  package func name(_ value: ValueID) -> String { graph.valueNames[value] }
  /// The content of an operand that is known; nil if it is missing or computed.
  package func constant(_ value: ValueID?) -> Tensor? { value.flatMap { graph.fact($0).constant } }
  func isExpressed(_ value: ValueID) -> Bool { values[value] != nil || constant(value) != nil }

  /// The elements of a value in row-major order.
  package mutating func elements(_ value: ValueID) throws -> [Element] {
    if let known = values[value] { return known }
    guard let tensor = constant(value) else {
      throw OperatorError("the value \(name(value)) is read before it is written")
    }
    let elements = tensor.doubles.map { builder.constant($0) }
    values[value] = elements
    return elements
  }

  /// Whether nothing but the one reader of `value` sees its neurons, so that a sum may take over their rows.
  package func mayMerge(_ value: ValueID) -> Bool { readers[value] == 1 && !shared.contains(value) }

  /// Announces a result. `isShared`: its neurons are also other values'.
  package mutating func define(_ value: ValueID, _ elements: [Element], isShared: Bool = false) {
    precondition(elements.count == graph.fact(value).count)
    values[value] = elements
    if isShared { shared.insert(value) }
  }

  /// Expresses an operator that only moves data: its definition, applied to the elements of the inputs in `data`.
  package mutating func move(_ node: GraphNode, data: Set<Int> = [0]) throws {
    var operands: [Tensor?] = []
    var isShared = node.outputs.count > 1
    var count = 0
    for (position, value) in node.inputs.enumerated() {
      guard let value else {
        operands.append(nil)
        continue
      }
      if data.contains(position) {
        let elements = try elements(value)
        operands.append(Tensor(shape: shape(value), type: .int64, elements: elements.map { Int64($0) }))
        if constant(value) == nil, !mayMerge(value) { isShared = true }
        count += elements.count
      } else {
        guard let tensor = constant(value) else {
          throw OperatorError("what it moves where depends on the input, for which there are no bounds")
        }
        operands.append(tensor)
      }
    }
    let results = try node.operation.evaluate(operands)
    let moved = results.reduce(0) { $0 + $1.count }
    for (value, result) in zip(node.outputs, results) {
      guard let value else { continue }
      define(
        value, result.withElements(as: Int64.self) { $0.map { Int($0) } }, isShared: isShared || moved > count)
    }
  }
}

extension Graph {
  /// The graph as a network for one sample: exactly as written, nothing folded. Several inputs follow each other, and
  /// so do several outputs. `dimensions` gives extents for open dimensions by name; a leading one is 1.
  ///
  /// Everything that has no bounds is collected and named in one error. A network that would not fit in `memory` bytes,
  /// with as much again for whoever bounds it, is refused before it is made.
  /// - Complexity: O(multiply-adds + weights).
  public func network(dimensions: [String: Int] = [:], memory: Int = .max) throws(GraphError) -> Network {
    let shaped = try shapedUnrounded(dimensions: dimensions)
    let bytes = 2 * shaped.unrolledBytes
    if bytes > Double(memory) { throw .tooLarge(model: name, bytes: bytes, limit: memory) }
    return try shaped.network()
  }
}

extension ShapedGraph {
  /// Bytes of all affine layers of the network: a column and a weight for each multiply-add.
  fileprivate var unrolledBytes: Double {
    let entry = Double(MemoryLayout<Int32>.size + MemoryLayout<Double>.size)
    return nodes.reduce(0.0) { sum, node in
      let results = node.outputs.compactMap { $0.map { fact($0) } }
      return sum + entry * Double(node.operation.multiplyAdds(facts(of: node), results))
    }
  }

  /// See `Graph.network`, which also keeps arithmetic on constants from being rounded.
  public func network() throws(GraphError) -> Network {
    var expression = try NetworkExpression(self)
    var problems: [String] = []
    for node in nodes {
      // What follows from a node without bounds is not its own problem.
      guard node.inputs.allSatisfy({ $0 == nil || expression.isExpressed($0!) }) else { continue }
      do {
        try node.operation.express(node, into: &expression)
      } catch {
        problems.append("\(node.operatorName) (node \(node.name)): \(error)")
      }
    }
    guard problems.isEmpty else { throw .unsupported(model: name, problems: problems) }
    var elements: [NetworkBuilder.Element] = []
    do {
      for output in outputs { elements += try expression.elements(output) }
    } catch {
      throw .malformed("\(error)")
    }
    return expression.builder.network(outputs: elements)
  }
}
