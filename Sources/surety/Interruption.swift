import Glibc
import Synchronization

/// SIGINT and SIGTERM: the first one lets the work under way store what it has and ends the program within a second,
/// a second one ends it at once.
///
/// The signals are blocked in every thread and taken by the main thread, which does nothing else, so that no handler
/// runs inside another function. The main thread must not run Swift's main queue instead: that one waits with all
/// signals unblocked, and they would end the program before anything is stored.
enum Interruption {
  private static let work = Mutex<(@Sendable () async -> Void)?>(nil)

  /// Blocks the signals; to be called before any other thread exists.
  ///
  /// A write beyond a file size limit fails with an error like any other, instead of ending the program.
  static func install() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Says what to do at the first signal: store everything and return. nil: nothing is at stake.
  static func onInterrupt(_ action: (@Sendable () async -> Void)?) { work.withLock { $0 = action } }

  /// Waits for the first signal and acts on it: the main thread's only work.
  static func wait() -> Never {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    var number: Int32 = 0
    sigwait(&signals, &number)
    let code = 128 + number
    guard let action = work.withLock({ $0 }) else { _exit(code) }
    Task.detached(priority: .high) {
      await action()
      _exit(code)
    }
    // A second signal, or 0.9 seconds without an end, ends the program at once.
    var limit = timespec(tv_sec: 0, tv_nsec: 900_000_000)
    while sigtimedwait(&signals, nil, &limit) < 0 && errno == EINTR {}
    _exit(code)
  }
}
