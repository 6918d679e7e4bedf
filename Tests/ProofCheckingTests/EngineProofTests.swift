import BranchAndBound
import CertificateChecking
import Certificates
import FusedBounds
import GatherBounds
import Networks
import TestSupport
import Testing

// Proofs that the search engines wrote, replayed; and forged ones of the same shapes.

extension Instance {
  /// The trees of an engine's search, with its seconds; nil if it did not prove everything.
  func searched(
    _ makeEngine: (SearchProblem) throws -> any SearchEngine, seconds: Double = 300, semantics: Semantics = .real
  ) async throws -> (trees: [ProofTree], seconds: Double)? {
    let start = ContinuousClock.now
    var trees: [ProofTree] = []
    for source in property.cases {
      let problem = SearchProblem(network: network, verificationCase: VerificationCase(source, of: network))
      let options = SearchOptions(deadline: start + .seconds(seconds), semantics: semantics, wantsProof: true)
      let engine = try makeEngine(problem)
      let outcome = try await engine.search(problem, options, SearchEvents(isWitness: { _ in false }))
      guard case .proven(let tree?) = outcome.result else { return nil }
      trees.append(tree)
    }
    return (trees, (ContinuousClock.now - start) / .seconds(1))
  }

  /// Checks trees and reports the rate.
  func report(_ name: String, _ trees: [ProofTree], searchSeconds: Double) throws -> ProofChecker.Verdict {
    let bytes = try proof(trees).encoded()
    let start = ContinuousClock.now
    let verdict = checker.check(try VerificationProof(decoding: bytes))
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let nodes = trees.reduce(0) { $0 + $1.nodes.count }
    print(
      "\(name): \(nodes) nodes, \(bytes.count) bytes, searched in \(searchSeconds) s, checked in \(seconds) s, "
        + "\(verdict.leaves) leaves, \(verdict.bisections) bisections, accepted: \(verdict.isAccepted)")
    return verdict
  }
}

/// Splits of ReLUs over gather blocks.
private let gatherSearch = ActivationSplitSearch(makeBounder: { problem, options in
  var gather = GatherOptions()
  gather.deadline = options.deadline
  return try await GatherBounder(problem.network, problem.verificationCase, gather)
})

/// Expects that mutations of a tree prove nothing about an instance that is violated.
private func refusesMutations(_ instance: Instance, _ trees: [ProofTree], _ violated: Instance, rounds: Int) throws {
  var random = SeededGenerator(seed: 8)
  let options = ProofChecker.Options(threads: 2, bisections: 0)
  let repeated = RepeatedChecker(violated.checker)
  for round in 0..<rounds {
    var tree = trees[0]
    for _ in 0..<Int.random(in: 0...3, using: &random) { tree = mutated(tree, instance.network, &random) }
    let read = try VerificationProof(decoding: proof([tree]).encoded())
    #expect(!repeated.check(read, options: options).isAccepted, "round \(round), seed 8")
  }
  // Remembered bounds change no verdict: the whole tree is accepted with them and without, a cut one by neither.
  let same = RepeatedChecker(instance.checker)
  for _ in 0..<2 { #expect(same.check(proof(trees), options: options).isAccepted) }
  var cut = trees
  cut[0].nodes.removeLast()
  #expect(!same.check(proof(cut), options: options).isAccepted)
}

@Suite("Engines' proofs", .enabled(if: TestData.isAvailable("vnncomp/acasxu_2023/instances.csv")), .serialized)
struct EngineProofTests {
  @Test(
    "ACAS Xu: what the fused search proves is accepted",
    arguments: [
      ("1_1", 1), ("1_1", 3), ("1_1", 5), ("2_2", 4), ("3_3", 9),
    ])
  func acas(number: String, property: Int) async throws {
    let instance = try Instance.acas(number, property)
    let found = try #require(try await instance.searched { try FusedSearch($0) })
    let verdict = try instance.report("\(number) prop_\(property)", found.trees, searchSeconds: found.seconds)
    #expect(verdict.isAccepted, "\(verdict)")
    // Removing a leaf or a half is always refused.
    var random = SeededGenerator(seed: 2)
    for _ in 0..<5 {
      var cut = found.trees
      cut[0].nodes.remove(at: Int.random(in: cut[0].nodes.indices, using: &random))
      if cut[0].nodes.count + 1 == found.trees[0].nodes.count, isWhole(cut[0].nodes) { continue }
      #expect(!instance.checker.check(proof(cut), options: .init(bisections: 0)).isAccepted)
    }
  }

  /// Removing a clip leaves a whole tree.
  private func isWhole(_ nodes: [ProofTree.Node]) -> Bool {
    var open = 1
    for node in nodes {
      if open == 0 { return false }
      switch node {
      case .splitInput, .splitNeuron: open += 1
      case .leaf: open -= 1
      case .clip, .clauses, .quadratic, .bounds, .neuronBounds: break
      }
    }
    return open == 0
  }

  @Test("ACAS Xu 3_3 prop_2, the largest tree, is checked within 10 minutes", .enabled(if: isLongTier))
  func largest() async throws {
    let instance = try Instance.acas("3_3", 2)
    let found = try #require(try await instance.searched({ try FusedSearch($0) }, seconds: 300))
    let start = ContinuousClock.now
    #expect(try instance.report("3_3 prop_2", found.trees, searchSeconds: found.seconds).isAccepted)
    #expect(ContinuousClock.now - start < .seconds(600))
  }

  @Test(
    "All unsat instances of ACAS Xu: each proof is checked within 20 times its search or 10 s", .enabled(if: isLongTier)
  )
  func allOfACAS() async throws {
    var count = 0
    for line in try TestData.lines(TestData.path("vnncomp/acasxu_2023/instances.csv")).dropFirst() {
      let row = line.split(separator: ",").map(String.init)
      guard row[3] == "unsat", !(row[0].contains("_3_3_") && row[1].contains("prop_2")) else { continue }
      let instance = try Instance("vnncomp/acasxu_2023/\(row[0])", "vnncomp/acasxu_2023/\(row[1])")
      let found = try #require(try await instance.searched { try FusedSearch($0) }, "\(row)")
      let start = ContinuousClock.now
      let verdict = try instance.report("\(row[0]) \(row[1])", found.trees, searchSeconds: found.seconds)
      #expect(verdict.isAccepted, "\(row): \(verdict)")
      #expect(!Timing.isMeasured || ContinuousClock.now - start < .seconds(max(10, 20 * found.seconds)))
      count += 1
    }
    #expect(count >= 80)
  }

  @Test("MNIST: a tree of activation splits is accepted; mutated it proves nothing about a violated image")
  func mnist() async throws {
    let lines = try TestData.lines(TestData.path("vnncomp/mnist_fc/instances.csv")).dropFirst()
    let rows = lines.map { $0.split(separator: ",").map(String.init) }.filter { $0[0].contains("256x2") }
    func instance(_ row: [String]) throws -> Instance {
      try Instance("vnncomp/mnist_fc/\(row[0])", "vnncomp/mnist_fc/\(row[1])")
    }
    let violated = try instance(try #require(rows.first { $0[3] == "sat" }))
    var accepted = 0
    for row in rows where row[3] == "unsat" && accepted < (isLongTier ? 10 : 2) {
      let proven = try instance(row)
      guard let found = try await proven.searched({ _ in ActivationSplitSearch() }, seconds: 300) else { continue }
      let verdict = try proven.report(row[1], found.trees, searchSeconds: found.seconds)
      #expect(verdict.isAccepted, "\(row): \(verdict)")
      accepted += 1
      try refusesMutations(proven, found.trees, violated, rounds: isLongTier ? 1000 : 10)
    }
    #expect(accepted > 0)
  }

  /// A tree that is checked in a moment, for many mutations, and one with bounds of neurons under a clause, for few.
  @Test(
    "CIFAR: a residual network's tree is accepted; mutated it proves nothing that the box's centre violates",
    arguments: [("prop_17_", 10_000, 10), ("prop_10_", 200, 5)])
  func cifar(property: String, longRounds: Int, rounds: Int) async throws {
    let rows = try TestData.lines(TestData.path("vnncomp/cifar10_resnet/instances.csv")).dropFirst()
      .map { $0.split(separator: ",").map(String.init) }
    let row = try #require(rows.first { $0[1].contains(property) })
    let proven = try Instance("vnncomp/cifar10_resnet/\(row[0])", "vnncomp/cifar10_resnet/\(row[1])")
    let found = try #require(try await proven.searched({ _ in gatherSearch }, seconds: 300))
    #expect(found.trees[0].nodes.count > 20)
    let boundsNeurons = found.trees[0].nodes.contains { if case .neuronBounds = $0 { true } else { false } }
    #expect(boundsNeurons == (property == "prop_10_"))
    #expect(try proven.report(row[1], found.trees, searchSeconds: found.seconds).isAccepted)
    var cut = found.trees
    cut[0].nodes.removeLast()
    #expect(!proven.checker.check(proof(cut), options: .init(bisections: 0)).isAccepted)
    // The same clauses with limits that the centre of the box meets.
    var violated = proven
    let region = VerificationCase(proven.property.cases[0], of: proven.network)
    let outputs = proven.network.outputs(zip(region.lower, region.upper).map { $0 / 2 + $1 / 2 })
    for clause in violated.property.cases[0].clauses.indices {
      for index in violated.property.cases[0].clauses[clause].indices {
        var sum = 0.0
        for term in violated.property.cases[0].clauses[clause][index].terms {
          guard case .output(let output) = term.variable else { continue }
          sum += term.coefficient.nearest * outputs[output]
        }
        violated.property.cases[0].clauses[clause][index].bound = decimal(sum + 0.01)
      }
    }
    try refusesMutations(proven, found.trees, violated, rounds: isLongTier ? longRounds : rounds)
  }

  @Test(
    "verivital: joint lines of the ReLUs on four pixels prove what splits cannot, and nothing else",
    .enabled(if: TestData.isAvailable("vnncomp/verivital/instances.csv")), arguments: [("7_0.04", "4_0.04")])
  func verivital(property: String, violated: String) async throws {
    func instance(_ name: String) throws -> Instance {
      try Instance(
        "vnncomp/verivital/onnx/Convnet_avgpool.onnx.gz", "vnncomp/verivital/vnnlib/prop_\(name).vnnlib.gz")
    }
    let proven = try instance(property)
    let found = try #require(try await proven.searched { _ in gatherSearch })
    let verdict = try proven.report("verivital prop_\(property)", found.trees, searchSeconds: found.seconds)
    #expect(verdict.isAccepted, "\(verdict)")
    let lines = found.trees[0].nodes.reduce(0) { sum, node in
      guard case .leaf(let leaf) = node else { return sum }
      return sum + leaf.refutations.reduce(0) { $0 + $1.jointLines.count }
    }
    #expect(lines >= 576, "no clause was refuted by joint lines")
    try refusesMutations(proven, found.trees, try instance(violated), rounds: isLongTier ? 10_000 : 50)
  }
}
