import Glibc
import Networks

// Which slopes to try: a choice that decides how tight a line is, never whether it is valid.

extension CheckedFunction {
  /// Slopes for a line; the best of them at the middle is taken, the stored position's alone if there is one.
  func slopes(_ l: Double, _ u: Double, isUpper: Bool, position: Double?) -> [Double] {
    let width = u - l
    let chord = (function(u) - function(l)) / width
    func tangent(_ z: Double) -> Double { derivative(min(max(z, l), u)).value }
    switch function {
    case .relu:
      if l >= 0 { return [1] }
      if u <= 0 { return [0] }
      return isUpper ? [chord] : [position ?? (u > -l ? 1 : 0)]
    case .step, .sign:
      guard l < 0, u >= 0 else { return [0] }
      let height: Double = function == .sign ? 2 : 1
      let steepest = isUpper ? height / -l : height / u
      return position.map { [$0 * steepest, 0] } ?? [0, steepest]
    case .floor: return [0, min(1, chord), position ?? 1]
    default: break
    }
    // Which way f bends at either end of the interval, seen from the line.
    let (first, last) = (derivative(l).value, derivative(u).value)
    let side: Double = isUpper ? -1 : 1
    switch shape(l, u) {
    case .wild:
      if let position { return [tangent(l + position * width)] }
      return [0, chord] + (0...8).map { tangent(l + width * Double($0) / 8) }
    case .convex, .concave:
      if (shape(l, u) == .convex) == isUpper { return [chord] }
      let middle = function == .exponential ? min(l + 0.5 * width, l + 0.99) : l + 0.5 * width
      return [tangent(position.map { l + $0 * width } ?? middle)]
    case .convexConcave, .concaveConvex:
      // The line's side is curved towards it at the left end, or at the right one.
      let atLeft = (shape(l, u) == .convexConcave) != isUpper
      if atLeft ? side * chord <= side * first : side * chord >= side * last { return [chord] }
      if let position {
        let z = l + position * width
        return [tangent(atLeft ? min(z, 0) : max(z, 0))]
      }
      return [tangent(touch(from: atLeft ? l : u, through: atLeft ? u : l, side: side))]
    }
  }

  private enum Shape { case convex, concave, convexConcave, concaveConvex, wild }

  private func shape(_ l: Double, _ u: Double) -> Shape {
    switch function {
    case .exponential: return .convex
    case .logarithm: return l > 0 ? .concave : .wild
    case .squareRoot: return l >= 0 ? .concave : .wild
    case .reciprocal: return l > 0 ? .convex : u < 0 ? .concave : .wild
    case .power(let exponent):
      if exponent.isMultiple(of: 2) || l >= 0 { return .convex }
      return u <= 0 ? .concave : .concaveConvex
    case .sigmoid, .tanh, .errorFunction: return u <= 0 ? .convex : l >= 0 ? .concave : .convexConcave
    default: return .wild
    }
  }

  /// About where the tangent from the curved end meets the far end of the curve.
  private func touch(from end: Double, through far: Double, side: Double) -> Double {
    var (a, b) = (end, 0.0)
    let value = function(far)
    for _ in 0..<20 {
      let middle = 0.5 * (a + b)
      let reached = function(middle) + derivative(middle).value * (far - middle)
      if side * (reached - value) <= 0 { a = middle } else { b = middle }
    }
    return a
  }
}

/// A plane below or above x y over a box: x y - cx x - cy y is bilinear, so its extremes are at the corners.
struct CheckedPlane {
  var x: Double
  var y: Double
  var constant: Double

  /// Between the two planes of McCormick's envelope: 1 is the one through (xl, yl) below, through (xu, yl) above.
  init(_ xl: Double, _ xu: Double, _ yl: Double, _ yu: Double, isUpper: Bool, position: Double = 0.5) {
    x = position * yl + (1 - position) * yu
    y = isUpper ? position * xu + (1 - position) * xl : position * xl + (1 - position) * xu
    var extreme = isUpper ? -Double.infinity : .infinity
    for (a, b) in [(xl, yl), (xl, yu), (xu, yl), (xu, yu)] {
      let (product, first, second) = (a * b, x * a, y * b)
      let value = product - first - second
      let error = (abs(product) + abs(first) + abs(second)) * 0x1p-50 + 0x1p-1000
      if value.isNaN { extreme = .nan }
      // A NaN stays: no comparison with it holds.
      if isUpper ? value + error > extreme : value - error < extreme {
        extreme = isUpper ? value + error : value - error
      }
    }
    constant = extreme
  }

  /// All products, rounded outward.
  static func image(_ xl: Double, _ xu: Double, _ yl: Double, _ yu: Double) -> (Double, Double) {
    var (low, high) = (Double.infinity, -Double.infinity)
    for product in [xl * yl, xl * yu, xu * yl, xu * yu] {
      if product.isNaN { return (-.infinity, .infinity) }
      low = min(low, product.nextDown)
      high = max(high, product.nextUp)
    }
    return (low, high)
  }
}
