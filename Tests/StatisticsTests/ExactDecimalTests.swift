import Statistics
import TestSupport
import Testing

@Suite struct ExactDecimalTests {
  @Test(arguments: [
    ("0.12", "0.12"), ("1e-3", "0.001"), ("1.0", "1"), ("10e-1", "1"), ("0", "0"), ("0.000", "0"), ("00.50", "0.5"),
    ("1e3", "1000"), ("1e30", "1e30"), (".5", "0.5"), ("5.", "5"), ("1E-30", "1e-30"), ("12.5e-2", "0.125"),
    ("0.8660254037844386", "0.8660254037844386"),
  ])
  func textIsCanonical(written: String, canonical: String) throws {
    let decimal = try ExactDecimal(written)
    #expect(decimal.text == canonical)
    #expect(try ExactDecimal(decimal.text) == decimal)
  }

  @Test(arguments: [
    "", ".", "-1", "+1", "1e", "1e-", "0x1", "nan", "inf", "1,5", "1 ", "1e99999", "1.2.3", "٣", "1e+-3",
  ])
  func anythingElseIsRefused(text: String) {
    #expect(throws: StatisticsError.notADecimal(text)) { try ExactDecimal(text) }
  }

  @Test func conversionsBracketTheExactValue() throws {
    // 0.1 lies between 0x1.9999999999999p-4 and 0x1.999999999999ap-4, nearer to the latter.
    let tenth = try ExactDecimal("0.1")
    #expect(tenth.roundedDown == 0x1.9999999999999p-4)
    #expect(tenth.roundedUp == 0x1.999999999999ap-4)
    #expect(tenth.nearest == 0.1)
    let half = try ExactDecimal("0.5")
    #expect(half.roundedDown == 0.5 && half.roundedUp == 0.5)
    // Ends of the binary64 range.
    #expect(try ExactDecimal("1e400").roundedUp == .infinity)
    #expect(try ExactDecimal("1e400").roundedDown == .greatestFiniteMagnitude)
    #expect(try ExactDecimal("1e-400").roundedUp == .leastNonzeroMagnitude)
    #expect(try ExactDecimal("1e-400").roundedDown == 0)
    #expect(try ExactDecimal("9007199254740993").nearest == 9_007_199_254_740_992)
    #expect(try ExactDecimal("9007199254740995").nearest == 9_007_199_254_740_996)
  }

  @Test func randomDecimalsRoundLikeTheStandardLibrary() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<500 {
      let digits = String(generator.next()) + String(generator.next() % 1000)
      let exponent = Int(generator.next() % 640) - 345
      let text = "\(digits)e\(exponent)"
      let decimal = try ExactDecimal(text)
      let parsed = try #require(Double(text))
      #expect(decimal.nearest == parsed, "seed 11: \(text)")
      #expect(decimal.roundedDown <= parsed && parsed <= decimal.roundedUp, "seed 11: \(text)")
      #expect(decimal.roundedUp == decimal.roundedDown || decimal.roundedUp == decimal.roundedDown.nextUp, "\(text)")
    }
  }

  @Test func longDivisionUndoesMultiplication() {
    var generator = SeededGenerator(seed: 12)
    func random(_ limbs: Int) -> BigNatural {
      (0..<limbs).reduce(BigNatural.zero) { value, _ in
        // Limbs of all ones and zeros provoke the rare corrections of algorithm D.
        let pick = generator.next()
        return (value << 64) + BigNatural(pick % 4 == 0 ? .max : pick % 4 == 1 ? 0 : generator.next())
      }
    }
    for _ in 0..<2000 {
      let divisor = random(1 + Int(generator.next() % 5)) + .one
      let quotient = random(Int(generator.next() % 5))
      let remainder = random(6).quotientAndRemainder(dividingBy: divisor).remainder
      #expect(remainder < divisor, "seed 12")
      let result = (divisor * quotient + remainder).quotientAndRemainder(dividingBy: divisor)
      #expect(result.quotient == quotient && result.remainder == remainder, "seed 12")
    }
    #expect(BigNatural(10).power(40).decimalText == "1" + String(repeating: "0", count: 40))
  }
}
