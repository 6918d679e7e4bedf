// Where lanes begin: the centre, random points and vertices, the best of some samples, the surroundings of the nearest
// inputs of earlier rounds, and output-diversified starts (Tashiro, Song & Ermon 2020), which first run a few steps
// along a random combination of outputs.

import CFalsifier
import Glibc
import Networks

extension Attack {
  private enum Start {
    case uniform, vertex, diversified, sampled, nearby
  }

  /// The last quarter of the lanes looks around what was nearest, once there is something.
  private func start(_ lane: Int) -> Start {
    if !elite.isEmpty && lane >= lanes - lanes / 4 { return .nearby }
    return switch (lane >> 1) & 3 {
    case 0: .sampled
    case 1: .vertex
    case 2: .diversified
    default: .uniform
    }
  }

  /// Gives every lane a clause and an input; false if time is over.
  ///
  /// All clauses have their turn over lanes and rounds; every other lane takes one of the two most promising ones.
  func begin(round: Int, panelNumber: Int) -> Bool {
    var best = [Float](repeating: .infinity, count: target.clauses.count)
    var bestPoints = [[Float]](repeating: [], count: target.clauses.count)
    // Samples cost a forward pass each; large networks and first rounds go straight to gradients.
    let samples = network.work > 300_000 ? 1 : round == 0 ? 4 : 12
    for sample in 0..<samples {
      for lane in 0..<lanes {
        if lane == 0 && sample == 0 && panelNumber == 0 && round == 0 {
          for input in 0..<inputs { x[input * lanes] = region.low[input] / 2 + region.high[input] / 2 }
        } else if lane & 1 == 0 && !elite.isEmpty {
          placeNearby(lane)
        } else {
          fill(lane, withVertex: lane & 1 == 1)
        }
      }
      project(0..<lanes)
      guard evaluate() else { return false }
      for (clause, rows) in target.clauses.enumerated() {
        for lane in 0..<lanes {
          let value = largestRow(of: rows, lane: lane)
          guard value < best[clause] else { continue }
          best[clause] = value
          bestPoints[clause] = (0..<inputs).map { x[$0 * lanes + lane] }
        }
      }
    }
    let ranked = target.clauses.indices.sorted { (best[$0], $0) < (best[$1], $1) }
    var used = [Bool](repeating: false, count: target.clauses.count)
    for lane in 0..<lanes {
      let turn = (panelNumber * lanes + lane + round * max(options.starts, lanes)) / 2
      let clause = lane & 1 == 0 ? ranked[turn % min(2, ranked.count)] : ranked[turn % ranked.count]
      clauses[lane] = clause
      switch start(lane) {
      case .nearby: stepSizes[lane] = 2 * placeNearby(lane)
      case .vertex: fill(lane, withVertex: true)
      case .uniform, .diversified: fill(lane, withVertex: false)
      case .sampled:
        if bestPoints[clause].isEmpty {
          fill(lane, withVertex: false)
        } else {
          place(lane, near: bestPoints[clause], spread: used[clause] ? 0.1 : 0)
          used[clause] = true
        }
      }
    }
    project(0..<lanes)
    return round == 0 && network.work > 300_000 ? true : diversify()
  }

  /// A point around one of the nearest inputs so far, at a distance of 1/10 to 1/100,000 of each width; the distance.
  @discardableResult
  private func placeNearby(_ lane: Int) -> Float {
    let point = elite[Int(generator.next() % UInt64(elite.count))]
    let spread = powf(10, -1 - 4 * generator.unit())
    place(lane, near: point, spread: 2 * spread)
    return spread
  }

  /// A uniform point of the box, or a random vertex.
  private func fill(_ lane: Int, withVertex: Bool) {
    for input in 0..<inputs {
      let random = generator.unit()
      let (low, high) = (region.low[input], region.high[input])
      let value = withVertex ? (random < 0.5 ? low : high) : low + random * (high - low)
      x[input * lanes + lane] = min(max(value, low), high)
    }
  }

  /// A uniform point of the box of `spread` times each width around a point.
  private func place(_ lane: Int, near point: [Float], spread: Float) {
    for input in 0..<inputs {
      let (low, high) = (region.low[input], region.high[input])
      let value = point[input] + spread * (generator.unit() - 0.5) * (high - low)
      x[input * lanes + lane] = min(max(value, low), high)
    }
  }

  /// Five sign steps along random directions in the space of outputs, for the lanes that start so.
  private func diversify() -> Bool {
    let outputs = network.network.outputs
    let directions = (0..<outputs.count * lanes).map { _ in 2 * generator.unit() - 1 }
    let still = [Float](repeating: 0, count: lanes)
    var steps = still
    for lane in 0..<lanes where start(lane) == .diversified { steps[lane] = 0.25 * region.stepFactor }
    for _ in 0..<5 {
      guard evaluate() else { return false }
      panel.clearGradients()
      for (number, neuron) in outputs.enumerated() {
        for lane in 0..<lanes where steps[lane] > 0 {
          gradient[neuron * lanes + lane] += directions[number * lanes + lane]
        }
      }
      guard panel.backward(isOver: isOver) else { return false }
      cfalsifier_sign_step(
        inputs, lanes, 0, lanes, x, &previous, gradient, region.low, region.high, steps, 1)
      project(0..<lanes)
    }
    return true
  }
}
