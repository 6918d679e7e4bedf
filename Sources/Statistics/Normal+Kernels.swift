// The normal distribution function and quantile with about 100 bits.
//
//   0 <= x <= 5:  Phi(x) - 1/2 = phi(x) (x + x^3/3 + x^5/(3 5) + ...), all terms positive (Abramowitz, Stegun 26.2.11)
//   x > 5:        1 - Phi(x) = phi(x) / (x + 1/(x + 2/(x + 3/(x + ...))))                     (26.2.14)
// The series ends when a term is below 2^-110 of the sum and the terms halve at least. The continued fraction is
// evaluated backward from level 300; consecutive convergents bracket the value and at x = 5 they agree to 2^-100.
// Upper tail from the series at x = 5: 1/2 minus a number near 1/2 loses 21 bits of 98, hence 2^-75 relative.

extension Normal {
  /// The density phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
  static func density(_ x: DoubleDouble) -> ScaledDoubleDouble {
    DoubleDouble.exponential((x * x).scaled(by: -1) * -1) * DoubleDouble.inverseRootTwoPi
  }

  /// Phi(x) - 1/2 for 0 <= x <= 5, relative error below 2^-92.
  static func centralProbability(_ x: DoubleDouble) -> DoubleDouble {
    let square = x * x
    var term = x
    var sum = x
    var divisor = 3.0
    while term.high > sum.high * 0x1p-110 || square.high * 2 > divisor {
      term = term * square / divisor
      sum = sum + term
      divisor += 2
      if term.high == 0 { break }
    }
    return (density(x) * sum).doubleDouble
  }

  /// 1 - Phi(x) for x >= 0, relative error below 2^-75.
  static func upperTail(_ x: DoubleDouble) -> ScaledDoubleDouble {
    if x.high <= 5 { return ScaledDoubleDouble(DoubleDouble(0.5) - centralProbability(x)) }
    var fraction = x
    for level in stride(from: 300.0, through: 1, by: -1) { fraction = x + DoubleDouble(level) / fraction }
    let density = density(x)
    return ScaledDoubleDouble(mantissa: density.mantissa / fraction, exponent: density.exponent)
  }

  /// Phi(x), relative error below 2^-75.
  static func cumulativeProbability(_ x: DoubleDouble) -> ScaledDoubleDouble {
    if x.high < 0 { return upperTail(-x) }
    if x.high <= 5 { return ScaledDoubleDouble(centralProbability(x) + 0.5) }
    return ScaledDoubleDouble(DoubleDouble.one - upperTail(x).doubleDouble)
  }

  static func cumulativeProbability(_ x: Double) -> ScaledDoubleDouble { cumulativeProbability(DoubleDouble(x)) }

  /// The x >= 0 with Phi(x) - 1/2 = c, for 0 <= c <= 0.3; relative error below 2^-85.
  ///
  /// Newton's method from c sqrt(2 pi), which lies below the root of a concave function: it rises monotonically.
  static func centralQuantile(_ c: DoubleDouble) -> DoubleDouble {
    if c.high <= 0 { return .zero }
    var x = c / DoubleDouble.inverseRootTwoPi
    for _ in 0..<40 {
      let step = (c - centralProbability(x)) / density(x).doubleDouble
      x = x + step
      if abs(step.high) <= x.high * 0x1p-60 { return x }
    }
    preconditionFailure("Newton's method for the central normal quantile did not settle.")
  }

  /// The x > 0 with 1 - Phi(x) = q, for 0 < q <= 0.3; relative error below 2^-72.
  ///
  /// Newton's method on the logarithm of the tail, which is concave: it converges from any side. A last step below
  /// 2^-60 relative leaves an error far below it, because the steps shrink quadratically.
  static func tailQuantile(_ q: ScaledDoubleDouble) -> DoubleDouble {
    let target = DoubleDouble.logarithm(q)
    var x = DoubleDouble((-2 * target.high).squareRoot())
    for _ in 0..<60 {
      let tail = upperTail(x)
      let density = density(x)
      let ratio = (tail.mantissa / density.mantissa).scaled(by: tail.exponent - density.exponent)
      let step = (DoubleDouble.logarithm(tail) - target) * ratio
      x = x + step
      if x.high <= 0 { x = DoubleDouble(0x1p-4) }
      if abs(step.high) <= x.high * 0x1p-60 { return x }
    }
    preconditionFailure("Newton's method for the tail of the normal distribution did not settle.")
  }
}
