// A network of affine maps and ReLUs as units: an affine map followed by ReLU or by nothing.
//
// A ReLU whose operand has no other consumer is one unit with its affine map; elsewhere its map is the identity. The
// units are in topological order, and each knows its consumers, so that the coefficient of a neuron is one dot product
// over all of them, shortcuts included.

import BranchAndBound
import Networks

/// One affine map with what follows it.
struct GatherUnit: Sendable {
  enum Kind: Sendable { case input, linear, relu }

  var kind: Kind
  /// The neurons that other units read.
  var outputs: Range<Int>
  /// The neurons before ReLU; equal to `outputs` elsewhere.
  var operands: Range<Int>
  /// The affine map, with the neurons it reads; rows are those of `operands`. Without entries for inputs.
  var map: Affine
  /// The units that the map reads.
  var sources: [Int]

  var count: Int { outputs.count }
}

/// All units with the consumers of every neuron.
struct GatherUnits: Sendable {
  var units: [GatherUnit]
  /// For each neuron the consumers consumers[consumerStarts[n]..<consumerStarts[n + 1]], by their output's number, and
  /// the weights between them.
  var consumerStarts: [Int64]
  var consumers: [Int32]
  var consumerWeights: [Double]
  /// The unit whose output a neuron is; -1 for operands inside a unit.
  var unitOfOutput: [Int32]
  var neuronCount: Int

  /// More weights than this take too much memory as panels.
  static let maximalEntries = 60_000_000

  /// Throws `GatherError`, or `SplitBoundError.timeout` past a deadline: large networks take seconds.
  init(_ network: Network, deadline: ContinuousClock.Instant? = nil) throws {
    let layers = network.layers
    var entryCount = 0
    for layer in layers {
      switch layer.relation {
      case .input: break
      case .affine(let affine): entryCount += affine.rows.columns.count
      case .function(.relu, _): break
      case .function(let function, _):
        throw GatherError.unsupported(layer: layer.name, relation: "the function \(function)")
      case .product: throw GatherError.unsupported(layer: layer.name, relation: "a product of two variables")
      }
    }
    if entryCount > Self.maximalEntries { throw GatherError.tooLarge(entries: entryCount) }

    // An affine layer joins its ReLU if that is its only consumer.
    var uses = [Int](repeating: 0, count: layers.count)
    var reluOf = [Int?](repeating: nil, count: layers.count)
    let layerOfNeuron = Self.layerOfNeuron(network)
    uses[network.outputLayer] += 1
    for (index, layer) in layers.enumerated() {
      switch layer.relation {
      case .affine(let affine): for source in Self.sourceLayers(affine, layerOfNeuron) { uses[source] += 1 }
      case .function(_, let of):
        uses[of] += 1
        reluOf[of] = index
      default: break
      }
    }
    units = []
    neuronCount = network.neuronCount
    unitOfOutput = [Int32](repeating: -1, count: neuronCount)
    for (index, layer) in layers.enumerated() {
      let unit: GatherUnit
      switch layer.relation {
      case .input:
        unit = GatherUnit(
          kind: .input, outputs: layer.neurons, operands: layer.neurons, map: Affine(rows: SparseRows(), bias: []),
          sources: [])
      case .affine(let affine):
        if uses[index] == 1, reluOf[index] != nil { continue }
        unit = GatherUnit(
          kind: .linear, outputs: layer.neurons, operands: layer.neurons, map: affine,
          sources: Self.sourceUnits(affine, unitOfOutput))
      case .function(_, let of):
        let operand = layers[of]
        if case .affine(let affine) = operand.relation, uses[of] == 1 {
          unit = GatherUnit(
            kind: .relu, outputs: layer.neurons, operands: operand.neurons, map: affine,
            sources: Self.sourceUnits(affine, unitOfOutput))
        } else {
          let identity = Self.identity(on: operand.neurons)
          unit = GatherUnit(
            kind: .relu, outputs: layer.neurons, operands: operand.neurons, map: identity,
            sources: [Int(unitOfOutput[operand.neurons.lowerBound])])
        }
      case .product: continue
      }
      for neuron in unit.outputs { unitOfOutput[neuron] = Int32(units.count) }
      units.append(unit)
    }
    if let deadline, ContinuousClock.now >= deadline { throw SplitBoundError.timeout }
    (consumerStarts, consumers, consumerWeights) = Self.transposed(units, neuronCount)
  }

  private static func layerOfNeuron(_ network: Network) -> [Int32] {
    var result = [Int32](repeating: 0, count: network.neuronCount)
    for (index, layer) in network.layers.enumerated() { for neuron in layer.neurons { result[neuron] = Int32(index) } }
    return result
  }

  /// The layers that a map reads, ascending.
  private static func sourceLayers(_ affine: Affine, _ layerOfNeuron: [Int32]) -> [Int] {
    var isSource: Set<Int32> = []
    var last: Int32 = -1
    for column in affine.rows.columns {
      let layer = layerOfNeuron[Int(column)]
      if layer != last {
        isSource.insert(layer)
        last = layer
      }
    }
    return isSource.map(Int.init).sorted()
  }

  private static func sourceUnits(_ affine: Affine, _ unitOfOutput: [Int32]) -> [Int] {
    sourceLayers(affine, unitOfOutput)
  }

  private static func identity(on neurons: Range<Int>) -> Affine {
    Affine(
      rows: SparseRows(
        starts: Array(0...neurons.count), columns: neurons.map(Int32.init),
        values: [Double](repeating: 1, count: neurons.count)),
      bias: [Double](repeating: 0, count: neurons.count))
  }

  /// The consumers of every neuron, in ascending order.
  private static func transposed(_ units: [GatherUnit], _ neuronCount: Int) -> ([Int64], [Int32], [Double]) {
    var starts = [Int64](repeating: 0, count: neuronCount + 1)
    for unit in units {
      unit.map.rows.columns.withUnsafeBufferPointer { columns in
        for column in columns { starts[Int(column) + 1] += 1 }
      }
    }
    for neuron in 0..<neuronCount { starts[neuron + 1] += starts[neuron] }
    let count = Int(starts[neuronCount])
    var next = starts
    var weights = [Double](repeating: 0, count: count)
    let consumers = [Int32](unsafeUninitializedCapacity: count) { consumers, initialized in
      weights.withUnsafeMutableBufferPointer { weights in
        next.withUnsafeMutableBufferPointer { next in
          for unit in units {
            unit.map.rows.columns.withUnsafeBufferPointer { columns in
              unit.map.rows.values.withUnsafeBufferPointer { values in
                for row in 0..<unit.map.rows.count {
                  let consumer = Int32(unit.outputs.lowerBound + row)
                  for entry in unit.map.rows.starts[row]..<unit.map.rows.starts[row + 1] {
                    let place = Int(next[Int(columns[entry])])
                    next[Int(columns[entry])] += 1
                    consumers[place] = consumer
                    weights[place] = values[entry]
                  }
                }
              }
            }
          }
        }
      }
      initialized = count
    }
    return (starts, consumers, weights)
  }
}
