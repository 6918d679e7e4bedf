import Networks

// The form of a proof tree: where each subtree ends, and whether every number in it means something. A tree that is
// whole covers its region by construction, because the halves of a split share the same number.

struct TreeShape {
  /// For each node, the place behind its subtree.
  let ends: [Int32]
  /// Whether some leaf or clip in the subtree computes bounds for its part.
  let computesBounds: [Bool]

  /// The shape, or what is wrong as a sentence.
  static func of(_ tree: ProofTree, _ region: VerificationCase, _ network: Network) -> Result<TreeShape, TreeProblem> {
    let nodes = tree.nodes
    func fail(_ reason: String) -> Result<TreeShape, TreeProblem> { .failure(TreeProblem(reason)) }
    guard !nodes.isEmpty else { return fail("The tree is empty.") }
    guard nodes.count < Int(Int32.max) else { return fail("The tree has too many nodes.") }
    let neurons = 0..<network.neuronCount
    for entry in tree.rootSlopes {
      guard neurons.contains(entry.neuron), entry.slopes.allSatisfy({ isNamed($0, neurons) }) else {
        return fail("A root slope names a neuron that the network does not have.")
      }
    }
    var isByClause = false
    if case .clauses = nodes[0] { isByClause = true }
    var ends = [Int32](repeating: 0, count: nodes.count)
    var computes = [Bool](repeating: false, count: nodes.count)
    for index in nodes.indices.reversed() {
      /// The end of the subtree that starts at a place, or nil.
      func end(_ start: Int) -> Int? { start < nodes.count ? Int(ends[start]) : nil }
      let missing = "The tree ends inside a subtree (node \(index))."
      switch nodes[index] {
      case .leaf(let leaf):
        if let problem = problem(of: leaf, region, neurons, isByClause) { return fail("\(problem) (node \(index)).") }
        ends[index] = Int32(index + 1)
        computes[index] = leaf.recomputesBounds
      case .quadratic(let combinations):
        if let problem = problem(of: combinations, region, network) { return fail("\(problem) (node \(index)).") }
        guard let stop = end(index + 1) else { return fail(missing) }
        ends[index] = Int32(stop)
        computes[index] = computes[index + 1]
      case .clip:
        guard let stop = end(index + 1) else { return fail(missing) }
        ends[index] = Int32(stop)
        computes[index] = true
      case .bounds, .neuronBounds:
        if case .neuronBounds(let list) = nodes[index] {
          guard isByClause || region.clauses.count == 1 else {
            return fail("Node \(index) bounds neurons by one clause, where several are to be refuted.")
          }
          for bound in list {
            if !neurons.contains(bound.neuron) { return fail("Node \(index) bounds a neuron that does not exist.") }
            if let problem = problem(of: bound.terms, region, neurons) { return fail("\(problem) (node \(index)).") }
          }
        }
        guard let stop = end(index + 1) else { return fail(missing) }
        ends[index] = Int32(stop)
        computes[index] = computes[index + 1]
      case .splitInput(let input, let at):
        guard network.inputs.contains(input), at.isFinite else { return fail("Node \(index) splits no input.") }
        guard let middle = end(index + 1), let stop = end(middle) else { return fail(missing) }
        ends[index] = Int32(stop)
        computes[index] = computes[index + 1] || computes[middle]
      case .splitNeuron(let neuron, let at):
        guard neurons.contains(neuron), at.isFinite else { return fail("Node \(index) splits no neuron.") }
        guard let middle = end(index + 1), let stop = end(middle) else { return fail(missing) }
        ends[index] = Int32(stop)
        computes[index] = computes[index + 1] || computes[middle]
      case .clauses:
        guard index == 0 else { return fail("Node \(index) separates clauses below the root.") }
        var stop = 1
        for _ in region.clauses {
          guard let next = end(stop) else { return fail(missing) }
          stop = next
        }
        ends[0] = Int32(stop)
      }
    }
    guard Int(ends[0]) == nodes.count else { return fail("Nodes follow the end of the tree.") }
    return .success(TreeShape(ends: ends, computesBounds: computes))
  }

  /// Whether a slope's number is that of an operand, or -1 - j for a neuron j.
  private static func isNamed(_ slope: ProofTree.Slope, _ neurons: Range<Int>) -> Bool {
    let number = Int(slope.neuron)
    return neurons.contains(number >= 0 ? number : -1 - number)
  }

  /// The clause of each refutation's rows is checked by the walk, which knows it below `clauses`.
  private static func problem(
    of leaf: ProofTree.Leaf, _ region: VerificationCase, _ neurons: Range<Int>, _ isByClause: Bool
  ) -> String? {
    let count = leaf.refutations.count
    guard count == 0 || count == (isByClause ? 1 : region.clauses.count) else {
      return "A leaf has \(count) refutations for \(isByClause ? 1 : region.clauses.count) clauses"
    }
    let inputs = 0..<Int32(clamping: region.lower.count)
    for line in leaf.refutations.lazy.flatMap(\.jointLines) {
      guard line.inputs.allSatisfy({ inputs.contains($0) }), line.inputs.count == line.slopes.count,
        zip(line.inputs, line.inputs.dropFirst()).allSatisfy({ $0 < $1 })
      else { return "A joint line does not name ascending inputs" }
      guard line.intercept.isFinite, line.slopes.allSatisfy(\.isFinite) else {
        return "A joint line has a number that is not finite"
      }
    }
    return leaf.refutations.lazy.compactMap { problem(of: $0, region, neurons) }.first
  }

  private static func problem(
    of combinations: [ProofTree.Combination], _ region: VerificationCase, _ network: Network
  ) -> String? {
    let wide = zip(region.lower, region.upper).filter { $0 < $1 }.count
    guard wide <= QuadraticModels.mostInputs, network.neuronCount <= QuadraticModels.mostNeurons else {
      return "Quadratic bounds over \(wide) inputs and \(network.neuronCount) neurons are too many"
    }
    for (row, weight) in combinations.lazy.flatMap(\.rows) {
      guard region.rows.indices.contains(row) else { return "A combination names row \(row), which does not exist" }
      guard weight >= 0, weight.isFinite else { return "A combination has the weight \(weight)" }
    }
    return combinations.allSatisfy { !$0.rows.isEmpty } ? nil : "A combination has no row"
  }

  private static func problem(
    of refutation: ProofTree.Refutation, _ region: VerificationCase, _ neurons: Range<Int>
  ) -> String? {
    for (row, weight) in refutation.rows {
      guard region.rows.indices.contains(row) else { return "A refutation names row \(row), which does not exist" }
      guard weight >= 0, weight.isFinite else { return "A refutation has the weight \(weight)" }
    }
    guard refutation.slopes.allSatisfy({ isNamed($0, neurons) }) else {
      return "A slope names a neuron that does not exist"
    }
    guard (refutation.splitMultipliers + refutation.inputMultipliers).allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      return "A multiplier is negative or no number"
    }
    guard refutation.inputMultipliers.count <= region.inputRows.count else {
      return "There are more multipliers than input constraints"
    }
    return nil
  }
}

struct TreeProblem: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
