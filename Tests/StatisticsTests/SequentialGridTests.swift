import Statistics
import TestSupport
import Testing

@Suite struct SequentialGridTests {
  private func grid(_ radii: [String], samples n: Int = 10_000) throws -> SequentialGrid {
    try SequentialGrid(
      radii: try radii.map { try ExactDecimal($0) }, sigma: try ExactDecimal("0.5"), totalVariation: 1e-11,
      alpha: try ExactDecimal("0.001"), maximumTrials: n)
  }

  @Test func aRadiusIsClaimedOnlyWhenAllSmallerOnesAre() throws {
    let grid = try grid(["0.25", "0.5", "1"])
    var progress = grid.start
    // Looks 20, 100, 500, 2000, 5000, 10000. All votes agree at 500: everything at once.
    #expect(grid.looks == [20, 100, 500, 2_000, 5_000, 10_000])
    let early = try grid.update(&progress, look: 0, successes: 20)
    #expect(early.stop == nil)
    let done = try grid.update(&progress, look: 2, successes: 500)
    #expect(done.certifiedCount == 3 && done.certifiedRadius?.text == "1" && done.nextRadius == nil)
    #expect(done.stop == .certified)
  }

  @Test func rejectionsAreRememberedAndSamplingEndsWhenTheNextRadiusIsOutOfReach() throws {
    let grid = try grid(["0.25", "1"])
    var progress = grid.start
    // At 2000 votes, 80 % reject Phi(0.5) = .69 but leave Phi(2) = .977 out of reach.
    let decision = try grid.update(&progress, look: 3, successes: 1_600)
    #expect(decision.certifiedRadius?.text == "0.25" && decision.nextRadius?.text == "1")
    #expect(decision.stop == .futile)
    // Going on is allowed, and the claim stays even if the rate falls.
    let later = try grid.update(&progress, look: 5, successes: 6_000)
    #expect(later.certifiedRadius?.text == "0.25" && later.stop == .exhausted)
  }

  @Test func noVotesCertifyNothing() throws {
    let grid = try grid(["0.25"])
    var progress = grid.start
    let decision = try grid.update(&progress, look: 0, successes: 0)
    #expect(decision.certifiedCount == 0 && decision.certifiedRadius == nil && decision.stop == .futile)
  }

  @Test func damagedInputIsRefusedAndChangesNothing() throws {
    let grid = try grid(["0.25"])
    var progress = grid.start
    _ = try grid.update(&progress, look: 1, successes: 70)
    let before = progress
    #expect(throws: StatisticsError.lookOutOfOrder(1)) { try grid.update(&progress, look: 1, successes: 70) }
    #expect(throws: StatisticsError.lookOutOfOrder(0)) { try grid.update(&progress, look: 0, successes: 20) }
    #expect(throws: StatisticsError.lookOutOfOrder(6)) { try grid.update(&progress, look: 6, successes: 20) }
    #expect(throws: StatisticsError.self) { try grid.update(&progress, look: 2, successes: 501) }
    #expect(throws: StatisticsError.self) { try grid.update(&progress, look: 2, successes: -1) }
    #expect(progress == before)
    #expect(throws: StatisticsError.radiiNotIncreasing) { try self.grid(["0.5", "0.25"]) }
    #expect(throws: StatisticsError.radiiNotIncreasing) { try self.grid(["0"]) }
    #expect(throws: StatisticsError.radiiNotIncreasing) { try self.grid([]) }
  }

  @Test func hopelessSampleSizesAreRefusedWithTheNeededNumber() throws {
    // Phi(2)^n <= .001 needs n = 301 (ln .001 / ln .97725 = 300.2).
    let error = #expect(throws: StatisticsError.self) { try self.grid(["1"], samples: 100) }
    #expect(error?.description.contains("at least 301 samples") == true, "\(error?.description ?? "")")
    let partly = try grid(["0.25", "1"], samples: 100)
    #expect(partly.unreachableRadii.map(\.radius.text) == ["1"])
    #expect(partly.unreachableRadii.map(\.neededTrials) == [301])
  }

  @Test func nestedClaimsKeepTheLevelWhereUnnestedOnesFail() throws {
    // soundness.md 2.5: at p = .70972, the first null exactly, a false claim of a nested grid is a rejection of the first
    // test; enumerate counts at both looks to see that the grid claims exactly then.
    let first = try SequentialTest(
      looks: [100, 1000], alphaSpent: [1.0 / 3000, 2.0 / 3000], nullProbability: 0.70972)
    let second = try SequentialTest(
      looks: [100, 1000], alphaSpent: [1.0 / 3000, 2.0 / 3000], nullProbability: 0.70973)
    #expect(first.looks[1].boundary > second.looks[1].boundary, "boundaries are not monotone in p0")
    let unnested = SequentialTest.crossingProbability(
      looks: [100, 1000], boundaries: zip(first.looks, second.looks).map { min($0.boundary, $1.boundary) },
      probability: 0.70972)
    #expect(unnested > first.alpha && first.exactErrorProbability(0.70972) <= first.alpha)
  }

  @Test func expectedPassesOfOneRadiusAgreeWithTheExactExpectation() throws {
    let grid = try grid(["0.5"])
    let shares = [0.5, 0.7, 0.86, 0.95, 0.999]
    let exact = grid.tests[0].expectedPasses(probabilities: shares)
    let simulated = grid.expectedPasses(probabilities: shares, repetitions: 2_000)
    #expect(abs(simulated - exact) <= 0.05 * exact, "\(simulated) \(exact)")
    #expect(grid.expectedPasses(probabilities: shares) == grid.expectedPasses(probabilities: shares))
    #expect(grid.expectedPasses(probabilities: []).isNaN)
    #expect(grid.expectedPasses(probabilities: [.nan]).isNaN)
  }
}
