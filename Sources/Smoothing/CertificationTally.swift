import Certificates

/// CERTIFY for one input: n0 selection samples choose the class, other samples count its votes up to each look.
///
/// The class is fixed from stream 0 before the first sample of stream 1 is drawn; look j counts exactly the samples
/// 0 ..< n_j of stream 1 (reference/soundness.md 2.5).
package struct CertificationTally: InputTally {
  private let rule: StoppingRule
  private var plan: SamplingPlan { rule.plan }
  private var selection: SampleCursor
  private var estimation: SampleCursor
  /// The classes of the selection samples, in order of the samples.
  package private(set) var selectionVotes: [Int]
  package private(set) var topClass: Int?
  /// The votes of the estimation samples that were handed out; unanswered ones are 0.
  package private(set) var votes: VoteBitmap
  package private(set) var looks: [SmoothingCertificate.Look] = []
  /// The number of declared radii certified so far.
  package private(set) var claimed = 0
  package private(set) var isFinished = false

  package init(rule: StoppingRule) {
    self.rule = rule
    selection = SampleCursor(next: 0)
    estimation = SampleCursor(next: 0)
    selectionVotes = Array(repeating: -1, count: rule.plan.selection)
    votes = VoteBitmap(count: 0)
  }

  /// Goes on from stored votes: takes the looks that they complete.
  package init(rule: StoppingRule, selectionVotes: [Int], topClass: Int, votes: VoteBitmap) {
    self.init(rule: rule)
    self.selectionVotes = selectionVotes
    self.topClass = topClass
    selection = SampleCursor(next: rule.plan.selection)
    self.votes = votes
    estimation = SampleCursor(next: votes.count)
    _ = takeLooks()
  }

  /// Estimation samples 0 ..< answered have voted.
  package var answered: Int { estimation.answered }

  package mutating func take(_ maximum: Int) -> SampleRange? {
    if isFinished { return nil }
    if topClass == nil { return selection.take(maximum, below: plan.selection, stream: SampleRange.selection) }
    guard looks.count < plan.looks.count else { return nil }
    let range = estimation.take(maximum, below: plan.looks[looks.count], stream: SampleRange.estimation)
    if let range { votes.grow(to: range.end) }
    return range
  }

  package mutating func record(_ samples: SampleRange, classes: ArraySlice<Int32>) -> Bool {
    if samples.stream == SampleRange.selection {
      selection.answer(samples)
      for (sample, vote) in zip(samples.start..<samples.end, classes) { selectionVotes[sample] = Int(vote) }
      guard selection.answered == plan.selection else { return false }
      topClass = mostVoted(selectionVotes)
      // Without a single valid vote there is no class to certify.
      if topClass == nil { isFinished = true }
      return true
    }
    estimation.answer(samples)
    for (sample, vote) in zip(samples.start..<samples.end, classes) where Int(vote) == topClass {
      votes[sample] = true
    }
    return takeLooks()
  }

  /// Takes every look whose samples have all voted.
  private mutating func takeLooks() -> Bool {
    var decided = false
    while !isFinished, looks.count < plan.looks.count, estimation.answered >= plan.looks[looks.count] {
      let n = plan.looks[looks.count]
      let outcome = rule.look(looks.count, votes: votes.votes(in: n), claimed: claimed)
      looks.append(.init(n: n, votes: votes.votes(in: n), tests: outcome.tests))
      claimed = outcome.claimed
      isFinished = outcome.stops || looks.count == plan.looks.count
      decided = true
    }
    return decided
  }
}
