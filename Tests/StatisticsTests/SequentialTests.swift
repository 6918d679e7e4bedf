import Statistics
import TestSupport
import Testing

private let dataIsThere = TestData.isAvailable(VectorFile.statistics)
private let soundnessIsThere = TestData.isAvailable(VectorFile.soundness)

/// "1/3000|.0002" as numbers.
private func numbers(_ text: String) throws -> [Double] {
  try text.split(separator: "|").map { part in
    let fraction = try part.split(separator: "/").map { try ExactDecimal(String($0)).nearest }
    return fraction.count == 2 ? fraction[0] / fraction[1] : fraction[0]
  }
}

private func cumulative(_ values: [Double]) -> [Double] {
  var sum = 0.0
  return values.map { value in
    sum += value
    return sum
  }
}

@Suite struct SequentialTests {
  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func boundariesMatchTheReference() throws {
    for row in try VectorFile.rows(VectorFile.statistics, kinds: ["group_sequential_boundary"]) {
      let test = try SequentialTest(
        looks: try row.text("n").split(separator: "|").compactMap { Int($0) },
        alphaSpent: cumulative(try numbers(try row.text("spend"))),
        nullProbability: try row.decimal("p0").nearest)
      #expect(test.looks.map { String($0.boundary) }.joined(separator: "|") == row.value, "\(row)")
      // "... exact type-I spent 9.910317e-04 (float64 convolution)"; the note is the last field of these rows.
      #expect(test.spent <= test.alpha, "\(row)")
      #expect(test.exactErrorProbability(test.nullProbability) <= test.alpha, "\(row)")
    }
  }

  @Test(.enabled(if: soundnessIsThere, "data/soundness/vectors.csv is missing"))
  func boundariesAndSpentLevelsMatchTheSoundnessRows() throws {
    // Spent levels as the notes of S100 ... S103 give them.
    let spentLevels = [
      "S100": 6.053641e-04, "S101": 5.895077e-04, "S102": 9.375231215e-04, "S103": 9.375231284e-04,
    ]
    for row in try VectorFile.rows(VectorFile.soundness, kinds: ["group_sequential"]) {
      let test = try SequentialTest(
        looks: try row.text("n").split(separator: "|").compactMap { Int($0) },
        alphaSpent: cumulative(try numbers(try row.text("spend"))),
        nullProbability: try row.decimal("p0").nearest)
      #expect(test.looks.map { String($0.boundary) }.joined(separator: "|") == row.value, "\(row)")
      let spent = try #require(spentLevels[row.id])
      #expect(abs(test.spent - spent) <= 1e-6 * spent, "\(row): \(test.spent)")
      let error = test.exactErrorProbability(test.nullProbability)
      #expect(abs(error - test.spent) <= 1e-8 * spent, "\(row): \(error)")
    }
    let unnested = try #require(try VectorFile.rows(VectorFile.soundness, kinds: ["unnested_level"]).first)
    // Rejecting either of the two nulls means 86 of 100 or 757 of 1000.
    let level = SequentialTest.crossingProbability(looks: [100, 1000], boundaries: [86, 757], probability: 0.70972)
    let expected = try ExactDecimal(unnested.value).nearest
    #expect(abs(level - expected) <= 1e-6 * expected, "\(unnested): \(level)")
    #expect(level > 2.0 / 3000, "without nesting the level fails")
  }

  @Test(.enabled(if: dataIsThere, "data/smoothing/statistics_vectors.csv is missing"))
  func peekingWithoutCorrectionErrsAsOftenAsPublished() throws {
    let row = try #require(
      try VectorFile.rows(VectorFile.statistics, kinds: ["peeking_error_uncorrected"]).first)
    let p0 = try row.decimal("p0").nearest
    let alpha = try row.decimal("alpha").roundedDown
    let batch = try row.int("batch")
    let looks = Array(stride(from: batch, through: try row.int("max_n"), by: batch))
    let boundaries = looks.map {
      Binomial.leastRejectingCount(trials: $0, probability: p0, alpha: alpha) ?? $0 + 1
    }
    let error = SequentialTest.crossingProbability(looks: looks, boundaries: boundaries, probability: p0)
    // The row is cut to four digits: 0.01238748 (also by convolution in NumPy) stands there as 0.01238.
    let printed = try ExactDecimal(row.value).nearest
    #expect(error >= printed && error < printed + 1e-5, "\(row): \(error)")
  }

  @Test(arguments: [SequentialSchedule.standard, .geometric])
  func theLevelHoldsAtAndBelowTheNullForEverySchedule(schedule: SequentialSchedule) throws {
    for (n, p0) in [(100_000, 0.8413447460819147), (100_000, 0.5), (1_000, 0.97725), (10_000, 0.6914624612896817)] {
      let test = try SequentialTest(maximumTrials: n, alpha: 0.001, nullProbability: p0, schedule: schedule)
      #expect(test.spent <= 0.001)
      let atNull = test.exactErrorProbability(p0)
      #expect(atNull <= 0.001 && atNull > 0.0004, "n \(n) p0 \(p0): \(atNull)")
      #expect(atNull <= test.spent * (1 + 1e-8), "n \(n) p0 \(p0): \(atNull) \(test.spent)")
      for below in [0.999, 0.99, 0.9, 0.5] {
        #expect(test.exactErrorProbability(p0 * below) <= atNull, "n \(n) p0 \(p0) p \(p0 * below)")
      }
      // Each boundary is the least: one vote fewer at any look breaks that look's cumulative level.
      let planned = schedule.looks(maximumTrials: n, alpha: 0.001)
      for index in test.looks.indices where test.looks[index].boundary <= test.looks[index].trials {
        var boundaries = test.looks.prefix(index + 1).map(\.boundary)
        boundaries[index] -= 1
        let error = SequentialTest.crossingProbability(
          looks: Array(planned.prefix(index + 1).map(\.trials)), boundaries: boundaries, probability: p0)
        #expect(error > planned[index].alphaSpent * (1 - 1e-8), "n \(n) p0 \(p0) look \(index): \(error)")
      }
    }
  }

  @Test func looksAreRoundedUpAndDuplicatesPassTheirShareOn() {
    let full = SequentialSchedule.standard.looks(maximumTrials: 100_000, alpha: 0.001)
    #expect(full.map(\.trials) == [200, 1_000, 5_000, 20_000, 50_000, 100_000])
    for (look, percent) in zip(full, [2.0, 5, 10, 20, 30, 100]) {
      #expect(look.alphaSpent <= 0.001 * percent / 100 && look.alphaSpent > 0.001 * percent / 100 * (1 - 1e-15))
    }
    let tiny = SequentialSchedule.standard.looks(maximumTrials: 101, alpha: 0.001)
    // .202 1.01 5.05 20.2 50.5 101
    #expect(tiny.map(\.trials) == [1, 2, 6, 21, 51, 101])
    let merged = SequentialSchedule.standard.looks(maximumTrials: 100, alpha: 0.001)
    #expect(merged.map(\.trials) == [1, 5, 20, 50, 100])
    #expect(abs(merged[0].alphaSpent - 0.00005) < 1e-18, "the first two looks coincide and share 5 %")
    #expect(SequentialSchedule.standard.looks(maximumTrials: 1, alpha: 0.5).map(\.trials) == [1])
    #expect(throws: StatisticsError.self) {
      try SequentialSchedule(name: "short", partsPerMillion: [500_000], sharesPercent: [100])
    }
    #expect(throws: StatisticsError.self) {
      try SequentialSchedule(name: "lavish", partsPerMillion: [500_000, 1_000_000], sharesPercent: [50, 60])
    }
  }

  @Test func convolutionAgreesWithDirectEnumerationOfPaths() throws {
    // Two looks at 3 and 6 with boundaries 3 and 5: enumerate all 64 outcomes at p = 3/4 in exact 4096ths.
    var crossing = 0
    for path in 0..<64 {
      let bits = (0..<6).map { path >> $0 & 1 }
      let weight = bits.reduce(1) { $0 * ($1 == 1 ? 3 : 1) }
      if bits[0..<3].reduce(0, +) >= 3 || bits.reduce(0, +) >= 5 { crossing += weight }
    }
    let exact = Double(crossing) / 4096
    let computed = SequentialTest.crossingProbability(looks: [3, 6], boundaries: [3, 5], probability: 0.75)
    #expect(computed >= exact && computed <= exact * (1 + 3e-9))
  }

  @Test func operationAgreesWithSimulation() throws {
    let test = try SequentialTest(maximumTrials: 5_000, alpha: 0.001, nullProbability: 0.8413447460819147)
    var generator = SeededGenerator(seed: 41)
    for p in [0.5, 0.83, 0.86, 0.9, 1] {
      let operation = test.operation(at: p)
      let samplers = zip(test.looks, [0] + test.looks.map(\.trials)).map {
        BinomialSampler(trials: $0.trials - $1, probability: p)
      }
      let runs = 4_000
      var trials = 0.0
      var squares = 0.0
      var rejected = 0.0
      for _ in 0..<runs {
        var k = 0
        for (j, sampler) in samplers.enumerated() {
          k += sampler.count(uniform: Double(generator.next() >> 11) * 0x1p-53)
          let isRejected = test.rejects(look: j, successes: k)
          if isRejected || test.isFutile(look: j, successes: k) {
            rejected += isRejected ? 1 : 0
            let n = Double(test.looks[j].trials)
            trials += n
            squares += n * n
            break
          }
        }
      }
      let mean = trials / Double(runs)
      let deviation = max(0, squares / Double(runs) - mean * mean).squareRoot() / Double(runs).squareRoot()
      #expect(abs(mean - operation.expectedTrials) <= 4.5 * deviation + 1e-6, "seed 41 p \(p): \(mean) \(operation)")
      let power = operation.rejectionProbability
      let spread = (max(power * (1 - power), 0) / Double(runs)).squareRoot()
      #expect(abs(rejected / Double(runs) - power) <= 4.5 * spread + 1e-3, "seed 41 p \(p): \(rejected) \(operation)")
      #expect(power <= test.exactErrorProbability(p) * (1 + 1e-12), "futility can only lower the power")
    }
  }

  @Test func futilityIsThePredictiveChanceOfReachingTheLastBoundary() throws {
    // Independent check: the beta-binomial chance of c - k or more successes in the N - n trials to come, every rate being
    // equally likely, from P[m more] = C(R, m) B(k + m + 1, N - k - m + 1) / B(k + 1, n - k + 1) by its ratios.
    let test = try SequentialTest(maximumTrials: 1_000, alpha: 0.001, nullProbability: 0.8413447460819147)
    let end = test.maximumTrials
    let c = test.looks[test.looks.count - 1].boundary
    func chance(_ k: Int, of n: Int) -> Double {
      let rest = end - n
      var masses = [1.0]
      for m in 0..<rest {
        let ratio =
          Double(rest - m) / Double(m + 1) * (Double(k + m + 1) / Double(end - k - m))
        // Rescaled against overflow; only proportions count.
        masses.append(masses[m] * ratio)
        if masses[m + 1] > 1e200 { masses = masses.map { $0 * 1e-200 } }
      }
      let total = masses.reduce(0, +)
      return masses.dropFirst(max(0, c - k)).reduce(0, +) / total
    }
    for (index, look) in test.looks.dropLast().enumerated() {
      for k in 0...look.trials {
        let expected = chance(k, of: look.trials)
        if abs(expected - 0.001) < 1e-9 { continue }
        #expect(test.isFutile(look: index, successes: k) == (expected < 0.001), "\(k) of \(look.trials): \(expected)")
      }
    }
  }

  @Test func damagedNullsAndCountsNeverReject() throws {
    for p0 in [1, 2, -1, Double.nan] {
      let test = try SequentialTest(maximumTrials: 1_000, alpha: 0.001, nullProbability: p0)
      #expect(!test.canReject)
      for index in test.looks.indices {
        #expect(!test.rejects(look: index, successes: test.looks[index].trials))
        #expect(test.isFutile(look: index, successes: test.looks[index].trials))
      }
    }
    let test = try SequentialTest(maximumTrials: 1_000, alpha: 0.001, nullProbability: 0.6)
    #expect(!test.rejects(look: 5, successes: 1_001))
    #expect(test.rejects(look: 5, successes: 1_000))
    #expect(!test.rejects(look: 5, successes: 0))
    #expect(test.isFutile(look: 1, successes: 0) && !test.isFutile(look: 1, successes: 10))
    #expect(test.exactErrorProbability(.nan) == 1)
    #expect(test.exactErrorProbability(1) == 1 && test.exactErrorProbability(0) == 0)
    for alpha in [0, -1, 1, Double.nan] {
      #expect(throws: StatisticsError.self) {
        try SequentialTest(maximumTrials: 1_000, alpha: alpha, nullProbability: 0.6)
      }
    }
    #expect(throws: StatisticsError.self) {
      try SequentialTest(maximumTrials: 0, alpha: 0.001, nullProbability: 0.6)
    }
  }

  @Test func aLookWithoutAShareSpendsNothingMore() throws {
    // All of alpha on the first look: the second can reject nothing new, and the total stays below alpha.
    let schedule = try SequentialSchedule(
      name: "front", partsPerMillion: [500_000, 1_000_000], sharesPercent: [100, 0])
    let test = try SequentialTest(maximumTrials: 2_000, alpha: 0.001, nullProbability: 0.7, schedule: schedule)
    #expect(test.spent <= 0.001)
    #expect(test.exactErrorProbability(0.7) <= 0.001)
    let back = try SequentialSchedule(
      name: "back", partsPerMillion: [500_000, 1_000_000], sharesPercent: [0, 100])
    let late = try SequentialTest(maximumTrials: 2_000, alpha: 0.001, nullProbability: 0.7, schedule: back)
    #expect(late.looks[0].boundary == 1_001, "a look with no alpha can never reject")
    // The last look then is the fixed test.
    #expect(late.looks[1].boundary == Binomial.leastRejectingCount(trials: 2_000, probability: 0.7, alpha: 0.001))
  }

  #if !DEBUG
    @Test func planningForAHundredThousandSamplesIsQuick() throws {
      for p0 in [0.5, 0.84, 0.999] {
        let time = try ContinuousClock().measure {
          _ = try SequentialTest(maximumTrials: 100_000, alpha: 0.001, nullProbability: p0)
        }
        #expect(time < .milliseconds(300), "p0 \(p0): \(time)")
      }
    }
  #endif
}
