import Certificates

/// One pass of one instance: samples of several inputs side by side.
package struct SampleBatch: Sendable {
  package struct Part: Sendable {
    package let input: Int
    package let samples: SampleRange

    package init(input: Int, samples: SampleRange) {
      self.input = input
      self.samples = samples
    }
  }

  package var parts: [Part]

  package init(parts: [Part] = []) { self.parts = parts }

  package var count: Int { parts.reduce(0) { $0 + $1.samples.count } }
}

/// What a scheduler asks and tells: where inputs come from and what becomes of their votes.
///
/// Called by the scheduler only, one call at a time.
package protocol VoteSink: AnyObject {
  /// The next input and its votes so far, or nil when there are no more. Inputs that need no samples may be returned.
  func nextInput() throws -> (index: Int, payload: NoisyInput, tally: any InputTally)?
  /// A phase or a look of an unfinished input is complete or some time has passed, a moment after the last such call;
  /// or the run is being stopped.
  func progressed(_ index: Int, _ tally: any InputTally) throws
  /// An input needs no more samples.
  func finished(_ index: Int, _ tally: any InputTally, seconds: Double) throws
}

/// What a device needs to draw an input's noisy samples.
package struct NoisyInput: Sendable {
  /// The image's bytes in storage order: UInt8, or binary32 for real-valued inputs.
  package let bytes: [UInt8]
  /// The two words of the Philox key.
  package let key: (UInt32, UInt32)

  package init(bytes: [UInt8], key: (UInt32, UInt32)) {
    self.bytes = bytes
    self.key = key
  }
}

/// Packs the samples of many inputs into fixed-size batches, so that an adaptive run keeps the device full.
///
/// Inputs are taken up only when those under way cannot fill a batch. The order in which samples are drawn changes
/// nothing: a sample's noise is a function of the input's key, its stream and its number.
package actor VoteScheduler {
  private struct Active {
    let payload: NoisyInput
    var tally: any InputTally
    var seconds = 0.0
    var reported: ContinuousClock.Instant
  }

  private let sink: any VoteSink
  private let slots: Int
  private let imagesPerBatch: Int
  private let concurrency: Int
  /// Inputs under way, in the order in which they were taken up.
  private var active: [(index: Int, state: Active)] = []
  private var sourceIsEmpty = false
  private var isStopped = false
  /// Whether `stop` ended the run before its end.
  package private(set) var wasInterrupted = false
  private var failure: (any Error)?
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var inFlight = 0
  private let clock = ContinuousClock()
  /// An unfinished input's votes are reported at least this often while it is under way.
  private let reportInterval = Duration.seconds(2)
  /// At a completed look they are reported unless they were this recently: small models pass looks in milliseconds, and
  /// an interruption may lose that much.
  private let lookInterval = Duration.milliseconds(250)

  /// - Parameters:
  ///   - slots: samples in a batch.
  ///   - imagesPerBatch: different inputs in a batch at most.
  ///   - concurrency: instances that draw batches at the same time.
  package init(sink: sending any VoteSink, slots: Int, imagesPerBatch: Int, concurrency: Int) {
    self.sink = sink
    self.slots = slots
    self.imagesPerBatch = imagesPerBatch
    self.concurrency = concurrency
  }

  /// The next batch and the inputs in it, or nil when everything is done or stopped.
  package func nextBatch() async throws -> (SampleBatch, [Int: NoisyInput])? {
    while true {
      if let failure { throw failure }
      if isStopped { return nil }
      var batch = SampleBatch()
      var inputs: [Int: NoisyInput] = [:]
      do { try fill(&batch, &inputs) } catch {
        fail(error)
        throw error
      }
      if batch.count > 0 {
        inFlight += 1
        return (batch, inputs)
      }
      if inFlight == 0 {
        isStopped = true
        wake()
        return nil
      }
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func fill(_ batch: inout SampleBatch, _ inputs: inout [Int: NoisyInput]) throws {
    var position = 0
    while batch.count < slots, inputs.count < imagesPerBatch {
      if position == active.count {
        guard try takeUp() else { return }
        continue
      }
      while batch.count < slots, let range = active[position].state.tally.take(slots - batch.count) {
        let index = active[position].index
        batch.parts.append(.init(input: index, samples: range))
        inputs[index] = active[position].state.payload
      }
      position += 1
    }
  }

  /// Takes up one more input; false when there are none.
  private func takeUp() throws -> Bool {
    while !sourceIsEmpty {
      guard let (index, payload, tally) = try sink.nextInput() else {
        sourceIsEmpty = true
        return false
      }
      if tally.isFinished {
        try sink.finished(index, tally, seconds: 0)
        continue
      }
      active.append((index, Active(payload: payload, tally: tally, reported: clock.now)))
      return true
    }
    return false
  }

  /// Records a batch's classes, in the order of its parts. `seconds` is how long the pass took.
  package func complete(_ batch: SampleBatch, classes: [Int32], seconds: Double) {
    inFlight -= 1
    defer { wake() }
    guard !isStopped, failure == nil else { return }
    do {
      var start = 0
      for part in batch.parts {
        let range = start..<(start + part.samples.count)
        start = range.upperBound
        guard let position = active.firstIndex(where: { $0.index == part.input }) else { continue }
        let share = seconds * Double(part.samples.count) / Double(max(1, batch.count * concurrency))
        active[position].state.seconds += share
        let decided = active[position].state.tally.record(part.samples, classes: classes[range])
        let state = active[position].state
        if state.tally.isFinished {
          active.remove(at: position)
          try sink.finished(part.input, state.tally, seconds: state.seconds)
        } else if clock.now - state.reported > (decided ? lookInterval : reportInterval) {
          try sink.progressed(part.input, state.tally)
          active[position].state.reported = clock.now
        }
      }
    } catch {
      failure = error
    }
  }

  /// Ends the run with an error; the other instances see it at their next batch.
  package func fail(_ error: any Error) {
    if failure == nil { failure = error }
    wake()
  }

  /// Reports the votes of all inputs under way and hands out no more batches. What is in flight is dropped.
  package func stop() {
    guard !isStopped else { return }
    isStopped = true
    wasInterrupted = true
    for (index, state) in active {
      do { try sink.progressed(index, state.tally) } catch { failure = failure ?? error }
    }
    wake()
  }

  private func wake() {
    let all = waiting
    waiting = []
    for continuation in all { continuation.resume() }
  }
}
