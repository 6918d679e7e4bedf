// Bounds of all neurons on some parts of a region: intervals forward, backward passes where a line depends on them.

import CBoundPropagation
import Dispatch
import Networks

/// Bounds and lines for `parts` boxes at once (1, or a power of two from 8).
package final class PartBounds {
  let plan: BoundPlan
  let parts: Int
  /// All neurons; the inputs' part is the boxes.
  package let bounds: BoxTable
  let lines: LineTable
  let isDone: () -> Bool
  private var magnitudes: UnsafeMutablePointer<Double>
  let panels: [RowPanel]
  /// How the region's own bounds are optimised; nil: default lines.
  package var ascent: SlopeAscentOptions?
  /// Where the lines of optimised bounds are noted; nil: nowhere.
  package var record: SlopeRecord?
  private var climbers: [SlopeAscent] = []

  package init(_ plan: BoundPlan, parts: Int, lanes: Int, threads: Int = 1, isDone: @escaping () -> Bool) {
    self.plan = plan
    self.parts = parts
    self.isDone = isDone
    bounds = BoxTable(count: plan.neuronCount, stride: parts)
    lines = LineTable(count: plan.lineCount, stride: parts)
    magnitudes = .allocate(capacity: (plan.network.layers.map(\.count).max() ?? 1) * parts + 1)
    panels = (0..<threads).map { _ in RowPanel(plan, lanes: lanes) }
  }

  deinit { magnitudes.deallocate() }

  /// Bounds everything that the rows need. With `isRoot` the plan's magnitudes and charges are taken from the result
  /// on the way. False if time ran out: then the bounds are still valid where they are finite, but not complete.
  func compute(isRoot: Bool = false) -> Bool {
    let network = plan.network
    let parts = parts
    for (index, layer) in network.layers.enumerated() {
      if isRoot && index > 0 { plan.setCharges(ofLayer: index) }
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        cbp_interval(
          plan.layers + index, Int64(parts), bounds.lower, bounds.upper, magnitudes, plan.needed)
        for (j, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
          let roundings = affine.rows.entries(ofRow: j).count + 2 + affine.coefficientRoundings
          let share = plan.isRoundingSafe ? gamma64(roundings) * (1 + 0x1p-10) : 0
          for part in 0..<parts {
            let place = neuron * parts + part
            let error = plan.isRoundingSafe ? share * magnitudes[j * parts + part] + plan.slack[neuron] + 0x1p-1000 : 0
            let l = (bounds.lower[place] - error).nextDown
            let u = (bounds.upper[place] + error).nextUp
            bounds.lower[place] = l.isNaN ? -.infinity : l
            bounds.upper[place] = u.isNaN ? .infinity : u
          }
        }
      case .function(let function, let of):
        relax(function, layer, operands: network.layers[of].neurons.lowerBound, lines: Int(plan.layers[index].lines))
      case .product(let left, let right):
        relaxProduct(
          layer, network.layers[left].neurons.lowerBound, network.layers[right].neurons.lowerBound,
          lines: Int(plan.layers[index].lines))
      }
      if isRoot { plan.setMagnitudes(ofLayer: index, bounds.lower, bounds.upper, stride: parts) }
      if isRoot { plan.finish() }
      if !plan.tightened[index].isEmpty {
        if !tighten(plan.tightened[index]) { return false }
        if isRoot { plan.setMagnitudes(ofLayer: index, bounds.lower, bounds.upper, stride: parts) }
      }
    }
    if isRoot { plan.finish() }
    return true
  }

  private func relax(_ function: ElementaryFunction, _ layer: Network.Layer, operands: Int, lines first: Int) {
    for (j, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
      for part in 0..<parts {
        let source = (operands + j) * parts + part
        let place = neuron * parts + part
        let l = bounds.lower[source]
        let u = bounds.upper[source]
        let image = function.image(l, u)
        bounds.lower[place] = image.lower
        bounds.upper[place] = image.upper
        let entry = (first + j) * parts + part
        for isUpper in [false, true] {
          let line = function.line(over: l, u, isUpper: isUpper)
          lines.set(entry, isUpper: isUpper, slope: line.slope, intercept: line.intercept)
        }
      }
    }
  }

  private func relaxProduct(_ layer: Network.Layer, _ left: Int, _ right: Int, lines first: Int) {
    for (j, neuron) in layer.neurons.enumerated() where plan.needed[neuron] != 0 {
      for part in 0..<parts {
        let x = (left + j) * parts + part
        let y = (right + j) * parts + part
        let place = neuron * parts + part
        let xl = bounds.lower[x]
        let xu = bounds.upper[x]
        let yl = bounds.lower[y]
        let yu = bounds.upper[y]
        let entry = (first + j) * parts + part
        if left == right {
          let square = ElementaryFunction.power(2)
          let image = square.image(xl, xu)
          bounds.lower[place] = (image.lower - plan.slack[neuron]).nextDown
          bounds.upper[place] = (image.upper + plan.slack[neuron]).nextUp
          for isUpper in [false, true] {
            let line = square.line(over: xl, xu, isUpper: isUpper)
            lines.set(entry, isUpper: isUpper, slope: line.slope, intercept: line.intercept)
          }
          continue
        }
        let corners = [xl * yl, xl * yu, xu * yl, xu * yu]
        var low = corners.min()!.nextDown - plan.slack[neuron]
        var high = corners.max()!.nextUp + plan.slack[neuron]
        if corners.contains(where: \.isNaN) {
          low = -.infinity
          high = .infinity
        }
        bounds.lower[place] = low.nextDown
        bounds.upper[place] = high.nextUp
        for isUpper in [false, true] {
          let plane = ProductPlane(xl, xu, yl, yu, isUpper: isUpper, position: 0.5)
          lines.set(entry, isUpper: isUpper, slope: plane.x, intercept: plane.intercept, second: plane.y)
        }
      }
    }
  }

  /// Backward passes for neurons of one layer, both signs; intersected with what is there.
  private func tighten(_ neurons: [Int]) -> Bool {
    let parts = parts
    let open = neurons.filter { neuron in
      (0..<parts).contains { part in
        !plan.isLinear(neuron, bounds.lower[neuron * parts + part], bounds.upper[neuron * parts + part])
      }
    }
    let pairs = panels[0].lanes / parts / 2
    let chunks = (open.count + pairs - 1) / pairs
    if let ascent, parts == 1 {
      return SlopeAscent.tighten(open, self, ascent)
    }
    nonisolated(unsafe) let own = self
    nonisolated(unsafe) var late = false
    let run: @Sendable (Int) -> Void = { thread in
      let panel = own.panels[thread]
      var chunk = thread
      while chunk < chunks {
        if own.isDone() {
          late = true
          return
        }
        let members = open[chunk * pairs..<min(open.count, (chunk + 1) * pairs)]
        panel.reset()
        for (place, neuron) in members.enumerated() {
          panel.seed(neuron, 1, lanes: 2 * place * parts..<(2 * place + 1) * parts)
          panel.seed(neuron, -1, lanes: (2 * place + 1) * parts..<(2 * place + 2) * parts)
        }
        panel.propagate(own.lines, box: own.bounds)
        for (place, neuron) in members.enumerated() {
          for part in 0..<parts {
            own.intersect(
              neuron, part, panel.bound(2 * place * parts + part), -panel.bound((2 * place + 1) * parts + part))
          }
        }
        chunk += own.panels.count
      }
    }
    if panels.count == 1 || chunks < 2 {
      if panels.count > 1 { for thread in panels.indices { run(thread) } } else { run(0) }
    } else {
      DispatchQueue.concurrentPerform(iterations: panels.count, execute: run)
    }
    return !late
  }

  /// Memory for ascents, kept between layers.
  func ascents(_ threads: Int, lanes: Int) -> [SlopeAscent] {
    while climbers.count < threads { climbers.append(SlopeAscent(self, lanes: lanes)) }
    for climber in climbers { climber.keepsSlopes = record != nil }
    return climbers
  }

  /// The bound before errors of a row with lines of its own, one of which is moved from where ascents start, and its
  /// gradient in the positions of all lines, [line][side].
  package func gradient(
    of row: VerificationCase.Row, moving line: Int? = nil, by step: Double = 0
  ) -> (bound: Double, gradient: [Double]) {
    SlopeAscent(self, lanes: 8).gradient(of: row, moving: line, by: step)
  }

  /// Two valid bounds together; if rounding made them cross (an empty part), the older ones stay.
  func intersect(_ neuron: Int, _ part: Int, _ lower: Double, _ upper: Double) {
    let place = neuron * parts + part
    let l = max(bounds.lower[place], lower)
    let u = min(bounds.upper[place], upper)
    if l <= u {
      bounds.lower[place] = l
      bounds.upper[place] = u
    }
  }
}
