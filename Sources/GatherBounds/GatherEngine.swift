// Items of a search on one finished plan: into the state's layout, through the passes, and back.

import BranchAndBound
import CGatherBounds
import Networks
import Synchronization

/// One plan with the tables that lead from the caller's slots to its rows.
final class GatherEngine: Sendable {
  let plan: GatherPlan
  let items: Int
  private let options: GatherOptions
  private let ball: GatherBall?
  private let verificationCase: VerificationCase
  private let starts: [GatherPlan.Start]
  /// For each slot of the caller the place in the state, its block and its bit there.
  private let places: [Int32]
  private let blocks: [Int32]
  private let bits: [UInt8]
  /// Default slopes and intercepts of the upper lines, by slot.
  private let defaultSlopes: [Float]
  private let intercepts: [Float]
  /// The row of each input.
  private let inputRows: [Int32]
  private let states = StatePool()

  /// States that wait for their next use.
  private final class StatePool: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    private var free: [GatherState] = []

    func take(_ make: () -> GatherState) -> GatherState { lock.withLock { _ in free.popLast() } ?? make() }
    func give(_ state: GatherState) { lock.withLock { _ in free.append(state) } }
  }

  init(
    _ plan: GatherPlan, _ region: GatherRegion, _ slots: [Int], _ verificationCase: VerificationCase,
    _ options: GatherOptions, ball: GatherBall?
  ) {
    self.ball = ball
    self.plan = plan
    self.options = options
    self.verificationCase = verificationCase
    starts = verificationCase.rows.map(plan.start)
    let placeOfNeuron = plan.placeOfNeuron
    places = slots.map { Int32(placeOfNeuron[$0]!) }
    let members = plan.placeMembers
    blocks = places.map { Int32(members[Int($0)].block) }
    bits = places.map { UInt8(members[Int($0)].bit) }
    defaultSlopes = slots.map { region.upper[$0] > -region.lower[$0] ? 1 : 0 }
    intercepts = slots.map { slot in
      Float(-region.lower[slot] * region.upper[slot] / (region.upper[slot] - region.lower[slot]))
    }
    inputRows = plan.units.units[0].outputs.map { plan.rowOfNeuron[$0] }
    items = GatherState(plan, level: options.level).items
  }

  func bound(
    _ batch: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant, stopsEarly: Bool = true
  ) async -> [SplitBound] {
    let groups = (batch.count + items - 1) / items
    let results = GatherResults<[SplitBound]>(groups)
    let ascent = GatherAscent(plan: plan, deadline: deadline, rates: options.rates, ball: ball)
    await GatherWorkers.run(groups, threads: options.threads) { [self] in
      let state = states.take { GatherState(plan, level: options.level, keepsInputs: ball != nil) }
      return Borrowed(state, states.give)
    } job: { [self] group, borrowed in
      let members = Array(batch[group * items..<min((group + 1) * items, batch.count)])
      results.set(group, bound(members, borrowed.state, ascent, iterations, stopsEarly))
    }
    return results.elements.flatMap { $0! }
  }

  /// A state that goes back to the pool when its task is over.
  private final class Borrowed {
    let state: GatherState
    private let give: (GatherState) -> Void

    init(_ state: GatherState, _ give: @escaping (GatherState) -> Void) {
      self.state = state
      self.give = give
    }

    deinit { give(state) }
  }

  private func bound(
    _ members: [SplitItem], _ state: GatherState, _ ascent: GatherAscent, _ iterations: Int,
    _ stopsEarly: Bool
  ) -> [SplitBound] {
    load(members, state, forAscent: iterations > 0)
    let rows = members.map { starts[$0.row] }
    let outcomes = ascent.run(state, rows, iterations: iterations) { lane, bound in
      stopsEarly && (bound > 0 || bound == 0 && verificationCase.rows[members[lane].row].isStrict)
    }
    return results(members, outcomes, state)
  }

  private func load(_ members: [SplitItem], _ state: GatherState, forAscent: Bool) {
    state.clearItems(forAscent: forAscent)
    state.setSlopes(members.map { $0.slopes.isEmpty ? nil : $0.slopes }, defaults: defaultSlopes, places: places)
    for (lane, item) in members.enumerated() {
      state.setStart(lane, starts[item.row])
      for (index, split) in item.splits.enumerated() {
        let slot = Int(split.slot)
        state.setSplit(
          lane, place: Int(places[slot]), block: Int(blocks[slot]), bit: Int(bits[slot]), isActive: split.isActive,
          multiplier: index < item.multipliers.count ? item.multipliers[index] : 0)
      }
    }
  }

  private func results(
    _ members: [SplitItem], _ outcomes: [GatherAscent.Outcome], _ state: GatherState
  ) -> [SplitBound] {
    let parameters = state.parameters(members.count, places)
    var coefficients = state.coefficients(members.count, places)
    let count = places.count
    for lane in members.indices {
      coefficients.withUnsafeMutableBufferPointer { all in
        if count > 0 { cgather_scores(Int64(count), intercepts, all.baseAddress! + lane * count) }
      }
    }
    return members.enumerated().map { lane, item in
      var slopes = Array(parameters[lane * count..<(lane + 1) * count])
      var scores = Array(coefficients[lane * count..<(lane + 1) * count])
      let multipliers = item.splits.map { slopes[Int($0.slot)] }
      for split in item.splits {
        let slot = Int(split.slot)
        slopes[slot] = item.slopes.isEmpty ? defaultSlopes[slot] : item.slopes[slot]
        scores[slot] = 0
      }
      return SplitBound(
        bound: outcomes[lane].bound, estimate: outcomes[lane].estimate, slopes: slopes, multipliers: multipliers,
        scores: scores,
        minimizer: ball == nil
          ? state.corner(lane, rows: inputRows, verificationCase.lower, verificationCase.upper)
          : state.inputs(lane, rows: inputRows))
    }
  }
}

extension GatherEngine {
  /// The bound before errors of one item, and its gradient in the slopes (or multipliers) of all slots.
  func gradient(_ item: SplitItem) -> (estimate: Double, gradient: [Float]) {
    let state = GatherState(plan, level: options.level, keepsInputs: ball != nil)
    load([item], state, forAscent: true)
    state.backward()
    let estimate = GatherAscent(plan: plan, deadline: nil, rates: options.rates)
      .outcome(starts[item.row], state.sums(0)).estimate
    // The first moment after the first step of Adam is a tenth of the gradient.
    state.forward(step: 0, of: 1, options.rates, isImproved: [Bool](repeating: false, count: items))
    return (estimate, state.firstMoments(1, places).map { 10 * $0 })
  }
}
