// What the search kernel reads about a chain and a case, with the error per unit of coefficient of every neuron.
//
// Error of layer t, neuron j: (1 + 2^-10) (gamma(K + q) V_j + gamma(84) |b_j|) and the layer's declared errors, with
// V = |W| m and m >= sup |h| on the root box (soundness.md 1.2, u = 2^-53). For binary32 semantics the term of 1.8.

import Networks

package struct ChainTables: Sendable {
  package let shape: SearchShape
  /// [layers - 1][width][pad]
  package var weights: [Double]
  /// [layers - 1][width][64], the same transposed: element k, j is the weight of neuron j on neuron k before it.
  package var transposed: [Double]
  /// [width][inputs]
  package var first: [Double]
  /// [layers][pad] pairs (bias, error)
  package var biases: [Double]
  /// [rows][64]
  package var rows: [Double]
  /// [rows] pairs (constant, error)
  package var constants: [Double]
  /// [rows] pairs (clause, 1 if phi >= 0 suffices)
  package var clauses: [Int32]
  package var omega = 0.0
  package let rowCount: Int
  package let clauseCount: Int
  package let box: [Double]
  /// Which neurons are unstable or active on the root box, as a frontier entry has them.
  package var masks: [UInt32] = []

  /// Nil where the case is not of the kind that this search bounds (`DeviceInputSearch.refusal`).
  package init?(_ chain: ReLUChain, _ problem: VerificationCase, semantics: Semantics, isSafe: Bool = true) {
    let order = problem.clauses.enumerated().flatMap { clause, rows in rows.map { (clause: clause, row: $0) } }
    shape = SearchShape(
      layers: chain.hidden.count, width: chain.width, inputs: chain.inputCount, rows: order.count)
    rowCount = order.count
    clauseCount = problem.clauses.count
    box = problem.lower + problem.upper
    guard box.allSatisfy(\.isFinite), problem.clauses.allSatisfy({ !$0.isEmpty }) else { return nil }
    let pad = shape.pad
    let width = shape.width
    weights = Array(repeating: 0, count: max(1, (shape.layers - 1) * width) * pad)
    transposed = Array(repeating: 0, count: max(1, (shape.layers - 1) * width) * 64)
    first = Array(repeating: 0, count: width * shape.inputs)
    biases = Array(repeating: 0, count: shape.layers * pad * 2)
    rows = Array(repeating: 0, count: shape.rows * 64)
    constants = Array(repeating: 0, count: shape.rows * 2)
    clauses = Array(repeating: 0, count: shape.rows * 2)
    for (t, layer) in chain.hidden.enumerated() {
      for j in 0..<layer.count {
        biases[2 * (t * pad + j)] = layer.bias[j]
        for k in 0..<layer.inputCount {
          let weight = layer.weights[j * layer.inputCount + k]
          if t == 0 {
            first[j * shape.inputs + k] = weight
          } else {
            weights[((t - 1) * width + j) * pad + k] = weight
            transposed[((t - 1) * width + k) * 64 + j] = weight
          }
        }
      }
    }
    var magnitudes = (0..<shape.inputs).map { max(box[$0].magnitude, box[shape.inputs + $0].magnitude) }
    boundRoot(chain, semantics, &magnitudes, isSafe: isSafe)
    for (place, (clause, row)) in order.enumerated() {
      guard setRow(place, problem.rows[row], chain, semantics, magnitudes) else { return nil }
      clauses[2 * place] = Int32(clause)
      clauses[2 * place + 1] = problem.rows[row].isStrict ? 1 : 0
    }
  }

  /// Bounds the hidden neurons layer after layer; `magnitudes` become those of the last layer.
  private mutating func boundRoot(
    _ chain: ReLUChain, _ semantics: Semantics, _ magnitudes: inout [Double], isSafe: Bool
  ) {
    let pad = shape.pad
    var neurons = BoxBounder.Neurons(shape)
    var widest = 0.0
    for m in magnitudes { widest += 1 + m }
    var unstable = [[UInt32]](repeating: [0, 0], count: shape.layers)
    var active = unstable
    for (t, layer) in chain.hidden.enumerated() {
      for j in 0..<layer.count {
        biases[2 * (t * pad + j) + 1] = layer.error(ofNeuron: j, magnitudes, semantics)
      }
      // The absolute term so far covers every node below this layer.
      omega = 0x1p-1014 * 90 * widest
      var next = [Double](repeating: 0, count: layer.count)
      withBounder(isSafe: isSafe) { bounder in
        for j in 0..<layer.count {
          var (l, u) = bounder.bounds(ofNeuron: j, layer: t, neurons, box)
          if !(l.isFinite && u.isFinite) { (l, u) = (-.infinity, .infinity) }
          let interval = layer.interval(ofNeuron: j, magnitudes, biases[2 * (t * pad + j) + 1])
          l = max(l, -interval)
          u = min(u, interval)
          neurons.set(t * pad + j, lower: l, upper: u)
          next[j] = max(u, 0)
          switch neurons.states[t * pad + j] {
          case .unstable: unstable[t][j >> 5] |= 1 << UInt32(j & 31)
          case .active: active[t][j >> 5] |= 1 << UInt32(j & 31)
          case .inactive: break
          }
        }
      }
      magnitudes = next
      for m in magnitudes { widest += 1 + m }
    }
    omega = 0x1p-1014 * 90 * widest
    masks = zip(unstable, active).flatMap { $0 + $1 }
  }

  /// A row c . y + constant over the outputs as a row over the last hidden layer; false if it reads inputs.
  private mutating func setRow(
    _ place: Int, _ row: VerificationCase.Row, _ chain: ReLUChain, _ semantics: Semantics, _ magnitudes: [Double]
  ) -> Bool {
    let layer = chain.output
    let terms = row.neurons.count
    var constant = row.constant
    var error = 0.0
    var size = row.constant.magnitude
    var sums = [Double](repeating: 0, count: layer.inputCount)
    var sizes = sums
    for (neuron, c) in zip(row.neurons, row.coefficients) {
      guard chain.outputs.contains(neuron) else { return false }
      let j = neuron - chain.outputs.lowerBound
      constant = constant.addingProduct(c, layer.bias[j])
      size += (c * layer.bias[j]).magnitude
      // What the layer declares, and what binary32 may do, once for every unit of coefficient.
      error += c.magnitude * layer.declaredError(ofNeuron: j, magnitudes, semantics)
      for k in 0..<layer.inputCount {
        let weight = layer.weights[j * layer.inputCount + k]
        sums[k] = sums[k].addingProduct(c, weight)
        sizes[k] += (c * weight).magnitude
      }
    }
    let roundings = gamma(terms + 6 + (row.coefficientError == 0 ? 0 : 1))
    for k in 0..<layer.inputCount {
      rows[place * 64 + k] = sums[k]
      error += roundings * sizes[k] * magnitudes[k]
    }
    constants[2 * place] = constant
    constants[2 * place + 1] = (error + roundings * size) * (1 + 0x1p-9) + 0x1p-900
    return constant.isFinite && constants[2 * place + 1].isFinite && sums.allSatisfy(\.isFinite)
  }

  /// Lends a bounder over these tables.
  func withBounder<Result>(isSafe: Bool = true, _ body: (BoxBounder) -> Result) -> Result {
    weights.withUnsafeBufferPointer { weights in
      first.withUnsafeBufferPointer { first in
        biases.withUnsafeBufferPointer { biases in
          body(
            BoxBounder(
              shape: shape, weights: weights.baseAddress!, first: first.baseAddress!, biases: biases.baseAddress!,
              omega: omega, isSafe: isSafe))
        }
      }
    }
  }

  /// The frontier entry of the whole box under a seal.
  package func rootEntry(seal: UInt32) -> [UInt32] { entry(box, seal: seal) }

  /// The frontier entry of a part of the box (lows, highs).
  package func entry(_ part: [Double], seal: UInt32) -> [UInt32] {
    var words: [UInt32] = []
    for x in part {
      words.append(UInt32(truncatingIfNeeded: x.bitPattern))
      words.append(UInt32(truncatingIfNeeded: x.bitPattern >> 32))
    }
    return words + [UInt32.max, 0, seal] + masks
  }
}

/// n u / (1 - n u) for u = 2^-53.
func gamma(_ n: Int) -> Double { Double(n) * 0x1p-53 / (1 - Double(n) * 0x1p-53) }

extension ReLUChain.Layer {
  /// V_j = sum |w_jk| m_k
  private func size(ofNeuron j: Int, _ magnitudes: [Double]) -> Double {
    var sum = 0.0
    for k in 0..<inputCount { sum += weights[j * inputCount + k].magnitude * magnitudes[k] }
    return sum * (1 + 0x1p-40)
  }

  /// What the true z_j may differ from W h + b by: declared roundings, and the binary32 evaluation's.
  func declaredError(ofNeuron j: Int, _ magnitudes: [Double], _ semantics: Semantics) -> Double {
    let size = size(ofNeuron: j, magnitudes)
    var error = gamma(coefficientRoundings) * size + biasError[j]
    if semantics != .real {
      let steps = Double(inputCount + 2 + float32ExtraRoundings)
      let gamma32 = steps * 0x1p-24 / (1 - steps * 0x1p-24)
      error += gamma32 * (size + bias[j].magnitude) + 0x1p-124 * steps
    }
    return error * (1 + 0x1p-10)
  }

  /// The error per unit of coefficient on z_j of a backward step.
  func error(ofNeuron j: Int, _ magnitudes: [Double], _ semantics: Semantics) -> Double {
    let own = (1 + 0x1p-10) * (gamma(72 + coefficientRoundings) * size(ofNeuron: j, magnitudes))
    let ofBias = (1 + 0x1p-10) * gamma(84) * bias[j].magnitude
    return ((own + ofBias) + declaredError(ofNeuron: j, magnitudes, semantics)).nextUp.nextUp
  }

  /// |z_j| is at most this.
  func interval(ofNeuron j: Int, _ magnitudes: [Double], _ error: Double) -> Double {
    (size(ofNeuron: j, magnitudes) + bias[j].magnitude + error) * (1 + 0x1p-40) + 0x1p-900
  }
}
