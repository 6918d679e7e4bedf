import Certificates
import Glibc

/// Evaluates stored votes again: random samples of a certificate, drawn after its file was closed.
///
/// If a share f of a certificate's votes is false, K independent samples find at least one with probability
/// 1 - (1 - f)^K. K samples without a false vote leave a share of at most 1 - 0.001^(1/K) possible at 99.9 %.
package struct VoteAudit: Sendable {
  /// One vote to evaluate again.
  package struct Question: Sendable {
    package let stream: UInt32
    package let sample: Int
  }

  package enum Answer: Sendable, Equatable {
    case agrees
    /// Another device's rounding may have turned it: the logits differ by less than 1e-4 of the largest.
    case explained
    case disagrees
  }

  /// Whether the classifier at hand is the one that voted, to the bit.
  package let isSameClassifier: Bool

  package init(isSameClassifier: Bool) { self.isSameClassifier = isSameClassifier }

  /// K estimation samples and up to 20 selection samples, from the system's random source, each number at most once.
  package static func questions(for certificate: SmoothingCertificate, count: Int) -> [Question] {
    var generator = SystemRandomNumberGenerator()
    func draw(_ wanted: Int, of all: Int) -> [Int] {
      if wanted >= all { return Array(0..<all) }
      var chosen = Set<Int>()
      while chosen.count < wanted { chosen.insert(Int.random(in: 0..<all, using: &generator)) }
      return chosen.sorted()
    }
    return draw(count, of: certificate.samples).map { Question(stream: 1, sample: $0) }
      + draw(min(count, 20), of: certificate.selectionVotes.count).map { Question(stream: 0, sample: $0) }
  }

  /// Compares a stored vote with the logits of the same sample.
  package func answer(
    _ question: Question, certificate: SmoothingCertificate, votes: CheckedVotes, logits: [Float]
  ) -> Answer {
    let found = Self.classOf(logits)
    guard let topClass = certificate.topClass else { return found == nil ? .agrees : .disagrees }
    if question.stream == 0 {
      let stored = certificate.selectionVotes[question.sample]
      if stored == found ?? -1 { return .agrees }
      return isExplained(logits, stored, found) ? .explained : .disagrees
    }
    if votes[question.sample] == (found == topClass) { return .agrees }
    let rival = logits.indices.filter { $0 != topClass }.max { logits[$0] < logits[$1] }
    return isExplained(logits, topClass, rival) ? .explained : .disagrees
  }

  private func isExplained(_ logits: [Float], _ first: Int, _ second: Int?) -> Bool {
    guard !isSameClassifier, let second, logits.indices.contains(first), logits.indices.contains(second) else {
      return false
    }
    let largest = logits.map(\.magnitude).max() ?? 0
    return (logits[first] - logits[second]).magnitude < 1e-4 * largest
  }

  /// The lowest index of the largest logit; nil if any is NaN.
  private static func classOf(_ logits: [Float]) -> Int? {
    if logits.contains(where: \.isNaN) { return nil }
    var top = 0
    for index in logits.indices where logits[index] > logits[top] { top = index }
    return logits.isEmpty ? nil : top
  }

  /// The largest share of false votes that K clean samples leave possible at 99.9 %: 1 - 0.001^(1/K), rounded up.
  package static func remainingShare(samples: Int) -> Double {
    samples == 0 ? 1 : (-expm1(log(0.001) / Double(samples))).nextUp.nextUp
  }
}
