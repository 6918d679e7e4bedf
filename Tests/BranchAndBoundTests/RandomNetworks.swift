// Small random ReLU networks with boxes and rows, and what brute force says about them.

import Networks
import Statistics

/// A linear congruential generator whose seed the tests print.
struct SmallRandom {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493 }

  /// Uniform in [-1, 1).
  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int64(bitPattern: state) >> 11) * 0x1p-52
  }

  mutating func next(below limit: Int) -> Int { min(limit - 1, Int((next() + 1) / 2 * Double(limit))) }
}

enum RandomNetworks {
  /// Dense layers with ReLUs between them; with a skip connection now and then.
  static func network(_ widths: [Int], _ random: inout SmallRandom, skips: Bool = false) -> Network {
    var layers = [Network.Layer(name: "x", neurons: 0..<widths[0], relation: .input)]
    var neurons = widths[0]
    var previous = 0..<widths[0]
    for (depth, width) in widths.dropFirst().enumerated() {
      var rows = SparseRows()
      for _ in 0..<width {
        var row: [(column: Int, value: Double)] = []
        if skips, depth > 0, previous.lowerBound > widths[0] { row += (0..<widths[0]).map { ($0, random.next() / 2) } }
        row += previous.map { ($0, random.next()) }
        rows.append(row)
      }
      let bias = (0..<width).map { _ in random.next() / 2 }
      layers.append(
        .init(name: "z\(depth)", neurons: neurons..<neurons + width, relation: .affine(.init(rows: rows, bias: bias))))
      neurons += width
      if depth < widths.count - 2 {
        layers.append(
          .init(name: "h\(depth)", neurons: neurons..<neurons + width, relation: .function(.relu, of: layers.count - 1))
        )
        previous = neurons..<neurons + width
        neurons += width
      }
    }
    return Network(name: "random", layers: layers, outputLayer: layers.count - 1)
  }

  /// A box around a random centre, with clauses of one or two rows over the outputs.
  static func region(_ network: Network, _ random: inout SmallRandom, shift: Double, radius: Double = 1)
    -> VerificationCase
  {
    let centre = network.inputs.map { _ in random.next() }
    var rows: [VerificationCase.Row] = []
    var clauses: [[Int]] = []
    for _ in 0..<1 + random.next(below: 3) {
      var clause: [Int] = []
      for _ in 0..<1 + random.next(below: 2) {
        clause.append(rows.count)
        rows.append(
          .init(
            neurons: Array(network.outputs), coefficients: network.outputs.map { _ in random.next() },
            constant: shift + random.next() / 4))
      }
      clauses.append(clause)
    }
    return VerificationCase(
      lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius }, rows: rows, clauses: clauses)
  }

  static func value(_ row: VerificationCase.Row, _ values: [Double]) -> Double {
    zip(row.neurons, row.coefficients).reduce(row.constant) { $0 + $1.1 * values[$1.0] }
  }

  static func isForbidden(_ region: VerificationCase, _ values: [Double]) -> Bool {
    region.clauses.contains { clause in clause.allSatisfy { value(region.rows[$0], values) <= 0 } }
  }

  /// A point of the box, on a corner in each coordinate one time out of three.
  static func point(_ region: VerificationCase, _ random: inout SmallRandom) -> [Double] {
    region.lower.indices.map { index in
      switch random.next(below: 6) {
      case 0: region.lower[index]
      case 1: region.upper[index]
      default: region.lower[index] + (random.next() + 1) / 2 * (region.upper[index] - region.lower[index])
      }
    }
  }
}
