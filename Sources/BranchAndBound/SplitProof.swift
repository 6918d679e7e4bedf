// The growing proof of a search over activation splits: one binary tree per clause.

import Networks

/// Trees whose leaves are closed one by one; used by one thread at a time.
final class SplitProof: @unchecked Sendable {
  private enum Node {
    case open
    case split(neuron: Int32, inactive: Int32, active: Int32)
    case closed(ProofTree.Refutation)
    case subtree([ProofTree.Node])
  }

  private var nodes: [Node]
  /// What comes before a node's subtree: how its part was bounded anew.
  private var before: [Int32: [ProofTree.Node]] = [:]
  private let clauseCount: Int

  /// One open root for each clause; the root of clause i is node i.
  init(clauseCount: Int) {
    self.clauseCount = clauseCount
    nodes = Array(repeating: .open, count: clauseCount)
  }

  /// Splits an open node; the children are (z <= 0, z >= 0).
  func split(_ node: Int32, neuron: Int) -> (inactive: Int32, active: Int32) {
    let first = Int32(nodes.count)
    nodes[Int(node)] = .split(neuron: Int32(neuron), inactive: first, active: first + 1)
    nodes.append(.open)
    nodes.append(.open)
    return (first, first + 1)
  }

  func close(_ node: Int32, _ refutation: ProofTree.Refutation) { nodes[Int(node)] = .closed(refutation) }

  /// Closes a node by a whole subtree, in preorder.
  func close(_ node: Int32, _ subtree: [ProofTree.Node]) { nodes[Int(node)] = .subtree(subtree) }

  /// From this node down, the bounds of all neurons are those of its own part.
  func boundAnew(_ node: Int32) { before[node, default: []].append(.bounds) }

  /// From this node down, these bounds hold where the clause is violated.
  func boundAnew(_ node: Int32, _ bounds: [ProofTree.NeuronBound]) {
    before[node, default: []].append(.neuronBounds(bounds))
  }

  /// Forgets what is below a node, so that it can be split otherwise.
  func reopen(_ node: Int32) { nodes[Int(node)] = .open }

  /// The trees in preorder, one under another below `clauses`; nil while a node is open.
  var preorder: [ProofTree.Node]? {
    var result: [ProofTree.Node] = []
    if clauseCount != 1 { result.append(.clauses) }
    for root in 0..<clauseCount {
      var waiting = [Int32(root)]
      while let node = waiting.popLast() {
        result += before[node] ?? []
        switch nodes[Int(node)] {
        case .open: return nil
        case .split(let neuron, let inactive, let active):
          result.append(.splitNeuron(Int(neuron), at: 0))
          waiting.append(active)
          waiting.append(inactive)
        case .closed(let refutation):
          result.append(.leaf(.init(recomputesBounds: false, refutations: [refutation])))
        case .subtree(let nodes): result += nodes
        }
      }
    }
    return result
  }

  /// The slopes of an item as a proof stores them, in parts of 255: those of slots that are not split, unless they are
  /// clearly the default ones (whoever replays the proof may have slightly other bounds).
  static func slopes(_ parts: [UInt8], splits: [Split], of bounder: any ActivationSplitBounder) -> [ProofTree.Slope] {
    var isSplit = Array(repeating: false, count: parts.count)
    for split in splits { isSplit[Int(split.slot)] = true }
    var result: [ProofTree.Slope] = []
    for (slot, part) in parts.enumerated() where !isSplit[slot] {
      let neuron = bounder.slots[slot]
      let (l, u) = (bounder.lower[neuron], bounder.upper[neuron])
      let isClear = (u + l).magnitude > 0x1p-10 * (u - l)
      if isClear, part == (u > -l ? 255 : 0) { continue }
      result.append(.init(neuron: Int32(neuron), lower: part))
    }
    return result
  }
}
