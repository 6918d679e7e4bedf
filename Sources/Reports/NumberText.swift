import Certificates

// Numbers as people read them: grouped thousands, percentages, significant digits with a stated rounding, durations.

package enum NumberText {
  /// A number with a fixed number of decimals, rounded to nearest.
  package static func decimal(_ x: Double, places: Int) -> String { CertifiedTable.decimal(x, places: places) }

  /// Digits in groups of three: 1234567 is "1,234,567".
  package static func grouped(_ n: Int) -> String {
    let digits = String(n.magnitude)
    var text = n < 0 ? "-" : ""
    for (position, digit) in digits.enumerated() {
      if position > 0 && (digits.count - position) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A share in percent with one decimal, rounded down, so that "100.0 %" means all; "–" of nothing.
  package static func percent(_ part: Int, of whole: Int) -> String {
    guard whole > 0, part >= 0, part <= Int.max / 1000 else { return "–" }
    let tenths = part * 1000 / whole
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// "84.0 % (42 of 50)"; "–" of nothing.
  package static func share(_ part: Int, of whole: Int) -> String {
    whole > 0 ? "\(percent(part, of: whole)) (\(grouped(part)) of \(grouped(whole)))" : "–"
  }

  package enum Rounding: Sendable { case up, down }

  /// A non-negative number with a number of significant digits, rounded up or down from its exact shortest decimal.
  ///
  /// Plain between 0.001 and a million, else like "1.24e-9". Not a finite number >= 0: its description.
  package static func significant(_ x: Double, digits: Int, rounding: Rounding) -> String {
    guard x.isFinite, x >= 0, digits > 0 else { return "\(x)" }
    guard x > 0 else { return "0" }
    var (mantissa, exponent) = decimalDigits(x)
    if mantissa.count > digits {
      let lost = mantissa[digits...].contains { $0 != 0 }
      mantissa.removeSubrange(digits...)
      if lost && rounding == .up { increment(&mantissa, &exponent) }
    }
    while mantissa.count > 1 && mantissa.last == 0 { mantissa.removeLast() }
    let text = mantissa.map { String($0) }.joined()
    if exponent < -3 || exponent >= 6 {
      return text.prefix(1) + (text.count > 1 ? "." + text.dropFirst() : "") + "e\(exponent)"
    }
    if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + text }
    let padded = text + String(repeating: "0", count: max(0, exponent + 1 - text.count))
    let fraction = padded.dropFirst(exponent + 1)
    return padded.prefix(exponent + 1) + (fraction.isEmpty ? "" : "." + fraction)
  }

  /// The digits d0 d1 ... and e with x = d0.d1... * 10^e, from the shortest decimal that reads back as x > 0.
  private static func decimalDigits(_ x: Double) -> ([Int], Int) {
    let parts = "\(x)".split(separator: "e")
    let number = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = number[0]
    let fraction = number.count > 1 ? number[1] : ""
    var digits = (whole + fraction).compactMap(\.wholeNumberValue)
    var exponent = whole.count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.count > 1 && digits.first == 0 {
      digits.removeFirst()
      exponent -= 1
    }
    return (digits, exponent)
  }

  private static func increment(_ digits: inout [Int], _ exponent: inout Int) {
    for place in digits.indices.reversed() {
      if digits[place] < 9 {
        digits[place] += 1
        return
      }
      digits[place] = 0
    }
    digits.insert(1, at: 0)
    digits.removeLast()
    exponent += 1
  }

  /// A non-negative decimal text times a whole number, exactly: ("0.12", 255) is "30.6"; nil where it is no such text.
  package static func product(ofDecimal text: String, by factor: Int) -> String? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), factor >= 0, factor < 1 << 32 else { return nil }
    let fraction = parts.count == 2 ? parts[1] : ""
    var digits: [Int] = []
    for character in parts[0] + fraction {
      guard character.isASCII, let digit = character.wholeNumberValue else { return nil }
      digits.append(digit)
    }
    guard !digits.isEmpty else { return nil }
    var carry = 0
    for place in digits.indices.reversed() {
      let value = digits[place] * factor + carry
      digits[place] = value % 10
      carry = value / 10
    }
    let all = String(carry) + digits.map { String($0) }.joined()
    var whole = String(all.dropLast(fraction.count).drop { $0 == "0" })
    if whole.isEmpty { whole = "0" }
    var rest = all.suffix(fraction.count)
    while rest.last == "0" { rest.removeLast() }
    return rest.isEmpty ? whole : whole + "." + rest
  }

  /// "0.8 s", "42 s", "12 m 03 s", "3 h 20 m".
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
    if seconds < 9.95 { return decimal(seconds, places: 1) + " s" }
    let whole = Int(seconds.rounded())
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) m \(two(whole % 60)) s" }
    return "\(grouped(whole / 3600)) h \(two(whole / 60 % 60)) m"
  }

  /// A rate with three significant digits or whole: "12.3", "4,750".
  package static func rate(_ perSecond: Double) -> String {
    guard perSecond.isFinite, perSecond >= 0, perSecond < 1e15 else { return "–" }
    return perSecond >= 100 ? grouped(Int(perSecond.rounded())) : decimal(perSecond, places: perSecond < 10 ? 2 : 1)
  }
}
