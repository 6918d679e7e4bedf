// A graph whose shapes are all known.

import Compute
import Tensors

/// A graph with all dimensions bound, every shape inferred and everything computed that does not depend on the inputs.
///
/// `facts` has an entry for every value; nodes whose results are known constants are gone.
public struct ShapedGraph: Sendable {
  public var name: String
  public var valueNames: [String]
  public var nodes: [GraphNode]
  public var inputs: [GraphInput]
  public var outputs: [ValueID]
  public var facts: [Fact?]
  /// The number of samples; nil if the model runs as it was declared.
  public var batch: Int?

  public func fact(_ value: ValueID) -> Fact { facts[value]! }

  public func facts(of node: GraphNode) -> [Fact?] { node.inputs.map { $0.flatMap { facts[$0] } } }

  /// Which nodes read each value, by value; a graph output counts as one more reader.
  func readerCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: valueNames.count)
    for node in nodes { for case let value? in node.inputs { counts[value] += 1 } }
    for output in outputs { counts[output] += 1 }
    return counts
  }

  /// A new value.
  mutating func addValue(name: String, fact: Fact) -> ValueID {
    valueNames.append(name)
    facts.append(fact)
    return valueNames.count - 1
  }

  /// Drops nodes that nothing reads.
  mutating func removeUnread() {
    var needed = Set(outputs)
    var kept: [GraphNode] = []
    for node in nodes.reversed() where node.outputs.contains(where: { $0.map(needed.contains) ?? false }) {
      kept.append(node)
      for case let value? in node.inputs { needed.insert(value) }
    }
    nodes = kept.reversed()
  }
}
