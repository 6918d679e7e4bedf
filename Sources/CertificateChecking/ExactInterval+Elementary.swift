import BigInt

// Square root, exponential, logarithm and pi as enclosures. Every series has a bound on what is left out, added to the
// upper end; Taylor and atanh series have positive terms only, so the partial sum itself is a lower bound.

extension ExactInterval {
  /// ln 2 = 2 atanh(1/3).
  package static let logTwo = twiceInverseTangentH(ExactInterval(ExactRational(1, over: 3)))

  /// pi = 16 arctan(1/5) - 4 arctan(1/239) (Machin 1706).
  package static let pi = inverseTangent(ofReciprocal: 5) * 16 - inverseTangent(ofReciprocal: 239) * 4

  static let rootOfTwoPi = (pi * 2).squareRoot()

  /// The square root of an interval without negative members.
  package func squareRoot() -> ExactInterval {
    precondition(lower.sign == .plus)
    let below = (lower << Self.fractionBits).magnitude.squareRoot()  // floor
    let above = (upper << Self.fractionBits).magnitude.squareRoot()
    return ExactInterval(lower: BigInt(below), upper: BigInt(above) + 1)
  }

  /// e^x. Deep underflow gives [0, 1 unit], never a lost upper end.
  package func exponential() -> ExactInterval {
    let (mantissa, exponent) = scaledExponential()
    return mantissa.scaled(byPowerOfTwo: exponent)
  }

  /// e^x = mantissa 2^exponent with a mantissa of full relative precision, however small or large e^x is.
  ///
  /// x = exponent ln 2 + r with 0 <= r; the interval of x must be narrower than 1, so that r < 2.
  package func scaledExponential() -> (mantissa: ExactInterval, exponent: Int) {
    precondition(upper - lower < Self.one.lower)
    // Dividing by the end of ln 2 that makes exponent ln 2 <= x certain keeps r from being negative.
    let unit = lower.sign == .plus ? Self.logTwo.upper : Self.logTwo.lower
    let exponent = Int(lower.dividedDown(by: unit))
    let rest = self - Self.logTwo * exponent
    var term = Self.one
    var sum = Self.one
    var index = 1
    while true {
      term = term * rest / index
      sum = sum + term
      // rest < 2, so from index 4 on each term is at most half the one before: what is left is at most `term`.
      if index >= 4, term.upper <= 1 { break }
      index += 1
    }
    return (ExactInterval(lower: sum.lower, upper: sum.upper + term.upper), exponent)
  }

  /// ln x of an interval of positive numbers.
  package func logarithm() -> ExactInterval {
    precondition(lower > 0)
    return ExactInterval(lower: Self.logarithm(of: lower).lower, upper: Self.logarithm(of: upper).upper)
  }

  /// ln(value 2^-256) = e ln 2 + 2 atanh((m - 1)/(m + 1)) with m = value 2^-256 2^-e in [1, 2).
  private static func logarithm(of value: BigInt) -> ExactInterval {
    let exponent = value.magnitude.bitWidth - 1 - fractionBits
    let leading = BigInt(1) << (fractionBits + exponent)
    let ratio = ExactInterval(ExactRational(value - leading, over: value + leading))
    return logTwo * exponent + twiceInverseTangentH(ratio)
  }

  /// 2 atanh(y) = 2 (y + y^3/3 + y^5/5 + ...) for 0 <= y < 0.34.
  private static func twiceInverseTangentH(_ y: ExactInterval) -> ExactInterval {
    precondition(y.lower.sign == .plus && y.upper * 3 <= one.upper + 3)
    let square = y * y
    var power = y
    var sum = y
    var index = 3
    while power.upper > 1 {
      power = power * square
      sum = sum + power / index
      index += 2
    }
    // Each power is at most 0.34^2 times the one before: what is left is at most the last power.
    return ExactInterval(lower: sum.lower, upper: sum.upper + power.upper) * 2
  }

  /// arctan(1/m) = 1/m - 1/(3 m^3) + ..., alternating, so the error is below the first term left out.
  private static func inverseTangent(ofReciprocal m: Int) -> ExactInterval {
    var power = one / m
    var sum = power
    var index = 3
    while power.upper > 1 {
      power = power / (m * m)
      sum = index & 2 == 0 ? sum + power / index : sum - power / index
      index += 2
    }
    return sum.widened(by: power.upper)
  }
}
