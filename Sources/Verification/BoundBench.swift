// Rates of the bound passes that searches rest on, on the CPU and on a device, with and without their error terms.
//
// A pass is one backward bound of all rows of a part (input splits) or of one row of a part (splits of ReLUs). Turns with
// and without error terms alternate, so that a machine that changes its speed changes both.

import BranchAndBound
import Compute
import DeviceBounds
import FusedBounds
import GatherBounds
import Networks

/// Measures the bound paths that fit a problem.
public struct BoundBench: Sendable {
  /// What one path did.
  public struct Rate: Sendable {
    /// "fused, binary64", "gather blocks, binary32" or "general, binary64".
    public var path: String
    public var isRoundingSafe: Bool
    /// Parts or items that went through together.
    public var batch: Int
    /// Passes per second of each turn, ascending.
    public var turns: [Double]

    public var median: Double { turns[turns.count / 2] }
    /// Bounds that a search takes for one subproblem: the steps of ascent and the bound that they lead to.
    public var boundsPerSubproblem: Int { isOneRow ? BoundBench.iterations + 1 : 1 }
    /// Whether a bound is one row's products with every layer, as with gather blocks: `Network.multiplyAdds` of them.
    public var isOneRow: Bool { path.hasPrefix("gather") }
  }

  let problem: SearchProblem
  let threads: Int
  /// For all turns of one path and rounding.
  let seconds: Double
  let turns: Int
  /// With error terms, without them, or both in turn.
  let roundings: [Bool]

  public init(
    _ problem: SearchProblem, threads: Int, seconds: Double = 1, turns: Int = 5, roundings: [Bool] = [true, false]
  ) {
    self.problem = problem
    self.threads = threads
    self.seconds = seconds
    self.turns = turns
    self.roundings = roundings
  }

  /// One way of bounding, ready to go: does some work and returns how many passes that were.
  struct Path: Sendable {
    var name: String
    var isRoundingSafe: Bool
    var batch: Int
    var work: @Sendable () async throws -> Int
  }

  /// The rates of all paths that can bound this problem on a device (nil: the CPU).
  public func rates(on device: (any Device)?) async throws -> [Rate] {
    var rates: [Rate] = []
    let makers: [(Bool) async throws -> Path?] =
      device.map { device in
        [{ try await fused(on: device, $0) }, { try await gather(on: device, $0) }]
      } ?? [{ try fused($0) }, { try await gather($0) }, { general($0) }]
    for make in makers {
      var paths: [Path] = []
      for isSafe in roundings { if let path = try await make(isSafe) { paths.append(path) } }
      rates += try await measure(paths)
    }
    return rates
  }

  private func measure(_ paths: [Path]) async throws -> [Rate] {
    var rates = paths.map { Rate(path: $0.name, isRoundingSafe: $0.isRoundingSafe, batch: $0.batch, turns: []) }
    for path in paths { _ = try await path.work() }
    for _ in 0..<turns {
      for (index, path) in paths.enumerated() {
        let start = ContinuousClock.now
        var passes = 0
        var elapsed = 0.0
        repeat {
          passes += try await path.work()
          elapsed = (ContinuousClock.now - start).inSeconds
        } while elapsed < seconds / Double(turns)
        rates[index].turns.append(Double(passes) / elapsed)
      }
    }
    for index in rates.indices { rates[index].turns.sort() }
    return rates
  }

  // MARK: Input splits

  /// Parts as a search has them after some halvings; lows, then highs.
  private func parts(_ count: Int) -> [[Double]] {
    let region = problem.verificationCase
    let wide = region.lower.indices.filter { region.lower[$0] < region.upper[$0] }
    var random = SplitMix(state: 0x5eed)
    return (0..<count).map { _ in
      var (low, high) = (region.lower, region.upper)
      for _ in 0..<(wide.isEmpty ? 0 : 8) {
        let axis = wide[Int(random.next() % UInt64(wide.count))]
        let middle = 0.5 * low[axis] + 0.5 * high[axis]
        if random.next() & 1 == 0 { low[axis] = middle } else { high[axis] = middle }
      }
      return low + high
    }
  }

  private func fused(_ isSafe: Bool) throws -> Path? {
    guard problem.isSmall, let bounds = try? FusedBounds(problem, isRoundingSafe: isSafe) else { return nil }
    let parts = parts(4096)
    let inputs = problem.verificationCase.lower.count
    let (lower, upper) = (parts.map { Array($0[..<inputs]) }, parts.map { Array($0[inputs...]) })
    return Path(name: "fused, binary64", isRoundingSafe: isSafe, batch: parts.count) { [threads] in
      _ = try await bounds.lowerBounds(lower: lower, upper: upper, inheritsStability: true, threads: threads)
      return parts.count
    }
  }

  /// Whole rounds of the device's search: bounds, clips and pushed splits.
  private func fused(on device: any Device, _ isSafe: Bool) async throws -> Path? {
    guard DeviceInputSearch.refusal(problem) == nil, let chain = ReLUChain(problem.network),
      let tables = ChainTables(chain, problem.verificationCase, semantics: .real, isSafe: isSafe)
    else { return nil }
    let capacity = 1 << 17
    let session = try await SearchSession(device, tables.shape, capacity: capacity, isSafe: isSafe)
    if let fault = try await session.admissionFault() { throw DeviceError.unsupported(fault) }
    try session.loadRound(parts(256), tables)
    for _ in 0..<2 { try await session.repeatRound(256, tables) }
    let start = ContinuousClock.now
    try await session.repeatRound(256, tables)
    let count = min(capacity, max(256, Int(256 * min(0.08, seconds) / (ContinuousClock.now - start).inSeconds)))
    try session.loadRound(parts(count), tables)
    return Path(name: "fused, binary64", isRoundingSafe: isSafe, batch: count) {
      try await session.repeatRound(count, tables)
      return count
    }
  }

  /// The search for any network, as far as it gets; only problems that it is the last resort of.
  private func general(_ isSafe: Bool) -> Path? {
    guard problem.isSmall || !problem.network.isReLUNetwork else { return nil }
    let engine = EngineTable.general
    let (problem, threads) = (problem, threads)
    let slice = seconds / Double(turns)
    return Path(name: "general, binary64", isRoundingSafe: isSafe, batch: 1) {
      let outcome = try await engine.search(
        problem,
        SearchOptions(deadline: .now + .seconds(slice), isRoundingSafe: isSafe, threads: threads),
        SearchEvents(isWitness: { _ in false }))
      return outcome.progress.subproblems
    }
  }

  // MARK: Splits of ReLUs

  /// Steps of ascent for a new part, as the search takes them.
  fileprivate static let iterations = 10

  private func items(_ bounder: some ActivationSplitBounder) -> [SplitItem] {
    var random = SplitMix(state: 0x5eed)
    return (0..<bounder.preferredBatch).map { index in
      var splits: [Split] = []
      for _ in 0..<min(8, bounder.slots.count) {
        let slot = Int32(random.next() % UInt64(bounder.slots.count))
        if splits.contains(where: { $0.slot == slot }) { continue }
        splits.append(Split(slot: slot, isActive: random.next() & 1 == 0))
      }
      return SplitItem(row: index % problem.verificationCase.rows.count, splits: splits)
    }
  }

  private func hostBounder(_ isSafe: Bool) async throws -> GatherBounder? {
    guard problem.network.isReLUNetwork else { return nil }
    return try await GatherBounder(
      problem.network, problem.verificationCase, GatherOptions(isRoundingSafe: isSafe, threads: threads))
  }

  private func gather(_ isSafe: Bool) async throws -> Path? {
    guard let bounder = try await hostBounder(isSafe) else { return nil }
    let items = items(bounder)
    return Path(name: "gather blocks, binary32", isRoundingSafe: isSafe, batch: items.count) {
      _ = try await bounder.measure(items, iterations: Self.iterations, deadline: .now + .seconds(3600))
      return items.count * (Self.iterations + 1)
    }
  }

  private func gather(on device: any Device, _ isSafe: Bool) async throws -> Path? {
    guard let host = try await hostBounder(isSafe),
      let bounder = try await DeviceGatherBounder(
        host, problem.verificationCase, device: device, batch: seconds < 0.5 ? 128 : nil)
    else { return nil }
    let items = items(bounder)
    return Path(name: "gather blocks, binary32", isRoundingSafe: isSafe, batch: items.count) {
      try await bounder.measure(items, iterations: Self.iterations)
      return items.count * (Self.iterations + 1)
    }
  }
}

extension SearchProblem {
  /// Whether few inputs vary, so that splits of the input box are tried.
  var isSmall: Bool {
    zip(verificationCase.lower, verificationCase.upper).count { $0 < $1 } <= 12
  }
}

/// Steele, Lea and Flood 2014.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
