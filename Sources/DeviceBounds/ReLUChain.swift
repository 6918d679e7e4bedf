// Networks that are a chain of dense affine layers with ReLU between them, as the fused search wants them.

import Networks

/// input, then affine and ReLU in turns, then an affine output layer.
package struct ReLUChain: Sendable {
  /// z = W h + b with its declared errors; weights row by row.
  package struct Layer: Sendable {
    package var count: Int
    package var inputCount: Int
    package var weights: [Double]
    package var bias: [Double]
    package var biasError: [Double]
    package var coefficientRoundings: Int
    package var float32ExtraRoundings: Int
  }

  package var inputCount: Int
  /// The layers in front of the ReLUs.
  package var hidden: [Layer]
  package var output: Layer
  /// The numbers of the outputs' neurons.
  package var outputs: Range<Int>

  /// The widest hidden layer.
  package var width: Int { hidden.map(\.count).max() ?? 0 }

  /// The chain that a network is; nil if it is none. Affine layers in a row are accepted where one is the identity.
  package init?(_ network: Network) {
    var layers: [Layer] = []
    var endsInReLU = true
    // The layer whose neurons the next one must read.
    var source = 0
    for (index, layer) in network.layers.enumerated().dropFirst() {
      switch layer.relation {
      case .affine(let affine):
        if index != network.outputLayer, Self.isIdentity(affine, of: network.layers[source].neurons) { break }
        guard endsInReLU, let dense = Layer(affine, of: network.layers[source].neurons) else { return nil }
        layers.append(dense)
        endsInReLU = false
      case .function(.relu, of: source):
        guard !endsInReLU else { return nil }
        endsInReLU = true
      default: return nil
      }
      source = index
    }
    guard source == network.outputLayer, !endsInReLU, layers.count >= 2 else { return nil }
    inputCount = network.inputs.count
    output = layers.removeLast()
    hidden = layers
    outputs = network.outputs
  }

  private static func isIdentity(_ affine: Affine, of neurons: Range<Int>) -> Bool {
    affine.rows.count == neurons.count && affine.bias.allSatisfy { $0 == 0 } && affine.biasError == nil
      && affine.coefficientRoundings == 0
      && (0..<neurons.count).allSatisfy { row in
        let entries = affine.rows.entries(ofRow: row)
        return entries.count == 1 && affine.rows.values[entries.lowerBound] == 1
          && Int(affine.rows.columns[entries.lowerBound]) == neurons.lowerBound + row
      }
  }
}

extension ReLUChain.Layer {
  /// Nil if it reads other neurons, or if a weight is so small that products with it might underflow.
  init?(_ affine: Affine, of neurons: Range<Int>) {
    count = affine.rows.count
    inputCount = neurons.count
    weights = Array(repeating: 0, count: count * inputCount)
    for row in 0..<count {
      for entry in affine.rows.entries(ofRow: row) {
        let column = Int(affine.rows.columns[entry])
        let value = affine.rows.values[entry]
        guard neurons.contains(column), value.isFinite, value == 0 || value.magnitude > 0x1p-500 else { return nil }
        weights[row * inputCount + column - neurons.lowerBound] = value
      }
    }
    guard affine.bias.allSatisfy(\.isFinite) else { return nil }
    bias = affine.bias
    biasError = affine.biasError ?? Array(repeating: 0, count: count)
    coefficientRoundings = affine.coefficientRoundings
    float32ExtraRoundings = affine.float32ExtraRoundings
  }
}
