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

  func nextInput() throws -> (index: Int, payload: NoisyInput, tally: any InputTally)? {
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

@Suite struct SchedulerTests {
  /// Every sample of every input is drawn exactly once, batches never exceed their slots or images, several instances at
  /// a time, whatever the sizes.
  @Test(arguments: [(1, 1, 1), (8, 3, 2), (16, 16, 4), (64, 2, 3)])
  func everySampleIsDrawnOnce(slots: Int, images: Int, instances: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(slots))
    let sizes = (0..<40).map { _ in Int.random(in: 0...70, using: &generator) }
    let finished = FinishedInputs()
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: sizes, finishedInputs: finished), slots: slots, imagesPerBatch: images,
      concurrency: instances)
    let batches = FinishedInputs()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<instances {
        group.addTask {
          while let (batch, inputs) = try await scheduler.nextBatch() {
            #expect(batch.count > 0 && batch.count <= slots)
            #expect(inputs.count <= images)
            #expect(Set(batch.parts.map(\.input)) == Set(inputs.keys))
            batches.add(0)
            await Task.yield()
            let classes = batch.parts.flatMap { ($0.samples.start..<$0.samples.end).map { Int32($0 % 1000) } }
            await scheduler.complete(batch, classes: classes, seconds: 0)
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

  /// A failing instance ends the others with its error.
  @Test func errorsReachEveryInstance() async {
    struct Broken: Error {}
    let scheduler = VoteScheduler(
      sink: CountingSink(sizes: [100, 100], finishedInputs: FinishedInputs()), slots: 4, imagesPerBatch: 4,
      concurrency: 2)
    await scheduler.fail(Broken())
    await #expect(throws: Broken.self) { try await scheduler.nextBatch() }
  }
}
