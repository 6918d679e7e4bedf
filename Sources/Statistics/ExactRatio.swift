// Nonnegative rational numbers and their correctly rounded conversion to binary floating point.

/// A nonnegative rational number, exact and not necessarily in lowest terms.
package struct ExactRatio: Sendable, Comparable {
  package var numerator: BigNatural
  package var denominator: BigNatural

  package init(_ numerator: BigNatural, over denominator: BigNatural = .one) {
    precondition(!denominator.isZero, "The denominator of a ratio must not be zero.")
    self.numerator = numerator
    self.denominator = denominator
  }

  package init(_ numerator: Int, over denominator: Int) {
    self.init(BigNatural(UInt64(numerator)), over: BigNatural(UInt64(denominator)))
  }

  /// The exact value of a finite nonnegative binary number; nil for anything else.
  package init?(_ value: Double) {
    guard value.isFinite, value >= 0 else { return nil }
    if value == 0 {
      self.init(.zero)
      return
    }
    let exponent = Int(value.exponent) - 52
    let significand = BigNatural(UInt64(value.significand * 0x1p52))
    if exponent >= 0 {
      self.init(significand << exponent)
    } else {
      self.init(significand, over: .one << -exponent)
    }
  }

  package static func == (left: ExactRatio, right: ExactRatio) -> Bool {
    left.numerator * right.denominator == right.numerator * left.denominator
  }

  package static func < (left: ExactRatio, right: ExactRatio) -> Bool {
    left.numerator * right.denominator < right.numerator * left.denominator
  }

  package static func * (left: ExactRatio, right: ExactRatio) -> ExactRatio {
    ExactRatio(left.numerator * right.numerator, over: left.denominator * right.denominator)
  }

  package static func + (left: ExactRatio, right: ExactRatio) -> ExactRatio {
    ExactRatio(
      left.numerator * right.denominator + right.numerator * left.denominator,
      over: left.denominator * right.denominator)
  }

  /// The absolute difference.
  package func distance(to other: ExactRatio) -> ExactRatio {
    let a = numerator * other.denominator
    let b = other.numerator * denominator
    return ExactRatio(a < b ? b - a : a - b, over: denominator * other.denominator)
  }

  /// The largest integer that is not above the value.
  package var floor: BigNatural { numerator.quotientAndRemainder(dividingBy: denominator).quotient }

  /// The largest binary64 number that is not above the value.
  package var roundedDown: Double { rounded().down }

  /// The smallest binary64 number that is not below the value (infinity above the largest finite number).
  package var roundedUp: Double { rounded().up }

  /// The nearest binary64 number, ties to even.
  package var nearest: Double { rounded().nearest }

  /// The exponent e with 2^(e-1) < value < 2^(e+1); 0 for zero.
  private var roughExponent: Int { numerator.isZero ? 0 : numerator.bitWidth - denominator.bitWidth }

  private func rounded() -> (down: Double, nearest: Double, up: Double) {
    if numerator.isZero { return (0, 0, 0) }
    // quotient = floor(value 2^shift) has 65 or 66 bits; `sticky` says whether anything was lost.
    let shift = 65 - roughExponent
    let (quotient, remainder) =
      (shift >= 0 ? numerator << shift : numerator)
      .quotientAndRemainder(dividingBy: shift >= 0 ? denominator : denominator << -shift)
    let exponent = quotient.bitWidth - 1 - shift
    if exponent > 1023 { return (.greatestFiniteMagnitude, .infinity, .infinity) }
    let precision = exponent >= -1022 ? 53 : max(0, 53 - (-1022 - exponent))
    let dropped = quotient.bitWidth - precision
    let kept = (quotient >> dropped).uint64 ?? 0
    let lost = quotient - (BigNatural(kept) << dropped)
    let half = BigNatural.one << (dropped - 1)
    let scale = exponent - precision + 1
    let down = Double(sign: .plus, exponent: max(scale, -1074), significand: Double(kept))
    if lost.isZero && remainder.isZero { return (down, down, down) }
    let up = down.nextUp
    let isTie = lost == half && remainder.isZero
    let goesUp = isTie ? kept & 1 == 1 : lost >= half
    return (down, goesUp ? up : down, up)
  }

  /// The value with a relative error of at most 2^-105, as mantissa in [1/2, 4) and exponent.
  package var scaledDoubleDouble: ScaledDoubleDouble {
    if numerator.isZero { return ScaledDoubleDouble(mantissa: .zero, exponent: 0) }
    let exponent = roughExponent
    let reduced =
      exponent >= 0
      ? ExactRatio(numerator, over: denominator << exponent) : ExactRatio(numerator << -exponent, over: denominator)
    let high = reduced.nearest
    guard let exactHigh = ExactRatio(high) else { preconditionFailure("A ratio near 1 is finite.") }
    let low = reduced.distance(to: exactHigh).nearest
    return ScaledDoubleDouble(
      mantissa: DoubleDouble(high: high, low: reduced < exactHigh ? -low : low), exponent: exponent)
  }

  /// The value with a relative error of at most 2^-105 while it is in the range of normal numbers.
  package var doubleDouble: DoubleDouble { scaledDoubleDouble.doubleDouble }
}
