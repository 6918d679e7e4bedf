import Glibc

// Threads for loops that never wait: each runs one body to its end.

enum Threads {
  /// Runs the body once for each index, each on a thread of its own (index 0 on the caller's), and waits for all.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Job: Sendable {
      let index: Int
      let body: @Sendable (Int) -> Void
      init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.index = index
        self.body = body
      }
    }
    var started: [pthread_t] = []
    var refused: [Int] = []
    for index in 1..<max(1, count) {
      let argument = Unmanaged.passRetained(Job(index, body))
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          let job = Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue()
          job.body(job.index)
          return nil
        }, argument.toOpaque())
      if status == 0 {
        started.append(thread)
      } else {
        argument.release()
        refused.append(index)
      }
    }
    body(0)
    for index in refused { body(index) }
    for thread in started { pthread_join(thread, nil) }
  }
}
