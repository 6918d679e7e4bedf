// The bounds of all neurons of a region: intervals, then backward bounds of the neurons that these leave unstable.
//
// Layer by layer in order, because the lines of a layer rest on its bounds (soundness.md 1.5: intermediate bounds are
// part of every verdict and carry their own error). Slopes of intermediate bounds may be optimised (alpha-CROWN, Xu et
// al. 2021); those that a bound rests on are rounded to what a proof stores, and kept for it.

import BranchAndBound
import Networks

struct GatherRoot {
  let units: GatherUnits
  let options: GatherOptions
  let ball: GatherBall?
  var region: GatherRegion
  /// Operands of ReLU that the part cuts at 0: their lines are exact, and their bounds are left as they are.
  let splits: [NeuronSplit]
  /// For how many rows backward bounds were computed.
  private(set) var rowCount = 0
  /// The slopes behind the bounds that the default ones do not give.
  private(set) var slopes: [ProofTree.RootSlopes] = []

  init(
    _ units: GatherUnits, _ region: GatherRegion, _ options: GatherOptions, ball: GatherBall?,
    splits: [NeuronSplit] = []
  ) {
    self.splits = splits
    self.ball = ball
    self.units = units
    self.region = region
    self.options = options
  }

  func newPlan() -> GatherPlan { GatherPlan(units, options.precision, options, isGrowing: true) }

  /// Bounds all units in order and returns the plan of the whole network.
  ///
  /// With iterations, the slopes of every row that the default ones leave unstable are optimised by themselves until
  /// the ascent's deadline. Throws `SplitBoundError.timeout` past the deadline: planning a unit takes time, too.
  mutating func bound(
    iterations: Int = 0, ascentDeadline: ContinuousClock.Instant? = nil, deadline: ContinuousClock.Instant?
  ) async throws -> GatherPlan {
    let plan = newPlan()
    plan.append(region)
    for unit in units.units.dropFirst() {
      if let deadline, ContinuousClock.now >= deadline { throw SplitBoundError.timeout }
      if splits.isEmpty {
        let intervals = region.intervals(of: unit, options.semantics)
        region.tighten(unit, lower: intervals.lower, upper: intervals.upper)
      }
      // Where all sources are inputs, the interval is the exact range already.
      if unit.kind == .relu, unit.sources != [0], !unit.sources.isEmpty, !options.omitted.contains(.intermediate) {
        await boundUnstable(
          unit, plan, iterations: iterations, ascentDeadline: ascentDeadline, deadline: deadline)
      }
      plan.append(region)
    }
    plan.finish()
    return plan
  }

  /// What one row of an unstable operand came to: its bound, and the slopes that gave it if not the default ones.
  private struct RowResult: Sendable {
    var bound: Double
    var slopes: [ProofTree.Slope] = []
  }

  /// Backward bounds of the unstable operands of one unit.
  private mutating func boundUnstable(
    _ unit: GatherUnit, _ plan: GatherPlan, iterations: Int, ascentDeadline: ContinuousClock.Instant?,
    deadline: ContinuousClock.Instant?
  ) async {
    let isSplit = Set(splits.map(\.neuron))
    let unstable = GatherOrder.grouped(
      unit.operands.filter { region.lower[$0] < 0 && region.upper[$0] > 0 && !isSplit.contains($0) }, unit)
    if unstable.isEmpty { return }
    rowCount += 2 * unstable.count
    let level = options.level
    let size = GatherState(plan, level: level).items
    let defaults = plan.defaultSlopes(region)
    let parts = SlotParts(plan, region, defaults)
    let marks = splits.isEmpty ? [] : plan.marks(of: splits)
    // Both signs of a neuron side by side: they start from the same partners.
    let rows = unstable.flatMap { [($0, false), ($0, true)] }
    let groups = (rows.count + size - 1) / size
    let results = GatherResults<[RowResult]>(groups)
    let plain = GatherAscent(plan: plan, deadline: deadline, rates: options.intermediateRates, ball: ball)
    var ascent = plain
    if let ascentDeadline { ascent.deadline = min(ascentDeadline, deadline ?? ascentDeadline) }
    let keepsInputs = ball != nil
    await GatherWorkers.run(groups, threads: options.threads) {
      GatherState(plan, level: level, keepsInputs: keepsInputs)
    } job: { [ascent] group, state in
      if let deadline, ContinuousClock.now >= deadline { return }
      let lanes = group * size..<min((group + 1) * size, rows.count)
      state.clearItems()
      state.setDefaultSlopes(defaults)
      var starts: [GatherPlan.Start] = []
      for (lane, index) in lanes.enumerated() {
        for mark in marks {
          state.setSplit(
            lane, place: mark.place, block: mark.block, bit: mark.bit, isActive: mark.isActive, multiplier: 0)
        }
        let (neuron, isNegative) = rows[index]
        let start = plan.start(operand: neuron - unit.operands.lowerBound, of: unit, isNegative: isNegative)
        state.setStart(lane, start)
        starts.append(start)
      }
      var found = plain.run(state, starts, iterations: 0) { _, _ in false }.map { RowResult(bound: $0.bound) }
      // A neuron with one bound of the right sign is stable, whatever the other one.
      let isDone = found.indices.map { found[$0].bound >= 0 || ($0 ^ 1 < found.count && found[$0 ^ 1].bound >= 0) }
      if iterations > 0, isDone.contains(false), ascent.deadline.map({ ContinuousClock.now < $0 }) ?? true {
        _ = ascent.run(state, starts, iterations: iterations) { lane, bound in isDone[lane] || bound >= 0 }
        for lane in found.indices where !isDone[lane] { parts.round(state, lane, except: marks.map(\.place)) }
        for (lane, better) in plain.run(state, starts, iterations: 0, isDone: { _, _ in false }).enumerated()
        where !isDone[lane] && better.bound > found[lane].bound {
          found[lane] = RowResult(bound: better.bound, slopes: parts.slopes(state, lane))
        }
      }
      results.set(group, found)
    }
    // A group without results found the deadline past, which ends the root.
    var low = unit.operands.map { region.lower[$0] }
    var high = unit.operands.map { region.upper[$0] }
    for group in 0..<groups {
      for (lane, result) in (results.elements[group] ?? []).enumerated() where result.bound.isFinite {
        let (neuron, isNegative) = rows[group * size + lane]
        let row = neuron - unit.operands.lowerBound
        if isNegative { high[row] = min(high[row], -result.bound) } else { low[row] = max(low[row], result.bound) }
        if !result.slopes.isEmpty {
          slopes.append(.init(neuron: neuron, isLower: !isNegative, slopes: result.slopes))
        }
      }
    }
    region.tighten(unit, lower: low, upper: high)
  }

  /// True if some operand's bounds exclude each other: both are rigorous, so the part holds no point.
  var isEmpty: Bool {
    units.units.contains { unit in unit.operands.contains { region.lower[$0] > region.upper[$0] } }
  }
}

/// Slopes of a state's lanes as a proof stores them, in parts of 255.
struct SlotParts: Sendable {
  private let plan: GatherPlan
  /// For each place, the part that whoever replays the proof takes by default; nil where that may differ.
  private let defaults: [UInt8?]

  init(_ plan: GatherPlan, _ region: GatherRegion, _ defaults: [Float]) {
    self.plan = plan
    self.defaults = zip(plan.slotNeurons, defaults).map { neuron, slope in
      let (l, u) = (region.lower[neuron], region.upper[neuron])
      return (u + l).magnitude > 0x1p-10 * (u - l) ? UInt8(slope * 255) : nil
    }
  }

  private func part(_ state: GatherState, _ lane: Int, _ place: Int) -> UInt8 {
    UInt8((min(max(state.parameter(lane, place), 0), 1) * 255).rounded())
  }

  /// Rounds the slopes of a lane to whole parts.
  func round(_ state: GatherState, _ lane: Int, except multipliers: [Int]) {
    let kept = Set(multipliers)
    for place in defaults.indices where !kept.contains(place) {
      state.setParameter(lane, place, Double(Float(part(state, lane, place)) / 255))
    }
  }

  func slopes(_ state: GatherState, _ lane: Int) -> [ProofTree.Slope] {
    defaults.indices.compactMap { place in
      let part = part(state, lane, place)
      return part == defaults[place] ? nil : .init(neuron: Int32(plan.slotNeurons[place]), lower: part)
    }.sorted { $0.neuron < $1.neuron }
  }
}
