// The fused search on a device: its bounds hold, its tree is the definition's, its verdicts are right.

import BranchAndBound
import CPUCompute
import Compute
import DeviceBounds
import Networks
import OpenCLCompute
import TestSupport
import Testing

@Suite(.serialized) struct InputSearchTests {
  /// One shape for most tests, so that the kernel is built once.
  static let counts = [3, 9, 9, 9, 4]
  static let clauses = [2, 1, 3]

  private func random(_ seed: UInt64, radius: Double, constant: Double) -> SearchProblem {
    var generator = SeededGenerator(seed: seed)
    let network = randomNetwork(Self.counts, &generator)
    return SearchProblem(
      network: network,
      verificationCase: randomCase(network, radius: radius, clauses: Self.clauses, constant: constant, &generator))
  }

  private func options(seconds: Double = 300) -> SearchOptions {
    SearchOptions(deadline: .now + .seconds(seconds))
  }

  /// The admission search on the device and by definition; its first rounds have known counters.
  @Test(arguments: [SearchShape(layers: 3, width: 9, inputs: 3, rows: 8)])
  func theSmallTreeIsTheDefinitions(shape: SearchShape) async throws {
    let session = try await SearchSession(try firstDevice(), shape, capacity: 4096, isSafe: true)
    #expect(try await session.admissionFault() == nil)
  }

  @Test func boundsHoldAndAgreeWithTheDefinition() async throws {
    let device = try await DeviceInputSearchBounds(try firstDevice(), Self.counts, rows: 6)
    let host = try await DeviceInputSearchBounds(referenceDevice(), Self.counts, rows: 6)
    for seed in 0..<6 as Range<UInt64> {
      var generator = SeededGenerator(seed: 100 + seed)
      let problem = random(seed, radius: 0.4, constant: 0)
      for semantics in [Semantics.real, .both] {
        let tables = try #require(
          ChainTables(ReLUChain(problem.network)!, problem.verificationCase, semantics: semantics))
        let boxes = (0..<40).map { _ in part(of: problem.verificationCase, &generator) }
        let found = try await device.session.bounds(boxes, tables)
        let wanted = try await host.session.bounds(boxes, tables)
        for (box, (bounds, definition)) in zip(boxes, zip(found, wanted)) {
          for (bound, other) in zip(bounds, definition) {
            #expect(bound.isFinite && abs(bound - other) <= 1e-11 * (1 + abs(other)), "seed \(seed)")
          }
          for _ in 0..<50 {
            let x = (0..<3).map { Double.random(in: box[$0]...box[3 + $0], using: &generator) }
            let values = problem.network.evaluate(x)
            for (row, bound) in zip(problem.verificationCase.rows, bounds) {
              #expect(row.value(values) >= bound - 1e-13, "seed \(seed)")
            }
          }
        }
      }
    }
  }

  /// A part of the region whose sides are binary64 numbers.
  private func part(of region: VerificationCase, _ generator: inout SeededGenerator) -> [Double] {
    var low = region.lower
    var high = region.upper
    for _ in 0..<Int.random(in: 0...6, using: &generator) {
      let axis = Int.random(in: 0..<low.count, using: &generator)
      let middle = 0.5 * low[axis] + 0.5 * high[axis]
      if Bool.random(using: &generator) { low[axis] = middle } else { high[axis] = middle }
    }
    return low + high
  }

  /// "Proven" survives sampling, a witness is one, and both verdicts occur.
  @Test func verdictsAreRight() async throws {
    let engine = DeviceInputSearch(device: try firstDevice(), capacity: 1 << 12)
    let host = DeviceInputSearch(device: referenceDevice(), capacity: 1 << 12)
    var proven = 0
    var refuted = 0
    for seed in 0..<16 as Range<UInt64> {
      let problem = random(seed, radius: 0.5, constant: 0.25)
      let isForbidden: @Sendable ([Double]) -> Bool = { x in
        let values = problem.network.evaluate(x)
        return problem.verificationCase.clauses.contains { clause in
          clause.allSatisfy { problem.verificationCase.rows[$0].value(values) <= 0 }
        }
      }
      #expect(DeviceInputSearch.refusal(problem) == nil)
      let events = SearchEvents(isWitness: isForbidden)
      let outcome = try await engine.search(problem, options(), events)
      let definition = try await host.search(problem, options(), events)
      #expect(outcome.progress.subproblems == definition.progress.subproblems, "seed \(seed)")
      switch outcome.result {
      case .proven:
        proven += 1
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
          let x = zip(problem.verificationCase.lower, problem.verificationCase.upper).map {
            Double.random(in: $0...$1, using: &generator)
          }
          #expect(!isForbidden(x), "seed \(seed)")
        }
      case .witness(let x):
        refuted += 1
        #expect(isForbidden(x), "seed \(seed)")
      case .timeout, .unknown: Issue.record("seed \(seed) ended without a verdict: \(outcome.result)")
      }
    }
    #expect(proven >= 3 && refuted >= 3)
  }

  /// With a frontier of 8 entries most of the search waits in host memory, and the tree stays the same.
  @Test func aSmallFrontierSpillsToTheHost() async throws {
    let problem = random(3, radius: 3, constant: 0)
    var counts: [Int] = []
    for capacity in [8, 1 << 12] {
      let engine = DeviceInputSearch(device: try firstDevice(), capacity: capacity)
      let outcome = try await engine.search(
        hardened(problem), options(), SearchEvents(isWitness: { _ in false }))
      guard case .proven = outcome.result else {
        Issue.record("\(outcome.result)")
        return
      }
      counts.append(outcome.progress.subproblems)
    }
    #expect(counts[0] == counts[1] && counts[0] > 100, "\(counts)")
  }

  /// The same region with constants that make every row just positive: min over a grid, and a little.
  private func hardened(_ problem: SearchProblem) -> SearchProblem {
    var problem = problem
    var least = [Double](repeating: .infinity, count: problem.verificationCase.rows.count)
    let (low, high) = (problem.verificationCase.lower, problem.verificationCase.upper)
    for cell in 0..<(21 * 21 * 21) {
      let steps = [cell % 21, cell / 21 % 21, cell / 441]
      let x: [Double] = (0..<3).map { axis in
        let part = Double(steps[axis]) / 20
        return low[axis] + (high[axis] - low[axis]) * part
      }
      let values = problem.network.evaluate(x)
      for (index, row) in problem.verificationCase.rows.enumerated() {
        least[index] = min(least[index], row.value(values))
      }
    }
    for index in least.indices { problem.verificationCase.rows[index].constant -= least[index] - 0.05 }
    return problem
  }

  @Test func theDeadlineIsMet() async throws {
    let problem = random(3, radius: 3, constant: -50)
    let engine = DeviceInputSearch(device: try firstDevice(), capacity: 1 << 12)
    _ = try await engine.search(problem, options(), SearchEvents(isWitness: { _ in true }))
    let start = ContinuousClock.now
    let outcome = try await engine.search(
      problem, options(seconds: 0.4), SearchEvents(isWitness: { _ in false }))
    guard case .timeout = outcome.result else {
      Issue.record("\(outcome.result)")
      return
    }
    #expect(!Timing.isMeasured || ContinuousClock.now - start < .seconds(0.7))
  }

  @Test func whatDoesNotFitIsRefusedInWords() async throws {
    var problem = random(1, radius: 0.1, constant: 0)
    problem.verificationCase.ball = VerificationCase.Ball(norm: .l2, centre: [0, 0, 0], radius: 1)
    #expect(DeviceInputSearch.refusal(problem)?.contains("box") == true)
    var generator = SeededGenerator(seed: 1)
    problem = random(1, radius: 0.1, constant: 0)
    problem.network = randomNetwork([3, 70, 4], &generator)
    #expect(DeviceInputSearch.refusal(problem)?.contains("64") == true)
    let engine = DeviceInputSearch(device: try firstDevice())
    let outcome = try await engine.search(problem, options(), SearchEvents(isWitness: { _ in false }))
    guard case .unknown = outcome.result else {
      Issue.record("\(outcome.result)")
      return
    }
  }
}

/// A session for bounds alone.
struct DeviceInputSearchBounds {
  let session: SearchSession

  init(_ device: any Device, _ counts: [Int], rows: Int) async throws {
    let shape = SearchShape(
      layers: counts.count - 2, width: counts[1..<counts.count - 1].max()!, inputs: counts[0], rows: rows)
    session = try await SearchSession(device, shape, capacity: 4096, isSafe: true)
  }
}
