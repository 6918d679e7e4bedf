import BoundPropagation
import Networks
import TestSupport
import Testing

/// Quadratic bounds: below every sampled value, exact where the mathematics says so.
struct QuadraticTests {
  static let functions: [ElementaryFunction] = [
    .relu, .sigmoid, .tanh, .exponential, .sine, .cosine, .power(2), .power(3), .gelu, .errorFunction, .logarithm,
    .squareRoot, .reciprocal, .floor, .step, .sign,
  ]

  /// The worker of a case whose root has been bounded, with all inputs that have a width.
  static func worker(_ network: Network, _ box: VerificationCase) -> (QuadraticWorker, BoxNode, [Int]) {
    let plan = BoundPlan(network, box, semantics: .real, isRoundingSafe: true)
    let wide = network.inputs.filter { box.lower[$0] < box.upper[$0] }
    let clauses = box.clauses.indices.map { Int32($0) }
    let node = BoxNode(lower: wide.map { box.lower[$0] }, upper: wide.map { box.upper[$0] }, clauses: clauses)
    let root = BoxWorker(
      PartBounds(plan, parts: 1, lanes: 32, isDone: { false }), Conjunctions(box), wide: wide, box)
    _ = root.evaluate([node], isRoot: true)
    return (QuadraticWorker(plan, wide: wide, box), node, wide)
  }

  @Test(arguments: [0.01, 0.3, 2]) func noSampleEscapes(width: Double) {
    let seed: UInt64 = 29
    var random = SplitMix(seed)
    var refuted = 0
    for trial in 0..<150 {
      let functions = trial % 2 == 0 ? [Self.functions[trial / 2 % Self.functions.count]] : Self.functions
      let network = BoundTests.randomNetwork(&random, functions: functions)
      let box = BoundTests.problem(network, &random, width: width, limit: random.number(in: -0.2...1.5))
      let (worker, node, wide) = Self.worker(network, box)
      let combination: [(row: Int, weight: Float)] = [(0, 1), (1, Float(random.number(in: 0...2)))]
      let forms = [[(row: 0, weight: Float(1))], [(row: 1, weight: 1)], combination].map {
        worker.linearBound(of: $0, on: node)
      }
      let result = worker.evaluate([node])![0]
      refuted += 2 - result.clauses.count
      for _ in 0..<80 {
        let point = BoundTests.sample(box, &random)
        let values = network.evaluate(point)
        let rows = box.rows.map { BoundTests.phi($0, values) }
        let exact = [rows[0], rows[1], rows[0] + Double(combination[1].weight) * rows[1]]
        for (form, value) in zip(forms, exact) where form.least.isFinite {
          let slack = 1e-11 * (1 + abs(value))
          #expect(form.least <= value + slack, "trial \(trial), seed \(seed)")
          #expect(form.value(at: wide.map { point[$0] }) <= value + slack, "trial \(trial), seed \(seed)")
        }
        for clause in 0..<2 where rows[clause] < -1e-9 {
          #expect(result.clauses.contains(Int32(clause)), "trial \(trial), seed \(seed)")
          for (place, input) in wide.enumerated() {
            #expect(result.lower[place] <= point[input] && point[input] <= result.upper[place], "trial \(trial)")
          }
        }
      }
    }
    #expect(refuted > 20, "only \(refuted) clauses were refuted: the test above is nearly empty")
  }

  private static func affine(_ rows: [[(column: Int, value: Double)]]) -> Network.Relation {
    var sparse = SparseRows()
    for row in rows { sparse.append(row) }
    return .affine(Affine(rows: sparse, bias: rows.map { _ in 0 }))
  }

  /// The bound of the last neuron of some layers over a box, alone.
  private static func least(_ layers: [(count: Int, relation: Network.Relation)], _ lower: [Double], _ upper: [Double])
    -> (bound: Double, network: Network)
  {
    var own: [Network.Layer] = []
    var next = 0
    for (count, relation) in layers {
      own.append(Network.Layer(name: "\(own.count)", neurons: next..<next + count, relation: relation))
      next += count
    }
    let network = Network(name: "form", layers: own, outputLayer: own.count - 1)
    let region = VerificationCase(
      lower: lower, upper: upper,
      rows: [VerificationCase.Row(neurons: [next - 1], coefficients: [1], constant: 0)], clauses: [[0]])
    let (worker, node, _) = worker(network, region)
    return (worker.linearBound(of: [(row: 0, weight: 1)], on: node).least, network)
  }

  /// x' A x + b x over a box.
  private static func form(_ a: [[Double]], _ b: [Double], box: (lower: [Double], upper: [Double])) -> Double {
    let n = b.count
    func entries(_ row: [Double]) -> [(column: Int, value: Double)] {
      row.enumerated().map { (column: $0.offset, value: $0.element) }
    }
    let last = entries(b) + (2 * n..<3 * n).map { (column: $0, value: 1) }
    return least(
      [(n, .input), (n, affine(a.map(entries))), (n, .product(0, 1)), (1, affine([last]))], box.lower, box.upper
    ).bound
  }

  @Test func leastValuesOfForms() {
    // Convex: the least value inside, and on the boundary. (x - y/2)^2 + 3 y^2 / 4.
    let cone = [[1, -0.5], [-0.5, 1]]
    // Coordinate descent stops a little short of it.
    func near(_ found: Double, _ exact: Double) -> Bool { found <= exact && found > exact - 1e-8 }
    #expect(near(Self.form(cone, [0, 0], box: ([-1, -2], [2, 1])), 0))
    #expect(near(Self.form(cone, [0, 0], box: ([1, -1], [2, 2])), 0.75))  // at (1, 1/2)
    #expect(near(Self.form(cone, [1, 1], box: ([-3, -3], [3, 3])), -1))  // at (-1, -1)
    // Indefinite and concave: the shift costs nothing at corners.
    #expect(near(Self.form([[0, 0.5], [0.5, 0]], [0, 0], box: ([-1, -1], [1, 1])), -1))
    #expect(near(Self.form([[-1, 0], [0, -2]], [0, 0], box: ([-1, -1], [1, 1])), -3))
    // A saddle whose factors are correlated: x (x + y) with y in a narrow interval is nearly x^2.
    #expect(Self.form([[1, 0.5], [0.5, 0]], [0, 0], box: ([-1, -0.001], [1, 0.001])) > -0.002)
  }

  /// Where McCormick's planes lose the square of the width, the Taylor model loses its cube.
  @Test func lossesAreOfThirdOrder() {
    var losses: [Double] = []
    for width in [0.2, 0.1, 0.05] {
      // sin(x) (x + y), which increases in both inputs here.
      let lower = [0.5, 0.2]
      let (bound, network) = Self.least(
        [
          (2, .input), (1, Self.affine([[(column: 0, value: 1)]])), (1, .function(.sine, of: 1)),
          (1, Self.affine([[(column: 0, value: 1), (column: 1, value: 1)]])), (1, .product(2, 3)),
        ], lower, lower.map { $0 + width })
      let least = network.evaluate(lower).last!
      #expect(bound <= least)
      losses.append(least - bound)
    }
    // Some of it is of third order, some of fourth.
    #expect(losses[0] > 6 * losses[1] && losses[1] > 6 * losses[2], "\(losses)")
  }
}
