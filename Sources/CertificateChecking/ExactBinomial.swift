import BigInt

// Binomial tails with directed rounding. From the first term P[X = k], found from an enclosure of its logarithm
// (ExactBinomial+Start), the others follow by
//
//   P[X = x + 1] = P[X = x] (n - x) p / ((x + 1) (1 - p)),
//
// in fixed point relative to the first, lower ends rounded down and upper ends up. The ratio decreases in x, so what is
// left after a term is below a geometric series.

package enum ExactBinomial {
  /// Enclosure of P[Bin(trials, probability) >= successes], relative width below about 2^-100 for a tail below 1/2.
  ///
  /// The upper end is an upper bound for every smaller probability too, since the tail increases in p. For
  /// `successes <= 0` it is 1, beyond `trials` 0.
  /// - Complexity: some ten standard deviations of steps, each about 1 microsecond; trials up to 10^9.
  package static func upperTail(
    atLeast successes: Int, of trials: Int, probability: ExactRational
  ) throws(StatisticsRejection) -> ExactEnclosure {
    guard trials >= 0, trials <= maximumTrials else {
      throw StatisticsRejection("A binomial test has \(trials) samples; the checker accepts 0 to \(maximumTrials).")
    }
    guard probability >= .zero, probability <= .one else {
      throw StatisticsRejection("\(probability.approximation) is not a probability.")
    }
    let rounded = ExactInterval(probability)
    let above = pointTail(atLeast: successes, of: trials, probability: rounded.upper)
    if rounded.lower == rounded.upper { return above }
    let below = pointTail(atLeast: successes, of: trials, probability: rounded.lower)
    return ExactEnclosure(lower: below.lower, upper: above.upper)
  }

  /// An upper bound of P[Bin(trials, p) >= successes] for every p up to `probability`: the upper end of `upperTail`,
  /// in half the time.
  package static func upperTailBound(
    atLeast successes: Int, of trials: Int, probability: ExactRational
  ) throws(StatisticsRejection) -> ExactRational {
    // Rounded up to a number that fixed point holds exactly, so that one evaluation serves.
    let rounded = ExactInterval(probability).enclosure.upper
    return try upperTail(atLeast: successes, of: trials, probability: rounded).upper
  }

  static let maximumTrials = 1_000_000_000

  /// The tail at the exact probability p = probability 2^-256.
  private static func pointTail(atLeast successes: Int, of trials: Int, probability: BigInt) -> ExactEnclosure {
    let one = ExactInterval.one.lower
    if successes <= 0 { return ExactEnclosure(lower: .one, upper: .one) }
    if successes > trials || probability.isZero { return ExactEnclosure(lower: .zero, upper: .zero) }
    if probability == one { return ExactEnclosure(lower: .one, upper: .one) }
    if BigInt(successes) * one >= BigInt(trials + 1) * probability {
      return descendingTail(from: successes, of: trials, probability: probability)
    }
    // At or below the mode: 1 - P[trials - X >= trials - successes + 1], which starts above the mode of trials - X.
    let rest = descendingTail(from: trials - successes + 1, of: trials, probability: one - probability)
    return ExactEnclosure(lower: max(.zero, .one - rest.upper), upper: .one - rest.lower)
  }

  private static let leastExponent = -65_536

  /// The tail from a count at which the terms already fall: first >= (trials + 1) p.
  private static func descendingTail(from first: Int, of trials: Int, probability: BigInt) -> ExactEnclosure {
    let start = mass(at: first, of: trials, probability: probability)
    var steps = BinomialSteps(trials: trials, probability: probability, at: first, value: .one)
    var sum = ExactInterval.one
    var rest = BigInt(0)
    while steps.count < trials {
      steps.advance()
      sum = sum + steps.value
      if let bound = steps.remainderBelow(bits: 120) {
        rest = bound
        break
      }
    }
    let total = start.mantissa * ExactInterval(lower: sum.lower, upper: sum.upper + rest)
    let exponent = start.exponent - ExactInterval.fractionBits
    // A tail below 2^-65536 needs no more than that said of it: its digits would fill the memory for 10^9 samples.
    if total.upper.magnitude.bitWidth + exponent < leastExponent {
      return ExactEnclosure(lower: .zero, upper: ExactRational(mantissa: 1, exponent: leastExponent))
    }
    return ExactEnclosure(
      lower: min(.one, ExactRational(mantissa: total.lower, exponent: exponent)),
      upper: min(.one, ExactRational(mantissa: total.upper, exponent: exponent)))
  }
}

/// Successive binomial probabilities upward from one count, relative to a given start, with both roundings.
struct BinomialSteps {
  let trials: Int
  private let probability: BigInt
  /// p / (1 - p).
  private let odds: ExactInterval
  private(set) var count: Int
  private(set) var value: ExactInterval

  /// The probability is `probability` 2^-256, strictly between 0 and 1.
  init(trials: Int, probability: BigInt, at count: Int, value: ExactInterval) {
    self.trials = trials
    self.probability = probability
    self.count = count
    self.value = value
    let complement = ExactInterval.one.lower - probability
    odds = ExactInterval(ExactRational(probability, over: complement))
  }

  /// Moves to count + 1, which must not exceed the trials.
  mutating func advance() {
    value = value * odds * (trials - count) / (count + 1)
    count += 1
  }

  /// An upper bound on the sum of all values beyond the present one, if that is below 2^-bits; else nil.
  ///
  /// With r the present ratio (below 1 and falling) the sum is at most value r / (1 - r) <= value / (1 - r), and
  /// 1 - r = ((count + 1)(1 - p) - (trials - count) p) / ((count + 1)(1 - p)).
  func remainderBelow(bits: Int) -> BigInt? {
    guard value.upper.magnitude.bitWidth <= ExactInterval.fractionBits - bits else { return nil }
    let weight = BigInt(count + 1) * (ExactInterval.one.lower - probability)
    let difference = weight - BigInt(trials - count) * probability
    guard difference > 0 else { return nil }
    let bound = (value.upper * weight).dividedUp(by: difference)
    return bound.magnitude.bitWidth <= ExactInterval.fractionBits - bits ? bound : nil
  }
}
