import BigInt

// Upper bounds on the probabilities of counts, as integers in units of 2^-120. Products of two are formed from 64-bit
// halves; what is not computed is charged upward, so every number below is at least the probability it stands for.

/// For each count in a window an upper bound on its probability, and a bound on the probability of what is left out.
package struct CountWeights: Sendable {
  /// Probability 1 in units.
  package static let one: UInt128 = 1 << 120

  /// The count that `weights[0]` belongs to.
  package private(set) var first: Int
  package private(set) var weights: [UInt128]
  /// An upper bound on the probability of all paths that left the window, now or earlier.
  package private(set) var lost: UInt128

  /// No samples yet: the count is 0.
  package static let certainZero = CountWeights(first: 0, weights: [one], lost: 0)

  /// The distribution of Bin(trials, p), 0 < p < 1, out to where it falls below 2^-124. p is rounded up to 2^-256.
  package static func binomial(trials: Int, probability p: ExactRational) -> CountWeights {
    let probability = ExactInterval(p).upper
    precondition(probability > 0 && probability < ExactInterval.one.lower)
    let complement = ExactInterval.one.lower - probability
    let mode = min(trials, Int((BigInt(trials + 1) * probability).shiftedDown(ExactInterval.fractionBits)))
    let start = ExactBinomial.mass(at: mode, of: trials, probability: probability)
    let peak = start.mantissa.scaled(byPowerOfTwo: start.exponent)
    var lost: UInt128 = 0
    func branch(_ steps: BinomialSteps) -> [UInt128] {
      var steps = steps
      var result: [UInt128] = []
      while steps.count < steps.trials {
        if let rest = steps.remainderBelow(bits: 124) {
          lost += units(rest)
          break
        }
        steps.advance()
        result.append(units(steps.value.upper))
      }
      return result
    }
    let above = branch(BinomialSteps(trials: trials, probability: probability, at: mode, value: peak))
    // Below the mode it is the number of failures that goes up.
    let below = branch(BinomialSteps(trials: trials, probability: complement, at: trials - mode, value: peak))
    return CountWeights(
      first: mode - below.count, weights: below.reversed() + [units(peak.upper)] + above, lost: lost)
  }

  /// A non-negative fixed-point number in units of 2^-120, rounded up.
  private static func units(_ value: BigInt) -> UInt128 { UInt128(value.shiftedUp(ExactInterval.fractionBits - 120)) }

  /// The distribution of the sum of two independent counts, at counts not below `least`.
  ///
  /// With a = a1 2^64 + a0 and b likewise, a b = a1 b1 2^128 + (a1 b0 + a0 b1) 2^64 + a0 b0, and a0 b0 < 2^128.
  package func convolved(with step: CountWeights, from least: Int) -> CountWeights {
    // Both totals are below 2^121, so the sums of halves below stay under 2^122 and cannot overflow.
    precondition(total < Self.one * 2 && step.total < Self.one * 2)
    let start = max(least, first + step.first)
    let end = first + step.first + weights.count + step.weights.count - 1
    var result: [UInt128] = []
    if start < end, !weights.isEmpty {
      let aHigh = weights.map { UInt64(truncatingIfNeeded: $0 >> 64) }
      let aLow = weights.map { UInt64(truncatingIfNeeded: $0) }
      // Reversed, so that both run upward: the partner of weights[i] in the sum k is step.weights[k - i].
      let bHigh = step.weights.reversed().map { UInt64(truncatingIfNeeded: $0 >> 64) }
      let bLow = step.weights.reversed().map { UInt64(truncatingIfNeeded: $0) }
      result.reserveCapacity(end - start)
      for k in (start - first - step.first)..<(end - first - step.first) {
        let low = max(0, k - step.weights.count + 1)
        let high = min(weights.count - 1, k)
        let shift = step.weights.count - 1 - k
        result.append(
          Self.product(
            aHigh.span.extracting(low...high), aLow.span.extracting(low...high),
            bHigh.span.extracting((low + shift)...(high + shift)), bLow.span.extracting((low + shift)...(high + shift)))
        )
      }
    }
    return CountWeights(first: start, weights: result, lost: lost + step.lost)
  }

  /// ceiling(sum a_i b_i 2^-120) or a little more, from the halves.
  private static func product(
    _ aHigh: Span<UInt64>, _ aLow: Span<UInt64>, _ bHigh: Span<UInt64>, _ bLow: Span<UInt64>
  ) -> UInt128 {
    var high: UInt128 = 0
    var middle: UInt128 = 0
    for i in 0..<aHigh.count {
      let a1 = UInt128(truncatingIfNeeded: aHigh[i])
      let b1 = UInt128(truncatingIfNeeded: bHigh[i])
      high &+= a1 &* b1
      middle &+= a1 &* UInt128(truncatingIfNeeded: bLow[i])
      middle &+= UInt128(truncatingIfNeeded: aLow[i]) &* b1
    }
    // One unit of 2^128 for each a0 b0, and one unit for the bits of `middle` that are shifted out.
    return ((high + UInt128(aHigh.count)) << 8) + (middle >> 56) + 1
  }

  /// The sum of the weights.
  package var total: UInt128 { weights.reduce(0, +) }

  /// Takes out the counts from `boundary` on and returns their weight.
  package mutating func removeCounts(from boundary: Int) -> UInt128 {
    let kept = min(max(0, boundary - first), weights.count)
    let removed = weights[kept...].reduce(0, +)
    weights.removeSubrange(kept...)
    return removed
  }

  /// Drops counts at both ends whose weight is next to nothing (below 2^-90 in all) and charges it as lost.
  package mutating func trim() {
    var dropped: UInt128 = 0
    let allowed: UInt128 = 1 << 29
    var low = 0
    while low < weights.count, dropped + weights[low] < allowed {
      dropped += weights[low]
      low += 1
    }
    var high = weights.count
    while high > low, dropped + weights[high - 1] < allowed * 2 {
      dropped += weights[high - 1]
      high -= 1
    }
    weights = Array(weights[low..<high])
    first += low
    lost += dropped
  }
}
