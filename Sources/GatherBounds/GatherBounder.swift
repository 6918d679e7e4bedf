// Backward linear bounds (CROWN; alpha-CROWN, Xu et al. 2021; beta-CROWN, Wang et al. 2021) of many items at once by
// gather blocks, in binary32 with the running error term or in binary64.

import BranchAndBound
import Networks
import Synchronization

/// Bounds of one case on a network of affine maps and ReLUs.
///
/// Every bound holds in real arithmetic (and in every binary32 evaluation, as the semantics asks) with the arithmetic
/// that computed it: soundness.md section 1.
public final class GatherBounder: ActivationSplitBounder, Sendable {
  public var lower: [Double] { region.lower }
  public var upper: [Double] { region.upper }
  public let slots: [Int]
  public let rootSlopes: [ProofTree.RootSlopes]
  public let preferredBatch: Int
  /// For how many rows backward bounds were computed at the root.
  public let rootRowCount: Int
  public let options: GatherOptions

  let network: Network
  let verificationCase: VerificationCase
  let region: GatherRegion
  let units: GatherUnits
  let ball: GatherBall?
  let engine: GatherEngine
  /// The binary64 engine, made when the first row needs it.
  private let wideEngine = Mutex<GatherEngine?>(nil)

  /// Bounds the region's neurons. Throws for relations other than affine maps and ReLU, and `SplitBoundError.timeout`
  /// where the options' deadline comes first.
  public init(_ network: Network, _ verificationCase: VerificationCase, _ options: GatherOptions) async throws {
    if options.semantics != .real, let problem = network.float32Problem { throw GatherError.noFloat32Claim(problem) }
    self.network = network
    self.verificationCase = verificationCase
    self.options = options
    units = try GatherUnits(network, deadline: options.deadline)
    let inputs = GatherRegion(verificationCase, of: network)
    ball = GatherBall(verificationCase.ball, inputs, inputs: network.inputs)
    var root = GatherRoot(units, inputs, options, ball: ball)
    let plan = try await root.bound(
      iterations: options.intermediateIterations, ascentDeadline: options.intermediateDeadline,
      deadline: options.deadline)
    rootSlopes = root.slopes.sorted { ($0.neuron, $0.isLower ? 0 : 1) < ($1.neuron, $1.isLower ? 0 : 1) }
    region = root.region
    rootRowCount = root.rowCount
    slots = plan.slotNeurons.sorted()
    engine = GatherEngine(plan, region, slots, verificationCase, options, ball: ball)
    preferredBatch = engine.items * options.threads * 2
  }

  /// The part of another bounder's region that splits cut out; throws `EmptyPart`.
  private init(
    _ whole: GatherBounder, _ splits: [NeuronSplit], threads: Int, deadline: ContinuousClock.Instant
  ) async throws {
    var options = whole.options
    options.threads = threads
    self.options = options
    network = whole.network
    verificationCase = whole.verificationCase
    units = whole.units
    ball = whole.ball
    rootSlopes = []
    var root = GatherRoot(units, whole.region, options, ball: ball, splits: splits)
    let plan = try await root.bound(deadline: deadline)
    if root.isEmpty { throw EmptyPart() }
    region = root.region
    rootRowCount = root.rowCount
    slots = plan.slotNeurons.sorted()
    engine = GatherEngine(plan, region, slots, verificationCase, options, ball: ball)
    preferredBatch = engine.items * options.threads * 2
  }

  /// The same with other bounds of the neurons.
  init(_ whole: GatherBounder, _ region: GatherRegion, threads: Int) {
    var options = whole.options
    options.threads = threads
    self.options = options
    network = whole.network
    verificationCase = whole.verificationCase
    units = whole.units
    ball = whole.ball
    rootSlopes = []
    rootRowCount = 0
    self.region = region
    let plan = Self.plan(units, region, options, options.precision)
    slots = plan.slotNeurons.sorted()
    engine = GatherEngine(plan, region, slots, verificationCase, options, ball: ball)
    preferredBatch = engine.items * options.threads * 2
  }

  /// The plan of all units with the bounds of a region.
  private static func plan(
    _ units: GatherUnits, _ region: GatherRegion, _ options: GatherOptions, _ precision: GatherPrecision
  ) -> GatherPlan {
    let plan = GatherPlan(units, precision, options, isGrowing: false)
    for _ in units.units { plan.append(region) }
    for unit in units.units.indices { plan.listConsumers(of: unit) }
    plan.finish()
    return plan
  }

  private struct EmptyPart: Error {}

  public func narrowed(
    to splits: [NeuronSplit], threads: Int, deadline: ContinuousClock.Instant
  ) async throws -> NarrowedBounder? {
    // A binary32 evaluation need not respect a split of the real values.
    guard options.semantics == .real else { return nil }
    do {
      return .part(try await GatherBounder(self, splits, threads: threads, deadline: deadline))
    } catch is EmptyPart {
      return .empty
    } catch SplitBoundError.timeout {
      // The whole's bounds hold on the part; nobody has time for better ones.
      return nil
    }
  }

  public func bound(
    _ items: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async throws -> [SplitBound] {
    var results = await engine.bound(items, iterations: iterations, deadline: deadline)
    try await repeatInBinary64(items, &results, deadline: deadline)
    return results
  }

  /// Bounds in binary64 the items whose binary32 bounds fail only by their error; for bounders on other devices too.
  package func repeatInBinary64(
    _ items: [SplitItem], _ results: inout [SplitBound], deadline: ContinuousClock.Instant
  ) async throws {
    guard options.repeatsInBinary64, options.precision == .binary32, options.isRoundingSafe else { return }
    let again = items.indices.filter { !(results[$0].bound > 0) && results[$0].estimate > 0 }
    if again.isEmpty || ContinuousClock.now >= deadline { return }
    let repeated = again.map { index in
      SplitItem(
        row: items[index].row, splits: items[index].splits, slopes: results[index].slopes,
        multipliers: results[index].multipliers)
    }
    let bounds = await makeWideEngine().bound(repeated, iterations: 0, deadline: deadline)
    for (place, index) in again.enumerated() where bounds[place].bound > results[index].bound {
      results[index] = bounds[place]
    }
  }

  /// The same region and slots in binary64.
  private func makeWideEngine() -> GatherEngine {
    wideEngine.withLock { engine in
      if let engine { return engine }
      let plan = Self.plan(units, region, options, .binary64)
      let made = GatherEngine(plan, region, slots, verificationCase, options, ball: ball)
      engine = made
      return made
    }
  }
}

extension GatherBounder {
  /// Sizes of the plan, for reports: neurons that are alive, entries of lists, multiply-adds of a pass.
  package var summary: String {
    let plan = engine.plan
    var backward = 0
    var forward = 0
    for storage in plan.blocks {
      let blocks = Int(storage.unit.blocks)
      backward += 8 * Int(storage.unit.back_starts[blocks])
      forward += 8 * Int(storage.unit.fore_starts[blocks])
    }
    return "rows \(plan.rowCount), blocks \(plan.blockCount), multiply-adds backward \(backward), forward \(forward)"
  }

  /// The bound before errors of one item, and its gradient in the slopes (or multipliers) of all slots.
  package func gradient(_ item: SplitItem) -> (estimate: Double, gradient: [Float]) { engine.gradient(item) }

  /// Bounds items without stopping at proven ones; the milliseconds spent.
  package func measure(
    _ items: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async throws -> Double {
    let start = ContinuousClock.now
    _ = await engine.bound(items, iterations: iterations, deadline: deadline, stopsEarly: false)
    let spent = ContinuousClock.now - start
    return Double(spent.components.seconds) * 1e3 + Double(spent.components.attoseconds) / 1e15
  }
}
