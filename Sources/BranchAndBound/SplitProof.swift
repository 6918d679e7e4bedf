// The growing proof of a search over activation splits: one binary tree per clause.

import Networks

/// Trees whose leaves are closed one by one.
struct SplitProof: Sendable {
  private enum Node: Sendable {
    case open
    case split(slot: Int32, inactive: Int32, active: Int32)
    case closed(ProofTree.Refutation)
  }

  private var nodes: [Node]
  private let clauseCount: Int

  /// One open root for each clause; the root of clause i is node i.
  init(clauseCount: Int) {
    self.clauseCount = clauseCount
    nodes = Array(repeating: .open, count: clauseCount)
  }

  /// Splits an open node; the children are (z <= 0, z >= 0).
  mutating func split(_ node: Int32, slot: Int32) -> (inactive: Int32, active: Int32) {
    let first = Int32(nodes.count)
    nodes[Int(node)] = .split(slot: slot, inactive: first, active: first + 1)
    nodes.append(.open)
    nodes.append(.open)
    return (first, first + 1)
  }

  mutating func close(_ node: Int32, _ refutation: ProofTree.Refutation) { nodes[Int(node)] = .closed(refutation) }

  /// The trees in preorder, one under another below `clauses`; nil while a node is open.
  func tree(of bounder: any ActivationSplitBounder) -> ProofTree? {
    var result = ProofTree(rootSlopes: bounder.rootSlopes)
    if clauseCount != 1 { result.nodes.append(.clauses) }
    for root in 0..<clauseCount {
      var waiting = [Int32(root)]
      while let node = waiting.popLast() {
        switch nodes[Int(node)] {
        case .open: return nil
        case .split(let slot, let inactive, let active):
          result.nodes.append(.splitNeuron(bounder.slots[Int(slot)], at: 0))
          waiting.append(active)
          waiting.append(inactive)
        case .closed(let refutation):
          result.nodes.append(.leaf(.init(recomputesBounds: false, refutations: [refutation])))
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
