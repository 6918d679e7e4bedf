// The cost of sequential certification on the shares of a published run (Cohen et al., ImageNet, sigma 0.5): pA is
// Phi(radius / sigma), an abstention counts as 1/2, wrong classes included. Votes are simulated as binomial increments.

import Statistics
import TestSupport
import Testing

private let file = "smoothing/cohen/certify_imagenet_resnet50_train0.50_sigma0.50.tsv"

@Suite struct PublishedShareTests {
  /// Passes of smoothing.md 2.9 (d), and how far the certified fraction may fall short of fixed sampling.
  private static let targets: [(radius: String, passes: Double, loss: Double)] = [
    ("0.5", 1_688, 0.005), ("1.0", 2_951, 0.005), ("1.5", 10_660, 0.005), ("1.8", 26_209, 0.01),
  ]

  private func publishedShares() throws -> [Double] {
    try TestData.lines(TestData.path(file)).dropFirst().map { line in
      let fields = line.split(separator: "\t")
      let radius = try ExactDecimal(String(fields[3])).nearest
      return fields[2] == "-1" ? 0.5 : Normal.cumulative(radius / 0.5)
    }
  }

  @Test(
    .enabled(if: TestData.isAvailable(file), "data/\(file) is missing"),
    arguments: [SequentialSchedule.standard, .geometric])
  func sequentialSamplingSavesWhatThePublishedSharesPromise(schedule: SequentialSchedule) throws {
    let shares = try publishedShares()
    #expect(shares.count == 500)
    let n = 100_000
    let alpha = try ExactDecimal("0.001")
    let sigma = try ExactDecimal("0.5")
    let repetitions = 10
    let looks = schedule.looks(maximumTrials: n, alpha: alpha.roundedDown).map(\.trials)
    // One set of simulated votes serves every radius and both ways of sampling.
    var generator = SeededGenerator(seed: 2019)
    let votes = shares.flatMap { share in
      let samplers = zip(looks, [0] + looks).map { BinomialSampler(trials: $0 - $1, probability: share) }
      return (0..<repetitions).map { _ in
        var k = 0
        return samplers.map { sampler in
          k += sampler.count(uniform: Double(generator.next() >> 11) * 0x1p-53)
          return k
        }
      }
    }
    for target in Self.targets {
      let radius = try ExactDecimal(target.radius)
      let grid = try SequentialGrid(
        radii: [radius], sigma: sigma, totalVariation: 0, alpha: alpha, maximumTrials: n, schedule: schedule)
      let test = grid.tests[0]
      let fixedBoundary = try #require(
        Binomial.leastRejectingCount(trials: n, probability: test.nullProbability, alpha: alpha.roundedDown))
      var passes = 0
      var sequential = 0
      var fixed = 0
      for counts in votes {
        var progress = grid.start
        for (look, k) in counts.enumerated() {
          let decision = try grid.update(&progress, look: look, successes: k)
          if decision.stop != nil {
            passes += grid.looks[look]
            sequential += decision.certifiedCount
            break
          }
        }
        fixed += counts[counts.count - 1] >= fixedBoundary ? 1 : 0
      }
      let runs = Double(votes.count)
      let mean = Double(passes) / runs
      let loss = abs(Double(sequential) - Double(fixed)) / runs
      let report =
        "seed 2019, \(schedule.name), r \(target.radius): \(mean) passes, certified \(Double(sequential) / runs) "
        + "against \(Double(fixed) / runs) with fixed n"
      print(report)
      #expect(mean <= 1.1 * target.passes, "\(report)")
      #expect(loss <= target.loss, "\(report)")
      #expect(test.exactErrorProbability(test.nullProbability) <= 0.001, "r \(target.radius)")
      // The exact expectation agrees with the simulated mean (a few inputs near p0 that use all samples make it noisy).
      let exact = test.expectedPasses(probabilities: shares)
      #expect(abs(exact - mean) <= 0.1 * exact, "\(report), exact \(exact)")
    }
  }
}
