// An enclosure of all neurons of a network at one point: centre and radius, every rounding inside the radius.
//
// For z = sum_k w_k h_k + b with |h_k - c_k| <= r_k and c = fl(sum w_k c_k + b) in any order,
//   |z - c| <= sum |w_k| r_k + gamma(n + 2) (sum |w_k c_k| + |b|) + n eta,        gamma(k) = k u / (1 - k u), u = 2^-53,
// and the radius itself, a sum of nonnegative terms, is enlarged by 1 + (n + 8) 2^-52 for its own roundings. Where the
// network has steps (Sign, Step, Floor), sums that were computed without any rounding error have the radius 0: integers
// at a step would otherwise lie on both of its sides. Exactness is tested by error-free transformations (Knuth's TwoSum;
// the product's error by a fused multiply-add), see Ogita, Rump & Oishi 2005.
// With `anyOrder` the radius also covers every binary32 evaluation of the graph as written: gamma32(Kf + 2 + extra) on the
// same magnitudes (soundness.md 1.8).

import Glibc
import Networks

/// Values of neurons with |h - centre| <= radius; a neuron without an enclosure has an infinite radius.
struct OutputEnclosure {
  let centre: [Double]
  let radius: [Double]

  func lower(_ neuron: Int) -> Double { (centre[neuron] - radius[neuron]).nextDown }
  func upper(_ neuron: Int) -> Double { (centre[neuron] + radius[neuron]).nextUp }

  /// The enclosure for inputs within [lower, upper].
  /// - Parameter anyOrder: whether binary32 evaluations are to be enclosed too.
  init(of network: Network, lower: [Double], upper: [Double], anyOrder: Bool = false) {
    var centre = [Double](repeating: 0, count: network.neuronCount)
    var radius = centre
    for index in lower.indices {
      centre[index] = lower[index] == upper[index] ? lower[index] : lower[index] / 2 + upper[index] / 2
      radius[index] =
        lower[index] == upper[index]
        ? 0 : max((upper[index] - centre[index]).nextUp, (centre[index] - lower[index]).nextUp)
    }
    let hasSteps = !anyOrder && network.layers.contains { $0.relation.isStep }
    for layer in network.layers.dropFirst() {
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        Self.affine(affine, layer.neurons.lowerBound, &centre, &radius, anyOrder: anyOrder)
        if hasSteps { Self.findExactRows(affine, layer.neurons.lowerBound, centre, &radius) }
      case .function(let function, let of):
        let source = network.layers[of].neurons.lowerBound
        for index in 0..<layer.count {
          let target = layer.neurons.lowerBound + index
          (centre[target], radius[target]) = Self.image(of: function, centre[source + index], radius[source + index])
        }
      case .product(let left, let right):
        let (a, b) = (network.layers[left].neurons.lowerBound, network.layers[right].neurons.lowerBound)
        for index in 0..<layer.count {
          let (x, dx, y, dy) = (centre[a + index], radius[a + index], centre[b + index], radius[b + index])
          let target = layer.neurons.lowerBound + index
          centre[target] = x * y
          // |x'y' - xy| <= |x| dy + |y| dx + dx dy, and the product's own rounding.
          let spread = abs(x) * dy + abs(y) * dx + dx * dy + abs(x * y) * 0x1p-52
          radius[target] = spread * (1 + 0x1p-48) + 0x1p-1060
        }
      }
    }
    self.centre = centre
    self.radius = radius
  }

  private static func affine(
    _ affine: Affine, _ first: Int, _ centre: inout [Double], _ radius: inout [Double], anyOrder: Bool
  ) {
    affine.rows.values.withUnsafeBufferPointer { values in
      affine.rows.columns.withUnsafeBufferPointer { columns in
        for row in 0..<affine.rows.count {
          var sum = affine.bias[row]
          var magnitude = abs(affine.bias[row])
          var spread = affine.biasError?[row] ?? 0
          let entries = affine.rows.entries(ofRow: row)
          for entry in entries {
            let column = Int(columns[entry])
            let term = values[entry] * centre[column]
            sum += term
            magnitude += abs(term)
            spread += abs(values[entry]) * radius[column]
          }
          let count = Double(entries.count + 3 + affine.coefficientRoundings)
          let relative = count * 0x1p-53 * (1 + 0x1p-20)
          // A coefficient known to q roundings moves the spread's terms as well.
          var error = spread * (1 + 2 * relative) + magnitude * relative
          if anyOrder {
            let steps = Double(entries.count + 2 + affine.float32ExtraRoundings)
            error += (magnitude + spread) * steps * 0x1p-24 / (1 - steps * 0x1p-24) + steps * 0x1p-124
          }
          centre[first + row] = sum
          let total = error * (1 + (count + 8) * 0x1p-52) + count * 0x1p-1060
          radius[first + row] = sum.isFinite && total.isFinite ? total : .infinity
        }
      }
    }
  }

  /// Sets the radius of every row to 0 whose operands are exact and whose sum, from left to right, rounds nowhere.
  private static func findExactRows(_ affine: Affine, _ first: Int, _ centre: [Double], _ radius: inout [Double]) {
    guard affine.coefficientRoundings == 0 else { return }
    row: for row in 0..<affine.rows.count {
      guard (affine.biasError?[row] ?? 0) == 0 else { continue }
      var sum = affine.bias[row]
      for entry in affine.rows.entries(ofRow: row) {
        let (weight, column) = (affine.rows.values[entry], Int(affine.rows.columns[entry]))
        guard radius[column] == 0 else { continue row }
        let factor = centre[column]
        if weight == 0 || factor == 0 { continue }
        let term = weight * factor
        // Far from underflow and overflow, where the error of a product is itself a binary64 number.
        guard abs(term) > 0x1p-900, abs(term) < 0x1p900, (-term).addingProduct(weight, factor) == 0 else {
          continue row
        }
        let next = sum + term
        let part = next - sum
        guard (sum - (next - part)) + (term - part) == 0 else { continue row }
        sum = next
      }
      if sum == centre[first + row] { radius[first + row] = 0 }
    }
  }

  /// The image of an interval. Library functions are taken to err by at most 4 ulp, twice what glibc states for them.
  private static func image(of function: ElementaryFunction, _ centre: Double, _ radius: Double) -> (Double, Double) {
    guard radius.isFinite, centre.isFinite else { return (0, .infinity) }
    let (low, high) = ((centre - radius).nextDown, (centre + radius).nextUp)
    func hull(_ a: Double, _ b: Double, ulps: Int) -> (Double, Double) {
      var (bottom, top) = (min(a, b), max(a, b))
      guard bottom.isFinite, top.isFinite else { return (0, .infinity) }
      for _ in 0..<ulps {
        bottom = bottom.nextDown
        top = top.nextUp
      }
      let middle = bottom / 2 + top / 2
      return (middle, max((top - middle).nextUp, (middle - bottom).nextUp))
    }
    /// A function with |f(x) - f(y)| <= slope |x - y|.
    func lipschitz(_ slope: Double) -> (Double, Double) {
      let value = function(centre)
      return (value, (radius * slope * (1 + 0x1p-40) + abs(value) * 0x1p-48 + 0x1p-1000).nextUp)
    }
    switch function {
    case .relu:
      if low >= 0 { return (centre, radius) }
      if high <= 0 { return (0, 0) }
      return hull(0, high, ulps: 0)
    case .sign, .step, .floor:
      let (a, b) = (function(low), function(high))
      return radius == 0 ? (function(centre), 0) : hull(a, b, ulps: 0)
    case .sigmoid: return hull(1 / (1 + exp(-low)), 1 / (1 + exp(-high)), ulps: 12)
    case .tanh, .exponential, .errorFunction: return hull(function(low), function(high), ulps: 4)
    case .squareRoot: return low >= 0 ? hull(function(low), function(high), ulps: 1) : (0, .infinity)
    case .logarithm: return low > 0 ? hull(function(low), function(high), ulps: 4) : (0, .infinity)
    case .reciprocal: return low > 0 || high < 0 ? hull(1 / low, 1 / high, ulps: 1) : (0, .infinity)
    case .sine, .cosine: return lipschitz(1)
    case .power(let exponent):
      // |x^n - c^n| <= n max(|low|, |high|)^(n - 1) r.
      let largest = max(abs(low), abs(high))
      let slope = Double(exponent) * ElementaryFunction.power(exponent - 1)(largest) * (1 + 0x1p-40)
      let value = function(centre)
      return (value, (radius * slope * (1 + 0x1p-40) + abs(value) * Double(exponent) * 0x1p-52 + 0x1p-1000).nextUp)
    // sup |gelu'| < 1.13.
    case .gelu:
      let (value, spread) = lipschitz(1.13)
      return (value, spread + abs(centre) * 0x1p-48)
    }
  }
}

extension Network.Relation {
  /// Whether the values jump: Sign, Step and Floor.
  fileprivate var isStep: Bool {
    switch self {
    case .function(.sign, of: _), .function(.step, of: _), .function(.floor, of: _): true
    default: false
    }
  }
}
