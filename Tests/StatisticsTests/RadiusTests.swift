import Statistics
import TestSupport
import Testing

private let dataIsThere = TestData.isAvailable(VectorFile.statistics)
private let soundnessIsThere = TestData.isAvailable(VectorFile.soundness)

private func limit(_ row: Vector) throws -> ProportionLimit {
  ClopperPearson.lower(
    successes: try row.int("k"), trials: try row.int("n"), alpha: try row.decimal("alpha").roundedDown)
}

@Suite struct RadiusTests {
  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func radiiMatchTheReferenceFromBelow() throws {
    let kinds: Set = [
      "radius_gaussian_l2", "radius_gaussian_l2_top2", "radius_gaussian_linf", "radius_uniform_l1", "radius_laplace_l1",
      "radius_uniform_linf", "radius_irs", "kt_confseq_lower",
    ]
    for row in try VectorFile.rows(VectorFile.statistics, kinds: kinds) {
      switch row.kind {
      case "radius_gaussian_l2":
        try expectBound(
          GaussianCertificate.radius(limit: try limit(row), sigma: try row.decimal("sigma"), totalVariation: 0), row)
      case "radius_gaussian_l2_top2":
        let half = try row.decimal("alpha").roundedDown / 2
        let n = try row.int("n")
        try expectBound(
          GaussianCertificate.radius(
            top: ClopperPearson.lower(successes: try row.int("kA"), trials: n, alpha: half),
            rival: ClopperPearson.upper(successes: try row.int("kB"), trials: n, alpha: half),
            sigma: try row.decimal("sigma"), totalVariation: 0), row)
      case "radius_gaussian_linf":
        let radius = GaussianCertificate.radius(
          limit: try limit(row), sigma: try row.decimal("sigma"), totalVariation: 0)
        let d = try row.int("d")
        try expectBound(radius.flatMap { RadiusFormulas.linf(fromL2: $0, dimensions: d) }, row)
      case "radius_uniform_l1":
        try expectBound(RadiusFormulas.uniformL1(limit: try limit(row), scale: try row.decimal("lambda")), row)
      case "radius_laplace_l1":
        try expectBound(RadiusFormulas.laplaceL1(limit: try limit(row), scale: try row.decimal("lambda")), row)
      case "radius_uniform_linf":
        try expectBound(
          RadiusFormulas.uniformLinf(
            limit: try limit(row), scale: try row.decimal("lambda"), dimensions: try row.int("d")), row)
      case "radius_irs":
        let changed = RadiusFormulas.limitAfterChange(
          original: try limit(row), changedVotes: try row.int("disagree"), replayedVotes: try row.int("n_zeta"),
          alphaChange: try row.decimal("alpha_zeta").roundedDown)
        try expectBound(
          GaussianCertificate.radius(limit: changed, sigma: try row.decimal("sigma"), totalVariation: 0), row)
      default:
        let lower = ConfidenceSequence.lower(
          successes: try row.int("k"), trials: try row.int("n"), alpha: try row.decimal("alpha").roundedDown)
        try expectBound(lower.value, row)
      }
    }
  }

  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func countsAndCombinatorialThresholdsMatchTheReference() throws {
    let kinds: Set = [
      "certify_min_k", "dssn_l1_numerator", "radius_l0_ablation", "l0_ablation_delta", "l0_discrete_threshold",
      "patch_band_affected", "median_smoothing_upper_index", "linf_from_l2_pixels",
    ]
    for row in try VectorFile.rows(VectorFile.statistics, kinds: kinds) {
      switch row.kind {
      case "certify_min_k":
        let k = Binomial.leastRejectingCount(
          trials: try row.int("n"), probability: 0.5, alpha: try row.decimal("alpha").roundedDown)
        #expect(k == Int(row.value), "\(row)")
      case "dssn_l1_numerator":
        let numerator = RadiusFormulas.splittingL1Numerator(
          topVotes: try row.int("nA"), rivalVotes: try row.int("nB"), top: try row.int("idxA"),
          rival: try row.int("idxB"))
        #expect(numerator == Int(row.value), "\(row)")
      case "radius_l0_ablation":
        let pixels = AblationThresholds.certifiedPixels(
          dimensions: try row.int("d"), kept: try row.int("keep"), lowerLimit: try row.decimal("pA"))
        #expect(pixels == Int(row.value), "\(row)")
      case "l0_ablation_delta":
        let delta = AblationThresholds.ablationDelta(
          dimensions: try row.int("d"), kept: try row.int("keep"), changed: try row.int("rho"))
        try expectBound(delta, row, tolerance: 1e-15)
      case "l0_discrete_threshold":
        // keep_prob is written as tenths: "2/10".
        let keep = try ExactDecimal(String(try row.text("keep_prob").split(separator: "/")[0]) + "e-1")
        let threshold = AblationThresholds.discreteThreshold(
          keep: keep, otherValues: try row.int("K"), changed: try row.int("r"))
        try expectBound(threshold, row, tolerance: 1e-15)
      case "patch_band_affected":
        let affected = PatchCounts.affectedBands(
          width: try row.int("w"), patch: try row.int("patch"), band: try row.int("band"),
          stride: try row.int("stride"))
        #expect(affected == Int(row.value), "\(row)")
      case "median_smoothing_upper_index":
        let index = RadiusFormulas.medianUpperIndex(
          trials: try row.int("n"), radius: try row.decimal("eps_over_sigma"), sigma: ExactDecimal(1),
          totalVariation: 0, alpha: try row.decimal("alpha").roundedDown)
        #expect(index == Int(row.value), "\(row)")
      default:
        let steps = RadiusFormulas.largestLinfPixelSteps(
          sigma: try row.decimal("sigma"), trials: try row.int("n"), alpha: try row.decimal("alpha").roundedDown,
          dimensions: try row.int("d"))
        try expectBound(steps, row, side: "down")
      }
    }
  }

  @Test(.enabled(if: soundnessIsThere, "data/soundness/vectors.csv is missing"))
  func nullProbabilitiesAndIntegerBallsMatchTheReference() throws {
    for row in try VectorFile.rows(VectorFile.soundness, kinds: ["null_with_tv", "integer_ball"]) {
      let radius = try row.decimal("r")
      if row.kind == "integer_ball" {
        #expect(IntegerBall.squaredRadius(radius) == Int(row.value), "\(row)")
      } else {
        // tau=150528*1020*2^-64, a binary number.
        let tau = 150_528.0 * 1020 * 0x1p-64
        #expect(try row.text("tau") == "150528*1020*2^-64")
        let null = GaussianCertificate.nullProbability(
          radius: radius, sigma: try row.decimal("sigma"), totalVariation: tau)
        // Twenty-two digits are given; the result is at most two units above.
        let exact = try row.expected().magnitude
        #expect(null >= exact.roundedDown && null <= exact.roundedUp.nextUp, "\(row): \(null)")
      }
    }
  }

  @Test func integerBallsOfBinaryRadiiAreExact() {
    #expect(IntegerBall.squaredRadius(1.0) == 65_025)
    #expect(IntegerBall.squaredRadius(1.0.nextDown) == 65_024)
    #expect(IntegerBall.squaredRadius(0.0) == 0)
    #expect(IntegerBall.squaredRadius(Double.nan) == nil)
    #expect(IntegerBall.squaredRadius(-1.0) == nil)
    #expect(IntegerBall.squaredRadius(1e300) == nil)
    #expect(IntegerBall.squaredRadius(Double.leastNonzeroMagnitude) == 0)
  }

  @Test func theTotalVariationIsPaidTwiceAndRadiusAndNullAgree() throws {
    let tau = 150_528.0 * 1020 * 0x1p-64
    let sigma = try ExactDecimal("0.5")
    var generator = SeededGenerator(seed: 31)
    for _ in 0..<100 {
      let k = 50_600 + Int(generator.next() % 49_401)
      let limit = ClopperPearson.lower(successes: k, trials: 100_000, alpha: 0.001)
      let free = try #require(GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: 0))
      let paid = try #require(GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: tau))
      // Both terms cost at least sigma tau / phi(0) each.
      #expect(paid < free - 2 * 0.5 * tau * 2.506, "seed 31, k \(k)")
      // The null share of the certified radius must not exceed the proven share.
      let null = GaussianCertificate.nullProbability(
        radius: try ExactDecimal("\(paid)"), sigma: sigma, totalVariation: tau)
      #expect(null <= limit.value + 4e-16, "seed 31, k \(k): \(null) \(limit.value)")
      // Two classes with the rival at one minus the top share: never more than the one-class radius.
      let rival = ProportionLimit(value: limit.complement, complement: limit.value)
      let both = try #require(
        GaussianCertificate.radius(top: limit, rival: rival, sigma: sigma, totalVariation: tau))
      #expect(both <= paid * (1 + 1e-9) && both > paid - 1e-9, "seed 31, k \(k): \(both) \(paid)")
    }
  }

  @Test func nothingIsCertifiedAtOrBelowOneHalf() throws {
    let sigma = try ExactDecimal("0.5")
    let half = ProportionLimit(value: 0.5, complement: 0.5)
    let none = ProportionLimit(value: 0, complement: 1)
    let broken = ProportionLimit(value: .nan, complement: .nan)
    for limit in [half, none, broken] {
      #expect(GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: 0) == nil)
      #expect(RadiusFormulas.uniformL1(limit: limit, scale: sigma) == nil)
      #expect(RadiusFormulas.laplaceL1(limit: limit, scale: sigma) == nil)
      #expect(RadiusFormulas.uniformLinf(limit: limit, scale: sigma, dimensions: 10) == nil)
      #expect(AblationThresholds.certifiedPixels(dimensions: 784, kept: 45, lowerLimit: limit.value) == 0)
    }
    let sure = ClopperPearson.lower(successes: 1000, trials: 1000, alpha: 0.001)
    #expect(GaussianCertificate.radius(limit: sure, sigma: sigma, totalVariation: .nan) == nil)
    #expect(GaussianCertificate.radius(limit: sure, sigma: ExactDecimal(0), totalVariation: 0) == nil)
    #expect(
      GaussianCertificate.nullProbability(radius: ExactDecimal(1), sigma: ExactDecimal(0), totalVariation: 0) == 1)
    #expect(GaussianCertificate.nullProbability(radius: ExactDecimal(1), sigma: sigma, totalVariation: .nan) == 1)
  }

  @Test func tooFewSamplesAreNamedWithTheNeededNumber() throws {
    // Phi(1) = 0.8413...: 0.8413^39 = 0.00118 and 0.8413^40 = 0.00099.
    let null = GaussianCertificate.nullProbability(
      radius: try ExactDecimal("0.5"), sigma: try ExactDecimal("0.5"), totalVariation: 0)
    #expect(GaussianCertificate.minimumTrials(nullProbability: null, alpha: 0.001) == 40)
    #expect(Binomial.leastRejectingCount(trials: 39, probability: null, alpha: 0.001) == nil)
    #expect(Binomial.leastRejectingCount(trials: 40, probability: null, alpha: 0.001) == 40)
    #expect(GaussianCertificate.minimumTrials(nullProbability: 1, alpha: 0.001) == nil)
  }

  @Test func affectedBandsAreCountedAroundTheSeam() {
    // Six columns, patch 2, bands of 2 at 0, 2, 4: an odd patch offset touches two bands.
    #expect(PatchCounts.affectedBands(width: 6, patch: 2, band: 2, stride: 2) == 2)
    // A patch as wide as the image touches everything.
    #expect(PatchCounts.affectedBands(width: 6, patch: 6, band: 1, stride: 1) == 6)
    #expect(PatchCounts.affectedBands(width: 6, patch: 7, band: 1, stride: 1) == nil)
    #expect(PatchCounts.affectedBlocks(width: 32, height: 32, patch: 5, block: 12, stride: 1) == 256)
    #expect(PatchCounts.isCertified(votes: [10, 4], top: 0, affected: 3))
    #expect(!PatchCounts.isCertified(votes: [4, 10], top: 1, affected: 3), "ties go to the lower index")
    #expect(PatchCounts.isCertified(votes: [3, 10], top: 1, affected: 3))
  }
}
