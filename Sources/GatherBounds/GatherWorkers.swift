// Jobs spread over a few tasks, each with working memory of its own.

import Synchronization

enum GatherWorkers {
  /// Runs jobs 0..<count on up to `threads` tasks; `make` gives each task its memory. Jobs start in ascending order.
  static func run<Memory>(
    _ count: Int, threads: Int, make: @escaping @Sendable () -> Memory,
    job: @escaping @Sendable (Int, Memory) -> Void
  ) async {
    let next = Counter()
    @Sendable func work() {
      var memory: Memory?
      while true {
        let index = next.take()
        if index >= count { return }
        let own = memory ?? make()
        memory = own
        job(index, own)
      }
    }
    let tasks = min(threads, count)
    if tasks <= 1 { return work() }
    await withTaskGroup(of: Void.self) { group in
      for _ in 1..<tasks { group.addTask { work() } }
      work()
    }
  }

  private final class Counter: Sendable {
    private let next = Atomic<Int>(0)
    func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
  }
}

/// A list that jobs fill in any order.
final class GatherResults<Element>: @unchecked Sendable {
  private let lock = Mutex<Void>(())
  private(set) var elements: [Element?]

  init(_ count: Int) { elements = [Element?](repeating: nil, count: count) }

  func set(_ index: Int, _ element: Element) { lock.withLock { _ in elements[index] = element } }
}
