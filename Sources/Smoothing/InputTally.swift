import Certificates

/// The votes of one input while samples are being drawn: which samples are wanted next, and what was answered.
///
/// Samples of a phase are handed out in order and come back in any order. `InputTally` knows no device and no file.
package protocol InputTally {
  /// The next samples to draw, at most `maximum`, or nil while answers must come first or the input is finished.
  mutating func take(_ maximum: Int) -> SampleRange?
  /// The classes of samples that were taken; -1 is a vote for no class. Returns whether something was decided: a phase
  /// or a look is complete.
  mutating func record(_ samples: SampleRange, classes: ArraySlice<Int32>) -> Bool
  /// Whether the input needs no more samples.
  var isFinished: Bool { get }
}

/// Consecutive samples of one stream of an input's noise.
package struct SampleRange: Sendable, Hashable {
  /// 0 selection, 1 estimation, 2 prediction (reference/soundness.md 2.4); others are no certificate's.
  package var stream: UInt32
  package var start: Int
  package var end: Int

  package init(stream: UInt32, start: Int, end: Int) {
    self.stream = stream
    self.start = start
    self.end = end
  }

  package var count: Int { end - start }

  package static let selection: UInt32 = 0
  package static let estimation: UInt32 = 1
  package static let prediction: UInt32 = 2
  /// The fixed samples whose logits name a classifier.
  package static let fingerprint: UInt32 = 3
  /// The samples that the scales of an int8 classifier are measured on.
  package static let calibration: UInt32 = 4
}

/// Hands out samples 0 ..< end in order and knows which of them are answered.
package struct SampleCursor: Sendable {
  /// The first sample that was not handed out.
  package private(set) var next: Int
  private var outstanding: [SampleRange] = []

  package init(next: Int) { self.next = next }

  /// At most `maximum` samples below `end`.
  package mutating func take(_ maximum: Int, below end: Int, stream: UInt32) -> SampleRange? {
    let stop = min(end, next + maximum)
    guard stop > next else { return nil }
    let range = SampleRange(stream: stream, start: next, end: stop)
    next = stop
    outstanding.append(range)
    return range
  }

  package mutating func answer(_ range: SampleRange) {
    if let index = outstanding.firstIndex(of: range) { outstanding.remove(at: index) }
  }

  /// Samples 0 ..< answered are all answered.
  package var answered: Int { outstanding.map(\.start).min() ?? next }
}

/// The class with most votes; ties go to the lowest index, votes for no class (-1) do not count. Nil without a vote.
package func mostVoted(_ votes: [Int]) -> Int? {
  var counts: [Int: Int] = [:]
  for vote in votes where vote >= 0 { counts[vote, default: 0] += 1 }
  return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
}
