// The integer Gaussian as a compare table of 64-bit words.
//
//   T_j = round-to-nearest(2^64 Phi((j + 1/2) / (255 sigma))),  j = -M ... M - 1,  M = 255 (k + 1), k = max(1, floor(6 sigma))
//   z(u) = #{j : u >= T_j} - M
// For a fair word u, z has the law of round(255 sigma N(0, 1)) clamped to -M ... M up to a total variation of
// M 2^-64 per coordinate (2M entries, each off by at most 2^-65). Voracek, Hein 2023 have the idea of integer noise;
// exact thresholds make every device agree bit for bit without evaluating a transcendental function.

/// The compare table of integer Gaussian noise for one noise level.
///
/// The noise levels are in units of the pixel range [0, 1]; the noise is in pixel steps of 1/255.
public struct NoiseTable: Sendable {
  /// The noise level, exact.
  public let sigma: ExactDecimal
  /// k = max(1, floor(6 sigma)): the model's input is looked up for integers -255 k ... 255 (k + 1).
  public let rangeFactor: Int
  /// M = 255 (k + 1): noise lies in -M ... M.
  public let largestNoise: Int
  /// The thresholds below 2^64, ascending. The table has 2M entries; the last 2M - thresholds.count of them equal 2^64,
  /// which no word reaches, and are left out. Leading zeros are kept: every word reaches them.
  public let thresholds: [UInt64]
  /// For every value of the top 16 bits of a word, how many thresholds the smallest such word reaches.
  ///
  /// Starting there, `while count < thresholds.count && u >= thresholds[count] { count += 1 }` finds the count; a word
  /// meets fewer than 2M 2^-16 thresholds on average.
  public let guideTable: [UInt16]

  /// The number k of the definition.
  public var k: Int { rangeFactor }

  /// The number of table entries 2M, entries equal to 2^64 included.
  public var entryCount: Int { 2 * largestNoise }

  /// Builds the table; every entry is correctly rounded.
  ///
  /// - Throws: `StatisticsError.sigmaOutOfRange` outside 0.001 ... 20.
  /// - Complexity: some 80 terms of a power series with 256 fraction bits per entry, 30 ms for sigma 1.
  public init(sigma: ExactDecimal) throws(StatisticsError) {
    let level = sigma.ratio
    guard level >= ExactRatio(1, over: 1000), level <= ExactRatio(20, over: 1) else {
      throw .sigmaOutOfRange(sigma.text)
    }
    let sixfold = (level * ExactRatio(6, over: 1)).floor.uint64 ?? 0
    let factor = max(1, Int(sixfold))
    let largest = 255 * (factor + 1)
    self.sigma = sigma
    rangeFactor = factor
    largestNoise = largest

    // Upper half first: complements[j] = 2^64 - T_j for j >= 0, which is also T_(-1-j).
    let unit = FixedPoint(
      roundingDown: ExactRatio(level.denominator, over: level.numerator * BigNatural(510)))
    var lowerHalf: [UInt64] = []
    lowerHalf.reserveCapacity(largest)
    for j in 0..<largest {
      let argument = unit.multiplied(by: UInt64(2 * j + 1))
      // Beyond 9.5 the tail is below 2^-69: the nearest multiple of 2^-64 is 0 for all that follow.
      if argument.limbs[4] > 9 || (argument.limbs[4] == 9 && argument.limbs[3] >> 63 == 1) { break }
      guard let entry = NoiseTable.roundedTail(argument) else { throw .sigmaOutOfRange(sigma.text) }
      lowerHalf.append(entry)
    }
    lowerHalf += [UInt64](repeating: 0, count: largest - lowerHalf.count)
    // 2^64 - t; an entry of 0 means 2^64 and stays out.
    let table = lowerHalf.reversed() + lowerHalf.prefix { $0 != 0 }.map { 0 &- $0 }
    thresholds = table
    var guide = [UInt16](repeating: 0, count: 1 << 16)
    var count = 0
    for bucket in guide.indices {
      while count < table.count && table[count] <= UInt64(bucket) << 48 { count += 1 }
      guide[bucket] = UInt16(count)
    }
    guideTable = guide
  }

  /// The noise that a word picks: z = #{j : u >= T_j} - M.
  @inlinable
  public func noise(for u: UInt64) -> Int32 {
    var count = Int(guideTable[Int(u >> 48)])
    while count < thresholds.count && u >= thresholds[count] { count += 1 }
    return Int32(count - largestNoise)
  }

  /// The threshold T_j for -M <= j < M; nil stands for 2^64, which no word reaches.
  public func threshold(_ j: Int) -> UInt64? {
    let index = j + largestNoise
    precondition(index >= 0 && index < entryCount, "The table has entries -M ... M - 1.")
    return index < thresholds.count ? thresholds[index] : nil
  }

  /// All 2M entries in decimal, from j = -M, joined by newlines with none at the end: what a noise law hashes.
  public var decimalText: String {
    let never = [String](repeating: "18446744073709551616", count: entryCount - thresholds.count)
    return (thresholds.map(String.init) + never).joined(separator: "\n")
  }

  /// An upper bound for the total variation distance between d coordinates of this noise and the clamped, rounded
  /// Gaussian: tau = d M 2^-64, rounded up.
  public func totalVariation(dimensions d: Int) -> Double {
    ExactRatio(BigNatural(UInt64(d)) * BigNatural(UInt64(largestNoise)), over: BigNatural.one << 64).roundedUp
  }

  /// round(2^64 (1 - Phi(x))) for 0 < x < 9.5, or nil if 2^-56 of a unit does not decide the rounding.
  ///
  /// 1 - Phi(x) = 1/2 - (1/sqrt(2 pi)) sum of (-1)^n x^(2n+1) / (2^n n! (2n+1)). The largest term is below 2^66, so
  /// truncations of 2^-253 grow to at most 2^-180 over the 200 terms.
  private static func roundedTail(_ x: FixedPoint) -> UInt64? {
    let halfSquare = x.multiplied(by: x).divided(by: 2)
    var power = x
    var positive = x
    var negative = FixedPoint.zero
    var n: UInt64 = 0
    // Terms fall once n exceeds x^2/2; below 2^-160 and halving, the rest cannot matter.
    while power.limbs[5] | power.limbs[4] | power.limbs[3] | power.limbs[2] != 0 || power.limbs[1] >> 32 != 0 {
      n += 1
      power = power.multiplied(by: halfSquare).divided(by: n)
      let term = power.divided(by: 2 * n + 1)
      if n & 1 == 0 { positive.add(term) } else { negative.add(term) }
    }
    positive.subtract(negative)
    let inverseRootTwoPi = FixedPoint(
      fraction: 0x6621_14cf_50d9_4234, 0x3f2c_f140_2eae_38bf, 0xd382_9f30_5127_06d8, 0xc047_1b48_0263_9d2e)
    var tail = FixedPoint(fraction: 1 << 63, 0, 0, 0)
    tail.subtract(positive.multiplied(by: inverseRootTwoPi))
    let rest = UInt128(tail.limbs[2]) << 64 | UInt128(tail.limbs[1])
    let half = UInt128(1) << 127
    if (rest > half ? rest - half : half - rest) >> 72 == 0 { return nil }
    return tail.limbs[3] + (rest > half ? 1 : 0)
  }
}
