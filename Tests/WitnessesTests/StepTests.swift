import Networks
import Statistics
import TestSupport
import Testing
import Witnesses

/// Networks with steps: sums that fall on a step are decided where they were computed without any rounding.
@Suite struct StepTests {
  /// y = sign(w_0 x_0 + w_1 x_1 + b) over two inputs in [-1, 1], unsafe where y <= 1/2.
  private func judge(_ weights: [Double], bias: Double) -> WitnessJudge {
    let rows = SparseRows(starts: [0, 2], columns: [0, 1], values: weights)
    let identity = SparseRows(starts: [0, 1], columns: [3], values: [1])
    let network = Network(
      name: "step",
      layers: [
        .init(name: "x", neurons: 0..<2, relation: .input),
        .init(name: "z", neurons: 2..<3, relation: .affine(Affine(rows: rows, bias: [bias]))),
        .init(name: "s", neurons: 3..<4, relation: .function(.sign, of: 1)),
        .init(name: "y", neurons: 4..<5, relation: .affine(Affine(rows: identity, bias: [0]))),
      ], outputLayer: 3)
    let one = ExactDecimal(1)
    let constraint = Property.LinearConstraint(
      terms: [.init(variable: .output(0), coefficient: one)], bound: ExactDecimal(exactly: 0.5)!)
    let property = Property(
      inputCount: 2, outputCount: 1,
      cases: [.init(lower: [-one, -one], upper: [one, one], clauses: [[constraint]])])
    return WitnessJudge(network: network, property: property, semantics: .real)
  }

  @Test("Integer sums are decided on the step too", arguments: 0..<10)
  func integers(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let weights = (0..<2).map { _ in Double(Int.random(in: -4...4, using: &generator)) }
    let bias = Double(Int.random(in: -2...2, using: &generator))
    let judge = judge(weights, bias: bias)
    for _ in 0..<200 {
      let x = (0..<2).map { _ in Double(Int.random(in: -4...4, using: &generator)) / 4 }
      let z = weights[0] * x[0] + weights[1] * x[1] + bias
      let isWitness = judge.witness(at: x, caseIndex: 0) != nil
      #expect(isWitness == (z <= 0), "seed \(seed): \(x) gives \(z)")
    }
  }

  @Test func sumsThatRoundAreNotTakenForExact() {
    // (1 + 2^-60) - 1 is positive, and 0 in binary64.
    #expect(judge([1, 0x1p-60], bias: -1).witness(at: [1, 1], caseIndex: 0) == nil)
    // (1 - 2^-30)^2 is above the binary64 number nearest to it: the product rounds.
    let near = 1 - 0x1p-30
    #expect(judge([near, 0], bias: -(near * near)).witness(at: [near, 0], caseIndex: 0) == nil)
    // Far above the step there is no doubt.
    #expect(judge([1, 1], bias: 3).witness(at: [1, 1], caseIndex: 0) == nil)
    #expect(judge([1, 1], bias: -3).witness(at: [1, 1], caseIndex: 0) != nil)
  }
}
