// The plainest device: binary32, one operation after another in the order of the indices, nothing fused.

/// Binary32 arithmetic that keeps subnormal numbers, or reads and writes them as 0 (soundness.md 1.3 admits both).
struct FlatDevice: Sendable {
  var flushes = false

  private func kept(_ x: Float) -> Float {
    flushes && x.magnitude < .leastNormalMagnitude ? 0 : x
  }

  func product(_ x: Float, _ y: Float) -> Float { kept(kept(x) * kept(y)) }
  func sum(_ x: Float, _ y: Float) -> Float { kept(kept(x) + kept(y)) }

  /// x[0] y[0] + x[1] y[1] + ..., summed from the left; products with 0 are left out.
  func dot(_ x: [Float], _ y: [Float]) -> Float {
    var total: Float?
    for (a, b) in zip(x, y) where a != 0 && b != 0 {
      let term = product(a, b)
      total = total.map { sum($0, term) } ?? term
    }
    return total ?? 0
  }
}
