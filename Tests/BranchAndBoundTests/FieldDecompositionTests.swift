import BranchAndBound
import CertificateChecking
import Certificates
import Networks
import Statistics
import TestSupport
import Testing

@Suite("Decomposition over receptive fields")
struct FieldDecompositionTests {
  @Test("A field's minimum is below every sampled value, and within its tolerance of one")
  func minima() {
    for seed in 0..<60 as Range<UInt64> {
      var random = SmallRandom(seed)
      let inputs = 1 + random.next(below: 4)
      let count = 1 + random.next(below: 19)
      let rows = (0..<count).map { _ in (0..<inputs).map { _ in random.next() } }
      let biases = (0..<count).map { _ in random.next() / 2 }
      let lower = (0..<inputs).map { _ in random.next() }
      let upper = lower.map { $0 + (random.next() + 1) / 2 }
      var field = ReceptiveField(
        inputs: Array(0..<inputs), box: (lower, upper), neurons: Array(0..<count), operands: Array(0..<count),
        biases: biases, rows: rows)
      let factors = (0..<count).map { _ in random.next() }
      field.setFactors(factors)
      let slopes = (0..<inputs).map { _ in random.next() }
      func value(_ x: [Double]) -> Double {
        var sum = -zip(slopes, x).reduce(0) { $0 + $1.0 * $1.1 }
        for (row, (bias, factor)) in zip(rows, zip(biases, factors)) {
          sum += factor * max(0, zip(row, x).reduce(bias) { $0 + $1.0 * $1.1 })
        }
        return sum
      }
      let found = field.minimum(less: slopes, tolerance: 1e-3, parts: 100_000)
      #expect(zip(found.point, zip(lower, upper)).allSatisfy { $1.0 <= $0 && $0 <= $1.1 })
      #expect(value(found.point) - found.bound <= 1e-3 + 1e-9, "seed \(seed)")
      for _ in 0..<2_000 {
        let x = zip(lower, upper).map { $0 + (random.next() + 1) / 2 * ($1 - $0) }
        #expect(value(x) >= found.bound, "seed \(seed) at \(x)")
      }
    }
  }

  /// One layer of 2 x 2 windows over a square image, with `channels` each, and `rows` sums of all ReLUs.
  static func network(side: Int, channels: Int, _ random: inout SmallRandom) -> Network {
    let inputs = side * side
    var rows = SparseRows()
    var bias: [Double] = []
    let kernels = (0..<channels).map { _ in (0..<4).map { _ in random.next() } }
    let shifts = (0..<channels).map { _ in random.next() / 4 }
    for (kernel, shift) in zip(kernels, shifts) {
      for y in 0..<side - 1 {
        for x in 0..<side - 1 {
          let places = [y * side + x, y * side + x + 1, (y + 1) * side + x, (y + 1) * side + x + 1]
          rows.append(zip(places, kernel).map { (column: $0, value: $1) })
          bias.append(shift)
        }
      }
    }
    let count = rows.count
    var last = SparseRows()
    // The output reads an input directly too.
    last.append([(column: 1, value: 0.25)] + (0..<count).map { (column: inputs + count + $0, value: random.next()) })
    return Network(
      name: "windows",
      layers: [
        .init(name: "x", neurons: 0..<inputs, relation: .input),
        .init(name: "z", neurons: inputs..<inputs + count, relation: .affine(.init(rows: rows, bias: bias))),
        .init(name: "h", neurons: inputs + count..<inputs + 2 * count, relation: .function(.relu, of: 1)),
        .init(
          name: "y", neurons: inputs + 2 * count..<inputs + 2 * count + 1,
          relation: .affine(.init(rows: last, bias: [0]))),
      ], outputLayer: 3)
  }

  static func region(_ network: Network, atLeast constant: Double, radius: Double, _ random: inout SmallRandom)
    -> VerificationCase
  {
    let centre = network.inputs.map { _ in random.next() }
    return VerificationCase(
      lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius },
      rows: [.init(neurons: Array(network.outputs), coefficients: [1], constant: constant)], clauses: [[0]])
  }

  /// The least output over sampled points and a descent along coordinates from the best of them.
  static func leastFound(_ network: Network, _ region: VerificationCase, _ random: inout SmallRandom) -> Double {
    var best = RandomNetworks.point(region, &random)
    var least = network.outputs(best)[0]
    for _ in 0..<200 {
      let x = RandomNetworks.point(region, &random)
      let y = network.outputs(x)[0]
      if y < least { (best, least) = (x, y) }
    }
    for _ in 0..<3 {
      for input in best.indices {
        for step in 0...8 {
          var x = best
          x[input] = region.lower[input] + Double(step) / 8 * (region.upper[input] - region.lower[input])
          let y = network.outputs(x)[0]
          if y < least { (best, least) = (x, y) }
        }
      }
    }
    return least
  }

  @Test("Rows are proven close to their least value, by lines that hold at every sample, and never beyond it")
  func rows() async throws {
    var proven = 0
    var plain = 0
    for seed in 0..<24 as Range<UInt64> {
      var random = SmallRandom(seed)
      let network = Self.network(side: 6, channels: 5, &random)
      var region = Self.region(network, atLeast: 0, radius: 0.3, &random)
      let least = Self.leastFound(network, region, &random)
      let options = SearchOptions(deadline: .now + .seconds(300))
      // phi = y - least, rounded so that it is not positive at the point found: nothing may prove it.
      region.rows[0].constant = (-least).nextDown
      var problem = SearchProblem(network: network, verificationCase: region)
      let nothing = await FieldDecomposition(problem, options)?.refutation(of: 0, isOver: { false })
      #expect(nothing == nil, "seed \(seed)")
      // Further away it is proven, where lines of single ReLUs are not enough.
      region.rows[0].constant = -least + 0.5
      problem.verificationCase = region
      let bounder = try ReferenceSplitBounder(problem, options)
      let single = try await bounder.bound(
        [SplitItem(row: 0, splits: [], multipliers: [])], iterations: 100, deadline: options.deadline)
      if single[0].bound > 0 { plain += 1 }
      let fields = try #require(FieldDecomposition(problem, options))
      guard let refutation = await fields.refutation(of: 0, isOver: { false }) else { continue }
      proven += 1
      try expectLinesHold(refutation, network, region, seed)
      let tree = ProofTree(nodes: [.leaf(.init(recomputesBounds: false, refutations: [refutation]))])
      #expect(Self.isAccepted(tree, network, region), "seed \(seed)")
    }
    #expect(proven >= 20 && plain <= 4, "\(proven) by fields, \(plain) by lines of single ReLUs")
  }

  /// sum a_j relu(z_j) >= slopes . x + intercept at sampled points, for each field of 2 x 2 inputs.
  private func expectLinesHold(
    _ refutation: ProofTree.Refutation, _ network: Network, _ region: VerificationCase, _ seed: UInt64
  ) throws {
    guard case .affine(let first) = network.layers[1].relation, case .affine(let last) = network.layers[3].relation
    else { throw TestFailure() }
    var factors: [Int: Double] = [:]
    for (column, value) in zip(last.rows.columns, last.rows.values) { factors[Int(column)] = value }
    var random = SmallRandom(seed + 1_000)
    for _ in 0..<300 {
      let x = RandomNetworks.point(region, &random)
      let values = network.evaluate(x)
      for line in refutation.jointLines {
        var sum = 0.0
        for row in 0..<network.layers[1].count {
          let reads = first.rows.entries(ofRow: row).map { first.rows.columns[$0] }
          let neuron = network.layers[2].neurons.lowerBound + row
          if reads == line.inputs { sum += factors[neuron]! * values[neuron] }
        }
        let bound = zip(line.inputs, line.slopes).reduce(Double(line.intercept)) { $0 + Double($1.1) * x[Int($1.0)] }
        #expect(sum >= bound - 1e-12, "seed \(seed)")
      }
    }
  }

  private struct TestFailure: Error {}

  static func isAccepted(_ tree: ProofTree, _ network: Network, _ region: VerificationCase) -> Bool {
    let source = Property.Case(
      lower: region.lower.map { ExactDecimal(exactly: $0)! }, upper: region.upper.map { ExactDecimal(exactly: $0)! },
      clauses: [
        [
          .init(
            terms: [.init(variable: .output(0), coefficient: ExactDecimal(exactly: 1)!)],
            bound: ExactDecimal(exactly: -region.rows[0].constant)!)
        ]
      ])
    let hash = String(repeating: "0", count: 64)
    let property = Property(inputCount: network.inputs.count, outputCount: 1, cases: [source])
    let checker = ProofChecker(network: network, property: property, modelSHA256: hash, propertySHA256: hash)
    let proof = VerificationProof(
      header: .init(program: "test", modelSHA256: hash, propertySHA256: hash, semantics: .real), trees: [tree])
    return checker.check(proof, options: .init(threads: 1, bisections: 0)).isAccepted
  }

  @Test("The checker refuses joint lines that lie above a sample, or are no lines of the network")
  func forgedLines() async throws {
    var random = SmallRandom(7)
    let network = Self.network(side: 5, channels: 4, &random)
    var region = Self.region(network, atLeast: 0, radius: 0.3, &random)
    region.rows[0].constant = -Self.leastFound(network, region, &random) + 0.5
    let problem = SearchProblem(network: network, verificationCase: region)
    let fields = try #require(FieldDecomposition(problem, SearchOptions(deadline: .now + .seconds(300))))
    let refutation = try #require(await fields.refutation(of: 0, isOver: { false }))
    func accepts(_ change: (inout ProofTree.Refutation) -> Void) -> Bool {
      var changed = refutation
      change(&changed)
      let tree = ProofTree(nodes: [.leaf(.init(recomputesBounds: false, refutations: [changed]))])
      return Self.isAccepted(tree, network, region)
    }
    #expect(accepts { _ in })
    let lines = refutation.jointLines.indices
    for line in lines {
      // Tolerances are far smaller than that.
      #expect(!accepts { $0.jointLines[line].intercept += 0.25 })
      #expect(!accepts { $0.jointLines[line].intercept = .nan })
      #expect(!accepts { $0.jointLines[line].slopes[0] = .infinity })
      #expect(!accepts { $0.jointLines[line].slopes.removeLast() })
      #expect(!accepts { $0.jointLines[line].inputs.swapAt(0, 1) })
      #expect(!accepts { $0.jointLines[line].inputs[0] = -1 })
      #expect(!accepts { $0.jointLines.append($0.jointLines[line]) }, "the second of a pair has no ReLUs")
    }
    // The region violates this row, so no lines whatever prove it.
    region.rows[0].constant -= 0.5
    region.rows[0].constant = region.rows[0].constant.nextDown
    for round in 0..<300 {
      let isAccepted = accepts { changed in
        for line in lines {
          let place = random.next(below: 4)
          changed.jointLines[line].slopes[place] += Float(random.next() * (round % 2 == 0 ? 0 : 0.1))
          changed.jointLines[line].intercept += Float((random.next() + 1) * 0.1)
        }
      }
      #expect(!isAccepted, "round \(round)")
    }
  }
}
