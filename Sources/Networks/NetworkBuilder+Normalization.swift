// Softmax and layer normalisation as compositions of affine rows, elementary functions and products.

extension NetworkBuilder {
  /// Groups up to this size get a row for every pair of entries.
  private static var largestPairwiseSoftmax: Int { 128 }

  /// exp(x_i) / sum_j exp(x_j) in every group of `size` elements that follow each other.
  ///
  /// As 1 / (1 + sum over j != i of exp(x_j - x_i)), which needs no product and cannot overflow where x_i is largest;
  /// for two entries that is the sigmoid of their difference. Large groups use exp(x_i) times 1 / sum.
  package mutating func softmax(_ name: String, _ x: [Element], size: Int) -> [Element] {
    let count = x.count / max(size, 1)
    if size == 1 { return .init(repeating: constant(1), count: x.count) }
    if size == 2 {
      let others = x.indices.map { x[$0 ^ 1] }
      let differences = sum(
        name + ".differences",
        [SumTerm(elements: x, mayMerge: false), SumTerm(elements: others, factor: -1, mayMerge: false)])
      return function(name, .sigmoid, of: differences)
    }
    guard size <= Self.largestPairwiseSoftmax else {
      let powers = function(name + ".exp", .exponential, of: x)
      let totals = sums(name + ".sum", of: powers, size: size, isMean: false)
      let inverse = function(name + ".inverse", .reciprocal, of: totals)
      return product(name, powers, x.indices.map { inverse[$0 / size] })
    }
    var others: [Element] = []
    var own: [Element] = []
    for group in 0..<count {
      for i in 0..<size {
        for j in 0..<size where j != i {
          others.append(x[group * size + j])
          own.append(x[group * size + i])
        }
      }
    }
    let differences = sum(
      name + ".differences",
      [SumTerm(elements: others, mayMerge: false), SumTerm(elements: own, factor: -1, mayMerge: false)])
    let powers = function(name + ".exp", .exponential, of: differences)
    let rows = SparseRows(
      starts: (0...x.count).map { $0 * (size - 1) }, columns: (0..<Int32(powers.count)).map { $0 },
      values: .init(repeating: 1, count: powers.count))
    let totals = affine(
      name + ".sum", over: powers, AffineRows(rows: rows, bias: .init(repeating: 1, count: x.count)))
    return function(name, .reciprocal, of: totals)
  }

  /// (x - mean) / sqrt(variance + epsilon) in every group of `size` elements that follow each other.
  package mutating func normalized(_ name: String, _ x: [Element], size: Int, epsilon: Double) -> [Element] {
    let count = x.count / max(size, 1)
    let share = 1 / Double(size)
    // x_i - mean as one row: 1 - 1/n has two roundings behind it.
    let centring = SparseRows(count: x.count, capacity: x.count * size) { starts, columns, values in
      for row in 0..<x.count {
        for j in 0..<size {
          columns[row * size + j] = Int32(row / size * size + j)
          values[row * size + j] = j == row % size ? 1 - share : -share
        }
        starts[row + 1] = (row + 1) * size
      }
    }
    let centred = affine(
      name + ".centred", over: x,
      AffineRows(
        rows: centring, bias: .init(repeating: 0, count: x.count), coefficientRoundings: 2, float32ExtraRoundings: 3))
    let squares = function(name + ".squares", .power(2), of: centred)
    let means = SparseRows(
      starts: (0...count).map { $0 * size }, columns: (0..<Int32(x.count)).map { $0 },
      values: .init(repeating: share, count: x.count))
    let variances = affine(
      name + ".variance", over: squares,
      AffineRows(rows: means, bias: .init(repeating: epsilon, count: count), coefficientRoundings: 1))
    let deviations = function(name + ".deviation", .squareRoot, of: variances)
    let inverses = function(name + ".inverse", .reciprocal, of: deviations)
    return product(name, centred, x.indices.map { inverses[$0 / size] })
  }
}

extension NetworkBuilder {
  /// x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
  package mutating func tanhGelu(_ name: String, _ x: [Element]) -> [Element] {
    let scale = (2 / Double.pi).squareRoot()
    let cubes = function(name + ".cubes", .power(3), of: x)
    let count = x.count
    // Pi has one rounding behind it, the quotient and the root one each, and the decimal and the product two more.
    let rows = SparseRows(
      starts: (0...count).map { 2 * $0 }, columns: (0..<Int32(count)).flatMap { [$0, $0 + Int32(count)] },
      values: (0..<count).flatMap { _ in [scale, 0.044715 * scale] })
    let inner = affine(
      name + ".inner", over: x + cubes,
      AffineRows(rows: rows, bias: .init(repeating: 0, count: count), coefficientRoundings: 5))
    let half = function(name + ".tanh", .tanh, of: inner)
    let share = sum(
      name + ".share", [SumTerm(elements: half, factor: 0.5, mayMerge: false)],
      constant: .init(repeating: 0.5, count: count))
    return product(name, x, share)
  }
}
