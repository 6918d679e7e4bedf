// data/soundness: points whose verdict is known exactly although binary32 says otherwise.

import Graphs
import Networks
import ONNXImport
import Statistics
import TestSupport
import Testing
import VNNLIB
import Witnesses

/// A row of expected.csv, as far as witnesses are concerned.
struct WitnessRow: Sendable, CustomStringConvertible {
  var name: String
  /// Verdicts: "sat", "unsat", "depends" (on the order of evaluation).
  var real: String
  var float32: String
  /// The point that decides, one number standing for all inputs.
  var point: [Double]
  /// The exact output there, to binary64.
  var value: Double

  var description: String { name }

  static let isAvailable = TestData.isAvailable("soundness/expected.csv")
  static let all: [WitnessRow] = {
    guard isAvailable, let lines = try? TestData.lines(TestData.path("soundness/expected.csv")) else { return [] }
    return lines.dropFirst().map { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return WitnessRow(
        name: fields[0], real: fields[2], float32: fields[3], point: fields[4].split(separator: " ").map(number),
        value: number(fields[5][...]))
    }
  }()

  /// "3/4" or "-0.25".
  private static func number(_ text: Substring) -> Double {
    let parts = text.split(separator: "/").map { Double($0)! }
    return parts.count == 2 ? parts[0] / parts[1] : parts[0]
  }

  func judge(_ semantics: Semantics) throws -> (WitnessJudge, Property, [Double]) {
    let network = try ONNXImporter.load(TestData.path("soundness/\(name).onnx")).network()
    let property = try VNNLIBReader.read(path: TestData.path("soundness/\(name).vnnlib"))
    let input = point.count == 1 ? .init(repeating: point[0], count: network.inputs.count) : point
    return (WitnessJudge(network: network, property: property, semantics: semantics), property, input)
  }
}

@Suite(.enabled(if: WitnessRow.isAvailable, "data/soundness is missing; set SURETY_DATA"))
struct SoundnessWitnessTests {
  @Test func thereAreAllRows() { #expect(WitnessRow.all.count == 14) }

  @Test("In real arithmetic exactly the real violations are witnesses", arguments: WitnessRow.all)
  func real(_ row: WitnessRow) throws {
    let (judge, _, input) = try row.judge(.real)
    let witness = judge.witness(at: input, caseIndex: 0)
    #expect((witness != nil) == (row.real == "sat"))
    guard let witness else { return }
    #expect(witness.isReal)
    #expect((witness.outputs[0] - row.value).magnitude <= 1e-6 * row.value.magnitude)
    // What is printed reads back to the very point, and is accepted as it stands.
    let text = try WitnessText.parse(witness.text)
    #expect(text.inputs == witness.input)
    #expect(judge.accepts(text.inputs))
  }

  @Test("A violation in real arithmetic alone is no witness for binary32", arguments: WitnessRow.all)
  func both(_ row: WitnessRow) throws {
    let (judge, _, input) = try row.judge(.both)
    guard let witness = judge.witness(at: input, caseIndex: 0) else { return }
    #expect(row.real == "sat" && row.float32 != "unsat")
    #expect(witness.isReal)
    #expect(witness.binary32 == .certain || witness.binary32 == .observed)
  }

  @Test func aBinary32ViolationAloneIsNotedButNotSat() throws {
    let row = try #require(WitnessRow.all.first { $0.name == "f32_only" })
    let (real, _, input) = try row.judge(.real)
    #expect(real.witness(at: input, caseIndex: 0) == nil)
    let (float32, _, _) = try row.judge(.float32)
    let witness = float32.witness(at: input, caseIndex: 0)
    #expect(witness?.isReal == false)
    #expect(witness?.binary32 == .observed)
    #expect(try row.judge(.both).0.witness(at: input, caseIndex: 0) == nil)
  }

  @Test func aRealViolationThatBinary32MissesIsSatForRealNumbersOnly() throws {
    let row = try #require(WitnessRow.all.first { $0.name == "real_only" })
    let (real, _, input) = try row.judge(.real)
    #expect(real.witness(at: input, caseIndex: 0)?.binary32 == .fails)
    #expect(try row.judge(.float32).0.witness(at: input, caseIndex: 0) == nil)
    #expect(try row.judge(.both).0.witness(at: input, caseIndex: 0) == nil)
  }

  @Test func aDecimalThatNoBinary32NumberMeetsIsPrintedAsItself() throws {
    let row = try #require(WitnessRow.all.first { $0.name == "decimal" })
    let (judge, _, input) = try row.judge(.real)
    let witness = try #require(judge.witness(at: input, caseIndex: 0))
    #expect(witness.input == [try ExactDecimal("0.1")])
    #expect(witness.text.contains("(X_0 0.1)"))
    // The binary32 number beside it lies outside the box.
    #expect(!judge.accepts([try #require(ExactDecimal(exactly: Double(Float(0.1))))]))
  }

  @Test func pointsOutsideTheBoxAreNeverAccepted() throws {
    for row in WitnessRow.all {
      let (judge, property, _) = try row.judge(.real)
      let beyond = property.cases[0].upper.map { $0 + (ExactDecimal(exactly: 0x1p-60) ?? $0) }
      #expect(!judge.accepts(beyond), "\(row)")
    }
  }
}
