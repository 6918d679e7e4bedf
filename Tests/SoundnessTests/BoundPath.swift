// Every way in which the program bounds a network, each by itself: what an answer may rest on.

import BoundPropagation
import BranchAndBound
import CPUCompute
import Compute
import DeviceBounds
import FusedBounds
import GatherBounds
import Networks
import OpenCLCompute
import Testing

/// One way of bounding; a new one joins the tests by a row of `all`.
struct BoundPath: Sendable, CustomStringConvertible {
  var name: String
  /// Whether it proves that a network with a gap of 1/4 above rounding errors of binary32 is safe: those in binary64 do.
  var isWide = false
  /// Pairs of a network and semantics that it answers, at least: of 42, 40 have claims, and some need few inputs.
  var answers = 40
  /// Whether it proves a problem; nil: it has no form for it, or can claim nothing under the semantics.
  var isProven: @Sendable (SearchProblem, Semantics) async throws -> Bool?

  var description: String { name }

  static let all: [BoundPath] =
    gatherPaths + [
      BoundPath(name: "plain splits, binary64", isWide: true) { problem, semantics in
        do {
          let bounder = try ReferenceSplitBounder(problem, SearchOptions(deadline: far, semantics: semantics))
          return try await proves(bounder, problem.verificationCase)
        } catch let error as SplitBoundError {
          if case .float32 = error { return nil }
          throw error
        }
      },
      BoundPath(name: "fused input splits, binary64", isWide: true, answers: 36) { problem, semantics in
        guard let search = try? FusedSearch(problem) else { return nil }
        return try await proves(search, problem, semantics)
      },
      BoundPath(name: "general input splits, binary64", isWide: true) { problem, semantics in
        try await proves(InputSplitSearch(), problem, semantics)
      },
      BoundPath(name: "activation splits with pieces and constrained bounds", isWide: true) { problem, semantics in
        var settings = SplitSearchSettings()
        (settings.partsBeforeTighter, settings.partsBeforeNarrowing) = (1, 1)
        (settings.rootIterations, settings.constrainedGain) = (5, 0)
        let search = ActivationSplitSearch(
          name: "gather blocks", settings: settings,
          makeBounder: { try await GatherBounder($0.network, $0.verificationCase, gatherOptions($1)) },
          makeTighter: {
            var options = gatherOptions($1)
            options.intermediateIterations = 3
            return try await GatherBounder($0.network, $0.verificationCase, options)
          })
        if semantics != .real, problem.network.float32Problem != nil { return nil }
        return try await proves(search, problem, semantics)
      },
    ] + devicePaths

  private static func gatherOptions(_ options: SearchOptions) -> GatherOptions {
    GatherOptions(semantics: options.semantics, threads: options.threads)
  }

  private static let far = ContinuousClock.now + .seconds(600)

  // MARK: Gather blocks on the CPU

  private static let gatherPaths: [BoundPath] =
    [(GatherPrecision.binary32, false), (.binary32, true), (.binary64, false)].flatMap { precision, isDense in
      (0...2 as ClosedRange<Int32>).flatMap { level in
        [0, 5].map { iterations in
          let form = isDense ? "matrix products" : "gather blocks"
          let name = "\(form), \(precision), level \(level), \(iterations) steps for each neuron"
          return BoundPath(name: name, isWide: precision == .binary64) { problem, semantics in
            // Repeating rows in binary64 can only prove more; that is another path.
            var options = GatherOptions(precision: precision, semantics: semantics, repeatsInBinary64: false)
            (options.level, options.isDense, options.intermediateIterations) = (level, isDense, iterations)
            return try await isProven(problem, options)
          }
        }
      }
    }

  /// Whether gather blocks with these options prove a problem; nil: they can claim nothing.
  static func isProven(_ problem: SearchProblem, _ options: GatherOptions) async throws -> Bool? {
    try await gatherBounder(problem, options).asyncMap { try await proves($0, problem.verificationCase) }
  }

  private static func gatherBounder(_ problem: SearchProblem, _ options: GatherOptions) async throws -> GatherBounder? {
    do {
      return try await GatherBounder(problem.network, problem.verificationCase, options)
    } catch let error as GatherError {
      if case .noFloat32Claim = error { return nil }
      throw error
    }
  }

  // MARK: Devices

  private static let devices: [(name: String, make: @Sendable () throws -> any Device)] = [
    ("OpenCL", { try #require(try OpenCLDevice.all().first) }),
    ("definition", { CPUDevice(CPUDevice.Options(concurrency: 1, referenceOnly: true)) }),
  ]

  private static let devicePaths: [BoundPath] = devices.flatMap { device, make in
    [false, true].map { isDense in
      BoundPath(name: "\(isDense ? "matrix products" : "gather blocks"), binary32, \(device)") { problem, semantics in
        var options = GatherOptions(semantics: semantics, repeatsInBinary64: false)
        options.isDense = isDense
        guard let host = try await gatherBounder(problem, options) else { return nil }
        let bounder = try await DeviceGatherBounder(host, problem.verificationCase, device: make(), batch: 64)
        return try await bounder.asyncMap { try await proves($0, problem.verificationCase, slots: 4) }
      }
    } + [
      BoundPath(name: "fused input splits, binary64, \(device)", isWide: true, answers: 9) { problem, semantics in
        guard DeviceInputSearch.refusal(problem, semantics) == nil else { return nil }
        return try await proves(DeviceInputSearch(device: make(), capacity: 1 << 12), problem, semantics)
      }
    ]
  }

  // MARK: Proofs

  /// Whether some row is bounded above 0 on the whole region, or on both sides of one of some splits.
  private static func proves(
    _ bounder: some ActivationSplitBounder, _ region: VerificationCase, slots: Int = 20
  ) async throws -> Bool {
    let rows = region.rows.indices
    for iterations in [0, 20] {
      let bounds = try await bounder.bound(rows.map { SplitItem(row: $0) }, iterations: iterations, deadline: far)
      if bounds.contains(where: { $0.bound > 0 }) { return true }
    }
    for slot in bounder.slots.indices.prefix(slots) {
      var isProven = true
      for isActive in [true, false] {
        let items = rows.map { SplitItem(row: $0, splits: [Split(slot: Int32(slot), isActive: isActive)]) }
        let bounds = try await bounder.bound(items, iterations: 10, deadline: far)
        if !bounds.contains(where: { $0.bound > 0 }) { isProven = false }
      }
      if isProven { return true }
    }
    return false
  }

  /// Whether a search ends with a proof. No candidate is accepted, so that it can only prove or give up.
  private static func proves(
    _ search: some SearchEngine, _ problem: SearchProblem, _ semantics: Semantics
  ) async throws -> Bool {
    let options = SearchOptions(deadline: .now + .milliseconds(100), semantics: semantics)
    let outcome = try await search.search(problem, options, SearchEvents(isWitness: { _ in false }))
    if case .proven = outcome.result { return true }
    return false
  }
}

extension Optional {
  fileprivate func asyncMap<Result>(_ body: (Wrapped) async throws -> Result) async rethrows -> Result? {
    guard let self else { return nil }
    return try await body(self)
  }
}
