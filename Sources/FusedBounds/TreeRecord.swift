// What a search remembers of its tree for the proof: 16 bytes a node, in the order in which nodes were made.

import Networks

struct TreeRecord {
  private struct Entry {
    var at: Double
    /// The first child; the second follows it. 0: a leaf.
    var firstChild: UInt32
    var axis: UInt16
    var isClipped: Bool
  }

  private var entries: [Entry] = [Entry(at: 0, firstChild: 0, axis: 0, isClipped: false)]

  var bytes: Int { entries.capacity * MemoryLayout<Entry>.stride }

  mutating func close(_ node: Int, isClipped: Bool) { entries[node].isClipped = isClipped }

  /// Records a split and returns the first of its two children.
  mutating func split(_ node: Int, axis: Int, at: Double, isClipped: Bool) -> Int {
    let child = entries.count
    let leaf = Entry(at: 0, firstChild: 0, axis: 0, isClipped: false)
    entries.append(leaf)
    entries.append(leaf)
    entries[node] = Entry(at: at, firstChild: UInt32(child), axis: UInt16(axis), isClipped: isClipped)
    return child
  }

  /// The tree in preorder; its nodes are refuted with default slopes and each clause's best row.
  func tree() -> ProofTree {
    var nodes: [ProofTree.Node] = []
    nodes.reserveCapacity(entries.count + entries.count / 2)
    let leaf = ProofTree.Node.leaf(ProofTree.Leaf(recomputesBounds: true))
    var open = [0]
    while let node = open.popLast() {
      let entry = entries[node]
      if entry.isClipped { nodes.append(.clip) }
      if entry.firstChild == 0 {
        nodes.append(leaf)
      } else {
        nodes.append(.splitInput(Int(entry.axis), at: entry.at))
        open.append(Int(entry.firstChild) + 1)
        open.append(Int(entry.firstChild))
      }
    }
    return ProofTree(nodes: nodes)
  }
}
