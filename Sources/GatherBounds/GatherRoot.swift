// The bounds of all neurons of a region: intervals, then backward bounds of the neurons that these leave unstable.
//
// Layer by layer in order, because the lines of a layer rest on its bounds (soundness.md 1.5: intermediate bounds are
// part of every verdict and carry their own error).

import Networks

struct GatherRoot {
  let units: GatherUnits
  let options: GatherOptions
  let ball: GatherBall?
  var region: GatherRegion
  /// For how many rows backward bounds were computed.
  private(set) var rowCount = 0

  init(_ units: GatherUnits, _ region: GatherRegion, _ options: GatherOptions, ball: GatherBall?) {
    self.ball = ball
    self.units = units
    self.region = region
    self.options = options
  }

  func newPlan() -> GatherPlan {
    GatherPlan(
      units, options.precision, semantics: options.semantics, isRoundingSafe: options.isRoundingSafe,
      omitted: options.omitted, isGrowing: true)
  }

  /// Bounds all units in order and returns the plan of the whole network.
  ///
  /// With iterations the slopes of every row are optimised by themselves until the deadline; a second pass of that kind
  /// starts from the bounds of the first. Bounds never get worse; past the deadline intervals and what was known serve.
  mutating func bound(iterations: Int, deadline: ContinuousClock.Instant?) async -> GatherPlan {
    let plan = newPlan()
    plan.append(region)
    for unit in units.units.dropFirst() {
      let intervals = region.intervals(of: unit, options.semantics)
      region.tighten(unit, lower: intervals.lower, upper: intervals.upper)
      // Where all sources are inputs, the interval is the exact range already.
      if unit.kind == .relu, unit.sources != [0], !unit.sources.isEmpty, !options.omitted.contains(.intermediate) {
        await boundUnstable(unit, plan, iterations: iterations, deadline: deadline)
      }
      plan.append(region)
    }
    plan.finish()
    return plan
  }

  /// Backward bounds of the unstable operands of one unit.
  private mutating func boundUnstable(
    _ unit: GatherUnit, _ plan: GatherPlan, iterations: Int, deadline: ContinuousClock.Instant?
  ) async {
    let unstable = GatherOrder.grouped(
      unit.operands.filter { region.lower[$0] < 0 && region.upper[$0] > 0 }, unit)
    if unstable.isEmpty { return }
    rowCount += 2 * unstable.count
    let level = options.level
    let size = GatherState(plan, level: level).items
    let defaults = plan.defaultSlopes(region)
    // Both signs of a neuron side by side: they start from the same partners.
    let rows = unstable.flatMap { [($0, false), ($0, true)] }
    let groups = (rows.count + size - 1) / size
    let results = GatherResults<[Double]>(groups)
    let ascent = GatherAscent(plan: plan, deadline: deadline, rates: options.intermediateRates, ball: ball)
    let keepsInputs = ball != nil
    let isOptimised = iterations > 0
    await GatherWorkers.run(groups, threads: options.threads) {
      GatherState(plan, level: level, keepsInputs: keepsInputs)
    } job: { group, state in
      // Past the deadline what is known serves.
      if let deadline, ContinuousClock.now >= deadline { return }
      let lanes = group * size..<min((group + 1) * size, rows.count)
      state.clearItems()
      state.setDefaultSlopes(defaults)
      var starts: [GatherPlan.Start] = []
      for (lane, index) in lanes.enumerated() {
        let (neuron, isNegative) = rows[index]
        let start = plan.start(operand: neuron - unit.operands.lowerBound, of: unit, isNegative: isNegative)
        state.setStart(lane, start)
        starts.append(start)
      }
      let outcomes = ascent.run(state, starts, iterations: iterations) { _, bound in isOptimised && bound >= 0 }
      results.set(group, outcomes.map(\.bound))
    }
    var low = unit.operands.map { region.lower[$0] }
    var high = unit.operands.map { region.upper[$0] }
    for group in 0..<groups {
      for (lane, bound) in (results.elements[group] ?? []).enumerated() where bound.isFinite {
        let (neuron, isNegative) = rows[group * size + lane]
        let row = neuron - unit.operands.lowerBound
        if isNegative { high[row] = min(high[row], -bound) } else { low[row] = max(low[row], bound) }
      }
    }
    region.tighten(unit, lower: low, upper: high)
  }
}
