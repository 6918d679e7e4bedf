// Items of a search on one finished plan: into the state's layout, through the passes, and back.

import BranchAndBound
import Networks
import Synchronization

/// One plan with the tables that lead from the caller's slots to its rows.
final class GatherEngine: Sendable {
  let plan: GatherPlan
  let items: Int
  private let options: GatherOptions
  private let verificationCase: VerificationCase
  private let starts: [GatherPlan.Start]
  /// For each slot of the caller the place in the state, its block and its bit there.
  private let places: [Int]
  private let blocks: [Int32]
  private let bits: [UInt8]
  /// Default slopes and intercepts of the upper lines, by slot.
  private let defaultSlopes: [Float]
  private let intercepts: [Float]
  /// The row of each input.
  private let inputRows: [Int]
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
    _ options: GatherOptions
  ) {
    self.plan = plan
    self.options = options
    self.verificationCase = verificationCase
    starts = verificationCase.rows.map(plan.start)
    var placeOfNeuron: [Int: Int] = [:]
    for (place, neuron) in plan.slotNeurons.enumerated() { placeOfNeuron[neuron] = place }
    places = slots.map { placeOfNeuron[$0]! }
    var blockOfPlace = [Int32](repeating: 0, count: slots.count)
    var bitOfPlace = [UInt8](repeating: 0, count: slots.count)
    var place = 0
    for storage in plan.blocks {
      for block in 0..<Int(storage.unit.blocks) {
        for bit in 0..<UInt8(8) where storage.unstable[block] >> bit & 1 != 0 {
          blockOfPlace[place] = storage.unit.first_block + Int32(block)
          bitOfPlace[place] = bit
          place += 1
        }
      }
    }
    blocks = places.map { blockOfPlace[$0] }
    bits = places.map { bitOfPlace[$0] }
    defaultSlopes = slots.map { region.upper[$0] > -region.lower[$0] ? 1 : 0 }
    intercepts = slots.map { slot in
      Float(-region.lower[slot] * region.upper[slot] / (region.upper[slot] - region.lower[slot]))
    }
    inputRows = plan.units.units[0].outputs.map { Int(plan.rowOfNeuron[$0]) }
    items = GatherState(plan, level: options.level).items
  }

  func bound(
    _ batch: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async -> [SplitBound] {
    let groups = (batch.count + items - 1) / items
    let results = GatherResults<[SplitBound]>(groups)
    let ascent = GatherAscent(plan: plan, deadline: deadline, rates: options.rates)
    await GatherWorkers.run(
      groups, threads: options.threads,
      make: { [self] in Borrowed(states.take { GatherState(plan, level: options.level) }, states.give) }
    ) { [self] group, borrowed in
      let members = Array(batch[group * items..<min((group + 1) * items, batch.count)])
      results.set(group, bound(members, borrowed.state, ascent, iterations))
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
    _ members: [SplitItem], _ state: GatherState, _ ascent: GatherAscent, _ iterations: Int
  ) -> [SplitBound] {
    state.clearItems()
    for (lane, item) in members.enumerated() {
      state.setStart(lane, starts[item.row])
      state.setSlopes(lane, item.slopes.isEmpty ? nil : item.slopes, defaults: defaultSlopes, places: places)
      for (index, split) in item.splits.enumerated() {
        let slot = Int(split.slot)
        state.setSplit(
          lane, place: places[slot], block: Int(blocks[slot]), bit: Int(bits[slot]), isActive: split.isActive,
          multiplier: index < item.multipliers.count ? item.multipliers[index] : 0)
      }
    }
    let rows = members.map { starts[$0.row] }
    let outcomes = ascent.run(state, rows, iterations: iterations) { lane, bound in
      bound > 0 || (bound == 0 && verificationCase.rows[members[lane].row].isStrict)
    }
    return members.indices.map { lane in result(lane, members[lane], outcomes[lane], state) }
  }

  private func result(
    _ lane: Int, _ item: SplitItem, _ outcome: GatherAscent.Outcome, _ state: GatherState
  ) -> SplitBound {
    var isSplit = [Bool](repeating: false, count: places.count)
    for split in item.splits { isSplit[Int(split.slot)] = true }
    var slopes = [Float](repeating: 0, count: places.count)
    var scores = slopes
    for (slot, place) in places.enumerated() {
      if isSplit[slot] {
        slopes[slot] = item.slopes.isEmpty ? defaultSlopes[slot] : item.slopes[slot]
      } else {
        slopes[slot] = Float(state.parameter(lane, place))
        scores[slot] = max(0, -Float(state.coefficient(lane, place))) * intercepts[slot]
      }
    }
    let minimizer = inputRows.enumerated().map { input, row in
      state.takesUpper(lane, row: row) ? verificationCase.upper[input] : verificationCase.lower[input]
    }
    return SplitBound(
      bound: outcome.bound, estimate: outcome.estimate, slopes: slopes,
      multipliers: item.splits.map { Float(state.parameter(lane, places[Int($0.slot)])) }, scores: scores,
      minimizer: minimizer)
  }
}
