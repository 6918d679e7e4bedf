import Glibc
import Networks

// Lines below and above a function: any slope, with an intercept proven from the convex and concave pieces of f.
//
// On a convex piece [a, b], g(z) = f(z) - s z is at most the larger end value, and above every tangent:
// f(z) >= f(t) + f'(t) (z - t), so g >= g(t) + min(0, (f'(t) - s)(a - t), (f'(t) - s)(b - t)) for any t. A concave piece
// is the mirror image. t is chosen where f'(t) is about s, which makes both bounds tight; no stationary point has to be
// exact. Inflection points that are no doubles are surrounded by a tiny piece that is bounded by intervals.

/// slope z + intercept.
package struct CheckedLine: Equatable {
  package var slope: Double
  package var intercept: Double
}

extension CheckedFunction {
  private enum Bend { case convex, concave, unknown }

  /// A line below (above) f on [l, u]; `position` is where a proof wants its tangent, from l (0) to u (1).
  package func line(_ l: Double, _ u: Double, isUpper: Bool, position: Double? = nil) -> CheckedLine {
    guard l <= u, l.isFinite, u.isFinite else { return level(l, u, isUpper: isUpper) }
    if l == u { return level(l, u, isUpper: isUpper) }
    var best: CheckedLine?
    var bestHeight = -Double.infinity
    for slope in slopes(l, u, isUpper: isUpper, position: position) where slope.isFinite {
      let (low, high) = range(minus: slope, l, u)
      let line = CheckedLine(slope: slope, intercept: isUpper ? high : low)
      let height = (isUpper ? -1 : 1) * (line.slope * (0.5 * l + 0.5 * u) + line.intercept)
      if height > bestHeight, line.intercept.isFinite { (best, bestHeight) = (line, height) }
    }
    return best ?? level(l, u, isUpper: isUpper)
  }

  private func level(_ l: Double, _ u: Double, isUpper: Bool) -> CheckedLine {
    let image = image(l, u)
    return CheckedLine(slope: 0, intercept: isUpper ? image.1 : image.0)
  }

  /// All values of f(z) - s z on [l, u], rounded outward.
  package func range(minus s: Double, _ l: Double, _ u: Double) -> (low: Double, high: Double) {
    var low = Double.infinity
    var high = -Double.infinity
    func include(_ piece: (Double, Double)) {
      // A NaN must not be lost in a comparison.
      low = piece.0.isNaN ? -.infinity : min(low, piece.0)
      high = piece.1.isNaN ? .infinity : max(high, piece.1)
    }
    switch function {
    case .relu:
      if l <= 0 { include(sum((0, 0), s, l, min(u, 0))) }
      if u >= 0 { include(sum((0, 0), s - 1, max(l, 0), u, slopeIsRounded: true)) }
    case .step, .sign:
      if l < 0 { include(sum(function == .sign ? (-1, -1) : (0, 0), s, l, min(u, 0))) }
      if u >= 0 { include(sum((1, 1), s, max(l, 0), u)) }
      if function == .sign && l <= 0 && u >= 0 { include((0, 0)) }
    case .floor:
      let (first, last) = (l.rounded(.down), u.rounded(.down))
      let plain = sum((first, last), s, l, u)
      // z - 1 < floor z <= z.
      let slanted = sum((-1, 0), s - 1, l, u, slopeIsRounded: true)
      include((max(plain.0, slanted.0), min(plain.1, slanted.1)))
    default:
      for piece in pieces(l, u) { include(bounds(of: piece, minus: s)) }
    }
    return (low, high)
  }

  /// An interval minus s [a, b].
  private func sum(
    _ image: (Double, Double), _ s: Double, _ a: Double, _ b: Double, slopeIsRounded: Bool = false
  ) -> (Double, Double) {
    let (first, last) = (s * a, s * b)
    var error = (abs(first) + abs(last) + abs(image.0) + abs(image.1)) * 0x1p-50 + 0x1p-1000
    if slopeIsRounded { error += 0x1p-52 * (1 + abs(s)) * max(abs(a), abs(b)) }
    return (image.0 - max(first, last) - error, image.1 - min(first, last) + error)
  }

  private typealias Piece = (a: Double, b: Double, bend: Bend)

  private func bounds(of piece: Piece, minus s: Double) -> (Double, Double) {
    let (a, b) = (piece.a, piece.b)
    if piece.bend == .unknown || !(a < b) { return sum(image(a, b), s, a, b) }
    func value(_ z: Double) -> (low: Double, high: Double) {
      let f = enclosure(z)
      let product = s * z
      let error = (abs(f.low) + abs(f.high) + abs(product)) * 0x1p-50 + 0x1p-1000
      return (f.low - product - error, f.high - product + error)
    }
    let (first, last) = (value(a), value(b))
    let isConvex = piece.bend == .convex
    let t = point(withSlope: s, a, b, isConvex: isConvex)
    let at = value(t)
    let d = derivative(t)
    // The tangent's rise against s z from t to either end, in the direction that hurts.
    let hurt = isConvex ? 1.0 : -1.0
    func rise(_ end: Double) -> Double {
      let length = end - t
      let product = (d.value - s) * length
      let error = (d.error + (abs(d.value) + abs(s)) * 0x1p-50) * abs(length) * (1 + 0x1p-40) + 0x1p-1000
      return hurt * product - error
    }
    let loss = min(0, rise(a), rise(b))
    let slack = (abs(at.low) + abs(at.high) + abs(loss)) * 0x1p-50
    return isConvex
      ? (at.low + loss - slack, max(first.high, last.high)) : (min(first.low, last.low), at.high - loss + slack)
  }

  /// About where f' is s on a piece; any answer inside is sound.
  private func point(withSlope s: Double, _ a: Double, _ b: Double, isConvex: Bool) -> Double {
    var (left, right) = (a, b)
    for _ in 0..<40 {
      let middle = 0.5 * (left + right)
      guard middle > left, middle < right else { break }
      if (derivative(middle).value < s) == isConvex { left = middle } else { right = middle }
    }
    return 0.5 * (left + right)
  }

  private func pieces(_ l: Double, _ u: Double) -> [Piece] {
    func around(_ bends: (Bend, Bend)) -> [Piece] {
      if u <= 0 { return [(l, u, bends.0)] }
      if l >= 0 { return [(l, u, bends.1)] }
      return [(l, 0, bends.0), (0, u, bends.1)]
    }
    switch function {
    case .exponential: return [(l, u, .convex)]
    case .logarithm: return [(l, u, l > 0 ? .concave : .unknown)]
    case .squareRoot: return [(l, u, l >= 0 ? .concave : .unknown)]
    case .reciprocal: return [(l, u, l > 0 ? .convex : u < 0 ? .concave : .unknown)]
    case .power(let exponent): return exponent.isMultiple(of: 2) ? [(l, u, .convex)] : around((.concave, .convex))
    case .sigmoid, .tanh, .errorFunction: return around((.convex, .concave))
    case .gelu:
      // f'' = (2 - z^2) times a density.
      let root = 1.414213562373095
      return split(l, u, [(-root, .convex), (root, .concave)], first: .concave)
    case .sine, .cosine:
      guard max(abs(l), abs(u)) < 1e5, u - l < 20 else { return [(l, u, .unknown)] }
      let offset = function == .sine ? 0.0 : 0.5
      let start = (l / .pi - offset).rounded(.down)
      var marks: [(Double, Bend)] = []
      // sin is concave on (2 k pi, (2 k + 1) pi); cos half a turn earlier.
      func bend(after k: Double) -> Bend {
        let isEven = k.truncatingRemainder(dividingBy: 2) == 0
        return (isEven == (function == .sine)) ? .concave : .convex
      }
      for step in 0...8 { marks.append(((start + Double(step) + offset) * .pi, bend(after: start + Double(step)))) }
      return split(l, u, marks, first: bend(after: start - 1))
    default: return [(l, u, .unknown)]
    }
  }

  /// Cuts [l, u] at approximate inflection points, each inside a tiny piece of its own.
  private func split(_ l: Double, _ u: Double, _ marks: [(Double, Bend)], first: Bend) -> [Piece] {
    var result: [Piece] = []
    var place = l
    var bend = first
    func append(_ end: Double, _ bend: Bend) {
      let stop = min(u, end)
      if stop > place || (result.isEmpty && stop == place) {
        result.append((place, stop, bend))
        place = stop
      }
    }
    for (mark, next) in marks {
      let width = 1e-9 * (1 + abs(mark) * 1e-3)
      append(mark - width, bend)
      append(mark + width, .unknown)
      bend = next
    }
    append(u, bend)
    return result
  }
}
