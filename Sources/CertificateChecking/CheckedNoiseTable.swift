import BigInt
import Hashing

// The compare table of the integer noise (reference/soundness.md 2.2), computed a second time:
//
//   T_j = round-to-nearest(2^64 Phi((j + 1/2) / (255 sigma))),  j = -M ... M - 1,  M = 255 (k + 1),
//   k = max(1, floor(6 sigma)),      z(u) = #{j : u >= T_j} - M for a uniform 64-bit word u.

/// The noise table of an exact sigma, with every entry's rounding proven.
package struct CheckedNoiseTable: Sendable {
  /// M: noise lies in -M ... M.
  package let half: Int
  /// T_j for j = -M ... M - 1, ascending; 2^64 means never.
  package let thresholds: [UInt128]

  /// Computes the table: an entry is accepted only if both ends of an enclosure round to the same integer.
  ///
  /// - Throws: a sentence if sigma is not in 0 < sigma <= 16, or if a rounding cannot be decided.
  /// - Complexity: M evaluations of Phi, about 0.1 ms each.
  package init(sigma: ExactRational) throws(StatisticsRejection) {
    guard sigma > .zero, sigma <= ExactRational(16) else {
      throw StatisticsRejection(
        "The noise level \(sigma.approximation) is outside 0 < sigma <= 16 (in units of the full pixel range).")
    }
    half = Self.half(sigma: sigma)
    let full = UInt128(1) << 64
    var upperHalf: [UInt128] = []
    upperHalf.reserveCapacity(half)
    for j in 0..<half {
      let x = ExactInterval(ExactRational(2 * j + 1) / (sigma * ExactRational(510)))
      let cell = ExactNormal.distribution(x)
      let nearest = Self.nearest(cell.lower)
      guard nearest == Self.nearest(cell.upper) else {
        throw StatisticsRejection(
          "Entry \(j) of the noise table for sigma \(sigma.approximation) is too close to a half to be rounded.")
      }
      upperHalf.append(nearest)
    }
    // Phi(-x) = 1 - Phi(x), and no entry is a tie, so T_(-1-j) = 2^64 - T_j.
    thresholds = upperHalf.reversed().map { full - $0 } + upperHalf
  }

  /// M = 255 (k + 1) with k = max(1, floor(6 sigma)).
  package static func half(sigma: ExactRational) -> Int {
    255 * (max(1, Int((sigma * ExactRational(6)).floor)) + 1)
  }

  /// round-to-nearest(2^64 value 2^-256); a tie goes up, and the other end of the enclosure then shows it.
  private static func nearest(_ value: BigInt) -> UInt128 {
    let dropped = ExactInterval.fractionBits - 64
    return UInt128((value + (BigInt(1) << (dropped - 1))).shiftedDown(dropped))
  }

  /// The table as text: the entries in decimal, joined by newlines, none at the end.
  package var text: String { thresholds.map { String($0) }.joined(separator: "\n") }

  /// SHA-256 of `text` in hexadecimal.
  package var sha256: String { SHA256.text(Array(text.utf8)) }

  /// z(u) = #{j : u >= T_j} - M, by bisection.
  package func noise(for word: UInt64) -> Int {
    var low = 0
    var high = thresholds.count
    while low < high {
      let middle = (low + high) / 2
      if thresholds[middle] <= UInt128(word) { low = middle + 1 } else { high = middle }
    }
    return low - half
  }

  /// The noise of one pixel of one sample.
  package func noise(key: (UInt32, UInt32), stream: UInt32, sample: UInt64, pixel: UInt32) -> Int {
    noise(for: CheckedPhilox.word(key: key, stream: stream, sample: sample, pixel: pixel))
  }
}
