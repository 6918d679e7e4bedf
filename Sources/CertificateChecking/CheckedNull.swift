import BigInt

// What a radius leaves possible, and the integer ball it covers (reference/soundness.md 2.3):
//
//   tau = d M 2^-64,   p0(r) = tau + Phi(r / sigma + PhiInv(1/2 + tau)),   D = floor((255 r)^2).
//
// tau bounds the total variation between the table's law and the clamped rounded Gaussian. It enters twice, because
// both the certified and the deployed classifier draw from the table.

package enum CheckedNull {
  /// tau = d M 2^-64, exact, for d pixel values and noise within -M ... M. (Real-valued noise has tau = 0.)
  package static func totalVariation(dimension: Int, half: Int) -> ExactRational {
    ExactRational(BigInt(dimension) * BigInt(half), over: BigInt(1) << 64)
  }

  /// An enclosure of p0(r), capped at 1. A test of p <= (its upper end) rejects the radius soundly.
  ///
  /// - Throws: a sentence if r < 0, sigma <= 0 or tau is outside 0 ... 1/4.
  package static func probability(
    radius: ExactRational, sigma: ExactRational, totalVariation tau: ExactRational
  ) throws(StatisticsRejection) -> ExactEnclosure {
    guard radius >= .zero, sigma > .zero else {
      throw StatisticsRejection(
        "A radius of \(radius.approximation) at sigma \(sigma.approximation) is not one that smoothing can certify.")
    }
    guard tau >= .zero, tau <= ExactRational(1, over: 4) else {
      throw StatisticsRejection(
        "The noise table's distance from the Gaussian, \(tau.approximation), leaves nothing to certify.")
    }
    let shift = try ExactNormal.quantile(.half + tau)
    let value = ExactNormal.distribution(ExactInterval(radius / sigma) + shift) + ExactInterval(tau)
    let one = ExactInterval.one.upper
    return ExactInterval(lower: min(value.lower, one), upper: min(value.upper, one)).enclosure
  }

  /// D = floor((255 r)^2) of an exact radius: X' is covered iff sum (X' - X)^2 <= D.
  package static func squaredLevels(radius: ExactRational) -> BigInt {
    let levels = radius * ExactRational(255)
    return (levels * levels).floor
  }
}
