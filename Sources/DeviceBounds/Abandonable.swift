// Work that cannot be interrupted, such as a driver's compiler, under a deadline.

import Synchronization

/// The result of `work`, or nil once the deadline comes; the work then ends by itself and its result is dropped.
package func beforeDeadline<Result: Sendable>(
  _ deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
  let first = FirstAnswer<Result?>()
  let clock = Task.detached {
    try await Task.sleep(until: deadline, tolerance: .zero, clock: .continuous)
    first.give(.success(nil))
  }
  defer { clock.cancel() }
  return try await withCheckedThrowingContinuation { continuation in
    first.await(continuation)
    Task.detached {
      do { first.give(.success(try await work())) } catch { first.give(.failure(error)) }
    }
  }
}

/// Resumes a continuation with the first of several answers.
private final class FirstAnswer<Answer: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Answer, any Error>)
    /// An answer came before anybody waited.
    case early(Result<Answer, any Error>)
    case done
  }

  private let state = Mutex(State.empty)

  func await(_ continuation: CheckedContinuation<Answer, any Error>) {
    let answer: Result<Answer, any Error>? = state.withLock {
      if case .early(let answer) = $0 {
        $0 = .done
        return answer
      }
      $0 = .waiting(continuation)
      return nil
    }
    if let answer { continuation.resume(with: answer) }
  }

  func give(_ answer: Result<Answer, any Error>) {
    let waiting: CheckedContinuation<Answer, any Error>? = state.withLock {
      switch $0 {
      case .waiting(let continuation):
        $0 = .done
        return continuation
      case .empty:
        $0 = .early(answer)
        return nil
      case .early, .done: return nil
      }
    }
    waiting?.resume(with: answer)
  }
}
