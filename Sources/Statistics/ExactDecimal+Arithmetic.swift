// Order, sums and products of decimals, all exact.

extension ExactDecimal: Comparable {
  public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative
      ? right.isSmallerInMagnitude(than: left) : left.isSmallerInMagnitude(than: right)
  }

  private func isSmallerInMagnitude(than other: ExactDecimal) -> Bool {
    if longCoefficient == nil && other.longCoefficient == nil {
      if isZero || other.isZero { return isZero && !other.isZero }
      let difference = exponent - other.exponent
      if abs(difference) <= 19 {
        var power: UInt64 = 1
        for _ in 0..<abs(difference) { power *= 10 }
        let left = UInt128(shortCoefficient) * UInt128(difference > 0 ? power : 1)
        return left < UInt128(other.shortCoefficient) * UInt128(difference < 0 ? power : 1)
      }
    }
    return magnitudeRatio < other.magnitudeRatio
  }

  public static prefix func - (value: ExactDecimal) -> ExactDecimal {
    ExactDecimal(negating: value)
  }

  private init(negating value: ExactDecimal) {
    if let digits = value.longCoefficient {
      self.init(isNegative: !value.isNegative, digits: digits, exponent: value.exponent)
    } else {
      self.init(isNegative: !value.isNegative, coefficient: value.shortCoefficient, exponent: value.exponent)
    }
  }

  public static func * (left: ExactDecimal, right: ExactDecimal) -> ExactDecimal {
    ExactDecimal(
      isNegative: left.isNegative != right.isNegative, coefficient: left.coefficient * right.coefficient,
      exponent: left.exponent + right.exponent)
  }

  public static func + (left: ExactDecimal, right: ExactDecimal) -> ExactDecimal {
    if left.isZero { return right }
    if right.isZero { return left }
    let power = min(left.exponent, right.exponent)
    let a = left.coefficient * BigNatural(10).power(left.exponent - power)
    let b = right.coefficient * BigNatural(10).power(right.exponent - power)
    if left.isNegative == right.isNegative {
      return ExactDecimal(isNegative: left.isNegative, coefficient: a + b, exponent: power)
    }
    return b < a
      ? ExactDecimal(isNegative: left.isNegative, coefficient: a - b, exponent: power)
      : ExactDecimal(isNegative: right.isNegative, coefficient: b - a, exponent: power)
  }

  public static func - (left: ExactDecimal, right: ExactDecimal) -> ExactDecimal { left + -right }

  /// The quotient if it is a decimal, else the least decimal with `digits` digits after the point above it, or the
  /// greatest below it.
  package func divided(
    by divisor: ExactDecimal, digits: Int, roundingUp: Bool
  ) -> (quotient: ExactDecimal, isExact: Bool) {
    precondition(!divisor.isZero, "Division by zero.")
    let isNegative = isNegative != divisor.isNegative
    // |a| 10^p / (|b| 10^q) = |a| 10^(p - q + digits) / |b| in units of 10^-digits.
    let shift = exponent - divisor.exponent + digits
    let numerator = shift >= 0 ? coefficient * BigNatural(10).power(shift) : coefficient
    let denominator = shift >= 0 ? divisor.coefficient : divisor.coefficient * BigNatural(10).power(-shift)
    let (floor, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
    let isExact = remainder.isZero
    let growsMagnitude = !isExact && roundingUp != isNegative
    return (
      ExactDecimal(isNegative: isNegative, coefficient: growsMagnitude ? floor + .one : floor, exponent: -digits),
      isExact
    )
  }
}
