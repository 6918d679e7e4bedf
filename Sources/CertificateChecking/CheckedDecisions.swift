import BigInt

// The decisions of fixed sampling (CERTIFY) and of PREDICT (Cohen, Rosenfeld and Kolter 2019), decided without solving
// for a confidence bound (reference/smoothing.md 2.1 and 2.2): with k of n votes for a class fixed beforehand,
//
//   R is certified at level alpha  iff  P[Bin(n, p0(R)) >= k] <= alpha,
//
// since the Clopper-Pearson lower bound L(k, n, alpha) is the p with P[Bin(n, p) >= k] = alpha and the tail increases.

package enum CheckedFixedSampling {
  /// Proves that k votes among n exclude p <= `bound` at level alpha: L(k, n, alpha) >= bound.
  ///
  /// - Throws: a sentence if the tail, rounded up, exceeds alpha, or if counts or alpha make no sense.
  package static func verify(
    lowerBound bound: ExactRational, votes: Int, samples: Int, alpha: ExactRational
  ) throws(StatisticsRejection) {
    try validate(votes: votes, samples: samples, alpha: alpha)
    // p > 0 is not a claim that votes must support; neither is any bound below it.
    if bound <= .zero { return }
    let tail = try ExactBinomial.upperTailBound(atLeast: votes, of: samples, probability: bound)
    guard tail <= alpha else {
      throw StatisticsRejection(
        "\(votes) of \(samples) votes do not exclude a class probability of \(bound.approximation): so many have a "
          + "chance of \(tail.approximation) there, more than \(alpha.approximation).")
    }
  }

  /// Proves that k votes among n certify the radius R at level alpha: they exclude p <= p0(R), p0 rounded up.
  ///
  /// - Throws: a sentence if they do not, or if a value makes no sense (a radius that is not above 0 is no certificate).
  package static func verify(
    radius: ExactRational, sigma: ExactRational, totalVariation: ExactRational, votes: Int, samples: Int,
    alpha: ExactRational
  ) throws(StatisticsRejection) {
    guard radius > .zero else {
      throw StatisticsRejection("A certificate needs a positive radius; this one has \(radius.approximation).")
    }
    let null = try CheckedNull.probability(radius: radius, sigma: sigma, totalVariation: totalVariation)
    try verify(lowerBound: null.upper, votes: votes, samples: samples, alpha: alpha)
  }

  /// Proves that the integer radius D does not reach beyond R: D <= (255 R)^2.
  package static func verify(squaredLevels: Int, radius: ExactRational) throws(StatisticsRejection) {
    let allowed = CheckedNull.squaredLevels(radius: radius)
    guard squaredLevels >= 0, BigInt(squaredLevels) <= allowed else {
      throw StatisticsRejection(
        "The integer radius \(squaredLevels) is not within the radius \(radius.approximation), which covers "
          + "\(allowed) squared levels.")
    }
  }

  static func validate(votes: Int, samples: Int, alpha: ExactRational) throws(StatisticsRejection) {
    guard samples > 0, votes >= 0, votes <= samples else {
      throw StatisticsRejection("\(votes) votes among \(samples) samples is not a possible count.")
    }
    guard alpha > .zero, alpha < .one else {
      throw StatisticsRejection("An error probability of \(alpha.approximation) is outside 0 < alpha < 1.")
    }
  }
}

package enum CheckedPrediction {
  /// An upper bound on min(1, 2 P[Bin(top + second, 1/2) >= top]), the p-value of PREDICT's two-sided test; 1 for a tie.
  ///
  /// - Throws: a sentence if the counts are negative or out of order.
  package static func pValueBound(topVotes: Int, secondVotes: Int) throws(StatisticsRejection) -> ExactRational {
    guard secondVotes >= 0, topVotes >= secondVotes, topVotes <= ExactBinomial.maximumTrials else {
      throw StatisticsRejection("\(topVotes) and \(secondVotes) are not the votes of a first and a second class.")
    }
    if topVotes == secondVotes { return .one }
    let tail = try ExactBinomial.upperTailBound(
      atLeast: topVotes, of: topVotes + secondVotes, probability: .half)
    return min(.one, tail * ExactRational(2))
  }

  /// Proves that PREDICT may answer with the first class at level alpha.
  ///
  /// - Throws: a sentence if it must abstain.
  package static func verifyAnswer(
    topVotes: Int, secondVotes: Int, alpha: ExactRational
  ) throws(StatisticsRejection) {
    let pValue = try pValueBound(topVotes: topVotes, secondVotes: secondVotes)
    guard pValue <= alpha else {
      throw StatisticsRejection(
        "\(topVotes) against \(secondVotes) votes have a p-value of \(pValue.approximation), above "
          + "\(alpha.approximation): the prediction must abstain.")
    }
  }
}
