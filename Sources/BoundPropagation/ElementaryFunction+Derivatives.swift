// Derivatives and curvature, rounded to nearest: they only choose slopes, which may be any number.

import Glibc
import Networks

/// How a function bends over an interval.
enum Curvature {
  case convex
  case concave
  /// Convex left of the inflection, concave right of it.
  case convexThenConcave(Double)
  case concaveThenConvex(Double)
  /// More than one inflection.
  case wild

  var negated: Curvature {
    switch self {
    case .convex: .concave
    case .concave: .convex
    case .convexThenConcave(let at): .concaveThenConvex(at)
    case .concaveThenConvex(let at): .convexThenConcave(at)
    case .wild: .wild
    }
  }
}

extension ElementaryFunction {
  /// f'(z) and f''(z).
  package func derivatives(_ z: Double) -> (first: Double, second: Double) {
    switch self {
    case .relu: return (z > 0 ? 1 : 0, 0)
    case .sign, .step, .floor: return (0, 0)
    case .sigmoid:
      let e = exp(-abs(z))
      let first = e / ((1 + e) * (1 + e))
      return (first, first * (1 - e) / (1 + e) * (z > 0 ? -1 : 1))
    case .tanh:
      let e = exp(-2 * abs(z))
      let first = 4 * e / ((1 + e) * (1 + e))
      return (first, 2 * first * (1 - e) / (1 + e) * (z > 0 ? -1 : 1))
    case .exponential:
      let value = exp(z)
      return (value, value)
    case .logarithm: return (1 / z, -1 / (z * z))
    case .squareRoot:
      let root = z.squareRoot()
      return (0.5 / root, -0.25 / (root * z))
    case .reciprocal: return (-1 / (z * z), 2 / (z * z * z))
    case .sine: return (cos(z), -sin(z))
    case .cosine: return (-sin(z), -cos(z))
    case .power(let exponent):
      let n = Double(exponent)
      var below = 1.0
      for _ in 0..<exponent - 2 { below *= z }
      return (n * below * z, n * (n - 1) * below)
    case .gelu:
      let density = exp(-0.5 * z * z) / (2 * Double.pi).squareRoot()
      return (0.5 * erfc(-z * 0.5.squareRoot()) + z * density, density * (2 - z * z))
    case .errorFunction:
      let first = 2 / Double.pi.squareRoot() * exp(-z * z)
      return (first, -2 * z * first)
    }
  }

  /// How the function bends over [l, u].
  func curvature(_ l: Double, _ u: Double) -> Curvature {
    switch self {
    case .relu, .exponential: return .convex
    case .sign, .step, .floor: return .wild
    case .logarithm, .squareRoot: return .concave
    case .reciprocal: return l > 0 ? .convex : .concave
    case .sigmoid, .tanh, .errorFunction: return u <= 0 ? .convex : l >= 0 ? .concave : .convexThenConcave(0)
    case .power(let exponent):
      if exponent.isMultiple(of: 2) { return .convex }
      return l >= 0 ? .convex : u <= 0 ? .concave : .concaveThenConvex(0)
    case .gelu:
      let root = 2.0.squareRoot()
      if u <= -root || l >= root { return .concave }
      if l >= -root { return u <= root ? .convex : .convexThenConcave(root) }
      return u <= root ? .concaveThenConvex(-root) : .wild
    case .sine: return Self.waveCurvature(l, u, phase: 0)
    case .cosine: return Self.waveCurvature(l, u, phase: 0.5 * .pi)
    }
  }

  /// sin(z + phase) is concave between an even multiple of pi and the next odd one.
  private static func waveCurvature(_ l: Double, _ u: Double, phase: Double) -> Curvature {
    guard abs(l) < 0x1p20 && abs(u) < 0x1p20 else { return .wild }
    let first = ((l + phase) / .pi).rounded(.down)
    let last = ((u + phase) / .pi).rounded(.up)
    let startsConcave = first.truncatingRemainder(dividingBy: 2) == 0
    if last - first <= 1 { return startsConcave ? .concave : .convex }
    if last - first > 2 { return .wild }
    let inflection = (first + 1) * .pi - phase
    return startsConcave ? .concaveThenConvex(inflection) : .convexThenConcave(inflection)
  }
}
