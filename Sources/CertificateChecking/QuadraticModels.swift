import Networks

// Quadratic models of all neurons that rows depend on, on one box.

final class QuadraticModels {
  /// More inputs of positive width, or more neurons, are not worth it, and a forged proof could ask for them.
  static let mostInputs = 16
  static let mostNeurons = 20_000
  /// Errors of functions beyond this many become remainders.
  private static let mostErrors = 24

  private let network: CheckedNetwork
  private let isNeeded: [Bool]
  private var models: [QuadraticModel]
  private var symbols = 0
  private var limit = 0
  /// The symbol of each input, nil where the box has no width; with it x = centre + radius z.
  private(set) var symbolOfInput: [Int?] = []
  private(set) var centre: [Double] = []
  private(set) var radius: [Double] = []

  init(_ network: CheckedNetwork, rows: [VerificationCase.Row]) {
    self.network = network
    models = Array(repeating: QuadraticModel(constant: 0), count: network.neuronCount)
    var isNeeded = [Bool](repeating: false, count: network.neuronCount)
    for row in rows { for neuron in row.neurons { isNeeded[neuron] = true } }
    for layer in network.network.layers.reversed() {
      for (index, neuron) in layer.neurons.enumerated() where isNeeded[neuron] {
        switch layer.relation {
        case .input: break
        case .affine(let affine):
          for entry in affine.rows.entries(ofRow: index) { isNeeded[Int(affine.rows.columns[entry])] = true }
        case .function(_, let of): isNeeded[network.network.layers[of].neurons.lowerBound + index] = true
        case .product(let left, let right):
          for operand in [left, right] { isNeeded[network.network.layers[operand].neurons.lowerBound + index] = true }
        }
      }
    }
    self.isNeeded = isNeeded
  }

  /// Computes the models on a box of the inputs.
  func compute(lower: UnsafeMutablePointer<Double>, upper: UnsafeMutablePointer<Double>) {
    symbols = 0
    symbolOfInput = []
    centre = []
    radius = []
    for input in 0..<network.inputCount {
      let (l, u) = (lower[input], upper[input])
      let middle = l + 0.5 * (u - l)
      centre.append(middle)
      radius.append(l < u ? max((u - middle).nextUp, (middle - l).nextUp) : 0)
      if l < u {
        symbols += 1
        symbolOfInput.append(symbols)
        models[input] = QuadraticModel(constant: middle, symbol: symbols, coefficient: radius[input])
      } else {
        symbolOfInput.append(nil)
        models[input] = QuadraticModel(constant: l)
      }
    }
    limit = symbols + Self.mostErrors
    for layer in network.network.layers {
      for (place, neuron) in layer.neurons.enumerated() where isNeeded[neuron] {
        switch layer.relation {
        case .input: break
        case .affine: models[neuron] = affine(neuron)
        case .function(let function, let of):
          let operand = models[network.network.layers[of].neurons.lowerBound + place]
          models[neuron] = function == .power(2) ? operand * operand : apply(CheckedFunction(function), to: operand)
        case .product(let left, let right):
          let x = network.network.layers[left].neurons.lowerBound + place
          let y = network.network.layers[right].neurons.lowerBound + place
          models[neuron] = models[x] * models[y]
          models[neuron].charge(roundings: 1, of: 0, and: network.charge[neuron])
        }
      }
    }
  }

  /// `charge` holds what the neuron may be off its row.
  private func affine(_ neuron: Int) -> QuadraticModel {
    var result = QuadraticModel(constant: network.bias[neuron])
    var size = abs(network.bias[neuron])
    let range = Int(network.starts[neuron])..<Int(network.starts[neuron + 1])
    for entry in range where network.values[entry] != 0 {
      let source = models[Int(network.columns[entry])]
      result.add(network.values[entry], source)
      size += abs(network.values[entry]) * source.magnitude
    }
    result.charge(roundings: range.count + 4, of: size, and: network.charge[neuron])
    return result
  }

  private func apply(_ function: CheckedFunction, to x: QuadraticModel) -> QuadraticModel {
    let (l, u) = x.range
    if function.function == .relu, u <= 0 { return QuadraticModel(constant: 0) }
    if function.function == .relu, l >= 0 { return x }
    guard l.isFinite, u.isFinite, l < u else { return level(function.image(l, u)) }
    var slope = (function.function(u) - function.function(l)) / (u - l)
    if !slope.isFinite { slope = 0 }
    let between = function.range(minus: slope, l, u)
    let middle = between.low + 0.5 * (between.high - between.low)
    let error = max((between.high - middle).nextUp, (middle - between.low).nextUp)
    if let polynomial = taylor(function, x, l, u, below: error) { return polynomial }
    guard middle.isFinite, error.isFinite else { return level(function.image(l, u)) }
    var result = QuadraticModel(constant: middle)
    result.add(slope, x)
    let size = abs(middle) + abs(slope) * x.magnitude + error
    if symbols < limit {
      symbols += 1
      result.add(symbol: symbols, coefficient: error)
      result.charge(roundings: 4, of: size)
    } else {
      result.charge(roundings: 4, of: size, and: error)
    }
    return result
  }

  private func level(_ image: (Double, Double)) -> QuadraticModel {
    let middle = 0.5 * image.0 + 0.5 * image.1
    guard middle.isFinite else {
      var lost = QuadraticModel(constant: 0)
      lost.rest = .infinity
      return lost
    }
    var result = QuadraticModel(constant: middle)
    result.rest = max((image.1 - middle).nextUp, (middle - image.0).nextUp)
    return result
  }

  /// f(c) + f'(c) (x - c) + f''(c) (x - c)^2 / 2 at the model's constant c, with |f'''| |x - c|^3 / 6 as remainder.
  private func taylor(
    _ function: CheckedFunction, _ x: QuadraticModel, _ l: Double, _ u: Double, below limit: Double
  ) -> QuadraticModel? {
    let c = x.constant
    guard l <= c, c <= u, let bend = function.curvature(at: c, over: l, u) else { return nil }
    let reach = max((u - c).nextUp, (c - l).nextUp)
    let remainder = bend.third * reach * reach * reach / 6
    guard remainder < limit else { return nil }
    let (value, first) = (function.enclosure(c), function.derivative(c))
    let middle = 0.5 * value.low + 0.5 * value.high
    var step = x
    step.add(constant: -c)
    let square = step * step
    var result = QuadraticModel(constant: middle)
    result.add(first.value, step)
    result.add(0.5 * bend.second, square)
    let size = abs(middle) + abs(first.value) * step.magnitude + abs(bend.second) * square.magnitude
    result.charge(
      roundings: 8, of: size,
      and: remainder + max((value.high - middle).nextUp, (middle - value.low).nextUp) + first.error * reach
        + bend.error * reach * reach)
    return result
  }

  /// sum weight phi over rows.
  func model(of rows: [(row: VerificationCase.Row, weight: Double)]) -> QuadraticModel {
    var result = QuadraticModel(constant: 0)
    var size = 0.0
    var error = 0.0
    var terms = 4
    for (row, weight) in rows {
      let constant = weight * row.constant
      result.add(constant: constant)
      size += abs(constant)
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        let factor = weight * coefficient
        result.add(factor, models[neuron])
        let magnitude = abs(factor) * models[neuron].magnitude
        size += magnitude
        error += magnitude * row.coefficientError
        terms += 1
      }
      terms += 2
    }
    result.charge(roundings: 2 * terms, of: size, and: error)
    return result
  }
}

/// f'' at a point, nearly, with how much it may be off, and at least |f'''| around it.
struct CheckedCurvature {
  var second: Double
  var error: Double
  var third: Double
}

extension CheckedFunction {
  /// For the Taylor polynomial at z over [l, u]; nil where it is not known here.
  func curvature(at z: Double, over l: Double, _ u: Double) -> CheckedCurvature? {
    switch function {
    case .sine, .cosine: return CheckedCurvature(second: -function(z), error: 0x1p-44, third: 1)
    case .tanh:
      // f'' = -2 f (1 - f^2), f''' = -2 (1 - f^2)(1 - 3 f^2).
      let f = function(z)
      return CheckedCurvature(second: -2 * f * (1 - f * f), error: 0x1p-44, third: 2)
    case .sigmoid:
      // f'' = f (1 - f)(1 - 2 f), f''' = f (1 - f)(1 - 6 f + 6 f^2).
      let f = function(z)
      return CheckedCurvature(second: f * (1 - f) * (1 - 2 * f), error: 0x1p-46, third: 0.125)
    case .exponential:
      let (at, top) = (enclosure(z), enclosure(u))
      return CheckedCurvature(second: at.high, error: at.high * 0x1p-42, third: top.high)
    case .power(3): return CheckedCurvature(second: 6 * z, error: abs(z) * 0x1p-48, third: 6)
    default: return nil
    }
  }
}
