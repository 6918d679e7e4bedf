import Glibc
import Synchronization

/// The last word on time and memory for the one question that a process answers.
///
/// Searches read the clock inside their loops and count what they hold; loading a model, growing an array or building a
/// kernel does neither. A thread of its own looks every few milliseconds: once the deadline is past by a grace, or the
/// process holds nearly as much memory as it may, it gives the answer that is true then and ends the process.
final class HardLimits: Sendable {
  enum Breach: Sendable { case time, memory }

  /// Searches return by themselves in this time, with more to say.
  private static let grace = Duration.milliseconds(110)
  /// Bytes that the system takes back in a second, at least, while a process ends.
  private static let returnRate = 12e9
  /// What a process may still take between two looks.
  private static let margin = 48 << 20

  /// True once an answer is given, by whoever was first.
  private let isAnswered = Mutex(false)

  /// - Parameter answer: prints the answer to a breach; the process then ends with `code`.
  init(
    deadline: ContinuousClock.Instant, memory: Int, code: Int32, answer: @escaping @Sendable (Breach) -> Void
  ) {
    let ceiling = memory - min(Self.margin, memory / 8)
    Self.onThread { [self] in
      while !isAnswered.withLock({ $0 }) {
        let held = Self.residentBytes
        // Memory takes its time to go back.
        let end = deadline + Self.grace - .seconds(Double(held) / Self.returnRate)
        let now = ContinuousClock.now
        if now >= end || held > ceiling, claim() {
          answer(held > ceiling ? .memory : .time)
          fflush(nil)
          _exit(code)
        }
        let pause = min(.milliseconds(5), end - now)
        usleep(UInt32(max(200, pause.seconds * 1e6)))
      }
    }
  }

  private func claim() -> Bool {
    isAnswered.withLock { isAnswered in
      defer { isAnswered = true }
      return !isAnswered
    }
  }

  /// Ends the limits: the answer is there. Does not return if theirs came first.
  func end() {
    if claim() { return }
    while true { pause() }
  }

  /// Bytes of this process that are in memory.
  private static var residentBytes: Int {
    let file = open("/proc/self/statm", O_RDONLY)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return 0 }
    let fields = bytes[..<count].split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Runs a body on a thread outside the pools, which searches keep busy.
  private static func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let made = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    if made == 0 { pthread_detach(thread) } else { box.release() }
  }
}
