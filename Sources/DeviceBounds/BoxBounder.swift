// Backward linear bounds of a ReLU chain on one box, in binary64 with every error charged: soundness.md 1.4 and 1.5 with
// u = 2^-53. The definition of what Kernels/bounds/input_search.cl computes, and the root pass of the host.

/// The sizes that a search kernel is built for.
package struct SearchShape: Hashable, Sendable {
  /// Hidden layers.
  package var layers: Int
  /// Neurons of the widest.
  package var width: Int
  package var inputs: Int
  /// A multiple of 8.
  package var rows: Int

  package init(layers: Int, width: Int, inputs: Int, rows: Int) {
    self.layers = layers
    self.width = width
    self.inputs = inputs
    self.rows = max(8, (rows + 7) / 8 * 8)
  }

  package var pad: Int { (width + 3) / 4 * 4 }
  package var masks: Int { 4 * inputs + 3 }
  /// 32-bit words of a frontier entry.
  package var words: Int { masks + 4 * layers }
}

/// 2^-53
let unitRoundoff = 0x1p-53
/// (1 + 2^-10) gamma(84), rounded up: pays for sums of up to 80 terms and what is done with them.
let sumError = 9.4e-15

/// What the kernel reads, as addresses: see `ChainTables` for the layout.
struct BoxBounder {
  let shape: SearchShape
  let weights: UnsafePointer<Double>
  let first: UnsafePointer<Double>
  let biases: UnsafePointer<Double>
  let omega: Double
  var isSafe = true

  /// A line of ReLU; stable neurons have l = u = 0 and both slopes 0 or 1.
  struct Line {
    var upper: Double
    var lower: Double
    var l: Double
    var u: Double
  }

  enum State: UInt8 { case inactive, active, unstable }

  /// The lines and states of all hidden neurons on one box; padded neurons are inactive.
  struct Neurons {
    var lines: [Line]
    var states: [State]

    init(_ shape: SearchShape) {
      lines = Array(repeating: Line(upper: 0, lower: 0, l: 0, u: 0), count: shape.layers * shape.pad)
      states = Array(repeating: .inactive, count: shape.layers * shape.pad)
    }

    mutating func set(_ index: Int, lower l: Double, upper u: Double) {
      if !(l.isFinite && u.isFinite) {
        // Nothing is known: NaN spoils every bound that needs this neuron.
        (states[index], lines[index]) = (.unstable, Line(upper: .nan, lower: .nan, l: l, u: u))
      } else if l >= 0 {
        (states[index], lines[index]) = (.active, Line(upper: 1, lower: 1, l: 0, u: 0))
      } else if u <= 0 {
        (states[index], lines[index]) = (.inactive, Line(upper: 0, lower: 0, l: 0, u: 0))
      } else {
        (states[index], lines[index]) = (
          .unstable, Line(upper: min(u / (u - l), 1), lower: u > -l ? 1 : 0, l: l, u: u)
        )
      }
    }
  }

  /// A row a . h + c of the outputs of one hidden layer (or of the inputs: layer -1), with phi >= a . h + c - e.
  struct Row {
    var coefficients: [Double]
    var constant: Double
    var error: Double
  }

  /// c - e, rounded down; 1.001 pays for the roundings of e itself.
  func down(_ c: Double, _ e: Double) -> Double {
    if !isSafe { return c }
    let x = c - 1.001 * e - omega
    return x - (x.magnitude * 4.5e-16 + 1e-300)
  }

  /// The lower bound of a row on a box, and its coefficients at the inputs.
  /// - Complexity: O(layer x width^2) for rows of `layer`.
  func bound(
    _ row: Row, layer: Int, _ neurons: Neurons, _ box: [Double]
  ) -> (bound: Double, coefficients: [Double]) {
    let width = shape.width
    let pad = shape.pad
    let inputs = shape.inputs
    var a = row.coefficients
    var c = row.constant
    var e = row.error
    for s in stride(from: layer, through: 0, by: -1) {
      var dot = 0.0
      var intercept = 0.0
      var next = [Double](repeating: 0, count: s == 0 ? inputs : pad)
      for k in 0..<width where neurons.states[s * pad + k] != .inactive {
        let line = neurons.lines[s * pad + k]
        let y = a[k] * (a[k] >= 0 ? line.lower : line.upper)
        intercept += maximum(0, maximum(y * line.l, (y - a[k]) * line.u))
        dot = dot.addingProduct(y, biases[2 * (s * pad + k)])
        e = e.addingProduct(y.magnitude, biases[2 * (s * pad + k) + 1])
        let rowOfWeights = s == 0 ? first + k * inputs : weights + ((s - 1) * width + k) * pad
        for j in next.indices { next[j] = next[j].addingProduct(y, rowOfWeights[j]) }
      }
      c += dot
      e += unitRoundoff * c.magnitude
      c -= intercept
      e += unitRoundoff * c.magnitude + sumError * intercept
      a = next
    }
    var sum = 0.0
    var size = 0.0
    for d in 0..<inputs {
      let at = a[d] >= 0 ? box[d] : box[inputs + d]
      sum = sum.addingProduct(a[d], at)
      size = size.addingProduct(a[d].magnitude, at.magnitude)
    }
    c += sum
    e += unitRoundoff * c.magnitude + sumError * size
    return (down(c, e), a)
  }

  /// Bounds of hidden neuron j of a layer, from lines of the layers before it.
  func bounds(ofNeuron j: Int, layer: Int, _ neurons: Neurons, _ box: [Double]) -> (lower: Double, upper: Double) {
    let bias = biases[2 * (layer * shape.pad + j)]
    let own = biases[2 * (layer * shape.pad + j) + 1]
    let source = layer == 0 ? first + j * shape.inputs : weights + ((layer - 1) * shape.width + j) * shape.pad
    let a = Array(UnsafeBufferPointer(start: source, count: layer == 0 ? shape.inputs : shape.pad))
    let low = bound(Row(coefficients: a, constant: bias, error: own), layer: layer - 1, neurons, box).bound
    let high = bound(
      Row(coefficients: a.map { -$0 }, constant: -bias, error: own), layer: layer - 1, neurons, box
    ).bound
    return (low, -high)
  }

  /// OpenCL's fmax: the other operand where one is NaN.
  private func maximum(_ x: Double, _ y: Double) -> Double { x >= y || y.isNaN ? x : y }
}
