import BigInt

// The error probability of a group-sequential test (reference/smoothing.md 2.9 d), recomputed and rounded up: the chance
// that under p = p0 the count S of the first n_j samples reaches its boundary c_j at some look j.
//
// The null is p <= p0, and the chance of crossing increases in p: with one uniform u_i per sample and votes u_i < p,
// raising p only adds votes, so every path that crossed still crosses. One number p0 therefore bounds the whole null,
// and so does every number above it.

/// One look of a group-sequential test: certify if at least `boundary` of the first `samples` votes are for the class.
package struct CheckedLook: Sendable, Equatable {
  package let samples: Int
  /// More than `samples` where the look cannot certify.
  package let boundary: Int

  package init(samples: Int, boundary: Int) {
    self.samples = samples
    self.boundary = boundary
  }
}

package enum CheckedSequence {
  /// Upper bounds on P[a boundary is reached at one of the looks 1 ... j], one per look, for every p <= p0.
  ///
  /// Stopping early, skipping looks and futility only lower these chances. The bounds exceed the exact values by less
  /// than about 1e-25; they are exactly 0 as long as no boundary can be reached.
  /// - Throws: a sentence if the looks do not ascend from 1 to at most 10^7 samples, or p0 is no probability.
  /// - Complexity: the sum over looks of the products of the supports, 25 standard deviations each: 0.1 s for 10^5
  ///   samples, growing like the number of samples.
  package static func errorBounds(
    looks: [CheckedLook], nullProbability: ExactRational
  ) throws(StatisticsRejection) -> [ExactRational] {
    try validate(looks)
    guard nullProbability >= .zero, nullProbability <= .one else {
      throw StatisticsRejection("\(nullProbability.approximation) is not a probability.")
    }
    // Rounded up to what fixed point holds: a larger p0 crosses more often.
    let probability = ExactInterval(nullProbability).enclosure.upper
    if probability == .one { return reachability(of: looks) }
    if probability == .zero { return certainty(of: looks) }

    var state = CountWeights.certainZero
    var spent: UInt128 = 0
    var canCross = false
    var before = 0
    var bounds: [ExactRational] = []
    for (index, look) in looks.enumerated() {
      let step = CountWeights.binomial(trials: look.samples - before, probability: probability)
      // The last look asks only for the counts that cross.
      let isLast = index == looks.count - 1
      state = state.convolved(with: step, from: isLast ? look.boundary : 0)
      spent += state.removeCounts(from: look.boundary)
      state.trim()
      canCross = canCross || look.boundary <= look.samples
      let bound = ExactRational(BigInt(spent + state.lost), over: BigInt(CountWeights.one))
      bounds.append(canCross ? min(.one, bound) : .zero)
      before = look.samples
    }
    return bounds
  }

  /// Proves that a test with these looks and boundaries certifies wrongly with probability at most alpha, and that the
  /// recorded spending, if given, is nowhere below what is spent.
  ///
  /// Any boundaries will do, however they were found. A recorded figure may fall short by 2^-80, which covers the
  /// checker's own rounding of figures that are next to nothing; alpha has no such allowance.
  /// - Returns: the bounds of `errorBounds`.
  /// - Throws: a sentence that names the first look at fault.
  @discardableResult
  package static func verify(
    looks: [CheckedLook], nullProbability: ExactRational, alpha: ExactRational, recordedSpent: [Double]? = nil
  ) throws(StatisticsRejection) -> [ExactRational] {
    let bounds = try errorBounds(looks: looks, nullProbability: nullProbability)
    for (look, bound) in zip(looks, bounds) where bound > alpha {
      throw StatisticsRejection(
        "The boundaries up to look \(look.samples) spend up to \(bound.approximation) of an error probability of "
          + "\(alpha.approximation); such a test proves nothing at that level.")
    }
    guard let recordedSpent else { return bounds }
    guard recordedSpent.count == looks.count else {
      throw StatisticsRejection("\(recordedSpent.count) spent figures are recorded for \(looks.count) looks.")
    }
    let allowance = ExactRational(mantissa: 1, exponent: -80)
    for ((look, bound), recorded) in zip(zip(looks, bounds), recordedSpent)
    where try ExactRational(exactly: recorded) + allowance < bound {
      throw StatisticsRejection(
        "The error probability recorded as spent up to look \(look.samples) is \(recorded), but it may be "
          + "\(bound.approximation).")
    }
    return bounds
  }

  private static let maximumSamples = 10_000_000

  private static func validate(_ looks: [CheckedLook]) throws(StatisticsRejection) {
    var before = 0
    for look in looks {
      guard look.samples > before, look.samples <= maximumSamples else {
        throw StatisticsRejection(
          "A look at \(look.samples) samples follows one at \(before); looks must ascend to at most \(maximumSamples).")
      }
      guard look.boundary >= 0 else {
        throw StatisticsRejection("The boundary \(look.boundary) at look \(look.samples) is negative.")
      }
      before = look.samples
    }
    guard !looks.isEmpty else { throw StatisticsRejection("A sequential test needs at least one look.") }
  }

  /// The bounds for p0 = 0: no vote is for the class, so only a boundary of 0 is reached.
  private static func certainty(of looks: [CheckedLook]) -> [ExactRational] {
    var crossed = false
    return looks.map { look in
      crossed = crossed || look.boundary == 0
      return crossed ? .one : .zero
    }
  }

  /// The bounds for p0 = 1: every vote is for the class, so the first boundary within its samples is reached.
  private static func reachability(of looks: [CheckedLook]) -> [ExactRational] {
    var crossed = false
    return looks.map { look in
      crossed = crossed || look.boundary <= look.samples
      return crossed ? .one : .zero
    }
  }
}
