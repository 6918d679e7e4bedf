import Graphs
import Networks
import Statistics
import TestSupport
import Testing
import Witnesses

/// Decisions that intervals cannot make are made exactly.
@Suite struct ExactOutputTests {
  /// y = relu(x_0) w_0 + relu(x_1) w_1 + b over two inputs in [-1, 1], unsafe where y <= bound.
  static func judge(_ weights: [Double], bias: Double, bound: ExactDecimal, strict: Bool = false) throws
    -> WitnessJudge
  {
    let rows = SparseRows(starts: [0, 2], columns: [2, 3], values: weights)
    let network = Network(
      name: "two",
      layers: [
        .init(name: "x", neurons: 0..<2, relation: .input),
        .init(name: "h", neurons: 2..<4, relation: .function(.relu, of: 0)),
        .init(name: "y", neurons: 4..<5, relation: .affine(Affine(rows: rows, bias: [bias]))),
      ], outputLayer: 2)
    let one = ExactDecimal(1)
    let constraint = Property.LinearConstraint(
      terms: [.init(variable: .output(0), coefficient: one)], bound: bound, isStrict: strict)
    let property = Property(
      inputCount: 2, outputCount: 1,
      cases: [.init(lower: [-one, -one], upper: [one, one], clauses: [[constraint]])])
    return WitnessJudge(network: network, property: property, semantics: .real)
  }

  @Test func equalityDecidesOnlyWhatIsNotStrict() throws {
    // 2^-60 + 1 - 1 = 2^-60 exactly: on the bound, below it by nothing.
    let bound = try #require(ExactDecimal(exactly: 0x1p-60))
    let point = [1.0, 0x1p-60]
    #expect(try Self.judge([1, 1], bias: -1, bound: bound).witness(at: point, caseIndex: 0) != nil)
    #expect(try Self.judge([1, 1], bias: -1, bound: bound, strict: true).witness(at: point, caseIndex: 0) == nil)
    let less = try #require(ExactDecimal(exactly: 0x1.fffffffffffffp-61))
    #expect(try Self.judge([1, 1], bias: -1, bound: less).witness(at: point, caseIndex: 0) == nil)
  }

  @Test("No accepted point violates the rule in exact arithmetic", arguments: 0..<20)
  func random(seed: Int) throws {
    // With integer weights and inputs k/8 all outputs are exact in binary64.
    var generator = SeededGenerator(seed: UInt64(seed))
    let weights = (0..<2).map { _ in Double(Int.random(in: -5...5, using: &generator)) }
    let bias = Double(Int.random(in: -3...3, using: &generator))
    let judge = try Self.judge(weights, bias: bias, bound: ExactDecimal(0))
    var (accepted, refused) = (0, 0)
    for _ in 0..<200 {
      let x = (0..<2).map { _ in Double(Int.random(in: -8...8, using: &generator)) / 8 }
      let y = weights[0] * max(x[0], 0) + weights[1] * max(x[1], 0) + bias
      let isWitness = judge.witness(at: x, caseIndex: 0) != nil
      #expect(isWitness == (y <= 0), "seed \(seed): \(x) gives \(y)")
      if isWitness { accepted += 1 } else { refused += 1 }
    }
    #expect(accepted + refused == 200)
  }

  @Test func numbersThatAreNoneAreRefused() throws {
    let judge = try Self.judge([1, 1], bias: -9, bound: ExactDecimal(0))
    #expect(judge.witness(at: [.nan, 0], caseIndex: 0) == nil)
    #expect(judge.witness(at: [.infinity, -.infinity], caseIndex: 0)?.input == [ExactDecimal(1), -ExactDecimal(1)])
    #expect(!judge.accepts([ExactDecimal(0)]))
  }
}
