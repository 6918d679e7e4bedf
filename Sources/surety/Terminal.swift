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

/// A number with a fixed number of decimals.
func fixed(_ x: Double, _ places: Int) -> String {
  guard x.isFinite else { return "-" }
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let digits = String(Int((x.magnitude * scale).rounded()))
  let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
  let sign = x < 0 ? "-" : ""
  return places == 0 ? sign + padded : sign + padded.dropLast(places) + "." + padded.suffix(places)
}

/// A count with thin groups: 1234567 becomes 1,234,567.
func grouped(_ count: Int) -> String {
  var text = ""
  for (position, digit) in String(abs(count)).reversed().enumerated() {
    if position > 0 && position.isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return (count < 0 ? "-" : "") + String(text.reversed())
}

/// Seconds as people read them: 4.2 s, 3 min 20 s, 2 h 05 min.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e9 else { return "unknown" }
  if seconds < 60 { return "\(fixed(seconds, seconds < 10 ? 1 : 0)) s" }
  let whole = Int(seconds.rounded())
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// A share in percent.
func percent(_ part: Int, of whole: Int) -> String {
  whole == 0 ? "-" : fixed(100 * Double(part) / Double(whole), 1) + " %"
}
