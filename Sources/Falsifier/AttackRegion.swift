// The inputs that may be tried: a box of binary32 numbers inside the exact one, cut by a ball and half-spaces.

import Glibc
import Networks
import Statistics

/// Where candidates lie, and the projection onto it.
package struct AttackRegion: Sendable {
  /// The binary32 numbers nearest to the limits from inside; equal where an input cannot move.
  package private(set) var low: [Float]
  package private(set) var high: [Float]
  /// For inputs whose interval holds no binary32 number: the value to report.
  package private(set) var fixed: [Int: Double] = [:]
  private(set) var ball: VerificationCase.Ball?
  private(set) var inputRows: [VerificationCase.Row]

  /// From a case whose limits were rounded outward; `exact` are its decimals, without which an outward limit passes for
  /// the limit itself.
  package init(_ source: VerificationCase, exact: Property.Case?) {
    let count = source.lower.count
    low = []
    high = []
    low.reserveCapacity(count)
    high.reserveCapacity(count)
    inputRows = source.inputRows
    ball = source.ball
    for index in 0..<count {
      // Inside the exact interval: lower rounded up, upper rounded down.
      let lower = exact?.lower[index].roundedUp ?? source.lower[index]
      let upper = exact?.upper[index].roundedDown ?? source.upper[index]
      var least = Float(lower)
      if Double(least) < lower { least = least.nextUp }
      var greatest = Float(upper)
      if Double(greatest) > upper { greatest = greatest.nextDown }
      if least > greatest {
        let value = lower <= upper ? lower : (exact?.lower[index].nearest ?? lower)
        fixed[index] = value
        least = Float(value)
        greatest = least
      }
      low.append(least)
      high.append(greatest)
    }
  }

  /// Whether every point of the box belongs to the region.
  var isBox: Bool { ball == nil && inputRows.isEmpty }

  /// The input that a lane's numbers stand for.
  func input(_ numbers: (Int) -> Float) -> [Double] {
    low.indices.map { fixed[$0] ?? Double(numbers($0)) }
  }

  /// A factor on steps that were chosen for a box: a ball reaches less far along its diagonals.
  var stepFactor: Float {
    guard let ball else { return 1 }
    let moving = Float(max(1, zip(low, high).count { $0 < $1 }))
    return ball.norm == .l2 ? 1 / moving.squareRoot() : 4 / moving
  }

  /// Moves a point to the nearest one of the region or near it (Dykstra's alternating projections, Boyle & Dykstra
  /// 1986), a little inside of curved and slanted faces so that rounding does not lead out.
  package func project(_ point: inout [Double]) {
    let count = point.count
    let setCount = inputRows.count + (ball == nil ? 0 : 1) + 1
    if setCount == 1 {
      clampToBox(&point)
      return
    }
    var corrections = [[Double]](repeating: [Double](repeating: 0, count: count), count: setCount)
    for _ in 0..<60 {
      var moved = 0.0
      for set in 0..<setCount {
        var shifted = point
        for index in 0..<count { shifted[index] += corrections[set][index] }
        var projected = shifted
        if set == setCount - 1 {
          clampToBox(&projected)
        } else if set < inputRows.count {
          AttackRegion.project(&projected, onto: inputRows[set])
        } else if let ball {
          AttackRegion.project(&projected, onto: ball)
        }
        for index in 0..<count {
          corrections[set][index] = shifted[index] - projected[index]
          moved = max(moved, abs(projected[index] - point[index]))
        }
        point = projected
      }
      if moved < 1e-7 && contains(point) { return }
    }
    // Where the nearest point was not reached, any point of the region serves: projections without corrections.
    for _ in 0..<200 where !contains(point) {
      for row in inputRows { AttackRegion.project(&point, onto: row) }
      if let ball { AttackRegion.project(&point, onto: ball) }
      clampToBox(&point)
    }
  }

  private func clampToBox(_ point: inout [Double]) {
    for index in point.indices { point[index] = min(max(point[index], Double(low[index])), Double(high[index])) }
  }

  /// Whether the point satisfies ball and half-spaces, as far as binary64 can tell.
  package func contains(_ point: [Double]) -> Bool {
    for row in inputRows {
      let value = row.value { point[$0] }
      guard row.isStrict ? value < 0 : value <= 0 else { return false }
    }
    guard let ball else { return true }
    return AttackRegion.distance(point, ball) <= ball.radius
  }

  private static func distance(_ point: [Double], _ ball: VerificationCase.Ball) -> Double {
    var sum = 0.0
    for (x, centre) in zip(point, ball.centre) {
      sum += ball.norm == .l2 ? (x - centre) * (x - centre) : abs(x - centre)
    }
    return ball.norm == .l2 ? sum.squareRoot() : sum
  }

  private static func project(_ point: inout [Double], onto row: VerificationCase.Row) {
    let value = row.value { point[$0] }
    var size = 0.0
    var norm = 0.0
    for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
      size += abs(coefficient * point[neuron])
      norm += coefficient * coefficient
    }
    let excess = value + 1e-6 * (size + abs(row.constant))
    guard excess > 0, norm > 0 else { return }
    for (neuron, coefficient) in zip(row.neurons, row.coefficients) { point[neuron] -= excess * coefficient / norm }
  }

  private static func project(_ point: inout [Double], onto ball: VerificationCase.Ball) {
    let radius = ball.radius * (1 - 1e-5)
    let length = distance(point, ball)
    guard length > radius else { return }
    if ball.norm == .l2 {
      for index in point.indices {
        point[index] = ball.centre[index] + (point[index] - ball.centre[index]) * (radius / length)
      }
      return
    }
    // Duchi et al. 2008: soft thresholding at the level where the absolute values sum to the radius.
    let sizes = zip(point, ball.centre).map { abs($0 - $1) }.sorted(by: >)
    var sum = 0.0
    var threshold = 0.0
    for (index, size) in sizes.enumerated() {
      sum += size
      let level = (sum - radius) / Double(index + 1)
      if size > level { threshold = level }
    }
    for index in point.indices {
      let offset = point[index] - ball.centre[index]
      let kept = max(abs(offset) - threshold, 0)
      point[index] = ball.centre[index] + (offset < 0 ? -kept : kept)
    }
  }
}

extension VerificationCase.Row {
  /// phi for values of neurons, rounded to nearest.
  func value(_ neuron: (Int) -> Double) -> Double {
    var sum = constant
    for index in neurons.indices { sum += coefficients[index] * neuron(neurons[index]) }
    return sum
  }
}
