import BoundPropagation
import BranchAndBound
import Compute
import DeviceBounds
import FusedBounds
import GatherBounds
import Networks
import OpenCLCompute
import Testing

/// What one engine says about a network on a box.
struct EngineBounds {
  /// Of all neurons; nil: the engine does not tell.
  var neurons: (lower: [Double], upper: [Double])?
  /// Of each row of the case.
  var rows: [Double]
}

/// One engine as a function from problems to bounds; all of them take part in the same tests.
struct BoundEngine: Sendable, CustomStringConvertible {
  var name: String
  /// Binary64, whose bounds of boxes of width 1e-4 are as good as slopes.
  var isWide: Bool
  /// nil: not for this network.
  var bounds: @Sendable (SearchProblem, Semantics) async throws -> EngineBounds?

  var description: String { name }

  static let all: [BoundEngine] =
    [0, 3].map { iterations in
      BoundEngine(name: "general, \(iterations) steps", isWide: true) { general($0, $1, iterations: iterations) }
    } + [
      BoundEngine(name: "plain splits", isWide: true) { problem, semantics in
        guard isPiecewiseLinear(problem.network) else { return nil }
        let options = SearchOptions(deadline: far, semantics: semantics)
        return try await bounds(ReferenceSplitBounder(problem, options), problem)
      },
      BoundEngine(name: "fused input splits", isWide: true) { problem, semantics in
        guard let bounds = try? FusedBounds(problem, semantics: semantics) else { return nil }
        let box = problem.verificationCase
        return EngineBounds(rows: try await bounds.lowerBounds(lower: [box.lower], upper: [box.upper])[0])
      },
    ]
    + [(GatherPrecision.binary32, false), (.binary32, true), (.binary64, false)].map { precision, isDense in
      BoundEngine(
        name: "\(isDense ? "matrix products" : "gather blocks"), \(precision)", isWide: precision == .binary64
      ) { problem, semantics in
        guard let host = try await gatherBounder(problem, precision, semantics, isDense: isDense) else { return nil }
        return try await bounds(host, problem)
      }
    } + [
      BoundEngine(name: "gather blocks, OpenCL", isWide: false) { problem, semantics in
        guard let host = try await gatherBounder(problem, .binary32, semantics) else { return nil }
        let device = try #require(try OpenCLDevice.all().first)
        let bounder = try await DeviceGatherBounder(host, problem.verificationCase, device: device, batch: 128)
        return try await bounds(#require(bounder), problem)
      }
    ]

  static let far = ContinuousClock.now + .seconds(600)

  static func isPiecewiseLinear(_ network: Network) -> Bool {
    network.layers.allSatisfy {
      switch $0.relation {
      case .input, .affine, .function(.relu, _): true
      default: false
      }
    }
  }

  private static func gatherBounder(
    _ problem: SearchProblem, _ precision: GatherPrecision, _ semantics: Semantics, isDense: Bool = false
  ) async throws -> GatherBounder? {
    guard isPiecewiseLinear(problem.network) else { return nil }
    var options = GatherOptions(precision: precision, semantics: semantics, repeatsInBinary64: false)
    options.isDense = isDense
    return try await GatherBounder(problem.network, problem.verificationCase, options)
  }

  private static func bounds(
    _ bounder: some ActivationSplitBounder, _ problem: SearchProblem
  ) async throws -> EngineBounds {
    let items = problem.verificationCase.rows.indices.map { SplitItem(row: $0) }
    let rows = try await bounder.bound(items, iterations: 3, deadline: far)
    return EngineBounds(neurons: (bounder.lower, bounder.upper), rows: rows.map(\.bound))
  }

  /// The engine of any network, row by row: it tells the bound of the worst clause only.
  private static func general(_ problem: SearchProblem, _ semantics: Semantics, iterations: Int) -> EngineBounds? {
    let (network, box) = (problem.network, problem.verificationCase)
    let plan = BoundPlan(network, box, semantics: semantics, isRoundingSafe: true)
    for neuron in 0..<network.neuronCount { plan.needed[neuron] = 1 }
    let parts = PartBounds(plan, parts: 1, lanes: 32, isDone: { false })
    if iterations > 0 { parts.ascent = SlopeAscentOptions(iterations: iterations) }
    let wide = network.inputs.filter { box.lower[$0] < box.upper[$0] }
    let worker = BoxWorker(parts, Conjunctions(box), wide: wide, box)
    let rows = box.clauses.indices.map { clause in
      let node = BoxNode(
        lower: wide.map { box.lower[$0] }, upper: wide.map { box.upper[$0] }, clauses: [Int32(clause)])
      return worker.evaluate([node], isRoot: true)![0].bound
    }
    let count = network.neuronCount
    let lower = Array(UnsafeBufferPointer(start: parts.bounds.lower, count: count))
    let upper = Array(UnsafeBufferPointer(start: parts.bounds.upper, count: count))
    return EngineBounds(neurons: (lower, upper), rows: rows)
  }
}
