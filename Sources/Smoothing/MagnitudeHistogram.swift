// What calibration keeps of the numbers that a value takes: a histogram of magnitudes.

import Certificates

/// Counts of magnitudes in equal bins whose width doubles as larger numbers come. Width and counts depend on the numbers
/// alone, not on their order or on how they were split before `merge`.
package struct MagnitudeHistogram: Sendable {
  private static let bins = 8192

  package init() {}

  /// Bin i counts magnitudes from i * 2^exponent up to but not including (i + 1) * 2^exponent.
  package private(set) var counts = [Int](repeating: 0, count: bins)
  package private(set) var exponent = -40
  /// Whether a number was negative.
  package private(set) var hasNegative = false

  package var width: Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  /// Counts numbers; false if one of them is not finite.
  package mutating func add(_ numbers: UnsafeBufferPointer<Float>) -> Bool {
    // Patterns without their sign are ordered as the magnitudes are, and those of infinities and NaN are the greatest.
    var pattern: UInt32 = 0
    var negative: UInt32 = 0
    for x in numbers {
      pattern = max(pattern, x.magnitude.bitPattern)
      negative |= x < 0 ? 1 : 0
    }
    let largest = Float(bitPattern: pattern)
    guard largest.isFinite else { return false }
    if negative != 0 { hasNegative = true }
    while Double(largest) >= width * Double(Self.bins) { double() }
    let inverse = Float(sign: .plus, exponent: -exponent, significand: 1)
    counts.withUnsafeMutableBufferPointer { counts in
      for x in numbers { counts[Int(x.magnitude * inverse)] += 1 }
    }
    return true
  }

  package mutating func merge(_ other: MagnitudeHistogram) {
    var other = other
    while exponent < other.exponent { double() }
    while other.exponent < exponent { other.double() }
    for bin in counts.indices { counts[bin] += other.counts[bin] }
    hasNegative = hasNegative || other.hasNegative
  }

  /// floor(floor(x / w) / 2) = floor(x / 2w), so nothing is lost.
  private mutating func double() {
    let half = Self.bins / 2
    for bin in 0..<half { counts[bin] = counts[2 * bin] + counts[2 * bin + 1] }
    for bin in half..<Self.bins { counts[bin] = 0 }
    exponent += 1
  }

  /// The scale, for levels up to `greatest`, of least squared error: numbers round to the nearest level, larger ones to
  /// the greatest. Tried are clips from 1/8 of the largest number up to it, in steps of 1/128; of equal ones the largest.
  /// 1 where nothing but zero came.
  package func scale(greatest: Int) -> Float {
    let used = (counts.lastIndex { $0 > 0 } ?? 0) + 1
    if used == 1 { return 1 }
    var best = (error: Double.infinity, step: width / Double(greatest))
    for part in (16...128).reversed() {
      let step = width * Double(used) * Double(part) / 128 / Double(greatest)
      var error = 0.0
      for bin in 0..<used where counts[bin] > 0 {
        let x = width * (Double(bin) + 0.5)
        let distance = x - min((x / step).rounded(), Double(greatest)) * step
        error += Double(counts[bin]) * distance * distance
      }
      if error < best.error { best = (error, step) }
    }
    return Float(best.step)
  }
}
