// What can be wrong with a property file, as sentences with the place and the next step.

/// Why a property could not be read or does not fit.
public enum VNNLIBError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be opened or unpacked.
  case unreadable(path: String, reason: String)
  /// Something at a place in the text.
  case malformed(path: String, line: Int, column: Int, reason: String)
  /// The text is well-formed, but its meaning cannot be used.
  case unusable(path: String, reason: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
    case .malformed(let path, let line, let column, let reason): "\(path), line \(line), column \(column): \(reason)"
    case .unusable(let path, let reason): "\(path): \(reason)"
    }
  }
}
