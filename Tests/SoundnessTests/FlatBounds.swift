// A backward linear bound on the flat device with the error account of soundness.md section 1, term by term, as it
// stands on paper: what shows that each term is needed, because here it can be left out.
//
// u = 2^-24, eta = 2^-126, gamma(k) = k u / (1 - k u). Sums are flat, so D is the number of summands. E is summed in
// binary64, whose roundings the factor 1 + 2^-20 of the verdict pays for.

import Networks

struct FlatBounds {
  /// The parts of the account, by the names of data/soundness where it has one.
  enum Term: String, Sendable, CaseIterable {
    /// gamma(K) V: coefficients a W.
    case affine
    /// gamma(D + 1) |b|, and the additions to C in binary64.
    case bias
    /// gamma(D + 4) of the intercepts' sum.
    case intercept
    /// Sums of coefficients where two consumers meet.
    case add
    case concretise
    /// Omega.
    case floor
    /// Additions to a C that is kept in binary32.
    case constant
    /// The error of bounds that decide which lines a neuron gets.
    case intermediate
    /// Not an error term: every sum must be finite, and the verdict is `x > 0`, which NaN fails.
    case finiteness
  }

  var device = FlatDevice()
  var semantics = Semantics.real
  var omitted: Set<Term> = []
  /// Keeps C in binary32 instead of binary64.
  var hasNarrowConstant = false
  /// Bounds the operands of ReLU by backward passes instead of intervals.
  var boundsByPasses = false

  static let unit = 0x1p-24
  static let least = 0x1p-126
  static func gamma(_ k: Int) -> Double { Double(k) * unit / (1 - Double(k) * unit) }

  /// The least binary32 number that is at least x and not subnormal.
  static func up(_ x: Double) -> Float {
    var result = Float(x)
    if Double(result) < x { result = result.nextUp }
    if result != 0, result.magnitude < .leastNormalMagnitude { result = result > 0 ? .leastNormalMagnitude : 0 }
    return result
  }

  static func down(_ x: Double) -> Float { -up(-x) }

  /// |w|, but 2^-102 where a device may read w as 0.
  static func size(_ w: Double) -> Double { w != 0 && w.magnitude < least ? max(w.magnitude, 0x1p-102) : w.magnitude }

  /// Bounds and magnitudes of all neurons, in binary32 (soundness.md 1.2).
  struct Root {
    var lower: [Float]
    var upper: [Float]
    func magnitude(_ neuron: Int) -> Double { Double(max(lower[neuron].magnitude, upper[neuron].magnitude)) }
  }

  /// Whether a row of the region is positive on all of it, as this account sees it.
  func isProven(_ row: VerificationCase.Row, _ network: Network, _ region: VerificationCase) -> Bool {
    guard let bound = bound(row, network, region) else { return false }
    return omitted.contains(.finiteness) ? !(bound <= 0) : bound.isFinite && bound > 0
  }

  /// A lower bound of a row; nil: no claim.
  func bound(_ row: VerificationCase.Row, _ network: Network, _ region: VerificationCase) -> Double? {
    let root = root(network, region)
    return FlatPass(self, network, root).run(row).map { $0.constant - (1 + 0x1p-20) * $0.error }
  }

  private func root(_ network: Network, _ region: VerificationCase) -> Root {
    var root = Root(lower: region.lower.map(Self.down), upper: region.upper.map(Self.up))
    for layer in network.layers.dropFirst() {
      switch layer.relation {
      case .affine(let affine):
        for row in 0..<layer.count {
          let ends = interval(affine, row, root)
          root.lower.append(Self.down(ends.lower))
          root.upper.append(Self.up(ends.upper))
        }
      case .function(.relu, let of):
        let operands = network.layers[of].neurons
        if boundsByPasses { for operand in operands { boundByPasses(operand, network, &root) } }
        for operand in operands {
          root.lower.append(max(root.lower[operand], 0))
          root.upper.append(max(root.upper[operand], 0))
        }
      default: preconditionFailure("the flat device bounds affine layers and ReLU")
      }
    }
    return root
  }

  /// The range of an affine neuron over its sources' intervals; under float32 semantics of every binary32 evaluation.
  private func interval(_ affine: Affine, _ row: Int, _ root: Root) -> (lower: Double, upper: Double) {
    var (least, most) = (affine.bias[row], affine.bias[row])
    var (size, sources) = (affine.bias[row].magnitude, 0.0)
    let entries = affine.rows.entries(ofRow: row)
    for entry in entries {
      let (weight, neuron) = (affine.rows.values[entry], Int(affine.rows.columns[entry]))
      let (a, b) = (weight * Double(root.lower[neuron]), weight * Double(root.upper[neuron]))
      least += min(a, b)
      most += max(a, b)
      size += Self.size(weight) * root.magnitude(neuron)
      sources += root.magnitude(neuron)
    }
    let count = entries.count + affine.coefficientRoundings + 4
    var error = Double(count) * 0x1p-52 * size + (affine.biasError?[row] ?? 0) + 0x1p-1000
    if semantics != .real {
      let fanIn = entries.count + 2 + affine.float32ExtraRoundings
      error += Self.gamma(fanIn) * size + 4 * Double(fanIn) * Self.least * (1 + sources)
    }
    return ((least - (1 + 0x1p-20) * error).nextDown, (most + (1 + 0x1p-20) * error).nextUp)
  }

  /// Bounds one neuron by passes, less their error.
  private func boundByPasses(_ neuron: Int, _ network: Network, _ root: inout Root) {
    func bound(_ sign: Double) -> Float {
      let row = VerificationCase.Row(neurons: [neuron], coefficients: [sign], constant: 0)
      guard let found = FlatPass(self, network, root).run(row) else { return -.infinity }
      return Self.down(found.constant - (omitted.contains(.intermediate) ? 0 : (1 + 0x1p-20) * found.error))
    }
    (root.lower[neuron], root.upper[neuron]) = (bound(1), -bound(-1))
  }
}
