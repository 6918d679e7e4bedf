// One backward pass of a row and one forward pass from its minimiser (soundness.md 1.4 with u = 2^-53, and section 3).

import Glibc
import Networks

/// The arrays of one worker: coefficients and values of all neurons, and the item's lines.
final class ReferencePass {
  let network: ReferenceNetwork
  let ball: VerificationCase.Ball?
  let isRoundingSafe: Bool
  let omega: Double
  /// Coefficients of the backward pass, kept for gradients and scores.
  let coefficients: UnsafeMutablePointer<Double>
  /// Values of the forward pass.
  let forward: UnsafeMutablePointer<Double>
  /// Lower slope, split (1 active, -1 inactive, 0 none) and multiplier by operand.
  let slope: UnsafeMutablePointer<Double>
  let split: UnsafeMutablePointer<Int8>
  let multiplier: UnsafeMutablePointer<Double>
  var minimizer: [Double]

  init(_ network: ReferenceNetwork, ball: VerificationCase.Ball?, isRoundingSafe: Bool) {
    self.network = network
    self.ball = ball
    self.isRoundingSafe = isRoundingSafe
    omega = network.omega
    let count = network.count
    coefficients = .allocate(capacity: count)
    forward = .allocate(capacity: count)
    slope = .allocate(capacity: count)
    split = .allocate(capacity: count)
    multiplier = .allocate(capacity: count)
    coefficients.initialize(repeating: 0, count: count)
    forward.initialize(repeating: 0, count: count)
    slope.initialize(repeating: 0, count: count)
    split.initialize(repeating: 0, count: count)
    multiplier.initialize(repeating: 0, count: count)
    minimizer = Array(repeating: 0, count: network.layers[0].neurons.count)
    for neuron in 0..<count { slope[neuron] = network.upper[neuron] > -network.lower[neuron] ? 1 : 0 }
  }

  deinit {
    coefficients.deallocate()
    forward.deallocate()
    slope.deallocate()
    split.deallocate()
    multiplier.deallocate()
  }

  /// A linear form to start from: its coefficients' own errors and its constant come along.
  struct Form {
    var neurons: [Int]
    var coefficients: [Double]
    var coefficientError = 0.0
    var constant = 0.0
  }

  /// What a pass holds besides its coefficients a: phi >= a . h + constant, less the error, `total` being the sum of the
  /// magnitudes of what was added to the constant.
  struct Sums {
    var constant: Double
    var total: Double
    var error: Double
  }

  /// phi >= bound on the part of the region that the splits leave; `estimate` leaves the errors out.
  ///
  /// Guarantee: real arithmetic, whatever slopes in [0, 1] and multipliers >= 0; -infinity where anything overflows.
  func backward(_ form: Form, fromLayer top: Int) -> (bound: Double, estimate: Double) {
    var sums = start(form)
    push(&sums, through: 1...top)
    return concretized(sums)
  }

  /// Loads a form into the coefficients.
  func start(_ form: Form) -> Sums {
    let a = coefficients
    a.update(repeating: 0, count: network.count)
    var sums = Sums(constant: form.constant, total: form.constant.magnitude, error: 0)
    for (neuron, coefficient) in zip(form.neurons, form.coefficients) {
      a[neuron] += coefficient
      sums.error += form.coefficientError * coefficient.magnitude * network.magnitude(neuron)
    }
    return sums
  }

  /// Pushes the form back through layers, the last one first.
  func push(_ sums: inout Sums, through layers: some RandomAccessCollection<Int>) {
    let a = coefficients
    var constant = sums.constant
    var total = sums.total
    var error = sums.error
    defer { sums = Sums(constant: constant, total: total, error: error) }
    let lower = network.lower
    let upper = network.upper
    network.values.withUnsafeBufferPointer { values in
      for index in layers.reversed() {
        let layer = network.layers[index]
        switch layer.kind {
        case .input: break
        case .affine:
          for neuron in layer.neurons {
            let factor = a[neuron]
            guard factor != 0 else { continue }
            let term = factor * network.bias[neuron]
            constant += term
            total += term.magnitude
            error += factor.magnitude * network.rowError[neuron]
            for index in network.runStarts[neuron]..<network.runStarts[neuron + 1] {
              let run = network.runs[index]
              Self.add(factor, values.baseAddress! + run.value, to: a + Int(run.column), count: Int(run.count))
            }
          }
        case .relu:
          for neuron in layer.neurons {
            let z = Int(network.operand[neuron])
            let factor = a[neuron]
            let l = lower[z]
            let u = upper[z]
            let passed: Double
            if split[z] != 0 {
              // z >= 0: any y <= factor; z <= 0: any y >= 0.
              passed = split[z] > 0 ? factor - multiplier[z] : multiplier[z]
            } else if factor == 0 || u <= 0 {
              continue
            } else if l >= 0 {
              passed = factor
            } else if factor > 0 {
              passed = min(slope[z] * factor, factor)
            } else {
              passed = max(min(u / (u - l) * factor, 0), factor)
              let intercept = max(passed * l, (passed - factor) * u)
              constant -= intercept
              total += intercept
            }
            if network.fanOut[z] > 2 {
              error += ReferenceNetwork.gamma(Int(network.fanOut[z])) * passed.magnitude * network.magnitude(z)
            }
            a[z] += passed
          }
        }
      }
    }
  }

  /// The least value over the input set, with every error subtracted; sets `minimizer`.
  func concretized(_ sums: Sums) -> (bound: Double, estimate: Double) {
    let (constant, total, error) = (sums.constant, sums.total, sums.error)
    let a = coefficients
    let inputs = network.layers[0].neurons
    var best = constant
    var bestTotal = total
    for index in inputs {
      let x = a[index] >= 0 ? network.lower[index] : network.upper[index]
      minimizer[index] = x
      best += a[index] * x
      bestTotal += (a[index] * x).magnitude
    }
    let summands = ReferenceNetwork.gamma(network.summands)
    func subtractingErrors(_ value: Double, _ total: Double) -> Double {
      guard isRoundingSafe else { return value }
      return (value - (1 + 0x1p-10) * (error + summands * total) - omega).nextDown.nextDown
    }
    var bound = subtractingErrors(best, bestTotal)
    if let ball {
      var value = constant
      var valueTotal = total
      var squares = 0.0
      var largest = 0.0
      for index in inputs {
        value += a[index] * ball.centre[index]
        valueTotal += (a[index] * ball.centre[index]).magnitude
        squares += a[index] * a[index]
        largest = max(largest, a[index].magnitude)
      }
      let norm =
        ball.norm == .l1
        ? largest : ((squares + Double(inputs.count) * 0x1p-1022) * (1 + summands)).squareRoot() * (1 + 0x1p-40)
      value -= ball.radius * norm
      valueTotal += ball.radius * norm
      let ballBound = subtractingErrors(value, valueTotal)
      if ballBound > bound {
        bound = ballBound
        best = value
        for index in inputs {
          let size = a[index].magnitude
          let step = ball.norm == .l1 ? (size == largest ? 1.0 : 0) : size / max(norm, 0x1p-500)
          minimizer[index] = ball.centre[index] - ball.radius * (a[index] < 0 ? -step : step)
        }
      }
    }
    return (bound.isFinite ? bound : -.infinity, best)
  }

  /// Values of all neurons from the minimiser with the lines that the backward pass chose.
  func forwardPass(toLayer top: Int) {
    let g = forward
    let a = coefficients
    for index in network.layers[0].neurons { g[index] = minimizer[index] }
    network.values.withUnsafeBufferPointer { values in
      for layer in network.layers[1...top] {
        switch layer.kind {
        case .input: break
        case .affine:
          for neuron in layer.neurons {
            var sum = network.bias[neuron]
            for index in network.runStarts[neuron]..<network.runStarts[neuron + 1] {
              let run = network.runs[index]
              sum += Self.dot(values.baseAddress! + run.value, g + Int(run.column), count: Int(run.count))
            }
            g[neuron] = sum
          }
        case .relu:
          for neuron in layer.neurons {
            let z = Int(network.operand[neuron])
            let l = network.lower[z]
            let u = network.upper[z]
            g[neuron] =
              if u <= 0 || split[z] < 0 { 0 } else if l >= 0 || split[z] > 0 { g[z] } else if a[neuron] >= 0 {
                slope[z] * g[z]
              } else { u / (u - l) * (g[z] - l) }
          }
        }
      }
    }
  }

  private static func add(
    _ factor: Double, _ values: UnsafePointer<Double>, to target: UnsafeMutablePointer<Double>, count: Int
  ) {
    for index in 0..<count { target[index] += factor * values[index] }
  }

  private static func dot(_ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>, count: Int) -> Double {
    var wide = SIMD8<Double>.zero
    let whole = count & ~7
    var index = 0
    while index < whole {
      let left = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Double>.self)
      let right = UnsafeRawPointer(y + index).loadUnaligned(as: SIMD8<Double>.self)
      wide += left * right
      index += 8
    }
    var sum = wide.sum()
    while index < count {
      sum += x[index] * y[index]
      index += 1
    }
    return sum
  }
}
