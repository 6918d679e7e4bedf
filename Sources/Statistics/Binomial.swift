// Binomial tails rounded to the safe side.
//
//   P[Bin(n, p) >= k] = f(k) (1 + r_k + r_k r_(k+1) + ...),   r_i = (n - i) p / ((i + 1) (1 - p)),
// summed where the terms fall (k above n p), else as one minus the other tail. All terms are positive; the rest after
// the last term is below term r / (1 - r). f(k) comes from log-factorials with about 100 bits.
// Relative error before rounding, for n up to 2^32: 2^-64 from the logarithms (three terms of at most 2^36.5 with
// 2^-102 each), 2^-80 from the products and the sum, 2^-70 from the remainder: below the declared 2^-60.

/// Tails of the binomial distribution with n trials.
public enum Binomial {
  /// The largest number of trials for which the error bounds above are proven.
  public static let largestTrialCount = 1 << 32

  /// An upper bound for P[Bin(n, p) >= k], within 2^-52 + 2^-58 relative of it, at most 1.
  ///
  /// k <= 0 gives 1 and k > n gives 0. A p that is nan or above 1 counts as 1 and a p below 0 as 0, so that damaged
  /// input never makes a tail small.
  /// - Precondition: n is at least 0 and at most `largestTrialCount`.
  /// - Complexity: about nine standard deviations of the distribution in steps of 40 ns at worst.
  public static func upperTailRoundedUp(atLeast k: Int, trials n: Int, probability p: Double) -> Double {
    if let trivial = trivialTail(k, n, p) { return trivial }
    return min(1, upperTail(k, n, success: DoubleDouble(p), failure: DoubleDouble.exactSum(1, -p)).roundedUp)
  }

  /// A lower bound for P[Bin(n, p) >= k]; the edge cases are those of `upperTailRoundedUp`.
  public static func upperTailRoundedDown(atLeast k: Int, trials n: Int, probability p: Double) -> Double {
    if let trivial = trivialTail(k, n, p) { return trivial }
    return min(1, upperTail(k, n, success: DoubleDouble(p), failure: DoubleDouble.exactSum(1, -p)).roundedDown)
  }

  /// An upper bound for P[Bin(n, p) <= k]; nan counts against the caller (1).
  public static func lowerTailRoundedUp(atMost k: Int, trials n: Int, probability p: Double) -> Double {
    if k >= n || p.isNaN { return 1 }
    if k < 0 { return 0 }
    if p <= 0 { return 1 }
    if p >= 1 { return 0 }
    return min(1, upperTail(n - k, n, success: DoubleDouble.exactSum(1, -p), failure: DoubleDouble(p)).roundedUp)
  }

  /// An upper bound for P[Bin(n, p) >= k] for an exact decimal p.
  public static func upperTailRoundedUp(atLeast k: Int, trials n: Int, probability p: ExactDecimal) -> Double {
    if let trivial = trivialTail(k, n, p.nearest) { return trivial }
    let ratio = p.ratio
    let success = ratio.doubleDouble
    let failure = ratio.distance(to: ExactRatio(1, over: 1)).doubleDouble
    return min(1, upperTail(k, n, success: success, failure: failure).roundedUp)
  }

  /// The least k with P[Bin(n, p) >= k] <= alpha, or nil when not even k = n reaches that.
  ///
  /// The tail is rounded up, so the returned k rejects "the proportion is at most p" at a level of at most alpha.
  /// - Complexity: about log2(n) tails.
  public static func leastRejectingCount(trials n: Int, probability p: Double, alpha: Double) -> Int? {
    guard upperTailRoundedUp(atLeast: n, trials: n, probability: p) <= alpha, n > 0 else { return nil }
    var failing = 0
    var passing = n
    while passing - failing > 1 {
      let middle = (passing + failing) / 2
      if upperTailRoundedUp(atLeast: middle, trials: n, probability: p) <= alpha {
        passing = middle
      } else {
        failing = middle
      }
    }
    return passing
  }

  private static func trivialTail(_ k: Int, _ n: Int, _ p: Double) -> Double? {
    precondition(n >= 0 && n <= largestTrialCount, "A binomial tail needs 0 to 2^32 trials.")
    if k <= 0 { return 1 }
    if k > n { return 0 }
    if p.isNaN || p >= 1 { return 1 }
    if p <= 0 { return 0 }
    return nil
  }

  /// P[Bin(n, p) = k] for 0 <= k <= n and 0 < p < 1, with `failure` = 1 - p.
  static func mass(_ k: Int, _ n: Int, success: DoubleDouble, failure: DoubleDouble) -> ScaledDoubleDouble {
    var exponent = DoubleDouble.logFactorial(n) - DoubleDouble.logFactorial(k) - DoubleDouble.logFactorial(n - k)
    if k > 0 { exponent = exponent + DoubleDouble.logarithm(success) * Double(k) }
    if k < n { exponent = exponent + DoubleDouble.logarithm(failure) * Double(n - k) }
    return DoubleDouble.exponential(exponent)
  }

  /// P[Bin(n, p) >= k] for 1 <= k <= n and 0 < p < 1, relative error below 2^-60.
  static func upperTail(_ k: Int, _ n: Int, success: DoubleDouble, failure: DoubleDouble) -> ScaledDoubleDouble {
    if Double(k) > Double(n) * success.high {
      return mass(k, n, success: success, failure: failure)
        * fallingSum(from: k, n, odds: success / failure)
    }
    let lower =
      mass(k - 1, n, success: success, failure: failure)
      * fallingSum(from: n - k + 1, n, odds: failure / success)
    // Only here at or below the mode, where the tail is at least about 1/4: nothing cancels.
    return ScaledDoubleDouble(DoubleDouble.one - lower.doubleDouble)
  }

  /// 1 + r_k + r_k r_(k+1) + ... for odds p / (1 - p) and k at or above the mode.
  private static func fallingSum(from k: Int, _ n: Int, odds: DoubleDouble) -> DoubleDouble {
    var term = DoubleDouble.one
    var sum = DoubleDouble.one
    var index = k
    while index < n {
      term = term * odds * Double(n - index) / Double(index + 1)
      sum = sum + term
      index += 1
      let ratio = odds.high * Double(n - index) / Double(index + 1)
      if ratio < 1 && term.high * ratio < sum.high * 0x1p-70 * (1 - ratio) { break }
    }
    return sum
  }
}
