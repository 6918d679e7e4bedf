// The least value of a linear form on a box intersected with a ball, from below (soundness.md 1.4, "input ball").
//
// For any split a = p + q: min over both >= min over the box of p.x + min over the ball of q.x, and the ball's minimum
// is q.c - r N(q) with the dual norm N (l2 for l2, the largest magnitude for l1). The split that gives equality follows
// from the minimiser: q is a where the minimiser lies strictly inside the box, and less where it touches the box.

import Networks

/// A ball with the box around the region, all in binary64.
struct GatherBall: Sendable {
  let norm: Property.Ball.Norm
  let centre: [Double]
  let radius: Double
  let lower: [Double]
  let upper: [Double]

  init?(_ ball: VerificationCase.Ball?, _ region: GatherRegion, inputs: Range<Int>) {
    guard let ball else { return nil }
    norm = ball.norm
    centre = ball.centre
    radius = ball.radius
    lower = Array(region.lower[inputs])
    upper = Array(region.upper[inputs])
  }

  /// A lower bound of a.x on the region before and after its error is subtracted, and where a.x is about least.
  func minimum(_ a: [Double]) -> (estimate: Double, error: Double, point: [Double]) {
    let count = a.count
    var point = [Double](repeating: 0, count: count)
    var shares = point
    switch norm {
    case .l2: splitL2(a, &shares, &point)
    case .l1: splitL1(a, &shares, &point)
    }
    var sum = 0.0
    var magnitude = 0.0
    var squares = 0.0
    var largest = 0.0
    for i in 0..<count {
      let q = shares[i]
      let p = a[i] - q
      sum += min(p * lower[i], p * upper[i]) + q * centre[i]
      magnitude += abs(p) * max(abs(lower[i]), abs(upper[i])) + abs(q * centre[i])
      squares += q * q
      largest = max(largest, abs(q))
      // max drops NaN, so that it has to reach the sum by itself.
      if q.isNaN { sum = .nan }
    }
    let dual = norm == .l2 ? squares.squareRoot() : largest
    magnitude += radius * dual
    // At most 2 n + 16 roundings for each term; p = a - q errs by 2^-53 |p|, which is charged with the rest. Squares and
    // products below 2^-1022 are paid by the last term.
    let wide = GatherArithmetic(.binary64)
    let error =
      wide.gamma(2 * count + 18) * magnitude * (1 + 0x1p-20) + Double(count) * (0x1p-500 * radius + 0x1p-1000)
    return (sum - radius * dual, error, point)
  }

  /// The corner of the box at which a.x is least, relative to the centre.
  private func corner(_ a: Double, _ i: Int) -> Double { (a >= 0 ? lower[i] : upper[i]) - centre[i] }

  /// x = c + clip(-a t), with t such that the distance from the centre is the radius; q = -(x - c) / t.
  private func splitL2(_ a: [Double], _ shares: inout [Double], _ point: inout [Double]) {
    var free = 0.0
    for value in a { free += value * value }
    var t = free > 0 ? radius / free.squareRoot() : 0
    // Newton's step for a fixed set of clipped inputs; the set only grows.
    for _ in 0..<12 {
      var clipped = 0.0
      free = 0
      for i in a.indices {
        let end = corner(a[i], i)
        if abs(a[i] * t) >= abs(end) { clipped += end * end } else { free += a[i] * a[i] }
      }
      if free == 0 { break }
      let left = radius * radius - clipped
      let next = left > 0 ? (left / free).squareRoot() : t
      if !(next > t * (1 + 1e-9)) { break }
      t = next
    }
    for i in a.indices {
      let end = corner(a[i], i)
      let isClipped = !(abs(a[i] * t) < abs(end))
      let step = isClipped ? end : -a[i] * t
      point[i] = centre[i] + step
      // Everything clipped: the corner lies in the ball, and the box alone decides.
      shares[i] = free == 0 ? 0 : (isClipped ? (t > 0 ? -step / t : 0) : a[i])
    }
  }

  /// The inputs of the largest coefficients move to the box until the radius is spent; the last of these coefficients
  /// caps the ball's share.
  private func splitL1(_ a: [Double], _ shares: inout [Double], _ point: inout [Double]) {
    for i in a.indices { point[i] = centre[i] }
    var left = radius
    var cap = 0.0
    for i in a.indices.sorted(by: { abs(a[$0]) > abs(a[$1]) }) {
      let way = corner(a[i], i)
      if abs(way) >= left {
        point[i] = centre[i] + (way < 0 ? -left : left)
        cap = abs(a[i])
        break
      }
      point[i] = centre[i] + way
      left -= abs(way)
    }
    for i in a.indices { shares[i] = a[i] < 0 ? max(a[i], -cap) : min(a[i], cap) }
  }
}
