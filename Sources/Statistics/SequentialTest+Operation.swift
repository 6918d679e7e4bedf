// What a group-sequential test does at a true share p: error probability, power and expected number of samples, by
// convolution over the looks.

extension SequentialTest {
  /// How a test fares at one true share.
  public struct Operation: Sendable, Equatable {
    /// The probability of rejecting at some look when futility stops are obeyed.
    public let rejectionProbability: Double
    /// The expected number of samples, stops for rejection and futility included.
    public let expectedTrials: Double
  }

  /// An upper bound, within a relative 2e-9, for the probability of rejecting at any look when the true share is p and
  /// nobody stops for futility: at p0 at most alpha.
  public func exactErrorProbability(_ p: Double) -> Double {
    SequentialTest.crossingProbability(looks: looks.map(\.trials), boundaries: looks.map(\.boundary), probability: p)
  }

  /// An upper bound, within a relative 2e-9, for the probability that k_j >= c_j at any look j for the true share p.
  ///
  /// Works for any boundaries, valid tests or not; nan gives 1.
  public static func crossingProbability(looks: [Int], boundaries: [Int], probability p: Double) -> Double {
    guard !p.isNaN else { return 1 }
    precondition(looks.count == boundaries.count, "One boundary per look.")
    var distribution = WindowedDistribution(point: 0)
    var crossed = 0.0
    var previous = 0
    for (n, boundary) in zip(looks, boundaries) {
      let step = WindowedDistribution(binomial: n - previous, probability: p, cutoff: 1e-40)
      distribution = distribution.convolved(with: step)
      distribution.trim(cutoff: 1e-40)
      crossed += distribution.removeMass(from: boundary)
      previous = n
    }
    return min(1, (crossed + distribution.dropped) * (1 + tailAllowance))
  }

  /// Expected samples and power at the true share p, to about 1e-12; nan for nan.
  public func operation(at p: Double) -> Operation {
    guard !p.isNaN else { return Operation(rejectionProbability: .nan, expectedTrials: .nan) }
    var distribution = WindowedDistribution(point: 0)
    var rejected = 0.0
    var expected = 0.0
    var previous = 0
    for look in looks {
      // Everyone still undecided takes the samples up to this look.
      expected += Double(look.trials - previous) * distribution.total
      let step = WindowedDistribution(binomial: look.trials - previous, probability: p, cutoff: 1e-18)
      distribution = distribution.convolved(with: step)
      distribution.trim(cutoff: 1e-18)
      rejected += distribution.removeMass(from: look.boundary)
      _ = distribution.removeMass(through: look.futileCount)
      previous = look.trials
    }
    return Operation(rejectionProbability: rejected, expectedTrials: expected)
  }

  /// The expected number of samples at the true share p, futility stops included.
  public func expectedPasses(probability p: Double) -> Double { operation(at: p).expectedTrials }

  /// The expected number of samples averaged over equally likely true shares (an earlier run, for example); nan if empty.
  public func expectedPasses(probabilities: [Double]) -> Double {
    probabilities.reduce(0) { $0 + expectedPasses(probability: $1) } / Double(probabilities.count)
  }
}
