import CertificateChecking
import TestSupport
import Testing

@Suite struct CheckedSequenceTests {
  private func looks(_ samples: [Int], _ boundaries: [Int]) -> [CheckedLook] {
    zip(samples, boundaries).map { CheckedLook(samples: $0, boundary: $1) }
  }

  private func integers(_ text: String) -> [Int] { text.split(separator: "|").map { Int($0)! } }

  /// Two looks at one and two samples: certify at 1 of 1, or at 2 of 2 (which the first already gave). So the chance is
  /// p at the first look and p at the second; with boundary 1 at the second it is p + (1 - p) p.
  @Test func twoSamplesWorkedByHand() throws {
    let p = try ExactRational(decimal: "0.25")
    let first = try CheckedSequence.errorBounds(looks: looks([1, 2], [1, 2]), nullProbability: p)
    let second = try CheckedSequence.errorBounds(looks: looks([1, 2], [1, 1]), nullProbability: p)
    let tolerance = powerOfTwo(-85)
    for (bound, exact) in zip(first + second, [0.25, 0.25, 0.25, 0.4375]) {
      let exact = try ExactRational(exactly: exact)
      #expect(exact <= bound && bound <= exact + tolerance)
    }
  }

  /// Every path of up to 12 votes, enumerated in exact rationals.
  @Test func boundsCoverTheEnumerationOfAllPaths() throws {
    let seed: UInt64 = 5
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let samples = [3, 7, 12]
      let boundaries = samples.map { Int.random(in: 0...($0 + 1), using: &generator) }
      let p = ExactRational(Int.random(in: 1...99, using: &generator), over: 100)
      var crossed = [ExactRational](repeating: .zero, count: 3)
      for path in 0..<(1 << 12) {
        let ones = path.nonzeroBitCount
        guard let look = (0..<3).first(where: { (path & (1 << samples[$0] - 1)).nonzeroBitCount >= boundaries[$0] })
        else { continue }
        var weight = ExactRational.one
        for _ in 0..<ones { weight = weight * p }
        for _ in ones..<12 { weight = weight * (.one - p) }
        for later in look..<3 { crossed[later] = crossed[later] + weight }
      }
      let bounds = try CheckedSequence.errorBounds(looks: looks(samples, boundaries), nullProbability: p)
      for (bound, exact) in zip(bounds, crossed) {
        #expect(
          exact <= bound && bound <= exact + powerOfTwo(-85), "seed \(seed), \(boundaries), p = \(p.approximation)")
      }
    }
  }

  /// One look is a plain binomial test.
  @Test func oneLookSpendsTheBinomialTail() throws {
    for (n, c, p) in [(100, 66, "0.5"), (1000, 990, "0.9772"), (100_000, 84_500, "0.8413447460685429")] {
      let null = try ExactRational(decimal: p)
      let tail = try ExactBinomial.upperTail(atLeast: c, of: n, probability: null)
      let bound = try CheckedSequence.errorBounds(looks: looks([n], [c]), nullProbability: null)[0]
      #expect(tail.lower <= bound && bound <= tail.upper + powerOfTwo(-85), "n = \(n)")
    }
  }

  /// The published boundaries spend what was published (doubles, 7 to 10 digits) and stay within their alpha; lowering
  /// any boundary by one makes the test spend more.
  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func publishedBoundariesSpendThePublishedError() throws {
    let rows =
      try StatisticsVectors.rows(StatisticsVectors.smoothing, "group_sequential_boundary")
      + StatisticsVectors.rows(StatisticsVectors.soundness, "group_sequential")
    for row in rows {
      let null = try ExactRational(exactly: try #require(Double(row.parameter("p0"))))
      let alpha = try row.parameter("spend").split(separator: "|").reduce(ExactRational.zero) {
        $0 + (try rational(String($1)))
      }
      let test = looks(integers(row.parameter("n")), integers(row.value))
      let bounds = try CheckedSequence.verify(looks: test, nullProbability: null, alpha: alpha)
      let spent = try #require(bounds.last)
      let words = row.note.split { $0 == " " || $0 == ";" }
      let at = try #require(words.lastIndex(of: "spent"))
      let published = try rational(String(words[at + 1]))
      #expect((spent - published).magnitude <= published * (try rational("2e-7")), "\(row) \(spent.approximation)")
      #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 <= $1 }, "\(row)")
      for index in test.indices {
        var lowered = test
        lowered[index] = CheckedLook(samples: test[index].samples, boundary: test[index].boundary - 1)
        let more = try CheckedSequence.errorBounds(looks: lowered, nullProbability: null)
        #expect(try #require(more.last) > spent, "\(row)")
      }
    }
    #expect(rows.count == 7)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func theUnnestedTestExceedsItsLevel() throws {
    let row = try #require(try StatisticsVectors.rows(StatisticsVectors.soundness, "unnested_level").first)
    let p = try row.number("p")
    // Rejecting either null: the smaller boundary at each look.
    let test = looks([100, 1000], [86, 757])
    let spent = try #require(try CheckedSequence.errorBounds(looks: test, nullProbability: p).last)
    let value = try rational(row.value)
    #expect((spent - value).magnitude <= value * (try rational("1e-6")))
    #expect(throws: StatisticsRejection.self) {
      try CheckedSequence.verify(looks: test, nullProbability: p, alpha: ExactRational(2, over: 3000))
    }
  }

  @Test func theChanceOfCrossingGrowsWithTheProbability() throws {
    let test = looks([200, 1000, 5000], [187, 881, 4289])
    var before = ExactRational.zero
    for thousandths in stride(from: 830, through: 860, by: 5) {
      let bound = try #require(
        try CheckedSequence.errorBounds(looks: test, nullProbability: ExactRational(thousandths, over: 1000)).last)
      #expect(bound > before)
      before = bound
    }
  }

  @Test func looksThatCannotCertifySpendNothing() throws {
    let bounds = try CheckedSequence.errorBounds(
      looks: looks([10, 100, 1000], [11, 101, 900]), nullProbability: ExactRational(4, over: 5))
    #expect(bounds[0] == .zero && bounds[1] == .zero && bounds[2] > .zero)
    let certain = try CheckedSequence.errorBounds(looks: looks([10, 100], [11, 100]), nullProbability: .one)
    #expect(certain == [.zero, .one])
    let never = try CheckedSequence.errorBounds(looks: looks([10, 100], [1, 1]), nullProbability: .zero)
    #expect(never == [.zero, .zero])
    let zero = try CheckedSequence.errorBounds(looks: looks([10, 100], [1, 0]), nullProbability: .zero)
    #expect(zero == [.zero, .one])
    let always = try CheckedSequence.errorBounds(looks: looks([10, 100], [0, 50]), nullProbability: .half)
    #expect(always == [.one, .one])
  }

  @Test func recordedSpendingMustNotBeUnderstated() throws {
    let test = looks([200, 1000, 5000], [187, 881, 4289])
    let null = try ExactRational(exactly: 0.8413447460685429)
    let alpha = try rational("0.001")
    let bounds = try CheckedSequence.errorBounds(looks: test, nullProbability: null)
    let recorded = bounds.map { $0.approximation * (1 + 1e-9) }
    try CheckedSequence.verify(looks: test, nullProbability: null, alpha: alpha, recordedSpent: recorded)
    for index in recorded.indices {
      var lower = recorded
      lower[index] *= 1 - 1e-8
      #expect(throws: StatisticsRejection.self) {
        try CheckedSequence.verify(looks: test, nullProbability: null, alpha: alpha, recordedSpent: lower)
      }
    }
    for wrong in [[], Array(recorded.dropLast()), [Double.nan] + recorded.dropFirst()] {
      #expect(throws: StatisticsRejection.self) {
        try CheckedSequence.verify(looks: test, nullProbability: null, alpha: alpha, recordedSpent: wrong)
      }
    }
  }

  @Test func looksThatMakeNoSenseAreRefused() {
    for (samples, boundaries) in [([], []), ([0], [0]), ([10, 10], [5, 5]), ([20, 10], [5, 5]), ([10], [-1])] {
      #expect(throws: StatisticsRejection.self) {
        try CheckedSequence.errorBounds(looks: looks(samples, boundaries), nullProbability: .half)
      }
    }
    #expect(throws: StatisticsRejection.self) {
      try CheckedSequence.errorBounds(looks: looks([10], [5]), nullProbability: ExactRational(3, over: 2))
    }
  }

  /// Leaving counts out is sound only if their chance is charged: every truncated window has lost something, and
  /// what is lost is carried along.
  @Test func whatLeavesTheWindowIsCharged() throws {
    // P[2 or more of 10] is about 45 2^-200, far below a unit of 2^-120: it is left out and charged as one unit.
    let rare = CountWeights.binomial(trials: 10, probability: powerOfTwo(-100))
    #expect(rare.first == 0 && rare.weights.count < 11 && rare.lost >= 1 && rare.lost <= 2)
    let wide = CountWeights.binomial(trials: 100_000, probability: .half)
    #expect(wide.first > 40_000 && wide.weights.count < 10_000 && wide.lost >= 2 && wide.lost < 1000)
    let whole = CountWeights.binomial(trials: 10, probability: .half)
    #expect(whole.first == 0 && whole.weights.count == 11 && whole.lost == 0)

    var sum = wide.convolved(with: rare, from: 0)
    #expect(sum.lost == wide.lost + rare.lost)
    #expect(sum.total + sum.lost >= CountWeights.one && sum.total < CountWeights.one + CountWeights.one >> 80)
    let before = sum
    sum.trim()
    #expect(sum.weights.count < before.weights.count)
    #expect(sum.total + sum.lost == before.total + before.lost)
    #expect(sum.lost < 1 << 31)
    let crossed = sum.removeCounts(from: 50_000)
    #expect(crossed + sum.total + sum.lost == before.total + before.lost)
    #expect(crossed > CountWeights.one / 2 && sum.first + sum.weights.count == 50_000)
  }
}
