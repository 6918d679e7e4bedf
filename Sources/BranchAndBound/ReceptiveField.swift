// The least value of a sum of ReLUs that read the same few inputs, less a linear form: an exact search over the field's
// own box, by bisection (one term of a Lagrangian decomposition, `FieldDecomposition`).

import Networks

/// sum_j a_j relu(w_j . x + b_j) over the inputs of one field.
///
/// Arrays over ReLUs are padded to whole vectors of eight by ReLUs that are 0.
package struct ReceptiveField: Sendable {
  package typealias Lanes = SIMD8<Double>

  /// Indices of inputs, ascending, with their box.
  package let inputs: [Int]
  package let lower: [Double]
  package let upper: [Double]
  /// Numbers of the ReLUs in the network, and of their operands.
  let neurons: [Int]
  let operands: [Int]
  /// [vector], and [input][vector]
  private var factors: [Lanes]
  private let biases: [Lanes]
  private let weights: [Lanes]
  /// sum_k |w_jk| m_k + |b_j| for each ReLU.
  private let reach: [Double]
  /// What rounding may cost any bound at most, for the factors that are set.
  private var sizeOfReLUs = 0.0

  private var vectors: Int { biases.count }

  package init(
    inputs: [Int], box: (lower: [Double], upper: [Double]), neurons: [Int], operands: [Int], biases: [Double],
    rows: [[Double]]
  ) {
    self.inputs = inputs
    (lower, upper) = box
    self.neurons = neurons
    self.operands = operands
    let count = (neurons.count + 7) / 8
    func padded(_ numbers: [Double]) -> [Lanes] {
      (0..<count).map { vector in
        var lanes = Lanes.zero
        for lane in 0..<8 where 8 * vector + lane < numbers.count { lanes[lane] = numbers[8 * vector + lane] }
        return lanes
      }
    }
    self.biases = padded(biases)
    factors = padded([])
    weights = inputs.indices.flatMap { place in padded(rows.map { $0[place] }) }
    let magnitudes = zip(box.lower, box.upper).map { max($0.magnitude, $1.magnitude) }
    reach = zip(rows, biases).map { row, bias in
      zip(row, magnitudes).reduce(bias.magnitude) { $0 + $1.0.magnitude * $1.1 }
    }
  }

  /// The ReLUs' coefficients, in the order of `neurons`.
  package mutating func setFactors(_ values: [Double]) {
    for (index, value) in values.enumerated() { factors[index / 8][index % 8] = value }
    sizeOfReLUs = zip(values, reach).reduce(0) { $0 + $1.0.magnitude * $1.1 }
  }

  /// sum_j |a_j| |w_jk|, averaged over the inputs.
  var steepness: Double {
    var sum = 0.0
    for place in inputs.indices {
      for vector in 0..<vectors {
        sum += Self.magnitude(factors[vector] * weights[place * vectors + vector]).sum()
      }
    }
    return sum / Double(max(1, inputs.count))
  }

  /// A lower bound of the sum less slopes . x on the field's box, and a point near which the least value is.
  ///
  /// The bound is rigorous, rounding included; it is at most `tolerance` below the value at the point, or more where
  /// `parts` parts of the box were not enough.
  package func minimum(less slopes: [Double], tolerance: Double, parts most: Int) -> (bound: Double, point: [Double]) {
    let n = inputs.count
    let margin = self.margin(slopes)
    var best = Double.infinity
    var bestPoint = lower
    var least = Double.infinity
    var waiting: [(bound: Double, box: Box)] = []
    var scratch = Scratch(n)
    func visit(_ box: Box) {
      let bound = self.bound(box, slopes, &scratch) - margin
      if bound.isNaN { least = -.infinity }
      if bound >= best - tolerance {
        least = min(least, bound)
        return
      }
      let value = self.value(at: scratch.vertex, slopes)
      if value < best { (best, bestPoint) = (value, scratch.vertex) }
      var next = box
      next.axis = scratch.widest
      waiting.append((bound, next))
    }
    visit(Box(lower: lower, upper: upper))
    var visited = 1
    while let (bound, box) = waiting.popLast() {
      // The value may have come down since.
      if bound >= best - tolerance || visited >= most || box.axis < 0 {
        least = min(least, bound)
        continue
      }
      let (l, u) = (box.lower[box.axis], box.upper[box.axis])
      let middle = l + 0.5 * (u - l)
      guard middle > l, middle < u else {
        least = min(least, bound)
        continue
      }
      var (left, right) = (box, box)
      left.upper[box.axis] = middle
      right.lower[box.axis] = middle
      // The half that holds the vertex last found is searched first.
      visit(right)
      visit(left)
      visited += 2
    }
    return (least, bestPoint)
  }

  // MARK: One box

  private struct Box {
    var lower: [Double]
    var upper: [Double]
    var axis = -1
  }

  private struct Scratch {
    var form: [Double]
    var scores: [Double]
    var vertex: [Double]
    var widest = -1

    init(_ count: Int) {
      form = Array(repeating: 0, count: count)
      scores = form
      vertex = form
    }
  }

  private static func magnitude(_ x: Lanes) -> Lanes { x.replacing(with: -x, where: x .< 0) }

  /// The least value of the sum of the ReLUs' lines less slopes . x on the box, before rounding is charged. Leaves the
  /// vertex where it is taken, and the input whose width loses most.
  private func bound(_ box: Box, _ slopes: [Double], _ scratch: inout Scratch) -> Double {
    let n = inputs.count
    for k in 0..<n { (scratch.form[k], scratch.scores[k]) = (-slopes[k], 0) }
    var sum = Lanes.zero
    for vector in 0..<vectors {
      let a = factors[vector]
      var centre = biases[vector]
      var radius = Lanes.zero
      for k in 0..<n {
        let w = weights[k * vectors + vector]
        centre += w * (0.5 * (box.lower[k] + box.upper[k]))
        radius += Self.magnitude(w) * (0.5 * (box.upper[k] - box.lower[k]))
      }
      let l = centre - radius
      let u = centre + radius
      let isUnstable = (l .< 0) .& (u .> 0)
      let isNegative = a .< 0
      // Any slope in [0, 1] serves: chords above, 0 or 1 below.
      var slope = Lanes(repeating: 1).replacing(with: 0, where: u .<= 0)
      let chord = u / (u - l).replacing(with: 1, where: .!isUnstable)
      slope.replace(with: chord, where: isUnstable .& isNegative)
      slope.replace(with: 0, where: isUnstable .& .!isNegative .& (u .<= -l))
      let atLower = -slope * l
      let atUpper = (1 - slope) * u
      let intercept = atUpper.replacing(with: atLower, where: atLower .> atUpper)
      sum += (a * intercept).replacing(with: 0, where: .!(isUnstable .& isNegative))
      let factor = a * slope
      sum += factor * biases[vector]
      let below = u.replacing(with: -l, where: -l .< u)
      let loss = (Self.magnitude(a) * below.replacing(with: atLower, where: isNegative))
        .replacing(with: 0, where: .!isUnstable)
      let share = loss / radius.replacing(with: 1, where: .!isUnstable)
      for k in 0..<n {
        let w = weights[k * vectors + vector]
        scratch.form[k] += (factor * w).sum()
        scratch.scores[k] += (share * Self.magnitude(w)).sum() * (box.upper[k] - box.lower[k])
      }
    }
    var result = sum.sum()
    scratch.widest = -1
    var most = 0.0
    for k in 0..<n {
      scratch.vertex[k] = scratch.form[k] >= 0 ? box.lower[k] : box.upper[k]
      result += scratch.form[k] * scratch.vertex[k]
      if scratch.scores[k] > most { (most, scratch.widest) = (scratch.scores[k], k) }
    }
    return result
  }

  /// The sum less slopes . x at a point, plainly.
  package func value(at point: [Double], _ slopes: [Double]) -> Double {
    var sum = Lanes.zero
    for vector in 0..<vectors {
      var z = biases[vector]
      for k in inputs.indices { z += weights[k * vectors + vector] * point[k] }
      sum += factors[vector] * z.replacing(with: 0, where: z .< 0)
    }
    return zip(slopes, point).reduce(sum.sum()) { $0 - $1.0 * $1.1 }
  }

  /// Every number behind a bound is a sum of at most D = 2 J + 4 n + 32 terms of a few rounded products, whose
  /// magnitudes add up to at most 4 (sum_j |a_j| reach_j + sum_k |s_k| m_k): slopes are at most 1, and [l, u] are off by
  /// gamma(n + 4) reach_j at most. gamma(D) of that, rounded up, and the underflows.
  private func margin(_ slopes: [Double]) -> Double {
    var size = sizeOfReLUs
    for (k, slope) in slopes.enumerated() { size += slope.magnitude * max(lower[k].magnitude, upper[k].magnitude) }
    let terms = 16 * vectors + 4 * inputs.count + 32
    let largest = factors.reduce(1) { max($0, Self.magnitude($1).max()) }
    return 4 * ReferenceNetwork.gamma(terms) * size * (1 + 0x1p-10)
      + 0x1p-1000 * Double(terms * (inputs.count + 1)) * largest
  }
}
