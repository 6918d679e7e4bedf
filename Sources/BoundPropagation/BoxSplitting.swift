// One round on boxes of inputs: bounds of all open rows, clauses refuted, boxes clipped, an axis to split.

import CBoundPropagation
import Networks

/// A box that is still open: the inputs of positive width, and the clauses that are not refuted on all of it.
package struct BoxNode {
  var lower: [Double]
  var upper: [Double]
  var clauses: [Int32]
  var record: Int

  package init(lower: [Double], upper: [Double], clauses: [Int32], record: Int = 0) {
    self.lower = lower
    self.upper = upper
    self.clauses = clauses
    self.record = record
  }
}

/// What a round found for one box.
package struct BoxResult {
  /// Clauses still open; empty: proven.
  package var clauses: [Int32] = []
  package var lower: [Double] = []
  package var upper: [Double] = []
  var isClipped = false
  /// What quadratic bounds clipped the box with, or closed clauses.
  var combinations: [ProofTree.Combination] = []
  /// The axis to split, nil where no axis can be.
  var axis: Int?
  /// The best bound of the worst clause that is open.
  package var bound = Double.infinity
  /// Where that clause's best row is least.
  var minimizer: [Double] = []
}

/// The rows of a case as conjunctions that a forbidden point satisfies entirely: a clause's own rows and the region's.
package struct Conjunctions {
  let rows: [VerificationCase.Row]
  let clauses: [[Int]]

  package init(_ problem: VerificationCase) {
    rows = problem.rows + problem.inputRows
    let region = Array(problem.rows.count..<problem.rows.count + problem.inputRows.count)
    clauses = problem.clauses.map { $0 + region }
  }

  /// Whether a plain evaluation satisfies a whole clause.
  func isViolated(_ values: [Double]) -> Bool {
    clauses.contains { clause in
      clause.allSatisfy { index in
        let row = rows[index]
        var sum = row.constant
        for (neuron, coefficient) in zip(row.neurons, row.coefficients) { sum += coefficient * values[neuron] }
        return row.isStrict ? sum < 0 : sum <= 0
      }
    }
  }
}

/// What bounds boxes, one thread each.
protocol BoxEvaluator: AnyObject {
  /// nil if time ran out.
  func evaluate(_ nodes: ArraySlice<BoxNode>) -> [BoxResult]?
}

/// One thread's linear bounds for groups of boxes.
package final class BoxWorker: BoxEvaluator {
  let bounds: PartBounds
  let rules: Conjunctions
  /// The inputs of positive width.
  let wide: [Int]
  private let panel: RowPanel
  private var rowBounds: [Double]
  private var gaps: [Double]
  private var coefficients: [Double]
  private var places: [Int]
  /// Rows of the case itself; the region's follow.
  private let outputRows: Int
  /// The bounds of rows on the first part, kept while lines are recorded.
  private var lastBounds: [Int: Double] = [:]

  package init(_ bounds: PartBounds, _ rules: Conjunctions, wide: [Int], _ problem: VerificationCase) {
    self.bounds = bounds
    self.rules = rules
    self.wide = wide
    outputRows = problem.rows.count
    panel = bounds.panels[0]
    rowBounds = Array(repeating: 0, count: rules.rows.count * bounds.parts)
    gaps = rowBounds
    coefficients = Array(repeating: 0, count: rules.rows.count * wide.count * bounds.parts)
    places = Array(repeating: -1, count: rules.rows.count)
    for input in bounds.plan.network.inputs {
      for part in 0..<bounds.parts {
        bounds.bounds.lower[input * bounds.parts + part] = problem.lower[input]
        bounds.bounds.upper[input * bounds.parts + part] = problem.upper[input]
      }
    }
  }

  package func evaluate(_ nodes: ArraySlice<BoxNode>) -> [BoxResult]? { evaluate(nodes, isRoot: false) }

  /// Bounds up to `parts` boxes; nil if time ran out.
  package func evaluate(_ nodes: ArraySlice<BoxNode>, isRoot: Bool) -> [BoxResult]? {
    let parts = bounds.parts
    for part in 0..<parts {
      let node = nodes[nodes.startIndex + (part < nodes.count ? part : 0)]
      for (place, input) in wide.enumerated() {
        bounds.bounds.lower[input * parts + part] = node.lower[place]
        bounds.bounds.upper[input * parts + part] = node.upper[place]
      }
    }
    guard bounds.compute(isRoot: isRoot) else { return nil }
    var open: [Int] = []
    for node in nodes {
      for clause in node.clauses {
        for row in rules.clauses[Int(clause)] where places[row] < 0 {
          places[row] = open.count
          open.append(row)
        }
      }
    }
    defer { for row in open { places[row] = -1 } }
    guard boundRows(open) else { return nil }
    if let ascent = bounds.ascent, parts == 1 { climbRows(open, ascent) }
    if bounds.record != nil {
      lastBounds = [:]
      for row in open { lastBounds[row] = rowBounds[places[row] * parts] }
    }
    return nodes.indices.map { judge(nodes[$0], part: $0 - nodes.startIndex) }
  }

  private func boundRows(_ open: [Int]) -> Bool {
    let parts = bounds.parts
    let group = panel.lanes / parts
    var start = 0
    while start < open.count {
      if bounds.isDone() { return false }
      let end = min(open.count, start + group)
      panel.reset()
      for place in start..<end {
        let row = rules.rows[open[place]]
        let range = (place - start) * parts..<(place - start + 1) * parts
        panel.seed(constant: row.constant, lanes: range)
        for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
          panel.seed(neuron, coefficient, error: row.coefficientError, lanes: range)
        }
      }
      panel.propagate(bounds.lines, box: bounds.bounds)
      for place in start..<end {
        for part in 0..<parts { record(panel, lane: (place - start) * parts + part, place, part) }
      }
      start = end
    }
    return true
  }

  /// Keeps what a pass found about a row on a part.
  private func record(_ panel: RowPanel, lane: Int, _ place: Int, _ part: Int) {
    let parts = bounds.parts
    let entry = place * parts + part
    rowBounds[entry] = panel.bound(lane)
    let gap = (panel.error(lane) - panel.sums[lane]).nextUp
    gaps[entry] = gap.isNaN ? .infinity : gap
    for (w, input) in wide.enumerated() {
      coefficients[(place * wide.count + w) * parts + part] =
        panel.touched[input] != 0 ? panel.panel[input * panel.lanes + lane] : 0
    }
  }

  /// Better bounds of unproven rows by ascent on lines of their own; the best pass of each row is kept.
  private func climbRows(_ open: [Int], _ options: SlopeAscentOptions) {
    let hand = bounds.ascents(1, lanes: 16)[0]
    let left = open.indices.filter { bounds.record != nil || !(rowBounds[$0] > 0) }
    var start = 0
    while start < left.count && !bounds.isDone() {
      let members = Array(left[start..<min(left.count, start + 16)])
      let top = members.flatMap { rules.rows[open[$0]].neurons }.map { Int(bounds.plan.layerOf[$0]) }.max() ?? 0
      hand.climb(top: top, options) { panel in
        for (lane, place) in members.enumerated() {
          let row = rules.rows[open[place]]
          panel.seed(constant: row.constant, lanes: lane..<lane + 1)
          for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
            panel.seed(neuron, coefficient, error: row.coefficientError, lanes: lane..<lane + 1)
          }
        }
      } receive: { panel in
        for (lane, place) in members.enumerated() where panel.bound(lane) > rowBounds[place] {
          record(panel, lane: lane, place, 0)
        }
        return members.contains { !(rowBounds[$0] > 0) }
      }
      if let record = bounds.record {
        for (lane, place) in members.enumerated() { record.add(row: open[place], hand.slopes(lane)) }
      }
      start += members.count
    }
  }

  /// The row of a clause whose last bound on the first part refutes it, nil if none does alone.
  func refutingRow(_ clause: Int) -> Int? {
    let own = rules.clauses[clause].filter { $0 < outputRows }
    let best = own.max { lastBounds[$0, default: -.infinity] < lastBounds[$1, default: -.infinity] }
    guard let best, let bound = lastBounds[best] else { return nil }
    return bound > 0 || (bound >= 0 && rules.rows[best].isStrict) ? best : nil
  }

  private func judge(_ node: BoxNode, part: Int) -> BoxResult {
    let parts = bounds.parts
    var result = BoxResult()
    result.lower = node.lower.map { _ in Double.infinity }
    result.upper = node.upper.map { _ in -Double.infinity }
    var worst = -1
    for clause in node.clauses {
      let rows = rules.clauses[Int(clause)]
      var best = -Double.infinity
      var bestPlace = -1
      var isRefuted = false
      for row in rows {
        let bound = rowBounds[places[row] * parts + part]
        if bound > 0 || (bound >= 0 && rules.rows[row].isStrict) { isRefuted = true }
        if bound > best || bestPlace < 0 {
          best = bound
          bestPlace = places[row]
        }
      }
      if isRefuted { continue }
      guard let box = clipped(node, rows, part) else { continue }
      result.clauses.append(clause)
      for axis in wide.indices {
        result.lower[axis] = min(result.lower[axis], box.lower[axis])
        result.upper[axis] = max(result.upper[axis], box.upper[axis])
      }
      if best < result.bound || worst < 0 {
        result.bound = best
        worst = bestPlace
      }
    }
    guard worst >= 0 else { return result }
    result.isClipped = result.lower != node.lower || result.upper != node.upper
    let slopes = wide.indices.map { coefficients[(worst * wide.count + $0) * parts + part] }
    result.minimizer = wide.indices.map { slopes[$0] >= 0 ? node.lower[$0] : node.upper[$0] }
    let floor = 0.2 * (slopes.map { $0.isNaN ? 0 : abs($0) }.max() ?? 0)
    var bestScore = -1.0
    for axis in wide.indices {
      let l = result.lower[axis]
      let u = result.upper[axis]
      let middle = 0.5 * l + 0.5 * u
      guard l < middle && middle < u else { continue }
      let score = max(abs(slopes[axis]), floor, 0x1p-900) * (u - l)
      if score > bestScore {
        bestScore = score
        result.axis = axis
      }
    }
    return result
  }

  /// The part of a box on which all rows of a conjunction may still hold; nil if it is empty (soundness.md 1.7).
  private func clipped(_ node: BoxNode, _ rows: [Int], _ part: Int) -> (lower: [Double], upper: [Double])? {
    let parts = bounds.parts
    var lower = node.lower
    var upper = node.upper
    for row in rows {
      let place = places[row]
      let gap = gaps[place * parts + part]
      guard gap.isFinite else { continue }
      for axis in wide.indices {
        let a = coefficients[(place * wide.count + axis) * parts + part]
        guard a != 0, let limit = Clipping.limit(gap: gap, coefficient: a, node.lower[axis], node.upper[axis]) else {
          continue
        }
        if a > 0 { upper[axis] = min(upper[axis], limit) } else { lower[axis] = max(lower[axis], limit) }
        if lower[axis] > upper[axis] { return nil }
      }
    }
    return (lower, upper)
  }
}

/// What an input-linear bound leaves of one input (soundness.md 1.7).
package enum Clipping {
  /// Points of the box with a . x <= gap + min (a . x) satisfy x_i <= limit where a_i > 0, x_i >= limit where a_i < 0.
  ///
  /// - Parameter gap: an upper bound of E - C with C holding the least value of a . x over the box, so that
  ///   gap + a_i x*_i is the right-hand side less the least value of the others.
  package static func limit(gap: Double, coefficient a: Double, _ lower: Double, _ upper: Double) -> Double? {
    let term = a * (a > 0 ? lower : upper)
    let right = ((gap + term).nextUp + abs(term) * 0x1p-51 + 0x1p-1000).nextUp
    let limit = right / a
    guard limit.isFinite else { return nil }
    return a > 0 ? limit.nextUp : limit.nextDown
  }
}
