// One backward pass of the flat device: coefficients a, constant C and error E, with row >= a.h + C - E for the true
// values h of the neurons at every step (soundness.md 1.1 and the table of 1.4).

import Networks

struct FlatPass {
  private let bounds: FlatBounds
  private let network: Network
  private let root: FlatBounds.Root
  private var device: FlatDevice { bounds.device }
  /// Coefficients of each layer; nil: none arrived.
  private var coefficients: [[Float]?]
  private var constant = 0.0
  private var error = 0.0

  init(_ bounds: FlatBounds, _ network: Network, _ root: FlatBounds.Root) {
    self.bounds = bounds
    self.network = network
    self.root = root
    coefficients = Array(repeating: nil, count: network.layers.count)
  }

  /// C and E where nothing is left of a; nil: something was not finite.
  func run(_ row: VerificationCase.Row) -> (constant: Double, error: Double)? {
    var pass = self
    return pass.walk(row) ? (pass.constant, pass.error) : nil
  }

  private var checksFiniteness: Bool { !bounds.omitted.contains(.finiteness) }
  private func isUsable(_ x: Float) -> Bool { x.isFinite || !checksFiniteness }

  private mutating func charge(_ term: FlatBounds.Term, _ cost: Double) {
    if !bounds.omitted.contains(term) { error += cost }
  }

  /// False: no claim.
  private mutating func addToConstant(_ x: Float) -> Bool {
    guard isUsable(x) else { return false }
    if bounds.hasNarrowConstant {
      constant = Double(device.sum(Float(constant), x))
      charge(.constant, FlatBounds.unit * constant.magnitude + FlatBounds.least)
    } else {
      constant += Double(x)
      charge(.bias, 0x1p-50 * constant.magnitude)
    }
    return constant.isFinite || !checksFiniteness
  }

  private mutating func walk(_ row: VerificationCase.Row) -> Bool {
    guard start(row) else { return false }
    chargeFloor()
    for index in network.layers.indices.reversed() {
      guard let a = coefficients[index] else { continue }
      guard a.allSatisfy(isUsable) else { return false }
      let isDone =
        switch network.layers[index].relation {
        case .affine(let affine): stepBack(a, affine)
        case .function(_, let of): stepBack(a, throughReLUOf: of)
        case .input: concretise(a)
        case .product: false
        }
      guard isDone else { return false }
    }
    return error.isFinite || !checksFiniteness
  }

  private mutating func start(_ row: VerificationCase.Row) -> Bool {
    for (neuron, c) in zip(row.neurons, row.coefficients) {
      let layer = network.layers.firstIndex { $0.neurons.contains(neuron) }!
      var a = coefficients[layer] ?? Array(repeating: 0, count: network.layers[layer].count)
      a[neuron - network.layers[layer].neurons.lowerBound] = Float(c)
      coefficients[layer] = a
      error += ((c - Double(Float(c))).magnitude + row.coefficientError * c.magnitude) * root.magnitude(neuron)
    }
    return row.constant == 0 || addToConstant(FlatBounds.down(row.constant))
  }

  /// Omega = 2^-118 (Kmax + 4) sum over nodes of (n + sum m), Kmax at most the widest layer; over the neurons known so
  /// far.
  private mutating func chargeFloor() {
    let widest = network.layers.reduce(0) { max($0, $1.count) }
    let sum = root.lower.indices.reduce(0.0) { $0 + 1 + root.magnitude($1) }
    charge(.floor, Double(widest + 4) * sum * 0x1p-118)
  }

  /// Coefficients reach a layer; where others are there already, they are added and the sum is charged.
  private mutating func send(_ a: [Float], to layer: Int) -> Bool {
    guard let there = coefficients[layer] else {
      coefficients[layer] = a
      return true
    }
    let sums = zip(there, a).map { device.sum($0, $1) }
    coefficients[layer] = sums
    let magnitudes = network.layers[layer].neurons.map { Float(root.magnitude($0)) }
    let s = device.dot(sums.map(\.magnitude), magnitudes)
    guard isUsable(s) else { return false }
    charge(.add, FlatBounds.unit * (1 + 0x1p-10) * Double(s))
    return true
  }

  // MARK: Affine layers

  private mutating func stepBack(_ a: [Float], _ affine: Affine) -> Bool {
    let sources = columns(of: affine)
    let charges = a.indices.map { FlatBounds.up((1 + 0x1p-10) * charge(ofRow: $0, affine, sources)) }
    let cost = device.dot(a.map(\.magnitude), charges)
    guard isUsable(cost) else { return false }
    error += Double(cost)
    guard addToConstant(device.dot(a, affine.bias.map { Float($0) })) else { return false }
    for (layer, columns) in sources {
      let sums = columns.map { column in device.dot(column.rows.map { a[$0] }, column.weights) }
      guard send(sums, to: layer) else { return false }
    }
    return true
  }

  private typealias Column = (rows: [Int], weights: [Float])

  /// The columns of a matrix, for each layer that it reads.
  private func columns(of affine: Affine) -> [(layer: Int, columns: [Column])] {
    var found: [Int: [Column]] = [:]
    for row in 0..<affine.rows.count {
      for entry in affine.rows.entries(ofRow: row) {
        let neuron = Int(affine.rows.columns[entry])
        let layer = network.layers.firstIndex { $0.neurons.contains(neuron) }!
        let empty: Column = ([], [])
        let place = neuron - network.layers[layer].neurons.lowerBound
        found[layer, default: Array(repeating: empty, count: network.layers[layer].count)][place].rows.append(row)
        found[layer]![place].weights.append(Float(affine.rows.values[entry]))
      }
    }
    return found.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
  }

  /// v' before it is rounded up: the sum of gamma(K) V, gamma(D + 1) |b| and the weights' own errors (soundness.md 1.2,
  /// 1.8). A column of one product with 1 or -1 rounds nothing.
  private func charge(ofRow row: Int, _ affine: Affine, _ sources: [(layer: Int, columns: [Column])]) -> Double {
    var sum = 0.0
    var all = FlatBounds.size(affine.bias[row])
    let rounding = Double(affine.coefficientRoundings) * 0x1p-52
    let entries = affine.rows.entries(ofRow: row)
    for (layer, columns) in sources {
      let isExact = columns.allSatisfy { $0.rows.count <= 1 && $0.weights.allSatisfy { $0.magnitude == 1 } }
      let longest = isExact ? 0 : columns.reduce(1) { max($0, $1.rows.count) }
      for entry in entries where network.layers[layer].neurons.contains(Int(affine.rows.columns[entry])) {
        let weight = affine.rows.values[entry]
        let part = FlatBounds.size(weight) * root.magnitude(Int(affine.rows.columns[entry]))
        if !bounds.omitted.contains(.affine) { sum += FlatBounds.gamma(longest) * part }
        sum +=
          ((weight - Double(Float(weight))).magnitude + rounding * weight.magnitude)
          * root.magnitude(Int(affine.rows.columns[entry]))
        all += part
      }
    }
    let bias = affine.bias[row]
    if !bounds.omitted.contains(.bias) { sum += FlatBounds.gamma(affine.rows.count + 1) * FlatBounds.size(bias) }
    sum += (bias - Double(Float(bias))).magnitude + (affine.biasError?[row] ?? 0)
    if bounds.semantics != .real {
      let fanIn = entries.count + 2 + affine.float32ExtraRoundings
      sum += FlatBounds.gamma(fanIn) * all + 4 * Double(fanIn) * FlatBounds.least
    }
    return sum
  }

  // MARK: ReLU and the input box

  private mutating func stepBack(_ a: [Float], throughReLUOf layer: Int) -> Bool {
    var intercepts: [Float] = []
    let passed = zip(a, network.layers[layer].neurons).map { a, operand -> Float in
      let (l, u) = (root.lower[operand], root.upper[operand])
      if l >= 0 { return a }
      if u <= 0 { return 0 }
      // Any y in [0, a] has a slope in [0, 1]; this one is a itself.
      if a >= 0 { return a }
      let slope = Float(min(max(Double(u) / (Double(u) - Double(l)), 0), 1))
      let y = device.product(a, slope)
      intercepts.append(Float.maximum(device.product(-y, -l), device.product(device.sum(-a, y), u)))
      return y
    }
    if !intercepts.isEmpty {
      let sum = device.dot(intercepts.map { _ in 1 }, intercepts)
      guard isUsable(sum) else { return false }
      charge(.intercept, FlatBounds.gamma(intercepts.count + 4) * (1 + 0x1p-10) * Double(sum))
      guard addToConstant(-sum) else { return false }
    }
    return send(passed, to: layer)
  }

  private mutating func concretise(_ a: [Float]) -> Bool {
    let x = a.enumerated().map { $1 >= 0 ? root.lower[$0] : root.upper[$0] }
    let size = device.dot(a.map(\.magnitude), x.map(\.magnitude))
    guard isUsable(size) else { return false }
    charge(.concretise, FlatBounds.gamma(a.count + 1) * (1 + 0x1p-10) * Double(size))
    return addToConstant(device.dot(a, x))
  }
}
