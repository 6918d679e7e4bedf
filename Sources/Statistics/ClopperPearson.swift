// Confidence limits for a binomial proportion (Clopper and Pearson 1934), rounded to the safe side.
//
//   lower(k, n, alpha) = the p with P[Bin(n, p) >= k] = alpha,      upper(k, n, alpha) = 1 - lower(n - k, n, alpha).
// The limit is solved for in whichever of p and 1 - p is small, so that neither loses digits, and the solution is then
// verified: what is returned is a number for which the upward-rounded tail is at most alpha.

/// A bound for a proportion, with the bound for its complement kept apart because 1 - value loses digits near 1.
public struct ProportionLimit: Sendable, Equatable {
  /// The bound.
  public let value: Double
  /// One minus the bound, rounded in the opposite direction.
  public let complement: Double

  /// A limit known from elsewhere; the caller vouches for both roundings.
  public init(value: Double, complement: Double) {
    self.value = value
    self.complement = complement
  }
}

/// One-sided Clopper-Pearson limits.
public enum ClopperPearson {
  /// A lower confidence limit: with probability at least 1 - alpha the true proportion is larger.
  ///
  /// `value` is rounded down and `complement` up. k <= 0, k > n, and an alpha that is nan or outside (0, 1) give 0, which
  /// never certifies anything. k = n gives alpha^(1/n).
  /// - Parameter alpha: pass `ExactDecimal.roundedDown` of the declared level.
  /// - Complexity: about eight binomial tails.
  public static func lower(successes k: Int, trials n: Int, alpha: Double) -> ProportionLimit {
    guard k > 0, k <= n, alpha > 0, alpha < 1 else { return ProportionLimit(value: 0, complement: 1) }
    // The limit is at least 1/2 exactly when the tail at 1/2 is at most alpha.
    if Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: 0.5) <= alpha {
      let complement = failureLimit(failures: n - k, n, alpha)
      return ProportionLimit(value: (DoubleDouble.exactSum(1, -complement)).floor, complement: complement)
    }
    let value = successLimit(k, n, alpha)
    return ProportionLimit(value: value, complement: (DoubleDouble.exactSum(1, -value)).ceiling)
  }

  /// An upper confidence limit: with probability at least 1 - alpha the true proportion is smaller.
  ///
  /// `value` is rounded up and `complement` down. k >= n, k < 0, and an alpha that is nan or outside (0, 1) give 1.
  public static func upper(successes k: Int, trials n: Int, alpha: Double) -> ProportionLimit {
    guard k >= 0, k < n else { return ProportionLimit(value: 1, complement: 0) }
    let mirrored = lower(successes: n - k, trials: n, alpha: alpha)
    return ProportionLimit(value: mirrored.complement, complement: mirrored.value)
  }

  /// Normal approximation of the lower limit, the start of Newton's method.
  private static func start(_ k: Int, _ n: Int, _ alpha: Double) -> Double {
    let z = -Normal.quantile(min(max(alpha, 1e-300), 0.5))
    let p = Double(k) / Double(n)
    let squared = z * z / Double(n)
    return (p + squared / 2 - z * (p * (1 - p) / Double(n) + squared / Double(4 * n)).squareRoot()) / (1 + squared)
  }

  /// The largest p, up to a relative 2^-49, with P[Bin(n, p) >= k] <= alpha, when it is at most 1/2.
  ///
  /// Newton's method on ln(tail) against ln p: the tail is the distribution function of a beta variable, whose logarithm
  /// is log-concave in ln p, so the iteration converges from every start.
  private static func successLimit(_ k: Int, _ n: Int, _ alpha: Double) -> Double {
    let target = DoubleDouble.logarithm(DoubleDouble(alpha))
    var p = min(max(start(k, n, alpha), 1e-300), 0.5)
    for _ in 0..<200 {
      let success = DoubleDouble(p)
      let failure = DoubleDouble.exactSum(1, -p)
      let tail = Binomial.upperTail(k, n, success: success, failure: failure)
      // d ln tail / d ln p = k f(k) / tail.
      let mass = Binomial.mass(k, n, success: success, failure: failure)
      let slope = Double(k) * ratio(mass, tail)
      let step = (target - DoubleDouble.logarithm(tail)).high / slope
      p = min(0.5, p * exponential(clampedStep(step)))
      if abs(step) < 0x1p-51 { break }
    }
    var margin = 0x1p-51
    while true {
      let candidate = (p * (1 - margin)).nextDown
      if Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: candidate) <= alpha { return candidate }
      margin *= 4
      if margin >= 1 { return 0 }
    }
  }

  /// The smallest q, up to a relative 2^-49, with P[Bin(n, q) <= m] <= alpha, when it is at most 1/2.
  private static func failureLimit(failures m: Int, _ n: Int, _ alpha: Double) -> Double {
    let target = DoubleDouble.logarithm(DoubleDouble(alpha))
    var q = min(max(1 - start(n - m, n, alpha), 1e-300), 0.5)
    if m == 0 { q = min(0.5, -DoubleDouble.exponentialMinusOne(target / Double(n)).high) }
    for _ in 0..<200 {
      let failure = DoubleDouble(q)
      let success = DoubleDouble.exactSum(1, -q)
      let tail = Binomial.upperTail(n - m, n, success: success, failure: failure)
      // d ln tail / d ln q = -q n f(m; n - 1, q) / tail = -(n - m) (q / (1 - q)) f(m) / tail.
      let mass = Binomial.mass(n - m, n, success: success, failure: failure)
      let slope = -Double(n - m) * q / success.high * ratio(mass, tail)
      let step = (target - DoubleDouble.logarithm(tail)).high / slope
      q = min(0.5, q * exponential(clampedStep(step)))
      if abs(step) < 0x1p-51 { break }
    }
    var margin = 0x1p-51
    while true {
      let candidate = (q * (1 + margin)).nextUp
      if candidate >= 0.75 { return 1 }
      if Binomial.lowerTailRoundedUp(atMost: m, trials: n, probability: candidate) <= alpha { return candidate }
      margin *= 4
    }
  }

  private static func ratio(_ a: ScaledDoubleDouble, _ b: ScaledDoubleDouble) -> Double {
    Double(sign: .plus, exponent: a.exponent - b.exponent, significand: a.mantissa.high / b.mantissa.high)
  }

  private static func clampedStep(_ step: Double) -> Double { step.isNaN ? 0 : min(max(step, -50), 50) }

  private static func exponential(_ x: Double) -> Double {
    DoubleDouble.exponential(DoubleDouble(x)).doubleDouble.high
  }
}
