// Gather blocks on a device: bounds within the error term of the CPU's, and no sampled point escapes.

import BranchAndBound
import CPUCompute
import Compute
import DeviceBounds
import GatherBounds
import Networks
import OpenCLCompute
import TestSupport
import Testing

@Suite(.serialized) struct GatherBounderTests {
  private func items(
    _ bounder: GatherBounder, rows: Int, count: Int, _ network: Network, _ region: VerificationCase,
    _ generator: inout SeededGenerator
  ) -> [(item: SplitItem, point: [Double])] {
    (0..<count).map { _ in
      // Splits that a sampled point satisfies, so that it lies in the part.
      let x = zip(region.lower, region.upper).map { Double.random(in: $0...$1, using: &generator) }
      let values = network.evaluate(x)
      let chosen = bounder.slots.indices.shuffled(using: &generator)
        .prefix(Int.random(in: 0...6, using: &generator))
      let splits = chosen.map { Split(slot: Int32($0), isActive: values[bounder.slots[$0]] >= 0) }
      return (
        SplitItem(
          row: Int.random(in: 0..<rows, using: &generator), splits: splits,
          multipliers: splits.map { _ in Float.random(in: 0...0.2, using: &generator) }), x
      )
    }
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func boundsHoldAndAgreeWithTheCPU(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let network = randomNetwork([7, 30, 41, 20, 5], &generator)
    let region = randomCase(network, radius: 0.25, clauses: [1, 1, 1], constant: -100, &generator)
    let host = try await GatherBounder(network, region, GatherOptions(repeatsInBinary64: false))
    let device = try #require(try await DeviceGatherBounder(host, region, device: firstDevice(), batch: 128))
    let definition = try #require(
      try await DeviceGatherBounder(host, region, device: referenceDevice(), batch: 128))
    let cases = items(host, rows: 3, count: 150, network, region, &generator)
    for iterations in [0, 5] {
      let deadline = ContinuousClock.now + .seconds(300)
      let found = try await device.bound(cases.map(\.item), iterations: iterations, deadline: deadline)
      let wanted = try await host.bound(cases.map(\.item), iterations: iterations, deadline: deadline)
      let slow = try await definition.bound(cases.map(\.item), iterations: iterations, deadline: deadline)
      for index in cases.indices {
        let charge = wanted[index].estimate - wanted[index].bound
        #expect(abs(found[index].estimate - wanted[index].estimate) <= 2 * charge + 1e-3 * Double(iterations))
        #expect(abs(found[index].bound - slow[index].bound) <= charge + 1e-3 * Double(iterations))
        let row = region.rows[cases[index].item.row]
        #expect(found[index].bound <= row.value(network.evaluate(cases[index].point)), "seed \(seed)")
        #expect(found[index].bound.isFinite && found[index].slopes.count == host.slots.count)
        #expect(found[index].scores.allSatisfy { $0 >= 0 })
      }
      if iterations > 0 {
        let plain = try await device.bound(cases.map(\.item), iterations: 0, deadline: deadline)
        #expect(zip(found, plain).allSatisfy { $0.bound >= $1.bound })
        let gain = zip(found, plain).reduce(0) { $0 + $1.0.bound - $1.1.bound } / Double(plain.count)
        #expect(gain > 1e-3, "ascent gains \(gain)")
        // Slopes and multipliers that come back give the bound again.
        let again = try await device.bound(
          cases.indices.map { index in
            var item = cases[index].item
            (item.slopes, item.multipliers) = (found[index].slopes, found[index].multipliers)
            return item
          }, iterations: 0, deadline: deadline)
        #expect(zip(found, again).allSatisfy { abs($0.bound - $1.bound) < 1e-5 })
      }
    }
  }

  /// The gradient in slopes and multipliers, against that of the CPU in binary64, which is held against difference
  /// quotients.
  @Test func gradientsAgreeWithTheCPU() async throws {
    var compared = 0
    for seed in 20..<24 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let network = randomNetwork([7, 30, 41, 20, 5], &generator)
      let region = randomCase(network, radius: 0.25, clauses: [1, 1, 1], constant: -100, &generator)
      let wide = try await GatherBounder(network, region, GatherOptions(precision: .binary64))
      let host = try await GatherBounder(network, region, GatherOptions())
      #expect(wide.slots == host.slots)
      var cases = items(host, rows: 3, count: 40, network, region, &generator).map(\.item)
      for index in cases.indices {
        cases[index].slopes = host.slots.map { _ in Float.random(in: 0.1...0.9, using: &generator) }
      }
      for device in [try firstDevice(), referenceDevice()] as [any Device] {
        let bounder = try #require(try await DeviceGatherBounder(host, region, device: device, batch: 128))
        for (item, found) in zip(cases, try await bounder.gradients(cases)) {
          let wanted = wide.gradient(item)
          #expect(abs(found.estimate - wanted.estimate) < 1e-3, "seed \(seed)")
          for (a, b) in zip(found.gradient, wanted.gradient) {
            #expect(abs(a - b) < 1e-3 * (1 + abs(b)), "seed \(seed)")
            if abs(b) > 0.01 { compared += 1 }
          }
        }
      }
    }
    #expect(compared > 1000)
  }

  @Test func arithmeticIsAdmitted() async throws {
    #expect(try await GatherAdmission.fault(try firstDevice()) == nil)
    #expect(try await GatherAdmission.fault(referenceDevice()) == nil)
  }

  @Test func aPassedDeadlineGivesNoBounds() async throws {
    var generator = SeededGenerator(seed: 9)
    let network = randomNetwork([7, 30, 41, 20, 5], &generator)
    let region = randomCase(network, radius: 0.1, clauses: [1], constant: 0, &generator)
    let host = try await GatherBounder(network, region, GatherOptions())
    let device = try #require(try await DeviceGatherBounder(host, region, device: firstDevice(), batch: 128))
    let found = try await device.bound([SplitItem(row: 0)], iterations: 3, deadline: .now)
    #expect(found[0].bound == -.infinity)
  }
}
