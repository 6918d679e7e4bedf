// Rigorous values of the elementary functions at a point and over an interval.
//
// The C library's exp, expm1, log, sin, cos, tanh and erf are documented to err by at most 2 ulp in binary64 (glibc
// manual, "Errors in Math Functions"; the tests compare them with longer sums). Every use here is widened by 2^-48
// of its size, 16 ulp, which also pays for the two or three roundings around it.

import Glibc
import Networks

/// A closed interval; NaN never stands in one, an unknown end is infinite.
package struct Interval: Equatable, Sendable {
  package var lower: Double
  package var upper: Double

  package init(_ lower: Double, _ upper: Double) {
    self.lower = lower.isNaN ? -.infinity : lower
    self.upper = upper.isNaN ? .infinity : upper
  }
}

extension ElementaryFunction {
  /// An interval that holds the true value at x.
  package func enclosure(_ x: Double) -> Interval {
    switch self {
    case .relu: return Interval(max(x, 0), max(x, 0))
    case .sign: return x > 0 ? Interval(1, 1) : (x < 0 ? Interval(-1, -1) : Interval(0, 0))
    case .step: return x >= 0 ? Interval(1, 1) : Interval(0, 0)
    case .floor: return Interval(x.rounded(.down), x.rounded(.down))
    case .squareRoot:
      if x < 0 { return Interval(-.infinity, .infinity) }
      let root = x.squareRoot()
      return Interval(max(root.nextDown, 0), root.nextUp)
    case .reciprocal:
      if x == 0 { return Interval(-.infinity, .infinity) }
      return Interval((1 / x).nextDown, (1 / x).nextUp)
    case .sigmoid:
      let value = widened(self(x))
      return Interval(max(value.lower, 0), min(value.upper, 1))
    case .tanh, .errorFunction, .sine, .cosine:
      let value = widened(self(x))
      return Interval(max(value.lower, -1), min(value.upper, 1))
    case .exponential:
      let value = widened(exp(x))
      return Interval(max(value.lower, 0), value.upper)
    case .logarithm:
      if x <= 0 { return Interval(-.infinity, x == 0 ? -0x1p1000 : .infinity) }
      return widened(log(x))
    case .power(let exponent):
      let value = self(x)
      let error = abs(value) * (Double(exponent) * 0x1p-52) + 0x1p-1000
      return Interval((value - error).nextDown, (value + error).nextUp)
    case .gelu:
      // erf errs absolutely by less than 2^-50, its argument by 2^-52 of a size that erf' <= 1.13 e^(-z^2) damps.
      let value = self(x)
      let error = abs(x) * 0x1p-48 + 0x1p-1000
      return Interval((value - error).nextDown, (value + error).nextUp)
    }
  }

  private func widened(_ value: Double) -> Interval {
    let error = abs(value) * 0x1p-48 + 0x1p-1000
    return Interval((value - error).nextDown, (value + error).nextUp)
  }

  /// An interval that holds the values of all points of [lower, upper].
  package func image(_ lower: Double, _ upper: Double) -> Interval {
    guard lower <= upper else { return Interval(-.infinity, .infinity) }
    switch self {
    case .relu, .sign, .step, .floor, .sigmoid, .tanh, .errorFunction, .exponential:
      return Interval(enclosure(lower).lower, enclosure(upper).upper)
    case .squareRoot:
      return lower < 0 ? Interval(-.infinity, .infinity) : Interval(enclosure(lower).lower, enclosure(upper).upper)
    case .logarithm:
      if lower < 0 || upper <= 0 { return Interval(-.infinity, .infinity) }
      return Interval(lower == 0 ? -.infinity : enclosure(lower).lower, enclosure(upper).upper)
    case .reciprocal:
      if lower <= 0 && upper >= 0 { return Interval(-.infinity, .infinity) }
      return Interval(enclosure(upper).lower, enclosure(lower).upper)
    case .power(let exponent):
      let low = enclosure(lower)
      let high = enclosure(upper)
      if !exponent.isMultiple(of: 2) { return Interval(low.lower, high.upper) }
      if lower >= 0 { return Interval(max(low.lower, 0), high.upper) }
      if upper <= 0 { return Interval(max(high.lower, 0), low.upper) }
      return Interval(0, max(low.upper, high.upper))
    case .gelu:
      // Falling left of the minimum at -0.7517915..., where it is -0.1699712..., rising right of it.
      let low = enclosure(lower)
      let high = enclosure(upper)
      let holdsMinimum = lower < -0.7517 && upper > -0.7518
      return Interval(holdsMinimum ? -0.169972 : min(low.lower, high.lower), max(low.upper, high.upper))
    case .sine: return Self.wave(lower, upper, phase: 0, ends: (enclosure(lower), enclosure(upper)))
    case .cosine: return Self.wave(lower, upper, phase: 0.5 * .pi, ends: (enclosure(lower), enclosure(upper)))
    }
  }

  /// The range of sin(z + phase): its ends, and 1 or -1 where a crest or trough may lie inside. Quarter turns are
  /// counted with a margin far above their rounding, so an extreme close to an end counts as inside.
  private static func wave(_ lower: Double, _ upper: Double, phase: Double, ends: (Interval, Interval)) -> Interval {
    guard abs(lower) < 0x1p20 && abs(upper) < 0x1p20 && upper - lower < 6.2 else { return Interval(-1, 1) }
    let turn = 2 * Double.pi
    func holds(_ angle: Double) -> Bool {
      let offset = (angle - phase) / turn
      return (lower / turn - offset - 0x1p-26).rounded(.up) <= (upper / turn - offset + 0x1p-26).rounded(.down)
    }
    return Interval(
      holds(-0.5 * .pi) ? -1 : min(ends.0.lower, ends.1.lower), holds(0.5 * .pi) ? 1 : max(ends.0.upper, ends.1.upper))
  }
}
