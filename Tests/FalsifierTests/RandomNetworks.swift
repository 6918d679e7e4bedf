import Networks
import Statistics
import TestSupport

/// Dense ReLU networks and networks with every relation, from a seed.
enum RandomNetworks {
  static func dense(_ sizes: [Int], seed: UInt64, function: ElementaryFunction = .relu) -> Network {
    var generator = SeededGenerator(seed: seed)
    var layers = [Network.Layer(name: "input", neurons: 0..<sizes[0], relation: .input)]
    var previous = 0..<sizes[0]
    var end = sizes[0]
    for (index, size) in sizes.enumerated().dropFirst() {
      let scale = (2 / Double(previous.count)).squareRoot()
      var rows = SparseRows()
      for _ in 0..<size {
        rows.append(previous.map { (column: $0, value: scale * Double.random(in: -1.7...1.7, using: &generator)) })
      }
      let bias = (0..<size).map { _ in Double.random(in: -0.3...0.3, using: &generator) }
      layers.append(
        Network.Layer(
          name: "affine \(index)", neurons: end..<(end + size), relation: .affine(Affine(rows: rows, bias: bias))))
      end += size
      if index < sizes.count - 1 {
        layers.append(
          Network.Layer(
            name: "function \(index)", neurons: end..<(end + size), relation: .function(function, of: layers.count - 1))
        )
        end += size
      }
      previous = (end - size)..<end
    }
    return Network(name: "random \(seed)", layers: layers, outputLayer: layers.count - 1)
  }

  /// Inputs, an affine layer into the function's domain, the function, its product with the affine layer, and a sparse
  /// affine layer over all of these.
  static func everyRelation(_ function: ElementaryFunction, seed: UInt64) -> Network {
    var generator = SeededGenerator(seed: seed)
    let count = 4
    func rows(_ columns: Range<Int>, _ size: Double) -> SparseRows {
      var rows = SparseRows()
      for _ in 0..<count {
        rows.append(columns.map { (column: $0, value: Double.random(in: -size...size, using: &generator)) })
      }
      return rows
    }
    // Operands near 2, where every function is smooth and inside its domain.
    let first = Affine(rows: rows(0..<4, 0.2), bias: [2.1, 1.9, 2.3, 1.7])
    let last = Affine(rows: rows(0..<16, 1), bias: [0, 1, 2, 3])
    return Network(
      name: "every relation",
      layers: [
        Network.Layer(name: "input", neurons: 0..<4, relation: .input),
        Network.Layer(name: "first", neurons: 4..<8, relation: .affine(first)),
        Network.Layer(name: "function", neurons: 8..<12, relation: .function(function, of: 1)),
        Network.Layer(name: "product", neurons: 12..<16, relation: .product(2, 1)),
        Network.Layer(name: "last", neurons: 16..<20, relation: .affine(last)),
      ], outputLayer: 4)
  }

  /// The box [-1, 1]^n and one clause for each row.
  static func unitCase(_ network: Network, rows: [VerificationCase.Row], clauses: [[Int]]) -> VerificationCase {
    let count = network.inputs.count
    return VerificationCase(
      lower: Array(repeating: -1, count: count), upper: Array(repeating: 1, count: count), rows: rows, clauses: clauses)
  }
}
