// Small random networks for properties over many cases: chains, skip connections, sparse and degenerate layers.

import BranchAndBound
import Networks
import TestSupport

struct NetworkMaker {
  var generator: SeededGenerator
  var layers: [Network.Layer]

  init(seed: UInt64, inputs: Int) {
    generator = SeededGenerator(seed: seed)
    layers = [Network.Layer(name: "x", neurons: 0..<inputs, relation: .input)]
  }

  mutating func number() -> Double { Double.random(in: -1...1, using: &generator) }

  /// An affine layer over the neurons given; `density` is the share of coefficients that are not 0.
  mutating func affine(_ count: Int, of columns: [Int], density: Double = 1, scale: Double = 1) {
    var rows = SparseRows()
    var bias: [Double] = []
    for _ in 0..<count {
      var row: [(column: Int, value: Double)] = []
      for column in columns.sorted() where Double.random(in: 0..<1, using: &generator) < density {
        row.append((column, number() * scale))
      }
      rows.append(row)
      bias.append(number() * 0.3)
    }
    add(count, .affine(Affine(rows: rows, bias: bias)))
  }

  mutating func relu() { add(layers.last!.count, .function(.relu, of: layers.count - 1)) }

  mutating func add(_ count: Int, _ relation: Network.Relation) {
    let start = layers.last!.neurons.upperBound
    layers.append(Network.Layer(name: "l\(layers.count)", neurons: start..<start + count, relation: relation))
  }

  var network: Network { Network(name: "random", layers: layers, outputLayer: layers.count - 1) }
  var last: [Int] { Array(layers.last!.neurons) }

  /// One of several shapes, by number.
  static func network(_ seed: UInt64) -> Network {
    var maker = NetworkMaker(seed: seed, inputs: 2 + Int(seed % 4))
    let inputs = maker.last
    let width = [3, 9, 17, 33, 70][Int(seed % 5)]
    switch seed % 6 {
    case 0, 1:
      for _ in 0..<3 {
        maker.affine(width, of: maker.last, scale: 1.5 / Double(maker.last.count).squareRoot())
        maker.relu()
      }
    case 2:
      // Concatenations of everything so far, inputs included.
      var all = inputs
      for _ in 0..<3 {
        maker.affine(width, of: all, scale: 1.5 / Double(all.count).squareRoot())
        maker.relu()
        all += maker.last
      }
      maker.affine(2, of: all)
      return maker.network
    case 3:
      // Affine after affine, and operands that others read too.
      maker.affine(width, of: inputs)
      maker.affine(width, of: maker.last, scale: 0.5)
      let operands = maker.last
      maker.relu()
      maker.affine(width, of: maker.last + operands, scale: 0.3)
      maker.relu()
    case 4:
      // Wide and sparse, so that compressed rows are used.
      maker.affine(120, of: inputs)
      maker.relu()
      maker.affine(100, of: maker.last, density: 0.03, scale: 2)
      maker.relu()
      maker.affine(60, of: maker.last, density: 0.05, scale: 2)
      maker.relu()
    default:
      // ReLU of the inputs, of ReLU, rows of zeros.
      maker.relu()
      maker.affine(width, of: maker.last + inputs, density: 0.5)
      maker.relu()
      maker.relu()
      maker.affine(width, of: maker.last, density: 0.4)
      maker.relu()
    }
    maker.affine(2, of: maker.last, scale: 0.7)
    return maker.network
  }

  /// phi = +-Y_0 + c, +-Y_1 + c and Y_0 - X_0: one clause each.
  static func problem(_ network: Network, radius: Double = 1, shift: Double = 0) -> SearchProblem {
    let y = network.outputs.lowerBound
    var rows: [VerificationCase.Row] = []
    for output in [y, y + 1] {
      for sign in [1.0, -1.0] {
        rows.append(VerificationCase.Row(neurons: [output], coefficients: [sign], constant: shift))
      }
    }
    rows.append(VerificationCase.Row(neurons: [0, y], coefficients: [-1, 1], constant: shift))
    let count = network.inputs.count
    return SearchProblem(
      network: network,
      verificationCase: VerificationCase(
        lower: Array(repeating: -radius, count: count), upper: Array(repeating: radius, count: count), rows: rows,
        clauses: rows.indices.map { [$0] }))
  }
}

extension VerificationCase.Row {
  func value(_ values: [Double]) -> Double {
    zip(neurons, coefficients).reduce(constant) { $0 + $1.1 * values[$1.0] }
  }
}
