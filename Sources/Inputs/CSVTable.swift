// Comma-separated values with a header line (RFC 4180: quotes, doubled quotes, line breaks inside quotes).

/// A CSV file with named columns.
package struct CSVTable: Sendable, Equatable {
  package let path: String
  package let columns: [String]
  package let rows: [[String]]

  package init(contentsOf path: String) throws(InputError) {
    try self.init(FileBytes.read(path), path: path)
  }

  /// Every row must have as many fields as the header; empty lines are skipped, a byte-order mark is ignored.
  package init(_ bytes: [UInt8], path: String) throws(InputError) {
    var records = try Self.records(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], path)
    records.removeAll { $0 == [""] }
    guard let header = records.first else { throw .labels(path: path, reason: "the file is empty") }
    for (number, record) in records.enumerated() where record.count != header.count {
      throw .labels(
        path: path, reason: "row \(number) has \(record.count) fields, the header has \(header.count)")
    }
    self.path = path
    self.columns = header.map { Self.trimmed($0) }
    self.rows = Array(records.dropFirst())
  }

  /// The first column whose name (in any case) is among `names`, in the order of `names`.
  package func column(_ names: [String]) -> Int? {
    let lower = columns.map { $0.lowercased() }
    for name in names {
      if let index = lower.firstIndex(of: name) { return index }
    }
    return nil
  }

  private static func records(_ bytes: ArraySlice<UInt8>, _ path: String) throws(InputError) -> [[String]] {
    let (quote, comma, carriage, newline): (UInt8, UInt8, UInt8, UInt8) = (0x22, 0x2C, 0x0D, 0x0A)
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var position = bytes.startIndex
    func text() -> String { String(decoding: field, as: UTF8.self) }
    while position < bytes.endIndex {
      let byte = bytes[position]
      let next = position + 1 < bytes.endIndex ? bytes[position + 1] : 0
      position += 1
      if isQuoted {
        if byte == quote, next == quote {
          field.append(quote)
          position += 1
        } else if byte == quote {
          isQuoted = false
        } else {
          field.append(byte)
        }
      } else if byte == quote, field.isEmpty {
        isQuoted = true
      } else if byte == comma {
        record.append(text())
        field = []
      } else if byte == newline || (byte == carriage && next == newline) {
        if byte == carriage { position += 1 }
        records.append(record + [text()])
        record = []
        field = []
      } else {
        field.append(byte)
      }
    }
    if isQuoted { throw .labels(path: path, reason: "a quoted field is not closed") }
    if !field.isEmpty || !record.isEmpty { records.append(record + [text()]) }
    return records
  }

  /// Without spaces and tabs at both ends.
  package static func trimmed(_ text: String) -> String {
    let body = text.drop { $0 == " " || $0 == "\t" }
    return String(body.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
