import Falsifier
import Networks
import Statistics
import TestSupport
import Testing

@Suite struct RegionTests {
  private func decimal(_ text: String) -> ExactDecimal { ExactDecimal(signed: text)! }

  @Test func boxesShrinkToBinary32NumbersInside() {
    // [0.1, 0.3] to the next binary32 numbers inside; the point 0.1 holds none, [0.5, 0.5] holds 0.5 itself.
    let exact = Property.Case(
      lower: ["0.1", "0.1", "0.5", "-0.3"].map(decimal), upper: ["0.3", "0.1", "0.5", "-0.1"].map(decimal),
      clauses: [[]])
    let network = RandomNetworks.dense([4, 2], seed: 1)
    let region = AttackRegion(VerificationCase(exact, of: network), exact: exact)
    for index in [0, 3] {
      #expect(
        decimal("\(region.low[index])") >= exact.lower[index]
          || Double(region.low[index]) >= exact.lower[index].roundedUp)
      #expect(Double(region.low[index].nextDown) < exact.lower[index].roundedUp)
      #expect(Double(region.high[index]) <= exact.upper[index].roundedDown)
      #expect(Double(region.high[index].nextUp) > exact.upper[index].roundedDown)
      #expect(region.fixed[index] == nil)
    }
    #expect(region.fixed[1] == 0.1 && region.low[1] == region.high[1])
    #expect(region.fixed[2] == nil && region.low[2] == 0.5 && region.high[2] == 0.5)
  }

  @Test(arguments: [Property.Ball.Norm.l1, .l2])
  func projectionsEndInsideAndNear(norm: Property.Ball.Norm) {
    let seed: UInt64 = 3
    var generator = SeededGenerator(seed: seed)
    let count = 6
    let row = VerificationCase.Row(neurons: [0, 1, 2], coefficients: [1, -2, 0.5], constant: -0.1)
    let ball = VerificationCase.Ball(norm: norm, centre: Array(repeating: 0.1, count: count), radius: 0.7)
    let region = AttackRegion(
      VerificationCase(
        lower: Array(repeating: -0.5, count: count), upper: Array(repeating: 0.5, count: count), ball: ball,
        inputRows: [row], rows: [], clauses: [[]]), exact: nil)
    func distance(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    for _ in 0..<300 {
      let start = (0..<count).map { _ in Double.random(in: -2...2, using: &generator) }
      var point = start
      region.project(&point)
      #expect(region.contains(point), "seed \(seed): \(start)")
      #expect(point.allSatisfy { abs($0) <= 0.5 }, "seed \(seed): \(start)")
      // No point of the region is much nearer (Dykstra's method finds the nearest).
      for _ in 0..<50 {
        let other = (0..<count).map { _ in Double.random(in: -0.5...0.5, using: &generator) }
        if region.contains(other) { #expect(distance(start, point) <= distance(start, other) + 1e-3, "seed \(seed)") }
      }
    }
  }
}
