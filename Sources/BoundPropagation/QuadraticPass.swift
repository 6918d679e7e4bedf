// Quadratic forms of all neurons on one box, by a forward pass.

import Glibc
import Networks

/// Which networks quadratic forms suit, and the room for one box's forms.
final class QuadraticPass {
  let plan: BoundPlan
  /// The inputs of positive width: the first symbols.
  let wide: [Int]
  let capacity: Int
  private var forms: [QuadraticForm]
  private let memory: UnsafeMutablePointer<Double>
  private var scratch: [QuadraticForm]
  /// Symbols in use on this box.
  private(set) var symbols = 0
  /// By error symbol: how much each input's width has to do with it, summing to 1 at most.
  private(set) var shares: [[Double]] = []
  /// c_i and w_i with the box inside c_i - w_i ... c_i + w_i.
  private(set) var centre: [Double] = []
  private(set) var radius: [Double] = []

  /// Error symbols beyond this many go to remainders.
  static let mostErrors = 24

  /// Products of two variables, over few inputs: where linear bounds lose the relation between the factors.
  static func suits(_ plan: BoundPlan, wide: [Int]) -> Bool {
    guard (1...12).contains(wide.count), plan.neuronCount <= 4000, plan.entryCount <= 40_000 else { return false }
    return plan.network.layers.contains { layer in
      if case .product = layer.relation { return layer.neurons.contains { plan.needed[$0] != 0 } }
      return false
    }
  }

  init(_ plan: BoundPlan, wide: [Int]) {
    self.plan = plan
    self.wide = wide
    capacity = wide.count + Self.mostErrors
    let stride = capacity + 1 + QuadraticForm.entries(capacity)
    let count = plan.neuronCount + 4
    memory = .allocate(capacity: count * stride)
    memory.initialize(repeating: 0, count: count * stride)
    let memory = memory
    let capacity = capacity
    let all = (0..<count).map { index in
      let base = memory + index * stride
      return QuadraticForm(linear: base, quadratic: base + capacity + 1)
    }
    forms = Array(all[..<plan.neuronCount])
    scratch = Array(all[plan.neuronCount...])
  }

  deinit { memory.deallocate() }

  /// Computes the forms of all neurons that rows need, on the box of the wide inputs; the others are `fixed`.
  func compute(lower: [Double], upper: [Double], fixed: VerificationCase) {
    symbols = wide.count
    shares = []
    centre = zip(lower, upper).map { 0.5 * $0 + 0.5 * $1 }
    radius = centre.indices.map { max((centre[$0] - lower[$0]).nextUp, (upper[$0] - centre[$0]).nextUp) }
    let network = plan.network
    for (input, neuron) in network.inputs.enumerated() { forms[neuron].clear(constant: fixed.lower[input]) }
    for (place, neuron) in wide.enumerated() {
      forms[neuron].set(constant: centre[place], symbol: place, coefficient: radius[place])
    }
    for layer in network.layers {
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        for (row, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
          setAffine(neuron, affine, row)
        }
      case .function(let function, let of):
        let first = network.layers[of].neurons.lowerBound
        for (index, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
          if function == .power(2) {
            forms[neuron].setProduct(forms[first + index], forms[first + index], slack: plan.slack[neuron])
          } else {
            apply(function, from: first + index, to: neuron)
          }
        }
      case .product(let left, let right):
        let (x, y) = (network.layers[left].neurons.lowerBound, network.layers[right].neurons.lowerBound)
        for (index, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
          forms[neuron].setProduct(forms[x + index], forms[y + index], slack: plan.slack[neuron])
        }
      }
    }
  }

  private func setAffine(_ neuron: Int, _ affine: Affine, _ row: Int) {
    let entries = affine.rows.entries(ofRow: row)
    let bias = affine.bias[row]
    forms[neuron].clear(constant: bias)
    var magnitude = abs(bias)
    var rest = 0.0
    for entry in entries {
      let weight = affine.rows.values[entry]
      let source = Int(affine.rows.columns[entry])
      forms[neuron].accumulate(weight, forms[source])
      magnitude += abs(weight) * forms[source].size
      rest += abs(weight) * forms[source].rest
    }
    let roundings = entries.count + 4 + affine.coefficientRoundings
    forms[neuron].settle(
      rest: (rest + plan.slack[neuron]) * (1 + gamma64(entries.count)), roundings: roundings, magnitude: magnitude)
  }

  /// f of a form: the second-order Taylor polynomial where its remainder is small, else a line whose error is a symbol.
  private func apply(_ function: ElementaryFunction, from source: Int, to neuron: Int) {
    let x = forms[source]
    let range = x.range
    let (l, u) = (range.lower, range.upper)
    if function == .relu {
      if u <= 0 { return forms[neuron].clear() }
      if l >= 0 { return forms[neuron].copy(x) }
    }
    guard l.isFinite, u.isFinite, l < u else {
      let image = function.image(l, u)
      forms[neuron].clear(constant: 0.5 * image.lower + 0.5 * image.upper)
      let constant = forms[neuron].linear[0]
      let rest = max((image.upper - constant).nextUp, (constant - image.lower).nextUp)
      return forms[neuron].settle(rest: rest, roundings: 1, magnitude: abs(constant))
    }
    let slope = chord(function, l, u)
    let low = function.intercept(slope: slope, over: l, u, isUpper: false).value
    let high = function.intercept(slope: slope, over: l, u, isUpper: true).value
    let middle = 0.5 * low + 0.5 * high
    let error = max((high - middle).nextUp, (middle - low).nextUp)
    if let third = function.thirdDerivative(l, u), expand(function, x, third: third, l, u, below: error, to: neuron) {
      return
    }
    forms[neuron].clear(constant: middle)
    forms[neuron].accumulate(slope, x)
    var rest = abs(slope) * x.rest
    if symbols < capacity, error > 0 {
      forms[neuron].add(symbol: symbols, coefficient: error)
      symbols += 1
      note(x)
    } else {
      rest += error
    }
    forms[neuron].settle(rest: rest, roundings: 6, magnitude: abs(slope) * x.size + abs(middle) + error)
  }

  private func chord(_ function: ElementaryFunction, _ l: Double, _ u: Double) -> Double {
    let slope = (function(u) - function(l)) / (u - l)
    return slope.isFinite ? slope : 0
  }

  /// Which inputs a new symbol comes from.
  private func note(_ x: QuadraticForm) {
    var own = [Double](repeating: 0, count: wide.count)
    var sum = 0.0
    for index in 0..<min(wide.count, x.linearCount) {
      own[index] = abs(x.linear[index + 1])
      sum += own[index]
    }
    shares.append(sum > 0 ? own.map { $0 / sum } : own)
  }

  /// f(c) + f'(c) d + f''(c) d^2 / 2 with d = x - c and c = x's constant, if the remainder |f'''| |d|^3 / 6 is less than
  /// a bound.
  private func expand(
    _ function: ElementaryFunction, _ x: QuadraticForm, third: Double, _ l: Double, _ u: Double, below limit: Double,
    to neuron: Int
  ) -> Bool {
    let c = x.linear[0]
    guard l <= c, c <= u else { return false }
    let reach = max((u - c).nextUp, (c - l).nextUp)
    let remainder = third * reach * reach * reach / 6
    guard remainder < limit else { return false }
    let value = function.enclosure(c)
    let (first, second) = function.derivatives(c)
    let middle = 0.5 * value.lower + 0.5 * value.upper
    let half = max((value.upper - middle).nextUp, (middle - value.lower).nextUp)
    // The derivatives err by less than 2^-44 of 1 + their size.
    let slopeError = 0x1p-44 * (1 + abs(first)) * reach
    let bendError = 0x1p-44 * (1 + abs(second)) * reach * reach
    scratch[0].copy(x)
    scratch[0].add(constant: -c)
    // c - c is exact, so only the old remainder and the size matter.
    scratch[0].settle(rest: x.rest, roundings: 1, magnitude: 0)
    scratch[1].setProduct(scratch[0], scratch[0])
    let bend = 0.5 * second
    forms[neuron].clear(constant: middle)
    forms[neuron].accumulate(first, scratch[0])
    forms[neuron].accumulate(bend, scratch[1])
    forms[neuron].settle(
      rest: abs(first) * scratch[0].rest + abs(bend) * scratch[1].rest + remainder + half + slopeError + bendError,
      roundings: 8, magnitude: abs(middle) + abs(first) * scratch[0].size + abs(bend) * scratch[1].size)
    return true
  }

  /// sum weight phi over rows, as a form that lasts until the next one of the same place (0 or 1).
  func form(_ rows: [(row: VerificationCase.Row, weight: Double)], place: Int) -> QuadraticForm {
    scratch[2 + place].clear()
    var magnitude = 0.0
    var rest = 0.0
    var terms = 2
    for (row, weight) in rows where weight != 0 {
      scratch[2 + place].add(constant: weight * row.constant)
      magnitude += abs(weight * row.constant)
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        scratch[2 + place].accumulate(weight * coefficient, forms[neuron])
        let size = abs(weight * coefficient)
        magnitude += size * forms[neuron].size
        rest += size * (forms[neuron].rest + row.coefficientError * forms[neuron].size)
        terms += 1
      }
      terms += 1
    }
    scratch[2 + place].settle(rest: rest * (1 + gamma64(terms)), roundings: 2 * terms + 4, magnitude: magnitude)
    return scratch[2 + place]
  }
}

extension ElementaryFunction {
  /// At least |f'''| on [l, u]; nil where no Taylor polynomial is used.
  func thirdDerivative(_ l: Double, _ u: Double) -> Double? {
    switch self {
    case .sine, .cosine: 1
    case .tanh: 2
    case .sigmoid: 0.125
    case .exponential: u < 100 ? exp(u) * (1 + 0x1p-40) : nil
    case .power(3): 6
    default: nil
    }
  }
}
