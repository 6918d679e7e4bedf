// Certificates of Gaussian smoothing in L2 (Cohen, Rosenfeld, Kolter 2019, Theorem 1) with table noise.
//
// The noise that runs differs from the Gaussian by a total variation tau (`NoiseTable.totalVariation`). It enters twice,
// once at the certified point and once at the perturbed one:
//   p0(r) = tau + Phi(r / sigma + PhiInv(1/2 + tau))        the vote share that certifies radius r, rounded up
//   R(L)  = sigma (PhiInv(L - tau) - PhiInv(1/2 + tau))     the radius that a proven share L certifies, rounded down
// The rejected null p <= p0 is closed, so the certified ball is closed too: D = floor((255 r)^2) in squared pixel steps.

/// The formulas of L2 certificates by Gaussian smoothing. A total variation of 0 gives Cohen's formulas.
public enum GaussianCertificate {
  /// The share p0 such that a true share above it certifies the radius, rounded up and at most 1.
  ///
  /// A result of 1 can never be certified; so does every damaged argument (sigma 0, tau negative, nan, or at least 1/4).
  public static func nullProbability(
    radius: ExactDecimal, sigma: ExactDecimal, totalVariation tau: Double
  ) -> Double {
    guard !sigma.isZero, tau >= 0, tau < 0.25 else { return 1 }
    let level = sigma.ratio
    let distance = radius.ratio
    let shift = ExactRatio(distance.numerator * level.denominator, over: distance.denominator * level.numerator)
    guard shift < ExactRatio(40, over: 1) else { return 1 }
    let argument = shift.doubleDouble + Normal.centralQuantile(DoubleDouble(tau))
    let probability = Normal.cumulativeProbability(argument)
    // The sum is formed with 100 bits; one margin of 2^-59 covers it all.
    return min(1, ScaledDoubleDouble(probability.doubleDouble + tau).roundedUp)
  }

  /// The largest radius, rounded down, that a proven lower limit of the top class's share certifies; nil if none above 0.
  ///
  /// - Parameter limit: the limit with its complement (`ClopperPearson.lower`); the complement is what is used, so
  ///   nothing is lost near 1.
  public static func radius(limit: ProportionLimit, sigma: ExactDecimal, totalVariation tau: Double) -> Double? {
    guard tau >= 0, tau < 0.25, !sigma.isZero else { return nil }
    let failure = DoubleDouble.exactSum(limit.complement, tau)
    guard let top = upperQuantile(complement: failure) else { return nil }
    return scaledDown(top - Normal.centralQuantile(DoubleDouble(tau)), by: sigma)
  }

  /// The radius from bounds of two classes, sigma/2 (PhiInv(pA - tau) - PhiInv(pB + tau)) less the share of tau, rounded
  /// down; nil if none above 0. Inside it class A is ahead of every other class.
  ///
  /// At distance r the Gaussian shares are at least Phi(a) and at most Phi(b) with a - b = (gap - 2 r / sigma), both
  /// centred at c, the mean of the two quantiles; under the table's law A stays ahead when Phi(a) - Phi(b) > 2 tau.
  /// - Parameters:
  ///   - top: lower limit for the class, at half the error level.
  ///   - rival: upper limit for every other class, at half the error level.
  public static func radius(
    top: ProportionLimit, rival: ProportionLimit, sigma: ExactDecimal, totalVariation tau: Double
  ) -> Double? {
    guard tau >= 0, tau < 0.25, !sigma.isZero,
      let topQuantile = quantile(
        of: DoubleDouble.exactSum(top.value, -tau), complement: DoubleDouble.exactSum(top.complement, tau)),
      let rivalQuantile = quantile(
        of: DoubleDouble.exactSum(rival.value, tau), complement: DoubleDouble.exactSum(rival.complement, -tau))
    else { return nil }
    let gap = topQuantile - rivalQuantile
    guard let kept = separation(center: (topQuantile + rivalQuantile).scaled(by: -1), tau: tau) else { return nil }
    return scaledDown((gap - kept).scaled(by: -1), by: sigma)
  }

  /// A distance g with Phi(center + g/2) - Phi(center - g/2) > 2 tau, close to the smallest; nil if none below 8 is found.
  private static func separation(center: DoubleDouble, tau: Double) -> Double? {
    if tau == 0 { return 0 }
    var distance = 2 * tau / Normal.density(center).nearest * (1 + 0x1p-20)
    while distance < 8 {
      let high = Normal.cumulativeProbability(center + distance / 2).doubleDouble
      let low = Normal.cumulativeProbability(center - distance / 2).doubleDouble
      // Both are within 2^-70; the comparison keeps that much in hand.
      if (high - low - 0x1p-68).high > 2 * tau { return distance }
      distance *= 1.5
    }
    return nil
  }

  /// The least number of agreeing votes that certifies the radius at a fixed number of trials, or nil if n is too small.
  public static func leastCertifyingCount(
    trials n: Int, alpha: Double, radius: ExactDecimal, sigma: ExactDecimal, totalVariation tau: Double
  ) -> Int? {
    let null = nullProbability(radius: radius, sigma: sigma, totalVariation: tau)
    return Binomial.leastRejectingCount(trials: n, probability: null, alpha: alpha)
  }

  /// The fewest trials that can certify a null share at all (every vote agreeing), or nil if none up to 2^32 can.
  public static func minimumTrials(nullProbability p0: Double, alpha: Double) -> Int? {
    guard alpha > 0, alpha < 1, p0 < 1 else { return nil }
    func suffices(_ n: Int) -> Bool {
      Binomial.upperTailRoundedUp(atLeast: n, trials: n, probability: p0) <= alpha
    }
    guard suffices(Binomial.largestTrialCount) else { return nil }
    var failing = 0
    var passing = Binomial.largestTrialCount
    while passing - failing > 1 {
      let middle = (passing + failing) / 2
      if suffices(middle) { passing = middle } else { failing = middle }
    }
    return passing
  }

  /// PhiInv(1 - q) for 0 < q < 1/2, nil otherwise.
  private static func upperQuantile(complement q: DoubleDouble) -> DoubleDouble? {
    guard q.high > 0, q < DoubleDouble(0.5) else { return nil }
    let fromHalf = DoubleDouble(0.5) - q
    return fromHalf.high < 0.25 ? Normal.centralQuantile(fromHalf) : Normal.tailQuantile(ScaledDoubleDouble(q))
  }

  /// PhiInv(p) for 0 < p < 1, nil otherwise; whichever of p and its complement is below 1/2 is used.
  private static func quantile(of p: DoubleDouble, complement q: DoubleDouble) -> DoubleDouble? {
    if p.high == 0.5 && p.low == 0 { return .zero }
    return p < DoubleDouble(0.5) ? upperQuantile(complement: p).map { -$0 } : upperQuantile(complement: q)
  }

  private static func scaledDown(_ quantile: DoubleDouble, by sigma: ExactDecimal) -> Double? {
    guard quantile.high > 0 else { return nil }
    let radius = Normal.outward(quantile * sigma.ratio.doubleDouble).lower
    return radius > 0 ? radius : nil
  }
}
