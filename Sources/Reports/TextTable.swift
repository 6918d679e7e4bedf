// Aligned tables of plain text for the terminal.

/// Columns padded to their widest cell, two spaces apart.
///
/// A column whose filled cells all read as numbers (with a unit such as %, s or GiB after them, or a dash for "none") is
/// set to the right, every other one to the left, unless `alignment` says otherwise. Every character counts as one cell
/// of the terminal. Control characters, with which a file's name could move the cursor, become "?".
package struct TextTable: Sendable {
  package enum Alignment: Sendable { case automatic, left, right }

  package var titles: [String]
  /// Alignment of each column; columns beyond the array's end are automatic.
  package var alignment: [Alignment]
  package private(set) var rows: [[String]] = []

  /// A table without rows; empty `titles` give a table without a heading.
  package init(_ titles: [String] = [], alignment: [Alignment] = []) {
    self.titles = titles.map(Self.plain)
    self.alignment = alignment
  }

  /// Adds a row; missing cells are empty, more cells than titles make more columns.
  package mutating func append(_ cells: [String]) { rows.append(cells.map(Self.plain)) }

  /// The heading, a rule and the rows, without spaces at line ends.
  /// - Complexity: linear in the number of characters.
  package var lines: [String] {
    let all = titles.isEmpty ? rows : [titles] + rows
    let columns = all.map(\.count).max() ?? 0
    func cell(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
    let widths = (0..<columns).map { column in all.map { cell($0, column).count }.max() ?? 0 }
    let right = (0..<columns).map { column in
      switch column < alignment.count ? alignment[column] : .automatic {
      case .left: false
      case .right: true
      case .automatic: Self.areNumbers(rows.map { cell($0, column) })
      }
    }
    func line(_ row: [String]) -> String {
      let cells = (0..<columns).map { column in
        let text = cell(row, column)
        let space = String(repeating: " ", count: widths[column] - text.count)
        return right[column] ? space + text : text + space
      }
      var joined = cells.joined(separator: "  ")
      while joined.last == " " { joined.removeLast() }
      return joined
    }
    guard !titles.isEmpty else { return rows.map(line) }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return [line(titles), rule] + rows.map(line)
  }

  /// All lines, each ended by a newline; "" for a table with neither titles nor rows.
  package var text: String { lines.map { $0 + "\n" }.joined() }

  private static func areNumbers(_ cells: [String]) -> Bool {
    let filled = cells.filter { !$0.isEmpty && $0 != "-" && $0 != "–" }
    return !filled.isEmpty && filled.allSatisfy(isNumber)
  }

  /// Digits, perhaps with sign, separators and exponent, perhaps followed by one of the units that we print.
  private static func isNumber(_ cell: String) -> Bool {
    let units: Set<String> = ["%", "s", "ms", "x", "k", "MiB", "GiB", "MHz", "/s"]
    let words = cell.split(separator: " ")
    guard (1...2).contains(words.count), words.count == 1 || units.contains(String(words[1])) else { return false }
    var number = words[0]
    while let last = number.last, "%xsk".contains(last) { number.removeLast() }
    return number.contains(where: \.isNumber) && number.first?.isLetter == false
      && number.allSatisfy { $0.isNumber || "+-.,eE".contains($0) }
  }

  private static func plain(_ text: String) -> String {
    guard !text.unicodeScalars.allSatisfy(Markup.isPlain) else { return text }
    var plain = ""
    for scalar in text.unicodeScalars { plain.unicodeScalars.append(Markup.isPlain(scalar) ? scalar : "?") }
    return plain
  }
}
