import BoundPropagation
import BranchAndBound
import Networks
import TestSupport
import Testing

/// Random networks with every relation: bounds hold at sampled points, searches agree with samples.
struct BoundTests {
  /// Layers of affine sums, functions and products over a few inputs.
  static func randomNetwork(_ random: inout SplitMix, functions: [ElementaryFunction], inputs: Int = 3) -> Network {
    var layers = [Network.Layer(name: "x", neurons: 0..<inputs, relation: .input)]
    var count = inputs
    func add(_ size: Int, _ relation: Network.Relation) {
      layers.append(Network.Layer(name: "\(layers.count)", neurons: count..<count + size, relation: relation))
      count += size
    }
    func affine(_ size: Int, scale: Double) {
      var rows = SparseRows()
      var bias: [Double] = []
      for _ in 0..<size {
        var row: [(column: Int, value: Double)] = []
        for column in 0..<count where column >= count - 12 || Int.random(in: 0..<3, using: &random) == 0 {
          row.append((column, random.number(in: -scale...scale)))
        }
        rows.append(row)
        bias.append(random.number(in: -1...1))
      }
      add(size, .affine(Affine(rows: rows, bias: bias)))
    }
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let size = Int.random(in: 2...9, using: &random)
      affine(size, scale: 0.4)
      let left = layers.count - 1
      if Int.random(in: 0..<4, using: &random) == 0 {
        affine(size, scale: 0.4)
        add(size, .product(left, layers.count - 1))
      } else if Int.random(in: 0..<6, using: &random) == 0 {
        add(size, .product(left, left))
      } else {
        let function = functions.randomElement(using: &random)!
        switch function {
        case .logarithm, .squareRoot, .reciprocal:
          // Of a positive operand: exp first.
          add(size, .function(.sigmoid, of: left))
          var rows = SparseRows()
          for neuron in layers.last!.neurons { rows.append([(column: neuron, value: 1)]) }
          add(size, .affine(Affine(rows: rows, bias: Array(repeating: 0.1, count: size))))
          add(size, .function(function, of: layers.count - 1))
        default: add(size, .function(function, of: left))
        }
      }
    }
    affine(2, scale: 1)
    return Network(name: "random", layers: layers, outputLayer: layers.count - 1)
  }

  static func problem(_ network: Network, _ random: inout SplitMix, width: Double, limit: Double = 0)
    -> VerificationCase
  {
    var lower: [Double] = []
    var upper: [Double] = []
    for _ in network.inputs {
      let centre = random.number(in: -1...1)
      lower.append(centre)
      upper.append(centre + random.number(in: 0...width))
    }
    let first = network.outputs.lowerBound
    return VerificationCase(
      lower: lower, upper: upper,
      rows: [
        VerificationCase.Row(neurons: [first, first + 1], coefficients: [1, -0.5], constant: limit),
        VerificationCase.Row(neurons: [first + 1], coefficients: [-1], constant: limit),
      ], clauses: [[0], [1]])
  }

  static func phi(_ row: VerificationCase.Row, _ values: [Double]) -> Double {
    zip(row.neurons, row.coefficients).reduce(row.constant) { $0 + $1.1 * values[$1.0] }
  }

  static func sample(_ box: VerificationCase, _ random: inout SplitMix) -> [Double] {
    zip(box.lower, box.upper).map { low, high in
      let part = random.number(in: -0.3...1.3)
      return min(max(low + (high - low) * part, low), high)
    }
  }

  @Test(arguments: [1, 8], [false, true])
  func noSampleEscapes(parts: Int, climbs: Bool) {
    let seed: UInt64 = 17
    print("seed", seed)
    var random = SplitMix(seed)
    for trial in 0..<120 {
      let functions = trial % 3 == 0 ? [LineTests.functions[trial / 3 % 18]] : LineTests.functions
      let network = Self.randomNetwork(&random, functions: functions)
      let box = Self.problem(network, &random, width: [0, 0.01, 0.3, 2][trial % 4])
      let plan = BoundPlan(network, box, semantics: .real, isRoundingSafe: true)
      for neuron in 0..<network.neuronCount { plan.needed[neuron] = 1 }
      let rules = Conjunctions(box)
      let wide = network.inputs.filter { box.lower[$0] < box.upper[$0] }
      let node = BoxNode(
        lower: wide.map { box.lower[$0] }, upper: wide.map { box.upper[$0] }, clauses: [0, 1], record: 0)
      let root = PartBounds(plan, parts: 1, lanes: 32, threads: 2, isDone: { false })
      if climbs { root.ascent = SlopeAscentOptions(iterations: 4) }
      var worker = BoxWorker(root, rules, wide: wide, box)
      var results = worker.evaluate([node], isRoot: true)!
      var bounds = root
      if parts > 1 {
        bounds = PartBounds(plan, parts: parts, lanes: 32, isDone: { false })
        worker = BoxWorker(bounds, rules, wide: wide, box)
        results = worker.evaluate([node, node, node])!
      }
      for _ in 0..<60 {
        let point = Self.sample(box, &random)
        let values = network.evaluate(point)
        for neuron in 0..<network.neuronCount {
          let slack = 1e-11 * (1 + abs(values[neuron]))
          for part in 0..<parts {
            #expect(bounds.bounds.lower[neuron * parts + part] <= values[neuron] + slack, "trial \(trial)")
            #expect(bounds.bounds.upper[neuron * parts + part] >= values[neuron] - slack, "trial \(trial)")
          }
        }
        for result in results {
          for clause in 0..<2 where Self.phi(box.rows[clause], values) < -1e-9 {
            // A violated clause is never refuted, and clipping keeps the point.
            #expect(result.clauses.contains(Int32(clause)), "trial \(trial)")
            for (place, input) in wide.enumerated() where !result.lower.isEmpty {
              #expect(result.lower[place] <= point[input] && point[input] <= result.upper[place], "trial \(trial)")
            }
          }
        }
      }
    }
  }

  /// The gradient in the positions of lines and planes against difference quotients. The bound is smooth in a position,
  /// apart from kinks, so that a quotient lies between the gradients at both ends, or nearly so.
  @Test(arguments: LineTests.functions) func gradientsAreDifferenceQuotients(_ function: ElementaryFunction) {
    var random = SplitMix(41)
    let step = 0x1p-12
    var (compared, kinks) = (0, 0)
    for trial in 0..<20 {
      let network = Self.randomNetwork(&random, functions: [function])
      let box = Self.problem(network, &random, width: [0.1, 0.5, 2][trial % 3])
      let plan = BoundPlan(network, box, semantics: .real, isRoundingSafe: true)
      let bounds = PartBounds(plan, parts: 1, lanes: 32, isDone: { false })
      let worker = BoxWorker(bounds, Conjunctions(box), wide: Array(network.inputs), box)
      _ = worker.evaluate([BoxNode(lower: box.lower, upper: box.upper, clauses: [0, 1])], isRoot: true)
      for row in box.rows {
        let here = bounds.gradient(of: row)
        for line in here.gradient.indices where here.gradient[line] != 0 {
          let there = bounds.gradient(of: row, moving: line, by: step)
          let quotient = (there.bound - here.bound) / step
          let (first, last) = (here.gradient[line], there.gradient[line])
          guard quotient.isFinite, abs(first - last) < 0.05 * (abs(first) + abs(last)) else {
            kinks += 1
            continue
          }
          compared += 1
          let noise = 1e-9 * (1 + abs(here.bound)) / step + 1e-5 * abs(first)
          #expect(
            abs(quotient - (first + last) / 2) <= abs(first - last) + noise,
            "\(function), trial \(trial), line \(line): \(first) \(quotient) \(last)")
        }
      }
    }
    // Lines of steps have no positions.
    #expect(compared > 20 || [.sign, .step, .floor].contains(function), "\(function): \(compared), \(kinks) kinks")
  }

  @Test func searchesAgreeWithSamples() async throws {
    var random = SplitMix(23)
    var proven = 0
    var found = 0
    for _ in 0..<40 {
      let network = Self.randomNetwork(&random, functions: [.relu, .sigmoid, .sine, .tanh, .exponential], inputs: 2)
      let box = Self.problem(network, &random, width: 1, limit: random.number(in: 0...2))
      var least = Double.infinity
      for _ in 0..<3000 {
        let values = network.evaluate(Self.sample(box, &random))
        for row in box.rows { least = min(least, Self.phi(row, values)) }
      }
      let outcome = try await InputSplitSearch().search(
        SearchProblem(network: network, verificationCase: box),
        SearchOptions(deadline: .now + .seconds(5), wantsProof: true), SearchEvents(isWitness: { _ in true }))
      switch outcome.result {
      case .proven(let tree):
        #expect(least > 0)
        #expect(!tree!.nodes.isEmpty)
        proven += 1
      case .witness(let point):
        let values = network.evaluate(point)
        #expect(box.rows.contains { Self.phi($0, values) <= 0 })
        found += 1
      case .timeout, .unknown: break
      }
    }
    #expect(proven > 5 && found > 5)
  }

  @Test func timeoutsAreMet() async throws {
    var random = SplitMix(31)
    let network = Self.randomNetwork(&random, functions: [.sine, .tanh], inputs: 8)
    var box = Self.problem(network, &random, width: 4)
    box.rows[0].constant = 1e-3
    let start = ContinuousClock.now
    _ = try await InputSplitSearch().search(
      SearchProblem(network: network, verificationCase: box), SearchOptions(deadline: start + .milliseconds(300)),
      SearchEvents(isWitness: { _ in false }))
    #expect(!Timing.isMeasured || ContinuousClock.now - start < .milliseconds(500))
  }
}
