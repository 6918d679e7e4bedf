import Statistics
import TestSupport
import Testing

@Suite struct SignedDecimalTests {
  @Test(arguments: [
    ("-1", "-1"), ("+1", "1"), ("-0", "0"), ("-0.0e5", "0"), ("1e-05", "0.00001"), (".5", "0.5"), ("-.5", "-0.5"),
    ("-1.50E+2", "-150"), ("-5.", "-5"), ("18446744073709551615", "1.8446744073709551615e19"),
    ("18446744073709551616", "18446744073709551616"),
    ("-0.00000018446744073709551616", "-0.00000018446744073709551616"),
  ])
  func signsAndExponentsAreRead(written: String, canonical: String) throws {
    let decimal = try #require(ExactDecimal(signed: written))
    #expect(ExactDecimal(signed: decimal.text) == decimal)
    #expect(decimal == ExactDecimal(signed: canonical))
    #expect(decimal.nearest == Double(written))
  }

  @Test(arguments: [
    "", "-", "+", "--1", "-+1", "1-", "e5", "-e5", ".", "-.", "1e+", "1e", "١", "1 ", " 1", "nan", "-inf",
  ])
  func anythingElseIsRefused(text: String) { #expect(ExactDecimal(signed: text) == nil) }

  /// The fast ways of rounding agree with the slow one, which goes through natural numbers.
  @Test func everyWayOfRoundingIsTheSame() throws {
    let seed: UInt64 = 31
    var generator = SeededGenerator(seed: seed)
    for round in 0..<6000 {
      let coefficient = generator.next() >> UInt64.random(in: 0..<64, using: &generator)
      let exponent = Int.random(in: -30...25, using: &generator)
      let text = (round % 2 == 0 ? "-" : "") + "\(coefficient)e\(exponent)"
      let decimal = try #require(ExactDecimal(signed: text))
      let ratio = decimal.magnitudeRatio
      let isNegative = decimal.isNegative
      #expect(decimal.nearest == (isNegative ? -ratio.nearest : ratio.nearest), "seed \(seed): \(text)")
      #expect(decimal.roundedDown == (isNegative ? -ratio.roundedUp : ratio.roundedDown), "seed \(seed): \(text)")
      #expect(decimal.roundedUp == (isNegative ? -ratio.roundedDown : ratio.roundedUp), "seed \(seed): \(text)")
    }
  }

  @Test func arithmeticAndOrderAreExact() throws {
    let seed: UInt64 = 32
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      // Values k / 1000 with the arithmetic of integers beside them.
      let a = Int.random(in: -5_000_000...5_000_000, using: &generator)
      let b = Int.random(in: -5000...5000, using: &generator)
      let x = try #require(ExactDecimal(signed: "\(a)e-3"))
      let y = try #require(ExactDecimal(signed: "\(b)e-3"))
      #expect(x + y == ExactDecimal(signed: "\(a + b)e-3"), "seed \(seed): \(a) \(b)")
      #expect(x - y == ExactDecimal(signed: "\(a - b)e-3"), "seed \(seed): \(a) \(b)")
      #expect(x * y == ExactDecimal(signed: "\(a * b)e-6"), "seed \(seed): \(a) \(b)")
      #expect((x < y) == (a < b) && (y < x) == (b < a), "seed \(seed): \(a) \(b)")
      #expect(-x == ExactDecimal(signed: "\(-a)e-3"), "seed \(seed): \(a)")
    }
    let large = try #require(ExactDecimal(signed: "123456789012345678901234567890.5"))
    #expect(large - large == ExactDecimal(0))
    // (10^29 - 0.5)^2 = 10^58 - 10^29 + 0.25.
    let nines = try #require(ExactDecimal(signed: "99999999999999999999999999999.5"))
    #expect(
      nines * nines == ExactDecimal(signed: "1e58")! - ExactDecimal(signed: "1e29")! + ExactDecimal(signed: "0.25")!)
    #expect(-large < large && ExactDecimal(0) < large && -large < ExactDecimal(0))
  }

  @Test func binaryNumbersAreExactDecimals() throws {
    #expect(ExactDecimal(exactly: 0.1)?.text == "1000000000000000055511151231257827021181583404541015625e-55")
    #expect(ExactDecimal(exactly: -0.375)?.text == "-0.375")
    #expect(ExactDecimal(exactly: .infinity) == nil && ExactDecimal(exactly: .nan) == nil)
    let seed: UInt64 = 33
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      let decimal = try #require(ExactDecimal(exactly: value))
      #expect(decimal.roundedDown == value && decimal.roundedUp == value, "seed \(seed): \(value)")
    }
    #expect(ExactDecimal(exactly: .leastNonzeroMagnitude)?.nearest == .leastNonzeroMagnitude)
  }

  @Test func divisionRoundsOutward() {
    let one = ExactDecimal(1)
    let three = ExactDecimal(3)
    #expect(one.divided(by: three, digits: 3, roundingUp: true) == (ExactDecimal(signed: "0.334")!, false))
    #expect(one.divided(by: three, digits: 3, roundingUp: false) == (ExactDecimal(signed: "0.333")!, false))
    #expect((-one).divided(by: three, digits: 3, roundingUp: true) == (ExactDecimal(signed: "-0.333")!, false))
    #expect(one.divided(by: -three, digits: 3, roundingUp: false) == (ExactDecimal(signed: "-0.334")!, false))
    #expect(one.divided(by: ExactDecimal(-8), digits: 3, roundingUp: false) == (ExactDecimal(signed: "-0.125")!, true))
  }
}
