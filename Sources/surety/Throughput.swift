import Compute

/// How often per second some instances get through a pass, all at the same time.
enum Throughput {
  /// Runs passes on all instances for the given time, after two passes each to warm up; `pass` is told the instance and
  /// the pass's number on it.
  static func passesPerSecond(
    _ instances: Int, seconds: Double, pass: @escaping @Sendable (Int, Int) async throws -> Void
  ) async throws -> Double {
    let clock = ContinuousClock()
    for instance in 0..<instances { for number in 0..<2 { try await pass(instance, number) } }
    let start = clock.now
    let passes = try await withThrowingTaskGroup(of: Int.self) { group in
      for instance in 0..<instances {
        group.addTask {
          var number = 0
          repeat {
            try await pass(instance, number)
            number += 1
          } while (clock.now - start).seconds < seconds
          return number
        }
      }
      return try await group.reduce(0, +)
    }
    return Double(passes) / (clock.now - start).seconds
  }
}
