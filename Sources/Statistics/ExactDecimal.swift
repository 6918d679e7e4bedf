// Decimal numbers as people write them: "0.12", "1e-3", "2". A noise level, an error level, a radius or a limit of a
// property is the exact rational that the text names, never the nearest binary number.

/// A decimal number, exact: sign, coefficient, and a power of ten.
///
/// Two decimals are equal when their values are: "1.0", "1" and "10e-1" are the same number with the same `text`.
/// Zero has no sign.
public struct ExactDecimal: Sendable, Hashable, CustomStringConvertible {
  /// Whether the value is below 0.
  public let isNegative: Bool
  /// The coefficient without trailing decimal zeros, if it fits; else 0.
  let shortCoefficient: UInt64
  /// The digits of a coefficient that does not fit, without trailing zeros; else nil.
  let longCoefficient: String?
  /// The power of ten that multiplies the coefficient; 0 for zero.
  package let exponent: Int

  /// Reads a decimal: digits with an optional point and an optional exponent.
  ///
  /// - Throws: `StatisticsError.notADecimal` for anything else, a sign included (statistical quantities are never
  ///   negative), and for more than 400 digits or an exponent beyond 9,999.
  public init(_ text: String) throws(StatisticsError) {
    let first = text.utf8.first
    guard first != UInt8(ascii: "-"), first != UInt8(ascii: "+"), let decimal = ExactDecimal(signed: text) else {
      throw .notADecimal(text)
    }
    self = decimal
  }

  /// The decimal of an integer.
  public init(_ value: Int) {
    self.init(isNegative: value < 0, coefficient: UInt64(value.magnitude), exponent: 0)
  }

  /// Coefficient times a power of ten, brought to the one form of its value.
  init(isNegative: Bool, coefficient: UInt64, exponent: Int) {
    var kept = coefficient
    var power = exponent
    while kept != 0 {
      let (quotient, remainder) = kept.quotientAndRemainder(dividingBy: 10)
      if remainder != 0 { break }
      kept = quotient
      power += 1
    }
    self.init(isNegative: isNegative && kept != 0, short: kept, long: nil, exponent: kept == 0 ? 0 : power)
  }

  /// The same for a coefficient of any size.
  package init(isNegative: Bool, coefficient: BigNatural, exponent: Int) {
    if let short = coefficient.uint64 {
      self.init(isNegative: isNegative, coefficient: short, exponent: exponent)
    } else {
      self.init(isNegative: isNegative, digits: coefficient.decimalText, exponent: exponent)
    }
  }

  /// The same for decimal digits.
  init(isNegative: Bool, digits: String, exponent: Int) {
    let leading = digits.utf8.prefix { $0 == UInt8(ascii: "0") }.count
    var kept = digits.dropFirst(leading)
    var power = exponent
    while kept.utf8.last == UInt8(ascii: "0") {
      kept.removeLast()
      power += 1
    }
    if let short = kept.isEmpty ? 0 : UInt64(kept) {
      self.init(isNegative: isNegative, coefficient: short, exponent: power)
    } else {
      self.init(isNegative: isNegative, short: 0, long: String(kept), exponent: power)
    }
  }

  private init(isNegative: Bool, short: UInt64, long: String?, exponent: Int) {
    self.isNegative = isNegative
    shortCoefficient = short
    longCoefficient = long
    self.exponent = exponent
  }

  /// The digits of the coefficient, "0" for zero.
  private var digits: String { longCoefficient ?? String(shortCoefficient) }

  /// The one text of this value: plain digits from 1e-18 up to 1e18, else the form "12e-30", with "-" before it if the
  /// value is negative.
  ///
  /// It reads back to the same number and is what a noise law or a certificate hashes.
  public var text: String { isNegative ? "-" + magnitudeText : magnitudeText }

  private var magnitudeText: String {
    if isZero { return "0" }
    let digits = digits
    if exponent >= 0 {
      return digits.utf8.count + exponent <= 19
        ? digits + String(repeating: "0", count: exponent) : "\(digits)e\(exponent)"
    }
    let count = digits.utf8.count
    if -exponent > 18 + count || count > 40 { return "\(digits)e\(exponent)" }
    let padded = count > -exponent ? digits : String(repeating: "0", count: -exponent - count + 1) + digits
    return "\(padded.dropLast(-exponent)).\(padded.suffix(-exponent))"
  }

  public var description: String { text }

  /// Whether the value is 0.
  public var isZero: Bool { shortCoefficient == 0 && longCoefficient == nil }

  /// The coefficient as a natural number.
  package var coefficient: BigNatural {
    guard let longCoefficient else { return BigNatural(shortCoefficient) }
    var value = BigNatural.zero
    for byte in longCoefficient.utf8 { value = value * BigNatural(10) + BigNatural(UInt64(byte - 48)) }
    return value
  }

  /// The exact absolute value.
  package var magnitudeRatio: ExactRatio {
    let power = BigNatural(10).power(abs(exponent))
    return exponent >= 0 ? ExactRatio(coefficient * power) : ExactRatio(coefficient, over: power)
  }

  /// The exact value of a number that is not negative.
  package var ratio: ExactRatio {
    precondition(!isNegative, "A ratio is not negative.")
    return magnitudeRatio
  }
}
