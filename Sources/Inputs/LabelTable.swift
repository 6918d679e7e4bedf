// Labels that come apart from the data: a CSV, and for arrays also a .npy of integers or an idx1 file.

/// A CSV of labels. Columns by header, in any case: file, filename, path, image or name for folders; row, index or idx
/// for arrays; class_index, label, class, target or y for the class, an integer of 0 or more.
struct LabelTable {
  private let table: CSVTable
  private let labelColumn: Int

  init(contentsOf path: String) throws(InputError) {
    table = try CSVTable(contentsOf: path)
    guard let column = table.column(["class_index", "label", "class", "target", "y"]) else {
      throw .labels(
        path: path,
        reason: "a column class_index or label is needed, there are \(table.columns.joined(separator: ", "))")
    }
    labelColumn = column
  }

  /// One label per file, in the order of `files`. A file named twice, missing from the CSV, or (unless
  /// `mayNameOthers`) in the CSV but not in `files` is an error with the first such name and their number.
  func labels(forFiles files: [String], mayNameOthers: Bool) throws(InputError) -> [Int] {
    guard let column = table.column(["file", "filename", "path", "image", "name"]) else {
      throw .labels(
        path: table.path,
        reason: "a column file or filename is needed, there are \(table.columns.joined(separator: ", "))")
    }
    var labelOfFile: [String: Int] = [:]
    for row in table.rows {
      let file = row[column]
      guard labelOfFile.updateValue(try label(row), forKey: file) == nil else {
        throw .labels(path: table.path, reason: "\(file) is named twice")
      }
    }
    if !mayNameOthers {
      let present = Set(files)
      let absent = table.rows.map { $0[column] }.filter { !present.contains($0) }
      if let first = absent.first {
        throw .labels(
          path: table.path,
          reason: "\(absent.count) of its files \(Self.isOrAre(absent.count)) not on disk, first \(first)")
      }
    }
    let unlabelled = files.filter { labelOfFile[$0] == nil }
    if let first = unlabelled.first {
      let count = unlabelled.count
      throw .labels(
        path: table.path,
        reason: "\(count) image\(count == 1 ? " has" : "s have") no row, first \(first); add rows or remove the images")
    }
    return files.map { labelOfFile[$0]! }
  }

  /// One label per item of an array. Without a column row, index or idx the rows are taken in order.
  func labels(count: Int) throws(InputError) -> [Int] {
    guard table.rows.count == count else {
      throw .labels(path: table.path, reason: "it has \(table.rows.count) rows for \(count) inputs")
    }
    let column = table.column(["row", "index", "idx"])
    var result = [Int?](repeating: nil, count: count)
    for (position, row) in table.rows.enumerated() {
      var index = position
      if let column {
        guard let value = Int(CSVTable.trimmed(row[column])), result.indices.contains(value), result[value] == nil
        else {
          throw .labels(path: table.path, reason: "\"\(row[column])\" is not a new row number in 0..<\(count)")
        }
        index = value
      }
      result[index] = try label(row)
    }
    return result.compactMap { $0 }
  }

  private func label(_ row: [String]) throws(InputError) -> Int {
    guard let value = Int(CSVTable.trimmed(row[labelColumn])), value >= 0 else {
      throw .labels(
        path: table.path,
        reason: "\"\(row[labelColumn])\" in the column \(table.columns[labelColumn]) is not a class index, 0, 1, ...")
    }
    return value
  }

  private static func isOrAre(_ count: Int) -> String { count == 1 ? "is" : "are" }

  /// Labels of an array of `count` inputs from a CSV, a .npy of integers or an idx1 file.
  static func read(_ path: String, count: Int) throws(InputError) -> [Int] {
    let lower = path.lowercased()
    if lower.hasSuffix(".npy") {
      return try check(NumPyArray(contentsOf: path).integers(), count: count, path: path)
    }
    if lower.hasSuffix("ubyte") || lower.hasSuffix("ubyte.gz") || lower.hasSuffix(".idx") {
      let file = try IDXFile(contentsOf: path)
      guard file.shape.count == 1 else {
        throw .labels(path: path, reason: "it has \(file.shape.count) dimensions, not 1")
      }
      return try check(
        file.source.read(at: file.dataOffset, count: file.shape[0]).map(Int.init), count: count, path: path)
    }
    return try LabelTable(contentsOf: path).labels(count: count)
  }

  /// `labels` if there are `count` of them and none is negative.
  static func check(_ labels: [Int], count: Int, path: String) throws(InputError) -> [Int] {
    guard labels.count == count else {
      throw .labels(path: path, reason: "there are \(labels.count) labels for \(count) inputs")
    }
    if let negative = labels.first(where: { $0 < 0 }) {
      throw .labels(path: path, reason: "the label \(negative) is negative")
    }
    return labels
  }
}
