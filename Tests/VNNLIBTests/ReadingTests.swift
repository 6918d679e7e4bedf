import Networks
import Statistics
import Testing
import VNNLIB

/// A property in a form that is easy to compare: for each case its box, input constraints and clauses.
func outline(_ property: Property) -> [String] {
  func text(_ constraint: Property.LinearConstraint) -> String {
    let sum = constraint.terms.map { term in
      switch term.variable {
      case .input(let index): "\(term.coefficient) X_\(index)"
      case .output(let index): "\(term.coefficient) Y_\(index)"
      }
    }
    return sum.joined(separator: " + ") + (constraint.isStrict ? " < " : " <= ") + constraint.bound.text
  }
  return property.cases.map { region in
    let box = zip(region.lower, region.upper).map { "[\($0), \($1)]" }.joined(separator: " ")
    let inputs = region.inputConstraints.map { " | " + text($0) }.joined()
    let clauses = region.clauses.map { "{" + $0.map(text).joined(separator: ", ") + "}" }.joined(separator: " ")
    return box + inputs + " -> " + clauses
  }
}

private let declarations = """
  ; two inputs, two outputs
  (declare-const X_0 Real) (declare-const X_1 Real)
  (declare-const Y_0 Real) (declare-const Y_1 Real)

  """
private let unitBox = declarations + "(assert (and (>= X_0 0) (<= X_0 1) (<= -1 X_1) (>= 1.0 X_1)))\n"

@Suite struct ReadingTests {
  @Test(
    arguments: [
      // One output limit.
      ("(assert (<= Y_0 -0.25))", ["[0, 1] [-1, 1] -> {1 Y_0 <= -0.25}"]),
      // Several assertions hold together.
      (
        "(assert (>= Y_0 2.5e-1))(assert (<= Y_1 Y_0)) ; done",
        ["[0, 1] [-1, 1] -> {-1 Y_0 <= -0.25, -1 Y_0 + 1 Y_1 <= 0}"]
      ),
      // "or" gives clauses; single "and" and nested ones are flat.
      (
        "(assert (or (and (>= Y_0 Y_1)) (and (<= Y_0 1) (and (<= Y_1 2)))))",
        ["[0, 1] [-1, 1] -> {-1 Y_0 + 1 Y_1 <= 0} {1 Y_0 <= 1, 1 Y_1 <= 2}"]
      ),
      // Strictness as written.
      ("(assert (< Y_0 1))(assert (> Y_1 1))", ["[0, 1] [-1, 1] -> {1 Y_0 < 1, -1 Y_1 < -1}"]),
      ("(assert (= Y_0 3))", ["[0, 1] [-1, 1] -> {1 Y_0 <= 3, -1 Y_0 <= -3}"]),
      ("(assert (not (<= Y_0 3)))", ["[0, 1] [-1, 1] -> {-1 Y_0 < -3}"]),
      ("(assert (not (= Y_0 3)))", ["[0, 1] [-1, 1] -> {1 Y_0 < 3} {-1 Y_0 < -3}"]),
      ("(assert (not (or (<= Y_0 3) (> Y_1 4))))", ["[0, 1] [-1, 1] -> {-1 Y_0 < -3, 1 Y_1 <= 4}"]),
      ("(assert (<= 0 Y_0 Y_1 1))", ["[0, 1] [-1, 1] -> {-1 Y_0 <= 0, 1 Y_0 + -1 Y_1 <= 0, 1 Y_1 <= 1}"]),
      // Linear arithmetic; equal variables are joined, cancelled ones vanish.
      ("(assert (>= (- Y_0 Y_1) 0.5))", ["[0, 1] [-1, 1] -> {-1 Y_0 + 1 Y_1 <= -0.5}"]),
      (
        "(assert (<= (+ (* 2 Y_0) (* Y_1 -0.5) Y_0 1) (- 3)))", ["[0, 1] [-1, 1] -> {3 Y_0 + -0.5 Y_1 <= -4}"]
      ),
      ("(assert (<= (- (/ Y_0 4)) (- Y_1 (+ Y_1 Y_0))))", ["[0, 1] [-1, 1] -> {0.75 Y_0 <= 0}"]),
      ("(assert (<= (* 2 (- Y_0 1)) 0))", ["[0, 1] [-1, 1] -> {2 Y_0 <= 2}"]),
      // Constraints on inputs alone shape the region, mixed ones belong to the clause.
      ("(assert (<= (+ X_0 X_1) 1))", ["[0, 1] [-1, 1] | 1 X_0 + 1 X_1 <= 1 -> {}"]),
      ("(assert (<= Y_0 X_1))", ["[0, 1] [-1, 1] -> {-1 X_1 + 1 Y_0 <= 0}"]),
      // A tighter limit replaces, a looser one changes nothing; 2 x <= 1 is x <= 1/2; 3 x <= 1 rounds outward.
      ("(assert (<= X_0 0.5))(assert (<= X_0 7))(assert (<= (* 2 X_1) 1))", ["[0, 0.5] [-1, 0.5] -> {}"]),
      (
        "(assert (<= (* 3 X_0) 1))",
        ["[0, 0.3333333333333333333333333333333333333334] [-1, 1] | 3 X_0 <= 1 -> {}"]
      ),
      ("(assert (< X_0 0.5))", ["[0, 0.5] [-1, 1] | 1 X_0 < 0.5 -> {}"]),
      // No assertion about outputs: the region itself is forbidden. Other commands of SMT-LIB are skipped.
      ("(set-logic QF_LRA)(check-sat)", ["[0, 1] [-1, 1] -> {}"]),
      ("(assert true)(assert (<= 1 2))", ["[0, 1] [-1, 1] -> {}"]),
      ("(assert (or (<= 2 1) (<= Y_0 1e-05)))", ["[0, 1] [-1, 1] -> {1 Y_0 <= 0.00001}"]),
      // Several input regions; the same region twice is one case with two clauses, "or" times "or" multiplies out.
      (
        "(assert (or (<= X_0 0.5) (>= X_0 0.5)))(assert (<= Y_0 0))",
        ["[0, 0.5] [-1, 1] -> {1 Y_0 <= 0}", "[0.5, 1] [-1, 1] -> {1 Y_0 <= 0}"]
      ),
      (
        "(assert (or (and (<= X_0 .5) (<= Y_0 0)) (and (<= X_0 5e-1) (<= Y_1 0)) (<= Y_1 -1)))",
        ["[0, 0.5] [-1, 1] -> {1 Y_0 <= 0} {1 Y_1 <= 0}", "[0, 1] [-1, 1] -> {1 Y_1 <= -1}"]
      ),
      (
        "(assert (or (<= X_0 0.5) (>= X_0 0.75)))(assert (or (<= X_0 0.25) (>= X_0 0.9)))",
        ["[0, 0.25] [-1, 1] -> {}", "[0.9, 1] [-1, 1] -> {}"]
      ),
    ] as [(String, [String])])
  func assertionsMeanWhatTheySay(text: String, expected: [String]) throws {
    #expect(outline(try VNNLIBReader.read(text: unitBox + text)) == expected)
  }

  @Test func numbersStayExact() throws {
    let text = """
      (declare-const X_0 Real)(declare-fun X_1 () Real)
      (assert (and (>= X_0 -0) (<= X_0 0.30353115613746867000000000001) (= X_1 -1e-06)))
      """
    let region = try VNNLIBReader.read(text: text).cases[0]
    #expect(region.lower[0] == ExactDecimal(0) && !region.lower[0].isNegative)
    #expect(region.upper[0].text == "0.30353115613746867000000000001")
    #expect(region.lower[1] == region.upper[1] && region.lower[1].text == "-0.000001")
    #expect(region.upper[0].roundedUp == 0.30353115613746867.nextUp || region.upper[0].roundedUp == 0.30353115613746867)
    #expect(region.upper[0].roundedDown < region.upper[0].roundedUp)
  }

  @Test(
    arguments: [
      ("(assert (<= X_2 1))", 5, 13, "X_2 is not declared"),
      ("\n  (assert (<= X_0 1)", 6, 3, "never closed"),
      ("(assert (<= X_0 1)))", 5, 20, "closes nothing"),
      ("(assert (<= X_0 one))", 5, 17, "neither a declared variable"),
      ("(assert (=< X_0 1))", 5, 10, "Unknown symbol \"=<\""),
      ("(assert (<= X_0 (sin X_1)))", 5, 18, "Unknown symbol \"sin\""),
      ("(assert (<= (* X_0 X_1) 1))", 5, 13, "not linear"),
      ("(assert (<= (/ X_0 X_1) 1))", 5, 13, "Only division by a number"),
      ("(assert (<= X_0 (/ 1 3)))", 5, 17, "no decimal number"),
      ("(assert (<= X_0))", 5, 9, "two sides"),
      ("(assert (<= X_0 (-)))", 5, 17, "no operands"),
      ("(assert)", 5, 8, "Expected a formula"),
      ("(assert (<= X_0 1) 2)", 5, 20, "Expected \")\""),
      ("(define X_0)", 5, 2, "Unknown command \"define\""),
      ("assert", 5, 1, "Expected \"(\""),
      ("(declare-const Z Real)", 5, 16, "Expected a variable"),
      ("(declare-const X_0 Real)", 5, 16, "declared twice"),
      ("(declare-const X_2 Int)", 5, 20, "type Real"),
      ("(assert (<= X_0 1.2.3))", 5, 17, "neither a declared variable"),
      ("(assert (<= X_0 1e99999))", 5, 17, "neither a declared variable"),
      ("(assert (and (<= X_0 1)", 5, 9, "never closed"),
    ] as [(String, Int, Int, String)])
  func mistakesAreNamedWithTheirPlace(text: String, line: Int, column: Int, part: String) throws {
    let error = #expect(throws: VNNLIBError.self) { try VNNLIBReader.read(text: unitBox + text, name: "p.vnnlib") }
    guard case .malformed(let path, let foundLine, let foundColumn, let reason) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == "p.vnnlib" && foundLine == line && foundColumn == column, "\(foundLine):\(foundColumn) \(reason)")
    #expect(reason.contains(part), "\(reason)")
  }

  @Test(
    arguments: [
      (declarations + "(assert (<= X_0 1))(assert (>= X_0 0))(assert (<= X_1 0))", "X_1 lacks a lower or an upper"),
      (unitBox + "(assert (<= X_1 -2))", "no value of X_1"),
      (unitBox + "(assert (< X_0 0))", "no value of X_0"),
      (unitBox + "(assert (or (<= X_1 -2) (<= X_1 0)))", "no value of X_1"),
      (unitBox + "(assert (or (<= X_0 0.4) (>= X_0 2)))(assert (<= Y_0 0))", "no value of X_0"),
      (unitBox + "(assert false)", "contradict each other"),
      ("(declare-const X_1 Real)", "X_0 is not declared although X_1 is"),
      ("", "declares no input"),
      ("(declare-const Y_0 Real)(assert (<= Y_0 1))", "declares no input"),
    ] as [(String, String)])
  func unusableRegionsAreNamed(text: String, part: String) throws {
    let error = #expect(throws: VNNLIBError.self) { try VNNLIBReader.read(text: text) }
    #expect(try #require(error).description.contains(part), "\(String(describing: error))")
  }

  @Test func hugeProductsAndDeepNestingAreRefused() throws {
    // 2^30 conjunctions.
    let wide = String(repeating: "(assert (or (<= Y_0 1) (<= Y_1 1)))", count: 30)
    let tooLarge = #expect(throws: VNNLIBError.self) { try VNNLIBReader.read(text: unitBox + wide) }
    #expect(try #require(tooLarge).description.contains("100000 cases"))
    for opening in [
      "(assert " + String(repeating: "(and ", count: 100_000),
      "(assert (<= "
        + String(repeating: "(- ", count: 100_000),
    ] {
      let tooDeep = #expect(throws: VNNLIBError.self) { try VNNLIBReader.read(text: unitBox + opening) }
      #expect(try #require(tooDeep).description.contains("nested deeper"))
    }
  }

  @Test func aPropertyOfAnotherShapeIsRefused() throws {
    let property = try VNNLIBReader.read(text: unitBox)
    try property.check(inputCount: 2, outputCount: 2)
    let error = #expect(throws: PropertyMismatch.self) { try property.check(inputCount: 5, outputCount: 2) }
    #expect(try #require(error).description.contains("2 inputs and 2 outputs, but the model has 5 and 2"))
  }

  @Test func missingFilesAreNamed() throws {
    let error = #expect(throws: VNNLIBError.self) { try VNNLIBReader.read(path: "/nowhere/p.vnnlib") }
    #expect(try #require(error).description.contains("/nowhere/p.vnnlib cannot be read"))
  }
}
