// A line below or above an elementary function over an interval: the slope is chosen, the intercept is proven.
//
// On the side where the function bends towards the line it is a tangent, at l + p (u - l) for a position p in [0, 1]
// that may be optimised; on the other side it is the chord. Where the bend changes, the tangent through the far end is
// the default. ReLU: the lower slope is p itself, the upper line the chord.

import Glibc
import Networks

/// slope * z + intercept, which bounds a function from one side.
package struct Line: Equatable, Sendable {
  package var slope: Double
  package var intercept: Double
  /// Where it touches the function: d intercept / d slope = -touch.
  package var touch: Double
  /// d slope / d position, 0 where the position does not matter.
  package var rate: Double
  /// The position that was used.
  package var position: Double
}

extension ElementaryFunction {
  /// A line below (or above) f over [l, u]; nil as the position asks for the default. Where f has no bound the
  /// intercept is infinite on the safe side.
  package func line(over l: Double, _ u: Double, isUpper: Bool, position: Double? = nil) -> Line {
    func proven(_ slope: Double, rate: Double = 0, position: Double = 0) -> Line {
      let intercept = intercept(slope: slope, over: l, u, isUpper: isUpper)
      return Line(
        slope: slope, intercept: intercept.value, touch: intercept.touch, rate: rate, position: position)
    }
    guard l < u && l.isFinite && u.isFinite else { return proven(0) }
    switch self {
    case .relu:
      if u <= 0 { return Line(slope: 0, intercept: 0, touch: 0, rate: 0, position: 0) }
      if l >= 0 { return Line(slope: 1, intercept: 0, touch: 0, rate: 0, position: 1) }
      if isUpper {
        // The least valid intercept is max(-s l, (1 - s) u), rounded up.
        let slope = u / (u - l)
        let atLower = (-slope * l).nextUp
        let atUpper = ((1 - slope).nextUp * u).nextUp
        return Line(
          slope: slope, intercept: max(atLower, atUpper), touch: atLower > atUpper ? l : u, rate: 0, position: 0)
      }
      let slope = position ?? (u > -l ? 1 : 0)
      return Line(slope: slope, intercept: 0, touch: 0, rate: 1, position: slope)
    case .sign, .step, .floor: return steppedLine(l, u, isUpper: isUpper, position: position, proven)
    case .logarithm where l <= 0, .squareRoot where l < 0, .reciprocal where l <= 0 && u >= 0: return proven(0)
    default: break
    }
    let side: Double = isUpper ? -1 : 1
    let bend = isUpper ? curvature(l, u).negated : curvature(l, u)
    let width = u - l
    let chord = (self(u) - self(l)) / width
    guard chord.isFinite && width.isFinite else { return proven(0) }
    func tangent(_ d: Double) -> Line {
      let (first, second) = derivatives(d)
      return first.isFinite && second.isFinite
        ? proven(first, rate: second * width, position: (d - l) / width) : proven(chord)
    }
    switch bend {
    case .concave: return proven(chord)
    case .convex:
      let middle = self == .exponential ? min(l + 0.5 * width, l + 0.99) : l + 0.5 * width
      return tangent(position.map { l + $0 * width } ?? middle)
    case .convexThenConcave(let inflection):
      if side * chord <= side * derivatives(l).first { return proven(chord) }
      let limit = min(max(inflection, l), u)
      return tangent(position.map { min(l + $0 * width, limit) } ?? tangentPoint(through: u, from: l, to: limit, side))
    case .concaveThenConvex(let inflection):
      if side * chord >= side * derivatives(u).first { return proven(chord) }
      let limit = min(max(inflection, l), u)
      return tangent(position.map { max(l + $0 * width, limit) } ?? tangentPoint(through: l, from: u, to: limit, side))
    case .wild:
      if let position { return tangent(l + position * width) }
      var best = proven(chord)
      for step in 0...8 {
        let candidate = tangent(l + width * Double(step) / 8)
        let gain = (candidate.slope - best.slope) * (l + 0.5 * width) + candidate.intercept - best.intercept
        if side * gain > 0 { best = candidate }
      }
      let level = proven(0)
      let gain = (level.slope - best.slope) * (l + 0.5 * width) + level.intercept - best.intercept
      return side * gain > 0 ? level : best
    }
  }

  /// The point between the end `from`, where f bends towards the line, and `to` whose tangent meets (far, f(far)).
  private func tangentPoint(through far: Double, from end: Double, to limit: Double, _ side: Double) -> Double {
    let value = self(far)
    var a = end
    var b = limit
    // The tangent at `end` passes the far point on the safe side; move towards the limit while that holds.
    for _ in 0..<14 {
      let middle = 0.5 * (a + b)
      if side * (self(middle) + derivatives(middle).first * (far - middle) - value) <= 0 {
        a = middle
      } else {
        b = middle
      }
    }
    return a
  }

  /// Steps: a level line, or one through a corner.
  private func steppedLine(
    _ l: Double, _ u: Double, isUpper: Bool, position: Double?, _ proven: (Double, Double, Double) -> Line
  ) -> Line {
    if self == .floor {
      if l.rounded(.down) == u.rounded(.down) { return proven(0, 0, 0) }
      let chord = (u.rounded(.down) - l.rounded(.down)) / (u - l)
      let slope = position ?? min(1, chord)
      return proven(slope, 1, slope)
    }
    guard l < 0 && u >= 0 else { return proven(0, 0, 0) }
    let height: Double = self == .sign ? 2 : 1
    // Below: from (0, f(l)) to (u, 1); above: from (l, f(l)) to (0, 1).
    let steepest = isUpper ? height / -l : (u > 0 ? height / u : 0)
    guard steepest.isFinite else { return proven(0, 0, 0) }
    let part = position ?? ((u > -l) != isUpper ? 1 : 0)
    return proven(part * steepest, steepest, part)
  }
}
