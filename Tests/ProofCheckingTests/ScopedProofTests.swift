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
  private func search(_ network: Network, _ property: Property) async throws -> ProofTree? {
    var settings = SplitSearchSettings()
    settings.partsBeforeNarrowing = 4
    settings.rootIterations = 10
    settings.narrowingDepth = 2
    let problem = SearchProblem(network: network, verificationCase: VerificationCase(property.cases[0], of: network))
    let options = SearchOptions(deadline: .now + .seconds(300), wantsProof: true)
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
    tree.nodes.reduce(0) { sum, node in if case .bounds = node { sum + 1 } else { sum } }
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
