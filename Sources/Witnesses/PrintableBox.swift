// Points of a box of decimals that can be printed and fed to a model.

import Networks
import Statistics

/// The binary32 numbers of each interval of a case's box, and a decimal where there is none.
struct PrintableBox: Sendable {
  private let lower: [Float]
  private let upper: [Float]
  private let decimals: [Int: ExactDecimal]

  init(_ region: Property.Case) {
    var lower: [Float] = []
    var upper: [Float] = []
    var decimals: [Int: ExactDecimal] = [:]
    for (index, (low, high)) in zip(region.lower, region.upper).enumerated() {
      // The least binary32 number that is not below the limit: binary32 numbers are binary64 numbers.
      let bottom = low.roundedUp
      let top = high.roundedDown
      var first = Float(bottom)
      if Double(first) < bottom { first = first.nextUp }
      var last = Float(top)
      if Double(last) > top { last = last.nextDown }
      lower.append(first)
      upper.append(last)
      if !(first <= last) || !first.isFinite || !last.isFinite { decimals[index] = low }
    }
    self.lower = lower
    self.upper = upper
    self.decimals = decimals
  }

  /// The point of the box nearest to a candidate; nil where the candidate is no number.
  func point(near candidate: [Double]) -> [ExactDecimal]? {
    var point: [ExactDecimal] = []
    point.reserveCapacity(candidate.count)
    for (index, value) in candidate.enumerated() {
      if let decimal = decimals[index] {
        point.append(decimal)
      } else {
        guard !value.isNaN else { return nil }
        let inside = min(max(Float(value), lower[index]), upper[index])
        guard let decimal = ExactDecimal(exactly: Double(inside)) else { return nil }
        point.append(decimal)
      }
    }
    return point
  }
}

/// Exact membership in what a case's region has beside its box.
enum Region {
  static func contains(_ point: [ExactDecimal], _ region: Property.Case) -> Bool {
    for constraint in region.inputConstraints {
      var sum = ExactDecimal(0) - constraint.bound
      for term in constraint.terms {
        guard case .input(let index) = term.variable else { return false }
        sum = sum + term.coefficient * point[index]
      }
      guard constraint.isStrict ? sum.isNegative : sum.isNegative || sum.isZero else { return false }
    }
    guard let ball = region.ball else { return true }
    var size = ExactDecimal(0)
    for (x, centre) in zip(point, ball.centre) {
      let difference = x - centre
      switch ball.norm {
      case .l1: size = size + (difference.isNegative ? ExactDecimal(0) - difference : difference)
      case .l2: size = size + difference * difference
      }
    }
    let limit = ball.norm == .l1 ? ball.radius : ball.radius * ball.radius
    return size <= limit
  }
}
