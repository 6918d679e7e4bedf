// The obvious meaning of a network in binary64, rounded to nearest: for falsifiers, samples and tests, not for proofs.

import Glibc

extension Network {
  /// The values of all neurons for one input.
  public func evaluate(_ input: [Double]) -> [Double] {
    precondition(input.count == layers[0].count)
    var values = input
    values.reserveCapacity(neuronCount)
    for layer in layers.dropFirst() {
      switch layer.relation {
      case .input: preconditionFailure("only layer 0 is an input")
      case .affine(let affine):
        for row in 0..<layer.count {
          var sum = affine.bias[row]
          for entry in affine.rows.entries(ofRow: row) {
            sum += affine.rows.values[entry] * values[Int(affine.rows.columns[entry])]
          }
          values.append(sum)
        }
      case .function(let function, let of):
        for neuron in layers[of].neurons { values.append(function(values[neuron])) }
      case .product(let left, let right):
        for index in 0..<layer.count {
          let (first, second) = (layers[left].neurons.lowerBound, layers[right].neurons.lowerBound)
          values.append(values[first + index] * values[second + index])
        }
      }
    }
    return values
  }

  /// The outputs for one input.
  public func outputs(_ input: [Double]) -> [Double] { Array(evaluate(input)[outputs]) }
}

extension ElementaryFunction {
  /// The value, rounded to nearest or nearly so.
  public func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .relu: x > 0 ? x : (x.isNaN ? x : 0)
    case .sign: x > 0 ? 1 : (x < 0 ? -1 : x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: Glibc.tanh(x)
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .squareRoot: x.squareRoot()
    case .reciprocal: 1 / x
    case .sine: sin(x)
    case .cosine: cos(x)
    case .power(let exponent): (0..<exponent).reduce(1) { product, _ in product * x }
    case .gelu: x * (1 + erf(x * 0.5.squareRoot())) / 2
    case .errorFunction: erf(x)
    case .floor: x.rounded(.down)
    case .step: x >= 0 ? 1 : (x.isNaN ? x : 0)
    }
  }
}
