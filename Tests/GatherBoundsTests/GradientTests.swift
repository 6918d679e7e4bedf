// The closed-form gradient against finite differences, and the bounds against the plain reference.

import BranchAndBound
import GatherBounds
import Networks
import TestSupport
import Testing

@Suite struct GradientTests {
  /// A random item: some splits with multipliers, random slopes.
  static func item(_ bounder: GatherBounder, row: Int, seed: UInt64) -> SplitItem {
    var generator = SeededGenerator(seed: seed)
    let slots = bounder.slots.indices.map(Int32.init).shuffled(using: &generator).prefix(4).sorted()
    return SplitItem(
      row: row, splits: slots.map { Split(slot: $0, isActive: Bool.random(using: &generator)) },
      slopes: bounder.slots.map { _ in Float.random(in: 0.1...0.9, using: &generator) },
      multipliers: slots.map { _ in Float.random(in: 0.1...1, using: &generator) })
  }

  @Test func gradientIsTheSlopeOfTheBound() async throws {
    for seed: UInt64 in [3, 4, 5, 6, 7, 9] {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      let verificationCase = RandomNetworks.verificationCase(network, radius: 0.3, seed: seed)
      let bounder = try await GatherBounder(network, verificationCase, GatherOptions(precision: .binary64))
      guard bounder.slots.count >= 4 else { continue }
      let item = Self.item(bounder, row: 0, seed: seed)
      let (estimate, gradient) = bounder.gradient(item)
      let step: Float = 0x1p-18
      var compared = 0
      for slot in bounder.slots.indices {
        func moved(_ by: Float) -> Double {
          var other = item
          if let split = item.splits.firstIndex(where: { Int($0.slot) == slot }) {
            other.multipliers[split] += by
          } else {
            other.slopes[slot] += by
          }
          return bounder.gradient(other).estimate
        }
        let after = (moved(step) - estimate) / Double(step)
        let before = (estimate - moved(-step)) / Double(step)
        // At a kink the two sides differ, and the gradient is one of them or between.
        let slack = 1e-4 * (1 + abs(after) + abs(before))
        #expect(
          min(after, before) - slack <= Double(gradient[slot]) && Double(gradient[slot]) <= max(after, before) + slack,
          "slot \(slot), seed \(seed): \(before) \(gradient[slot]) \(after)")
        if gradient[slot] != 0 { compared += 1 }
      }
      #expect(compared > 0)
    }
  }

  @Test(arguments: BoundSetting.all.filter { $0.semantics == .real }) func agreesWithTheReference(
    _ setting: BoundSetting
  ) async throws {
    for seed: UInt64 in 1...12 {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      let verificationCase = RandomNetworks.verificationCase(network, radius: 0.3, seed: seed)
      var options = setting.options
      options.repeatsInBinary64 = false
      let bounder = try await GatherBounder(network, verificationCase, options)
      let reference = try ReferenceSplitBounder(
        SearchProblem(network: network, verificationCase: verificationCase),
        SearchOptions(deadline: .now + .seconds(300)), bounds: (bounder.lower, bounder.upper))
      #expect(reference.slots == bounder.slots)
      guard bounder.slots.count >= 4 else { continue }
      let items = (0..<60).map {
        Self.item(bounder, row: $0 % verificationCase.rows.count, seed: seed << 8 + UInt64($0))
      }
      let ours = try await bounder.bound(items, iterations: 0, deadline: .now + .seconds(300))
      let theirs = try await reference.bound(items, iterations: 0, deadline: .now + .seconds(300))
      let tolerance = setting.precision == .binary64 ? 1e-9 : 1e-4
      for (mine, other) in zip(ours, theirs) {
        #expect(abs(mine.estimate - other.estimate) <= tolerance * (1 + abs(other.estimate)), "seed \(seed)")
        #expect(mine.estimate - mine.bound <= (setting.precision == .binary64 ? 1e-11 : 1e-2))
      }
    }
  }
}
