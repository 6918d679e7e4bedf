import Statistics
import TestSupport
import Testing

private let dataIsThere = TestData.isAvailable(VectorFile.statistics)

@Suite struct DistributionTests {
  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func normalQuantilesEncloseTheReferenceWithinTwoUnits() throws {
    for row in try VectorFile.rows(VectorFile.statistics, kinds: ["normal_quantile"]) {
      let p = try row.decimal("p")
      let lower = Normal.quantileLower(p)
      let upper = Normal.quantileUpper(p)
      let expected = try row.expected()
      // |value| between the rounded-outward ends; the file's 25 digits decide all but exact ties.
      let exact = expected.magnitude
      if expected.isNegative {
        #expect(-upper <= exact.roundedUp && exact.roundedDown <= -lower, "\(row): \(lower) \(upper)")
      } else {
        #expect(lower <= exact.roundedUp && exact.roundedDown <= upper, "\(row): \(lower) \(upper)")
      }
      #expect(upper <= lower.nextUp.nextUp, "\(row): \(lower) \(upper)")
    }
  }

  @Test func normalBoundsEncloseKnownValues() {
    // Phi(1), Phi(-1), Phi(-10), Phi(-38) from 60-digit arithmetic (mpmath erfc).
    let known: [(x: Double, value: String)] = [
      (1, "0.841344746068542948585232545632"), (-1, "0.158655253931457051414767454368"),
      (-10, "7.6198530241605260659733432516e-24"), (5, "0.999999713348428120806088326248"),
      (-5, "2.86651571879193911673752332875e-7"), (-37, "5.72557122252457682268319254827e-300"),
    ]
    for (x, text) in known {
      guard let exact = try? ExactDecimal(text) else {
        Issue.record("\(text) is no decimal")
        continue
      }
      let lower = Normal.cumulativeLower(x)
      let upper = Normal.cumulativeUpper(x)
      #expect(lower <= exact.roundedUp && exact.roundedDown <= upper, "Phi(\(x)): \(lower) \(upper)")
      #expect(upper <= lower.nextUp.nextUp, "Phi(\(x)): \(lower) \(upper)")
    }
    #expect(Normal.cumulativeLower(.infinity) <= 1 && Normal.cumulativeUpper(.infinity) == 1)
    #expect(Normal.cumulativeLower(-.infinity) == 0 && Normal.cumulativeUpper(-.infinity) == 0)
    #expect(Normal.cumulativeLower(-40) == 0 && Normal.cumulativeUpper(-40) == .leastNonzeroMagnitude)
    #expect(Normal.cumulativeLower(.nan) == 0 && Normal.cumulativeUpper(.nan) == 1)
    #expect(Normal.quantileLower(.nan) == -.infinity && Normal.quantileUpper(.nan) == .infinity)
    #expect(Normal.quantile(0) == -.infinity && Normal.quantile(1) == .infinity && Normal.quantile(2).isNaN)
    #expect(Normal.quantile(0.5) == 0)
  }

  @Test func quantileInvertsTheDistributionFunctionFromBothSides() {
    var generator = SeededGenerator(seed: 21)
    for _ in 0..<400 {
      // Log-uniform in both tails, and around one half.
      let u = Double(generator.next() >> 11) * 0x1p-53
      let tail = Normal.cumulative(-37 * u)
      for p in [tail, 1 - tail, 0.5 + (u - 0.5) * 0x1p-20] where p > 0 && p < 1 {
        let lower = Normal.quantileLower(p)
        let upper = Normal.quantileUpper(p)
        #expect(Normal.cumulativeLower(lower) <= p, "seed 21, p \(p)")
        #expect(Normal.cumulativeUpper(upper) >= p, "seed 21, p \(p)")
        #expect(lower <= upper && upper <= lower.nextUp.nextUp.nextUp, "seed 21, p \(p)")
      }
    }
  }

  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func clopperPearsonLimitsMatchTheReferenceOnTheSafeSide() throws {
    for row in try VectorFile.rows(VectorFile.statistics, kinds: ["cp_lower", "cp_upper"]) {
      let k = try row.int("k")
      let n = try row.int("n")
      let alpha = try row.decimal("alpha").roundedDown
      if row.kind == "cp_lower" {
        try expectBound(ClopperPearson.lower(successes: k, trials: n, alpha: alpha).value, row)
      } else {
        try expectBound(ClopperPearson.upper(successes: k, trials: n, alpha: alpha).value, row)
      }
    }
  }

  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func binomialPValuesMatchTheReferenceOnTheSafeSide() throws {
    let kinds: Set = ["binom_pvalue_two_sided_half", "binom_pvalue_greater"]
    for row in try VectorFile.rows(VectorFile.statistics, kinds: kinds) {
      let n = try row.int("n")
      if row.kind == "binom_pvalue_greater" {
        let tail = Binomial.upperTailRoundedUp(
          atLeast: try row.int("k"), trials: n, probability: try row.decimal("tau"))
        try expectBound(tail, row, tolerance: 1e-15)
      } else {
        try expectBound(Prediction.twoSidedHalf(count: try row.int("count1"), total: n), row, tolerance: 1e-15)
      }
    }
  }

  @Test func binomialTailsEqualExactRationalSums() {
    // Sums of C(n, j) p^j (1-p)^(n-j) for dyadic p in exact integers, all n up to 24.
    for n in 1...24 {
      for eighths in [1, 2, 4, 7] {
        var tail = BigNatural.zero
        for k in (0...n).reversed() {
          var binomial = BigNatural.one
          for i in 0..<k {
            binomial = (binomial * BigNatural(UInt64(n - i))).quotientAndRemainder(dividingBy: UInt64(i + 1)).quotient
          }
          tail = tail + binomial * BigNatural(UInt64(eighths)).power(k) * BigNatural(UInt64(8 - eighths)).power(n - k)
          let exact = ExactRatio(tail, over: BigNatural(8).power(n))
          let p = Double(eighths) / 8
          let up = Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: p)
          let down = Binomial.upperTailRoundedDown(atLeast: k, trials: n, probability: p)
          #expect(down <= exact.roundedUp && up >= exact.roundedDown, "n \(n) k \(k) p \(p)")
          #expect(up <= exact.roundedUp.nextUp && down >= exact.roundedDown.nextDown, "n \(n) k \(k) p \(p)")
        }
      }
    }
  }

  @Test func theTwoTailsAddUpToOne() {
    var generator = SeededGenerator(seed: 22)
    for _ in 0..<300 {
      let n = 1 + Int(generator.next() % 200_000)
      let p = Double(generator.next() >> 11) * 0x1p-53
      let k = min(n, max(1, Int(Double(n) * p) + Int(generator.next() % 401) - 200))
      let above = Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: p)
      let below = Binomial.lowerTailRoundedUp(atMost: k - 1, trials: n, probability: p)
      #expect(above + below >= 1 && above + below <= 1 + 4e-16, "seed 22: n \(n) k \(k) p \(p)")
    }
  }

  @Test func damagedArgumentsNeverMakeATailSmallOrALimitLarge() {
    #expect(Binomial.upperTailRoundedUp(atLeast: 1, trials: 10, probability: .nan) == 1)
    #expect(Binomial.upperTailRoundedUp(atLeast: 0, trials: 0, probability: 0.5) == 1)
    #expect(Binomial.upperTailRoundedUp(atLeast: 5, trials: 10, probability: 1) == 1)
    #expect(Binomial.upperTailRoundedUp(atLeast: 5, trials: 10, probability: 0) == 0)
    for alpha in [0, 1, -1, 2, Double.nan] {
      #expect(ClopperPearson.lower(successes: 10, trials: 10, alpha: alpha).value == 0)
      #expect(ClopperPearson.upper(successes: 0, trials: 10, alpha: alpha).value == 1)
      #expect(Prediction(counts: [1000, 0], alpha: alpha) == .abstain)
      #expect(Prediction.minimumTrials(alpha: alpha) == nil)
    }
    for (k, n) in [(0, 10), (-1, 10), (11, 10), (0, 0)] {
      #expect(ClopperPearson.lower(successes: k, trials: n, alpha: 0.001).value == 0, "\(k) of \(n)")
    }
    #expect(Binomial.leastRejectingCount(trials: 0, probability: 0.5, alpha: 0.001) == nil)
    #expect(Binomial.leastRejectingCount(trials: 100, probability: .nan, alpha: 0.001) == nil)
  }

  @Test func limitsAreTightAndTheirTailsStayBelowAlpha() {
    var generator = SeededGenerator(seed: 23)
    for _ in 0..<150 {
      let n = 1 + Int(generator.next() % 3000)
      let k = 1 + Int(generator.next() % UInt64(n))
      let alpha = [0.001, 0.05, 0.5, 0.9, 1e-30][Int(generator.next() % 5)]
      let limit = ClopperPearson.lower(successes: k, trials: n, alpha: alpha)
      let label = "seed 23: \(k) of \(n) at \(alpha)"
      #expect(Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: limit.value) <= alpha, "\(label)")
      #expect(limit.value + limit.complement <= 1 + 2e-16 && limit.value + limit.complement >= 1 - 2e-16, "\(label)")
      let above = limit.value < 0.5 ? limit.value * (1 + 1e-12) : 1 - limit.complement * (1 - 1e-12)
      if above > limit.value && above < 1 && limit.complement > 1e-3 {
        #expect(Binomial.upperTailRoundedUp(atLeast: k, trials: n, probability: above) > alpha, "\(label)")
      }
    }
  }

  @Test func predictionAbstainsUnlessTheCountsDecide() {
    // P(two-sided) for 66 and 67 of 100 is 0.00179 and 0.00087 (reference rows V115, V116).
    #expect(Prediction(counts: [34, 66, 0], alpha: 0.001) == .abstain)
    #expect(Prediction(counts: [33, 67, 0], alpha: 0.001) == .certain(1))
    #expect(Prediction(counts: [10, 0], alpha: 0.001) == .abstain)
    #expect(Prediction(counts: [11, 0], alpha: 0.001) == .certain(0))
    #expect(Prediction(counts: [], alpha: 0.001) == .abstain)
    #expect(Prediction(counts: [0, 0], alpha: 0.001) == .abstain)
    #expect(Prediction(counts: [500, 500], alpha: 0.9) == .abstain)
    #expect(Prediction.minimumTrials(alpha: 0.001) == 11)
  }
}
