// A ReLU network laid out flat for backward and forward passes in binary64, with the error terms of soundness.md 1.2.
//
// u = 2^-53 and gamma(k) = k u / (1 - k u). The coefficient of a neuron is a sum of at most K products and additions,
// K its number of consumers, so row j of an affine layer costs |a_j| v_j with v_j = sum_k gamma(K_k + q) |w_jk| m_k.

import Networks

/// Layers in topological order over flat arrays; neurons keep their order, dead ones may be left out.
struct ReferenceNetwork: Sendable {
  enum Kind: Sendable {
    case input
    /// Rows are numbered like the neurons.
    case affine
    /// Neuron i is the ReLU of the neuron `operands` + i - first.
    case relu
  }

  struct Layer: Sendable {
    var kind: Kind
    var neurons: Range<Int>
  }

  /// Consecutive entries of a row: columns first..<first + count with the values from `values` on.
  struct Run: Sendable {
    var column: Int32
    var count: Int32
    var value: Int
  }

  var count: Int
  var layers: [Layer] = []
  /// The runs of neuron j's row are runStarts[j]..<runStarts[j + 1]; none for inputs and ReLUs.
  var runStarts: [Int] = [0]
  var runs: [Run] = []
  var values: [Double] = []
  var bias: [Double]
  /// The neuron whose ReLU this one is; -1 elsewhere.
  var operand: [Int32]
  /// v_j of the file's comment, with the errors of bias and binary32 semantics; 0 for inputs and ReLUs.
  var rowError: [Double]
  /// How many terms a neuron's coefficient sums in a backward pass.
  var fanOut: [Int32]
  var lower: [Double]
  var upper: [Double]

  static func gamma(_ k: Int) -> Double { Double(k) * 0x1p-53 * (1 + 0x1p-20) }
  static func gamma32(_ k: Int) -> Double { Double(k) * 0x1p-24 / (1 - Double(k) * 0x1p-24) * (1 + 0x1p-20) }

  /// The entries of an affine neuron's row.
  func forEachEntry(ofRow neuron: Int, _ body: (_ column: Int, _ value: Double) -> Void) {
    for run in runs[runStarts[neuron]..<runStarts[neuron + 1]] {
      for offset in 0..<Int(run.count) { body(Int(run.column) + offset, values[run.value + offset]) }
    }
  }

  func magnitude(_ neuron: Int) -> Double { max(lower[neuron].magnitude, upper[neuron].magnitude) }

  /// Summands of the constant that a pass may add up, and what every underflow together may cost (Omega).
  var summands: Int { count + layers[0].neurons.count + 16 }
  var omega: Double {
    var sum = Double(count)
    var widest = 1
    for neuron in 0..<count {
      sum += magnitude(neuron)
      widest = max(widest, Int(fanOut[neuron]))
    }
    return 0x1p-1014 * Double(widest + 4) * sum
  }
}

extension ReferenceNetwork {
  /// Lays out a network whose relations are affine or ReLU; bounds are those of the box for inputs, else unknown.
  init(_ network: Network, lower boxLower: [Double], upper boxUpper: [Double]) throws(SplitBoundError) {
    count = network.neuronCount
    bias = Array(repeating: 0, count: count)
    operand = Array(repeating: -1, count: count)
    rowError = bias
    fanOut = Array(repeating: 1, count: count)
    lower = boxLower + Array(repeating: -.infinity, count: count - boxLower.count)
    upper = boxUpper + Array(repeating: .infinity, count: count - boxUpper.count)
    for layer in network.layers {
      switch layer.relation {
      case .input:
        layers.append(Layer(kind: .input, neurons: layer.neurons))
        for _ in layer.neurons { runStarts.append(runs.count) }
      case .affine(let affine):
        layers.append(Layer(kind: .affine, neurons: layer.neurons))
        for row in 0..<layer.count {
          bias[layer.neurons.lowerBound + row] = affine.bias[row]
          appendRow(affine.rows.entries(ofRow: row).lazy.map { (affine.rows.columns[$0], affine.rows.values[$0]) })
        }
      case .function(.relu, let of):
        layers.append(Layer(kind: .relu, neurons: layer.neurons))
        for (neuron, source) in zip(layer.neurons, network.layers[of].neurons) {
          operand[neuron] = Int32(source)
          fanOut[source] += 1
          runStarts.append(runs.count)
        }
      case .function(let function, _):
        throw .unsupported("the function \(function) of layer \"\(layer.name)\"")
      case .product:
        throw .unsupported("the product of two variables in layer \"\(layer.name)\"")
      }
    }
  }

  private mutating func appendRow(_ entries: some Sequence<(Int32, Double)>) {
    for (column, value) in entries {
      if let last = runs.last, runs.count > runStarts.last!, last.column + last.count == column {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(column: column, count: 1, value: values.count))
      }
      values.append(value)
      fanOut[Int(column)] += 1
    }
    runStarts.append(runs.count)
  }

  /// The same network without the ReLUs that are 0 on the whole region and the operands that only they read.
  ///
  /// `position` tells the new number of every neuron (-1: left out). Neurons that `rows` name stay.
  func compacted(keeping rows: Set<Int>) -> (network: ReferenceNetwork, position: [Int32]) {
    var keeps = Array(repeating: true, count: count)
    for neuron in 0..<count where operand[neuron] >= 0 {
      let source = Int(operand[neuron])
      guard upper[source] <= 0, !rows.contains(neuron) else { continue }
      keeps[neuron] = false
      if fanOut[source] == 2, !rows.contains(source) { keeps[source] = false }
    }
    var position = Array(repeating: Int32(-1), count: count)
    var next: Int32 = 0
    for neuron in 0..<count where keeps[neuron] {
      position[neuron] = next
      next += 1
    }
    let kept = (0..<count).filter { keeps[$0] }
    var result = self
    result.count = kept.count
    result.bias = kept.map { bias[$0] }
    result.operand = kept.map { operand[$0] < 0 ? -1 : position[Int(operand[$0])] }
    result.rowError = kept.map { rowError[$0] }
    result.lower = kept.map { lower[$0] }
    result.upper = kept.map { upper[$0] }
    result.layers = layers.map { layer in
      let first = kept.partitioningIndex { $0 >= layer.neurons.lowerBound }
      return Layer(kind: layer.kind, neurons: first..<kept.partitioningIndex { $0 >= layer.neurons.upperBound })
    }
    result.runStarts = [0]
    result.runs = []
    result.values = []
    for neuron in kept {
      var row: [(Int32, Double)] = []
      for run in runs[runStarts[neuron]..<runStarts[neuron + 1]] {
        for offset in 0..<Int(run.count) where keeps[Int(run.column) + offset] {
          row.append((position[Int(run.column) + offset], values[run.value + offset]))
        }
      }
      // Counts again in appendRow; the counts of the whole network serve too, being larger.
      result.appendRow(row)
    }
    result.fanOut = kept.map { fanOut[$0] }
    return (result, position)
  }
}

extension Array {
  /// The first index whose element satisfies the predicate, which is false before it and true from it on.
  func partitioningIndex(_ isAfter: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Why no bounds over activation splits can be had.
public enum SplitBoundError: Error, Sendable, CustomStringConvertible {
  case unsupported(String)
  case float32(String)
  case timeout

  public var description: String {
    switch self {
    case .unsupported(let what):
      "The search over activation splits bounds networks of affine layers and ReLU only, not \(what); use the search "
        + "for general networks."
    case .float32(let problem): "Nothing can be proven for binary32 arithmetic: \(problem)"
    case .timeout: "The time ended before the bounds of the whole region were known; give it more time."
    }
  }
}
