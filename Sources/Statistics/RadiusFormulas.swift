// Closed-form radii of the noise families besides Gaussian L2, all rounded down.
//
// p is the proven lower limit of the top class's share, q = 1 - p its complement rounded up; p > 1/2.
//   uniform on [-l, l]^d, or splitting noise of half-width l, L1     l (1 - 2 q)               (Levine, Feizi 2021)
//   Laplace of scale l, L1                                           -l ln(2 q)                (Teng, Lee, Yuan 2020)
//   uniform on [-l, l]^d, L infinity                                 2 l (1 - (1/2 + q)^(1/d)) (Yang et al. 2020)
//   Gaussian, L infinity                                             R_2 / sqrt(d)
//   deterministic splitting noise, L1, in 1/255                      floor((nA - nB - [B < A]) / 2)
// All are nil when nothing above 0 is certified; nan never certifies.

/// Radii in closed form.
public enum RadiusFormulas {
  /// L1 radius of uniform noise (or splitting noise with uniform marginals) of half-width `scale`.
  public static func uniformL1(limit: ProportionLimit, scale: ExactDecimal) -> Double? {
    guard let q = usable(limit) else { return nil }
    return lower(scale.ratio.doubleDouble * (DoubleDouble.one - DoubleDouble(2 * q)))
  }

  /// L1 radius of Laplace noise of the given scale per coordinate.
  public static func laplaceL1(limit: ProportionLimit, scale: ExactDecimal) -> Double? {
    guard let q = usable(limit) else { return nil }
    return lower(-(scale.ratio.doubleDouble * DoubleDouble.logarithm(DoubleDouble(2 * q))))
  }

  /// L infinity radius of uniform noise of half-width `scale` in d dimensions.
  public static func uniformLinf(limit: ProportionLimit, scale: ExactDecimal, dimensions d: Int) -> Double? {
    guard let q = usable(limit), d > 0 else { return nil }
    let logarithm = DoubleDouble.logarithm(DoubleDouble.exactSum(0.5, q)) / Double(d)
    return lower(scale.ratio.doubleDouble.scaled(by: 1) * -DoubleDouble.exponentialMinusOne(logarithm))
  }

  /// The L infinity radius inside an L2 ball of d dimensions, rounded down.
  public static func linf(fromL2 radius: Double, dimensions d: Int) -> Double? {
    guard radius > 0, radius.isFinite, d > 0 else { return nil }
    let result = (radius / Double(d).squareRoot().nextUp).nextDown
    return result > 0 ? result : nil
  }

  /// The largest L infinity radius, in pixel steps of 1/255, that Gaussian smoothing can certify at all: every vote for
  /// the class. It says why there is no L infinity headline.
  public static func largestLinfPixelSteps(
    sigma: ExactDecimal, trials n: Int, alpha: Double, dimensions d: Int
  ) -> Double? {
    let limit = ClopperPearson.lower(successes: n, trials: n, alpha: alpha)
    return GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: 0)
      .flatMap { linf(fromL2: $0, dimensions: d) }.map { ($0 * 255).nextDown }
  }

  /// Deterministic splitting noise: the certified L1 radius is the result over 255.
  ///
  /// - Parameters:
  ///   - topVotes: votes of the class at index `top`.
  ///   - rivalVotes: votes of the best rival after a stable sort, at index `rival`.
  /// - Returns: 0 when nothing is certified (the radius is then no claim about neighbours).
  public static func splittingL1Numerator(topVotes: Int, rivalVotes: Int, top: Int, rival: Int) -> Int {
    max(0, topVotes - rivalVotes - (rival < top ? 1 : 0)) / 2
  }

  /// The lower limit for a changed model: the original limit minus an upper limit for the share of votes that changed.
  ///
  /// Ugare et al. 2023 (incremental randomized smoothing). The errors add: alpha + alphaChange. Valid for the original
  /// model's class only.
  public static func limitAfterChange(
    original: ProportionLimit, changedVotes: Int, replayedVotes: Int, alphaChange: Double
  ) -> ProportionLimit {
    let change = ClopperPearson.upper(successes: changedVotes, trials: replayedVotes, alpha: alphaChange).value
    let complement = min(1, DoubleDouble.exactSum(original.complement, change).ceiling)
    return ProportionLimit(value: max(0, DoubleDouble.exactSum(1, -complement).floor), complement: complement)
  }

  /// Median smoothing (Chiang et al. 2020): the 1-based order statistic y_(j) of n outputs that, with probability at least
  /// 1 - alpha, is above the smoothed median at every input within the radius; nil if n is too small.
  public static func medianUpperIndex(
    trials n: Int, radius: ExactDecimal, sigma: ExactDecimal, totalVariation tau: Double, alpha: Double
  ) -> Int? {
    GaussianCertificate.leastCertifyingCount(
      trials: n, alpha: alpha, radius: radius, sigma: sigma, totalVariation: tau)
  }

  /// The complement of a limit above 1/2, or nil.
  private static func usable(_ limit: ProportionLimit) -> Double? {
    limit.complement > 0 && limit.complement < 0.5 ? limit.complement : nil
  }

  private static func lower(_ radius: DoubleDouble) -> Double? {
    let result = Normal.outward(radius).lower
    return result > 0 ? result : nil
  }
}
