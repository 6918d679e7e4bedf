import Networks

// The least value of a linear form over box and ball: any split a = p + q, p bounded on the box, q on the ball
// (soundness.md 1.4); the split is chosen by the dual variable, whose exactness does not matter.

struct CheckedBall {
  let ball: VerificationCase.Ball

  init(_ ball: VerificationCase.Ball) { self.ball = ball }

  /// A lower bound's parts: its value, the size of its terms, and further error.
  func least(_ part: PartBounds, lane: Int) -> (value: Double, size: Double, error: Double) {
    let n = part.network.inputCount
    let a = (0..<n).map { part.coefficients[$0 * PartBounds.lanes + lane] }
    let largest = a.reduce(0) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite else { return (largest.isFinite ? 0 : .nan, 0, 0) }
    var best: (value: Double, size: Double, error: Double) = bound(a, part, keep: largest)
    // `keep` is how much of each coefficient goes to the ball (l1), or the dual variable (l2): concave in it.
    var low = 0.0
    var high = ball.norm == .l1 ? largest : 1e3 * largest / max(ball.radius, 1e-9)
    for _ in 0..<40 {
      let (first, second) = (low + (high - low) / 3, high - (high - low) / 3)
      let (one, two) = (bound(a, part, keep: first), bound(a, part, keep: second))
      for candidate in [one, two] where candidate.value - candidate.error > best.value - best.error { best = candidate }
      if one.value < two.value { low = first } else { high = second }
    }
    return best
  }

  private func bound(_ a: [Double], _ part: PartBounds, keep: Double) -> (value: Double, size: Double, error: Double) {
    var (value, size, error, squares, largest) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for i in a.indices {
      let (l, u, centre) = (part.lower[i], part.upper[i], ball.centre[i])
      var q: Double
      switch ball.norm {
      case .l1: q = min(max(a[i], -keep), keep)
      case .l2:
        // The minimiser of a x + keep (x - centre)^2 on the box; q is the ball's share of the gradient there.
        let x = keep > 0 ? min(max(centre - a[i] / (2 * keep), l), u) : (a[i] >= 0 ? l : u)
        q = 2 * keep * (centre - x)
        if x > l && x < u { q = a[i] }
      }
      if !q.isFinite { q = 0 }
      let p = a[i] - q
      let term = p * (p >= 0 ? l : u) + 0
      let other = q * centre
      value += term
      value += other
      size += abs(term) + abs(other)
      // p + q may differ from a by a rounding.
      error += 0x1p-53 * abs(p) * max(abs(l), abs(u))
      squares += q * q
      largest = max(largest, abs(q))
    }
    // Generous factors pay for n roundings of sums of positive numbers; squares may underflow.
    let count = Double(a.count)
    let growth = 1 + (count + 8) * 0x1p-52
    let norm = ball.norm == .l1 ? largest : ((squares + count * 0x1p-1022) * growth).squareRoot() * (1 + 0x1p-50)
    let reach = ball.radius * norm * (1 + 0x1p-50)
    let rounding = (2 * count + 8) * 0x1p-52 * (size + reach)
    return (value - reach, abs(value - reach), (error + rounding) * growth + 0x1p-1000)
  }
}
