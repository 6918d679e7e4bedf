import Certificates
import Inputs
import Statistics

/// PREDICT for one input: n samples of the prediction stream vote.
package struct PredictionTally: InputTally {
  private var cursor = SampleCursor(next: 0)
  private let samples: Int
  /// Votes per class; votes for no class are not counted.
  package private(set) var counts: [Int]
  package private(set) var invalid = 0

  package init(samples: Int, classes: Int) {
    self.samples = samples
    counts = Array(repeating: 0, count: classes)
  }

  package var isFinished: Bool { cursor.answered == samples }

  package mutating func take(_ maximum: Int) -> SampleRange? {
    cursor.take(maximum, below: samples, stream: SampleRange.prediction)
  }

  package mutating func record(_ samples: SampleRange, classes: ArraySlice<Int32>) -> Bool {
    cursor.answer(samples)
    for vote in classes {
      if vote < 0 { invalid += 1 } else { counts[Int(vote)] += 1 }
    }
    return isFinished
  }
}

/// The smoothed prediction of one input.
package struct PredictionResult: Sendable, Codable {
  package let index: Int
  package let name: String
  package let label: Int?
  /// The class, or nil: the votes do not decide at this alpha (an abstention), or the input cannot be read.
  package let prediction: Int?
  /// The two classes with most votes, and their votes.
  package let top: [Int]
  package let votes: [Int]
  package let samples: Int
  /// Samples whose logits had a NaN.
  package let invalid: Int
  package let problem: String?
}

/// A prediction run's side of the scheduler. Confined to the scheduler that it was given to.
package final class PredictionRun: VoteSink {
  private let inputs: Prefetcher<PreparedInput>
  private let noise: NoiseDescription
  private let nonce: [UInt8]
  private let shape: [Int]
  private let samples: Int
  private let classes: Int
  private let alpha: Double
  private let skipBad: Bool
  private let onResult: @Sendable (PredictionResult) -> Void
  private var details: [Int: PreparedInput] = [:]
  private var order: ArraySlice<Int>
  private var ready: [Int: PredictionResult] = [:]

  /// - Parameter onResult: called for every input in order.
  package init(
    inputs: Prefetcher<PreparedInput>, indices: [Int], noise: NoiseDescription, nonce: [UInt8], shape: [Int],
    samples: Int, classes: Int, alpha: ExactDecimal, skipBad: Bool,
    onResult: @escaping @Sendable (PredictionResult) -> Void
  ) {
    self.inputs = inputs
    order = indices[...]
    self.noise = noise
    self.nonce = nonce
    self.shape = shape
    self.samples = samples
    self.classes = classes
    self.alpha = alpha.roundedDown
    self.skipBad = skipBad
    self.onResult = onResult
  }

  package func nextInput(lane: Int) throws -> (index: Int, payload: NoisyInput, tally: any InputTally)? {
    while let (index, input) = inputs.next() {
      do {
        let content = try input.content.get()
        guard content.shape == shape else {
          throw FileError("\(input.name) has the shape \(content.shape), the first input has \(shape)")
        }
        details[index] = input
        let key = noise.key(nonce: nonce, imageSHA256: content.sha256)
        return (
          index, NoisyInput(bytes: content.bytes, key: NoiseDescription.words(key)),
          PredictionTally(samples: samples, classes: classes)
        )
      } catch {
        guard skipBad else { throw FileError("\(error). Add --skip-bad to record such inputs and go on") }
        report(
          PredictionResult(
            index: index, name: input.name, label: input.label, prediction: nil, top: [], votes: [], samples: 0,
            invalid: 0, problem: "\(error)"))
      }
    }
    return nil
  }

  package func progressed(_ index: Int, _ tally: any InputTally) {}

  package func finished(_ index: Int, _ tally: any InputTally, seconds: Double) {
    guard let tally = tally as? PredictionTally, let input = details.removeValue(forKey: index) else { return }
    var prediction: Int?
    if case .certain(let top) = Prediction(counts: tally.counts, alpha: alpha) { prediction = top }
    let top = tally.counts.indices.sorted { (tally.counts[$1], $0) < (tally.counts[$0], $1) }.prefix(2)
    report(
      PredictionResult(
        index: index, name: input.name, label: input.label, prediction: prediction, top: Array(top),
        votes: top.map { tally.counts[$0] }, samples: samples, invalid: tally.invalid, problem: nil))
  }

  private func report(_ result: PredictionResult) {
    ready[result.index] = result
    while let next = order.first, let result = ready.removeValue(forKey: next) {
      order.removeFirst()
      onResult(result)
    }
  }
}
