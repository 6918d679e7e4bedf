// Entrywise sums: z_r = sum_t f_t e_tr + c_r. Where a summand is an affine layer that nothing else reads, its row takes
// the place of its neuron, so that a residual sum does not cost a layer.

/// One summand: elements, each with a factor.
package struct SumTerm: Sendable {
  package var elements: [NetworkBuilder.Element]
  /// 1 for every element unless given; exact.
  package var factors: [Double]?
  /// Whether nothing else reads the neurons, so that rows of an affine layer may be taken instead of them.
  package var mayMerge: Bool

  package init(elements: [NetworkBuilder.Element], factors: [Double]? = nil, mayMerge: Bool) {
    self.elements = elements
    self.factors = factors
    self.mayMerge = mayMerge
  }

  package init(elements: [NetworkBuilder.Element], factor: Double, mayMerge: Bool) {
    self.init(
      elements: elements, factors: factor == 1 ? nil : .init(repeating: factor, count: elements.count),
      mayMerge: mayMerge)
  }
}

extension NetworkBuilder {
  /// The entrywise sum of terms and a constant.
  ///
  /// Rows are joined only where that is exact and nothing cancels: coefficients that meet, and biases, must have equal
  /// signs and an exact sum in binary64. Otherwise the summand stays a neuron with coefficient 1.
  /// - Complexity: O(entries of the joined rows); a constant alone is added in place.
  package mutating func sum(
    _ name: String, _ terms: [SumTerm], constant: [Double]? = nil, foldsConstants: Bool = true
  ) -> [Element] {
    if foldsConstants, let constants = folded(terms, constant: constant) { return constants }
    if terms.count == 1, let constant, terms[0].factors == nil, terms[0].mayMerge,
      addInPlace(constant, to: terms[0].elements)
    {
      return terms[0].elements
    }
    var terms = terms
    // The latest layer first: it has the larger rows, and the earlier summand is the one that may stay a neuron.
    let owners = terms.map { $0.mayMerge ? affineLayer(of: $0.elements) : nil }
    var merged = terms.indices.filter { owners[$0] != nil }.sorted { owners[$0]! > owners[$1]! }
    while true {
      if let affine = joined(terms, merged: merged, owners: owners, constant: constant) {
        var reading = Set<Int>()
        for index in terms.indices {
          if merged.contains(index) {
            reading.formUnion(sources[owners[index]!])
          } else {
            reading.formUnion(layers(of: terms[index].elements))
          }
        }
        return Array(append(name, count: affine.bias.count, .affine(affine), reading: reading.sorted()))
      }
      if merged.popLast() == nil {
        // What does not add up exactly even so, such as two constants, becomes neurons of its own.
        for index in terms.indices where index > 0 || terms[0].elements.contains(where: { $0 < Self.zero }) {
          terms[index].elements = Array(selection(name + ".operand", terms[index].elements, merging: false))
        }
      }
    }
  }

  /// The affine layer that all elements belong to.
  private func affineLayer(of elements: [Element]) -> Int? {
    guard let first = elements.first, first >= 0 else { return nil }
    let index = layer(of: first)
    guard case .affine = layers[index].relation else { return nil }
    let neurons = layers[index].neurons
    return elements.allSatisfy { neurons.contains($0) } ? index : nil
  }

  /// Adds constants to the biases of rows that nothing else reads, if all sums are exact and nothing cancels.
  private mutating func addInPlace(_ constant: [Double], to elements: [Element]) -> Bool {
    guard let index = affineLayer(of: elements) else { return false }
    let first = layers[index].neurons.lowerBound
    guard Self.isRange(elements) || Set(elements).count == elements.count,
      case .affine(var affine) = layers[index].relation
    else { return false }
    var hadBias = false
    for (element, number) in zip(elements, constant) {
      let bias = affine.bias[element - first]
      if bias != 0 { hadBias = true }
      guard addsExactly(bias, number), bias * number >= 0 else { return false }
    }
    layers[index].relation = .input
    for (element, number) in zip(elements, constant) { affine.bias[element - first] += number }
    if hadBias { affine.float32ExtraRoundings += 1 }
    layers[index].relation = .affine(affine)
    return true
  }

  /// The rows of the sum; nil where joining the merged terms would not be exact.
  private func joined(
    _ terms: [SumTerm], merged: [Int], owners: [Int?], constant: [Double]?
  ) -> Affine? {
    let count = terms[0].elements.count
    var bias = constant ?? [Double](repeating: 0, count: count)
    var biasError: [Double]?
    var roundings = 0
    var extra = 0
    var row = SumRow()
    var rows = SparseRows()
    rows.starts.reserveCapacity(count + 1)
    let affines = terms.indices.map { index -> (affine: Affine, first: Int)? in
      guard merged.contains(index), case .affine(let affine) = layers[owners[index]!].relation else { return nil }
      return (affine, layers[owners[index]!].neurons.lowerBound)
    }
    var capacity = count * (terms.count - merged.count)
    for index in merged {
      let (affine, first) = affines[index]!
      for element in terms[index].elements { capacity += affine.rows.entries(ofRow: element - first).count }
    }
    rows.columns.reserveCapacity(capacity)
    rows.values.reserveCapacity(capacity)
    let order = merged + terms.indices.filter { !merged.contains($0) }
    for index in merged {
      let affine = affines[index]!.affine
      roundings = max(roundings, affine.coefficientRoundings)
      extra = max(extra, affine.float32ExtraRoundings)
      if affine.biasError != nil, biasError == nil { biasError = .init(repeating: 0, count: count) }
      if terms[index].factors != nil { extra += 1 }
    }
    if !merged.isEmpty, terms.count > 1 || constant != nil { extra += 1 }
    for position in 0..<count {
      row.clear()
      for index in order {
        let element = terms[index].elements[position]
        let factor = terms[index].factors?[position] ?? 1
        if factor == 0 { continue }
        if let number = self.constant(of: element) {
          guard isExactProduct(number, factor), addsExactly(bias[position], number * factor),
            bias[position] * (number * factor) >= 0
          else { return nil }
          bias[position] += number * factor
        } else if let (affine, first) = affines[index] {
          let source = element - first
          let number = affine.bias[source]
          guard isExactProduct(number, factor), addsExactly(bias[position], number * factor),
            bias[position] * (number * factor) >= 0
          else { return nil }
          bias[position] += number * factor
          if let error = affine.biasError?[source], error > 0 {
            biasError![position] = (biasError![position] + (error * factor.magnitude).nextUp).nextUp
          }
          guard row.add(affine.rows, source, factor: factor) else { return nil }
        } else {
          guard row.add(element, factor, mayCancel: merged.isEmpty) else { return nil }
        }
      }
      row.flush(into: &rows)
    }
    return Affine(
      rows: rows, bias: bias, coefficientRoundings: roundings, biasError: biasError, float32ExtraRoundings: extra)
  }
}

/// One row while terms are added to it, sorted by column.
private struct SumRow {
  private var columns: [Int32] = []
  private var values: [Double] = []
  private var oldColumns: [Int32] = []
  private var oldValues: [Double] = []

  mutating func clear() {
    columns.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }

  /// Adds factor times a row; false where a sum is not exact or terms cancel.
  mutating func add(_ rows: SparseRows, _ index: Int, factor: Double) -> Bool {
    let range = rows.entries(ofRow: index)
    if columns.isEmpty {
      columns.append(contentsOf: rows.columns[range])
      values.append(contentsOf: rows.values[range])
      if factor != 1 {
        for entry in values.indices {
          guard isExactProduct(values[entry], factor) else { return false }
          values[entry] *= factor
        }
      }
      return true
    }
    swap(&columns, &oldColumns)
    swap(&values, &oldValues)
    clear()
    var old = 0
    for entry in range {
      let column = rows.columns[entry]
      guard isExactProduct(rows.values[entry], factor) else { return false }
      var value = rows.values[entry] * factor
      while old < oldColumns.count, oldColumns[old] < column {
        columns.append(oldColumns[old])
        values.append(oldValues[old])
        old += 1
      }
      if old < oldColumns.count, oldColumns[old] == column {
        guard addsExactly(oldValues[old], value), oldValues[old] * value > 0 else { return false }
        value += oldValues[old]
        old += 1
      }
      columns.append(column)
      values.append(value)
    }
    columns.append(contentsOf: oldColumns[old...])
    values.append(contentsOf: oldValues[old...])
    return true
  }

  /// Adds factor times a neuron; false where the sum is not exact or, unless allowed, cancels.
  mutating func add(_ neuron: Int, _ factor: Double, mayCancel: Bool) -> Bool {
    let column = Int32(neuron)
    var low = 0
    var high = columns.count
    while low < high {
      let middle = (low + high) / 2
      if columns[middle] < column { low = middle + 1 } else { high = middle }
    }
    if low < columns.count, columns[low] == column {
      guard addsExactly(values[low], factor), mayCancel || values[low] * factor > 0 else { return false }
      values[low] += factor
      return true
    }
    columns.insert(column, at: low)
    values.insert(factor, at: low)
    return true
  }

  func flush(into rows: inout SparseRows) {
    if values.contains(0) {
      for entry in values.indices where values[entry] != 0 {
        rows.columns.append(columns[entry])
        rows.values.append(values[entry])
      }
    } else {
      rows.columns.append(contentsOf: columns)
      rows.values.append(contentsOf: values)
    }
    rows.starts.append(rows.columns.count)
  }
}

/// Whether a + b is a binary64 number (Knuth's two-sum); false where anything overflows.
package func addsExactly(_ a: Double, _ b: Double) -> Bool {
  let sum = a + b
  let part = sum - a
  return (a - (sum - part)) + (b - part) == 0
}

/// Whether a * b is a binary64 number; false where the product overflows or is so small that bits may be lost.
package func isExactProduct(_ a: Double, _ b: Double) -> Bool {
  if a.magnitude == 1 || b.magnitude == 1 || a == 0 || b == 0 { return true }
  let product = a * b
  return product.magnitude > 0x1p-900 && product.isFinite && (-product).addingProduct(a, b) == 0
}
