import BoundPropagation
import CertificateChecking
import Certificates
import Networks
import Statistics
import TestSupport
import Testing

/// Proofs by quadratic bounds: what is true is accepted, what is not never is.
@Suite("Proofs by quadratic bounds")
struct QuadraticProofTests {
  private static func leaf(_ combinations: [[(row: Int, weight: Float)]]) -> [ProofTree.Node] {
    [.quadratic(combinations.map { .init(rows: $0) }), .leaf(.init(recomputesBounds: false))]
  }

  private func accepts(_ network: Network, _ property: Property, _ nodes: [ProofTree.Node], bisections: Int = 0) -> Bool
  {
    makeChecker(network, property).check(proof([ProofTree(nodes: nodes)]), options: .init(bisections: bisections))
      .isAccepted
  }

  /// x^2 - x y + y^2 over [1, 2] x [-1, 2] is least at (1, 1/2): 3/4.
  private static let cone: Network = {
    var maker = NetworkMaker(inputs: 2)
    let turned = maker.affine([[1, -0.5], [-0.5, 1]], [0, 0], of: 0)
    let products = maker.product(0, turned)
    _ = maker.affine([[1, 1]], [0], of: products)
    return maker.network()
  }()

  @Test("A convex form is proven in one leaf up to its least value, and not beyond")
  func convex() {
    let box = [(1.0, 2.0), (-1.0, 2.0)]
    let one = Self.leaf([[(row: 0, weight: 1)]])
    #expect(accepts(Self.cone, forbid([1], atMost: 0.75 - 1e-9, box: box), one))
    #expect(!accepts(Self.cone, forbid([1], atMost: 0.75, box: box), one))
    #expect(!accepts(Self.cone, forbid([1], atMost: 0.75 + 1e-9, box: box), one, bisections: 10_000))
    // Lines alone do not do it in one leaf.
    #expect(!accepts(Self.cone, forbid([1], atMost: 0.75 - 1e-9, box: box), [plainLeaf]))
    // A weight of 0 says nothing.
    #expect(!accepts(Self.cone, forbid([1], atMost: 0.75 - 1e-9, box: box), Self.leaf([[(row: 0, weight: 0)]])))
  }

  @Test("Rows of one clause may be added up, rows of two may not")
  func clauses() {
    // y0 = x0 x1, y1 = -x0 x1: both at most -1/2 nowhere, each somewhere.
    var maker = NetworkMaker(inputs: 2)
    let first = maker.affine([[1, 0]], [0], of: 0)
    let second = maker.affine([[0, 1]], [0], of: 0)
    let product = maker.product(first, second)
    _ = maker.affine([[1], [-1]], [0, 0], of: product)
    let network = maker.network()
    var property = forbid([1, 0], atMost: -0.5, box: [(-1, 1), (-1, 1)])
    let other = forbid([0, 1], atMost: -0.5, box: [(-1, 1), (-1, 1)]).cases[0].clauses[0]
    property.cases[0].clauses[0] += other
    let sum = Self.leaf([[(row: 0, weight: 1), (row: 1, weight: 1)]])
    #expect(accepts(network, property, sum))
    property.cases[0].clauses = property.cases[0].clauses[0].map { [$0] }
    #expect(!accepts(network, property, sum))
    // Input 0 cut to where the clause x0 x1 <= -1/2 is out of reach proves nothing about the other one.
    let parts: [ProofTree.Node] =
      [.splitInput(0, at: 0)] + Self.leaf([[(row: 0, weight: 1)]]) + Self.leaf([[(row: 1, weight: 1)]])
    #expect(!accepts(network, property, parts, bisections: 100))
  }

  @Test(
    "No function lets a sampled point escape what was accepted",
    arguments: SampledSurface.functions)
  func sampledPoints(function: ElementaryFunction) {
    var random = SeededGenerator(seed: 78)
    var accepted = 0
    for round in 0..<8 {
      let network = randomNetwork(function, &random)
      let box = SampledSurface.box
      let least = SampledSurface.least(network)
      let claim = Self.leaf([[(row: 0, weight: 1)]])
      for depth in [0, 3] {
        var nodes = bisected(box, depth: depth)
        nodes = nodes.flatMap { node in
          if case .leaf = node { claim } else { [node] }
        }
        #expect(!accepts(network, forbid([1], atMost: least + 1e-6, box: box), nodes), "\(function), round \(round)")
        if depth == 3, accepts(network, forbid([1], atMost: least - 1, box: box), nodes) { accepted += 1 }
      }
    }
    #expect(accepted >= 3, "\(function): only \(accepted) of 8 clear claims were accepted")
  }

  @Test(
    "A Lyapunov condition of a quadrotor: the search's proof is accepted, and no change of it proves a violated one",
    .enabled(if: TestData.isAvailable("vnncomp/lsnc/instances.csv")))
  func lyapunov() async throws {
    let folder = "vnncomp/lsnc"
    let model = "\(folder)/onnx/quadrotor2d_state.onnx.gz"
    let instance = try Instance(model, "\(folder)/vnnlib/quadrotor2d_state_0.vnnlib.gz")
    let found = try #require(try await instance.searched { _ in InputSplitSearch() })
    let verdict = try instance.report("quadrotor 0", found.trees, searchSeconds: found.seconds)
    #expect(verdict.isAccepted, "\(verdict)")
    // V falls by little: by less than 0.02 somewhere in the set.
    var violated = instance
    for index in violated.property.cases[0].clauses[0].indices {
      let constraint = violated.property.cases[0].clauses[0][index]
      if case .output(0)? = constraint.terms.first?.variable {
        violated.property.cases[0].clauses[0][index].bound = decimal(0.02)
      }
    }
    var random = SeededGenerator(seed: 12)
    var isViolated = false
    let box = VerificationCase(violated.property.cases[0], of: violated.network)
    for _ in 0..<200_000 where !isViolated {
      let x = zip(box.lower, box.upper).map { Double.random(in: $0...$1, using: &random) }
      let y = violated.network.outputs(x)
      isViolated = y[0] < 0.02 && y[1] < 1.3
    }
    #expect(isViolated)
    #expect(!violated.checker.check(proof(found.trees)).isAccepted)
    let options = ProofChecker.Options(threads: 2, bisections: 0)
    for round in 0..<(isLongTier ? 10_000 : 100) {
      var tree = found.trees[0]
      for _ in 0..<Int.random(in: 1...3, using: &random) { tree = mutated(tree, instance.network, &random) }
      let read = try VerificationProof(decoding: proof([tree]).encoded())
      #expect(!violated.checker.check(read, options: options).isAccepted, "round \(round), seed 12")
    }
    for index in found.trees[0].nodes.indices.shuffled(using: &random).prefix(30) {
      var cut = found.trees[0]
      guard case .splitInput = cut.nodes[index] else { continue }
      cut.nodes.remove(at: index)
      #expect(!instance.checker.check(proof([cut]), options: options).isAccepted)
    }
  }
}
