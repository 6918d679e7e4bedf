import CertificateChecking
import Certificates
import Networks
import Statistics
import TestSupport
import Testing

@Suite("Proof checking")
struct ProofCheckerTests {
  /// y = relu(x) + relu(-x) = |x|.
  static let magnitude: Network = {
    var maker = NetworkMaker(inputs: 1)
    let z = maker.affine([[1], [-1]], [0, 0], of: 0)
    let h = maker.function(.relu, of: z)
    _ = maker.affine([[1, 1]], [0], of: h)
    return maker.network()
  }()

  /// y = relu(x) - x / 2 = |x| / 2, with x a neuron of its own.
  static let halfMagnitude: Network = {
    var maker = NetworkMaker(inputs: 1)
    let z = maker.affine([[1]], [0], of: 0)
    let h = maker.function(.relu, of: z)
    var rows = SparseRows()
    rows.append([(column: 1, value: -0.5), (column: 2, value: 1)])
    let start = h + 1
    var layers = maker.layers
    layers.append(.init(name: "y", neurons: 3..<4, relation: .affine(Affine(rows: rows, bias: [0]))))
    return Network(name: "half", layers: layers, outputLayer: start)
  }()

  @Test("One leaf proves |x| < 1.5 on [-1, 1]: the chords add up to 1")
  func singleLeaf() {
    // relu(x) <= x/2 + 1/2 and relu(-x) <= -x/2 + 1/2.
    let property = forbid([-1], atMost: -1.5, box: [(-1, 1)])
    let verdict = makeChecker(Self.magnitude, property).check(proof([ProofTree(nodes: [plainLeaf])]))
    #expect(verdict.isAccepted && verdict.bisections == 0, "\(verdict)")
  }

  @Test("Nothing proves |x| < 1 on [-1, 1], nor |x| > 0")
  func falseClaims() {
    for (row, bound) in [(-1.0, -1.0), (1.0, 0.0)] {
      let property = forbid([row], atMost: bound, box: [(-1, 1)])
      for depth in 0...6 {
        let tree = ProofTree(nodes: bisected([(-1, 1)], depth: depth))
        #expect(!makeChecker(Self.magnitude, property).check(proof([tree])).isAccepted, "depth \(depth)")
      }
    }
  }

  @Test("A split of an activation needs its multiplier: |x|/2 > -0.1 with root bounds alone")
  func multipliers() {
    // z >= 0: y = x/2, least -1/2 on the box; with beta = 1/2 the row is x/2 - x/2 = 0. z <= 0: -x/2 + x/2.
    let property = forbid([1], atMost: -0.1, box: [(-1, 1)])
    func leaf(_ beta: Float) -> ProofTree.Node {
      .leaf(
        .init(recomputesBounds: false, refutations: [.init(rows: [(row: 0, weight: 1)], splitMultipliers: [beta])]))
    }
    let good = ProofTree(nodes: [.splitNeuron(1, at: 0), leaf(0.5), leaf(0.5)])
    let verdict = makeChecker(Self.halfMagnitude, property).check(proof([good]))
    #expect(verdict.isAccepted && verdict.bisections == 0, "\(verdict)")
    for bad in [-0.5, .nan, .infinity] as [Float] {
      let tree = ProofTree(nodes: [.splitNeuron(1, at: 0), leaf(0.5), leaf(bad)])
      #expect(!makeChecker(Self.halfMagnitude, property).check(proof([tree])).isAccepted)
    }
  }

  @Test("A clause may be refuted by a combination, an empty part by multipliers alone, a strict row by zero")
  func combinations() {
    // Forbidden: y >= 1.25 and -y >= -1.3 hold nowhere: each row alone is open on part of [-2, 2] after relaxation.
    var property = forbid([-1], atMost: -1.25, box: [(-1, 1)])
    property.cases[0].clauses[0].append(
      .init(terms: [.init(variable: .output(0), coefficient: decimal(1))], bound: decimal(0.5)))
    let refutation = ProofTree.Refutation(rows: [(row: 0, weight: 1), (row: 1, weight: 0.125)])
    let tree = ProofTree(nodes: [.leaf(.init(recomputesBounds: true, refutations: [refutation]))])
    #expect(makeChecker(Self.magnitude, property).check(proof([tree])).isAccepted)
    // A row of another clause proves nothing about this one.
    property.cases[0].clauses = property.cases[0].clauses[0].map { [$0] }
    #expect(!makeChecker(Self.magnitude, property).check(proof([tree])).isAccepted)
  }

  @Test("Trees that are not whole, or name what does not exist, are refused")
  func malformed() throws {
    let property = forbid([-1], atMost: -1.5, box: [(-1, 1)])
    let check = makeChecker(Self.magnitude, property)
    let split = ProofTree.Node.splitInput(0, at: 0)
    let bad: [[ProofTree.Node]] = [
      [], [split], [split, plainLeaf], [split, plainLeaf, plainLeaf, plainLeaf], [plainLeaf, plainLeaf], [.clip],
      [.splitInput(1, at: 0), plainLeaf, plainLeaf], [.splitInput(-1, at: 0), plainLeaf, plainLeaf],
      [.splitInput(0, at: .nan), plainLeaf, plainLeaf], [.splitNeuron(99, at: 0), plainLeaf, plainLeaf],
      [split, .clauses, plainLeaf, plainLeaf], [.clauses, plainLeaf, plainLeaf], [.quadratic([])],
      [.quadratic([.init(rows: [])]), plainLeaf], [.quadratic([.init(rows: [(row: 1, weight: 1)])]), plainLeaf],
      [.quadratic([.init(rows: [(row: 0, weight: -1)])]), plainLeaf],
      [.quadratic([.init(rows: [(row: 0, weight: .nan)])]), plainLeaf],
      [.leaf(.init(recomputesBounds: true, refutations: [.init(rows: [(row: 1, weight: 1)])]))],
      [.leaf(.init(recomputesBounds: true, refutations: [.init(rows: [(row: 0, weight: -1)])]))],
      [.leaf(.init(recomputesBounds: true, refutations: [.init(rows: []), .init(rows: [])]))],
      [
        .leaf(
          .init(
            recomputesBounds: true,
            refutations: [.init(rows: [(row: 0, weight: 1)], slopes: [.init(neuron: 77, lower: 1)])]))
      ],
    ]
    for nodes in bad {
      let verdict = check.check(proof([ProofTree(nodes: nodes)]))
      #expect(!verdict.isAccepted && !verdict.reasons.isEmpty, "\(nodes)")
    }
    let good = ProofTree(nodes: [.clauses, .clip, split, plainLeaf, plainLeaf])
    #expect(check.check(proof([good])).isAccepted)
    #expect(!check.check(proof([good, good])).isAccepted)
    #expect(!check.check(proof([])).isAccepted)
    #expect(!check.check(proof([good], model: String(repeating: "1", count: 64))).isAccepted)
    #expect(check.check(proof([good], semantics: .both)).isAccepted)
    var noClaim = Self.magnitude
    noClaim = Network(name: "x", layers: noClaim.layers, outputLayer: 3, float32Problem: "it folds something")
    #expect(!makeChecker(noClaim, property).check(proof([good], semantics: .float32)).isAccepted)
  }

  @Test(
    "No function lets a sampled point escape what was accepted",
    arguments: SampledSurface.functions)
  func sampledPoints(function: ElementaryFunction) {
    var random = SeededGenerator(seed: 77)
    var accepted = 0
    for round in 0..<6 {
      let network = randomNetwork(function, &random)
      let box = SampledSurface.box
      let least = SampledSurface.least(network)
      func accepts(_ bound: Double, depth: Int) -> Bool {
        let property = forbid([1], atMost: bound, box: box)
        let tree = ProofTree(nodes: bisected(box, depth: depth))
        return makeChecker(network, property).check(proof([tree]), options: .init(threads: 1, bisections: 64))
          .isAccepted
      }
      let reached = (least * 1e6).rounded(.up) / 1e6
      for depth in [0, 4] { #expect(!accepts(reached, depth: depth), "\(function), round \(round), seed 77") }
      // A bound well below is proven in the end: the test above is not empty.
      if accepts((reached - 1).rounded(.down), depth: 6) { accepted += 1 }
    }
    #expect(accepted >= 3, "\(function): only \(accepted) of 6 clear claims were accepted")
  }

  @Test("Lines lie on their side of every function, on dense grids")
  func lines() {
    var random = SeededGenerator(seed: 5)
    let functions: [ElementaryFunction] = [
      .relu, .sigmoid, .tanh, .exponential, .logarithm, .squareRoot, .reciprocal, .sine, .cosine, .power(2), .power(3),
      .power(4), .gelu, .errorFunction, .floor, .step, .sign,
    ]
    for function in functions {
      let checked = CheckedFunction(function)
      let isPositive = [.logarithm, .squareRoot, .reciprocal].contains(function)
      for round in 0..<150 {
        let a = Double.random(in: isPositive ? 0.01...6 : -6...6, using: &random)
        let b = a + Double.random(in: 0...Double(1 << (round % 4)), using: &random)
        let position: Double? = round.isMultiple(of: 3) ? nil : Double.random(in: 0...1, using: &random)
        let below = checked.line(a, b, isUpper: false, position: position)
        let above = checked.line(a, b, isUpper: true, position: position)
        let image = checked.image(a, b)
        for step in 0...200 {
          let z = min(b, a + (b - a) * Double(step) / 200)
          let y = function(z)
          let margin = 1e-13 * (1 + abs(y) + abs(z))
          #expect(below.slope * z + below.intercept <= y + margin, "\(function) [\(a), \(b)] at \(z), seed 5")
          #expect(above.slope * z + above.intercept >= y - margin, "\(function) [\(a), \(b)] at \(z), seed 5")
          #expect(image.0 <= y && y <= image.1)
        }
      }
    }
  }

  @Test("Enclosures hold the values that 256-bit arithmetic gives")
  func enclosures() throws {
    var random = SeededGenerator(seed: 9)
    for _ in 0..<300 {
      let x = Double.random(in: -30...30, using: &random)
      let exact = ExactInterval(try ExactRational(exactly: x)).exponential().enclosure
      let own = CheckedFunction(.exponential).enclosure(x)
      #expect(try ExactRational(exactly: own.low) <= exact.lower && exact.upper <= ExactRational(exactly: own.high))
      // sigmoid(x) = e^x / (1 + e^x), which increases with e^x.
      let logistic = CheckedFunction(.sigmoid).enclosure(x)
      let one = ExactRational.one
      #expect(try ExactRational(exactly: logistic.low) * (one + exact.lower) <= exact.lower)
      #expect(try ExactRational(exactly: logistic.high) * (one + exact.upper) >= exact.upper)
    }
  }
}
