// Simplifies a shaped graph before it is lowered: fewer steps that compute the same function up to rounding.

import Compute
import Primitives
import Tensors

/// One way of joining a node with the node that feeds it.
///
/// `join` gets two nodes of which the first's only result is read by the second alone, and gives the node that replaces
/// both. The new node stands where the second stood, so all its operands exist by then.
struct RewritingRule: Sendable {
  let name: String
  let join: @Sendable (inout ShapedGraph, _ first: GraphNode, _ second: GraphNode, _ position: Int) -> GraphNode?

  /// All rules, in the order in which they run; each runs until it finds nothing more.
  static let all: [RewritingRule] = [foldChannelAffine, fuseResidual, fuseActivation]
}

extension ShapedGraph {
  /// Applies every rule.
  /// - Complexity: O(rules x nodes), and the size of the weights that are folded.
  public mutating func rewrite() {
    for rule in RewritingRule.all { apply(rule) }
    removeUnread()
  }

  private mutating func apply(_ rule: RewritingRule) {
    var readers = readerCounts()
    var writer: [ValueID: Int] = [:]
    var index = 0
    while index < nodes.count {
      let node = nodes[index]
      var joined: (node: GraphNode, first: Int)?
      // The operand that was computed last comes first, so that a residual joins the longer branch.
      let candidates = node.inputs.enumerated().compactMap { position, value in
        value.flatMap { value in writer[value].map { (position: position, value: value, first: $0) } }
      }
      for (position, value, first) in candidates.sorted(by: { $0.first > $1.first }) where readers[value] == 1 {
        guard nodes[first].outputs.compactMap({ $0 }).count == 1 else { continue }
        if let result = rule.join(&self, nodes[first], node, position) {
          joined = (result, first)
          break
        }
      }
      if let (result, first) = joined {
        nodes[index] = result
        nodes[first].outputs = []
        readers = readerCounts()
      }
      for case let value? in nodes[index].outputs { writer[value] = index }
      // A joined node may be joined with the next one, so nothing is removed before the end.
      if joined == nil { index += 1 }
    }
    nodes.removeAll { $0.outputs.isEmpty }
  }
}
