// The same bound in the plainest form: CROWN (Zhang et al. 2018) over all neurons of a network in binary64, no error
// terms, default slopes (1 where u > -l, else 0).

import BranchAndBound
import Networks

struct ReferenceBounds {
  let network: Network
  let boxLower: [Double]
  let boxUpper: [Double]
  /// Bounds of the operands of ReLU, by neuron.
  private(set) var bounds: [Int: (lower: Double, upper: Double)] = [:]

  init(_ network: Network, lower: [Double], upper: [Double]) {
    self.network = network
    boxLower = lower
    boxUpper = upper
    for layer in network.layers {
      guard case .function(.relu, let of) = layer.relation else { continue }
      for neuron in network.layers[of].neurons where bounds[neuron] == nil {
        let low = lowerBound([(neuron, 1)], constant: 0)
        let high = -lowerBound([(neuron, -1)], constant: 0)
        bounds[neuron] = (low, high)
      }
    }
  }

  /// A lower bound of sum of coefficient * neuron + constant.
  func lowerBound(_ terms: [(neuron: Int, coefficient: Double)], constant: Double) -> Double {
    var a = [Double](repeating: 0, count: network.neuronCount)
    for term in terms { a[term.neuron] += term.coefficient }
    var sum = constant
    for layer in network.layers.reversed() {
      for (index, neuron) in layer.neurons.enumerated() where a[neuron] != 0 {
        let c = a[neuron]
        switch layer.relation {
        case .input: sum += c * (c >= 0 ? boxLower[index] : boxUpper[index])
        case .affine(let affine):
          sum += c * affine.bias[index]
          for entry in affine.rows.entries(ofRow: index) {
            a[Int(affine.rows.columns[entry])] += c * affine.rows.values[entry]
          }
        case .function(_, let of):
          let operand = network.layers[of].neurons.lowerBound + index
          let (l, u) = bounds[operand]!
          if l >= 0 {
            a[operand] += c
          } else if u > 0 {
            if c >= 0 {
              a[operand] += u > -l ? c : 0
            } else {
              a[operand] += c * u / (u - l)
              sum += -c * u / (u - l) * l
            }
          }
        case .product: preconditionFailure("the reference bounds affine layers and ReLU")
        }
      }
    }
    return sum
  }
}
