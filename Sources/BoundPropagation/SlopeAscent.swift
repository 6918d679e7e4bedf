// Gradient ascent on the positions of lines and planes, row by row, in closed form.
//
// The bound is the minimum over the box of a linear form. Its minimiser x*, carried forward through the lines in force,
// reaches each operand with the value z. A line s z + t that touches its function at z0 has dt/ds = -z0, so the bound
// changes with the position p by a (ds/dp) (z - z0), a being the coefficient at the function's output, for the line
// that the sign of a chooses; products have two such terms. (DESIGN section 7, soundness.md section 3.)

import Dispatch
import Glibc
import Networks

/// How long and how fast positions climb.
package struct SlopeAscentOptions {
  package var iterations: Int
  var rate = 0.1
  var decay = 0.97

  package init(iterations: Int) { self.iterations = iterations }

  /// What a root of many inputs is tried with, in this order: a stage costs as much as it has iterations. Few
  /// long steps decide most of what many short ones do.
  static let stages = [
    SlopeAscentOptions(iterations: 3, rate: 0.3, decay: 0.8), SlopeAscentOptions(iterations: 8, rate: 0.2, decay: 0.9),
    SlopeAscentOptions(iterations: 40),
  ]

  private init(iterations: Int, rate: Double, decay: Double) {
    self.iterations = iterations
    self.rate = rate
    self.decay = decay
  }
}

/// One thread's memory for ascents on `panel.lanes` rows, each with lines of its own.
final class SlopeAscent {
  private unowned let own: PartBounds
  private let plan: BoundPlan
  private let panel: RowPanel
  private let lanes: Int
  private let lines: LineTable
  /// For every line entry and side: position, touch (x and y), slope change, Adam's two moments.
  private var state: UnsafeMutablePointer<Float>
  private let size: Int
  /// Whether the positions behind each lane's best bound are kept.
  var keepsSlopes = false
  private let kept: KeptPositions

  init(_ own: PartBounds, lanes: Int) {
    self.own = own
    plan = own.plan
    self.lanes = lanes
    panel = RowPanel(own.plan, lanes: lanes)
    lines = LineTable(count: own.plan.lineCount, stride: lanes)
    size = max(1, own.plan.lineCount) * lanes
    state = .allocate(capacity: 12 * size)
    kept = KeptPositions(lines: own.plan.lineCount, lanes: lanes)
  }

  deinit { state.deallocate() }

  /// The lines behind the best bound of a lane since `climb` began, as a proof names them.
  func slopes(_ lane: Int) -> [ProofTree.Slope] { kept.slopes(lane, plan) }

  /// Bounds rows that `seed` enters into a fresh panel, `options.iterations` times with better and better lines, each
  /// time telling the panel to `receive`, which answers whether anything is left to gain.
  func climb(
    top: Int, _ options: SlopeAscentOptions, seed: (RowPanel) -> Void, receive: (RowPanel) -> Bool
  ) {
    begin(top)
    var rate = options.rate
    for iteration in 1...max(1, options.iterations) {
      panel.reset()
      seed(panel)
      panel.propagate(lines, box: own.bounds, keepsPoint: true)
      if keepsSlopes { keep(top) }
      if !receive(panel) || iteration == options.iterations || own.isDone() { return }
      panel.forward(lines)
      step(top, iteration, rate)
      rate *= options.decay
    }
  }

  private func begin(_ top: Int) {
    state.update(repeating: 0, count: 12 * size)
    if keepsSlopes { kept.clear() }
    withLines(top) { kind, j, _, number in
      for side in 0..<2 {
        var line = kind.line(j, side == 1, nil)
        if line.rate != 0 {
          let position = Self.rounded(line.position)
          let rate = line.rate
          line = kind.line(j, side == 1, position)
          line.position = position
          if line.rate == 0 { line.rate = rate }
        }
        for lane in 0..<lanes { store(line, number * lanes + lane, side) }
      }
    }
  }

  private func store(_ line: Relaxed.Choice, _ entry: Int, _ side: Int) {
    lines.set(entry, isUpper: side == 1, slope: line.slope, intercept: line.intercept, second: line.second)
    state[side * size + entry] = Float(line.position)
    state[(2 + side) * size + entry] = Float(line.touch)
    state[(4 + side) * size + entry] = Float(line.rate)
    state[(6 + side) * size + entry] = Float(line.secondTouch)
  }

  /// Positions in force are whole parts of 255, as a proof states them.
  private static func rounded(_ position: Double) -> Double { (position * 255).rounded() / 255 }

  /// Keeps the positions of lanes whose bound is their best so far.
  private func keep(_ top: Int) {
    let better = (0..<lanes).filter { kept.isBetter($0, panel.bound($0)) }
    if better.isEmpty { return }
    for index in 1...max(1, top) where index < plan.layerCount {
      let layer = plan.network.layers[index]
      let kind = Relaxed(layer, own)
      if !kind.isRelaxed { continue }
      let first = Int(plan.layers[index].lines)
      for (j, neuron) in layer.neurons.enumerated() where panel.touched[neuron] != 0 && kind.isAdjustable(j) {
        for lane in better {
          let a = panel.panel[neuron * lanes + lane]
          let side = a < 0 ? 1 : 0
          let entry = (first + j) * lanes + lane
          let isChosen = a != 0 && state[(4 + side) * size + entry] != 0
          let position = Self.rounded(Double(state[side * size + entry]))
          kept.set(entry, isChosen ? UInt8(min(max(position * 255, 0), 255).rounded()) : nil, isUpper: side == 1)
        }
      }
    }
  }

  /// df/dp of the line of neuron j that the sign of its coefficient chooses, after a forward pass.
  private func gradient(_ kind: Relaxed, _ j: Int, _ neuron: Int, _ lane: Int, _ entry: Int) -> Double {
    let a = panel.panel[neuron * lanes + lane]
    let side = a < 0 ? 1 : 0
    let z = panel.values[(kind.left + j) * lanes + lane] - Double(state[(2 + side) * size + entry])
    guard kind.isProduct else { return a * Double(state[(4 + side) * size + entry]) * z }
    let y = panel.values[(kind.right + j) * lanes + lane] - Double(state[(6 + side) * size + entry])
    let (dx, dy) = kind.planeChange(j, side == 1)
    return a * (dx * z + dy * y)
  }

  /// The bound before errors of a row whose line number `moved` is moved by `step` from where ascents start, and its
  /// gradient in the positions of all lines, [line][side]; on the first lane.
  func gradient(of row: VerificationCase.Row, moving moved: Int?, by step: Double) -> (
    bound: Double, gradient: [Double]
  ) {
    let top = row.neurons.map { Int(plan.layerOf[$0]) }.max() ?? 0
    begin(top)
    var gradient = [Double](repeating: 0, count: 2 * plan.lineCount)
    if let moved {
      withLines(top) { kind, j, _, line in
        guard line == moved / 2 else { return }
        let (entry, side) = (line * lanes, moved % 2)
        // The position in force, which `state` holds in binary32.
        let position = Self.rounded(Double(state[side * size + entry]))
        store(kind.line(j, side == 1, position + step), entry, side)
      }
    }
    panel.reset()
    panel.seed(constant: row.constant, lanes: 0..<1)
    for (neuron, coefficient) in zip(row.neurons, row.coefficients) { panel.seed(neuron, coefficient, lanes: 0..<1) }
    panel.propagate(lines, box: own.bounds, keepsPoint: true)
    panel.forward(lines)
    withLines(top) { kind, j, neuron, line in
      guard panel.touched[neuron] != 0, kind.isAdjustable(j) else { return }
      let a = panel.panel[neuron * lanes]
      if a != 0 { gradient[2 * line + (a < 0 ? 1 : 0)] = self.gradient(kind, j, neuron, 0, line * lanes) }
    }
    return (panel.sums[0], gradient)
  }

  /// Calls with each line that rows may use: its functions, its place among them, its neuron and its number.
  private func withLines(_ top: Int, _ body: (Relaxed, Int, Int, Int) -> Void) {
    for index in 1...max(1, top) where index < plan.layerCount {
      let layer = plan.network.layers[index]
      let kind = Relaxed(layer, own)
      if !kind.isRelaxed { continue }
      for (j, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
        body(kind, j, neuron, Int(plan.layers[index].lines) + j)
      }
    }
  }

  /// One step of Adam.
  private func step(_ top: Int, _ iteration: Int, _ rate: Double) {
    let correction1 = 1 - Glibc.pow(0.9, Double(iteration))
    let correction2 = 1 - Glibc.pow(0.999, Double(iteration))
    for index in 1...max(1, top) where index < plan.layerCount {
      let layer = plan.network.layers[index]
      let kind = Relaxed(layer, own)
      if !kind.isRelaxed { continue }
      let first = Int(plan.layers[index].lines)
      for (j, neuron) in layer.neurons.enumerated() where panel.touched[neuron] != 0 && kind.isAdjustable(j) {
        for lane in 0..<lanes {
          let a = panel.panel[neuron * lanes + lane]
          if a == 0 { continue }
          let side = a < 0 ? 1 : 0
          let entry = (first + j) * lanes + lane
          let change = Double(state[(4 + side) * size + entry])
          let gradient = gradient(kind, j, neuron, lane, entry)
          if gradient == 0 || !gradient.isFinite { continue }
          // Adam is blind to the gradient's scale, but Float is not.
          let g = Float(min(max(gradient, -1e15), 1e15))
          let m = 0.9 * state[(8 + side) * size + entry] + 0.1 * g
          let v = 0.999 * state[(10 + side) * size + entry] + 0.001 * g * g
          state[(8 + side) * size + entry] = m
          state[(10 + side) * size + entry] = v
          let move = rate * (Double(m) / correction1) / ((Double(v) / correction2).squareRoot() + 1e-30)
          let position = Float(min(max(Double(state[side * size + entry]) + move, 0), 1))
          var line = kind.line(j, side == 1, Self.rounded(Double(position)))
          // At an inflection the slope stands still; the position must not.
          if line.rate == 0 { line.rate = change }
          store(line, entry, side)
          state[side * size + entry] = position
        }
      }
    }
  }

  /// Ascents for the bounds of neurons of one layer, on all threads; false if time ran out.
  static func tighten(_ open: [Int], _ own: PartBounds, _ options: SlopeAscentOptions) -> Bool {
    if open.isEmpty { return true }
    let lanes = 16
    let pairs = lanes / 2
    let chunks = (open.count + pairs - 1) / pairs
    nonisolated(unsafe) let own = own
    nonisolated(unsafe) var late = false
    let threads = min(own.panels.count, chunks)
    nonisolated(unsafe) let hands = own.ascents(threads, lanes: lanes)
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      var chunk = thread
      while chunk < chunks {
        if own.isDone() {
          late = true
          return
        }
        let members = open[chunk * pairs..<min(open.count, (chunk + 1) * pairs)]
        let top = members.map { Int(own.plan.layerOf[$0]) }.max()!
        hands[thread].climb(top: top, options) { panel in
          for (place, neuron) in members.enumerated() {
            panel.seed(neuron, 1, lanes: 2 * place..<2 * place + 1)
            panel.seed(neuron, -1, lanes: 2 * place + 1..<2 * place + 2)
          }
        } receive: { panel in
          for (place, neuron) in members.enumerated() {
            own.intersect(neuron, 0, panel.bound(2 * place), -panel.bound(2 * place + 1))
          }
          return members.contains { !own.plan.isLinear($0, own.bounds.lower[$0], own.bounds.upper[$0]) }
        }
        if let record = own.record {
          for (place, neuron) in members.enumerated() {
            record.add(neuron, isLower: true, hands[thread].slopes(2 * place))
            record.add(neuron, isLower: false, hands[thread].slopes(2 * place + 1))
          }
        }
        chunk += threads
      }
    }
    return !late
  }
}
