import BigInt

// Rational numbers without rounding: the form in which a certificate's decimals (sigma, alpha, radii) and its stored
// doubles enter the checker. Nothing is ever converted through a rounded double.

/// numerator / denominator with a positive denominator, not necessarily in lowest terms.
///
/// Every operation is exact. Equality and order are those of the values, not of their representation.
package struct ExactRational: Sendable, Comparable {
  package let numerator: BigInt
  package let denominator: BigInt

  package static let zero = ExactRational(0)
  package static let one = ExactRational(1)
  package static let half = ExactRational(1, over: 2)

  /// The quotient of two integers. The denominator must not be 0.
  package init(_ numerator: BigInt, over denominator: BigInt) {
    precondition(!denominator.isZero)
    self.numerator = denominator.sign == .minus ? -numerator : numerator
    self.denominator = BigInt(denominator.magnitude)
  }

  package init(_ numerator: Int, over denominator: Int) { self.init(BigInt(numerator), over: BigInt(denominator)) }

  package init(_ integer: Int) { self.init(BigInt(integer), over: 1) }

  /// mantissa 2^exponent.
  init(mantissa: BigInt, exponent: Int) {
    self.init(exponent >= 0 ? mantissa << exponent : mantissa, over: exponent >= 0 ? 1 : BigInt(1) << -exponent)
  }

  /// The value of a double, exactly; NaN and infinities are refused.
  package init(exactly value: Double) throws(StatisticsRejection) {
    guard value.isFinite else { throw StatisticsRejection("\(value) is not a finite number.") }
    if value == 0 {
      self = .zero
    } else {
      // |value| = significandBitPattern-with-leading-1 2^exponent; ulp is the weight of the last bit.
      self.init(mantissa: BigInt(value / value.ulp), exponent: Int(value.ulp.exponent))
    }
  }

  /// The value of a decimal text: digits with an optional sign, point and exponent, as in 0.12, .5, 1e-6.
  ///
  /// Anything else, including "nan", an empty text and an exponent beyond 4 digits, is refused.
  package init(decimal text: String) throws(StatisticsRejection) {
    let refusal = StatisticsRejection("\"\(text)\" is not a decimal number such as 0.25 or 1e-3.")
    guard text.utf8.count <= 2000 else { throw StatisticsRejection("A decimal number has more than 2000 characters.") }
    var rest = text.utf8[...]
    func takeSign() -> Bool {
      guard let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") else { return false }
      rest = rest.dropFirst()
      return first == UInt8(ascii: "-")
    }
    func takeDigits() -> String {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest.dropFirst(digits.count)
      return String(decoding: digits, as: UTF8.self)
    }
    let isNegative = takeSign()
    let whole = takeDigits()
    var fraction = ""
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      fraction = takeDigits()
    }
    guard !(whole + fraction).isEmpty, let digits = BigInt(whole + fraction) else { throw refusal }
    var exponent = 0
    if let first = rest.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      let isBelow = takeSign()
      let power = takeDigits()
      guard !power.isEmpty, power.count <= 4, let size = Int(power) else { throw refusal }
      exponent = isBelow ? -size : size
    }
    guard rest.isEmpty else { throw refusal }
    exponent -= fraction.count
    let value = isNegative ? -digits : digits
    let scale = BigInt(10).power(exponent.magnitude > 0 ? abs(exponent) : 0)
    self.init(exponent >= 0 ? value * scale : value, over: exponent >= 0 ? 1 : scale)
  }

  /// The largest integer that is not above the value.
  package var floor: BigInt { numerator.dividedDown(by: denominator) }

  /// The nearest double, for messages only: no decision may rest on it.
  package var approximation: Double {
    if numerator.isZero { return 0 }
    let shift = numerator.magnitude.bitWidth - denominator.magnitude.bitWidth - 64
    let scaled = shift >= 0 ? numerator / (denominator << shift) : (numerator << -shift) / denominator
    let magnitude = Double(scalbn: Double(UInt64(truncatingIfNeeded: scaled.magnitude >> 2)), exponent: shift + 2)
    return numerator.sign == .minus ? -magnitude : magnitude
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.numerator * right.denominator == right.numerator * left.denominator
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.numerator * right.denominator < right.numerator * left.denominator
  }

  package static func + (left: Self, right: Self) -> Self {
    if left.denominator == right.denominator {
      return Self(left.numerator + right.numerator, over: left.denominator)
    }
    return Self(
      left.numerator * right.denominator + right.numerator * left.denominator,
      over: left.denominator * right.denominator)
  }

  package static func - (left: Self, right: Self) -> Self { left + Self(-right.numerator, over: right.denominator) }

  package static func * (left: Self, right: Self) -> Self {
    Self(left.numerator * right.numerator, over: left.denominator * right.denominator)
  }

  /// The quotient; the divisor must not be 0.
  package static func / (left: Self, right: Self) -> Self {
    Self(left.numerator * right.denominator, over: left.denominator * right.numerator)
  }
}

extension Double {
  /// significand 2^exponent, rounded once; underflows to 0.
  fileprivate init(scalbn significand: Double, exponent: Int) {
    var value = significand
    var rest = exponent
    while rest != 0 {
      let step = Swift.max(-500, Swift.min(500, rest))
      value *= Double(sign: .plus, exponent: step, significand: 1)
      rest -= step
      if value == 0 || value.isInfinite { break }
    }
    self = value
  }
}

/// Two rationals with a real number between them.
package struct ExactEnclosure: Sendable, Equatable {
  package let lower: ExactRational
  package let upper: ExactRational

  package init(lower: ExactRational, upper: ExactRational) {
    precondition(lower <= upper)
    self.lower = lower
    self.upper = upper
  }
}

/// Why the statistics of a certificate are not accepted, or cannot be decided: a full sentence.
package struct StatisticsRejection: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
