// A network as stages: affine maps, each followed by ReLU or by nothing, restricted to what the rows depend on.
//
// Nothing is merged: each stage's weights are those of the network. A neuron that equals another (coefficient 1, bias
// 0) is that other neuron, which is exact.

import Networks

/// The stages of a network in topological order; node 0 holds the inputs.
struct StagePlan {
  struct Edge {
    /// The node that is read.
    var source: Int
    /// Rows over the node's neurons, ascending.
    var rows: SparseRows
    var isDense = true
  }

  struct Stage {
    var name: String
    var isRelu: Bool
    /// For each element the network's neuron that z is: the operand of ReLU, or the affine neuron itself.
    var operands: [Int]
    var edges: [Edge]
    var bias: [Double]
    var biasError: [Double]?
    var coefficientRoundings: Int
    /// Products in each row as the graph has it, and roundings beyond that and 2 (section 1.8).
    var fanIn: [Int]
    var float32ExtraRoundings: Int

    var size: Int { operands.count }
  }

  /// A neuron of the network as an element of a node.
  struct Place: Hashable {
    var node: Int
    var element: Int
  }

  let inputCount: Int
  private(set) var stages: [Stage] = []
  private(set) var places: [Place?]

  /// Sizes of all nodes, the inputs first.
  var sizes: [Int] { [inputCount] + stages.map(\.size) }

  /// - Throws: `FusedBoundsError` if the rows depend on a relation other than affine and ReLU.
  init(_ network: Network, rows: [VerificationCase.Row]) throws(FusedBoundsError) {
    let needed = Self.neurons(network, behind: rows)
    if let plan = try Self(network, rows: rows, needed: needed, joinsEqualNeurons: true) {
      self = plan
    } else {
      // A row reads two neurons that are the same one; their coefficients must not be added up in floating point.
      self = try Self(network, rows: rows, needed: needed, joinsEqualNeurons: false)!
    }
  }

  /// Which neurons the rows depend on.
  private static func neurons(_ network: Network, behind rows: [VerificationCase.Row]) -> [Bool] {
    var needed = [Bool](repeating: false, count: network.neuronCount)
    for row in rows { for neuron in row.neurons { needed[neuron] = true } }
    for layer in network.layers.reversed() {
      for (index, neuron) in layer.neurons.enumerated() where needed[neuron] {
        switch layer.relation {
        case .input: break
        case .affine(let affine):
          for entry in affine.rows.entries(ofRow: index) { needed[Int(affine.rows.columns[entry])] = true }
        case .function(_, let of): needed[network.layers[of].neurons.lowerBound + index] = true
        case .product(let left, let right):
          for operand in [left, right] { needed[network.layers[operand].neurons.lowerBound + index] = true }
        }
      }
    }
    return needed
  }

  /// Which neurons someone other than a ReLU reads.
  private static func neuronsRead(
    _ network: Network, _ rows: [VerificationCase.Row], _ needed: [Bool]
  ) -> [Bool] {
    var read = [Bool](repeating: false, count: network.neuronCount)
    for row in rows { for neuron in row.neurons { read[neuron] = true } }
    for layer in network.layers {
      guard case .affine(let affine) = layer.relation else { continue }
      for (index, neuron) in layer.neurons.enumerated() where needed[neuron] {
        for entry in affine.rows.entries(ofRow: index) { read[Int(affine.rows.columns[entry])] = true }
      }
    }
    for layer in network.layers {
      // A ReLU of something that is no affine neuron reads it through a copy.
      guard case .function(_, let of) = layer.relation else { continue }
      if case .affine = network.layers[of].relation { continue }
      for neuron in network.layers[of].neurons { read[neuron] = true }
    }
    return read
  }

  private init?(
    _ network: Network, rows: [VerificationCase.Row], needed: [Bool], joinsEqualNeurons: Bool
  ) throws(FusedBoundsError) {
    inputCount = network.layers[0].count
    places = Array(repeating: nil, count: network.neuronCount)
    for (element, neuron) in network.inputs.enumerated() { places[neuron] = Place(node: 0, element: element) }
    let read = Self.neuronsRead(network, rows, needed)
    for layer in network.layers.dropFirst() {
      let chosen = layer.neurons.filter { needed[$0] }
      if chosen.isEmpty { continue }
      switch layer.relation {
      case .affine(let affine):
        let first = layer.neurons.lowerBound
        var kept: [Int] = []
        for neuron in chosen where read[neuron] {
          if joinsEqualNeurons, let other = affine.neuronEqual(toRow: neuron - first) {
            places[neuron] = places[other]
          } else {
            kept.append(neuron)
          }
        }
        if kept.isEmpty { continue }
        guard let stage = stage(layer.name, affine, first, kept, isRelu: false) else { return nil }
        append(stage, neurons: kept)
      case .function(.relu, let of):
        let operands = network.layers[of].neurons
        let operand = { (neuron: Int) in operands.lowerBound + neuron - layer.neurons.lowerBound }
        if case .affine(let affine) = network.layers[of].relation {
          let z = chosen.map(operand)
          guard let stage = stage(layer.name, affine, operands.lowerBound, z, isRelu: true) else { return nil }
          append(stage, neurons: chosen)
        } else {
          append(copy(layer.name, of: chosen.map(operand)), neurons: chosen)
        }
      case .input, .function, .product: throw .relation(layer.name)
      }
    }
  }

  private mutating func append(_ stage: Stage, neurons: [Int]) {
    stages.append(stage)
    for (element, neuron) in neurons.enumerated() { places[neuron] = Place(node: stages.count, element: element) }
  }

  /// Rows of an affine layer as a stage; nil if two columns of a row are the same element.
  private func stage(_ name: String, _ affine: Affine, _ first: Int, _ neurons: [Int], isRelu: Bool) -> Stage? {
    var edges: [Int: SparseRows] = [:]
    var fanIn: [Int] = []
    for (element, neuron) in neurons.enumerated() {
      var terms: [Int: [(column: Int, value: Double)]] = [:]
      let entries = affine.rows.entries(ofRow: neuron - first)
      for entry in entries where affine.rows.values[entry] != 0 {
        let place = places[Int(affine.rows.columns[entry])]!
        terms[place.node, default: []].append((place.element, affine.rows.values[entry]))
      }
      fanIn.append(entries.count)
      for (node, list) in terms {
        let sorted = list.sorted { $0.column < $1.column }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.column == right.column { return nil }
        var rows = edges[node] ?? SparseRows()
        while rows.count < element { rows.starts.append(rows.columns.count) }
        rows.append(sorted)
        edges[node] = rows
      }
    }
    let list = edges.keys.sorted(by: >).map { node in
      var rows = edges[node]!
      while rows.count < neurons.count { rows.starts.append(rows.columns.count) }
      return edge(node, rows)
    }
    return Stage(
      name: name, isRelu: isRelu, operands: neurons, edges: list, bias: neurons.map { affine.bias[$0 - first] },
      biasError: affine.biasError.map { error in neurons.map { error[$0 - first] } },
      coefficientRoundings: affine.coefficientRoundings, fanIn: fanIn,
      float32ExtraRoundings: affine.float32ExtraRoundings)
  }

  /// A ReLU stage that reads neurons as they are.
  private func copy(_ name: String, of neurons: [Int]) -> Stage {
    var edges: [Int: SparseRows] = [:]
    for (element, neuron) in neurons.enumerated() {
      let place = places[neuron]!
      var rows = edges[place.node] ?? SparseRows()
      while rows.count < element { rows.starts.append(rows.columns.count) }
      rows.append([(column: place.element, value: 1.0)])
      edges[place.node] = rows
    }
    let list = edges.keys.sorted(by: >).map { node in
      var rows = edges[node]!
      while rows.count < neurons.count { rows.starts.append(rows.columns.count) }
      return edge(node, rows)
    }
    return Stage(
      name: name, isRelu: true, operands: neurons, edges: list, bias: neurons.map { _ in 0 }, biasError: nil,
      coefficientRoundings: 0, fanIn: neurons.map { _ in 1 }, float32ExtraRoundings: 0)
  }

  /// Products of dense rows go 8 to 16 at a time, sparse ones one by one.
  private func edge(_ source: Int, _ rows: SparseRows) -> Edge {
    let area = rows.count * (source == 0 ? inputCount : stages[source - 1].size)
    return Edge(source: source, rows: rows, isDense: area <= 1024 || rows.columns.count * 10 >= area)
  }
}

extension Affine {
  /// The neuron that a row repeats: coefficient 1 and bias 0, both exact.
  fileprivate func neuronEqual(toRow row: Int) -> Int? {
    let entries = rows.entries(ofRow: row).filter { rows.values[$0] != 0 }
    guard entries.count == 1, rows.values[entries[0]] == 1, bias[row] == 0, coefficientRoundings == 0 else {
      return nil
    }
    if let biasError, biasError[row] != 0 { return nil }
    return Int(rows.columns[entries[0]])
  }
}
