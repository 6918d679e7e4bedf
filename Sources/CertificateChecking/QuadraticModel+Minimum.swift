import Glibc

// What a model is at least: a linear function of its symbols (Documentation/proof-format.md, rule 10).

/// constant + sum slopes_i z_i, at most the neuron on the whole box.
struct LinearMinorant {
  /// By symbol, from z_1 on.
  var slopes: [Double]
  /// The least value over the box, rounded down.
  var least: Double
}

extension QuadraticModel {
  /// With A the symmetric matrix of the terms of degree two, P its part with positive eigenvalues, E = A - P and
  /// s_i >= sum_j |E_ij|: M = A + diag(s) = P + (E + diag(s)) is positive semidefinite whatever P's numbers are, as long
  /// as P is one; so z' A z >= z' M z - sum s_i >= 2 p' M z - p' M p - sum s_i for any p.
  func minorant() -> LinearMinorant {
    let used = (1..<symbols + 1).filter { k in
      (0...symbols).contains { term(min(k, $0), max(k, $0)) != 0 }
    }
    var result = LinearMinorant(slopes: [Double](repeating: 0, count: symbols), least: -.infinity)
    let size = magnitude
    guard size.isFinite else { return result }
    let n = used.count
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for (row, i) in used.enumerated() {
      for (column, j) in used.enumerated() where row <= column {
        let value = term(i, j) * (row == column ? 1 : 0.5)
        (matrix[row][column], matrix[column][row]) = (value, value)
      }
    }
    guard let shift = SpectralShift.shift(of: matrix) else { return result }
    var paid = 0.0
    for i in 0..<n where shift[i] > 0 {
      let old = matrix[i][i]
      matrix[i][i] = (old + shift[i]).nextUp
      paid += (matrix[i][i] - old).nextUp
    }
    let a = used.map { linear($0) }
    let p = CubeMinimum.point(a, matrix)
    // Everything below is a sum of at most n^2 + 2 n + 2 products of these magnitudes.
    var sizes = abs(constant) + paid
    var curve = 0.0
    var least = constant - paid
    for i in 0..<n {
      var product = 0.0
      for j in 0..<n {
        product += matrix[i][j] * p[j]
        sizes += 4 * abs(matrix[i][j])
      }
      curve += p[i] * product
      let slope = a[i] + 2 * product
      sizes += abs(a[i])
      least -= abs(slope)
      result.slopes[used[i] - 1] = slope
    }
    let error = (rest + CheckedNetwork.gamma(n * n + 4 * n + 32) * sizes) * (1 + 0x1p-38) + 0x1p-980
    let value = (least - curve - error).nextDown
    if value.isFinite { result.least = value }
    return result
  }
}

/// Diagonal shifts from eigenvalues.
private enum SpectralShift {
  /// s_i >= sum_j |A - P|_ij with P the sum of value vector vector' over positive values; nil after an overflow. The
  /// eigenpairs only have to be good, not exact.
  static func shift(of matrix: [[Double]]) -> [Double]? {
    let n = matrix.count
    let pairs = eigenpairs(matrix).filter { $0.value > 0 && $0.value.isFinite }
    var result = [Double](repeating: 0, count: n)
    for i in 0..<n {
      var sum = 0.0
      var size = 0.0
      for j in 0..<n {
        var left = matrix[i][j]
        size += abs(left)
        for pair in pairs {
          let product = pair.value * pair.vector[i] * pair.vector[j]
          left -= product
          size += abs(product)
        }
        sum += abs(left)
      }
      result[i] = (sum + CheckedNetwork.gamma(n * (n + 4) + 16) * size) * (1 + 0x1p-38)
      if !result[i].isFinite { return nil }
    }
    return result
  }

  /// Jacobi's method: the largest entry beside the diagonal is rotated away until all are small.
  private static func eigenpairs(_ matrix: [[Double]]) -> [(value: Double, vector: [Double])] {
    let n = matrix.count
    var d = matrix
    var vectors = (0..<n).map { row in (0..<n).map { $0 == row ? 1.0 : 0 } }  // by eigenvector
    let scale = matrix.joined().reduce(0) { max($0, abs($1)) }
    for _ in 0..<(12 * n * n) {
      var (p, q, largest) = (0, 0, 0.0)
      for i in 0..<n {
        for j in stride(from: i + 1, to: n, by: 1) where abs(d[i][j]) > largest {
          (p, q, largest) = (i, j, abs(d[i][j]))
        }
      }
      guard largest > 0x1p-46 * scale else { break }
      let angle = 0.5 * atan2(2 * d[p][q], d[q][q] - d[p][p])
      let (c, s) = (cos(angle), sin(angle))
      for k in 0..<n {
        let (x, y) = (d[k][p], d[k][q])
        (d[k][p], d[k][q]) = (c * x - s * y, s * x + c * y)
      }
      for k in 0..<n {
        let (x, y) = (d[p][k], d[q][k])
        (d[p][k], d[q][k]) = (c * x - s * y, s * x + c * y)
        let (u, v) = (vectors[p][k], vectors[q][k])
        (vectors[p][k], vectors[q][k]) = (c * u - s * v, s * u + c * v)
      }
    }
    return (0..<n).map { (d[$0][$0], vectors[$0]) }
  }
}

/// About where a . z + z' M z is least over the cube.
private enum CubeMinimum {
  static func point(_ a: [Double], _ matrix: [[Double]]) -> [Double] {
    var p = [Double](repeating: 0, count: a.count)
    for _ in 0..<200 {
      var moved = 0.0
      for i in a.indices {
        var pull = a[i]
        for j in a.indices where j != i { pull += 2 * matrix[i][j] * p[j] }
        let bend = 2 * matrix[i][i]
        var target = bend > 0 ? -pull / bend : pull > 0 ? -1 : pull < 0 ? 1 : 0
        target = min(max(target, -1), 1)
        guard target.isFinite else { continue }
        moved = max(moved, abs(target - p[i]))
        p[i] = target
      }
      if moved < 1e-12 { break }
    }
    return p
  }
}
