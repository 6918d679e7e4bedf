// Names of a classifier's classes: a CSV with an index and a name column (`classes.csv`).

/// Reads class names.
public enum ClassNames {
  /// The names in the order of their indices, which must be exactly 0, 1, ..., n - 1.
  ///
  /// Columns by header: class_index, index, label or class; class_name, name or label_name.
  public static func read(contentsOf path: String) throws(InputError) -> [String] {
    let table = try CSVTable(contentsOf: path)
    guard let index = table.column(["class_index", "index", "label", "class"]),
      let name = table.column(["class_name", "name", "label_name"])
    else {
      throw .labels(
        path: path,
        reason: "the columns class_index and class_name are needed, there are \(table.columns.joined(separator: ", "))")
    }
    var names = [String?](repeating: nil, count: table.rows.count)
    for row in table.rows {
      guard let value = Int(CSVTable.trimmed(row[index])), names.indices.contains(value), names[value] == nil else {
        throw .labels(
          path: path, reason: "\"\(row[index])\" is not a new class index in 0..<\(names.count), one per row")
      }
      names[value] = row[name]
    }
    return names.compactMap { $0 }
  }
}
