import Networks

// A proof as bytes (Documentation/proof-format.md).

extension VerificationProof {
  /// The file's bytes. The same proof always gives the same bytes.
  package func encoded() throws -> [UInt8] {
    let writer = ProofWriter(DeflateStream(prefix: try ProofContainer.start(header, cases: trees.count)))
    for tree in trees { writer.tree(tree) }
    return ProofContainer.sealed(writer.stream.finish())
  }
}

/// The tags of nodes.
enum ProofTag {
  static let splitInput: UInt8 = 0
  static let splitNeuron: UInt8 = 1
  /// The same at +0.0, without the number.
  static let splitNeuronAtZero: UInt8 = 2
  static let clip: UInt8 = 3
  static let clauses: UInt8 = 4
  static let bounds: UInt8 = 5
  static let neuronBounds: UInt8 = 6
  static let quadratic: UInt8 = 7
  /// Leaves: plus 1 if bounds are recomputed, plus 2 if refutations follow, plus 4 if each brings joint lines.
  static let leaf: UInt8 = 8
}

private struct ProofWriter {
  let stream: DeflateStream

  init(_ stream: DeflateStream) { self.stream = stream }

  func tree(_ tree: ProofTree) {
    unsigned(UInt64(tree.rootSlopes.count))
    var previous: Int64 = 0
    for entry in tree.rootSlopes {
      signed(Int64(entry.neuron) &- previous)
      previous = Int64(entry.neuron)
      stream.append(entry.isLower ? 1 : 0)
      slopes(entry.slopes)
    }
    unsigned(UInt64(tree.nodes.count))
    for node in tree.nodes { self.node(node) }
  }

  private func node(_ node: ProofTree.Node) {
    switch node {
    case .splitInput(let input, let at):
      stream.append(ProofTag.splitInput)
      signed(Int64(input))
      word(at.bitPattern)
    case .splitNeuron(let neuron, let at):
      let isZero = at.bitPattern == 0
      stream.append(isZero ? ProofTag.splitNeuronAtZero : ProofTag.splitNeuron)
      signed(Int64(neuron))
      if !isZero { word(at.bitPattern) }
    case .clip: stream.append(ProofTag.clip)
    case .quadratic(let combinations):
      stream.append(ProofTag.quadratic)
      unsigned(UInt64(combinations.count))
      for combination in combinations { rows(combination.rows) }
    case .clauses: stream.append(ProofTag.clauses)
    case .bounds: stream.append(ProofTag.bounds)
    case .neuronBounds(let list):
      stream.append(ProofTag.neuronBounds)
      unsigned(UInt64(list.count))
      var previous: Int64 = 0
      for bound in list {
        signed(Int64(bound.neuron) &- previous)
        previous = Int64(bound.neuron)
        stream.append(bound.isLower ? 1 : 0)
        refutation(bound.terms)
      }
    case .leaf(let leaf):
      let hasRefutations = !leaf.refutations.isEmpty
      let hasJointLines = leaf.refutations.contains { !$0.jointLines.isEmpty }
      stream.append(
        ProofTag.leaf + (leaf.recomputesBounds ? 1 : 0) + (hasRefutations ? 2 : 0) + (hasJointLines ? 4 : 0))
      if hasRefutations {
        unsigned(UInt64(leaf.refutations.count))
        for refutation in leaf.refutations {
          self.refutation(refutation)
          if hasJointLines { jointLines(refutation.jointLines) }
        }
      }
    }
  }

  private func rows(_ rows: [(row: Int, weight: Float)]) {
    unsigned(UInt64(rows.count))
    for (row, weight) in rows {
      signed(Int64(row))
      single(weight)
    }
  }

  private func refutation(_ refutation: ProofTree.Refutation) {
    rows(refutation.rows)
    slopes(refutation.slopes)
    for multipliers in [refutation.splitMultipliers, refutation.inputMultipliers] {
      unsigned(UInt64(multipliers.count))
      for multiplier in multipliers { single(multiplier) }
    }
  }

  private func jointLines(_ lines: [ProofTree.JointLine]) {
    unsigned(UInt64(lines.count))
    for line in lines {
      unsigned(UInt64(line.inputs.count))
      var previous: Int64 = 0
      for input in line.inputs {
        signed(Int64(input) - previous)
        previous = Int64(input)
      }
      for slope in line.slopes { single(slope) }
      single(line.intercept)
    }
  }

  /// Neuron numbers first, then all lower bytes, then all upper ones: like beside like compresses best.
  private func slopes(_ slopes: [ProofTree.Slope]) {
    let hasUpper = slopes.contains { $0.upper != 0 }
    unsigned(UInt64(slopes.count) << 1 | (hasUpper ? 1 : 0))
    var previous: Int64 = 0
    for slope in slopes {
      signed(Int64(slope.neuron) - previous)
      previous = Int64(slope.neuron)
    }
    for slope in slopes { stream.append(slope.lower) }
    if hasUpper { for slope in slopes { stream.append(slope.upper) } }
  }

  /// LEB128: seven bits a byte, the least significant first, the top bit says that more follow.
  private func unsigned(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      stream.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    stream.append(UInt8(rest))
  }

  /// 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
  private func signed(_ value: Int64) { unsigned(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  private func word(_ value: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { stream.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  private func single(_ value: Float) {
    for shift in stride(from: 0, to: 32, by: 8) {
      stream.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift)))
    }
  }
}
