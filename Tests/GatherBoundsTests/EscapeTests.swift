// No sampled point escapes a bound: intermediate bounds, rows, splits, multipliers; all precisions and instruction sets.

import BranchAndBound
import GatherBounds
import Networks
import TestSupport
import Testing

struct BoundSetting: Sendable, CustomStringConvertible {
  var precision: GatherPrecision
  var level: Int32
  var semantics: Semantics

  var description: String { "\(precision) level \(level) \(semantics)" }

  static let all: [BoundSetting] = [
    BoundSetting(precision: .binary32, level: 2, semantics: .real),
    BoundSetting(precision: .binary32, level: 2, semantics: .both),
    BoundSetting(precision: .binary64, level: 2, semantics: .real),
    BoundSetting(precision: .binary32, level: 1, semantics: .real),
    BoundSetting(precision: .binary64, level: 1, semantics: .real),
    BoundSetting(precision: .binary32, level: 0, semantics: .real),
    BoundSetting(precision: .binary64, level: 0, semantics: .real),
  ]

  var options: GatherOptions {
    var options = GatherOptions(precision: precision, semantics: semantics, threads: 2)
    options.level = level
    return options
  }
}

@Suite struct EscapeTests {
  static let far = ContinuousClock.now + .seconds(600)

  /// Random points and corners of a box.
  static func points(_ verificationCase: VerificationCase, _ count: Int, seed: UInt64) -> [[Double]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      zip(verificationCase.lower, verificationCase.upper).map { low, high in
        index % 2 == 0
          ? Double.random(in: low...high, using: &generator) : (Bool.random(using: &generator) ? low : high)
      }
    }
  }

  static func value(_ row: VerificationCase.Row, _ values: [Double]) -> Double {
    zip(row.neurons, row.coefficients).reduce(row.constant) { $0 + $1.1 * values[$1.0] }
  }

  @Test(arguments: BoundSetting.all) func noPointEscapes(_ setting: BoundSetting) async throws {
    for seed: UInt64 in 1...24 {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      let radius = [0.05, 0.2, 0.7][Int(seed / 3 % 3)]
      let verificationCase = RandomNetworks.verificationCase(network, radius: radius, seed: seed)
      var options = setting.options
      options.intermediateIterations = seed % 2 == 0 ? 3 : 0
      let bounder = try await GatherBounder(network, verificationCase, options)
      let values = Self.points(verificationCase, 200, seed: seed).map { network.evaluate($0) }
      for (neuron, ends) in zip(bounder.lower, bounder.upper).enumerated() {
        for point in values {
          #expect(ends.0 <= point[neuron] && point[neuron] <= ends.1, "neuron \(neuron), seed \(seed), \(setting)")
        }
      }
      // Each item takes its splits from a point, which then lies in its part.
      var generator = SeededGenerator(seed: seed + 100)
      var items: [SplitItem] = []
      var inside: [Int] = []
      for index in 0..<70 {
        let point = values[index % values.count]
        let splits = (0..<min(bounder.slots.count, index % 5)).map { _ in
          Int.random(in: 0..<bounder.slots.count, using: &generator)
        }
        items.append(
          SplitItem(
            row: index % verificationCase.rows.count,
            splits: Set(splits).sorted().map {
              Split(slot: Int32($0), isActive: point[bounder.slots[$0]] >= 0)
            },
            slopes: index % 2 == 0 ? [] : bounder.slots.map { _ in Float.random(in: 0...1, using: &generator) },
            multipliers: index % 3 == 0 ? [] : splits.map { _ in Float.random(in: 0...2, using: &generator) }))
        inside.append(index % values.count)
      }
      for iterations in [0, 4] {
        let bounds = try await bounder.bound(items, iterations: iterations, deadline: Self.far)
        for (index, bound) in bounds.enumerated() {
          let row = verificationCase.rows[items[index].row]
          #expect(bound.bound.isFinite)
          #expect(bound.bound <= bound.estimate)
          #expect(bound.bound <= Self.value(row, values[inside[index]]), "item \(index), seed \(seed), \(setting)")
          for point in values
          where items[index].splits.allSatisfy({ (point[bounder.slots[Int($0.slot)]] >= 0) == $0.isActive }) {
            #expect(bound.bound <= Self.value(row, point), "item \(index), seed \(seed), \(setting)")
          }
        }
      }
    }
  }

  @Test func ascentImprovesBounds() async throws {
    for seed: UInt64 in [3, 5, 6, 8] {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      let verificationCase = RandomNetworks.verificationCase(network, radius: 0.4, seed: seed)
      let bounder = try await GatherBounder(network, verificationCase, GatherOptions())
      let items = verificationCase.rows.indices.map { SplitItem(row: $0) }
      let plain = try await bounder.bound(items, iterations: 0, deadline: Self.far)
      let ascended = try await bounder.bound(items, iterations: 40, deadline: Self.far)
      for (before, after) in zip(plain, ascended) {
        #expect(after.bound >= before.bound)
        if before.bound < 0, before.scores.contains(where: { $0 > 0 }) { #expect(after.bound > before.bound) }
      }
      // The slopes that come back give the bound that came back.
      let again = try await bounder.bound(
        ascended.enumerated().map { SplitItem(row: $0, slopes: $1.slopes) }, iterations: 0, deadline: Self.far)
      for (first, second) in zip(ascended, again) { #expect(first.bound == second.bound) }
    }
  }
}
