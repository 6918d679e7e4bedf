import BigInt

// Interval arithmetic in fixed point on big integers: [lower, upper] 2^-256, lower ends rounded toward minus infinity,
// upper ends toward plus infinity. It shares neither number format nor algorithms with the doubles that made a
// certificate, which is what makes a second opinion worth having (DESIGN section 1, promise 2).

/// A closed interval that contains a real number: lower 2^-256 <= x <= upper 2^-256.
///
/// Every operation returns an interval that contains the result for all members of its operands.
package struct ExactInterval: Sendable, Equatable {
  /// Binary digits after the point.
  static let fractionBits = 256

  let lower: BigInt
  let upper: BigInt

  static let zero = ExactInterval(0)
  static let one = ExactInterval(1)

  init(lower: BigInt, upper: BigInt) {
    precondition(lower <= upper)
    self.lower = lower
    self.upper = upper
  }

  /// The exact integer.
  init(_ integer: Int) {
    lower = BigInt(integer) << Self.fractionBits
    upper = lower
  }

  /// The least interval around a rational: exact, or one unit wide.
  package init(_ value: ExactRational) {
    let scaled = value.numerator << Self.fractionBits
    lower = scaled.dividedDown(by: value.denominator)
    upper = scaled.dividedUp(by: value.denominator)
  }

  /// The ends as rationals.
  package var enclosure: ExactEnclosure {
    ExactEnclosure(
      lower: ExactRational(mantissa: lower, exponent: -Self.fractionBits),
      upper: ExactRational(mantissa: upper, exponent: -Self.fractionBits))
  }

  /// The lower end alone, as an exact number.
  var lowerEnd: ExactInterval { ExactInterval(lower: lower, upper: lower) }
  /// The upper end alone, as an exact number.
  var upperEnd: ExactInterval { ExactInterval(lower: upper, upper: upper) }

  /// Moved outward by a number of units of 2^-256 on either side.
  func widened(by units: BigInt) -> ExactInterval { ExactInterval(lower: lower - units, upper: upper + units) }

  package static prefix func - (value: Self) -> Self { Self(lower: -value.upper, upper: -value.lower) }

  package static func + (left: Self, right: Self) -> Self {
    Self(lower: left.lower + right.lower, upper: left.upper + right.upper)
  }

  package static func - (left: Self, right: Self) -> Self {
    Self(lower: left.lower - right.upper, upper: left.upper - right.lower)
  }

  package static func * (left: Self, right: Self) -> Self {
    if left.lower.sign == .plus, right.lower.sign == .plus {
      return Self(
        lower: (left.lower * right.lower).shiftedDown(fractionBits),
        upper: (left.upper * right.upper).shiftedUp(fractionBits))
    }
    let products = [
      left.lower * right.lower, left.lower * right.upper, left.upper * right.lower, left.upper * right.upper,
    ]
    return Self(
      lower: products.min()!.shiftedDown(fractionBits), upper: products.max()!.shiftedUp(fractionBits))
  }

  /// The quotient by an interval whose members are all positive.
  package static func / (left: Self, right: Self) -> Self {
    precondition(right.lower > 0)
    // A positive end shrinks with a larger divisor, a negative one grows.
    let below = left.lower.sign == .plus ? right.upper : right.lower
    let above = left.upper.sign == .plus ? right.lower : right.upper
    return Self(
      lower: (left.lower << fractionBits).dividedDown(by: below),
      upper: (left.upper << fractionBits).dividedUp(by: above))
  }

  /// The product with an integer, without rounding.
  package static func * (left: Self, factor: Int) -> Self {
    factor >= 0
      ? Self(lower: left.lower * BigInt(factor), upper: left.upper * BigInt(factor))
      : Self(lower: left.upper * BigInt(factor), upper: left.lower * BigInt(factor))
  }

  /// The quotient by a positive integer.
  package static func / (left: Self, divisor: Int) -> Self {
    precondition(divisor > 0)
    return Self(
      lower: left.lower.dividedDown(by: BigInt(divisor)), upper: left.upper.dividedUp(by: BigInt(divisor)))
  }

  /// The product with 2^exponent.
  package func scaled(byPowerOfTwo exponent: Int) -> Self {
    exponent >= 0
      ? Self(lower: lower << exponent, upper: upper << exponent)
      : Self(lower: lower.shiftedDown(-exponent), upper: upper.shiftedUp(-exponent))
  }
}

// BigInt divides and shifts toward zero (and shifts negatives to -1 at the least), so the directions are spelt out here.
extension BigInt {
  /// floor(self / 2^bits).
  func shiftedDown(_ bits: Int) -> BigInt {
    sign == .plus ? BigInt(magnitude >> bits) : -BigInt(magnitude.shiftedAway(bits))
  }

  /// ceiling(self / 2^bits).
  func shiftedUp(_ bits: Int) -> BigInt {
    sign == .plus ? BigInt(magnitude.shiftedAway(bits)) : -BigInt(magnitude >> bits)
  }

  /// floor(self / divisor) for a positive divisor.
  func dividedDown(by divisor: BigInt) -> BigInt {
    let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: divisor.magnitude)
    return sign == .plus ? BigInt(quotient) : -BigInt(remainder.isZero ? quotient : quotient + 1)
  }

  /// ceiling(self / divisor) for a positive divisor.
  func dividedUp(by divisor: BigInt) -> BigInt {
    let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: divisor.magnitude)
    return sign == .plus ? BigInt(remainder.isZero ? quotient : quotient + 1) : -BigInt(quotient)
  }
}

extension BigUInt {
  /// ceiling(self / 2^bits).
  func shiftedAway(_ bits: Int) -> BigUInt {
    isZero || trailingZeroBitCount >= bits ? self >> bits : (self >> bits) + 1
  }
}
