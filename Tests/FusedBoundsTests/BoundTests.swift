// Bounds alone: nothing escapes them, they agree with the plain reference, and roundings are charged.

import BranchAndBound
import FusedBounds
import Networks
import TestSupport
import Testing

@Suite struct BoundTests {
  static let seeds: [UInt64] = Array(0..<60)

  /// A box inside [-1, 1]^n, with sides of width 0 now and then.
  private func box(_ count: Int, _ generator: inout SeededGenerator) -> (lower: [Double], upper: [Double]) {
    var lower: [Double] = []
    var upper: [Double] = []
    for _ in 0..<count {
      let a = Double.random(in: -1...1, using: &generator)
      let b = Int.random(in: 0..<5, using: &generator) == 0 ? a : Double.random(in: -1...1, using: &generator)
      lower.append(min(a, b))
      upper.append(max(a, b))
    }
    return (lower, upper)
  }

  @Test("no sampled point escapes a bound, and the bounds are those of plain CROWN", arguments: seeds)
  func pointsAndReference(seed: UInt64) async throws {
    let network = NetworkMaker.network(seed)
    let problem = NetworkMaker.problem(network)
    let rows = problem.verificationCase.rows
    var generator = SeededGenerator(seed: seed &+ 1000)
    for level in FusedLevel.available {
      let bounds = try FusedBounds(problem, level: level)
      for _ in 0..<4 {
        let (lower, upper) = box(network.inputs.count, &generator)
        let found = try await bounds.lowerBounds(lower: [lower], upper: [upper])[0]
        let operands = try #require(try bounds.operandBounds(lower: lower, upper: upper))
        let reference = ReferenceBounds(network, lower: lower, upper: upper)
        for (operand, range) in operands {
          let expected = reference.bounds[operand]!
          #expect(abs(range.lowerBound - expected.lower) < 1e-9, "seed \(seed), level \(level), neuron \(operand)")
          #expect(abs(range.upperBound - expected.upper) < 1e-9, "seed \(seed), level \(level), neuron \(operand)")
        }
        for (row, bound) in zip(rows, found) {
          let expected = reference.lowerBound(Array(zip(row.neurons, row.coefficients)), constant: row.constant)
          #expect(bound <= expected + 1e-13 && bound > expected - 1e-9, "seed \(seed), level \(level)")
        }
        for _ in 0..<200 {
          let point = zip(lower, upper).map { l, u in
            [l, u, Double.random(in: l...u, using: &generator)].randomElement(using: &generator)!
          }
          let values = network.evaluate(point)
          // Samples round to nearest; what a row loses by that is far below 1e-12 here.
          for (row, bound) in zip(rows, found) {
            #expect(row.value(values) >= bound - 1e-12, "seed \(seed), level \(level), point \(point)")
          }
          for (operand, range) in operands {
            #expect(values[operand] >= range.lowerBound - 1e-12 && values[operand] <= range.upperBound + 1e-12)
          }
        }
      }
    }
  }

  @Test("stability that the root has found gives valid bounds too", arguments: seeds.prefix(20))
  func inherited(seed: UInt64) async throws {
    let network = NetworkMaker.network(seed)
    let problem = NetworkMaker.problem(network)
    let bounds = try FusedBounds(problem)
    var generator = SeededGenerator(seed: seed)
    let boxes = (0..<200).map { _ in box(network.inputs.count, &generator) }
    let found = try await bounds.lowerBounds(
      lower: boxes.map(\.lower), upper: boxes.map(\.upper), inheritsStability: true, threads: 2)
    for (box, bound) in zip(boxes, found) {
      let point = zip(box.lower, box.upper).map { Double.random(in: $0...$1, using: &generator) }
      let values = network.evaluate(point)
      for (row, limit) in zip(problem.verificationCase.rows, bound) {
        #expect(row.value(values) >= limit - 1e-12, "seed \(seed)")
      }
    }
  }

  @Test("binary32 evaluations stay above the bounds for float32 semantics", arguments: seeds.prefix(24))
  func float32(seed: UInt64) async throws {
    let network = NetworkMaker.single(NetworkMaker.network(seed))
    let problem = NetworkMaker.problem(network)
    let real = try FusedBounds(problem)
    let both = try FusedBounds(problem, semantics: .both)
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<5 {
      let point = network.inputs.map { _ in Double(Float.random(in: -1...1, using: &generator)) }
      let exact = try await real.lowerBounds(lower: [point], upper: [point])[0]
      let wide = try await both.lowerBounds(lower: [point], upper: [point])[0]
      let values = network.evaluateSingle(point, shuffling: &generator)
      for (index, row) in problem.verificationCase.rows.enumerated() {
        #expect(wide[index] < exact[index])
        #expect(row.value(values) >= wide[index], "seed \(seed), point \(point)")
      }
    }
  }

  /// Twenty sums that each round up by 1 in binary64: 2^54 + 20 * 3 - (2^54 + 68) = -8, computed as +12.
  @Test("the constant's roundings are charged, and without the charge the bound is wrong")
  func constantSum() async throws {
    var maker = NetworkMaker(seed: 0, inputs: 1)
    for bias in [Double](repeating: 3, count: 20) + [0x1p54] {
      var rows = SparseRows()
      rows.append([(column: maker.last[0], value: 1.0)])
      maker.add(1, .affine(Affine(rows: rows, bias: [bias])))
    }
    let network = maker.network
    let x = -(0x1p54 + 68)
    let problem = SearchProblem(
      network: network,
      verificationCase: VerificationCase(
        lower: [x], upper: [x], rows: [.init(neurons: [network.outputs.lowerBound], coefficients: [1], constant: 0)],
        clauses: [[0]]))
    let careless = try FusedBounds(problem, isRoundingSafe: false)
    #expect(try await careless.lowerBounds(lower: [[x]], upper: [[x]])[0][0] > 0)
    let bounds = try FusedBounds(problem)
    #expect(try await bounds.lowerBounds(lower: [[x]], upper: [[x]])[0][0] <= -8)
  }

  @Test("decimal coefficients and declared errors of weights are charged")
  func declaredErrors() async throws {
    var maker = NetworkMaker(seed: 1, inputs: 1)
    var rows = SparseRows()
    rows.append([(column: 0, value: 1.0 / 3)])
    maker.add(1, .affine(Affine(rows: rows, bias: [0], coefficientRoundings: 1, biasError: [0.25])))
    let network = maker.network
    func bound(_ error: Double) async throws -> Double {
      let row = VerificationCase.Row(neurons: [1], coefficients: [1], coefficientError: error, constant: 0)
      let problem = SearchProblem(
        network: network, verificationCase: .init(lower: [3], upper: [3], rows: [row], clauses: [[0]]))
      return try await FusedBounds(problem).lowerBounds(lower: [[3]], upper: [[3]])[0][0]
    }
    let exact = try await bound(0)
    #expect(exact <= 0.75 && exact > 0.74)
    #expect(try await bound(0x1p-53) < exact)
  }

  @Test("infinite and undefined bounds prove nothing")
  func notFinite() async throws {
    var maker = NetworkMaker(seed: 2, inputs: 1)
    for _ in 0..<3 {
      var rows = SparseRows()
      rows.append([(column: maker.last[0], value: 1e200)])
      maker.add(1, .affine(Affine(rows: rows, bias: [1e300])))
      maker.relu()
    }
    let network = maker.network
    let problem = SearchProblem(
      network: network,
      verificationCase: .init(
        lower: [-1], upper: [1], rows: [.init(neurons: [network.outputs.lowerBound], coefficients: [1], constant: 1)],
        clauses: [[0]]))
    let bound = try await FusedBounds(problem).lowerBounds(lower: [[-1]], upper: [[1]])[0][0]
    #expect(!(bound.isFinite && bound > 0))
  }
}

extension NetworkMaker {
  /// The same network with weights rounded to binary32.
  static func single(_ network: Network) -> Network {
    let layers = network.layers.map { layer in
      guard case .affine(var affine) = layer.relation else { return layer }
      affine.rows.values = affine.rows.values.map { Double(Float($0)) }
      affine.bias = affine.bias.map { Double(Float($0)) }
      return Network.Layer(name: layer.name, neurons: layer.neurons, relation: .affine(affine))
    }
    return Network(name: network.name, layers: layers, outputLayer: network.outputLayer)
  }
}

extension Network {
  /// All neurons in binary32, sums in a random order.
  func evaluateSingle(_ input: [Double], shuffling generator: inout SeededGenerator) -> [Double] {
    var values = input.map { Float($0) }
    for layer in layers.dropFirst() {
      for index in 0..<layer.count {
        switch layer.relation {
        case .affine(let affine):
          var terms = affine.rows.entries(ofRow: index).map {
            Float(affine.rows.values[$0]) * values[Int(affine.rows.columns[$0])]
          }
          terms.append(Float(affine.bias[index]))
          terms.shuffle(using: &generator)
          values.append(terms.dropFirst().reduce(terms[0], +))
        case .function(_, let of): values.append(max(0, values[layers[of].neurons.lowerBound + index]))
        case .input, .product: break
        }
      }
    }
    return values.map { Double($0) }
  }
}
