import BigInt

// One binomial probability from logarithms:
//
//   ln P[X = k] = ln n! - ln k! - ln (n - k)! + k ln p + (n - k) ln(1 - p),
//   ln n! = (n + 1/2) ln n - n + ln(2 pi)/2 + sum_{i >= 1} B_2i / (2i (2i - 1) n^(2i - 1)),
//
// Stirling's series, whose error is at most its first omitted term (Abramowitz and Stegun 6.1.42).

extension ExactBinomial {
  /// P[Bin(trials, p) = count] = mantissa 2^exponent for the exact p = probability 2^-256, 0 < p < 1.
  static func mass(
    at count: Int, of trials: Int, probability: BigInt
  ) -> (mantissa: ExactInterval, exponent: Int) {
    let p = ExactInterval(lower: probability, upper: probability)
    var sum = ExactInterval.zero
    if count > 0 { sum = sum + p.logarithm() * count }
    if count < trials { sum = sum + (ExactInterval.one - p).logarithm() * (trials - count) }
    if count > 0, count < trials {
      sum = sum + logFactorial(trials) - logFactorial(count) - logFactorial(trials - count)
    }
    return sum.scaledExponential()
  }

  /// An enclosure of ln n!.
  static func logFactorial(_ n: Int) -> ExactInterval {
    if n < stirlingFrom {
      var product = BigInt(1)
      for factor in stride(from: 2, through: n, by: 1) { product *= BigInt(factor) }
      return ExactInterval(ExactRational(product, over: 1)).logarithm()
    }
    let logarithm = ExactInterval(n).logarithm()
    var sum = (logarithm * (2 * n + 1)).scaled(byPowerOfTwo: -1) - ExactInterval(n) + halfLogTwoPi
    var power = BigInt(n)
    for coefficient in stirlingCoefficients {
      let term = ExactInterval(ExactRational(coefficient.numerator, over: coefficient.denominator * power))
      sum = sum + term
      power *= BigInt(n) * BigInt(n)
      // The error after a term is below the next one, and the terms fall by more than half up to the last one kept.
      if term.upper <= 1, term.lower >= -1 { return sum.widened(by: 1) }
    }
    preconditionFailure("Stirling's series needs more than \(stirlingCoefficients.count) terms for n = \(n).")
  }

  private static let halfLogTwoPi = (ExactInterval.pi * 2).logarithm().scaled(byPowerOfTwo: -1)

  /// Below this the factorial itself is taken. At 100 the terms fall below 2^-256 long before they grow again.
  private static let stirlingFrom = 100

  /// B_2i / (2i (2i - 1)) = (-1)^(i-1) T_i / ((2i - 1) 4^i (4^i - 1)), i = 1 ... 60, with the tangent numbers
  /// T = 1, 2, 16, 272, ... by the recurrence of Brent and Harvey 2013, algorithm TangentNumbers.
  private static let stirlingCoefficients: [ExactRational] = {
    let count = 60
    var tangent = [BigInt](repeating: 1, count: count + 1)
    for index in stride(from: 2, through: count, by: 1) { tangent[index] = BigInt(index - 1) * tangent[index - 1] }
    for row in stride(from: 2, through: count, by: 1) {
      for index in row...count {
        tangent[index] = BigInt(index - row) * tangent[index - 1] + BigInt(index - row + 2) * tangent[index]
      }
    }
    return (1...count).map { index in
      let power = BigInt(1) << (2 * index)
      let sign = BigInt(index & 1 == 1 ? 1 : -1)
      return ExactRational(sign * tangent[index], over: BigInt(2 * index - 1) * power * (power - 1))
    }
  }()
}
