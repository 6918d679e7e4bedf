// Probability distributions on the integers kept as a window of masses, with everything left out accounted for.
//
// The convolutions of the group-sequential test run on these. Masses are binary64 numbers computed by additions and
// products of nonnegative numbers only, so every mass and every sum has a relative error of at most
// (number of operations) 2^-53; the test bounds that by 1e-9 in total.

/// A sub-distribution: `masses[i]` sits at `offset + i`; `dropped` bounds the mass that was cut away.
struct WindowedDistribution: Sendable {
  var offset: Int
  var masses: [Double]
  /// An upper bound (up to the common relative error) for all mass left out so far.
  var dropped: Double

  /// The whole mass at one point.
  init(point: Int) {
    offset = point
    masses = [1]
    dropped = 0
  }

  private init(offset: Int, masses: [Double], dropped: Double) {
    self.offset = offset
    self.masses = masses
    self.dropped = dropped
  }

  /// The binomial distribution without the ends where masses are below `cutoff`.
  ///
  /// The mass at the mode comes from logarithms with 100 bits, its neighbours by ratios with 100 bits, so that every mass
  /// is right to 2^-52. What lies beyond an end falls geometrically at least: it is below mass ratio / (1 - ratio).
  init(binomial n: Int, probability p: Double, cutoff: Double) {
    if n == 0 || p <= 0 {
      self.init(point: 0)
      return
    }
    if p >= 1 {
      self.init(point: n)
      return
    }
    let success = DoubleDouble(p)
    let failure = DoubleDouble.exactSum(1, -p)
    let odds = success / failure
    let inverseOdds = failure / success
    let mode = min(n, Int((Double(n) + 1) * p))
    let peak = Binomial.mass(mode, n, success: success, failure: failure).doubleDouble
    var dropped = 0.0
    var above: [Double] = []
    var mass = peak
    for k in mode..<n {
      mass = mass * odds * Double(n - k) / Double(k + 1)
      if mass.high < cutoff {
        let ratio = odds.high * Double(n - k - 1) / Double(k + 2)
        dropped += 2 * mass.high / (1 - min(ratio, 0.999_999))
        break
      }
      above.append(mass.high)
    }
    var below: [Double] = []
    mass = peak
    for k in stride(from: mode, to: 0, by: -1) {
      mass = mass * inverseOdds * Double(k) / Double(n - k + 1)
      if mass.high < cutoff {
        let ratio = inverseOdds.high * Double(k - 1) / Double(n - k + 2)
        dropped += 2 * mass.high / (1 - min(ratio, 0.999_999))
        break
      }
      below.append(mass.high)
    }
    self.init(offset: mode - below.count, masses: below.reversed() + [peak.high] + above, dropped: dropped)
  }

  var upperEnd: Int { offset + masses.count - 1 }

  var total: Double { masses.reduce(0, +) }

  /// The distribution of the sum of independent variables.
  ///
  /// - Complexity: the product of the window sizes.
  func convolved(with other: WindowedDistribution) -> WindowedDistribution {
    guard !masses.isEmpty, !other.masses.isEmpty else {
      return WindowedDistribution(offset: offset + other.offset, masses: [], dropped: dropped + other.dropped)
    }
    let (short, long) = masses.count < other.masses.count ? (masses, other.masses) : (other.masses, masses)
    var result = [Double](repeating: 0, count: short.count + long.count - 1)
    result.withUnsafeMutableBufferPointer { result in
      long.withUnsafeBufferPointer { long in
        for (shift, weight) in short.enumerated() {
          for index in 0..<long.count { result[shift &+ index] += weight * long[index] }
        }
      }
    }
    return WindowedDistribution(offset: offset + other.offset, masses: result, dropped: dropped + other.dropped)
  }

  /// Removes and returns the mass at and above `bound`.
  mutating func removeMass(from bound: Int) -> Double {
    let keep = min(max(bound - offset, 0), masses.count)
    // From the far end inward: small masses first, though any order is within the error bound.
    let removed = masses[keep...].reversed().reduce(0, +)
    masses.removeLast(masses.count - keep)
    return removed
  }

  /// Removes and returns the mass at and below `bound`.
  mutating func removeMass(through bound: Int) -> Double {
    let cut = min(max(bound - offset + 1, 0), masses.count)
    let removed = masses[..<cut].reduce(0, +)
    masses.removeFirst(cut)
    offset += cut
    return removed
  }

  /// Cuts ends whose masses are below `cutoff`, charging them to `dropped`.
  mutating func trim(cutoff: Double) {
    while let last = masses.last, last < cutoff {
      dropped += last
      masses.removeLast()
    }
    let cut = masses.prefix { $0 < cutoff }.count
    dropped += masses[..<cut].reduce(0, +)
    masses.removeFirst(cut)
    offset += cut
  }
}
