import CProofChecking
import Glibc
import Networks

// One part of the region with its bounds: rows are pushed back to the inputs eight at a time, and changes are logged so
// that the walk over a tree can take them back.

/// One thread at a time uses it.
final class PartBounds: @unchecked Sendable {
  let network: CheckedNetwork
  let lower: UnsafeMutablePointer<Double>
  let upper: UnsafeMutablePointer<Double>
  /// [neuron][lane]
  let coefficients: UnsafeMutablePointer<Double>
  /// [neuron][6], and the bounds that they belong to; allocated where a layer needs lines.
  let lines: UnsafeMutablePointer<Double>
  private let keys: UnsafeMutablePointer<Double>
  private let sums: UnsafeMutablePointer<Double>
  private var flat: cproof_network
  private(set) var log: [(neuron: Int, lower: Double, upper: Double)] = []
  private(set) var passes = 0
  let ball: VerificationCase.Ball?

  private struct LineKey: Hashable {
    var neuron: Int32
    var position: UInt8
    var isUpper: Bool
  }

  /// Lines at stored positions, with the bounds that they belong to.
  private var known: [LineKey: (l: Double, u: Double, line: CheckedLine)] = [:]

  static let lanes = Int(CPROOF_LANES)

  /// The whole region, or whatever bounds `network` has so far.
  init(_ network: CheckedNetwork, ball: VerificationCase.Ball?) {
    self.network = network
    self.ball = ball
    func room(_ count: Int) -> UnsafeMutablePointer<Double> {
      var pointer: UnsafeMutableRawPointer?
      let status = posix_memalign(&pointer, 64, max(count, 8) * MemoryLayout<Double>.stride)
      precondition(status == 0, "no memory for the checker's bounds")
      let typed = pointer!.bindMemory(to: Double.self, capacity: max(count, 8))
      typed.initialize(repeating: 0, count: max(count, 8))
      return typed
    }
    lower = room(network.neuronCount)
    upper = room(network.neuronCount)
    coefficients = room(network.neuronCount * Self.lanes)
    let curves = network.curvedLayers.isEmpty ? 0 : network.neuronCount
    lines = room(6 * curves)
    keys = room(2 * curves)
    keys.update(repeating: .nan, count: 2 * curves)
    sums = room(3 * Self.lanes)
    flat = cproof_network(
      layers: network.layers, starts: network.starts, columns: network.columns, values: network.values,
      bias: network.bias, charge: network.charge, gain: network.gain, lower: lower, upper: upper, lines: lines,
      lane_index: nil, lane_lines: nil)
    adoptRoot()
  }

  deinit { for pointer in [lower, upper, coefficients, lines, keys, sums] { free(pointer) } }

  /// Forgets everything but the root's bounds.
  func adoptRoot() {
    lower.update(from: network.rootLower, count: network.neuronCount)
    upper.update(from: network.rootUpper, count: network.neuronCount)
    log.removeAll(keepingCapacity: true)
  }

  /// Continues from another part's bounds.
  func adopt(_ bounds: [Double]) {
    let count = network.neuronCount
    bounds.withUnsafeBufferPointer {
      lower.update(from: $0.baseAddress!, count: count)
      upper.update(from: $0.baseAddress! + count, count: count)
    }
    log.removeAll(keepingCapacity: true)
  }

  var snapshot: [Double] {
    Array(UnsafeBufferPointer(start: lower, count: network.neuronCount))
      + Array(UnsafeBufferPointer(start: upper, count: network.neuronCount))
  }

  // MARK: bounds with a memory

  /// Cuts a neuron's bounds; false if nothing is left, which proves the part empty: both ends are rigorous.
  func cut(_ neuron: Int, lower newLower: Double = -.infinity, upper newUpper: Double = .infinity) -> Bool {
    let (l, u) = (lower[neuron], upper[neuron])
    if newLower > l || newUpper < u {
      log.append((neuron, l, u))
      lower[neuron] = max(l, newLower)
      upper[neuron] = min(u, newUpper)
    }
    return !(lower[neuron] > upper[neuron])
  }

  /// Puts other valid bounds in place of a neuron's.
  func replace(_ neuron: Int, lower newLower: Double, upper newUpper: Double) {
    log.append((neuron, lower[neuron], upper[neuron]))
    lower[neuron] = newLower
    upper[neuron] = newUpper
  }

  func undo(to mark: Int) {
    while log.count > mark {
      let entry = log.removeLast()
      lower[entry.neuron] = entry.lower
      upper[entry.neuron] = entry.upper
    }
  }

  // MARK: rows

  var constant: UnsafeMutablePointer<Double> { sums }
  var size: UnsafeMutablePointer<Double> { sums + Self.lanes }
  var error: UnsafeMutablePointer<Double> { sums + 2 * Self.lanes }

  /// Starts eight empty rows over the neurons of layers 0 ... from.
  func begin(from layer: Int) {
    coefficients.update(repeating: 0, count: network.network.layers[layer].neurons.upperBound * Self.lanes)
    sums.update(repeating: 0, count: 3 * Self.lanes)
    passes += 1
  }

  /// Pushes the rows back to the neurons of layers 0 ... `to`: the inputs, unless said otherwise.
  func run(from layer: Int, to last: Int = 0, slopes: LaneSlopes? = nil) {
    if let slopes {
      slopes.index.withUnsafeBufferPointer { index in
        flat.lane_index = index.baseAddress
        flat.lane_lines = UnsafePointer(slopes.lines)
        cproof_backward(&flat, Int64(layer), Int64(last), coefficients, constant, size, error)
      }
      flat.lane_index = nil
      flat.lane_lines = nil
    } else {
      cproof_backward(&flat, Int64(layer), Int64(last), coefficients, constant, size, error)
    }
  }

  /// C - E for a lane, rounded down; -infinity if anything overflowed. Before `concretise` it bounds the constant of the
  /// linear form, afterwards the row.
  func value(_ lane: Int) -> Double {
    let total = CheckedNetwork.slack * (error[lane] + network.scalarError * size[lane]) + network.floor
    let bound = (constant[lane] - total).nextDown
    return bound.isFinite && size[lane].isFinite ? bound : -.infinity
  }

  /// Adds the least values of the linear forms over the part's inputs.
  func concretise() {
    var better: [(constant: Double, size: Double, error: Double)] = []
    if let ball {
      for lane in 0..<Self.lanes {
        let form = CheckedBall(ball).least(self, lane: lane)
        better.append((constant[lane] + form.value, size[lane] + form.size, error[lane] + form.error))
      }
    }
    cproof_concretise(coefficients, lower, upper, Int64(network.inputCount), constant, size)
    for (lane, other) in better.enumerated() {
      let own = value(lane)
      let mine = (constant[lane], size[lane], error[lane])
      (constant[lane], size[lane], error[lane]) = other
      if !(value(lane) > own) { (constant[lane], size[lane], error[lane]) = mine }
    }
  }

  // MARK: lines

  /// The line of function neuron j that a position names, computed once for the same bounds.
  func line(
    of j: Int, _ function: ElementaryFunction, _ l: Double, _ u: Double, isUpper: Bool, position: UInt8
  ) -> CheckedLine {
    let key = LineKey(neuron: Int32(j), position: position, isUpper: isUpper)
    if let known = known[key], known.l == l, known.u == u { return known.line }
    let line = CheckedFunction(function).line(l, u, isUpper: isUpper, position: Double(position) / 255)
    if known.count > 2_000_000 { known.removeAll() }
    known[key] = (l, u, line)
    return line
  }

  /// Makes the lines of all curved layers below a layer agree with the bounds.
  func refreshLines(below layer: Int) {
    for index in network.curvedLayers where index < layer {
      let flat = network.layers[index]
      let function = network.functions[index].map { CheckedFunction($0) }
      for offset in 0..<Int(flat.count) {
        let j = Int(flat.first) + offset
        let z = Int(flat.left) + offset
        if let function {
          if keys[2 * j] == lower[z] && keys[2 * j + 1] == upper[z] { continue }
          keys[2 * j] = lower[z]
          keys[2 * j + 1] = upper[z]
          let below = function.line(lower[z], upper[z], isUpper: false)
          let above = function.line(lower[z], upper[z], isUpper: true)
          (lines[6 * j], lines[6 * j + 1]) = (below.slope, below.intercept)
          (lines[6 * j + 2], lines[6 * j + 3]) = (above.slope, above.intercept)
        } else {
          let y = Int(flat.right) + offset
          for isUpper in [false, true] {
            let plane = CheckedPlane(lower[z], upper[z], lower[y], upper[y], isUpper: isUpper)
            let place = 6 * j + (isUpper ? 3 : 0)
            (lines[place], lines[place + 1], lines[place + 2]) = (plane.x, plane.y, plane.constant)
          }
        }
      }
    }
  }
}
