// A neuron as a polynomial of degree two with a remainder, written anew for the checker.
//
// With z_0 = 1 and |z_1|, |z_2|, ... <= 1, the terms t_ij z_i z_j (i <= j) stand one after another by j, then by i: the
// constant, then the terms of z_1, and so on. A model with fewer symbols is the beginning of one with more. At every
// point of the box there are values of the symbols that stand for errors of functions, common to all models, with
// |h - sum t_ij z_i z_j| <= rest.

struct QuadraticModel {
  /// t_ij at j (j + 1) / 2 + i.
  private(set) var terms: [Double]
  /// How many symbols there are besides z_0.
  private(set) var symbols = 0
  var rest = 0.0

  init(constant: Double) { terms = [constant] }

  /// constant + coefficient z_symbol.
  init(constant: Double, symbol: Int, coefficient: Double) {
    terms = [constant]
    widen(to: symbol)
    terms[Self.place(0, symbol)] = coefficient
  }

  static func place(_ i: Int, _ j: Int) -> Int { j * (j + 1) / 2 + i }

  var constant: Double { terms[0] }

  func linear(_ symbol: Int) -> Double { symbol <= symbols ? terms[Self.place(0, symbol)] : 0 }

  func term(_ i: Int, _ j: Int) -> Double { j <= symbols ? terms[Self.place(i, j)] : 0 }

  private mutating func widen(to count: Int) {
    guard count > symbols else { return }
    symbols = count
    terms.append(contentsOf: repeatElement(0, count: Self.place(0, count + 1) - terms.count))
  }

  /// sum |t| + rest; `upward` enough for the sum's own rounding.
  var magnitude: Double {
    terms.withUnsafeBufferPointer { terms in
      var sum = rest
      for term in terms { sum += abs(term) }
      return sum * (1 + 0x1p-38)
    }
  }

  /// Adds weight * other; what rounding costs is for the caller to charge.
  mutating func add(_ weight: Double, _ other: QuadraticModel) {
    widen(to: other.symbols)
    terms.withUnsafeMutableBufferPointer { own in
      other.terms.withUnsafeBufferPointer { theirs in
        for index in theirs.indices { own[index] += weight * theirs[index] }
      }
    }
    rest += abs(weight) * other.rest
  }

  mutating func add(constant: Double) { terms[0] += constant }

  mutating func add(symbol: Int, coefficient: Double) {
    widen(to: symbol)
    terms[Self.place(0, symbol)] += coefficient
  }

  /// Enlarges the remainder by gamma(count) times the magnitudes that were added up, and by an error of another kind.
  mutating func charge(roundings count: Int, of size: Double, and error: Double = 0) {
    rest = (rest + CheckedNetwork.gamma(count) * size + error) * (1 + 0x1p-38) + 0x1p-990
  }

  /// The product; what has degree three or four is bounded.
  static func * (x: QuadraticModel, y: QuadraticModel) -> QuadraticModel {
    var result = QuadraticModel(constant: x.constant * y.constant)
    let count = max(x.symbols, y.symbols)
    result.widen(to: count)
    // Degrees one and two on either side.
    var (x1, x2, y1, y2) = (0.0, 0.0, 0.0, 0.0)
    result.terms.withUnsafeMutableBufferPointer { terms in
      for j in stride(from: 1, through: count, by: 1) {
        let (a, b) = (x.linear(j), y.linear(j))
        x1 += abs(a)
        y1 += abs(b)
        terms[place(0, j)] = x.constant * b + y.constant * a
        for i in 1...j {
          let (p, q) = (x.term(i, j), y.term(i, j))
          x2 += abs(p)
          y2 += abs(q)
          let mixed = i == j ? a * b : x.linear(i) * b + a * y.linear(i)
          terms[place(i, j)] = x.constant * q + y.constant * p + mixed
        }
      }
    }
    let (xs, ys) = (x.magnitude, y.magnitude)
    result.rest = x1 * y2 + x2 * y1 + x2 * y2 + x.rest * ys + y.rest * xs
    result.charge(roundings: count * count + 16, of: xs * ys)
    return result
  }

  /// Bounds of the neuron on the box.
  var range: (low: Double, high: Double) {
    var (down, up) = (0.0, 0.0)
    for j in stride(from: 1, through: symbols, by: 1) {
      let own = terms[Self.place(j, j)]
      if own < 0 { down -= own } else { up += own }
      for i in 0..<j {
        let size = abs(terms[Self.place(i, j)])
        down += size
        up += size
      }
    }
    let error = rest + CheckedNetwork.gamma(terms.count + 4) * magnitude
    let slack = 1 + 0x1p-38
    return ((constant - (down + error) * slack).nextDown, (constant + (up + error) * slack).nextUp)
  }
}
