import Glibc
import Synchronization

/// Messages and progress on standard error.
enum Terminal {
  /// Whether progress may redraw a line.
  static let isInteractive = isatty(2) == 1
  private static let barIsShown = Mutex(false)

  /// A line on standard error; a progress bar on the terminal makes room.
  static func message(_ text: String) {
    let clear = barIsShown.withLock { shown in
      defer { shown = false }
      return shown
    }
    put((clear ? "\r\u{1b}[K" : "") + text + "\n")
  }

  /// Redraws the progress bar.
  static func bar(_ text: String) {
    barIsShown.withLock { $0 = true }
    put("\r\u{1b}[K" + String(text.prefix(columns - 1)))
  }

  /// Ends a progress bar, leaving the line empty.
  static func clearBar() {
    if barIsShown.withLock({ shown in
      defer { shown = false }
      return shown
    }) {
      put("\r\u{1b}[K")
    }
  }

  private static func put(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }

  private static var columns: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}
