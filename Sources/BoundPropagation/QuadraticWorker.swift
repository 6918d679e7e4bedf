// One round on boxes of inputs with quadratic bounds: clauses refuted, boxes clipped, an axis to split.

import Networks

/// One thread's quadratic bounds.
package final class QuadraticWorker: BoxEvaluator {
  private let pass: QuadraticPass
  private var minimum: QuadraticMinimum
  private let problem: VerificationCase

  /// Rows with weights whose sum is bounded, and the bound.
  private struct Attempt {
    var rows: [(row: Int, weight: Float)]
    var bound: QuadraticBound
  }

  /// What an axis's slope counts against what the bound loses along it: halving the box does not move the half that
  /// holds the minimiser.
  private static let slopeWeight = 0.25

  /// - Parameter plan: has been bounded on the whole region.
  package init(_ plan: BoundPlan, wide: [Int], _ problem: VerificationCase) {
    pass = QuadraticPass(plan, wide: wide)
    minimum = QuadraticMinimum(capacity: pass.capacity)
    self.problem = problem
  }

  package func evaluate(_ nodes: ArraySlice<BoxNode>) -> [BoxResult]? { nodes.map(evaluate) }

  private func evaluate(_ node: BoxNode) -> BoxResult {
    pass.compute(lower: node.lower, upper: node.upper, fixed: problem)
    var result = BoxResult()
    result.lower = node.lower.map { _ in Double.infinity }
    result.upper = node.upper.map { _ in -Double.infinity }
    var worst: QuadraticBound?
    for clause in node.clauses {
      let attempts = attempts(on: problem.clauses[Int(clause)])
      result.combinations += attempts.map { ProofTree.Combination(rows: $0.rows) }
      if attempts.contains(where: isProven) { continue }
      guard let box = clipped(node, attempts) else { continue }
      result.clauses.append(clause)
      for axis in node.lower.indices {
        result.lower[axis] = min(result.lower[axis], box.lower[axis])
        result.upper[axis] = max(result.upper[axis], box.upper[axis])
      }
      let bound = attempts.map(\.bound.bound).max() ?? -.infinity
      if bound < result.bound || worst == nil {
        result.bound = bound
        // The one that narrower boxes help most.
        worst = attempts.map(\.bound).max { ratio($0) < ratio($1) }
      }
    }
    guard !result.clauses.isEmpty else { return result }
    if result.clauses == node.clauses, result.lower == node.lower, result.upper == node.upper {
      result.combinations = []
    }
    let centre = zip(node.lower, node.upper).map { 0.5 * $0 + 0.5 * $1 }
    result.minimizer = centre.indices.map { axis in
      guard let worst else { return centre[axis] }
      return min(max(centre[axis] + pass.radius[axis] * worst.minimizer[axis], node.lower[axis]), node.upper[axis])
    }
    result.axis = axis(worst, result.lower, result.upper)
    return result
  }

  /// A linear function of the wide inputs that is at most a combination of rows on a box.
  package struct LinearBound {
    /// At most its least value.
    package var least: Double
    var slopes: [Double]
    var centre: [Double]
    var radius: [Double]

    /// Its value, nearly.
    package func value(at x: [Double]) -> Double {
      x.indices.reduce(least) { $0 + abs(slopes[$1]) + slopes[$1] * (x[$1] - centre[$1]) / radius[$1] }
    }
  }

  package func linearBound(of rows: [(row: Int, weight: Float)], on node: BoxNode) -> LinearBound {
    pass.compute(lower: node.lower, upper: node.upper, fixed: problem)
    let bound = evaluate(rows).bound
    return LinearBound(
      least: bound.bound, slopes: Array(bound.slopes.prefix(node.lower.count)), centre: pass.centre,
      radius: pass.radius)
  }

  /// How much of what is missing could be the bound's loss.
  private func ratio(_ bound: QuadraticBound) -> Double {
    bound.bound.isFinite ? bound.loss(inputs: pass.wide.count) / max(-bound.bound, 0x1p-500) : -1
  }

  /// Proven with a margin for whoever finds the minimum less exactly.
  private func isProven(_ attempt: Attempt) -> Bool {
    let spread = attempt.bound.slopes.reduce(0) { $0 + abs($1) }
    return attempt.bound.bound > 0x1p-30 * spread
  }

  private func evaluate(_ rows: [(row: Int, weight: Float)]) -> Attempt {
    let form = pass.form(rows.map { (problem.rows[$0.row], Double($0.weight)) }, place: 0)
    return Attempt(rows: rows, bound: minimum.bound(form, symbols: pass.symbols))
  }

  /// Each row of a clause alone, then the best one together with others, until something is proven.
  private func attempts(on rows: [Int]) -> [Attempt] {
    var result: [Attempt] = []
    for row in rows {
      result.append(evaluate([(row, 1)]))
      if isProven(result[result.count - 1]) { return [result[result.count - 1]] }
    }
    guard rows.count > 1 else { return result }
    func closeness(_ attempt: Attempt) -> Double {
      attempt.bound.bound / (attempt.bound.slopes.reduce(0) { $0 + abs($1) } + 0x1p-500)
    }
    var best = result.max { closeness($0) < closeness($1) }!
    let base = best.rows[0].row
    for other in rows where other != base {
      best = combined(best, with: other)
      if isProven(best) { return [best] }
    }
    if best.rows.count > 1 { result.append(best) }
    return result
  }

  /// The best weight of one more row, by cutting planes: the bound is nearly concave in the weight, and the row's value
  /// at the minimiser is nearly its slope.
  private func combined(_ start: Attempt, with row: Int) -> Attempt {
    let other = pass.form([(problem.rows[row], 1)], place: 1)
    var best = start
    var low = (weight: 0.0, bound: start.bound.bound, slope: other.value(start.bound.minimizer))
    guard low.slope > 0, low.bound.isFinite else { return best }
    var high: (weight: Double, bound: Double, slope: Double)?
    var weight = -1.25 * low.bound / low.slope
    for _ in 0..<6 {
      let rounded = Float(weight)
      guard rounded > 0, rounded.isFinite, rounded.isNormal else { break }
      let attempt = evaluate(start.rows + [(row, rounded)])
      if attempt.bound.bound > best.bound.bound { best = attempt }
      if isProven(attempt) { return attempt }
      let end = (
        weight: Double(rounded), bound: attempt.bound.bound, slope: other.value(attempt.bound.minimizer)
      )
      guard end.bound.isFinite, end.slope.isFinite else { break }
      if end.slope > 0 { low = end } else { high = end }
      guard let high else {
        weight *= 3
        continue
      }
      // Where the two tangents meet.
      let meeting =
        (high.bound - high.slope * high.weight - low.bound + low.slope * low.weight) / (low.slope - high.slope)
      guard meeting > low.weight, meeting < high.weight else { break }
      weight = meeting
    }
    return best
  }

  /// What all attempts together leave of the box; nil if nothing.
  private func clipped(_ node: BoxNode, _ attempts: [Attempt]) -> (lower: [Double], upper: [Double])? {
    var lower = node.lower
    var upper = node.upper
    for attempt in attempts where attempt.bound.bound.isFinite {
      let slopes = attempt.bound.slopes
      // Dividing by the radius rounds each slope once, which costs less than this on the whole box.
      let spread = slopes.reduce(0) { $0 + abs($1) }
      let gap = (-attempt.bound.bound + 0x1p-48 * spread).nextUp
      for axis in lower.indices where slopes[axis] != 0 {
        let a = slopes[axis] / pass.radius[axis]
        guard a.isFinite, a != 0,
          let limit = Clipping.limit(gap: gap, coefficient: a, node.lower[axis], node.upper[axis])
        else { continue }
        if a > 0 { upper[axis] = min(upper[axis], limit) } else { lower[axis] = max(lower[axis], limit) }
        if lower[axis] > upper[axis] { return nil }
      }
    }
    return (lower, upper)
  }

  /// The axis whose width costs most: its slope and shift, and its share of the errors of functions and of the remainder;
  /// the widest where nothing is known.
  private func axis(_ bound: QuadraticBound?, _ lower: [Double], _ upper: [Double]) -> Int? {
    let inputs = lower.count
    var best: Int?
    var bestScore = 0.0
    for axis in 0..<inputs {
      let middle = 0.5 * lower[axis] + 0.5 * upper[axis]
      guard lower[axis] < middle, middle < upper[axis] else { continue }
      var score = 0.0
      if let bound, bound.bound.isFinite {
        score = Self.slopeWeight * abs(bound.slopes[axis]) + bound.shifts[axis] + bound.rest * bound.bends[axis]
        for (index, share) in pass.shares.enumerated() {
          score += share[axis] * (abs(bound.slopes[inputs + index]) + bound.shifts[inputs + index])
        }
      }
      score = (score + 0x1p-900) * (upper[axis] - lower[axis]) / pass.radius[axis]
      if score > bestScore {
        bestScore = score
        best = axis
      }
    }
    return best
  }
}
