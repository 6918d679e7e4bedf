import Certificates
import Smoothing
import Statistics
import TestSupport
import Testing

private func rule(radii: [String], n: Int = 10_000, n0: Int = 20) throws -> StoppingRule {
  try StoppingRule(
    options: SamplingOptions(
      kind: .sequential, alpha: try ExactDecimal("0.001"), selection: n0, estimation: n,
      radii: radii.map { try ExactDecimal($0) }, schedule: .standard), sigma: ExactDecimal("0.5"), totalVariation: 0,
    isExact: true)
}

/// Draws a tally's samples from a fixed function until it is finished, in pieces of random size answered in random order.
private func drain(
  _ tally: inout CertificationTally, generator: inout SeededGenerator, vote: (SampleRange, Int) -> Int32
) {
  var outstanding: [SampleRange] = []
  while !tally.isFinished {
    if let range = tally.take(Int.random(in: 1...37, using: &generator)), outstanding.count < 4 {
      outstanding.append(range)
      if outstanding.count < 3 { continue }
    }
    guard !outstanding.isEmpty else { continue }
    let range = outstanding.remove(at: Int.random(in: outstanding.indices, using: &generator))
    let classes = (range.start..<range.end).map { vote(range, $0) }
    _ = tally.record(range, classes: classes[...])
  }
}

@Suite struct TallyTests {
  /// The result of a tally does not depend on the sizes of its pieces or on the order of their answers.
  @Test func resultIsAFunctionOfTheVotesAlone() throws {
    let rule = try rule(radii: ["0.25", "0.5"])
    var results: Set<String> = []
    for seed in 0..<20 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var tally = CertificationTally(rule: rule)
      drain(&tally, generator: &generator) { _, sample in sample % 10 == 3 ? 1 : 7 }
      results.insert("\(tally.topClass ?? -1) \(tally.claimed) \(tally.looks.map(\.votes)) \(tally.votes.bytes.count)")
      #expect(tally.looks.allSatisfy { $0.votes == tally.votes.votes(in: $0.n) }, "seed \(seed)")
    }
    #expect(results.count == 1)
  }

  /// A tally restored from any prefix of its votes ends as the uninterrupted one.
  @Test func restoredTallyEndsAsTheUninterruptedOne() throws {
    let rule = try rule(radii: ["0.25", "0.5", "0.9"])
    func vote(_ range: SampleRange, _ sample: Int) -> Int32 { (sample &* 2_654_435_761) >> 7 % 100 < 91 ? 4 : 2 }
    var generator = SeededGenerator(seed: 1)
    var whole = CertificationTally(rule: rule)
    drain(&whole, generator: &generator, vote: vote)
    for count in [1, 19, 20, 21, 99, 100, 101, 500, whole.looks.last!.n] where count <= whole.looks.last!.n {
      var rest = CertificationTally(
        rule: rule, selectionVotes: whole.selectionVotes, topClass: whole.topClass!, votes: whole.votes.prefix(count))
      drain(&rest, generator: &generator, vote: vote)
      #expect(rest.looks == whole.looks, "restored from \(count)")
      #expect(rest.claimed == whole.claimed)
      #expect(rest.votes.prefix(rest.looks.last!.n) == whole.votes.prefix(whole.looks.last!.n))
    }
  }

  /// A vote for no class (-1) counts against the class and never chooses one.
  @Test func invalidVotesCountAgainst() throws {
    let rule = try rule(radii: ["0.25"])
    var generator = SeededGenerator(seed: 2)
    var tally = CertificationTally(rule: rule)
    drain(&tally, generator: &generator) { range, _ in range.stream == SampleRange.selection ? -1 : 0 }
    #expect(tally.topClass == nil)
    #expect(rule.conclude(tally).decision == .abstain)
    tally = CertificationTally(rule: rule)
    drain(&tally, generator: &generator) { range, _ in range.stream == SampleRange.selection ? 0 : -1 }
    #expect(tally.topClass == 0)
    #expect(tally.looks.allSatisfy { $0.votes == 0 })
    #expect(rule.conclude(tally).decision == .abstain)
  }

  /// Ties go to the lowest class, and the class is that of the selection votes only.
  @Test func mostVotedTakesTheLowestOfTies() {
    #expect(mostVoted([3, 1, 1, 3, -1, -1, -1]) == 1)
    #expect(mostVoted([-1, -1]) == nil)
    #expect(mostVoted([5]) == 5)
  }

  /// A radius of the grid is claimed only when all smaller ones are.
  @Test func claimsAreNested() throws {
    let rule = try rule(radii: ["0.1", "0.5", "1"])
    let looks = rule.plan.looks
    for test in rule.plan.tests { #expect(test.boundaries.count == looks.count) }
    // All votes agree: the largest radius is reached at some look, after the smaller ones.
    var generator = SeededGenerator(seed: 3)
    var tally = CertificationTally(rule: rule)
    drain(&tally, generator: &generator) { _, _ in 0 }
    let passed = tally.looks.flatMap(\.tests).filter(\.passed).map(\.radius)
    #expect(passed == ["0.1", "0.5", "1"])
    #expect(rule.conclude(tally).radius == "1")
    #expect(rule.conclude(tally).squaredLevels == 65025)
  }

  /// n that can never certify is refused with the number that could.
  @Test func impossibleSampleSizesAreRefused() {
    #expect(throws: SmoothingError.self) { try rule(radii: ["1.9"], n: 1000) }
    #expect(throws: SmoothingError.self) { try rule(radii: ["0.5", "0.25"]) }
    #expect(throws: SmoothingError.self) {
      try StoppingRule(
        options: SamplingOptions(
          kind: .fixed, alpha: try ExactDecimal("0.001"), selection: 100, estimation: 9, radii: [],
          schedule: .standard), sigma: ExactDecimal("0.5"), totalVariation: 0, isExact: true)
    }
  }
}
