import CertificateChecking
import Certificates
import Networks
import Statistics
import TestSupport
import Testing

@Suite("Forged proofs", .enabled(if: TestData.isAvailable("vnncomp/acasxu_2023/instances.csv")))
struct ForgedProofTests {
  @Test("ACAS Xu: trees of unsat properties are accepted for them and refused for sat ones of the same network")
  func neighbours() throws {
    let proven = try Instance.acas("1_1", 1)
    let trees = try #require(proven.prove(limit: 3000))
    let verdict = proven.checker.check(proof(trees))
    #expect(verdict.isAccepted, "\(verdict)")
    // prop_2 of 2_1 is sat; prop_7 of 1_9 and prop_8 of 2_9 too.
    for (number, property) in [("2_1", 2), ("1_9", 7), ("2_9", 8)] {
      let violated = try Instance.acas(number, property)
      for tree in trees {
        let forged = Array(repeating: tree, count: violated.property.cases.count)
        #expect(!violated.checker.check(proof(forged)).isAccepted, "\(number) prop_\(property)")
      }
    }
  }

  @Test("ACAS Xu: mutated trees never prove a violated property, and a missing leaf is always refused")
  func mutations() throws {
    let proven = try Instance.acas("1_1", 1)
    let trees = try #require(proven.prove(limit: 3000))
    let violated = try Instance.acas("2_1", 2)
    var random = SeededGenerator(seed: 4)
    let options = ProofChecker.Options(threads: 2, bisections: 0)
    for round in 0..<(isLongTier ? 10_000 : 300) {
      var nodes = trees[0]
      for _ in 0..<Int.random(in: 1...3, using: &random) { nodes = mutated(nodes, violated.network, &random) }
      let bytes = try proof([nodes]).encoded()
      let read = try VerificationProof(decoding: bytes)
      #expect(!violated.checker.check(read, options: options).isAccepted, "round \(round), seed 4")
    }
    let leaves = trees[0].nodes.indices.filter { index in
      if case .leaf = trees[0].nodes[index] { true } else { false }
    }
    for leaf in leaves.shuffled(using: &random).prefix(20) {
      var cut = trees[0]
      cut.nodes.remove(at: leaf)
      #expect(!proven.checker.check(proof([cut]), options: options).isAccepted)
    }
  }

  @Test("No tree proves a violated row of the soundness networks", .enabled(if: TestData.isAvailable("soundness")))
  func soundnessRows() throws {
    var seen = 0
    for line in try TestData.lines(TestData.path("soundness/expected.csv")).dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      let name = fields[0]
      guard fields[2] == "sat" || fields[3] == "sat" else { continue }
      let instance: Instance
      do {
        instance = try Instance("soundness/\(name).onnx", "soundness/\(name).vnnlib")
      } catch {
        Issue.record("\(name): \(error)")
        continue
      }
      seen += 1
      let region = VerificationCase(instance.property.cases[0], of: instance.network)
      let box = Array(zip(region.lower, region.upper))
      var semantics: [Semantics] = []
      if fields[2] == "sat" { semantics.append(.real) }
      if fields[3] == "sat" { semantics.append(.float32) }
      semantics.append(.both)
      for semantics in semantics {
        for depth in [0, 1, 4, 7] {
          for recomputes in [true, false] {
            let leaf = ProofTree.Node.leaf(.init(recomputesBounds: recomputes))
            let tree = ProofTree(nodes: bisected(box, depth: depth, leaf: leaf))
            let verdict = instance.checker.check(proof([tree], semantics: semantics), options: .init(bisections: 500))
            #expect(!verdict.isAccepted, "\(name), \(semantics), depth \(depth)")
          }
        }
      }
    }
    #expect(seen >= 13)
  }

  @Test("The relations agree with another evaluation, and a wrong one is noticed")
  func semantics() throws {
    let instance = try Instance.acas("1_1", 1)
    #expect(try instance.checker.checkSemantics { instance.network.outputs($0) } == nil)
    #expect(try instance.checker.checkSemantics { instance.network.outputs($0).map { $0 + 1 } } != nil)
  }
}
