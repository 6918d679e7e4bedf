import Glibc
import Networks

// Enclosures of the elementary functions and of their derivatives at a point, and images of intervals.
//
// Values come from the C library, whose functions err by less than 8 units in the last place (the GNU C Library Reference
// Manual, "Known Maximum Errors in Math Functions": at most 2 for these); the margin here is 2^-44 of the value, 500
// times that, and more where several results are combined with cancellation. Tests compare with 256-bit enclosures.

package struct CheckedFunction {
  package let function: ElementaryFunction

  package init(_ function: ElementaryFunction) { self.function = function }

  /// f(z) lies within `low` ... `high`. NaN outside the domain gives everything.
  package func enclosure(_ z: Double) -> (low: Double, high: Double) {
    if function == .relu { return (max(z, 0), max(z, 0)) }
    let value = function(z)
    guard !value.isNaN else { return (-.infinity, .infinity) }
    let margin: Double
    switch function {
    case .relu, .sign, .floor, .step: return (value, value)
    case .gelu: margin = (abs(z) + abs(value)) * 0x1p-44
    case .sine, .cosine: margin = 0x1p-44
    case .power(let exponent): margin = abs(value) * 0x1p-44 * Double(exponent)
    default: margin = abs(value) * 0x1p-44
    }
    var low = value - margin - 0x1p-1000
    var high = value + margin + 0x1p-1000
    switch function {
    case .sigmoid: (low, high) = (max(low, 0), min(high, 1))
    case .tanh, .errorFunction, .sine, .cosine: (low, high) = (max(low, -1), min(high, 1))
    case .exponential, .squareRoot: low = max(low, 0)
    default: break
    }
    return (low, high)
  }

  /// f'(z), nearly, and how much it may be off.
  package func derivative(_ z: Double) -> (value: Double, error: Double) {
    switch function {
    case .relu, .step: return (z >= 0 ? 1 : 0, 0)
    case .sign, .floor: return (0, 0)
    case .sigmoid:
      let value = 1 / (1 + exp(-abs(z)))
      return (value * (1 - value), 0x1p-46)
    case .tanh:
      let value = Glibc.tanh(z)
      return (1 - value * value, 0x1p-46)
    case .exponential:
      let value = exp(z)
      return (value, value * 0x1p-44)
    case .logarithm: return (1 / z, abs(1 / z) * 0x1p-44)
    case .squareRoot:
      let value = 0.5 / z.squareRoot()
      return (value, abs(value) * 0x1p-44)
    case .reciprocal:
      let value = -1 / (z * z)
      return (value, abs(value) * 0x1p-44)
    case .sine: return (cos(z), 0x1p-44)
    case .cosine: return (-sin(z), 0x1p-44)
    case .power(let exponent):
      var value = Double(exponent)
      for _ in 1..<exponent { value *= z }
      return (value, abs(value) * 0x1p-44 * Double(exponent))
    case .gelu:
      let density = exp(-z * z / 2) * 0.3989422804014327
      let value = 0.5 * (1 + erf(z * 0.5.squareRoot())) + z * density
      return (value, 0x1p-44 * (2 + z * z))
    case .errorFunction:
      let value = exp(-z * z) * 1.1283791670955126
      return (value, value * 0x1p-44 * (1 + z * z))
    }
  }

  /// All values of f on [l, u], rounded outward.
  package func image(_ l: Double, _ u: Double) -> (Double, Double) {
    guard l <= u else { return (-.infinity, .infinity) }
    switch function {
    case .relu: return (max(l, 0), max(u, 0))
    case .sign, .floor, .step, .sigmoid, .tanh, .exponential, .errorFunction:
      return (enclosure(l).low, enclosure(u).high)
    case .logarithm: return (l > 0 ? enclosure(l).low : -.infinity, u > 0 ? enclosure(u).high : .infinity)
    case .squareRoot: return (l > 0 ? enclosure(l).low : 0, u >= 0 ? enclosure(u).high : .infinity)
    case .reciprocal:
      return l > 0 || u < 0 ? (enclosure(u).low, enclosure(l).high) : (-.infinity, .infinity)
    case .power(let exponent):
      if !exponent.isMultiple(of: 2) || l >= 0 { return (enclosure(l).low, enclosure(u).high) }
      if u <= 0 { return (max(0, enclosure(u).low), enclosure(l).high) }
      return (0, max(enclosure(l).high, enclosure(u).high))
    case .gelu:
      let (first, last) = (enclosure(l), enclosure(u))
      // The only minimum, -0.16997..., lies at -0.75179...
      let low = u <= -0.76 || l >= -0.75 ? min(first.low, last.low) : -0.17
      return (low, max(first.high, last.high))
    case .sine, .cosine:
      guard abs(l) < 1e5, abs(u) < 1e5 else { return (-1, 1) }
      let (first, last) = (enclosure(l), enclosure(u))
      // Maxima at (2 k + offset) pi / 2, minima two quarters later; a margin covers the rounding of pi.
      let offset: Double = function == .sine ? 1 : 0
      func holds(_ phase: Double) -> Bool {
        let quarter = Double.pi / 2
        let k = ((l - 1e-9) / quarter - phase) / 4
        return (k.rounded(.up) * 4 + phase) * quarter <= u + 1e-9
      }
      return (
        holds(offset + 2) ? -1 : min(first.low, last.low), holds(offset) ? 1 : max(first.high, last.high)
      )
    }
  }
}
