// A thread of its own for library code that keeps state per thread (OpenMP's team size, the floating-point state).

import Glibc

/// One operating-system thread that runs jobs one after the other, in the order of submission.
///
/// The thread ends when the last reference goes and its queue is empty.
final class WorkerThread: Sendable {
  private let state = State()

  /// Starts the thread; `setUp` runs on it first.
  init(setUp: @escaping @Sendable () -> Void) {
    state.submit(setUp)
    let argument = Unmanaged.passRetained(state)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 8 << 20)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<State>.fromOpaque(argument!).takeRetainedValue().work()
        return nil
      }, argument.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(status == 0, "the system refuses another thread: \(String(cString: strerror(status)))")
  }

  deinit { state.finish() }

  /// Queues a job.
  func submit(_ job: @escaping @Sendable () -> Void) { state.submit(job) }

  /// Runs a job on the thread and waits for its result without blocking the caller's thread.
  func run<Result: Sendable>(_ job: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      submit { continuation.resume(returning: job()) }
    }
  }

  /// The queue, which the thread outlives its owner with.
  private final class State: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [@Sendable () -> Void] = []
    private var ends = false

    init() {
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(changed, nil)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(mutex)
      changed.deallocate()
      mutex.deallocate()
    }

    func submit(_ job: @escaping @Sendable () -> Void) {
      pthread_mutex_lock(mutex)
      jobs.append(job)
      pthread_cond_signal(changed)
      pthread_mutex_unlock(mutex)
    }

    func finish() {
      pthread_mutex_lock(mutex)
      ends = true
      pthread_cond_signal(changed)
      pthread_mutex_unlock(mutex)
    }

    func work() {
      while let job = next() { job() }
    }

    private func next() -> (@Sendable () -> Void)? {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      while jobs.isEmpty {
        if ends { return nil }
        pthread_cond_wait(changed, mutex)
      }
      return jobs.removeFirst()
    }
  }
}
