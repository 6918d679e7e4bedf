import BigInt

// The normal distribution function Phi and its inverse as enclosures.
//
//   Phi(x) = 1/2 + (x + x^3/3 + x^5/(3 5) + x^7/(3 5 7) + ...) / (sqrt(2 pi) e^(x^2/2))     (x >= 0)
//
// All terms are positive: no cancellation, and the tail is bounded by a geometric series (Abramowitz and Stegun
// 26.2.11). The inverse is found by bisection and Newton steps, which prove nothing, and then proven by evaluating Phi
// on both sides of it.

package enum ExactNormal {
  /// An enclosure of Phi over an interval, within [0, 1]; about 2^-240 wide for a point below 20 in absolute value.
  ///
  /// - Complexity: some hundred products of 256 to 600 bits, about 0.1 ms.
  package static func distribution(_ x: ExactInterval) -> ExactInterval {
    if x.lower.sign == .plus { return distribution(nonnegative: x) }
    if x.upper <= 0 { return .one - distribution(nonnegative: -x) }
    // The interval holds 0; Phi increases, so its ends come from the ends of x.
    return ExactInterval(
      lower: (.one - distribution(nonnegative: -x.lowerEnd)).lower,
      upper: distribution(nonnegative: x.upperEnd).upper)
  }

  /// From here on Phi is [1 - 2^-256, 1]: 1 - Phi(20) < e^(-200) / (20 sqrt(2 pi)) < 2^-290.
  private static let far = ExactInterval(20)

  private static func distribution(nonnegative x: ExactInterval) -> ExactInterval {
    if x.lower >= far.lower { return ExactInterval(lower: ExactInterval.one.lower - 1, upper: ExactInterval.one.upper) }
    if x.upper > far.upper {
      return ExactInterval(lower: distribution(nonnegative: x.lowerEnd).lower, upper: ExactInterval.one.upper)
    }
    let square = x * x
    var term = x
    var sum = x
    var divisor = 1
    while true {
      divisor += 2
      term = term * square / divisor
      sum = sum + term
      // Once x^2 / (divisor + 2) <= 1/2, each term is at most half the one before: what is left is at most `term`.
      if term.upper <= 1, square.upper * 2 <= ExactInterval(divisor + 2).lower { break }
    }
    sum = ExactInterval(lower: sum.lower, upper: sum.upper + term.upper)
    // Dividing by e^(x^2/2) sqrt(2 pi) keeps the relative precision that a product with the density would lose.
    let value = half + sum / (ExactInterval.rootOfTwoPi * square.scaled(byPowerOfTwo: -1).exponential())
    return ExactInterval(lower: value.lower, upper: min(value.upper, ExactInterval.one.upper))
  }

  private static let half = ExactInterval(.half)

  /// An enclosure of the x with Phi(x) = p, for 2^-200 <= p <= 1 - 2^-200; about 2^-200 wide around p = 1/2.
  ///
  /// - Throws: a sentence if p is outside that range.
  package static func quantile(_ p: ExactRational) throws(StatisticsRejection) -> ExactInterval {
    let margin = ExactRational(mantissa: 1, exponent: -200)
    guard p >= margin, p <= .one - margin else {
      throw StatisticsRejection(
        "The normal quantile of \(p.approximation) is outside the range that the checker can enclose.")
    }
    if p == .half { return .zero }
    return p < .half ? -upperQuantile(.one - p) : upperQuantile(p)
  }

  /// The quantile of p in (1/2, 1 - 2^-200].
  private static func upperQuantile(_ p: ExactRational) -> ExactInterval {
    let target = ExactInterval(p)
    // 0 < x < 20 holds at the start, and each end moves only when Phi proves it.
    var below = BigInt(0)
    var above = far.upper
    func isProvenBelow(_ x: BigInt) -> Bool { distribution(ExactInterval(lower: x, upper: x)).upper <= target.lower }
    func isProvenAbove(_ x: BigInt) -> Bool { distribution(ExactInterval(lower: x, upper: x)).lower >= target.upper }
    for _ in 0..<24 {
      let middle = (below + above) / 2
      if isProvenBelow(middle) {
        below = middle
      } else if isProvenAbove(middle) {
        above = middle
      } else {
        break
      }
    }
    var guess = (below + above) / 2
    for _ in 0..<5 {
      let x = ExactInterval(lower: guess, upper: guess)
      let inverseDensity = ExactInterval.rootOfTwoPi * (x * x).scaled(byPowerOfTwo: -1).exponential()
      let step = ((target - distribution(x)) * inverseDensity).lower
      guess = min(max(guess + step, below), above)
    }
    // The smallest margin around the guess at which both sides are proven; the bisection's bracket is the last resort.
    var margin = BigInt(1) << (ExactInterval.fractionBits - 216)
    while margin < above - below {
      if isProvenBelow(max(guess - margin, below)), isProvenAbove(min(guess + margin, above)) {
        return ExactInterval(lower: max(guess - margin, below), upper: min(guess + margin, above))
      }
      margin <<= 8
    }
    return ExactInterval(lower: below, upper: above)
  }
}
