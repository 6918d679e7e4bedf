// One thread that waits for a device, so that no thread of Swift's pool ever blocks.

import Glibc

/// Runs closures one after the other on a thread of its own, which ends with the worker.
final class Worker: Sendable {
  private let state = State()

  init() {
    var thread = pthread_t()
    let shared = Unmanaged.passRetained(state)
    let status = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<State>.fromOpaque(argument!).takeRetainedValue().loop()
        return nil
      }, shared.toOpaque())
    precondition(status == 0, "a thread for the OpenCL device could not be started")
    pthread_detach(thread)
  }

  deinit { state.add(nil) }

  /// Runs the closure on the worker's thread and returns its result.
  func perform<Answer: Sendable>(_ body: @escaping @Sendable () -> Answer) async -> Answer {
    await withCheckedContinuation { continuation in
      state.add { continuation.resume(returning: body()) }
    }
  }

  /// The queue of closures; nil ends the thread. Every access holds the mutex.
  private final class State: @unchecked Sendable {
    private var jobs: [(@Sendable () -> Void)?] = []
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(condition, nil)
    }

    deinit {
      pthread_cond_destroy(condition)
      pthread_mutex_destroy(mutex)
      condition.deallocate()
      mutex.deallocate()
    }

    func add(_ job: (@Sendable () -> Void)?) {
      pthread_mutex_lock(mutex)
      jobs.append(job)
      pthread_cond_signal(condition)
      pthread_mutex_unlock(mutex)
    }

    func loop() {
      while true {
        pthread_mutex_lock(mutex)
        while jobs.isEmpty { pthread_cond_wait(condition, mutex) }
        let job = jobs.removeFirst()
        pthread_mutex_unlock(mutex)
        guard let job else { return }
        job()
      }
    }
  }
}
