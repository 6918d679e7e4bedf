// What a sequential run will cost: the expected number of samples per input, printed before a run starts.

/// Draws binomial counts by inversion, for simulations only.
package struct BinomialSampler: Sendable {
  private let offset: Int
  /// Cumulative masses of the window that holds all but 1e-17 of the distribution.
  private let cumulative: [Double]

  package init(trials n: Int, probability p: Double) {
    let window = WindowedDistribution(binomial: n, probability: p, cutoff: 1e-19)
    offset = window.offset
    var sum = 0.0
    cumulative = window.masses.map { mass in
      sum += mass
      return sum
    }
  }

  /// The count for a uniform number in [0, 1): the least x whose cumulative mass exceeds it.
  package func count(uniform u: Double) -> Int {
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > u { high = middle } else { low = middle + 1 }
    }
    return offset + low
  }
}

extension SequentialGrid {
  /// The average number of samples per input over equally likely true shares, by simulation with a fixed seed.
  ///
  /// For one radius `SequentialTest.expectedPasses` is exact; with more radii the state is the set of rejected tests, so
  /// the runs are simulated: each share `repetitions` times. No shares, or a nan among them, give nan. The same arguments give the same number on every machine.
  public func expectedPasses(probabilities: [Double], repetitions: Int = 20, seed: UInt32 = 1) -> Double {
    guard !probabilities.isEmpty, repetitions > 0, !probabilities.contains(where: \.isNaN) else { return .nan }
    var total = 0.0
    for (index, p) in probabilities.enumerated() {
      let samplers = zip(looks, [0] + looks).map { BinomialSampler(trials: $0 - $1, probability: p) }
      for repetition in 0..<repetitions {
        var progress = start
        var successes = 0
        for (j, sampler) in samplers.enumerated() {
          let word = Philox4x32.noiseWord(
            key: [seed, UInt32(index)], stream: UInt32(repetition), sample: 0, pixel: j)
          successes += sampler.count(uniform: Double(word >> 11) * 0x1p-53)
          guard let decision = try? update(&progress, look: j, successes: successes) else { return .nan }
          if decision.stop != nil {
            total += Double(looks[j])
            break
          }
        }
      }
    }
    return total / Double(probabilities.count * repetitions)
  }

  /// True shares of a class in an imagined data set, for the expectation printed before a run: shares Phi(x) for x spread
  /// evenly over 0 ... 4 (radii up to 4 sigma), and a sixth of the inputs at 1/2, as in published ImageNet logs.
  public static let typicalShares: [Double] =
    (0..<20).map { Normal.cumulative(0.1 + 0.2 * Double($0)) } + [Double](repeating: 0.5, count: 4)
}
