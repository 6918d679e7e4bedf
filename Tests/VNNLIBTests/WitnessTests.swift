import Networks
import Statistics
import TestSupport
import Testing
import VNNLIB

@Suite struct WitnessTests {
  @Test func theTextHasTheFormOfTheCompetition() throws {
    let witness = try #require(WitnessText(shortestInputs: [0.1, -1e-5] as [Float], outputs: [3, -0.0]))
    #expect(witness.text == "sat\n((X_0 0.1)\n (X_1 -0.00001)\n (Y_0 3)\n (Y_1 0))\n")
    #expect(try WitnessText.parse(witness.text) == witness)
    #expect(WitnessText(shortestInputs: [Double.nan], outputs: []) == nil)
    #expect(WitnessText(shortestInputs: [Float.infinity], outputs: []) == nil)
  }

  @Test func everyBinaryNumberReadsBack() throws {
    let seed: UInt64 = 7
    var generator = SeededGenerator(seed: seed)
    let doubles = (0..<2000).map { _ in Double(bitPattern: generator.next()) }.filter(\.isFinite)
    let floats = (0..<2000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
      .filter(\.isFinite)
    let read = try WitnessText.parse(#require(WitnessText(shortestInputs: doubles, outputs: [])).text)
    #expect(read.inputs.map(\.nearest) == doubles, "seed \(seed)")
    let readFloats = try WitnessText.parse(#require(WitnessText(shortestInputs: floats, outputs: [])).text)
    #expect(readFloats.inputs.map { Float($0.nearest) } == floats, "seed \(seed)")
  }

  @Test(arguments: [
    ("unsat", "begins with"), ("sat\n((X_0 1)", "Expected"), ("sat ((X_0 1) (X_0 2))", "two values"),
    ("sat ((X_1 1))", "has no value"), ("sat ((Z 1))", "Expected X_i"), ("sat ((X_0 one))", "decimal"),
    ("sat ((X_0 1)) x", "Nothing may follow"), ("", "begins with"),
  ])
  func damagedWitnessesAreRefused(text: String, part: String) throws {
    let error = #expect(throws: VNNLIBError.self) { try WitnessText.parse(text) }
    #expect(try #require(error).description.contains(part), "\(String(describing: error))")
  }
}

@Suite struct RobustnessPropertyTests {
  private func decimal(_ text: String) -> ExactDecimal { ExactDecimal(signed: text)! }

  @Test func linfIsABoxCutByTheDataBox() {
    let property = Property.robustness(
      centre: [decimal("0.5"), decimal("0.99")], perturbation: .linf(radii: [decimal("0.02")]), label: 1, classes: 3,
      dataBox: ([ExactDecimal(0), ExactDecimal(0)], [ExactDecimal(1), ExactDecimal(1)]))
    #expect(
      outline(property) == ["[0.48, 0.52] [0.97, 1] -> {1 Y_1 + -1 Y_0 <= 0} {1 Y_1 + -1 Y_2 <= 0}"])
  }

  @Test(arguments: [Property.Ball.Norm.l1, .l2])
  func ballsComeWithTheirBoundingBox(norm: Property.Ball.Norm) throws {
    let radius = decimal("0.25")
    let property = Property.robustness(
      centre: [decimal("0.5"), decimal("-1")], perturbation: norm == .l1 ? .l1(radius: radius) : .l2(radius: radius),
      label: 0, classes: 2, targets: [0, 1])
    let region = property.cases[0]
    #expect(region.lower.map(\.text) == ["0.25", "-1.25"] && region.upper.map(\.text) == ["0.75", "-0.75"])
    let ball = try #require(region.ball)
    #expect(ball.norm == norm && ball.radius == radius && ball.centre.map(\.text) == ["0.5", "-1"])
    #expect(region.clauses.count == 1)
  }

  @Test func radiiThatAreNoDecimalsRoundUp() {
    #expect(ExactDecimal(roundingUp: 8, over: 255, digits: 6).text == "0.031373")
    #expect(ExactDecimal(roundingUp: 1, over: 4, digits: 6).text == "0.25")
    #expect(ExactDecimal(roundingUp: 2, over: 255, digits: 20).roundedUp >= 2.0 / 255)
  }
}
