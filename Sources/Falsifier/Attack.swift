// One panel of starts, followed down the loss: the largest row of a clause, or the sum of its positive rows.

import CFalsifier
import Glibc
import Networks

/// Follows `lanes` starts for one round. The same seed gives the same steps.
final class Attack {
  let network: PanelNetwork
  let target: VerificationCase
  let region: AttackRegion
  let options: FalsifierOptions
  let panel: Panel
  let lanes: Int
  let inputs: Int
  var generator: LaneGenerator

  /// Values of all rows: [row][lane].
  private(set) var rowValues: [Float]
  /// The clause that each lane pursues, and the largest of its rows there.
  var clauses: [Int]
  var losses: [Float]
  /// The least loss of each lane, and its input: [input][lane].
  var bestLosses: [Float]
  var bestInputs: [Float]
  /// The least max phi over all clauses that each lane has seen, and its input.
  private(set) var nearest: [Float]
  private(set) var nearestInputs: [Float]
  /// State of the steps: moments of Adam, or the previous input and step sizes of APGD.
  var mean: [Float]
  var square: [Float]
  var previous: [Float]
  var stepSizes: [Float]
  /// The nearest inputs of earlier rounds.
  private(set) var elite: [[Float]] = []

  init(
    _ network: PanelNetwork, _ target: VerificationCase, _ region: AttackRegion, _ options: FalsifierOptions, lanes: Int
  ) {
    self.network = network
    self.target = target
    self.region = region
    self.options = options
    self.lanes = lanes
    panel = Panel(network, lanes: lanes)
    inputs = region.low.count
    generator = LaneGenerator(seed: 0)
    let zeros = [Float](repeating: 0, count: inputs * lanes)
    rowValues = [Float](repeating: 0, count: target.rows.count * lanes)
    clauses = [Int](repeating: 0, count: lanes)
    losses = [Float](repeating: .infinity, count: lanes)
    bestLosses = losses
    nearest = losses
    bestInputs = zeros
    nearestInputs = zeros
    mean = zeros
    square = zeros
    previous = zeros
    stepSizes = losses
  }

  /// The panel's inputs: [input][lane].
  var x: UnsafeMutablePointer<Float> { panel.values.baseAddress! }
  var gradient: UnsafeMutablePointer<Float> { panel.gradients.baseAddress! }

  func isOver() -> Bool { options.isStopped() || ContinuousClock.now >= options.deadline }

  /// Evaluates the network and all rows, and keeps what is nearest to forbidden; false if time is over.
  func evaluate() -> Bool {
    guard panel.forward(isOver: isOver) else { return false }
    for (index, row) in target.rows.enumerated() {
      let place = index * lanes
      for lane in 0..<lanes { rowValues[place + lane] = Float(row.constant) }
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        let weight = Float(coefficient)
        let source = panel.values.baseAddress! + neuron * lanes
        for lane in 0..<lanes { rowValues[place + lane] += weight * source[lane] }
      }
    }
    for lane in 0..<lanes {
      var least = Float.infinity
      for (clause, rows) in target.clauses.enumerated() {
        let value = largestRow(of: rows, lane: lane)
        if clause == clauses[lane] { losses[lane] = value }
        if value < least { least = value }
      }
      if least < nearest[lane] {
        nearest[lane] = least
        for input in 0..<inputs { nearestInputs[input * lanes + lane] = x[input * lanes + lane] }
      }
    }
    return true
  }

  /// max phi over some rows; NaN counts as infinity, no row at all as -infinity.
  func largestRow(of rows: [Int], lane: Int) -> Float {
    var largest = -Float.infinity
    for row in rows {
      let value = rowValues[row * lanes + lane]
      if value.isNaN { return .infinity }
      largest = max(largest, value)
    }
    return largest
  }

  /// Gradients of every lane's loss: lanes of even number take the largest row; the others the sum of all rows that are
  /// positive or largest, or (every other one) a smooth maximum, which does not zigzag between rows.
  func differentiate() -> Bool {
    panel.clearGradients()
    for lane in 0..<lanes {
      let largest = losses[lane]
      guard largest.isFinite else { continue }
      let isSmooth = lane & 3 == 3
      // The width of the smooth maximum follows the distance that is left.
      let scale = -1 / (0.25 * abs(largest) + 1e-6)
      for row in target.clauses[clauses[lane]] {
        let value = rowValues[row * lanes + lane]
        guard isSmooth || value == largest || (value > 0 && lane & 1 == 1) else { continue }
        let share = isSmooth ? expf(scale * (largest - value)) : 1
        for (neuron, coefficient) in zip(target.rows[row].neurons, target.rows[row].coefficients) {
          gradient[neuron * lanes + lane] += share * Float(coefficient)
        }
        if lane & 1 == 0 { break }
      }
    }
    return panel.backward(isOver: isOver)
  }

  /// Remembers each lane's best input of its own clause; on a plateau the last one.
  func keepBest() {
    for lane in 0..<lanes where losses[lane] <= bestLosses[lane] {
      bestLosses[lane] = losses[lane]
      for input in 0..<inputs { bestInputs[input * lanes + lane] = x[input * lanes + lane] }
    }
  }

  /// Brings lanes back into a region that is not a box.
  func project(_ range: Range<Int>) {
    if region.isBox { return }
    for lane in range {
      var point = (0..<inputs).map { Double(x[$0 * lanes + lane]) }
      region.project(&point)
      for input in 0..<inputs { x[input * lanes + lane] = Float(point[input]) }
    }
  }

  /// Forgets inputs that seemed forbidden and are not, so that later ones are kept again.
  func forgetHits() {
    for lane in 0..<lanes where nearest[lane] <= 0 { nearest[lane] = .infinity }
  }

  /// Forgets everything of an earlier round.
  func reset(seed: UInt64, elite: [[Float]]) {
    self.elite = elite
    generator = LaneGenerator(seed: seed)
    for lane in 0..<lanes {
      nearest[lane] = .infinity
      bestLosses[lane] = .infinity
      losses[lane] = .infinity
      stepSizes[lane] = 1
    }
    for index in mean.indices {
      mean[index] = 0
      square[index] = 0
    }
  }
}

/// Random numbers of a panel (SplitMix64; Steele, Lea & Flood 2014).
struct LaneGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }
}
