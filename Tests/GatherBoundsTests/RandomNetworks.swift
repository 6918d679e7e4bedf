// Networks with random weights whose values are binary32 numbers: dense, convolutional, residual, with normalisation
// layers between affine layers.

import Networks
import TestSupport

/// Builds a network layer by layer.
struct NetworkBuilder {
  var layers: [Network.Layer] = []
  var generator: SeededGenerator

  init(inputs: Int, seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    layers = [Network.Layer(name: "input", neurons: 0..<inputs, relation: .input)]
  }

  var next: Int { layers.last!.neurons.upperBound }

  /// A random binary32 number of about the size 1.
  mutating func number() -> Double {
    Double(Float((0..<4).reduce(0.0) { sum, _ in sum + Double.random(in: -1...1, using: &generator) } * 0.87))
  }

  /// Appends rows of (column, weight) with random biases; returns the layer's index.
  mutating func affine(_ rows: [[(column: Int, value: Double)]], bias: Double = 0.3) -> Int {
    var sparse = SparseRows()
    for row in rows { sparse.append(row.sorted { $0.column < $1.column }) }
    let biases = rows.map { _ in Double(Float(bias * number())) }
    layers.append(
      Network.Layer(
        name: "affine \(layers.count)", neurons: next..<next + rows.count,
        relation: .affine(Affine(rows: sparse, bias: biases))))
    return layers.count - 1
  }

  mutating func dense(_ source: Int, _ count: Int) -> Int {
    let columns = layers[source].neurons
    let scale = 1 / Double(columns.count).squareRoot()
    let rows = (0..<count).map { _ in columns.map { (column: $0, value: Double(Float(number() * scale))) } }
    return affine(rows)
  }

  /// A convolution over channels x height x width, 3x3 with padding 1.
  mutating func convolution(_ source: Int, side: Int, channels: Int, to outputs: Int, stride: Int) -> Int {
    let first = layers[source].neurons.lowerBound
    let scale = 1 / Double(9 * channels).squareRoot()
    let filter = (0..<outputs * channels * 9).map { _ in Double(Float(number() * scale)) }
    let size = (side - 1) / stride + 1
    var rows: [[(column: Int, value: Double)]] = []
    for output in 0..<outputs {
      for y in 0..<size {
        for x in 0..<size {
          var row: [(column: Int, value: Double)] = []
          for channel in 0..<channels {
            for dy in 0..<3 {
              for dx in 0..<3 {
                let v = y * stride + dy - 1
                let u = x * stride + dx - 1
                guard 0..<side ~= v, 0..<side ~= u else { continue }
                row.append(
                  (first + (channel * side + v) * side + u, filter[((output * channels + channel) * 3 + dy) * 3 + dx]))
              }
            }
          }
          rows.append(row)
        }
      }
    }
    return affine(rows)
  }

  /// The sum of two layers, or the sum times a random scale for each neuron.
  mutating func sum(_ left: Int, _ right: Int) -> Int {
    let rows = (0..<layers[left].count).map { index in
      [
        (column: layers[left].neurons.lowerBound + index, value: 1.0),
        (column: layers[right].neurons.lowerBound + index, value: 1.0),
      ]
    }
    return affine(rows, bias: 0)
  }

  mutating func scaled(_ source: Int) -> Int {
    affine(layers[source].neurons.map { [(column: $0, value: number())] })
  }

  mutating func relu(_ source: Int) -> Int {
    layers.append(
      Network.Layer(
        name: "relu \(layers.count)", neurons: next..<next + layers[source].count,
        relation: .function(.relu, of: source)))
    return layers.count - 1
  }

  func network() -> Network { Network(name: "random", layers: layers, outputLayer: layers.count - 1) }
}

enum RandomNetworks {
  /// Fully connected, of random depth and width.
  static func dense(seed: UInt64) -> Network {
    var builder = NetworkBuilder(inputs: 3 + Int(seed % 4), seed: seed)
    var last = 0
    for _ in 0..<2 + seed % 3 { last = builder.relu(builder.dense(last, 5 + Int(seed % 20))) }
    _ = builder.dense(last, 3)
    return builder.network()
  }

  /// Convolutions, a strided one, a residual block with normalisation, a dense end.
  static func residual(seed: UInt64) -> Network {
    var builder = NetworkBuilder(inputs: 2 * 36, seed: seed)
    let first = builder.relu(builder.convolution(0, side: 6, channels: 2, to: 4, stride: 1))
    let strided = builder.relu(builder.convolution(first, side: 6, channels: 4, to: 5, stride: 2))
    let inner = builder.relu(builder.scaled(builder.convolution(strided, side: 3, channels: 5, to: 5, stride: 1)))
    let outer = builder.scaled(builder.convolution(inner, side: 3, channels: 5, to: 5, stride: 1))
    let sum = builder.sum(outer, strided)
    let joined = builder.relu(sum)
    // The sum has a second consumer, as in networks that activate before they convolve.
    let again = builder.sum(sum, joined)
    let hidden = builder.relu(builder.dense(again, 12))
    _ = builder.dense(hidden, 4)
    return builder.network()
  }

  /// A box around a random point, and rows that compare outputs.
  static func verificationCase(_ network: Network, radius: Double, seed: UInt64) -> VerificationCase {
    var generator = SeededGenerator(seed: seed ^ 0xabcd)
    let centre = network.inputs.map { _ in Double.random(in: -1...1, using: &generator) }
    let outputs = network.outputs
    let rows = (1..<outputs.count).map { index in
      VerificationCase.Row(
        neurons: [outputs.lowerBound, outputs.lowerBound + index], coefficients: [1, -1],
        constant: Double.random(in: -0.5...0.5, using: &generator))
    }
    let mixed = VerificationCase.Row(
      neurons: [network.inputs.lowerBound, outputs.lowerBound], coefficients: [0.1, 1.7], coefficientError: 0x1p-53,
      constant: 0)
    return VerificationCase(
      lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius }, rows: rows + [mixed],
      clauses: [Array(0...rows.count)])
  }
}
