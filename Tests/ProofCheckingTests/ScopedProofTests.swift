import BranchAndBound
import CertificateChecking
import Certificates
import GatherBounds
import Networks
import TestSupport
import Testing

// Proofs of a search that bounds pieces of the region anew (`ProofTree.Node.bounds`), and forged ones.

@Suite("Proofs with bounds of their own")
struct ScopedProofTests {
  /// Affine layers and ReLUs in turns, with so many neurons each.
  private func network(_ counts: [Int], _ random: inout SeededGenerator) -> Network {
    var maker = NetworkMaker(inputs: counts[0])
    var last = 0
    for index in 1..<counts.count {
      let scale = 1.8 / Double(counts[index - 1]).squareRoot()
      let weights = (0..<counts[index]).map { _ in
        (0..<counts[index - 1]).map { _ in Double(Float.random(in: -1...1, using: &random)) * scale }
      }
      let bias = (0..<counts[index]).map { _ in Double.random(in: -0.2...0.2, using: &random) }
      last = maker.affine(weights, bias, of: last)
      if index + 1 < counts.count { last = maker.function(.relu, of: last) }
    }
    return maker.network()
  }

  /// What the search proves with few parts for each piece.
  private func search(
    _ network: Network, _ property: Property, memory: Int = 4 << 30, constrainedGain: Double? = nil
  ) async throws -> ProofTree? {
    var settings = SplitSearchSettings()
    settings.partsBeforeNarrowing = 4
    settings.rootIterations = 10
    settings.narrowingDepth = 2
    if let constrainedGain { settings.constrainedGain = constrainedGain }
    let problem = SearchProblem(network: network, verificationCase: VerificationCase(property.cases[0], of: network))
    let options = SearchOptions(deadline: .now + .seconds(300), memory: memory, wantsProof: true)
    let engine = ActivationSplitSearch(
      settings: settings,
      makeBounder: { problem, options in
        var gather = GatherOptions()
        gather.deadline = options.deadline
        return try await GatherBounder(problem.network, problem.verificationCase, gather)
      })
    let outcome = try await engine.search(problem, options, SearchEvents(isWitness: { _ in true }))
    guard case .proven(let tree) = outcome.result else { return nil }
    return try #require(tree, "a proof was asked for")
  }

  /// A network, its box and the least value of the first output that samples found.
  private func example(_ seed: UInt64) -> (network: Network, box: [(Double, Double)], least: Double) {
    var random = SeededGenerator(seed: seed)
    let network = network([4, 14, 14, 14, 1], &random)
    let box = (0..<4).map { _ in (-0.6, 0.6) }
    var least = Double.infinity
    for _ in 0..<20_000 {
      let x = box.map { Double.random(in: $0.0...$0.1, using: &random) }
      least = min(least, network.outputs(x)[0])
    }
    return (network, box, least)
  }

  private func count(_ tree: ProofTree) -> Int {
    tree.nodes.reduce(0) { sum, node in
      switch node {
      case .bounds, .neuronBounds: sum + 1
      default: sum
      }
    }
  }

  @Test("Pieces that are bounded anew are accepted; without a leaf or for a violated limit they are refused")
  func pieces() async throws {
    var pieces = 0
    var random = SeededGenerator(seed: 5)
    for seed in 31..<35 as Range<UInt64> {
      let (network, box, least) = example(seed)
      let violated = makeChecker(network, forbid([1], atMost: least + 1e-6, box: box))
      let options = ProofChecker.Options(bisections: 0)
      // Limits nearer and nearer to the outputs: the last ones need pieces.
      var found: (tree: ProofTree, property: Property)?
      for gap in [0.8, 0.4, 0.2, 0.1, 0.05] {
        let property = forbid([1], atMost: least - gap, box: box)
        guard let tree = try await search(network, property) else { break }
        found = (tree, property)
        if count(tree) > 0 { break }
      }
      guard let (tree, property) = found else { continue }
      let checker = makeChecker(network, property)
      let read = try VerificationProof(decoding: proof([tree]).encoded())
      // A leaf that was proven by a hair may need to be halved once more.
      let verdict = checker.check(read)
      #expect(verdict.isAccepted && verdict.bisections * 10 <= verdict.leaves, "seed \(seed): \(verdict)")
      #expect(!violated.check(read, options: options).isAccepted, "seed \(seed)")
      pieces += count(tree)
      let leaves = tree.nodes.indices.filter { if case .leaf = tree.nodes[$0] { true } else { false } }
      for leaf in leaves.shuffled(using: &random).prefix(10) {
        var cut = tree
        cut.nodes.remove(at: leaf)
        #expect(!checker.check(proof([cut]), options: options).isAccepted, "seed \(seed), leaf \(leaf)")
      }
      for round in 0..<20 {
        var forged = tree
        for _ in 0..<Int.random(in: 1...3, using: &random) { forged = mutated(forged, network, &random) }
        // Bounds anew in more places are as valid as elsewhere.
        forged.nodes.insert(.bounds, at: Int.random(in: 0...forged.nodes.count, using: &random))
        let bytes = try proof([forged]).encoded()
        guard let read = try? VerificationProof(decoding: bytes) else { continue }
        #expect(!violated.check(read, options: options).isAccepted, "seed \(seed), round \(round)")
      }
    }
    #expect(pieces > 0, "no piece was bounded anew")
  }

  @Test("Bounds under a clause's own constraint: no violating point escapes, and only that clause may use them")
  func constrained() async throws {
    var (tighter, empty) = (0, 0)
    for seed in 41..<47 as Range<UInt64> {
      let (network, box, least) = example(seed)
      var random = SeededGenerator(seed: seed + 100)
      for limit in [least + 0.3, least + 0.05, least - 0.8] {
        let property = forbid([1], atMost: limit, box: box)
        let region = VerificationCase(property.cases[0], of: network)
        let bounder = try await GatherBounder(network, region, GatherOptions())
        let neuron = bounder.slots[Int.random(in: bounder.slots.indices, using: &random)]
        for path in [[], [NeuronSplit(neuron: neuron, isActive: seed % 2 == 0)]] {
          var options = ConstrainedBounds(iterations: 20, threads: 2, deadline: .now + .seconds(300))
          let whole: any ActivationSplitBounder
          switch try #require(try await bounder.narrowed(to: path, threads: 2, deadline: .now + .seconds(300))) {
          case .empty: continue
          case .part(let part): whole = part
          }
          var found = try #require(try await whole.constrained(by: 0, splits: path, options: options))
          for _ in 0..<8 {
            guard case .part(let part) = found.result else { break }
            options.weights = found.weights
            guard let next = try await part.constrained(by: 0, splits: path, options: options) else { break }
            found = next
          }
          var violating = 0
          for _ in 0..<20_000 {
            let x = box.map { Double.random(in: $0.0...$0.1, using: &random) }
            let values = network.evaluate(x)
            let isInside = path.allSatisfy { $0.isActive ? values[$0.neuron] >= 0 : values[$0.neuron] <= 0 }
            guard isInside, values.last! <= limit else { continue }
            violating += 1
            guard case .part(let part) = found.result else { break }
            for slot in whole.slots {
              #expect(part.lower[slot] <= values[slot] + 1e-9 && values[slot] <= part.upper[slot] + 1e-9)
            }
          }
          if case .part(let part) = found.result {
            if whole.slots.contains(where: { part.upper[$0] - part.lower[$0] < whole.upper[$0] - whole.lower[$0] }) {
              tighter += 1
            }
          } else {
            empty += 1
            #expect(violating == 0, "seed \(seed): nothing was left, but \(violating) samples are")
          }
          // In a case with two clauses the same node may not stand above both.
          var two = property
          two.cases[0].clauses += forbid([1], atMost: least - 100, box: box).cases[0].clauses
          let checker = makeChecker(network, two)
          let leaf = ProofTree.Node.leaf(.init(recomputesBounds: false, refutations: [.init(rows: [])]))
          let above = checker.check(proof([ProofTree(nodes: [.neuronBounds(found.bounds), plainLeaf])]))
          #expect(!above.isAccepted && "\(above)".contains("several"), "\(above)")
          // Nor by the other one.
          let nodes: [ProofTree.Node] = [.clauses, leaf, .neuronBounds(found.bounds), plainLeaf]
          let other = checker.check(proof([ProofTree(nodes: nodes)]))
          #expect(!other.isAccepted, "\(other)")
        }
      }
    }
    #expect(tighter > 5 && empty > 0, "the constraint never mattered: tighter \(tighter), empty \(empty)")
  }

  /// What a proof's bounds of neurons take, node by node, as the search counts it.
  private func boundBytes(_ tree: ProofTree) -> [Int] {
    tree.nodes.compactMap { node in
      guard case .neuronBounds(let list) = node else { return nil }
      return list.reduce(0) { $0 + 160 + 8 * $1.terms.slopes.count + 4 * $1.terms.splitMultipliers.count }
    }
  }

  @Test("Bounds of neurons in a proof take a quarter of the memory, and the search goes on without more of them")
  func storedBoundsAreCapped() async throws {
    var compared = 0
    for seed in 31..<39 as Range<UInt64> where compared == 0 {
      let (network, box, least) = example(seed)
      for gap in [0.2, 0.1, 0.05] where compared == 0 {
        let property = forbid([1], atMost: least - gap, box: box)
        guard let free = try await search(network, property, constrainedGain: 1e-4) else { continue }
        let (sizes, largest) = (boundBytes(free), boundBytes(free).max() ?? 0)
        let total = sizes.reduce(0, +)
        // Two workers may each be in a round when the quarter is full.
        guard total > 6 * largest else { continue }
        let memory = 2 * total
        guard let capped = try await search(network, property, memory: memory, constrainedGain: 1e-4) else {
          Issue.record("seed \(seed), gap \(gap): with little memory nothing is proven")
          continue
        }
        compared += 1
        let stored = boundBytes(capped)
        #expect(stored.reduce(0, +) <= memory / 4 + 2 * (stored.max() ?? 0), "seed \(seed), gap \(gap)")
        #expect(stored.reduce(0, +) < total, "seed \(seed), gap \(gap)")
        let verdict = makeChecker(network, property).check(proof([capped]))
        #expect(verdict.isAccepted, "seed \(seed), gap \(gap): \(verdict)")
      }
    }
    #expect(compared > 0, "no proof had bounds of many rounds")
  }

  @Test("Bounds anew under contradictory or missing splits prove nothing about a violated limit")
  func forgedPieces() throws {
    let (network, box, least) = example(31)
    let violated = makeChecker(network, forbid([1], atMost: least + 1e-6, box: box))
    let options = ProofChecker.Options(bisections: 0)
    #expect(!violated.check(proof([ProofTree(nodes: [.bounds, plainLeaf])]), options: options).isAccepted)
    let nothing = ProofTree.Node.leaf(.init(recomputesBounds: false, refutations: [.init(rows: [])]))
    #expect(!violated.check(proof([ProofTree(nodes: [.bounds, nothing])]), options: options).isAccepted)
    for neuron in network.layers[1].neurons {
      let tree = ProofTree(nodes: [.splitNeuron(neuron, at: 0), .bounds, nothing, .bounds, nothing])
      #expect(!violated.check(proof([tree]), options: options).isAccepted, "\(neuron)")
    }
  }
}
