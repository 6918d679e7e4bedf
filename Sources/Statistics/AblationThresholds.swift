// Thresholds for sparse (L0) changes, in exact rational arithmetic.
//
// Ablation (Levine, Feizi 2020): keep k of d pixels; rho changed pixels are tolerated iff
//   C(d - rho, k) / C(d, k) > 3/2 - p.
// Discrete noise (Lee, Yuan, Chang, Jaakkola 2019): each coordinate keeps its value with probability a, else takes one
// of K others, each with b = (1 - a) / K. With r changed coordinates, i equal to x, j equal to x', o = r - i - j others,
// there are r! / (i! j! o!) (K - 1)^o outcomes of P_x = a^i b^(j + o) and P_x' = b^i a^j b^o. Filling a region by falling
// P_x / P_x' = (a / b)^(i - j) until P_x' reaches 1/2 gives the largest share that an attacker can pull down to 1/2.

/// Exact thresholds of sparse certificates.
public enum AblationThresholds {
  /// The largest number of changed pixels that a proven share p certifies; 0 if not even one, or p <= 1/2.
  ///
  /// - Parameters:
  ///   - d: the number of pixels.
  ///   - kept: how many stay visible, between 1 and d.
  ///   - p: the lower limit; the binary number's exact value is used.
  /// - Complexity: products of one limb per tolerated pixel.
  public static func certifiedPixels(dimensions d: Int, kept: Int, lowerLimit p: Double) -> Int {
    guard p <= 1, let share = ExactRatio(p) else { return 0 }
    return certifiedPixels(d, kept, share)
  }

  /// The same for an exact decimal share.
  public static func certifiedPixels(dimensions d: Int, kept: Int, lowerLimit p: ExactDecimal) -> Int {
    p.ratio <= ExactRatio(1, over: 1) ? certifiedPixels(d, kept, p.ratio) : 0
  }

  private static func certifiedPixels(_ d: Int, _ kept: Int, _ share: ExactRatio) -> Int {
    guard kept >= 1, kept <= d else { return 0 }
    let threshold = share.distance(to: ExactRatio(3, over: 2))
    var pixels = 0
    var unseen = ExactRatio(1, over: 1)
    while pixels < d - kept {
      let next = unseen * ExactRatio(d - kept - pixels, over: d - pixels)
      if !(threshold < next) { break }
      unseen = next
      pixels += 1
    }
    return pixels
  }

  /// 1 - C(d - rho, k) / C(d, k), the chance that some changed pixel is seen, rounded up.
  public static func ablationDelta(dimensions d: Int, kept: Int, changed rho: Int) -> Double {
    guard kept >= 1, kept <= d, rho >= 0, rho <= d - kept else { return 1 }
    var unseen = ExactRatio(1, over: 1)
    for index in 0..<rho { unseen = unseen * ExactRatio(d - kept - index, over: d - index) }
    return unseen.distance(to: ExactRatio(1, over: 1)).roundedUp
  }

  /// The share p from which r changed coordinates are certified under discrete noise, rounded up; at most 1.
  ///
  /// - Parameters:
  ///   - keep: the probability a of keeping a value, above b = (1 - a) / K and below 1.
  ///   - otherValues: K, how many other values a coordinate can take.
  ///   - r: the number of changed coordinates.
  /// - Returns: nil when the arguments do not describe such noise.
  public static func discreteThreshold(keep: ExactDecimal, otherValues: Int, changed r: Int) -> Double? {
    let a = keep.ratio
    guard otherValues >= 1, r >= 0, !a.numerator.isZero, a.numerator < a.denominator else { return nil }
    // In units of 1 / (denominator K) per coordinate: a -> A K, b -> denominator - A, both integers.
    let same = a.numerator * BigNatural(UInt64(otherValues))
    let other = a.denominator - a.numerator
    guard other < same else { return nil }
    let unit = (a.denominator * BigNatural(UInt64(otherValues))).power(r)
    // Outcomes grouped by i - j; P_x' of the group and P_x by symmetry (exchange i and j).
    var masses = [BigNatural](repeating: .zero, count: 2 * r + 1)
    for i in 0...r {
      for j in 0...(r - i) {
        let others = r - i - j
        let outcomes = multinomial(i, j, others) * BigNatural(UInt64(otherValues - 1)).power(others)
        masses[r + i - j] = masses[r + i - j] + outcomes * same.power(i) * other.power(j + others)
      }
    }
    // masses[r + s] is P_x of the group i - j = s; its P_x' is masses[r - s].
    var covered = BigNatural.zero
    var threshold = ExactRatio(.zero)
    for difference in stride(from: r, through: -r, by: -1) {
      let perturbed = masses[r - difference]
      let clean = masses[r + difference]
      let next = covered + perturbed
      if (next << 1) < unit {
        covered = next
        threshold = ExactRatio(threshold.numerator + clean)
        continue
      }
      // Part of the group fills P_x' up to one half: threshold + clean (unit/2 - covered) / perturbed, over unit.
      let missing = unit - (covered << 1)
      let numerator = threshold.numerator * (perturbed << 1) + clean * missing
      return min(1, ExactRatio(numerator, over: (perturbed << 1) * unit).roundedUp)
    }
    return 1
  }

  private static func multinomial(_ i: Int, _ j: Int, _ o: Int) -> BigNatural {
    var result = BigNatural.one
    var taken: UInt64 = 0
    for part in [i, j, o] {
      for step in 0..<part {
        taken += 1
        result = (result * BigNatural(taken)).quotientAndRemainder(dividingBy: UInt64(step + 1)).quotient
      }
    }
    return result
  }
}
