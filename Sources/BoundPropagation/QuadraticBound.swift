// The least value of a quadratic form over the cube, from below, as a linear bound.
//
// Let phi >= a_0 + a . z + z' A z - rest with A symmetric. From the eigenvalues of A comes any splitting A = P + E with
// P positive semidefinite; with s_i >= sum_j |E_ij| the matrix M = A + diag(s) is positive semidefinite too, because
// E + diag(s) is diagonally dominant. As z_i^2 <= 1 and a convex function lies above its tangents, for any p
//   phi >= a_0 - rest - sum s_i - p' M p + (a + 2 M p) . z,
// best where p minimises a . z + z' M z over the cube, found by coordinate descent. (The diagonal shift is the
// alpha-BB underestimator, Androulakis et al. 1995.) Neither the eigenvectors nor p need to be exact.

/// What a form is at least: constant + sum_i slopes_i z_i over the cube.
struct QuadraticBound {
  /// phi >= bound on the whole box; -infinity where anything overflowed.
  var bound = -Double.infinity
  /// By symbol, of the linear bound.
  var slopes: [Double] = []
  /// By symbol: how much the shift costs.
  var shifts: [Double] = []
  /// The remainder, and which inputs' or symbols' curvature it comes from, summing to 1.
  var rest = 0.0
  var bends: [Double] = []
  /// Where the convex function is least.
  var minimizer: [Double] = []

  /// What the bound loses against the form on the cube at most.
  func loss(inputs: Int) -> Double {
    shifts.reduce(0, +) + rest + slopes.dropFirst(inputs).reduce(0) { $0 + abs($1) }
  }
}

/// Room for one minimisation after another.
struct QuadraticMinimum {
  private let capacity: Int
  private var matrix: [Double]
  private var vectors: [Double]
  private var rotated: [Double]
  private var active: [Int] = []

  init(capacity: Int) {
    self.capacity = capacity
    matrix = Array(repeating: 0, count: capacity * capacity)
    vectors = matrix
    rotated = matrix
  }

  /// The lower bound of a form in `count` symbols.
  mutating func bound(_ form: QuadraticForm, symbols count: Int) -> QuadraticBound {
    var result = QuadraticBound()
    result.slopes = Array(repeating: 0, count: count)
    result.shifts = result.slopes
    result.bends = result.slopes
    result.minimizer = result.slopes
    guard form.size.isFinite else { return result }
    loadActive(form)
    let n = active.count
    var shift = [Double](repeating: 0, count: n)
    if form.curvedCount > 0 { shift = shifts(n) }
    if shift.contains(where: \.isNaN) { return result }
    var p = [Double](repeating: 0, count: n)
    let a = active.map { $0 < form.linearCount ? form.linear[$0 + 1] : 0 }
    // M = A + diag(shift), each shift enlarged to what rounding made of it.
    var shiftSum = 0.0
    for i in 0..<n where shift[i] > 0 {
      let before = matrix[i * capacity + i]
      matrix[i * capacity + i] = (before + shift[i]).nextUp
      shift[i] = (matrix[i * capacity + i] - before).nextUp
      shiftSum += shift[i]
    }
    descend(a, &p)
    var curve = 0.0
    var sizes = shiftSum + abs(form.linear[0])
    var least = form.linear[0] - shiftSum
    for i in 0..<n {
      var product = 0.0
      for j in 0..<n {
        let entry = matrix[i * capacity + j]
        product += entry * p[j]
        sizes += 4 * abs(entry)
      }
      curve += product * p[i]
      let slope = a[i] + 2 * product
      sizes += abs(a[i])
      least -= abs(slope)
      result.slopes[active[i]] = slope
      result.shifts[active[i]] = shift[i]
      result.minimizer[active[i]] = p[i]
    }
    result.rest = form.rest
    var all = 0.0
    for i in 0..<n {
      let own = (0..<n).reduce(0) { $0 + abs(matrix[i * capacity + $1]) }
      result.bends[active[i]] = own
      all += own
    }
    if all > 0 { for i in active { result.bends[i] /= all } }
    let error = (form.rest + gamma64(4 * n + 32) * sizes) * QuadraticForm.up + QuadraticForm.tiny
    let bound = (least - curve - error).nextDown
    result.bound = bound.isFinite ? bound : -.infinity
    return result
  }

  /// The symbols with a coefficient, and the symmetric matrix over them.
  private mutating func loadActive(_ form: QuadraticForm) {
    active = []
    let entries = QuadraticForm.entries
    for index in 0..<max(form.linearCount, form.curvedCount) {
      var isUsed = index < form.linearCount && form.linear[index + 1] != 0
      if !isUsed, index < form.curvedCount {
        isUsed =
          (0...index).contains { form.quadratic[entries(index) + $0] != 0 }
          || (index..<form.curvedCount).contains { form.quadratic[entries($0) + index] != 0 }
      }
      if isUsed { active.append(index) }
    }
    for (column, j) in active.enumerated() {
      for (row, i) in active[...column].enumerated() {
        let entry = j < form.curvedCount ? form.quadratic[entries(j) + i] : 0
        let value = i == j ? entry : 0.5 * entry
        matrix[row * capacity + column] = value
        matrix[column * capacity + row] = value
      }
    }
  }

  /// s_i >= sum_j |E_ij| for the part of the matrix that has negative eigenvalues.
  private mutating func shifts(_ n: Int) -> [Double] {
    diagonalise(n)
    var shift = [Double](repeating: 0, count: n)
    let positive = (0..<n).filter { rotated[$0 * capacity + $0] > 0 }
    // sum_j |v_kj| by eigenvector, for the charge of rounding.
    let spread = positive.map { k in (0..<n).reduce(0) { $0 + abs(vectors[$1 * capacity + k]) } }
    for i in 0..<n {
      var sum = 0.0
      var size = 0.0
      for j in 0..<n {
        var entry = matrix[i * capacity + j]
        size += abs(entry)
        for k in positive {
          entry -= rotated[k * capacity + k] * vectors[i * capacity + k] * vectors[j * capacity + k]
        }
        sum += abs(entry)
      }
      for (place, k) in positive.enumerated() {
        size += rotated[k * capacity + k] * abs(vectors[i * capacity + k]) * spread[place]
      }
      shift[i] = (sum + gamma64(3 * n + 8) * size) * QuadraticForm.up
    }
    return shift
  }

  /// Eigenvalues on the diagonal of `rotated`, eigenvectors in the columns of `vectors` (cyclic Jacobi rotations).
  private mutating func diagonalise(_ n: Int) {
    let stride = capacity
    for i in 0..<n {
      for j in 0..<n {
        rotated[i * stride + j] = matrix[i * stride + j]
        vectors[i * stride + j] = i == j ? 1 : 0
      }
    }
    rotated.withUnsafeMutableBufferPointer { d in
      vectors.withUnsafeMutableBufferPointer { v in
        for _ in 0..<12 {
          var off = 0.0
          var all = 0.0
          for i in 0..<n {
            all += d[i * stride + i] * d[i * stride + i]
            for j in 0..<i { off += d[i * stride + j] * d[i * stride + j] }
          }
          if !(off > 0x1p-90 * (all + off)) { break }
          for p in 0..<n {
            for q in p + 1..<max(n, p + 1) where d[p * stride + q] != 0 {
              let theta = (d[q * stride + q] - d[p * stride + p]) / (2 * d[p * stride + q])
              let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
              let c = 1 / (t * t + 1).squareRoot()
              let s = t * c
              for k in 0..<n {
                let (x, y) = (d[k * stride + p], d[k * stride + q])
                d[k * stride + p] = c * x - s * y
                d[k * stride + q] = s * x + c * y
              }
              for k in 0..<n {
                let (x, y) = (d[p * stride + k], d[q * stride + k])
                d[p * stride + k] = c * x - s * y
                d[q * stride + k] = s * x + c * y
              }
              for k in 0..<n {
                let (x, y) = (v[k * stride + p], v[k * stride + q])
                v[k * stride + p] = c * x - s * y
                v[k * stride + q] = s * x + c * y
              }
            }
          }
        }
      }
    }
  }

  /// Minimises a . z + z' M z over the cube, nearly.
  private func descend(_ a: [Double], _ p: inout [Double]) {
    let n = a.count
    for _ in 0..<40 {
      var moved = 0.0
      for i in 0..<n {
        var gradient = a[i]
        for j in 0..<n where j != i { gradient += 2 * matrix[i * capacity + j] * p[j] }
        let bend = matrix[i * capacity + i]
        let next = bend > 0 ? min(max(-gradient / (2 * bend), -1), 1) : gradient > 0 ? -1.0 : gradient < 0 ? 1 : 0
        if !next.isFinite { continue }
        moved = max(moved, abs(next - p[i]))
        p[i] = next
      }
      if moved < 1e-9 { break }
    }
  }
}
