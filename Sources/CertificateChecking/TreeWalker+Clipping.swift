import CProofChecking
import Networks

// Cutting a box by half-spaces a.x + c <= 0 that all points of interest satisfy: x_i <= (-c - R_i) / a_i for a_i > 0,
// with R_i a lower bound of the other terms, all rounded outward (soundness.md 1.7).

extension TreeWalker {
  /// Cuts the part by one half-space, the other terms bounded on `box` (all lower ends, then all upper ones), which
  /// contains the part; false if nothing is left.
  func cut(_ a: [Double], constant c: Double, over box: [Double]) -> Bool {
    guard c.isFinite else { return true }
    let n = a.count
    func least(_ i: Int) -> Double { a[i] == 0 ? 0 : (a[i] * (a[i] > 0 ? box[i] : box[n + i])).nextDown }
    // after[i] is a lower bound of the terms i ..< n.
    var after = [Double](repeating: 0, count: n + 1)
    for i in stride(from: n - 1, through: 0, by: -1) { after[i] = (after[i + 1] + least(i)).nextDown }
    if (after[0] + c).nextDown > 0 { return false }
    var before = 0.0
    for i in 0..<n {
      let own = least(i)
      if a[i] != 0 {
        let rest = (before + after[i + 1]).nextDown
        let room = (-c - rest).nextUp
        let limit = room / a[i]
        if limit.isFinite {
          // Dividing by a negative number turns an upper bound of the dividend into a lower bound.
          let isLeft = a[i] > 0 ? part.cut(i, upper: limit.nextUp) : part.cut(i, lower: limit.nextDown)
          if !isLeft { return false }
        }
      }
      before = (before + own).nextDown
    }
    return true
  }

  /// The part's inputs: all lower ends, then all upper ones.
  var box: [Double] {
    let inputs = 0..<check.network.inputCount
    return inputs.map { part.lower[$0] } + inputs.map { part.upper[$0] }
  }

  /// Cuts the part by the case's own input constraints; false if it holds no point of the region.
  func cutByInputConstraints() -> Bool {
    for row in check.region.inputRows {
      var a = [Double](repeating: 0, count: check.network.inputCount)
      var error = 0.0
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        a[neuron] = coefficient
        error += row.coefficientError * abs(coefficient) * check.network.magnitude[neuron]
      }
      let constant = (row.constant - error * CheckedNetwork.slack).nextDown
      guard cut(a, constant: constant, over: box) else { return false }
    }
    return true
  }

  /// Cuts the part down to the hull of where clauses may still hold; false if no clause may hold anywhere.
  func clip(replacing: Bool = false) -> Bool {
    guard part.tightenAll(replacing: replacing) else { return false }
    let region = check.region
    let inputs = check.network.inputCount
    part.refreshLines(below: check.network.layerCount)
    var forms: [Int: (a: [Double], constant: Double)] = [:]
    let clauses = region.clauses.indices.filter { open[$0] }
    let rows = Set(clauses.flatMap { region.clauses[$0] }).sorted()
    var positive = Set<Int>()
    for start in stride(from: 0, to: rows.count, by: PartBounds.lanes) {
      let batch = rows[start..<min(rows.count, start + PartBounds.lanes)]
      bound(Array(batch)) { lane, row in
        let a = (0..<inputs).map { part.coefficients[$0 * PartBounds.lanes + lane] }
        forms[row] = (a, part.value(lane))
      } values: { row, value in
        if value > 0 || (value >= 0 && region.rows[row].isStrict) { positive.insert(row) }
      }
    }
    let whole = box
    return cutToHull { clause in
      guard !region.clauses[clause].contains(where: { positive.contains($0) }) else { return false }
      return region.clauses[clause].allSatisfy { row in
        forms[row].map { cut($0.a, constant: $0.constant, over: whole) } ?? true
      }
    }
  }

  /// Closes the open clauses of which nothing is left and cuts the part down to the hull of what is left of the others;
  /// false if nothing is left of any.
  ///
  /// `isLeft` cuts the part to where a clause may still hold, and says whether that is anywhere. All rows of a clause must
  /// be violated at once, so their cuts add up.
  func cutToHull(_ isLeft: (Int) -> Bool) -> Bool {
    let inputs = check.network.inputCount
    var low = [Double](repeating: .infinity, count: inputs)
    var high = [Double](repeating: -.infinity, count: inputs)
    var isAnyLeft = false
    for clause in check.region.clauses.indices where open[clause] {
      let mark = part.log.count
      if isLeft(clause) {
        isAnyLeft = true
        for input in 0..<inputs {
          low[input] = min(low[input], part.lower[input])
          high[input] = max(high[input], part.upper[input])
        }
        part.undo(to: mark)
      } else {
        part.undo(to: mark)
        close(clause)
      }
    }
    guard isAnyLeft else { return false }
    for input in 0..<inputs where !part.cut(input, lower: low[input], upper: high[input]) { return false }
    return true
  }

  private func bound(
    _ rows: [Int], forms: (Int, Int) -> Void, values: (Int, Double) -> Void
  ) {
    let all = rows.map { check.region.rows[$0] }
    start(all)
    for (lane, row) in rows.enumerated() { forms(lane, row) }
    part.concretise()
    for (lane, row) in rows.enumerated() { values(row, part.value(lane)) }
  }
}
