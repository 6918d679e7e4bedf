import Glibc
import Statistics
import Testing

/// The noise as it is drawn: Philox words through the compare table. Its law is known exactly from the thresholds, so
/// each statistic has an exact expectation and standard error; the key is fixed, so the tests are repeatable, and the
/// bounds are 5 standard errors (one test in 1.7 million would fail by chance for a fresh key).
@Suite struct NoiseLawTests {
  private static let key = SIMD2<UInt32>(0x1234_5678, 0x9abc_def0)

  private static func draw(_ table: NoiseTable, stream: UInt32 = 1, sample: UInt64, pixels: Int) -> [Double] {
    (0..<pixels).map {
      Double(table.noise(for: Philox4x32.noiseWord(key: key, stream: stream, sample: sample, pixel: $0)))
    }
  }

  /// P[z = value] for every value, from the table.
  private static func law(_ table: NoiseTable) -> [(value: Double, probability: Double)] {
    let m = table.largestNoise
    func below(_ j: Int) -> Double { j < -m ? 0 : j >= m ? 1 : table.threshold(j).map { Double($0) * 0x1p-64 } ?? 1 }
    return (-m...m).map { (Double($0), below($0) - below($0 - 1)) }
  }

  /// The first four moments agree with the table's own.
  @Test(arguments: ["0.12", "0.25", "1"])
  func momentsAreTheTables(sigma: String) throws {
    let table = try NoiseTable(sigma: ExactDecimal(sigma))
    let law = Self.law(table)
    let count = 1_000_000
    let noise = Self.draw(table, sample: 7, pixels: count)
    for power in 1...4 {
      func expectation(_ order: Int) -> Double {
        law.reduce(0) { $0 + $1.probability * pow($1.value, Double(order)) }
      }
      let exact = expectation(power)
      let error = ((expectation(2 * power) - exact * exact) / Double(count)).squareRoot()
      let mean = noise.reduce(0) { $0 + pow($1, Double(power)) } / Double(count)
      #expect(abs(mean - exact) < 5 * error, "sigma \(sigma), moment \(power): \(mean), exactly \(exact) +- \(error)")
    }
    // And the law is the Gaussian's: its standard deviation is 255 sigma, widened by rounding to whole levels (1/12).
    let variance = law.reduce(0) { $0 + $1.probability * $1.value * $1.value }
    let ideal = pow(255 * Double(sigma)!, 2) + 1.0 / 12
    #expect(abs(variance / ideal - 1) < 1e-9)
  }

  /// Pearson's chi-square over 64 cells of equal probability, and the number of draws beyond 2, 3 and 4 sigma.
  @Test func cellsAndTailsHaveTheirProbabilities() throws {
    let table = try NoiseTable(sigma: ExactDecimal("0.5"))
    let law = Self.law(table)
    let count = 2_000_000
    let noise = Self.draw(table, sample: 3, pixels: count)
    var observed = [Int](repeating: 0, count: 2 * table.largestNoise + 1)
    for z in noise { observed[Int(z) + table.largestNoise] += 1 }
    var cells: [(expected: Double, observed: Int)] = [(0, 0)]
    for (index, entry) in law.enumerated() {
      if cells[cells.count - 1].expected >= Double(count) / 64 { cells.append((0, 0)) }
      cells[cells.count - 1].expected += entry.probability * Double(count)
      cells[cells.count - 1].observed += observed[index]
    }
    let square = cells.reduce(0) { $0 + pow(Double($1.observed) - $1.expected, 2) / max($1.expected, 1) }
    let freedom = Double(cells.count - 1)
    #expect(abs(square - freedom) < 5 * (2 * freedom).squareRoot(), "chi-square \(square) with \(freedom) degrees")
    for deviations in [2.0, 3, 4] {
      let limit = deviations * 0.5 * 255
      let probability = law.filter { abs($0.value) > limit }.reduce(0) { $0 + $1.probability }
      let found = Double(noise.filter { abs($0) > limit }.count)
      let error = (Double(count) * probability * (1 - probability)).squareRoot()
      #expect(abs(found - Double(count) * probability) < 5 * error, "beyond \(deviations) sigma: \(found)")
    }
  }

  /// Neighbouring pixels, samples, streams and keys are uncorrelated, in the noise and in its squares.
  @Test func neighboursAreUncorrelated() throws {
    let table = try NoiseTable(sigma: ExactDecimal("0.25"))
    let count = 500_000
    let base = Self.draw(table, sample: 5, pixels: count + 2)
    let otherKey = (0..<count).map {
      Double(
        table.noise(
          for: Philox4x32.noiseWord(key: [Self.key.x ^ 1, Self.key.y], stream: 1, sample: 5, pixel: $0)))
    }
    let others: [(String, [Double])] = [
      ("the next pixel", Array(base[1...])), ("the pixel after that", Array(base[2...])),
      ("the next sample", Self.draw(table, sample: 6, pixels: count)),
      ("sample 2^32 further", Self.draw(table, sample: 5 + 1 << 32, pixels: count)),
      ("another stream", Self.draw(table, stream: 0, sample: 5, pixels: count)), ("another key", otherKey),
    ]
    for (name, other) in others {
      for transform in [{ (x: Double) in x }, { $0 * $0 }] {
        let x = base[..<count].map(transform)
        let y = other[..<count].map(transform)
        let meanX = x.reduce(0, +) / Double(count)
        let meanY = y.reduce(0, +) / Double(count)
        var xx = 0.0
        var yy = 0.0
        var xy = 0.0
        for (a, b) in zip(x, y) {
          xx += (a - meanX) * (a - meanX)
          yy += (b - meanY) * (b - meanY)
          xy += (a - meanX) * (b - meanY)
        }
        let correlation = xy / (xx * yy).squareRoot()
        #expect(abs(correlation) < 5 / Double(count).squareRoot(), "correlation \(correlation) with \(name)")
      }
    }
  }
}
