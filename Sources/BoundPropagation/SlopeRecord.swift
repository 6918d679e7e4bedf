// The lines behind bounds that were optimised, as a proof tree states them: bytes for positions, a neuron by its number.
//
// A slope names the function or product j itself, as -1 - j: several functions of one operand have positions of their
// own. Positions in force are whole parts of 255 during the ascent already, so that nothing is lost here.

import Networks
import Synchronization

/// Slopes of one bounding of the whole region.
package final class SlopeRecord: Sendable {
  private struct State {
    var root: [ProofTree.RootSlopes] = []
    var rows: [Int: [ProofTree.Slope]] = [:]
    var count = 0
  }

  private let state = Mutex(State())
  /// More slopes than this are not kept.
  private let limit: Int

  package init(memory: Int) { limit = memory / (2 * MemoryLayout<ProofTree.Slope>.stride) }

  /// Whether everything that was added has been kept.
  package var isComplete: Bool { state.withLock { $0.count <= limit } }

  func add(_ neuron: Int, isLower: Bool, _ slopes: [ProofTree.Slope]) {
    if slopes.isEmpty { return }
    state.withLock {
      $0.count += slopes.count
      if $0.count > limit {
        $0.root = []
      } else {
        $0.root.append(.init(neuron: neuron, isLower: isLower, slopes: slopes))
      }
    }
  }

  func add(row: Int, _ slopes: [ProofTree.Slope]) {
    state.withLock {
      $0.count += slopes.count
      $0.rows[row] = slopes
    }
  }

  /// In the order of neurons, lower bounds first.
  var rootSlopes: [ProofTree.RootSlopes] {
    state.withLock { $0.root }.sorted { ($0.neuron, $0.isLower ? 0 : 1) < ($1.neuron, $1.isLower ? 0 : 1) }
  }

  func slopes(row: Int) -> [ProofTree.Slope] { state.withLock { $0.rows[row] ?? [] } }
}

/// One thread's positions behind the best bound of each lane.
final class KeptPositions {
  private let count: Int
  private let lanes: Int
  /// 0 where nothing was chosen, else 1 + byte, plus 256 on the upper side.
  private let marks: UnsafeMutablePointer<UInt16>
  private var best: [Double]

  init(lines: Int, lanes: Int) {
    count = max(1, lines) * lanes
    self.lanes = lanes
    marks = .allocate(capacity: count)
    best = Array(repeating: -.infinity, count: lanes)
  }

  deinit { marks.deallocate() }

  func clear() {
    marks.update(repeating: 0, count: count)
    for lane in best.indices { best[lane] = -.infinity }
  }

  /// True, and noted, if a lane's bound is its best.
  func isBetter(_ lane: Int, _ bound: Double) -> Bool {
    guard bound > best[lane] else { return false }
    best[lane] = bound
    return true
  }

  func set(_ entry: Int, _ byte: UInt8?, isUpper: Bool) {
    marks[entry] = byte.map { 1 + UInt16($0) + (isUpper ? 256 : 0) } ?? 0
  }

  func slopes(_ lane: Int, _ plan: BoundPlan) -> [ProofTree.Slope] {
    var slopes: [ProofTree.Slope] = []
    for (index, layer) in plan.network.layers.enumerated() {
      switch layer.relation {
      case .input, .affine: continue
      case .function, .product: break
      }
      let first = Int(plan.layers[index].lines)
      for (j, neuron) in layer.neurons.enumerated() {
        let mark = marks[(first + j) * lanes + lane]
        if mark == 0 { continue }
        let byte = UInt8(truncatingIfNeeded: mark - 1)
        let name = Int32(-1 - neuron)
        slopes.append(mark > 256 ? .init(neuron: name, lower: 0, upper: byte) : .init(neuron: name, lower: byte))
      }
    }
    return slopes
  }
}
