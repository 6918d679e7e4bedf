// The exact group-sequential test of "the true share is at most p0" (Armitage, McPherson, Rowe 1969; O'Brien, Fleming
// 1979; spending of alpha after Lan, DeMets 1983).
//
//   dist = {0: 1}; used = 0
//   for look j:  dist = dist * Bin(n_j - n_(j-1), p0);  c_j = least c with used + P[dist >= c] <= alpha_1 + ... + alpha_j
//                used += that tail;  remove it from dist            (reject at look j when k_j >= c_j)
// The probability of ever rejecting at p0 is `spent`, at most alpha, and it is smaller for every p < p0, because more
// successes never undo a rejection. Stopping early for any reason, or skipping a look, only lowers it.

/// A group-sequential test with fixed looks.
public struct SequentialTest: Sendable, Equatable {
  /// One look at the first `trials` samples.
  public struct Look: Sendable, Equatable {
    /// The number of samples, exactly 0 ..< trials.
    public let trials: Int
    /// Reject when at least so many of them agree; trials + 1 when this look can never reject.
    public let boundary: Int
    /// An upper bound for the probability, at p0, of rejecting at this look for the first time.
    public let spent: Double
    /// Continuing is pointless at or below this count (-1 if never): the rule of `isFutile`.
    public let futileCount: Int
  }

  /// Relative allowance for the rounding errors of the convolutions.
  ///
  /// At most 2^17 window entries per look, 64 looks and 2^-53 each stay below 1e-9.
  static let tailAllowance = 1e-9

  /// The most trials a sequential test is planned for: up to here the windows stay within `tailAllowance`. Planning takes
  /// 0.3 s there.
  public static let largestTrialCount = 10_000_000

  /// The share that is rejected: p0.
  public let nullProbability: Double
  /// The error level.
  public let alpha: Double
  /// The looks in order.
  public let looks: [Look]

  /// An upper bound for the probability of rejecting at any look while the true share is at most p0.
  public var spent: Double { looks.reduce(0) { ($0 + $1.spent).nextUp } }

  /// Whether some look can reject at all.
  public var canReject: Bool { looks.contains { $0.boundary <= $0.trials } }

  /// The largest number of samples.
  public var maximumTrials: Int { looks[looks.count - 1].trials }

  /// Plans a test from a schedule.
  ///
  /// - Parameters:
  ///   - n: the largest number of samples.
  ///   - alpha: the error level, rounded down (`ExactDecimal.roundedDown`).
  ///   - p0: the rejected share, rounded up (`GaussianCertificate.nullProbability`). A p0 of 1 or nan gives a test that
  ///     never rejects.
  /// - Throws: `StatisticsError` when n, alpha or the schedule is unusable.
  /// - Complexity: the squared standard deviation of the votes times 500 per look; 30 ms for n = 100,000.
  public init(
    maximumTrials n: Int, alpha: Double, nullProbability p0: Double, schedule: SequentialSchedule = .standard
  ) throws(StatisticsError) {
    guard n > 0 else { throw .invalidSchedule("at least one sample is needed.") }
    let looks = schedule.looks(maximumTrials: n, alpha: alpha)
    try self.init(
      looks: looks.map(\.trials), alphaSpent: looks.map(\.alphaSpent), nullProbability: p0)
  }

  /// Plans a test from explicit looks and the alpha that may be spent up to each of them (cumulative, not decreasing).
  public init(looks trials: [Int], alphaSpent: [Double], nullProbability p0: Double) throws(StatisticsError) {
    guard !trials.isEmpty, trials.count == alphaSpent.count, trials.count <= 64, trials[0] > 0,
      zip(trials, trials.dropFirst()).allSatisfy(<), zip(alphaSpent, alphaSpent.dropFirst()).allSatisfy(<=)
    else { throw .invalidSchedule("looks must increase and come with one cumulative error level each.") }
    guard let last = trials.last, last <= SequentialTest.largestTrialCount else {
      throw .invalidSchedule("more than \(SequentialTest.largestTrialCount) samples are too many; use fixed sampling.")
    }
    guard let level = alphaSpent.last, level >= 1e-200, level < 1, alphaSpent[0] >= 0 else {
      throw .alphaOutOfRange(alphaSpent.last.map { "\($0)" } ?? "")
    }
    let (boundaries, spent) = SequentialTest.plan(trials, alphaSpent, p0)
    let finalBoundary = boundaries[boundaries.count - 1]
    nullProbability = p0
    alpha = level
    looks = trials.indices.map { index in
      Look(
        trials: trials[index], boundary: boundaries[index], spent: spent[index],
        futileCount: index == trials.count - 1
          ? trials[index]
          : SequentialTest.futileCount(at: trials[index], end: last, finalBoundary: finalBoundary))
    }
  }

  /// Whether the test rejects at a look; counts that cannot be (negative, above the trials) never do.
  public func rejects(look index: Int, successes k: Int) -> Bool {
    k >= looks[index].boundary && k <= looks[index].trials
  }

  /// Whether going on is pointless: given these votes, and every rate being equally likely before them, the chance of
  /// reaching the last boundary is below 0.001.
  ///
  /// True at the last look, after which there is nothing to come. Not binding: the error level holds whether or not
  /// anyone stops. To be asked after `rejects`.
  public func isFutile(look index: Int, successes k: Int) -> Bool { k <= looks[index].futileCount }

  /// Boundaries and spent tails by convolution.
  private static func plan(_ trials: [Int], _ alphaSpent: [Double], _ p0: Double) -> ([Int], [Double]) {
    guard p0 < 1, p0 >= 0 else { return (trials.map { $0 + 1 }, trials.map { _ in 0 }) }
    let cutoff = truncation(for: alphaSpent[alphaSpent.count - 1])
    var distribution = WindowedDistribution(point: 0)
    var boundaries: [Int] = []
    var spent: [Double] = []
    var used = 0.0
    var charged = 0.0
    var previous = 0
    // Kept back from every look for the mass that later looks cut: 64 looks of 2^18 masses below alpha 1e-24.
    let reserve = 1e-12
    for (index, n) in trials.enumerated() {
      distribution = distribution.convolved(
        with: WindowedDistribution(binomial: n - previous, probability: p0, cutoff: cutoff))
      distribution.trim(cutoff: cutoff)
      previous = n
      // Mass that was cut may have crossed anywhere: it counts as spent once, at this look.
      let cut = (distribution.dropped - charged) * (1 + tailAllowance)
      charged = distribution.dropped
      var tail = 0.0
      var boundary = distribution.upperEnd + 1
      var look = cut
      while boundary > distribution.offset {
        let next = tail + distribution.masses[boundary - 1 - distribution.offset]
        let cost = (cut + next * (1 + tailAllowance)).nextUp
        if (used + cost).nextUp > alphaSpent[index] * (1 - reserve) { break }
        tail = next
        look = cost
        boundary -= 1
      }
      if boundary == distribution.upperEnd + 1 { boundary = n + 1 }
      _ = distribution.removeMass(from: boundary)
      used = (used + look).nextUp
      boundaries.append(boundary)
      spent.append(look)
    }
    return (boundaries, spent)
  }

  /// Masses below this are cut; far below alpha, yet large enough to keep the windows small.
  static func truncation(for alpha: Double) -> Double { alpha * 1e-24 }

  /// The largest k for which the chance of ending with at least c of N, given k of n and every rate equally likely
  /// beforehand, is below 0.001; -1 if there is none.
  ///
  /// That chance is P[H <= k] for H hypergeometric: n + 1 draws out of N + 1, c of them marked. (Let the unknown rate and
  /// the N outcomes be N + 1 uniform numbers, an outcome being a success when it is below the rate. The chosen n + 1 are
  /// the rate and the first n outcomes; k of these outcomes lie below the rate, and at least c of all do exactly when at
  /// most k of the chosen ones are among the c smallest.)
  private static func futileCount(at n: Int, end: Int, finalBoundary c: Int) -> Int {
    if c > end { return n }
    let (population, draws) = (end + 1, n + 1)
    let least = max(0, draws + c - population)
    let mode = max(least, min(c, draws, Int(Double(draws + 1) * Double(c + 1) / Double(population + 2))))
    let logMode =
      logChoose(c, mode) + logChoose(population - c, draws - mode) - logChoose(population, draws)
    var mass = DoubleDouble.exponential(logMode).doubleDouble.high
    var masses = [mass]
    var k = mode
    while k > least && mass > 1e-25 {
      let ratio =
        Double(k) / Double(c - k + 1) * (Double(population - c - draws + k) / Double(draws - k + 1))
      mass *= ratio
      masses.append(mass)
      k -= 1
    }
    var sum = 0.0
    while let next = masses.popLast(), sum + next < 0.001 {
      sum += next
      k += 1
    }
    return k - 1
  }

  private static func logChoose(_ n: Int, _ k: Int) -> DoubleDouble {
    DoubleDouble.logFactorial(n) - DoubleDouble.logFactorial(k) - DoubleDouble.logFactorial(n - k)
  }
}
