// The outputs of a piecewise-linear network at a point of decimals, exactly: integers over one power of two per layer.
//
// All values are scaled by a common D = 10^k that makes the inputs integers; ReLU commutes with D > 0, biases take the
// factor D. A layer's neurons are integers N with value N 2^-e / D; coefficients are binary64, so integers times a power
// of two.

import BigInt
import Glibc
import Networks
import Statistics

/// Exact outputs of networks whose relations are exact affine maps and ReLU.
struct ExactEvaluation {
  /// Numerators of all neurons.
  private var numerators: [BigInt]
  /// Power of two below each neuron's numerator.
  private var exponents: [Int]
  /// D.
  private let scale: BigInt

  /// Networks with more entries are left to intervals.
  static let largestEntryCount = 300_000

  /// Whether the network can be evaluated exactly in reasonable time.
  static func supports(_ network: Network) -> Bool {
    var entries = 0
    for layer in network.layers {
      switch layer.relation {
      case .input, .function(.relu, of: _): break
      case .affine(let affine):
        guard affine.coefficientRoundings == 0, affine.biasError == nil else { return false }
        entries += affine.rows.values.count
      default: return false
      }
    }
    return entries <= largestEntryCount
  }

  init(of network: Network, at point: [ExactDecimal]) {
    let places = point.map { max(0, -$0.exponent) }.max() ?? 0
    scale = BigInt(10).power(places)
    numerators = []
    exponents = []
    for decimal in point {
      let digits = BigInt(decimal.coefficient.decimalText, radix: 10)!
      let value = digits * BigInt(10).power(decimal.exponent + places)
      numerators.append(decimal.isNegative ? -value : value)
      exponents.append(0)
    }
    for layer in network.layers.dropFirst() {
      switch layer.relation {
      case .affine(let affine):
        for row in 0..<layer.count {
          var sum = Term(affine.bias[row], times: scale, exponent: 0)
          for entry in affine.rows.entries(ofRow: row) {
            let column = Int(affine.rows.columns[entry])
            sum.add(Term(affine.rows.values[entry], times: numerators[column], exponent: exponents[column]))
          }
          numerators.append(sum.numerator)
          exponents.append(sum.exponent)
        }
      case .function(.relu, let of):
        for neuron in network.layers[of].neurons {
          numerators.append(numerators[neuron] > 0 ? numerators[neuron] : 0)
          exponents.append(exponents[neuron])
        }
      default: preconditionFailure("only affine maps and ReLU are evaluated exactly")
      }
    }
  }

  /// A neuron's value, to binary64's precision.
  func value(of neuron: Int) -> Double {
    let magnitude = numerators[neuron].magnitude
    // The leading 63 bits of the quotient by D.
    let shift = max(0, 66 + scale.bitWidth - magnitude.bitWidth)
    let quotient = (magnitude << shift) / scale.magnitude
    let dropped = max(0, quotient.bitWidth - 63)
    let leading = Double(UInt64(quotient >> dropped))
    let value = scalbn(leading, Int(dropped - shift - exponents[neuron]))
    return numerators[neuron] < 0 ? -value : value
  }

  /// The sign of sum c h - bound over neurons: -1, 0 or 1.
  func sign(of terms: [(neuron: Int, coefficient: ExactDecimal)], minus bound: ExactDecimal) -> Int {
    // Decimals with a common power of ten: everything times 10^q.
    let places = (terms.map(\.coefficient) + [bound]).map { max(0, -$0.exponent) }.max() ?? 0
    func integer(_ decimal: ExactDecimal) -> BigInt {
      let value = BigInt(decimal.coefficient.decimalText, radix: 10)! * BigInt(10).power(decimal.exponent + places)
      return decimal.isNegative ? -value : value
    }
    var sum = Term(numerator: -integer(bound) * scale, exponent: 0)
    for term in terms {
      sum.add(
        Term(numerator: integer(term.coefficient) * numerators[term.neuron], exponent: exponents[term.neuron]))
    }
    return sum.numerator == 0 ? 0 : (sum.numerator > 0 ? 1 : -1)
  }

  /// N 2^-e.
  private struct Term {
    var numerator: BigInt
    var exponent: Int

    init(numerator: BigInt, exponent: Int) {
      self.numerator = numerator
      self.exponent = exponent
    }

    /// The product of a binary64 number and N 2^-e.
    init(_ value: Double, times other: BigInt, exponent: Int) {
      guard value != 0 else {
        self.init(numerator: 0, exponent: 0)
        return
      }
      // value = m 2^p with an odd-or-not 53-bit m.
      let power = Int(value.exponent) - 52
      let mantissa = Int(scalbn(value, -power))
      self.init(numerator: BigInt(mantissa) * other, exponent: exponent - power)
    }

    mutating func add(_ other: Term) {
      if other.numerator == 0 { return }
      if other.exponent > exponent {
        numerator <<= other.exponent - exponent
        exponent = other.exponent
        numerator += other.numerator
      } else {
        numerator += other.numerator << (exponent - other.exponent)
      }
    }
  }
}
