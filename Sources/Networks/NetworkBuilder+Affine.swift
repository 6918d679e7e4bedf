// Affine layers over elements: rows are given by positions in a list of elements and stored by neuron numbers.

/// Affine rows over positions in a list of elements, ascending within a row, with what is known about their rounding.
package struct AffineRows: Sendable {
  package var rows: SparseRows
  package var bias: [Double]
  package var coefficientRoundings: Int
  package var biasError: [Double]?
  package var float32ExtraRoundings: Int

  package init(
    rows: SparseRows, bias: [Double], coefficientRoundings: Int = 0, biasError: [Double]? = nil,
    float32ExtraRoundings: Int = 0
  ) {
    self.rows = rows
    self.bias = bias
    self.coefficientRoundings = coefficientRoundings
    self.biasError = biasError
    self.float32ExtraRoundings = float32ExtraRoundings
  }
}

extension SparseRows {
  /// Rows written through raw pointers: `body` fills `starts` (one for each row and the end), columns and values, at
  /// most `capacity` entries.
  package init<E: Error>(
    count: Int, capacity: Int,
    writing body: (
      _ starts: UnsafeMutablePointer<Int>, _ columns: UnsafeMutablePointer<Int32>,
      _ values: UnsafeMutablePointer<Double>
    ) throws(E) -> Void
  ) throws(E) {
    var starts = [Int](repeating: 0, count: count + 1)
    var values: [Double] = []
    var thrown: E?
    let columns = [Int32](unsafeUninitializedCapacity: max(capacity, 1)) { columns, columnCount in
      values = [Double](unsafeUninitializedCapacity: max(capacity, 1)) { values, valueCount in
        starts.withUnsafeMutableBufferPointer { starts in
          do throws(E) {
            try body(starts.baseAddress!, columns.baseAddress!, values.baseAddress!)
          } catch {
            thrown = error
          }
        }
        precondition(starts[count] <= capacity)
        valueCount = starts[count]
      }
      columnCount = starts[count]
    }
    if let thrown { throw thrown }
    self.init(starts: starts, columns: columns, values: values)
  }
}

extension NetworkBuilder {
  /// A layer of the given rows over `inputs`; entries of weight 0 should be left out.
  ///
  /// Exact whatever the inputs are: where an input occurs twice in a row or is a constant other than 0, a layer of 0/1
  /// rows makes separate neurons of the inputs first.
  /// - Complexity: O(entries); O(entries log) where the inputs are not in ascending order.
  package mutating func affine(_ name: String, over inputs: [Element], _ affine: AffineRows) -> [Element] {
    if let constants = folded(affine, over: inputs) { return constants }
    var affine = affine
    var reading: [Int]
    if Self.isRange(inputs) {
      reading = layers(of: inputs)
      let first = Int32(inputs.first ?? 0)
      if first != 0 {
        affine.rows.columns.withUnsafeMutableBufferPointer { columns in
          for entry in columns.indices { columns[entry] += first }
        }
      }
    } else if let mapped = map(affine.rows, over: inputs) {
      reading = layers(of: inputs)
      affine.rows = mapped
    } else {
      let copies = selection(name + ".operands", inputs, merging: false)
      return self.affine(name, over: Array(copies), affine)
    }
    return Array(
      append(
        name, count: affine.bias.count,
        .affine(
          Affine(
            rows: affine.rows, bias: affine.bias, coefficientRoundings: affine.coefficientRoundings,
            biasError: affine.biasError, float32ExtraRoundings: affine.float32ExtraRoundings)),
        reading: reading))
  }

  /// The rows over neurons; nil where that would not be exact. Entries of the constant 0 vanish.
  private func map(_ rows: SparseRows, over inputs: [Element]) -> SparseRows? {
    var isAscending = true
    var hasConstants = false
    var last = -1
    for input in inputs {
      if input < 0 {
        if input != Self.zero { return nil }
        hasConstants = true
        continue
      }
      if input <= last { isAscending = false }
      last = input
    }
    if isAscending, !hasConstants {
      var result = rows
      result.columns.withUnsafeMutableBufferPointer { columns in
        inputs.withUnsafeBufferPointer { inputs in
          for entry in columns.indices { columns[entry] = Int32(inputs[Int(columns[entry])]) }
        }
      }
      return result
    }
    var isExact = true
    let result = SparseRows(count: rows.count, capacity: rows.columns.count) { starts, columns, values in
      var entry = 0
      for row in 0..<rows.count {
        let first = entry
        for source in rows.entries(ofRow: row) {
          let input = inputs[Int(rows.columns[source])]
          if input < 0 { continue }
          columns[entry] = Int32(input)
          values[entry] = rows.values[source]
          entry += 1
        }
        if !isAscending, !sortEntries(columns + first, values + first, entry - first) { isExact = false }
        starts[row + 1] = entry
      }
    }
    return isExact ? result : nil
  }

  /// A layer that copies elements: one neuron for each, in order. With `merging`, neurons of affine layers are copied
  /// as their rows, so that the layer stands beside the one it copies from instead of behind it.
  mutating func selection(_ name: String, _ elements: [Element], merging: Bool) -> Range<Int> {
    let result = sum(name, [SumTerm(elements: elements, mayMerge: merging)], foldsConstants: false)
    if let whole = wholeLayer(result) { return layers[whole].neurons }
    preconditionFailure("a sum is a layer")
  }
}

/// Sorts the entries of a row by column; false if a column occurs twice.
private func sortEntries(
  _ columns: UnsafeMutablePointer<Int32>, _ values: UnsafeMutablePointer<Double>, _ count: Int
) -> Bool {
  var isSorted = true
  for index in 1..<max(count, 1) where columns[index] <= columns[index - 1] {
    isSorted = false
    break
  }
  if isSorted { return true }
  if count <= 32 {
    for index in 1..<count {
      let column = columns[index]
      let value = values[index]
      var place = index
      while place > 0, columns[place - 1] > column {
        columns[place] = columns[place - 1]
        values[place] = values[place - 1]
        place -= 1
      }
      columns[place] = column
      values[place] = value
    }
  } else {
    let order = (0..<count).sorted { columns[$0] < columns[$1] }
    let oldColumns = order.map { columns[$0] }
    let oldValues = order.map { values[$0] }
    for index in 0..<count {
      columns[index] = oldColumns[index]
      values[index] = oldValues[index]
    }
  }
  for index in 1..<count where columns[index] == columns[index - 1] { return false }
  return true
}
