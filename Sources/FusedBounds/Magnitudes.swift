// Once at the root: intervals of all nodes, rounded outward, and what a coefficient costs at each stage (v' of
// soundness section 1.2 with u = 2^-53 and eta = 2^-1022, section 1.8 for float32 semantics).

import Networks

/// gamma(k) = k u / (1 - k u) for u = 2^-53, rounded up.
func gamma(_ k: Int) -> Double {
  let x = Double(k) * 0x1p-53
  return (x / (1 - x)) * (1 + 0x1p-40)
}

/// gamma(k) for binary32, rounded up.
private func gammaSingle(_ k: Int) -> Double {
  let x = Double(k) * 0x1p-24
  return x < 0.5 ? (x / (1 - x)) * (1 + 0x1p-40) : .infinity
}

/// Bounds of the true values of every node on the region, and the charges that follow from them.
struct Magnitudes {
  let plan: StagePlan
  let isFloat32: Bool
  /// For each node and element: bounds of h.
  private(set) var lower: [[Double]]
  private(set) var upper: [[Double]]
  /// For each node and element: bounds of z (node 0: the inputs).
  private(set) var operandLower: [[Double]]
  private(set) var operandUpper: [[Double]]
  /// For each node: v' of its elements.
  private(set) var charges: [[Double]]

  /// Intervals from the box, forward. Bounds of z that are known otherwise may be handed in, by node; they are cut with
  /// the intervals.
  init(
    _ plan: StagePlan, lower boxLower: [Double], upper boxUpper: [Double], isFloat32: Bool,
    knownLower: [[Double]]? = nil, knownUpper: [[Double]]? = nil
  ) {
    self.plan = plan
    self.isFloat32 = isFloat32
    lower = [boxLower]
    upper = [boxUpper]
    operandLower = lower
    operandUpper = upper
    charges = [[]]
    let additions = Self.additions(plan)
    for (index, stage) in plan.stages.enumerated() {
      var low = [Double](repeating: 0, count: stage.size)
      var high = low
      var charge = low
      for element in 0..<stage.size {
        let z = interval(stage, element, additions: additions)
        low[element] = z.low
        high[element] = z.high
        charge[element] = z.charge
        if let knownLower, let knownUpper {
          low[element] = max(low[element], knownLower[index + 1][element])
          high[element] = min(high[element], knownUpper[index + 1][element])
        }
      }
      operandLower.append(low)
      operandUpper.append(high)
      charges.append(charge)
      lower.append(stage.isRelu ? low.map { max($0, 0) } : low)
      upper.append(stage.isRelu ? high.map { max($0, 0) } : high)
    }
  }

  /// For each node the most numbers that are summed into one of its coefficients (K): all rows of all stages that read
  /// it, with one more for each stage and for a row of the property that starts there.
  private static func additions(_ plan: StagePlan) -> [Int] {
    var result = [Int](repeating: 2, count: plan.stages.count + 1)
    for stage in plan.stages { for edge in stage.edges { result[edge.source] += stage.size + 1 } }
    return result
  }

  var largestAdditions: Int { Self.additions(plan).max() ?? 2 }

  /// The most roundings that a term of the scalar sums C and E passes: two for each element, the inputs, the tree.
  var scalarRoundings: Int { 2 * plan.sizes.reduce(0, +) + 64 }

  /// The charge of a coefficient c on an element that starts a row: other numbers are added to it.
  func startCharge(_ place: StagePlan.Place, coefficient: Double, error: Double) -> Double {
    let m = max(-lower[place.node][place.element], upper[place.node][place.element])
    return abs(coefficient) * m * (gamma(largestAdditions) + 2 * error) * (1 + 0x1p-9)
  }

  /// Omega of section 1.2 in binary64: 2^8 eta (Kmax + 4) sum over nodes of (n + sum m).
  var omega: Double {
    var sum = 0.0
    for node in lower.indices {
      for element in lower[node].indices { sum += 1 + max(-lower[node][element], upper[node][element]) }
    }
    return 0x1p-1014 * Double(largestAdditions + 4) * sum
  }

  /// z of one element, and v' = (1 + 2^-9) (sum of gamma(K + q) V + gamma(D + 2) |b| + the bias's error + xi), where
  /// the factor pays for the roundings of this evaluation (fewer than 2^30, all of numbers >= 0).
  private func interval(
    _ stage: StagePlan.Stage, _ element: Int, additions: [Int]
  ) -> (low: Double, high: Double, charge: Double) {
    let bias = stage.bias[element]
    var low = bias
    var high = bias
    var volume = 0.0
    var weighted = 0.0
    var terms = 1
    for edge in stage.edges {
      var part = 0.0
      for entry in edge.rows.entries(ofRow: element) {
        let weight = edge.rows.values[entry]
        let column = Int(edge.rows.columns[entry])
        let (l, u) = (lower[edge.source][column], upper[edge.source][column])
        low += weight * (weight >= 0 ? l : u)
        high += weight * (weight >= 0 ? u : l)
        part += abs(weight) * max(-l, u)
        terms += 1
      }
      volume += part
      weighted += part * gamma(additions[edge.source] + stage.coefficientRoundings + 1)
    }
    // What separates the true z, and in float32 semantics every computed one, from the weights held here.
    let size = (volume + abs(bias)) * (1 + 0x1p-20)
    var own = gamma(stage.coefficientRoundings) * size + (stage.biasError?[element] ?? 0)
    if isFloat32 {
      // A binary32 evaluation beyond its range has no error bound.
      let k = stage.fanIn[element] + 2 + stage.float32ExtraRoundings
      own += size < 0x1p127 ? (1 + 0x1p-10) * (gammaSingle(k) * size + 0x1p-124 * Double(k)) : .infinity
    }
    // The two sums themselves: each of `terms` products passes at most terms + 1 roundings.
    let slack = (own + gamma(terms + 2) * size) * (1 + 0x1p-9) + 0x1p-1000
    let charge = (weighted + gamma(scalarRoundings + 2) * abs(bias) + own) * (1 + 0x1p-9) + 0x1p-1000
    return ((low - slack).nextDown, (high + slack).nextUp, charge)
  }
}
