import Certificates
import Statistics

/// When the votes of an input are enough, and what they certify: the sampling plan with the tests behind it.
///
/// Sequential: one group-sequential test per declared radius at the same looks. A radius is claimed only when all
/// smaller ones are, each at some look; then the grid's error probability is at most alpha, not alpha per radius
/// (reference/soundness.md 2.5). Futility stops are free. Fixed: one look at n and a Clopper-Pearson bound.
package struct StoppingRule: Sendable {
  package let plan: SamplingPlan
  private let grid: SequentialGrid?
  private let tests: [SequentialTest]
  private let sigma: ExactDecimal
  private let alpha: Double
  private let totalVariation: Double
  private let isExact: Bool

  /// - Parameters:
  ///   - sigma: the noise level.
  ///   - totalVariation: tau of the noise table for the input's dimensions; 0 for real arithmetic.
  ///   - isExact: whether certificates state an integer radius.
  package init(options: SamplingOptions, sigma: ExactDecimal, totalVariation: Double, isExact: Bool) throws {
    self.sigma = sigma
    self.totalVariation = totalVariation
    self.isExact = isExact
    alpha = options.alpha.roundedDown
    switch options.kind {
    case .fixed:
      grid = nil
      tests = []
      plan = SamplingPlan(
        kind: .fixed, alpha: options.alpha.text, selection: options.selection, estimation: options.estimation,
        schedule: nil, looks: [options.estimation], tests: [])
      let least = GaussianCertificate.minimumTrials(nullProbability: 0.5, alpha: alpha) ?? Int.max
      if options.estimation < least {
        throw SmoothingError(
          "--n \(options.estimation) can never certify anything at alpha \(options.alpha.text): even unanimous votes "
            + "need at least \(least) samples")
      }
    case .sequential:
      let grid = try Self.grid(options, sigma: sigma, totalVariation: totalVariation)
      self.grid = grid
      tests = grid.tests
      plan = SamplingPlan(
        kind: .sequential, alpha: options.alpha.text, selection: options.selection, estimation: options.estimation,
        schedule: options.schedule.name, looks: tests[0].looks.map(\.trials),
        tests: try zip(options.radii, tests).map { radius, test in
          var spent = 0.0
          guard let levels = IntegerBall.squaredRadius(radius) else {
            throw SmoothingError("the radius \(radius.text) is too large")
          }
          return RadiusTest(
            radius: radius.text, nullProbability: test.nullProbability, boundaries: test.looks.map(\.boundary),
            spent: test.looks.map { look in
              spent = (spent + look.spent).nextUp
              return spent
            }, squaredLevels: levels)
        })
    }
  }

  /// The tests of all declared radii, every one of which n can reach.
  private static func grid(
    _ options: SamplingOptions, sigma: ExactDecimal, totalVariation: Double
  ) throws -> SequentialGrid {
    do {
      let grid = try SequentialGrid(
        radii: options.radii, sigma: sigma, totalVariation: totalVariation, alpha: options.alpha,
        maximumTrials: options.estimation, schedule: options.schedule)
      guard let (radius, least) = grid.unreachableRadii.first else { return grid }
      throw outOfReach(radius: radius.text, least: least, options, sigma)
    } catch let error as StatisticsError {
      guard case .cannotCertify(let radius, _, let least) = error else { throw error }
      throw outOfReach(radius: radius, least: least, options, sigma)
    }
  }

  private static func outOfReach(
    radius: String, least: Int?, _ options: SamplingOptions, _ sigma: ExactDecimal
  ) -> SmoothingError {
    SmoothingError(
      "--n \(options.estimation) can never certify the radius \(radius) at sigma \(sigma.text) and alpha "
        + "\(options.alpha.text): "
        + (least.map { "even unanimous votes need about \($0) samples or more" } ?? "no number of samples can")
        + "; raise --n, or declare smaller --radii")
  }

  /// What a look decides: the tests made, the radii claimed by now, and whether to stop.
  package func look(
    _ index: Int, votes: Int, claimed: Int
  ) -> (tests: [SmoothingCertificate.Test], claimed: Int, stops: Bool) {
    var made: [SmoothingCertificate.Test] = []
    var claimed = claimed
    while claimed < tests.count {
      let passed = tests[claimed].rejects(look: index, successes: votes)
      made.append(
        .init(
          radius: plan.tests[claimed].radius, boundary: tests[claimed].looks[index].boundary, passed: passed))
      guard passed else { return (made, claimed, tests[claimed].isFutile(look: index, successes: votes)) }
      claimed += 1
    }
    return (made, claimed, !tests.isEmpty)
  }

  /// The certificate's decision from a finished tally.
  package func conclude(
    _ tally: CertificationTally
  ) -> (decision: SmoothingCertificate.Decision, radius: String, squaredLevels: Int?) {
    switch plan.kind {
    case .sequential:
      guard tally.claimed > 0 else { return (.abstain, "0", nil) }
      let test = plan.tests[tally.claimed - 1]
      return (.certified, test.radius, isExact ? test.squaredLevels : nil)
    case .fixed:
      guard let look = tally.looks.last else { return (.abstain, "0", nil) }
      let limit = ClopperPearson.lower(successes: look.votes, trials: look.n, alpha: alpha)
      guard
        let radius = GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: totalVariation),
        radius.isFinite, radius > 0
      else { return (.abstain, "0", nil) }
      // The text is what is claimed. It may stand half a unit in the last place above the number that it is made from,
      // so that number is taken two units lower.
      let text = "\(radius.nextDown.nextDown)"
      guard let claimed = try? ExactDecimal(text), let levels = IntegerBall.squaredRadius(claimed) else {
        return (.abstain, "0", nil)
      }
      return (.certified, text, isExact ? levels : nil)
    }
  }

  /// The expected number of passes per input where the class holds the share p of the votes.
  package func expectedPasses(share p: Double) -> Double { expectedPasses(shares: [p]) }

  /// The same for a set of inputs like published ones: shares up to Phi(4), a sixth of the inputs undecided.
  package var typicalPasses: Double { expectedPasses(shares: SequentialGrid.typicalShares) }

  private func expectedPasses(shares: [Double]) -> Double {
    Double(plan.selection) + (grid?.expectedPasses(probabilities: shares) ?? Double(plan.estimation))
  }
}

/// What the user asks of the sampling.
package struct SamplingOptions: Sendable {
  package var kind: SamplingPlan.Kind
  package var alpha: ExactDecimal
  package var selection: Int
  package var estimation: Int
  /// Declared radii, ascending (sequential only).
  package var radii: [ExactDecimal]
  package var schedule: SequentialSchedule

  /// Checks the numbers once, where they enter.
  package init(
    kind: SamplingPlan.Kind, alpha: ExactDecimal, selection: Int, estimation: Int, radii: [ExactDecimal],
    schedule: SequentialSchedule
  ) throws {
    guard alpha.roundedUp < 0.5, alpha.roundedDown > 0 else {
      throw SmoothingError(
        "--alpha \(alpha.text) must lie between 0 and 0.5: it is the probability that a certificate is wrong, for "
          + "example 0.001")
    }
    guard selection > 0, selection <= 1_000_000 else { throw SmoothingError("--n0 must be between 1 and 1000000") }
    guard estimation > 0, estimation <= 1_000_000_000 else {
      throw SmoothingError("--n must be between 1 and 1000000000")
    }
    for (smaller, larger) in zip(radii, radii.dropFirst()) where !(smaller < larger) {
      throw SmoothingError("--radii must ascend; \(larger.text) follows \(smaller.text)")
    }
    if kind == .sequential && radii.isEmpty { throw SmoothingError("sequential sampling needs at least one radius") }
    self.kind = kind
    self.alpha = alpha
    self.selection = selection
    self.estimation = estimation
    self.radii = radii
    self.schedule = schedule
  }
}

/// A request that cannot be met, as a sentence that says what to do instead.
package struct SmoothingError: Error, CustomStringConvertible, Sendable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
