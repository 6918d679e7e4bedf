import BoundPropagation
import BranchAndBound
import CertificateChecking
import Certificates
import Networks
import TestSupport
import Testing

// Proofs of the general search about many inputs: lines and planes were optimised on the whole region, and the tree
// names them.

/// A network of sigmoids, products and ReLUs with many inputs.
private func mixedNetwork(_ random: inout SeededGenerator) -> Network {
  func matrix(_ rows: Int, _ columns: Int) -> [[Double]] {
    (0..<rows).map { _ in (0..<columns).map { _ in Double.random(in: -1...1, using: &random) } }
  }
  func bias(_ count: Int) -> [Double] { (0..<count).map { _ in Double.random(in: -0.5...0.5, using: &random) } }
  var maker = NetworkMaker(inputs: 16)
  let first = maker.affine(matrix(6, 16), bias(6), of: 0)
  let curves = maker.function(.sigmoid, of: first)
  let left = maker.affine(matrix(5, 6), bias(5), of: curves)
  let right = maker.affine(matrix(5, 6), bias(5), of: curves)
  let products = maker.product(left, right)
  let sums = maker.affine(matrix(6, 5), bias(6), of: products)
  let ramps = maker.function(.relu, of: sums)
  _ = maker.affine(matrix(2, 6), bias(2), of: ramps)
  return maker.network()
}

@Suite("Proofs by optimised lines")
struct CurvedProofTests {
  private func search(_ network: Network, _ property: Property) async throws -> ProofTree? {
    let problem = SearchProblem(network: network, verificationCase: VerificationCase(property.cases[0], of: network))
    let options = SearchOptions(deadline: .now + .seconds(1), wantsProof: true)
    let outcome = try await InputSplitSearch().search(problem, options, SearchEvents(isWitness: { _ in true }))
    guard case .proven(let tree) = outcome.result else { return nil }
    return try #require(tree, "a proof was asked for")
  }

  @Test("What optimised lines prove is accepted, and proves nothing about a violated limit")
  func accepted() async throws {
    var random = SeededGenerator(seed: 21)
    var withSlopes = 0
    for round in 0..<6 {
      let network = mixedNetwork(&random)
      let box = (0..<16).map { _ in (-0.1, 0.1) }
      var least = Double.infinity
      for _ in 0..<2000 {
        let x = box.map { Double.random(in: $0.0...$0.1, using: &random) }
        least = min(least, network.outputs(x)[0])
      }
      let violated = forbid([1, 0], atMost: least + 1e-6, box: box)
      // Limits further and further below the outputs: the first ones need optimised lines.
      for step in 0..<8 {
        let limit = least - 0.02 * Double(1 << step)
        let property = forbid([1, 0], atMost: limit, box: box)
        guard let tree = try await search(network, property) else { continue }
        let read = try VerificationProof(decoding: proof([tree]).encoded())
        let verdict = makeChecker(network, property).check(read)
        #expect(verdict.isAccepted, "seed 21, round \(round), limit \(limit): \(verdict)")
        if !tree.rootSlopes.isEmpty {
          withSlopes += 1
          #expect(verdict.bisections == 0 || tree.nodes.count > 2, "\(tree.nodes.count) nodes: \(verdict)")
          let options = ProofChecker.Options(bisections: 0)
          #expect(!makeChecker(network, violated).check(read, options: options).isAccepted)
          // Any positions are sound: with other ones the violated limit is not accepted either.
          var other = tree
          for list in other.rootSlopes.indices {
            for place in other.rootSlopes[list].slopes.indices {
              other.rootSlopes[list].slopes[place].lower = UInt8.random(in: 0...255, using: &random)
              other.rootSlopes[list].slopes[place].upper = UInt8.random(in: 0...255, using: &random)
            }
          }
          let forged = try VerificationProof(decoding: proof([other]).encoded())
          #expect(!makeChecker(network, violated).check(forged, options: options).isAccepted)
        }
        break
      }
    }
    #expect(withSlopes > 0)
  }

  @Test("A slope that names no neuron is refused")
  func unknownNames() throws {
    var random = SeededGenerator(seed: 22)
    let network = mixedNetwork(&random)
    let box = (0..<16).map { _ in (-0.1, 0.1) }
    let property = forbid([1, 0], atMost: -1e6, box: box)
    for name in [Int32(network.neuronCount), Int32(-1 - network.neuronCount), .min, .max] {
      let slopes = [ProofTree.Slope(neuron: name, lower: 7)]
      let tree = ProofTree(rootSlopes: [.init(neuron: 20, isLower: true, slopes: slopes)], nodes: [plainLeaf])
      #expect(!makeChecker(network, property).check(proof([tree])).isAccepted, "\(name)")
    }
    for name in [Int32(0), -1, Int32(-network.neuronCount)] {
      let slopes = [ProofTree.Slope(neuron: name, lower: 7)]
      let tree = ProofTree(rootSlopes: [.init(neuron: 20, isLower: true, slopes: slopes)], nodes: [plainLeaf])
      #expect(makeChecker(network, property).check(proof([tree])).isAccepted, "\(name)")
    }
  }

  /// x -> f(x) g(x) and x -> g(f(x)): the operands' own lines must be there when their bounds are computed.
  @Test("Functions that feed a product or a function directly are bounded by lines of their own")
  func chained() throws {
    let functions: [ElementaryFunction] = [
      .sine, .cosine, .tanh, .sigmoid, .exponential, .power(2), .power(3), .gelu, .errorFunction, .relu,
    ]
    let box = [(-1.0, 1.0)]
    for first in functions {
      for second in functions {
        for isProduct in [true, false] {
          var maker = NetworkMaker(inputs: 1)
          let whole = maker.affine([[1]], [0], of: 0)
          let inner = maker.function(first, of: whole)
          let outer =
            isProduct ? maker.product(inner, maker.function(second, of: whole)) : maker.function(second, of: inner)
          _ = maker.affine([[1]], [0], of: outer)
          let network = maker.network()
          let outputs = (0...200).map { network.outputs([-1 + 0.01 * Double($0)])[0] }
          let (least, most) = (outputs.min()!, outputs.max()!)
          let name = "\(first) \(second) \(isProduct ? "product" : "chain")"
          let tree = ProofTree(rootSlopes: [], nodes: [plainLeaf])
          for (row, limit, far) in [([1.0], least, least - 50), ([-1.0], -most, -most - 50)] {
            let violated = forbid(row, atMost: limit + 1e-3, box: box)
            #expect(!makeChecker(network, violated).check(proof([tree])).isAccepted, "\(name), \(row)")
            let held = makeChecker(network, forbid(row, atMost: far, box: box)).check(proof([tree]))
            #expect(held.isAccepted, "\(name), \(row): \(held)")
          }
        }
      }
    }
  }
}
