import Smoothing
import TestSupport
import Testing

/// What the scales of an int8 classifier are made of.
@Suite struct CalibrationTests {
  private func histogram(_ parts: [[Float]]) -> MagnitudeHistogram {
    var result = MagnitudeHistogram()
    for part in parts { #expect(part.withUnsafeBufferPointer { result.add($0) }) }
    return result
  }

  @Test func countsDependOnTheNumbersAlone() {
    var generator = SeededGenerator(seed: 2)
    let numbers = (0..<5000).map { _ in
      Float.random(in: -1...1, using: &generator) * Float(1 << Int.random(in: 0...20, using: &generator))
    }
    let whole = histogram([numbers])
    let reversed = histogram([numbers.reversed()])
    let pieces = histogram(stride(from: 0, to: 5000, by: 7).map { Array(numbers[$0..<min(5000, $0 + 7)]) })
    var merged = histogram([Array(numbers[..<1234])])
    merged.merge(histogram([Array(numbers[1234...])]))
    for other in [reversed, pieces, merged] {
      #expect(other.counts == whole.counts && other.exponent == whole.exponent && other.hasNegative)
    }
    // Bin i holds the magnitudes from i to i + 1 widths, and the largest one stands in the upper half.
    for bin in [0, 1, 700, 4500] {
      let range = Double(bin) * whole.width..<Double(bin + 1) * whole.width
      #expect(whole.counts[bin] == numbers.count { range.contains(Double($0.magnitude)) })
    }
    #expect(whole.counts[4096...].contains { $0 > 0 } && whole.counts.reduce(0, +) == 5000)
  }

  @Test func numbersThatAreNotFiniteAreReported() {
    for bad in [Float.nan, .infinity, -.infinity] {
      var histogram = MagnitudeHistogram()
      #expect(![1, bad, 2].withUnsafeBufferPointer { histogram.add($0) })
    }
  }

  @Test func aValueThatIsAlwaysZeroHasAScale() {
    #expect(histogram([[0, -0.0, 0]]).scale(greatest: 255) == 1 && !histogram([[0, -0.0]]).hasNegative)
  }

  @Test func evenlySpreadNumbersUseTheWholeRange() {
    // Nothing is gained by clipping a uniform distribution: 256 levels over 0...10.
    let numbers = (0...10_000).map { Float($0) / 1000 }
    let scale = histogram([numbers]).scale(greatest: 255)
    #expect((scale * 255 - 10).magnitude < 0.1)
  }

  @Test func aFewLargeNumbersAreClipped() {
    // N numbers up to 1 and one of 6. At scale s the squared error is N s^2 / 12 by rounding and (6 - 255 s)^2 by clipping.
    // For N = 1e5 it is least where s (N / 12 + 255^2) = 255 * 6: 255 s = 5.3. For N = 1e8 that would clip the others
    // (255 s = 0.047), and the best is the least scale that clips none of them, 255 s = 1.
    var many = histogram([(0..<100_000).map { Float($0) / 100_000 }])
    let few = many
    for _ in 0..<10 { many.merge(many) }
    let outlier = histogram([[6]])
    var rare = many
    rare.merge(outlier)
    var common = few
    common.merge(outlier)
    let (clipped, kept) = (rare.scale(greatest: 255), common.scale(greatest: 255))
    #expect((clipped * 255 - 1).magnitude < 0.1, "\(clipped * 255)")
    #expect((kept * 255 - 5.3).magnitude < 0.1, "\(kept * 255)")
  }
}
