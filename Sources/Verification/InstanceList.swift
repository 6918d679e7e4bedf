// A list of instances as VNN-COMP writes it: model, property, time limit; ours may also say what is expected.

import Certificates
import Inputs

/// One line of instances.csv.
public struct VerificationInstance: Sendable, Equatable {
  /// As the list names them.
  public var model: String
  public var property: String
  /// Seconds.
  public var timeout: Double
  /// "sat" or "unsat" where the list says so.
  public var expected: String?
  /// How far the expected verdict is trusted ("two", "one").
  public var confidence: String?
}

/// `instances.csv`: onnx, vnnlib, timeout in seconds, and optionally the expected verdict and its confidence; a header
/// line is recognised by a third field that is no number. Paths are relative to the list's folder.
public struct InstanceList: Sendable {
  public let instances: [VerificationInstance]
  /// The bytes of the list, for its hash.
  public let bytes: [UInt8]
  /// The folder that paths are relative to; ends with a slash, or is empty.
  public let folder: String

  /// Reads a list. Errors name the line.
  public init(_ path: String) throws {
    guard let bytes = try DurableFile.read(path) else { throw FileError("cannot open \(path): no such file") }
    self.bytes = bytes
    folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var instances: [VerificationInstance] = []
    for (number, line) in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { Self.trimmed($0) }
      if fields == [""] { continue }
      guard fields.count >= 3 else {
        throw FileError("\(path) line \(number + 1) has \(fields.count) fields; it needs model, property, timeout")
      }
      guard let timeout = Double(fields[2]) else {
        if number == 0 { continue }
        throw FileError("\(path) line \(number + 1): the timeout '\(fields[2])' is no number of seconds")
      }
      guard timeout > 0, timeout.isFinite else {
        throw FileError("\(path) line \(number + 1): the timeout must be positive, not \(fields[2])")
      }
      let expected = fields.count > 3 ? fields[3] : ""
      guard ["", "sat", "unsat", "unknown"].contains(expected) else {
        throw FileError(
          "\(path) line \(number + 1): the expected verdict must be sat, unsat or empty, not '\(expected)'")
      }
      instances.append(
        VerificationInstance(
          model: fields[0], property: fields[1], timeout: timeout,
          expected: expected.isEmpty || expected == "unknown" ? nil : expected,
          confidence: fields.count > 4 && !fields[4].isEmpty ? fields[4] : nil))
    }
    guard !instances.isEmpty else { throw FileError("\(path) lists no instances") }
    self.instances = instances
  }

  private static func trimmed(_ field: Substring) -> String {
    var field = field
    while let first = field.first, first == " " || first == "\t" || first == "\"" { field.removeFirst() }
    while let last = field.last, last == " " || last == "\t" || last == "\"" { field.removeLast() }
    return String(field)
  }

  /// Where a file of the list is. A name that is not there as written is tried with and without `.gz`.
  public func path(_ name: String) -> String {
    let path = name.hasPrefix("/") ? name : folder + name
    if DurableFile.exists(path) { return path }
    let other = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path + ".gz"
    return DurableFile.exists(other) ? other : path
  }
}
