// A joint line of some ReLUs that read few inputs: sum_j a_j relu(w_j . x + b_j) >= s . x + t on a box of those inputs,
// proven by cutting the box up.
//
// On a box where z_j = w_j . x + b_j lies in [l, u] around 0, every line c z_j with c in [0, 1] is below relu(z_j) and
// c z_j + max(-c l, (1 - c) u) is above it, whatever c is. So the sum is at least a linear form, whose least value over
// the box is had term by term. Smaller boxes have narrower [l, u]; where all z_j have one sign the form is the sum.

/// What the rounding of one box costs: every number that is computed from the ReLUs is a sum of at most D terms, each
/// of a few rounded products, and all terms' magnitudes together are at most four times
///   M = sum_j |a_j| (sum_k |w_jk| m_k + |b_j|) + sum_k |s_k| m_k + |t|,  m_k = max |x_k|,
/// since slopes are at most 1 and |l|, |u| <= sum_k |w_jk| m_k + |b_j|. An [l, u] that is off by gamma(n + 2) of that is
/// paid by the same sum, because relu and its lines grow no faster than z.
struct JointField {
  /// The numbers of the inputs that the field names.
  let inputs: [Int]
  private(set) var factors: [Double] = []
  private(set) var biases: [Double] = []
  /// [ReLU][input of the field]
  private(set) var weights: [Double] = []

  init(inputs: [Int]) { self.inputs = inputs }

  /// Adds a ReLU: its coefficient, and the row of its operand as (place among `inputs`, weight).
  mutating func add(_ factor: Double, bias: Double, row: [(place: Int, weight: Double)]) {
    factors.append(factor)
    biases.append(bias)
    var dense = [Double](repeating: 0, count: inputs.count)
    for (place, weight) in row { dense[place] += weight }
    weights += dense
  }

  var isEmpty: Bool { factors.isEmpty }

  /// True if the line is proven on the box after at most so many parts of it; `isLate` is asked now and then.
  func isAbove(
    _ line: (slopes: [Double], intercept: Double), lower: [Double], upper: [Double], parts most: Int,
    isLate: () -> Bool
  ) -> Bool {
    let n = inputs.count
    let margin = self.margin(line, lower, upper)
    guard margin.isFinite else { return false }
    var waiting: [(lower: [Double], upper: [Double])] = [(lower, upper)]
    var visited = 0
    var scores = [Double](repeating: 0, count: n)
    while let box = waiting.popLast() {
      visited += 1
      if visited > most || (visited & 255 == 0 && isLate()) { return false }
      let excess = least(line, box.lower, box.upper, &scores) - margin
      // NaN is no proof.
      if excess >= 0 { continue }
      guard let axis = (0..<n).max(by: { scores[$0] < scores[$1] }), scores[axis] > 0 else { return false }
      let middle = box.lower[axis] + 0.5 * (box.upper[axis] - box.lower[axis])
      guard middle > box.lower[axis], middle < box.upper[axis] else { return false }
      var (left, right) = (box, box)
      left.upper[axis] = middle
      right.lower[axis] = middle
      waiting.append(left)
      waiting.append(right)
    }
    return true
  }

  /// The least value of the linear form over the box, less the line's, before rounding is charged; scores tell how much
  /// of the loss comes from each input's width.
  private func least(
    _ line: (slopes: [Double], intercept: Double), _ lower: [Double], _ upper: [Double], _ scores: inout [Double]
  ) -> Double {
    let n = inputs.count
    var form = line.slopes.map { -$0 }
    var sum = -line.intercept
    for k in 0..<n { scores[k] = 0 }
    for j in factors.indices {
      let a = factors[j]
      let row = j * n
      var (l, u) = (biases[j], biases[j])
      for k in 0..<n {
        let w = weights[row + k]
        l += w * (w >= 0 ? lower[k] : upper[k])
        u += w * (w >= 0 ? upper[k] : lower[k])
      }
      if u <= 0 { continue }
      var slope = 1.0
      if l < 0 {
        if a >= 0 {
          slope = u > -l ? 1 : 0
        } else {
          slope = u / (u - l)
          sum += a * max(-slope * l, (1 - slope) * u)
        }
        let loss = abs(a) * (a >= 0 ? min(u, -l) : u * -l / (u - l))
        for k in 0..<n { scores[k] += loss * abs(weights[row + k]) * (upper[k] - lower[k]) / (u - l) }
      }
      if slope == 0 { continue }
      let factor = a * slope
      sum += factor * biases[j]
      for k in 0..<n { form[k] += factor * weights[row + k] }
    }
    for k in 0..<n { sum += form[k] * (form[k] >= 0 ? lower[k] : upper[k]) }
    return sum
  }

  /// gamma(D) 4 M of the file's comment, with the underflows; rounded up by the slack.
  private func margin(
    _ line: (slopes: [Double], intercept: Double), _ lower: [Double], _ upper: [Double]
  ) -> Double {
    let n = inputs.count
    let magnitudes = (0..<n).map { max(abs(lower[$0]), abs(upper[$0])) }
    var size = abs(line.intercept)
    for k in 0..<n { size += abs(line.slopes[k]) * magnitudes[k] }
    for j in factors.indices {
      var reach = abs(biases[j])
      for k in 0..<n { reach += abs(weights[j * n + k]) * magnitudes[k] }
      size += abs(factors[j]) * reach
    }
    let terms = 2 * factors.count + 4 * n + 16
    let underflows = 0x1p-1000 * Double(terms) * Double(n + 1) * (1 + (factors.map(abs).max() ?? 0))
    return CheckedNetwork.slack * (4 * CheckedNetwork.gamma(terms) * size + underflows)
  }
}
