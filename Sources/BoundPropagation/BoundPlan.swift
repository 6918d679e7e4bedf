// A network prepared for bounds on one region: C descriptors of its layers, which neurons matter, how often a
// coefficient is rounded, and the magnitudes |h| <= m of the region from which error terms are charged.
//
// With u = 2^-53, K_k the number of contributions to neuron k's coefficient and q roundings behind a weight, an affine
// neuron is charged v'_j = (1 + 2^-10) (sum_k gamma(K_k + q) |W_jk| m_k + slack_j) per unit of its coefficient, a line
// gamma(K_z + 1) m_z per unit that it passes to z, and all scalar terms gamma(D + 2) of their absolute sum
// (soundness.md 1.2, 1.4). Slack is the bias's own error and, for binary32 semantics, the term of 1.8.

import CBoundPropagation
import Networks

/// gamma(k) = k u / (1 - k u) in binary64, rounded up generously.
func gamma64(_ k: Int) -> Double {
  let product = Double(k) * 0x1p-53
  return product / (1 - product) * (1 + 0x1p-20)
}

func gamma32(_ k: Int) -> Double {
  let product = Double(k) * 0x1p-24
  return product < 0.5 ? product / (1 - product) * (1 + 0x1p-20) : .infinity
}

/// The prepared network; read-only once its region has been bounded.
package final class BoundPlan: @unchecked Sendable {
  let network: Network
  let isRoundingSafe: Bool
  let layerCount: Int
  let neuronCount: Int
  let layers: UnsafeMutablePointer<cbp_layer>
  /// The layer of every neuron.
  let layerOf: [Int32]
  /// Neurons that a row depends on.
  package let needed: UnsafeMutablePointer<UInt8>
  /// Neurons whose bounds are worth a backward pass, layer by layer: affine sums and products under a function or a
  /// product, unless they are sums of inputs alone.
  let tightened: [[Int]]
  /// Neurons that only ReLUs use: of fixed sign they are linear.
  let servesOnlyReLU: [Bool]
  /// Functions and products, by their place among the lines.
  let lineCount: Int
  let contributions: [Int32]
  let termCount: Int
  /// Affine and product neurons: error of the relation itself.
  let slack: UnsafeMutablePointer<Double>
  let charges: UnsafeMutablePointer<Double>
  let magnitude: UnsafeMutablePointer<Double>
  /// Per unit of a coefficient passed on by a line.
  let lineCharge: UnsafeMutablePointer<Double>
  private(set) var omega = 0.0
  let semantics: Semantics
  let entryCount: Int
  private let owned: [UnsafeMutableRawPointer]

  package init(_ network: Network, _ problem: VerificationCase, semantics: Semantics, isRoundingSafe: Bool) {
    self.network = network
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    layerCount = network.layers.count
    let count = network.neuronCount
    neuronCount = count
    func zeros(_ n: Int) -> UnsafeMutablePointer<Double> {
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: max(n, 1))
      memory.initialize(repeating: 0, count: max(n, 1))
      return memory
    }
    layers = .allocate(capacity: layerCount)
    let needed = UnsafeMutablePointer<UInt8>.allocate(capacity: max(count, 1))
    self.needed = needed
    needed.initialize(repeating: 0, count: max(count, 1))
    slack = zeros(count)
    charges = zeros(count)
    magnitude = zeros(count)
    lineCharge = zeros(count)
    var owned = [UnsafeMutableRawPointer(layers), UnsafeMutableRawPointer(needed)]
    for memory in [slack, charges, magnitude, lineCharge] { owned.append(UnsafeMutableRawPointer(memory)) }

    for row in problem.rows + problem.inputRows { for neuron in row.neurons { needed[neuron] = 1 } }
    var contributions = [Int32](repeating: 0, count: count)
    var isOperand = [Bool](repeating: false, count: count)
    var onlyReLU = [Bool](repeating: true, count: count)
    for layer in network.layers.reversed() {
      for (j, neuron) in layer.neurons.enumerated() where needed[neuron] != 0 {
        func use(_ operand: Int) {
          needed[operand] = 1
          contributions[operand] += 1
        }
        switch layer.relation {
        case .input: break
        case .affine(let affine):
          for entry in affine.rows.entries(ofRow: j) { use(Int(affine.rows.columns[entry])) }
        case .function(let function, let of):
          let operand = network.layers[of].neurons.lowerBound + j
          use(operand)
          isOperand[operand] = true
          if function != .relu { onlyReLU[operand] = false }
        case .product(let left, let right):
          for factor in [left, right] {
            let operand = network.layers[factor].neurons.lowerBound + j
            use(operand)
            isOperand[operand] = true
            onlyReLU[operand] = false
          }
        }
      }
    }
    self.contributions = contributions
    servesOnlyReLU = onlyReLU
    termCount = count + network.inputs.count + 8

    var layerOf = [Int32](repeating: 0, count: count)
    var lines = 0
    var entries = 0
    var tightened: [[Int]] = []
    for (index, layer) in network.layers.enumerated() {
      for neuron in layer.neurons { layerOf[neuron] = Int32(index) }
      var c = cbp_layer()
      c.first = Int64(layer.neurons.lowerBound)
      c.count = Int64(layer.count)
      var worth: [Int] = []
      let charge = UnsafePointer(charges + layer.neurons.lowerBound)
      switch layer.relation {
      case .input: c.kind = Int32(CBP_INPUT)
      case .affine(let affine):
        c.kind = Int32(CBP_AFFINE)
        let rows = affine.rows
        entries += rows.values.count
        func copy<T>(_ array: [T]) -> UnsafePointer<T> {
          let memory = UnsafeMutablePointer<T>.allocate(capacity: max(array.count, 1))
          memory.initialize(from: array, count: array.count)
          owned.append(UnsafeMutableRawPointer(memory))
          return UnsafePointer(memory)
        }
        c.starts = copy(rows.starts.map { Int64($0) })
        c.columns = copy(rows.columns)
        c.values = copy(rows.values)
        c.bias = copy(affine.bias)
        let groups = Self.groups(rows)
        c.group_count = Int64(groups.starts.count - 1)
        c.group_starts = copy(groups.starts)
        c.group_rows = copy(groups.rows)
        for (j, neuron) in layer.neurons.enumerated() where isOperand[neuron] && needed[neuron] != 0 {
          let inputs = network.inputs
          if rows.entries(ofRow: j).contains(where: { !inputs.contains(Int(rows.columns[$0])) }) {
            worth.append(neuron)
          }
        }
      case .function(_, let of):
        c.kind = Int32(CBP_FUNCTION)
        c.left = Int64(network.layers[of].neurons.lowerBound)
        c.right = c.left
        c.lines = Int64(lines)
        lines += layer.count
      case .product(let left, let right):
        c.kind = Int32(CBP_PRODUCT)
        c.left = Int64(network.layers[left].neurons.lowerBound)
        c.right = Int64(network.layers[right].neurons.lowerBound)
        c.lines = Int64(lines)
        lines += layer.count
        worth = layer.neurons.filter { isOperand[$0] && needed[$0] != 0 }
      }
      c.charge = charge
      (layers + index).initialize(to: c)
      tightened.append(worth)
    }
    self.owned = owned
    self.layerOf = layerOf
    lineCount = lines
    entryCount = entries
    self.tightened = tightened
  }

  /// Rows with the same columns together, groups in the order of their first rows.
  private static func groups(_ rows: SparseRows) -> (starts: [Int64], rows: [Int32]) {
    var numbers: [ArraySlice<Int32>: Int] = [:]
    var members: [[Int32]] = []
    for row in 0..<rows.count {
      let columns = rows.columns[rows.entries(ofRow: row)]
      if let group = numbers[columns] {
        members[group].append(Int32(row))
      } else {
        numbers[columns] = members.count
        members.append([Int32(row)])
      }
    }
    var starts: [Int64] = [0]
    for group in members { starts.append(starts.last! + Int64(group.count)) }
    return (starts, members.flatMap { $0 })
  }

  deinit { for memory in owned { memory.deallocate() } }

  /// Whether a neuron of these bounds needs no line, or one that is exact.
  func isLinear(_ neuron: Int, _ lower: Double, _ upper: Double) -> Bool {
    (servesOnlyReLU[neuron] && (lower >= 0 || upper <= 0)) || upper - lower <= 1e-9 * (1 + abs(lower))
  }

  /// Takes the magnitudes of a layer's neurons from the region's bounds.
  func setMagnitudes(ofLayer index: Int, _ lower: UnsafePointer<Double>, _ upper: UnsafePointer<Double>, stride: Int) {
    for neuron in network.layers[index].neurons {
      let m = max(abs(lower[neuron * stride]), abs(upper[neuron * stride]))
      magnitude[neuron] = m
      lineCharge[neuron] = isRoundingSafe ? gamma64(Int(contributions[neuron]) + 1) * m * (1 + 0x1p-10) : 0
    }
  }

  /// Slack and charges of an affine or product layer, once the magnitudes of its operands are known.
  func setCharges(ofLayer index: Int) {
    let layer = network.layers[index]
    switch layer.relation {
    case .affine(let affine):
      let q = affine.coefficientRoundings
      for (j, neuron) in layer.neurons.enumerated() where needed[neuron] != 0 {
        let entries = affine.rows.entries(ofRow: j)
        var own = affine.biasError?[j] ?? 0
        var sum = 0.0
        var size = abs(affine.bias[j])
        for entry in entries {
          let column = Int(affine.rows.columns[entry])
          let term = abs(affine.rows.values[entry]) * magnitude[column]
          size += term
          sum += gamma64(Int(contributions[column]) + q) * term
        }
        if semantics != .real {
          let roundings = entries.count + 2 + affine.float32ExtraRoundings
          own += (1 + 0x1p-10) * gamma32(roundings) * size + 0x1p-124 * Double(roundings)
        }
        slack[neuron] = own
        charges[neuron] = isRoundingSafe ? (1 + 0x1p-10) * (sum + own) : 0
      }
    case .product(let left, let right) where semantics != .real:
      for (j, neuron) in layer.neurons.enumerated() {
        let x = magnitude[network.layers[left].neurons.lowerBound + j]
        let y = magnitude[network.layers[right].neurons.lowerBound + j]
        slack[neuron] = x * y * 0x1p-23 + 0x1p-140
        charges[neuron] = isRoundingSafe ? (1 + 0x1p-10) * slack[neuron] : 0
      }
    default: break
    }
  }

  /// The absolute term for underflow, once all magnitudes are known.
  func finish() {
    var sum = Double(neuronCount)
    for neuron in 0..<neuronCount where needed[neuron] != 0 { sum += magnitude[neuron] }
    omega = isRoundingSafe ? 0x1p-1000 * Double(neuronCount + 4) * sum : 0
  }

  /// Functions whose binary32 evaluation has no bound that holds for every implementation.
  var hasFloat32Gap: Bool {
    network.layers.contains {
      if case .function(let function, _) = $0.relation {
        switch function {
        case .relu, .sign, .step, .floor: false
        default: true
        }
      } else {
        false
      }
    }
  }
}
