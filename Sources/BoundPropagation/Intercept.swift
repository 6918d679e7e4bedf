// The intercept that a line of any given slope needs: t <= min (f(z) - s z) over [l, u], or t >= max (soundness.md 1.6).
//
// The extremes lie at the ends, at stationary points f'(z) = s and at breakpoints. A stationary point is computed in
// closed form or by bisection with an error d that is far below 2^-24 (1 + |z|); the value there differs from the
// extreme by at most max |f''| d^2 / 2, which a margin of 2^-40 (1 + |f| + |s z|), or 2^-44 of the terms' size for
// functions without a scale of their own, covers. A stationary point just outside is evaluated at the end.

import Glibc
import Networks

/// The proven intercept and the point at which the line touches the function.
package struct Intercept: Equatable, Sendable {
  package var value: Double
  package var touch: Double
}

/// Collects the least value of side * (f(z) - s z), side = 1 for a line below, -1 for one above.
private struct ExtremeCollector {
  let function: ElementaryFunction
  let l: Double
  let u: Double
  let slope: Double
  let side: Double
  var least = Double.infinity
  var touch: Double

  init(_ function: ElementaryFunction, _ l: Double, _ u: Double, _ slope: Double, isUpper: Bool) {
    self.function = function
    self.l = l
    self.u = u
    self.slope = slope
    side = isUpper ? -1 : 1
    touch = l
  }

  mutating func add(value: Interval, at z: Double, absolute: Double = 0, relative: Double = 0) {
    let oriented = side > 0 ? value.lower : -value.upper
    let product = slope * z
    let size = abs(oriented) + abs(product)
    let margin = size * (relative + 0x1p-51) + absolute * (1 + size) + 0x1p-1000
    let candidate = (oriented - side * product - margin).nextDown
    // Written so that NaN becomes "no bound".
    if !(candidate >= least) {
      least = candidate.isNaN ? -.infinity : candidate
      touch = z
    }
  }

  mutating func addEnd(_ z: Double) { add(value: function.enclosure(z), at: z) }

  /// A stationary point, up to a small error.
  mutating func addStationary(_ z: Double, absolute: Double = 0, relative: Double = 0) {
    let reach = 0x1p-20 * (1 + abs(z))
    guard z > l - reach && z < u + reach else { return }
    let inside = min(max(z, l), u)
    add(value: function.enclosure(inside), at: inside, absolute: absolute, relative: relative)
  }
}

extension ElementaryFunction {
  /// The largest intercept that is proven for a line below f over [l, u], or the smallest for one above; infinite on
  /// the safe side where there is none. Any finite slope is allowed.
  package func intercept(slope s: Double, over l: Double, _ u: Double, isUpper: Bool) -> Intercept {
    let none = Intercept(value: isUpper ? .infinity : -.infinity, touch: l)
    guard l <= u && s.isFinite else { return none }
    if s == 0 {
      let range = image(l, u)
      return Intercept(value: isUpper ? range.upper : range.lower, touch: levelTouch(l, u, isUpper: isUpper))
    }
    guard l.isFinite && u.isFinite else { return none }
    var collector = ExtremeCollector(self, l, u, s, isUpper: isUpper)
    switch self {
    case .relu:
      return reluIntercept(slope: s, over: l, u, isUpper: isUpper)
    case .sign, .step, .floor:
      addPieces(to: &collector, l, u, s)
      return Intercept(value: collector.side * collector.least, touch: collector.touch)
    case .logarithm where l <= 0, .squareRoot where l < 0: return none
    case .reciprocal where l <= 0 && u >= 0: return none
    default: break
    }
    collector.addEnd(l)
    collector.addEnd(u)
    addStationaryPoints(to: &collector, l, u, s, isUpper: isUpper)
    return Intercept(value: collector.side * collector.least, touch: collector.touch)
  }

  /// Where a level line touches, roughly.
  private func levelTouch(_ l: Double, _ u: Double, isUpper: Bool) -> Double {
    switch self {
    case .power(let exponent) where exponent.isMultiple(of: 2) && !isUpper: return min(max(0, l), u)
    case .relu where !isUpper: return min(l, 0)
    case .gelu where !isUpper: return min(max(-0.7518, l), u)
    default: return (self(l) <= self(u)) == isUpper ? u : l
    }
  }

  /// Exact up to one rounding each: the extremes are at l, 0 and u.
  private func reluIntercept(slope s: Double, over l: Double, _ u: Double, isUpper: Bool) -> Intercept {
    var points: [(value: Double, touch: Double)] = []
    // f(z) - s z = (1 - s) z right of 0 and -s z left of it.
    func value(_ z: Double) -> Double {
      if z == 0 { return 0 }
      if z < 0 { return isUpper ? (-s * z).nextUp : (-s * z).nextDown }
      if s == 1 { return 0 }
      let rest = isUpper ? (1 - s).nextUp : (1 - s).nextDown
      return isUpper ? (rest * z).nextUp : (rest * z).nextDown
    }
    points = [(value(l), l), (value(u), u)]
    if l < 0 && u > 0 { points.append((0, 0)) }
    let best = isUpper ? points.max { $0.value < $1.value }! : points.min { $0.value < $1.value }!
    return Intercept(value: best.value, touch: best.touch)
  }

  /// Constant pieces: on each, f(z) - s z is least and greatest at the piece's ends.
  private func addPieces(to collector: inout ExtremeCollector, _ l: Double, _ u: Double, _ s: Double) {
    switch self {
    case .sign, .step:
      if l < 0 {
        let level: Double = self == .sign ? -1 : 0
        collector.add(value: Interval(level, level), at: l)
        collector.add(value: Interval(level, level), at: min(u, 0))
      }
      if u > 0 {
        collector.add(value: Interval(1, 1), at: u)
        collector.add(value: Interval(1, 1), at: max(l, 0))
      }
      if l <= 0 && u >= 0 { collector.addEnd(0) }
    default:
      let first = l.rounded(.down)
      let last = u.rounded(.down)
      if last - first <= 64 {
        var level = first
        while level <= last {
          collector.add(value: Interval(level, level), at: max(level, l))
          collector.add(value: Interval(level, level), at: min(level + 1, u))
          level += 1
        }
      } else {
        // z - 1 <= floor(z) <= z.
        collector.add(value: Interval((l - 1).nextDown, l), at: l)
        collector.add(value: Interval((u - 1).nextDown, u), at: u)
      }
    }
  }

  private func addStationaryPoints(
    to collector: inout ExtremeCollector, _ l: Double, _ u: Double, _ s: Double, isUpper: Bool
  ) {
    switch self {
    case .sigmoid:
      guard s > 0 && s <= 0.25 else { return }
      let q = (1 - 4 * s).squareRoot()
      let z = 2 * log(1 + q) - log(4 * s)
      collector.addStationary(isUpper ? z : -z, absolute: 0x1p-40)
    case .tanh:
      guard s > 0 && s <= 1 else { return }
      let z = log(1 + (1 - s).squareRoot()) - 0.5 * log(s)
      collector.addStationary(isUpper ? z : -z, absolute: 0x1p-40)
    case .errorFunction:
      guard s > 0 && s <= 1.12838 else { return }
      let z = max(0, -log(s * Double.pi.squareRoot() / 2)).squareRoot()
      collector.addStationary(isUpper ? z : -z, absolute: 0x1p-40)
    case .exponential:
      if s > 0 && !isUpper { collector.addStationary(log(s), relative: 0x1p-44) }
    case .logarithm:
      if s > 0 && isUpper { collector.addStationary(1 / s, absolute: 0x1p-44, relative: 0x1p-44) }
    case .squareRoot:
      if s > 0 && isUpper { collector.addStationary(0.25 / (s * s), relative: 0x1p-44) }
    case .reciprocal:
      guard s < 0 else { return }
      let z = 1 / (-s).squareRoot()
      if l > 0 && !isUpper { collector.addStationary(z, relative: 0x1p-44) }
      if u < 0 && isUpper { collector.addStationary(-z, relative: 0x1p-44) }
    case .power(let exponent):
      let root = pow(abs(s) / Double(exponent), 1 / Double(exponent - 1))
      if exponent.isMultiple(of: 2) {
        if !isUpper { collector.addStationary(s > 0 ? root : -root, relative: 0x1p-44) }
      } else if s > 0 {
        collector.addStationary(isUpper ? -root : root, relative: 0x1p-44)
      }
    case .sine:
      // cos z = s: a minimum of sin z - s z at -acos s, a maximum at acos s.
      guard abs(s) <= 1 else { return }
      addTurns(to: &collector, l, u, angle: isUpper ? acos(s) : -acos(s))
    case .cosine:
      // -sin z = s: a maximum of cos z - s z at -asin s, a minimum at pi + asin s.
      guard abs(s) <= 1 else { return }
      addTurns(to: &collector, l, u, angle: isUpper ? -asin(s) : .pi + asin(s))
    case .gelu:
      for z in geluStationaryPoints(s) { collector.addStationary(z, absolute: 0x1p-40) }
    case .relu, .sign, .step, .floor: return
    }
  }

  /// The first and the last of the points angle + 2 pi k in [l, u]: between them f(z) - s z only shifts by -2 pi s k.
  private func addTurns(to collector: inout ExtremeCollector, _ l: Double, _ u: Double, angle: Double) {
    guard abs(l) < 0x1p20 && abs(u) < 0x1p20 else {
      // f >= -1 and f <= 1 with the product's least and greatest values.
      collector.add(value: Interval(-1, 1), at: l)
      collector.add(value: Interval(-1, 1), at: u)
      return
    }
    let turn = 2 * Double.pi
    let first = ((l - angle) / turn - 0x1p-24).rounded(.up)
    let last = ((u - angle) / turn + 0x1p-24).rounded(.down)
    guard first <= last else { return }
    collector.addStationary(angle + turn * first, absolute: 0x1p-40)
    if last > first { collector.addStationary(angle + turn * last, absolute: 0x1p-40) }
  }

  /// The derivative falls from 0 to -0.1289... at -sqrt 2, rises to 1.1289... at sqrt 2 and falls to 1.
  private func geluStationaryPoints(_ s: Double) -> [Double] {
    let root = 2.0.squareRoot()
    var points: [Double] = []
    for (a, b) in [(-40.0, -root), (-root, root), (root, 40.0)] {
      var low = a
      var high = b
      let rises = a == -root
      let atLow = derivatives(low).first - s
      let atHigh = derivatives(high).first - s
      // Close to an extreme of the derivative rounding may hide a pair of points: take the extreme itself.
      if abs(atLow) < 0x1p-44 { points.append(low) }
      if (atLow > 0) == (atHigh > 0) { continue }
      for _ in 0..<60 {
        let middle = 0.5 * (low + high)
        if (derivatives(middle).first < s) == rises { low = middle } else { high = middle }
      }
      points.append(0.5 * (low + high))
    }
    return points
  }
}
