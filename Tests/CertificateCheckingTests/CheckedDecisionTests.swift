import CertificateChecking
import TestSupport
import Testing

@Suite struct CheckedDecisionTests {
  /// Whether k of n votes exclude p <= bound at level alpha.
  private func excludes(_ bound: ExactRational, votes: Int, samples: Int, alpha: ExactRational) -> Bool {
    (try? CheckedFixedSampling.verify(lowerBound: bound, votes: votes, samples: samples, alpha: alpha)) != nil
  }

  /// Each row's bound, given with 25 digits, is accepted when lowered by 1e-20 of itself and refused when raised by it:
  /// the decision is sharp and falls on the right side.
  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func clopperPearsonBoundsAreDecidedOnTheRightSide() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.smoothing, "cp_lower")
    let margin = try rational("1e-20")
    for row in rows {
      let (votes, samples, alpha) = (row.integer("k"), row.integer("n"), try row.number("alpha"))
      let bound = try rational(row.value)
      #expect(excludes(bound - bound * margin, votes: votes, samples: samples, alpha: alpha), "\(row)")
      let beyond = bound == .zero ? margin : bound + bound * margin
      #expect(!excludes(beyond, votes: votes, samples: samples, alpha: alpha), "\(row)")
    }
    #expect(rows.count == 38)
  }

  /// U(k, n, alpha) = 1 - L(n - k, n, alpha).
  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func upperBoundsFollowByExchangingTheClasses() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.smoothing, "cp_upper")
    let margin = try rational("1e-18")
    for row in rows {
      let (votes, samples, alpha) = (row.integer("n") - row.integer("k"), row.integer("n"), try row.number("alpha"))
      let bound = .one - (try rational(row.value))
      #expect(excludes(bound - margin, votes: votes, samples: samples, alpha: alpha), "\(row)")
      #expect(!excludes(bound + margin, votes: votes, samples: samples, alpha: alpha), "\(row)")
    }
    #expect(rows.count == 9)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func theLeastCountThatCertifiesIsThePublishedOne() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.smoothing, "certify_min_k")
    for row in rows {
      let (samples, alpha) = (row.integer("n"), try row.number("alpha"))
      let least = try #require(Int(row.value))
      #expect(excludes(.half, votes: least, samples: samples, alpha: alpha), "\(row)")
      #expect(!excludes(.half, votes: least - 1, samples: samples, alpha: alpha), "\(row)")
    }
    #expect(rows.count == 4)
  }

  /// Published radii, without the table's error: accepted just below the value, refused just above.
  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func radiiAreDecidedOnTheRightSide() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.smoothing, "radius_gaussian_l2")
    let margin = try rational("1e-18")
    for row in rows {
      let radius = try rational(row.value)
      func certifies(_ radius: ExactRational, tau: ExactRational) throws -> Bool {
        (try? CheckedFixedSampling.verify(
          radius: radius, sigma: row.number("sigma"), totalVariation: tau, votes: row.integer("k"),
          samples: row.integer("n"), alpha: row.number("alpha"))) != nil
      }
      #expect(try certifies(radius - margin, tau: .zero), "\(row)")
      #expect(try !certifies(radius + margin, tau: .zero), "\(row)")
      // With the table's error the same radius is too large.
      #expect(try !certifies(radius - margin, tau: rational("8e-12")), "\(row)")
    }
    #expect(rows.count == 11)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func theNullWithTheTablesErrorEnclosesThePublishedOne() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "null_with_tv")
    let tau = CheckedNull.totalVariation(dimension: 150_528, half: 1020)
    let digit = try rational("1e-22")
    for row in rows {
      let null = try CheckedNull.probability(
        radius: row.number("r"), sigma: row.number("sigma"), totalVariation: tau)
      let value = try rational(row.value)
      #expect((null.upper - value).magnitude <= digit, "\(row)")
      #expect(null.lower <= null.upper && null.upper - null.lower <= powerOfTwo(-180), "\(row)")
      // The note ends with the value without tau.
      let plain = try CheckedNull.probability(
        radius: row.number("r"), sigma: row.number("sigma"), totalVariation: .zero)
      let without = try rational(String(try #require(row.note.split(separator: " ").last)))
      #expect((plain.upper - without).magnitude <= digit && plain.upper < null.lower, "\(row)")
    }
    #expect(rows.count == 5)
  }

  @Test func nullsThatMakeNoSenseAreRefused() throws {
    func null(_ radius: String, _ sigma: String, _ tau: String) throws -> ExactEnclosure {
      try CheckedNull.probability(radius: rational(radius), sigma: rational(sigma), totalVariation: rational(tau))
    }
    #expect(throws: StatisticsRejection.self) { try null("-0.1", "0.5", "0") }
    #expect(throws: StatisticsRejection.self) { try null("0.1", "0", "0") }
    #expect(throws: StatisticsRejection.self) { try null("0.1", "0.5", "0.3") }
    #expect(try null("100", "0.5", "1e-10").upper == .one)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func theIntegerBallIsThePublishedOne() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "integer_ball")
    for row in rows {
      let radius = try row.number("r")
      let levels = try #require(Int(row.value))
      #expect(CheckedNull.squaredLevels(radius: radius) == levels, "\(row)")
      try CheckedFixedSampling.verify(squaredLevels: levels, radius: radius)
      #expect(throws: StatisticsRejection.self) {
        try CheckedFixedSampling.verify(squaredLevels: levels + 1, radius: radius)
      }
    }
    #expect(rows.count == 6)
    // The double below 1 does not reach 65,025.
    #expect(CheckedNull.squaredLevels(radius: try ExactRational(exactly: (1.0).nextDown)) == 65_024)
  }

  @Test func countsAndLevelsThatMakeNoSenseAreRefused() {
    let third = ExactRational(1, over: 3)
    let level = ExactRational(1, over: 1000)
    #expect(!excludes(third, votes: 11, samples: 10, alpha: level))
    #expect(!excludes(third, votes: -1, samples: 10, alpha: level))
    #expect(!excludes(third, votes: 0, samples: 0, alpha: level))
    #expect(!excludes(third, votes: 10, samples: 10, alpha: .zero))
    #expect(!excludes(third, votes: 10, samples: 10, alpha: .one))
    #expect(throws: StatisticsRejection.self) {
      try CheckedFixedSampling.verify(
        radius: .zero, sigma: .half, totalVariation: .zero, votes: 1000, samples: 1000, alpha: level)
    }
  }

  /// 66 of 100 has a p-value of 0.00179, 67 of 100 one of 0.00087.
  @Test func predictionAnswersOnlyBelowItsLevel() throws {
    let level = ExactRational(1, over: 1000)
    try CheckedPrediction.verifyAnswer(topVotes: 67, secondVotes: 33, alpha: level)
    #expect(throws: StatisticsRejection.self) {
      try CheckedPrediction.verifyAnswer(topVotes: 66, secondVotes: 34, alpha: level)
    }
    #expect(try CheckedPrediction.pValueBound(topVotes: 5, secondVotes: 5) == .one)
    #expect(try CheckedPrediction.pValueBound(topVotes: 0, secondVotes: 0) == .one)
    #expect(throws: StatisticsRejection.self) { try CheckedPrediction.pValueBound(topVotes: 3, secondVotes: 4) }
  }
}
