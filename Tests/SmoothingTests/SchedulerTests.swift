import Smoothing
import Synchronization
import TestSupport
import Testing

/// An input that wants a number of samples, and checks that each comes exactly once.
private struct CountingTally: InputTally {
  private var cursor = SampleCursor(next: 0)
  private let wanted: Int
  private(set) var seen: Set<Int> = []

  init(wanted: Int) { self.wanted = wanted }

  var isFinished: Bool { seen.count == wanted }

  mutating func take(_ maximum: Int) -> SampleRange? { cursor.take(maximum, below: wanted, stream: 1) }

  mutating func record(_ samples: SampleRange, classes: ArraySlice<Int32>) -> Bool {
    cursor.answer(samples)
    for (sample, vote) in zip(samples.start..<samples.end, classes) {
      #expect(seen.insert(sample).inserted, "sample \(sample) came twice")
      #expect(vote == Int32(sample % 1000), "the answer belongs to another sample")
    }
    return false
  }
}

private final class CountingSink: VoteSink {
  private var next = 0
  private let sizes: [Int]
  let finishedInputs: FinishedInputs

  init(sizes: [Int], finishedInputs: FinishedInputs) {
    self.sizes = sizes
    self.finishedInputs = finishedInputs
  }

  func nextInput(lane: Int) throws -> (index: Int, payload: NoisyInput, tally: any InputTally)? {
    guard next < sizes.count else { return nil }
    defer { next += 1 }
    return (next, NoisyInput(bytes: [], key: (0, 0)), CountingTally(wanted: sizes[next]))
  }

  func progressed(_ index: Int, _ tally: any InputTally) {}

  func finished(_ index: Int, _ tally: any InputTally, seconds: Double) { finishedInputs.add(index) }
}

private final class FinishedInputs: Sendable {
  private let state = Mutex<[Int]>([])

  func add(_ index: Int) { state.withLock { $0.append(index) } }

  var all: [Int] { state.withLock { $0 } }
}

/// The answers that `CountingTally` expects.
private func answers(_ batch: SampleBatch) -> [Int32] {
  batch.parts.flatMap { ($0.samples.start..<$0.samples.end).map { Int32($0 % 1000) } }
}

@Suite struct SchedulerTests {
  /// Every sample of every input is drawn exactly once, batches never exceed their slots or images, several instances at
  /// a time, whatever the sizes.
  @Test(arguments: [(1, 1, 1), (8, 3, 2), (16, 16, 4), (64, 2, 3)])
  func everySampleIsDrawnOnce(slots: Int, images: Int, instances: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(slots))
    let sizes = (0..<40).map { _ in Int.random(in: 0...70, using: &generator) }
    let finished = FinishedInputs()
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: sizes, finishedInputs: finished),
      lanes: [.init(slots: slots, imagesPerBatch: images, concurrency: instances)])
    let batches = FinishedInputs()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<instances {
        group.addTask {
          while let (batch, inputs) = try await scheduler.nextBatch(lane: 0) {
            #expect(batch.count > 0 && batch.count <= slots)
            #expect(inputs.count <= images)
            #expect(Set(batch.parts.map(\.input)) == Set(inputs.keys))
            batches.add(0)
            await Task.yield()
            await scheduler.complete(batch, lane: 0, classes: answers(batch), seconds: 0)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(finished.all.sorted() == Array(sizes.indices))
    // Packing: no more batches than full ones, partial ones at the limit of images and the tail would need.
    if images == slots {
      let total = sizes.reduce(0, +)
      #expect(batches.all.count <= (total + slots - 1) / slots + sizes.count)
    }
  }

  /// Two lanes of different sizes: every input's samples are all drawn by the lane that took the input up, each lane
  /// keeps to its own slots and images, and all inputs finish.
  @Test(arguments: 0..<20)
  func everyInputHasOneLane(seed: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let sizes = (0..<60).map { _ in Int.random(in: 0...90, using: &generator) }
    let finished = FinishedInputs()
    let limits = [(slots: 4, images: 4, instances: 2), (slots: 32, images: 3, instances: 3)]
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: sizes, finishedInputs: finished),
      lanes: limits.map { .init(slots: $0.slots, imagesPerBatch: $0.images, concurrency: $0.instances) })
    let drawn = [FinishedInputs(), FinishedInputs()]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (lane, limit) in limits.enumerated() {
        for _ in 0..<limit.instances {
          group.addTask {
            while let (batch, inputs) = try await scheduler.nextBatch(lane: lane) {
              #expect(batch.count > 0 && batch.count <= limit.slots && inputs.count <= limit.images)
              for part in batch.parts { drawn[lane].add(part.input) }
              for _ in 0..<(batch.count % 5) { await Task.yield() }
              await scheduler.complete(batch, lane: lane, classes: answers(batch), seconds: 0)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(finished.all.sorted() == Array(sizes.indices))
    #expect(Set(drawn[0].all).isDisjoint(with: drawn[1].all))
    #expect(Set(drawn[0].all + drawn[1].all) == Set(sizes.indices.filter { sizes[$0] > 0 }))
    #expect(await !scheduler.wasInterrupted)
  }

  /// A lane without work ends while another still draws, and the samples that the other's input still needs are not
  /// handed to it.
  @Test func aLaneEndsWhileAnotherDraws() async throws {
    let finished = FinishedInputs()
    let lane = VoteScheduler.Lane(slots: 4, imagesPerBatch: 4, concurrency: 1)
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: [10, 3], finishedInputs: finished), lanes: [lane, lane])
    let (slow, _) = try #require(await scheduler.nextBatch(lane: 0))
    let (quick, _) = try #require(await scheduler.nextBatch(lane: 1))
    #expect(slow.parts.map(\.input) == [0] && quick.parts.map(\.input) == [1])
    await scheduler.complete(quick, lane: 1, classes: answers(quick), seconds: 0)
    #expect(try await scheduler.nextBatch(lane: 1) == nil)
    #expect(finished.all == [1])
    await scheduler.complete(slow, lane: 0, classes: answers(slow), seconds: 0)
    while let (batch, _) = try await scheduler.nextBatch(lane: 0) {
      #expect(batch.parts.map(\.input) == [0])
      await scheduler.complete(batch, lane: 0, classes: answers(batch), seconds: 0)
    }
    #expect(finished.all == [1, 0])
    #expect(await !scheduler.wasInterrupted)
  }

  /// A failing instance ends the others with its error.
  @Test func errorsReachEveryInstance() async {
    struct Broken: Error {}
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: [100, 100], finishedInputs: FinishedInputs()),
      lanes: [.init(slots: 4, imagesPerBatch: 4, concurrency: 2), .init(slots: 8, imagesPerBatch: 4, concurrency: 1)])
    await scheduler.fail(Broken())
    for lane in 0...1 { await #expect(throws: Broken.self) { try await scheduler.nextBatch(lane: lane) } }
  }
}
