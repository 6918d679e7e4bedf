import Hashing

/// `certificates.jsonl`: one line per input or instance, `{"checksum":"<SHA-256 of the record's text>","record":{...}}`.
package enum RecordFile<Record: Codable & Sendable> {
  private static var prefix: String { "{\"checksum\":\"" }
  private static var middle: String { "\",\"record\":" }

  /// A record's line, without the newline.
  package static func line(_ record: Record) throws -> String {
    let text = try JSONText.encode(record)
    return prefix + SHA256.text(Array(text.utf8)) + middle + text + "}"
  }

  /// What a file holds.
  package struct Contents: Sendable {
    package var records: [Record]
    /// The bytes that the complete lines take; what follows is a torn line.
    package var completeBytes: Int
    /// Whether a torn last line follows.
    package var isTorn: Bool
  }

  /// Reads all complete lines.
  ///
  /// A last line without its newline was being written when the machine stopped: it is left out and reported as torn.
  /// Any complete line whose checksum or form is wrong was edited or damaged: an error that names the line.
  package static func read(_ bytes: [UInt8], path: String) throws -> Contents {
    var contents = Contents(records: [], completeBytes: 0, isTorn: false)
    var start = 0
    var number = 0
    while start < bytes.count {
      number += 1
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
        contents.isTorn = true
        break
      }
      contents.records.append(try parse(bytes[start..<end], path: path, number: number))
      start = end + 1
      contents.completeBytes = start
    }
    return contents
  }

  private static func parse(_ line: ArraySlice<UInt8>, path: String, number: Int) throws -> Record {
    let head = prefix.utf8.count
    let text = head + 64 + middle.utf8.count
    let bytes = Array(line)
    guard bytes.count > text, bytes.starts(with: prefix.utf8), bytes.last == UInt8(ascii: "}"),
      bytes[(head + 64)...].starts(with: middle.utf8)
    else {
      throw FileError("\(path) line \(number) is no certificate: the line was edited or damaged")
    }
    let record = Array(bytes[text..<(bytes.count - 1)])
    guard SHA256.text(record) == String(decoding: bytes[head..<(head + 64)], as: UTF8.self) else {
      throw FileError("\(path) line \(number) does not match its checksum: the line was edited or damaged")
    }
    do {
      return try JSONText.decode(Record.self, from: record)
    } catch {
      throw FileError("\(path) line \(number) is no certificate of this version: \(error)")
    }
  }
}

/// The certificates of a smoothing run.
package typealias CertificateFile = RecordFile<SmoothingCertificate>
