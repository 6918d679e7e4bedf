// A lower limit for a proportion that is valid at every sample size at once (Krichevsky, Trofimov 1981; Ville 1939).
//
//   the smallest root p of  ln(B(k + 1/2, n - k + 1/2) / B(1/2, 1/2)) - k ln p - (n - k) ln(1 - p) = ln(1 / alpha)
// The left side is the logarithm of a betting martingale's wealth against p, so the limit never fails, over all n
// together, with probability at least 1 - alpha.

/// Limits from a betting confidence sequence.
public enum ConfidenceSequence {
  /// A time-uniform lower limit, rounded down. Impossible counts, k = 0 and a damaged alpha give 0.
  ///
  /// - Complexity: 64 evaluations of two logarithms.
  public static func lower(successes k: Int, trials n: Int, alpha: Double) -> ProportionLimit {
    let none = ProportionLimit(value: 0, complement: 1)
    guard k > 0, k <= n, n <= Binomial.largestTrialCount, alpha > 0, alpha < 1 else { return none }
    let failures = Double(n - k)
    let successes = Double(k)
    let mixture =
      DoubleDouble.logGamma(successes + 0.5) + DoubleDouble.logGamma(failures + 0.5)
      - DoubleDouble.logGamma(Double(n) + 1) - DoubleDouble.logGamma(0.5).scaled(by: 1)
    let target = -DoubleDouble.logarithm(DoubleDouble(alpha))
    // Whether the wealth against the share p = 1 - q certainly reaches 1 / alpha; errors stay below 2^-55.
    func excludes(_ p: DoubleDouble, _ q: DoubleDouble) -> Bool {
      var wealth = mixture - DoubleDouble.logarithm(p) * successes
      if n > k { wealth = wealth - DoubleDouble.logarithm(q) * failures }
      return (wealth - target - 0x1p-55).high >= 0
    }
    // Bisection on bit patterns: ends at neighbouring binary64 numbers. Shares below k/n only, where wealth falls in p.
    if excludes(DoubleDouble(0.5), DoubleDouble(0.5)) && 2 * k > n {
      let q = leastPositive(upTo: 0.5) { q in
        q >= failures / Double(n) && excludes(DoubleDouble.exactSum(1, -q), DoubleDouble(q))
      }
      return ProportionLimit(value: DoubleDouble.exactSum(1, -q).floor, complement: q)
    }
    let bound = min(0.5, successes / Double(n))
    let above = leastPositive(upTo: bound) { p in !excludes(DoubleDouble(p), DoubleDouble.exactSum(1, -p)) }
    let value = above.nextDown
    guard value > 0 else { return none }
    return ProportionLimit(value: value, complement: DoubleDouble.exactSum(1, -value).ceiling)
  }

  /// The least positive number up to `end` with a property that, once true, stays true; `end` if no smaller one.
  private static func leastPositive(upTo end: Double, where holds: (Double) -> Bool) -> Double {
    var low = Double.leastNormalMagnitude.bitPattern
    var high = end.bitPattern
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if holds(Double(bitPattern: middle)) { high = middle } else { low = middle }
    }
    return Double(bitPattern: high)
  }
}
