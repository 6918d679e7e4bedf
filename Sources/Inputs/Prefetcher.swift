// Decoding ahead: worker threads of their own prepare the next inputs while the consumer computes.

import Glibc

/// Runs `work` on each of `indices` on background threads and hands out the results in the order of `indices`.
///
/// At most `depth` results are started ahead of the consumer, which bounds the memory. `next()` blocks; the workers are
/// plain threads, so blocking inside a Swift task cannot deadlock them. One consumer at a time gets the results in
/// order; several may call, each result goes to one of them. Letting go of the prefetcher stops the workers after the
/// item they are at.
package final class Prefetcher<Output: Sendable>: Sendable {
  private let state: PrefetchState<Output>

  /// - Parameters:
  ///   - depth: results started ahead, at least 1.
  ///   - threads: workers, at least 1; no more than `depth` are started.
  ///   - work: called once per index, on a worker thread; errors belong into `Output` (a `Result`, as a rule).
  package init(
    _ indices: [Int], depth: Int = 8, threads: Int = 1, work: @escaping @Sendable (Int) -> Output
  ) {
    state = PrefetchState(indices: indices, depth: max(1, depth), work: work)
    for _ in 0..<max(1, min(threads, depth, indices.count)) { state.startWorker() }
  }

  /// The next result with its index, waiting for it where necessary; nil at the end and after `cancel()`.
  package func next() -> (index: Int, output: Output)? { state.next() }

  /// Ends the workers after the items they are at; waiting callers of `next` get nil.
  package func cancel() { state.cancel() }

  deinit { state.cancel() }
}

extension Prefetcher where Output == Result<Dataset.Item, InputError> {
  /// Loads the items of a data set ahead.
  package convenience init(_ dataset: Dataset, indices: [Int], depth: Int = 8, threads: Int = 1) {
    self.init(indices, depth: depth, threads: threads) { index in
      do throws(InputError) {
        return .success(try dataset.load(index))
      } catch {
        return .failure(error)
      }
    }
  }
}

/// The queue. `@unchecked Sendable`: every stored variable is read and written only while `mutex` is held.
private final class PrefetchState<Output: Sendable>: @unchecked Sendable {
  private let indices: [Int]
  private let depth: Int
  private let work: @Sendable (Int) -> Output
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var claimed = 0
  private var delivered = 0
  private var isCancelled = false
  private var finished: [Int: Output] = [:]

  init(indices: [Int], depth: Int, work: @escaping @Sendable (Int) -> Output) {
    self.indices = indices
    self.depth = depth
    self.work = work
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(changed)
    mutex.deallocate()
    changed.deallocate()
  }

  /// The thread owns a reference until it ends. If no thread can be had, `next` does the work itself.
  func startWorker() {
    let reference = Unmanaged.passRetained(WorkerBox { self.runWorker() })
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { pointer in
        Unmanaged<WorkerBox>.fromOpaque(pointer!).takeRetainedValue().body()
        return nil
      }, reference.toOpaque())
    if status == 0 { pthread_detach(thread) } else { reference.release() }
  }

  private func runWorker() {
    while let position = claim(waits: true) { finish(position, work(indices[position])) }
  }

  /// The next position to work on; nil when there is none left (or, without waiting, none free now).
  private func claim(waits: Bool) -> Int? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while waits, !isCancelled, claimed < indices.count, claimed - delivered >= depth {
      pthread_cond_wait(changed, mutex)
    }
    guard !isCancelled, claimed < indices.count, claimed - delivered < depth else { return nil }
    claimed += 1
    return claimed - 1
  }

  private func finish(_ position: Int, _ output: Output) {
    pthread_mutex_lock(mutex)
    finished[position] = output
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }

  func next() -> (index: Int, output: Output)? {
    pthread_mutex_lock(mutex)
    guard !isCancelled, delivered < indices.count else {
      pthread_mutex_unlock(mutex)
      return nil
    }
    let position = delivered
    let isUnclaimed = claimed == position
    if isUnclaimed { claimed += 1 }
    delivered += 1
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
    // Nobody has begun it: doing it here is no slower than waiting for a worker.
    if isUnclaimed { return (indices[position], work(indices[position])) }

    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let output = finished.removeValue(forKey: position) { return (indices[position], output) }
      if isCancelled { return nil }
      pthread_cond_wait(changed, mutex)
    }
  }

  func cancel() {
    pthread_mutex_lock(mutex)
    isCancelled = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }
}

private final class WorkerBox: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
