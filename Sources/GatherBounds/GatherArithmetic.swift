// The constants of soundness.md section 1 for binary32 and binary64, and outward roundings between the two.

import CGatherBounds

/// One arithmetic of the inner loops.
struct GatherArithmetic: Sendable {
  let isWide: Bool
  /// u: half a unit in the last place of 1.
  let unit: Double
  /// eta: the least normal number.
  let least: Double
  /// What stands for the magnitude of a weight below `least`, so that gamma(1) times it pays for a flushed weight.
  let tiny: Double

  init(_ precision: GatherPrecision) {
    isWide = precision == .binary64
    unit = isWide ? 0x1p-53 : 0x1p-24
    least = isWide ? 0x1p-1022 : 0x1p-126
    tiny = isWide ? 0x1p-969 : 0x1p-102
  }

  /// gamma(k) = k u / (1 - k u), rounded up.
  func gamma(_ k: Int) -> Double {
    let product = Double(k) * unit
    return product >= 0.5 ? .infinity : product / (1 - product) * (1 + 0x1p-40)
  }

  /// |w|, never so small that a device which flushes it goes unpaid (soundness.md 1.2).
  func magnitude(_ weight: Double) -> Double {
    let size = abs(weight)
    return size != 0 && size < least ? max(size, tiny) : size
  }

  /// The nearest number of this arithmetic.
  func nearest(_ x: Double) -> Double { isWide ? x : Double(Float(x)) }

  /// The largest number of this arithmetic that is at most x and not subnormal.
  func down(_ x: Double) -> Double { -up(-x) }

  /// The least number of this arithmetic that is at least x and not subnormal.
  func up(_ x: Double) -> Double {
    var result = x
    if !isWide {
      let rounded = Float(x)
      result = Double(Double(rounded) < x ? rounded.nextUp : rounded)
    }
    if result != 0, abs(result) < least { return result > 0 ? least : 0 }
    return result
  }

  /// Private sums are eight neurons long with two roundings each; the rest is room for products and differences.
  static let privateLength = 24
  /// gamma(D + 4) (1 + 2^-10): relative error of intercepts and of the concretisation.
  var relative: Double { up(gamma(Self.privateLength + 4) * (1 + 0x1p-10)) }
}
