// A network in binary32, evaluated and differentiated for many inputs at once.

import CFalsifier
import Networks

/// The coefficients of a network in binary32; rows and columns stay those of the network.
package final class PanelNetwork: Sendable {
  package let network: Network
  /// For each layer the values and biases of an affine relation, else empty.
  private let values: [[Float]]
  private let biases: [[Float]]
  /// Products of one forward pass for one input.
  let work: Int

  package init(_ network: Network) {
    self.network = network
    var values: [[Float]] = []
    var biases: [[Float]] = []
    var work = 0
    for layer in network.layers {
      if case .affine(let affine) = layer.relation {
        values.append(affine.rows.values.map { Float($0) })
        biases.append(affine.bias.map { Float($0) })
        work += affine.rows.values.count
      } else {
        values.append([])
        biases.append([])
      }
    }
    self.values = values
    self.biases = biases
    self.work = work
  }

  /// Calls the body with layer `index`'s affine relation as C sees it.
  func withRows(_ index: Int, _ affine: Affine, _ body: (UnsafePointer<cfalsifier_rows>) -> Void) {
    affine.rows.starts.withUnsafeBufferPointer { starts in
      affine.rows.columns.withUnsafeBufferPointer { columns in
        values[index].withUnsafeBufferPointer { values in
          biases[index].withUnsafeBufferPointer { bias in
            var rows = cfalsifier_rows(
              count: bias.count, starts: starts.baseAddress, columns: columns.baseAddress, values: values.baseAddress,
              bias: bias.baseAddress)
            body(&rows)
          }
        }
      }
    }
  }
}

/// Values and gradients of all neurons for `lanes` inputs: [neuron][lane].
package final class Panel {
  let network: PanelNetwork
  let lanes: Int
  package let values: UnsafeMutableBufferPointer<Float>
  package let gradients: UnsafeMutableBufferPointer<Float>

  /// Bytes that a panel of a network takes.
  static func bytes(_ network: Network, lanes: Int) -> Int { 8 * lanes * network.neuronCount }

  package init(_ network: PanelNetwork, lanes: Int) {
    precondition(lanes == 16 || lanes == 32)
    self.network = network
    self.lanes = lanes
    values = .allocate(capacity: network.network.neuronCount * lanes)
    gradients = .allocate(capacity: network.network.neuronCount * lanes)
    values.initialize(repeating: 0)
    gradients.initialize(repeating: 0)
  }

  deinit {
    values.deallocate()
    gradients.deallocate()
  }

  private func value(_ neuron: Int) -> UnsafeMutablePointer<Float> { values.baseAddress! + neuron * lanes }
  private func gradient(_ neuron: Int) -> UnsafeMutablePointer<Float> { gradients.baseAddress! + neuron * lanes }

  /// Computes all values from those of the inputs; false if `isOver` said so between two layers.
  package func forward(isOver: () -> Bool) -> Bool {
    for (index, layer) in network.network.layers.enumerated().dropFirst() {
      if isOver() { return false }
      let y = value(layer.neurons.lowerBound)
      let count = layer.count * lanes
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        network.withRows(index, affine) { cfalsifier_affine($0, values.baseAddress, y, lanes) }
      case .function(let function, let of):
        let (kind, exponent) = function.panelFunction
        cfalsifier_apply(kind, exponent, count, value(network.network.layers[of].neurons.lowerBound), y)
      case .product(let left, let right):
        cfalsifier_product(
          count, value(network.network.layers[left].neurons.lowerBound),
          value(network.network.layers[right].neurons.lowerBound), y)
      }
    }
    return true
  }

  /// Adds to the gradients of all neurons what follows from those that were set; to be called after `forward`. Clear
  /// the gradients first with `clearGradients()`.
  package func backward(isOver: () -> Bool) -> Bool {
    for (index, layer) in network.network.layers.enumerated().dropFirst().reversed() {
      if isOver() { return false }
      let dy = gradient(layer.neurons.lowerBound)
      let count = layer.count * lanes
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        network.withRows(index, affine) { cfalsifier_affine_adjoint($0, dy, gradients.baseAddress, lanes) }
      case .function(let function, let of):
        let (kind, exponent) = function.panelFunction
        let operand = network.network.layers[of].neurons.lowerBound
        cfalsifier_apply_adjoint(
          kind, exponent, count, value(operand), value(layer.neurons.lowerBound), dy, gradient(operand))
      case .product(let left, let right):
        let a = network.network.layers[left].neurons.lowerBound
        let b = network.network.layers[right].neurons.lowerBound
        cfalsifier_product_adjoint(count, value(a), value(b), dy, gradient(a), gradient(b))
      }
    }
    return true
  }

  package func clearGradients() { gradients.update(repeating: 0) }
}

extension ElementaryFunction {
  /// The function's name in the C loops, and the exponent of a power.
  var panelFunction: (cfalsifier_function, Int32) {
    switch self {
    case .relu: (CFALSIFIER_RELU, 0)
    case .sign: (CFALSIFIER_SIGN, 0)
    case .sigmoid: (CFALSIFIER_SIGMOID, 0)
    case .tanh: (CFALSIFIER_TANH, 0)
    case .exponential: (CFALSIFIER_EXPONENTIAL, 0)
    case .logarithm: (CFALSIFIER_LOGARITHM, 0)
    case .squareRoot: (CFALSIFIER_SQUARE_ROOT, 0)
    case .reciprocal: (CFALSIFIER_RECIPROCAL, 0)
    case .sine: (CFALSIFIER_SINE, 0)
    case .cosine: (CFALSIFIER_COSINE, 0)
    case .power(let exponent): (CFALSIFIER_POWER, Int32(exponent))
    case .gelu: (CFALSIFIER_GELU, 0)
    case .errorFunction: (CFALSIFIER_ERROR_FUNCTION, 0)
    case .floor: (CFALSIFIER_FLOOR, 0)
    case .step: (CFALSIFIER_STEP, 0)
    }
  }
}
