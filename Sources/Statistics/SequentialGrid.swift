// Certifying a grid of radii from one stream of votes at one error level.
//
// Each radius has its own group-sequential test at the full alpha; a radius is claimed only when it and all smaller
// radii are rejected, each at some look. Let i be the first radius whose null is true: any false claim needs test i to
// reject, which has probability at most alpha. Without nesting this fails, because exact boundaries are not monotone in p0.

/// Group-sequential tests for an increasing list of radii, claimed in a nested way.
public struct SequentialGrid: Sendable {
  /// The declared radii, increasing.
  public let radii: [ExactDecimal]
  /// One test per radius, all with the same looks.
  public let tests: [SequentialTest]

  /// The sample counts of the looks.
  public var looks: [Int] { tests[0].looks.map(\.trials) }

  /// Plans the tests of all radii.
  ///
  /// - Parameters:
  ///   - radii: positive and strictly increasing, in units of the pixel range [0, 1].
  ///   - tau: `NoiseTable.totalVariation` for the input's size.
  ///   - alpha: the error level for the input, shared by all radii thanks to the nesting.
  ///   - n: the largest number of samples.
  /// - Throws: `cannotCertify` when not even the smallest radius can be certified with n samples, and errors for unusable
  ///   radii, alpha or n. Larger radii out of reach are not errors; see `unreachableRadii`.
  public init(
    radii: [ExactDecimal], sigma: ExactDecimal, totalVariation tau: Double, alpha: ExactDecimal, maximumTrials n: Int,
    schedule: SequentialSchedule = .standard
  ) throws(StatisticsError) {
    guard let first = radii.first, !first.isZero, zip(radii, radii.dropFirst()).allSatisfy(<) else {
      throw .radiiNotIncreasing
    }
    guard !alpha.isZero, alpha < ExactDecimal(1) else { throw .alphaOutOfRange(alpha.text) }
    let level = alpha.roundedDown
    var tests: [SequentialTest] = []
    for radius in radii {
      let null = GaussianCertificate.nullProbability(radius: radius, sigma: sigma, totalVariation: tau)
      tests.append(
        try SequentialTest(maximumTrials: n, alpha: level, nullProbability: null, schedule: schedule))
    }
    guard tests[0].canReject else {
      let needed = GaussianCertificate.minimumTrials(nullProbability: tests[0].nullProbability, alpha: level)
      throw .cannotCertify(radius: first.text, trials: n, needed: needed)
    }
    self.radii = radii
    self.tests = tests
  }

  /// Radii that no vote count can certify with this number of samples, with the fewest samples that could (nil: none).
  public var unreachableRadii: [(radius: ExactDecimal, neededTrials: Int?)] {
    zip(radii, tests).filter { !$0.1.canReject }.map { radius, test in
      (radius, GaussianCertificate.minimumTrials(nullProbability: test.nullProbability, alpha: test.alpha))
    }
  }

  /// Why sampling of an input ends.
  public enum Stop: String, Sendable, Equatable {
    /// Every declared radius is certified.
    case certified
    /// The next radius is out of reach at the present rate.
    case futile
    /// The last look is used up.
    case exhausted
  }

  /// What is known after a look.
  public struct Decision: Sendable, Equatable {
    /// How many radii, counted from the smallest, are certified.
    public let certifiedCount: Int
    /// The largest certified radius; nil when none is.
    public let certifiedRadius: ExactDecimal?
    /// The smallest radius that is not certified; nil when all are.
    public let nextRadius: ExactDecimal?
    /// Set when sampling should end here; going on to the next look anyway would be valid too.
    public let stop: Stop?
  }

  /// The state of one input between looks: which tests have rejected so far.
  public struct Progress: Sendable, Equatable {
    /// Per radius, whether its own test has rejected at some look.
    public private(set) var rejected: [Bool]
    /// The last look that was used; nil before the first.
    public private(set) var lastLook: Int?

    /// The state before the first look of a grid.
    public init(radiusCount: Int) { rejected = [Bool](repeating: false, count: radiusCount) }

    /// How many radii, counted from the smallest, are certified.
    public var certifiedCount: Int { rejected.prefix { $0 }.count }

    fileprivate mutating func use(look: Int, rejecting: (Int) -> Bool) {
      lastLook = look
      for index in rejected.indices where rejecting(index) { rejected[index] = true }
    }
  }

  /// The state before the first look.
  public var start: Progress { Progress(radiusCount: radii.count) }

  /// Takes the count of a look into account.
  ///
  /// - Parameters:
  ///   - j: the look's index; looks may be skipped but not repeated or taken out of order.
  ///   - k: votes for the class among exactly the samples 0 ..< `looks[j]`.
  /// - Throws: `lookOutOfOrder` or `impossibleCount`; the state is then unchanged and nothing is claimed.
  public func update(_ progress: inout Progress, look j: Int, successes k: Int) throws(StatisticsError) -> Decision {
    guard looks.indices.contains(j), progress.lastLook.map({ $0 < j }) ?? true, progress.rejected.count == radii.count
    else {
      throw .lookOutOfOrder(j)
    }
    guard k >= 0, k <= looks[j] else { throw .impossibleCount(successes: k, trials: looks[j]) }
    progress.use(look: j) { tests[$0].rejects(look: j, successes: k) }
    let certified = progress.certifiedCount
    let stop: Stop? =
      certified == radii.count
      ? .certified
      : j == looks.count - 1 ? .exhausted : tests[certified].isFutile(look: j, successes: k) ? .futile : nil
    return Decision(
      certifiedCount: certified, certifiedRadius: certified == 0 ? nil : radii[certified - 1],
      nextRadius: certified == radii.count ? nil : radii[certified], stop: stop)
  }
}
