// The closed-form gradient against finite differences, and the bounds against the plain reference.

import BranchAndBound
import GatherBounds
import Networks
import TestSupport
import Testing

/// The bound before errors of an item and its gradient, by one engine.
struct GradientEngine: Sendable, CustomStringConvertible {
  var name: String
  /// The step of difference quotients, and what they may be off by.
  var step: Float
  var slack: Double
  var make:
    @Sendable (Network, VerificationCase) async throws -> (
      slots: [Int], gradient: @Sendable (SplitItem) -> (estimate: Double, gradient: [Float])
    )

  var description: String { name }

  static let all: [GradientEngine] =
    GatherPrecision.allCases.flatMap { precision in
      (0...2 as ClosedRange<Int32>).map { level in
        GradientEngine(
          name: "gather blocks, \(precision), level \(level)", step: precision == .binary64 ? 0x1p-18 : 0x1p-8,
          slack: precision == .binary64 ? 1e-4 : 3e-3
        ) { network, region in
          var options = GatherOptions(precision: precision)
          options.level = level
          let bounder = try await GatherBounder(network, region, options)
          return (bounder.slots, { bounder.gradient($0) })
        }
      }
    } + [
      GradientEngine(name: "plain splits", step: 0x1p-18, slack: 1e-4) { network, region in
        let problem = SearchProblem(network: network, verificationCase: region)
        let bounder = try ReferenceSplitBounder(problem, SearchOptions(deadline: .now + .seconds(300)))
        return (bounder.slots, { bounder.gradient($0) })
      }
    ]
}

@Suite struct GradientTests {
  /// A random item: some splits with multipliers, random slopes.
  static func item(_ allSlots: [Int], row: Int, seed: UInt64) -> SplitItem {
    var generator = SeededGenerator(seed: seed)
    let slots = allSlots.indices.map(Int32.init).shuffled(using: &generator).prefix(4).sorted()
    return SplitItem(
      row: row, splits: slots.map { Split(slot: $0, isActive: Bool.random(using: &generator)) },
      slopes: allSlots.map { _ in Float.random(in: 0.1...0.9, using: &generator) },
      multipliers: slots.map { _ in Float.random(in: 0.1...1, using: &generator) })
  }

  @Test(arguments: GradientEngine.all) func gradientIsTheSlopeOfTheBound(_ engine: GradientEngine) async throws {
    for seed: UInt64 in [3, 4, 5, 6, 7, 9] {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      let verificationCase = RandomNetworks.verificationCase(network, radius: 0.3, seed: seed)
      let (slots, find) = try await engine.make(network, verificationCase)
      guard slots.count >= 4 else { continue }
      let item = Self.item(slots, row: 0, seed: seed)
      let (estimate, gradient) = find(item)
      var (compared, multipliers) = (0, 0)
      for slot in slots.indices {
        let split = item.splits.firstIndex { Int($0.slot) == slot }
        func moved(_ by: Float) -> Double {
          var other = item
          if let split { other.multipliers[split] += by } else { other.slopes[slot] += by }
          return find(other).estimate
        }
        let after = (moved(engine.step) - estimate) / Double(engine.step)
        let before = (estimate - moved(-engine.step)) / Double(engine.step)
        // At a kink the two sides differ, and the gradient is one of them or between.
        let slack = engine.slack * (1 + abs(after) + abs(before))
        #expect(
          min(after, before) - slack <= Double(gradient[slot]) && Double(gradient[slot]) <= max(after, before) + slack,
          "slot \(slot), seed \(seed): \(before) \(gradient[slot]) \(after)")
        if abs(gradient[slot]) > 0.01 { if split == nil { compared += 1 } else { multipliers += 1 } }
      }
      #expect(compared > 0 && multipliers > 0, "seed \(seed)")
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
        Self.item(bounder.slots, row: $0 % verificationCase.rows.count, seed: seed << 8 + UInt64($0))
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
