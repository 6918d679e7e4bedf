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
  /// The next input for a lane and its votes so far, or nil when there are no more for it. Inputs that need no samples
  /// may be returned.
  func nextInput(lane: Int) throws -> (index: Int, payload: NoisyInput, tally: any InputTally)?
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

/// Packs the samples of many inputs into fixed-size batches, so that an adaptive run keeps its devices full.
///
/// Each device draws in a lane of its own. An input belongs to the lane that took it up: no other lane draws any of its
/// samples, so that all votes of an input are those of one classifier (reference/soundness.md 2.6).
///
/// A lane takes up an input only when those under way in it cannot fill a batch. The order in which samples are drawn
/// changes nothing: a sample's noise is a function of the input's key, its stream and its number.
package actor VoteScheduler {
  /// What one device draws at a time.
  package struct Lane: Sendable {
    /// Samples in a batch.
    let slots: Int
    /// Different inputs in a batch at most.
    let imagesPerBatch: Int
    /// Instances that draw batches at the same time.
    let concurrency: Int

    package init(slots: Int, imagesPerBatch: Int, concurrency: Int) {
      self.slots = slots
      self.imagesPerBatch = imagesPerBatch
      self.concurrency = concurrency
    }
  }

  private struct LaneState {
    let limits: Lane
    /// Inputs under way, in the order in which they were taken up.
    var active: [(index: Int, state: Active)] = []
    var inFlight = 0
    var sourceIsEmpty = false
    var isDone = false
  }

  private struct Active {
    let payload: NoisyInput
    var tally: any InputTally
    var seconds = 0.0
    var reported: ContinuousClock.Instant
  }

  private let sink: any VoteSink
  private var lanes: [LaneState]
  private var isStopped = false
  /// Whether `stop` ended the run before its end.
  package private(set) var wasInterrupted = false
  private var failure: (any Error)?
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private let clock = ContinuousClock()
  /// An unfinished input's votes are reported at least this often while it is under way.
  private let reportInterval = Duration.seconds(2)
  /// At a completed look they are reported unless they were this recently: small models pass looks in milliseconds, and
  /// an interruption may lose that much.
  private let lookInterval = Duration.milliseconds(250)

  /// - Parameter lanes: one for each device, named by their places.
  package init(sink: sending any VoteSink, lanes: [Lane]) {
    self.sink = sink
    self.lanes = lanes.map { LaneState(limits: $0) }
  }

  /// The next batch of a lane and the inputs in it, or nil when the lane has nothing left to draw or the run is stopped.
  package func nextBatch(lane: Int) async throws -> (SampleBatch, [Int: NoisyInput])? {
    while true {
      if let failure { throw failure }
      if isStopped { return nil }
      var batch = SampleBatch()
      var inputs: [Int: NoisyInput] = [:]
      do { try fill(&batch, &inputs, lane) } catch {
        fail(error)
        throw error
      }
      if batch.count > 0 {
        lanes[lane].inFlight += 1
        return (batch, inputs)
      }
      if lanes[lane].inFlight == 0 {
        lanes[lane].isDone = true
        if lanes.allSatisfy(\.isDone) { isStopped = true }
        wake()
        return nil
      }
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func fill(_ batch: inout SampleBatch, _ inputs: inout [Int: NoisyInput], _ lane: Int) throws {
    let limits = lanes[lane].limits
    var position = 0
    while batch.count < limits.slots, inputs.count < limits.imagesPerBatch {
      if position == lanes[lane].active.count {
        guard try takeUp(lane) else { return }
        continue
      }
      while batch.count < limits.slots,
        let range = lanes[lane].active[position].state.tally.take(limits.slots - batch.count)
      {
        let index = lanes[lane].active[position].index
        batch.parts.append(.init(input: index, samples: range))
        inputs[index] = lanes[lane].active[position].state.payload
      }
      position += 1
    }
  }

  /// Takes up one more input; false when there are none for the lane.
  private func takeUp(_ lane: Int) throws -> Bool {
    while !lanes[lane].sourceIsEmpty {
      guard let (index, payload, tally) = try sink.nextInput(lane: lane) else {
        lanes[lane].sourceIsEmpty = true
        return false
      }
      if tally.isFinished {
        try sink.finished(index, tally, seconds: 0)
        continue
      }
      lanes[lane].active.append((index, Active(payload: payload, tally: tally, reported: clock.now)))
      return true
    }
    return false
  }

  /// Records the classes of a lane's batch, in the order of its parts. `seconds` is how long the pass took.
  package func complete(_ batch: SampleBatch, lane: Int, classes: [Int32], seconds: Double) {
    lanes[lane].inFlight -= 1
    defer { wake() }
    guard !isStopped, failure == nil else { return }
    do {
      var start = 0
      for part in batch.parts {
        let range = start..<(start + part.samples.count)
        start = range.upperBound
        guard let position = lanes[lane].active.firstIndex(where: { $0.index == part.input }) else { continue }
        let concurrency = lanes[lane].limits.concurrency
        let share = seconds * Double(part.samples.count) / Double(max(1, batch.count * concurrency))
        lanes[lane].active[position].state.seconds += share
        let decided = lanes[lane].active[position].state.tally.record(part.samples, classes: classes[range])
        let state = lanes[lane].active[position].state
        if state.tally.isFinished {
          lanes[lane].active.remove(at: position)
          try sink.finished(part.input, state.tally, seconds: state.seconds)
        } else if clock.now - state.reported > (decided ? lookInterval : reportInterval) {
          try sink.progressed(part.input, state.tally)
          lanes[lane].active[position].state.reported = clock.now
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
    for (index, state) in lanes.flatMap(\.active) {
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
