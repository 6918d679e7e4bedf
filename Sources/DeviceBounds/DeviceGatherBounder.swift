// Bounds under activation splits on a device: the plan and the root's bounds come from the CPU's gather blocks, items go
// through the passes in batches whose slopes, multipliers and moments stay on the device between iterations.

import BranchAndBound
import Compute
import GatherBounds
import Glibc
import Networks

/// The gather-block bounder on a device, in binary32 with its error term.
///
/// Guarantee: as the protocol says; a device whose arithmetic fails `GatherAdmission` is refused.
public final class DeviceGatherBounder: ActivationSplitBounder {
  public let lower: [Double]
  public let upper: [Double]
  public let slots: [Int]
  public let rootSlopes: [ProofTree.RootSlopes]
  public let preferredBatch: Int
  private let tables: GatherTables
  private let host: GatherBounder
  private let verificationCase: VerificationCase
  /// Prepared passes, the smallest first.
  private let batches: [Batch]

  /// Nil where the region is more than a box or the bounder is not in binary32. Throws `DeviceError` or `ShapeError`.
  ///
  /// - Parameter batch: items that go through the passes together; nil: what keeps the device busy for some 40 ms.
  public init?(
    _ bounder: GatherBounder, _ verificationCase: VerificationCase, device: any Device, batch: Int? = nil
  ) async throws {
    guard let tables = bounder.tables else { return nil }
    try await GatherAdmission.check(device)
    lower = bounder.lower
    upper = bounder.upper
    slots = bounder.slots
    rootSlopes = bounder.rootSlopes
    host = bounder
    self.tables = tables
    self.verificationCase = verificationCase
    let bytesPerItem = 4 * (tables.rowCount + 5 * tables.slotCount + 3 * tables.blockCount) + tables.inputRows + 64
    let fitting = device.memory / 4 / max(1, bytesPerItem)
    func whole(_ items: Int) -> Int { max(128, min(items, fitting) / 128 * 128) }
    // A few rows at the root must not cost a full batch's time.
    let smallest = whole(batch ?? 128)
    var batches = [try await Batch(tables, items: smallest, device)]
    if batch == nil {
      let seconds = try await batches[0].secondsForAPass()
      // Calls must end near their deadline.
      guard seconds < 0.15 else {
        throw DeviceError.unsupported(
          "one pass over this network takes \(Int(seconds * 1000)) ms on \(device.identity.name), too long")
      }
      let items = whole(Int(min(8192, 128 * 0.04 / max(seconds, 1e-6))))
      if items >= 8 * smallest { batches.append(try await Batch(tables, items: whole(items / 8), device)) }
      if items > smallest { batches.append(try await Batch(tables, items: items, device)) }
    }
    self.batches = batches
    preferredBatch = batches.last!.pass.items
  }

  /// A prepared pass, used by one call at a time.
  private actor Batch {
    nonisolated let pass: GatherPass
    private let prepared: any PreparedList
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ tables: GatherTables, items: Int, _ device: any Device) async throws {
      var list = CommandList()
      pass = GatherPass(tables, items: items, in: &list)
      try list.append(pass)
      prepared = try await device.prepare(list, instances: 1)[0]
    }

    func withPrepared<Result: Sendable>(
      _ body: @Sendable (any PreparedList) async throws -> Result
    ) async throws -> Result {
      if isBusy { await withCheckedContinuation { waiting.append($0) } }
      isBusy = true
      defer {
        // The next one in line takes over without the flag falling.
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
      }
      return try await body(prepared)
    }

    /// Of the second pass of two; the first one may build kernels.
    func secondsForAPass() async throws -> Double {
      let order: [Float] = [1, 0, 0, 1, 1]
      try prepared.write(order, to: pass.order)
      try await prepared.run()
      let start = ContinuousClock.now
      try await prepared.run()
      return (ContinuousClock.now - start) / .seconds(1)
    }
  }

  public func bound(
    _ items: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async throws -> [SplitBound] {
    var result: [SplitBound] = []
    while result.count < items.count {
      let left = items.count - result.count
      let batch = batches.first { $0.pass.items >= left } ?? batches.last!
      let part = Array(items[result.count..<result.count + min(left, batch.pass.items)])
      result += try await batch.withPrepared { [self] prepared in
        try await bound(part, prepared, batch.pass, iterations, deadline)
      }
    }
    try await host.repeatInBinary64(items, &result, deadline: deadline)
    return result
  }

  /// Bounds items without stopping at proven ones, for measurements.
  package func measure(_ items: [SplitItem], iterations: Int) async throws {
    precondition(items.count <= preferredBatch)
    let batch = batches.last!
    _ = try await batch.withPrepared { [self] prepared in
      try await bound(items, prepared, batch.pass, iterations, .now + .seconds(3600), stopsEarly: false)
    }
  }

  /// The bounds before errors of at most a batch of items, and their gradients in the slopes (or multipliers) of all slots.
  package func gradients(_ items: [SplitItem]) async throws -> [(estimate: Double, gradient: [Float])] {
    precondition(items.count <= preferredBatch)
    return try await batches.last!.withPrepared { [self] prepared in
      let pass = batches.last!.pass
      try load(items, prepared, pass)
      try await run(prepared, pass, what: 0, step: 0, of: 1, isFirst: true)
      let totals = try prepared.read(pass.totals, as: Double.self)
      // The first moment after the first step of Adam is a tenth of the gradient.
      try await run(prepared, pass, what: 1, step: 0, of: 1, isFirst: false)
      let moments = try prepared.read(pass.moments1, as: Float.self)
      return items.indices.map { lane in
        (totals[4 * lane], tables.places.map { 10 * moments[$0.place * pass.items + lane] })
      }
    }
  }

  private func bound(
    _ part: [SplitItem], _ prepared: any PreparedList, _ pass: GatherPass, _ iterations: Int,
    _ deadline: ContinuousClock.Instant, stopsEarly: Bool = true
  ) async throws -> [SplitBound] {
    if ContinuousClock.now >= deadline { return part.map { unbounded($0) } }
    try load(part, prepared, pass)
    var best = [SplitOutcome](repeating: SplitOutcome(), count: part.count)
    var isBest = [Bool](repeating: true, count: part.count)
    var step = 0
    try await run(prepared, pass, what: 0, step: 0, of: iterations, isFirst: true)
    while true {
      let totals = try prepared.read(pass.totals, as: Double.self)
      let improved = try prepared.read(pass.improved, as: Int32.self)
      var open = 0
      for lane in part.indices {
        isBest[lane] = improved[lane] != 0
        let bound = totals[4 * lane + 3]
        if step == 0 || bound > best[lane].bound || best[lane].bound.isNaN {
          best[lane] = SplitOutcome(bound: bound, estimate: totals[4 * lane])
        }
        let row = verificationCase.rows[part[lane].row]
        if !(best[lane].bound > 0 || row.isStrict && best[lane].bound == 0) { open += 1 }
      }
      if open == 0 && stopsEarly || step >= iterations || ContinuousClock.now >= deadline { break }
      try await run(prepared, pass, what: 1, step: step, of: iterations, isFirst: false)
      step += 1
    }
    // Coefficients, choices and parameters of each lane's best bound.
    if isBest.contains(false) { try await run(prepared, pass, what: 2, step: 0, of: iterations, isFirst: false) }
    return try results(part, best, prepared, pass)
  }

  private struct SplitOutcome {
    var bound = -Double.infinity
    var estimate = -Double.infinity
  }

  private func run(
    _ prepared: any PreparedList, _ pass: GatherPass, what: Float, step: Int, of iterations: Int, isFirst: Bool
  ) async throws {
    let rates = host.options.rates
    let decay = pow(rates.decay(steps: iterations), Double(step))
    let first = 1 / (1 - pow(0.9, Double(step + 1)))
    let order: [Float] = [
      what, Float(rates.slope * decay * first), Float(rates.multiplier * decay * first),
      Float(1 / (1 - pow(0.999, Double(step + 1)))), isFirst ? 1 : 0,
    ]
    try prepared.write(order, to: pass.order)
    try await prepared.run()
  }

  private func unbounded(_ item: SplitItem) -> SplitBound {
    SplitBound(
      bound: -.infinity, estimate: -.infinity, slopes: item.slopes.isEmpty ? tables.defaultSlopes : item.slopes,
      multipliers: item.splits.indices.map { $0 < item.multipliers.count ? item.multipliers[$0] : 0 },
      scores: Array(repeating: 0, count: slots.count), minimizer: verificationCase.lower)
  }

  /// Uploads rows, slopes, multipliers and marks; moments start at zero.
  private func load(_ part: [SplitItem], _ prepared: any PreparedList, _ pass: GatherPass) throws {
    let items = pass.items
    var rows = [Int32](repeating: 0, count: items)
    var parameters = [Float](repeating: 0, count: max(1, tables.slotCount) * items)
    var marks = [UInt32](repeating: 0, count: tables.blockCount * items)
    for (slot, place) in tables.places.enumerated() {
      for lane in 0..<items {
        let given = lane < part.count && !part[lane].slopes.isEmpty
        let slope = given ? part[lane].slopes[slot] : tables.defaultSlopes[slot]
        parameters[place.place * items + lane] = slope >= 0 ? min(slope, 1) : 0
      }
    }
    for (lane, item) in part.enumerated() {
      rows[lane] = Int32(item.row)
      for (index, split) in item.splits.enumerated() {
        let place = tables.places[Int(split.slot)]
        marks[place.block * items + lane] |= (split.isActive ? 1 : 2) << UInt32(2 * place.bit)
        let multiplier = index < item.multipliers.count ? item.multipliers[index] : 0
        parameters[place.place * items + lane] = multiplier >= 0 && multiplier.isFinite ? multiplier : 0
      }
    }
    let zeros = [Float](repeating: 0, count: parameters.count)
    try prepared.write(rows, to: pass.rowOfItem)
    try prepared.write(parameters, to: pass.parameters)
    try prepared.write(zeros, to: pass.moments1)
    try prepared.write(zeros, to: pass.moments2)
    try prepared.write(marks, to: pass.marks)
  }

  private func results(
    _ part: [SplitItem], _ best: [SplitOutcome], _ prepared: any PreparedList, _ pass: GatherPass
  ) throws -> [SplitBound] {
    let items = pass.items
    let parameters = try prepared.read(pass.parameters, as: Float.self)
    let coefficients = try prepared.read(pass.coefficients, as: Float.self)
    let choice = try prepared.read(pass.choice, as: Int8.self)
    return part.enumerated().map { lane, item in
      var result = unbounded(item)
      (result.bound, result.estimate) = (best[lane].bound, best[lane].estimate)
      for (slot, place) in tables.places.enumerated() {
        result.slopes[slot] = parameters[place.place * items + lane]
        result.scores[slot] = max(0, -coefficients[place.place * items + lane]) * tables.intercepts[slot]
      }
      for (index, split) in item.splits.enumerated() {
        let slot = Int(split.slot)
        result.multipliers[index] = result.slopes[slot]
        result.slopes[slot] = item.slopes.isEmpty ? tables.defaultSlopes[slot] : item.slopes[slot]
        result.scores[slot] = 0
      }
      for (input, row) in tables.rowOfInput.enumerated() {
        let isUpper = row >= 0 && choice[row * items + lane] != 0
        result.minimizer[input] = isUpper ? verificationCase.upper[input] : verificationCase.lower[input]
      }
      return result
    }
  }
}
