import CProofChecking
import Networks

// The checker's own flat form of a network, and what a rounded coefficient costs (section 1 of soundness.md, derived
// again for binary64). u = 2^-53, gamma(k) = k u / (1 - k u).
//
// A backward pass holds, for every x of a part and the true values h of the neurons, row(x) >= sum a_k h_k + C - E.
// - The coefficient a_k is a sum of at most F_k terms, each a rounded product, so it differs from the exact sum of
//   a_j W_jk by at most gamma(F_k) sum |a_j| |W_jk|. True values obey |h_k| <= m_k, so this costs at most
//   sum_j |a_j| sum_k gamma(F_k) |W_jk| m_k: `charge[j]` for affine neurons, `gain[k] = gamma(F_k) m_k` per unit that
//   a function or product adds.
// - C is one running sum of at most D terms with at most three roundings each, so it errs by gamma(D + 8) times the sum
//   of the terms' magnitudes; the biases' share stands in `charge`, the rest is counted in `size`.
// - Every operation may lose at most 2^-1022 by underflow, which costs that much per unit of m: `floor` is far above the
//   sum of all of these.
// - Sums of errors are themselves rounded; 1 + 2^-20 pays for that, as gamma(D) < 2^-21 for D < 2^31.

final class CheckedNetwork: @unchecked Sendable {
  let network: Network
  let neuronCount: Int
  let inputCount: Int
  let layerCount: Int
  let layers: UnsafeMutablePointer<cproof_layer>
  let starts: UnsafeMutablePointer<Int64>
  let columns: UnsafeMutablePointer<Int32>
  let values: UnsafeMutablePointer<Double>
  let bias: UnsafeMutablePointer<Double>
  let charge: UnsafeMutablePointer<Double>
  let gain: UnsafeMutablePointer<Double>
  /// Bounds on the whole region, and the largest magnitude of the true values there.
  let rootLower: UnsafeMutablePointer<Double>
  let rootUpper: UnsafeMutablePointer<Double>
  let magnitude: UnsafeMutablePointer<Double>
  /// How a neuron's bounds are used: by nothing, by ReLU alone, by other functions or products too.
  let use: [Use]
  /// The function behind each layer, nil for other relations.
  let functions: [ElementaryFunction?]
  /// Layers whose neurons need bounds, in order; layers that need lines.
  let boundedLayers: [Int]
  let curvedLayers: [Int]
  let isFloat32: Bool
  let fanOut: [Int32]
  /// gamma(D + 8), and the term for underflow.
  let scalarError: Double
  private(set) var floor = 0x1p-900

  enum Use: UInt8 { case none, relu, curve }

  /// Charges underflow at a neuron whose true values are finite; elsewhere every row that arrives is lost anyway.
  func addToFloor(_ magnitude: Double) { if magnitude.isFinite { floor += 0x1p-980 * magnitude } }

  static let slack = 1 + 0x1p-20

  /// k u / (1 - k u) for a unit roundoff, rounded up generously.
  static func gamma(_ count: Int, unit: Double = 0x1p-53) -> Double {
    let part = Double(count) * unit
    return part < 0.25 ? part / (1 - part) * (1 + 0x1p-40) : .infinity
  }

  init(_ network: Network, semantics: Semantics) {
    self.network = network
    neuronCount = network.neuronCount
    inputCount = network.inputs.count
    layerCount = network.layers.count
    isFloat32 = semantics != .real
    let entries = network.layers.reduce(0) { sum, layer in
      if case .affine(let affine) = layer.relation { return sum + affine.rows.columns.count }
      return sum
    }
    func room<T>(_ count: Int, _ zero: T) -> UnsafeMutablePointer<T> {
      let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(count, 1))
      pointer.initialize(repeating: zero, count: max(count, 1))
      return pointer
    }
    layers = room(layerCount, cproof_layer())
    starts = room(neuronCount + 1, 0)
    columns = room(entries, 0)
    values = room(entries, 0)
    bias = room(neuronCount, 0)
    charge = room(neuronCount, 0)
    gain = room(neuronCount, 0)
    rootLower = room(neuronCount, -.infinity)
    rootUpper = room(neuronCount, .infinity)
    magnitude = room(neuronCount, .infinity)
    var use = [Use](repeating: .none, count: neuronCount)
    // One for the row's own coefficient, one for a split's multiplier.
    var fanOut = [Int32](repeating: 2, count: neuronCount)
    var functions: [ElementaryFunction?] = []
    var curved: [Int] = []
    var filled = 0
    for (index, layer) in network.layers.enumerated() {
      var flat = cproof_layer(
        kind: Int32(CPROOF_INPUT), first: Int64(layer.neurons.lowerBound), count: Int64(layer.count), left: 0, right: 0)
      var function: ElementaryFunction?
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        flat.kind = Int32(CPROOF_AFFINE)
        for row in 0..<layer.count {
          let neuron = layer.neurons.lowerBound + row
          starts[neuron] = Int64(filled)
          bias[neuron] = affine.bias[row]
          for entry in affine.rows.entries(ofRow: row) {
            columns[filled] = affine.rows.columns[entry]
            values[filled] = affine.rows.values[entry]
            fanOut[Int(columns[filled])] += 1
            filled += 1
          }
        }
      case .function(let kind, let operand):
        function = kind
        flat.kind = Int32(kind == .relu ? CPROOF_RELU : CPROOF_FUNCTION)
        flat.left = Int64(network.layers[operand].neurons.lowerBound)
        if kind != .relu { curved.append(index) }
        for neuron in network.layers[operand].neurons {
          if use[neuron] == .none || kind != .relu { use[neuron] = kind == .relu ? .relu : .curve }
          fanOut[neuron] += 1
        }
      case .product(let left, let right):
        // A square is a function of one operand: its lines are tighter than a product's planes.
        flat.kind = Int32(left == right ? CPROOF_FUNCTION : CPROOF_PRODUCT)
        if left == right { function = .power(2) }
        flat.left = Int64(network.layers[left].neurons.lowerBound)
        flat.right = Int64(network.layers[right].neurons.lowerBound)
        curved.append(index)
        for operand in [left, right] {
          for neuron in network.layers[operand].neurons {
            use[neuron] = .curve
            fanOut[neuron] += 1
          }
        }
      }
      layers[index] = flat
      functions.append(function)
      if case .affine = layer.relation {} else { for neuron in layer.neurons { starts[neuron] = Int64(filled) } }
    }
    starts[neuronCount] = Int64(filled)
    self.use = use
    self.functions = functions
    self.fanOut = fanOut
    curvedLayers = curved
    boundedLayers = network.layers.indices.dropFirst().filter { index in
      network.layers[index].neurons.contains { use[$0] != .none }
    }
    scalarError = Self.gamma(neuronCount + 72)
  }

  deinit {
    layers.deallocate()
    starts.deallocate()
    columns.deallocate()
    for pointer in [values, bias, charge, gain, rootLower, rootUpper, magnitude] { pointer.deallocate() }
  }

  /// Why the network's shape cannot be trusted with array indices, or nil: operands come from earlier layers, counts
  /// agree, numbers are finite.
  static func problem(of network: Network) -> String? {
    var next = 0
    guard let first = network.layers.first, case .input = first.relation else { return "its first layer is no input" }
    for (index, layer) in network.layers.enumerated() {
      let name = "the layer \(layer.name)"
      guard layer.neurons.lowerBound == next else { return "\(name) does not follow the one before it" }
      next = layer.neurons.upperBound
      switch layer.relation {
      case .input: if index != 0 { return "\(name) is a second input" }
      case .affine(let affine):
        guard affine.rows.count == layer.count, affine.bias.count == layer.count,
          affine.biasError.map({ $0.count == layer.count && $0.allSatisfy { $0 >= 0 } }) ?? true,
          affine.rows.columns.allSatisfy({ $0 >= 0 && $0 < layer.neurons.lowerBound }),
          affine.rows.columns.count == affine.rows.values.count, affine.rows.starts.last == affine.rows.columns.count,
          affine.coefficientRoundings >= 0, affine.float32ExtraRoundings >= 0
        else { return "\(name) is no affine map of earlier neurons" }
        guard affine.rows.values.allSatisfy(\.isFinite), affine.bias.allSatisfy(\.isFinite) else {
          return "\(name) has a weight that is no finite number"
        }
      case .function(_, let operand):
        guard operand < index, network.layers[operand].count == layer.count else { return "\(name) has no operand" }
      case .product(let left, let right):
        guard left < index, right < index, network.layers[left].count == layer.count,
          network.layers[right].count == layer.count
        else { return "\(name) has no operands" }
      }
    }
    return network.layers.indices.contains(network.outputLayer) ? nil : "it has no output layer"
  }

  /// Why no claim about binary32 can be checked, or nil. ReLU and steps are exact there; other functions are not
  /// bounded here.
  static func float32Problem(of network: Network) -> String? {
    if let problem = network.float32Problem { return problem }
    for layer in network.layers {
      switch layer.relation {
      case .function(.relu, _), .function(.sign, _), .function(.step, _), .function(.floor, _), .affine, .input: break
      case .function(let function, _): return "the rounding of \(function) in binary32 is not bounded"
      case .product: return "the rounding of products of neurons in binary32 is not bounded"
      }
    }
    return nil
  }
}
