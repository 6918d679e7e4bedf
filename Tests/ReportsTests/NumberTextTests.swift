import Reports
import Testing

@Suite struct NumberTextTests {
  @Test func groupsThousands() {
    #expect(
      [0, 7, 999, 1000, 12_345, 1_234_567, -1000].map(NumberText.grouped)
        == ["0", "7", "999", "1,000", "12,345", "1,234,567", "-1,000"])
  }

  @Test func percentagesAreRoundedDownSoThatAHundredMeansAll() {
    #expect(NumberText.percent(2, of: 3) == "66.6 %")
    #expect(NumberText.percent(99_999, of: 100_000) == "99.9 %")
    #expect(NumberText.percent(5, of: 5) == "100.0 %")
    #expect(NumberText.percent(0, of: 0) == "–")
    #expect(NumberText.share(1200, of: 2400) == "50.0 % (1,200 of 2,400)")
  }

  @Test func significantDigitsRoundToTheStatedSide() {
    #expect(NumberText.significant(0.00012341, digits: 3, rounding: .up) == "1.24e-4")
    #expect(NumberText.significant(0.00012341, digits: 3, rounding: .down) == "1.23e-4")
    #expect(NumberText.significant(0.9999, digits: 2, rounding: .up) == "1")
    #expect(NumberText.significant(0.9999, digits: 2, rounding: .down) == "0.99")
    #expect(NumberText.significant(123_456.7, digits: 3, rounding: .up) == "124000")
    #expect(NumberText.significant(0.05, digits: 3, rounding: .up) == "0.05")
    #expect(NumberText.significant(1e-300, digits: 3, rounding: .up) == "1e-300")
    #expect(NumberText.significant(2.5e22, digits: 1, rounding: .down) == "2e22")
    #expect(NumberText.significant(0, digits: 3, rounding: .up) == "0")
    #expect(NumberText.significant(.nan, digits: 3, rounding: .down) == "nan")
  }

  @Test(arguments: [UInt64(20_261)]) func roundedNumbersEncloseTheNumberTightly(seed: UInt64) throws {
    var random = SyntheticRun.Random(state: seed)
    for _ in 0..<2000 {
      let x = Double.random(in: 1...10, using: &random) * [1e-9, 1e-4, 0.1, 1, 1e5, 1e9].randomElement(using: &random)!
      let digits = Int.random(in: 1...8, using: &random)
      let low = try #require(Double(NumberText.significant(x, digits: digits, rounding: .down)))
      let high = try #require(Double(NumberText.significant(x, digits: digits, rounding: .up)))
      var relative = 1.0
      for _ in 1..<digits { relative /= 10 }
      #expect(low <= x && x <= high, "seed \(seed): \(low) \(x) \(high)")
      #expect(high - low <= 1.0001 * relative * x, "seed \(seed): \(low) \(x) \(high)")
    }
  }

  @Test func decimalTextsAreMultipliedExactly() {
    #expect(NumberText.product(ofDecimal: "0.12", by: 255) == "30.6")
    #expect(NumberText.product(ofDecimal: "1", by: 255) == "255")
    #expect(NumberText.product(ofDecimal: "0.250", by: 255) == "63.75")
    #expect(NumberText.product(ofDecimal: "0.00", by: 255) == "0")
    #expect(NumberText.product(ofDecimal: "0.123456789012345678901", by: 255) == "31.481481198148148119755")
    for text in ["", "abc", "1e-3", "1.2.3", "-1"] { #expect(NumberText.product(ofDecimal: text, by: 255) == nil) }
  }

  @Test func durationsAndRatesAreReadable() {
    #expect(
      [0.04, 9.96, 59.4, 59.6, 723, 12_059].map(NumberText.duration)
        == ["0.0 s", "10 s", "59 s", "1 m 00 s", "12 m 03 s", "3 h 20 m"])
    #expect(NumberText.duration(.nan) == "–")
    #expect([1.234, 12.34, 4750.2].map(NumberText.rate) == ["1.23", "12.3", "4,750"])
    #expect(NumberText.rate(.infinity) == "–")
  }
}
