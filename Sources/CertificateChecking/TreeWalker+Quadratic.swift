import Networks

// Clipping by quadratic bounds of combinations of rows.

extension TreeWalker {
  /// Closes the clauses that a combination refutes on the part and cuts the part down to the hull of where others may
  /// still hold; false if no clause may hold anywhere.
  func clip(by combinations: [ProofTree.Combination]) -> Bool {
    let region = check.region
    guard !isRefuted else { return false }
    quadratic.compute(lower: part.lower, upper: part.upper)
    var minorants: [LinearMinorant] = []
    for combination in combinations {
      // Nothing is closed; the walk then says that the time is up.
      if check.budget.isLate { return true }
      let rows = combination.rows.map { (row: region.rows[$0.row], weight: Double($0.weight)) }
      minorants.append(quadratic.model(of: rows).minorant())
    }
    let whole = box
    return cutToHull { clause in
      let own = combinations.indices.filter { index in
        combinations[index].rows.allSatisfy { region.clauses[clause].contains($0.row) }
      }
      guard !own.contains(where: { isPositive(minorants[$0].least, combinations[$0]) }) else { return false }
      return own.allSatisfy { cut(minorants[$0], over: whole) }
    }
  }

  private func isPositive(_ least: Double, _ combination: ProofTree.Combination) -> Bool {
    let rows = combination.rows.filter { $0.weight > 0 }
    let isStrict = !rows.isEmpty && rows.allSatisfy { check.region.rows[$0.row].isStrict }
    return least > 0 || (least >= 0 && isStrict)
  }

  /// The combination is at least a . x + c with a_i = slope_i / radius_i.
  ///
  /// slope z = (slope / radius)(x - centre), and dividing rounds once: on the box that costs |slope| 2^-53. The constant
  /// is what the least value leaves when every term is at its least, the symbols of errors included.
  private func cut(_ minorant: LinearMinorant, over box: [Double]) -> Bool {
    guard minorant.least.isFinite else { return true }
    var a = [Double](repeating: 0, count: check.network.inputCount)
    var c = minorant.least
    var size = abs(c)
    for (input, symbol) in quadratic.symbolOfInput.enumerated() {
      guard let symbol, symbol <= minorant.slopes.count, minorant.slopes[symbol - 1] != 0 else { continue }
      let slope = minorant.slopes[symbol - 1]
      a[input] = slope / quadratic.radius[input]
      guard a[input].isFinite else { return true }
      let shift = a[input] * quadratic.centre[input]
      c += abs(slope) - shift
      size += abs(slope) + abs(shift)
    }
    let error = CheckedNetwork.gamma(2 * a.count + 8) * size * (1 + 0x1p-20) + 0x1p-980
    return cut(a, constant: (c - error).nextDown, over: box)
  }
}
