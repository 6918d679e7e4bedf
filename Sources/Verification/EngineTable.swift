// Which engine is tried on which network: the only list of them.

import BoundPropagation
import BranchAndBound
import FusedBounds
import GatherBounds
import Networks

/// Chooses search engines by what a network is made of, how many of its inputs vary, and what device there is.
enum EngineTable {
  struct Choice: Sendable {
    /// The part of the remaining time that it may use when others follow.
    var share: Double
    /// Whether its bounds come from `VerifierOptions.device`.
    var isOnDevice: Bool
    /// True once the next choice, a faster one that was not there at the start, can take over.
    var givesWay: (@Sendable () -> Bool)?
    var make: @Sendable (SearchProblem, VerifierOptions) throws -> any SearchEngine

    init(
      share: Double, isOnDevice: Bool = false, givesWay: (@Sendable () -> Bool)? = nil,
      make: @escaping @Sendable (SearchProblem, VerifierOptions) throws -> any SearchEngine
    ) {
      self.share = share
      self.isOnDevice = isOnDevice
      self.givesWay = givesWay
      self.make = make
    }
  }

  /// What bounds any network.
  static let general: any SearchEngine = InputSplitSearch()

  /// The engines for a problem, the most promising first.
  static func engines(for problem: SearchProblem, _ options: VerifierOptions) -> [Choice] {
    let isPiecewiseLinear = problem.network.isReLUNetwork
    let wide = zip(problem.verificationCase.lower, problem.verificationCase.upper).filter { $0 < $1 }.count
    var choices: [Choice] = []
    if isPiecewiseLinear, wide <= 12, problem.network.entryCount <= 400_000 {
      let onCPU = Choice(share: 0.8) { problem, _ in try FusedSearch(problem) }
      choices += fused(problem, options, onCPU)
    }
    let isLarge = problem.network.entryCount > 4_000_000
    if isPiecewiseLinear, wide > 12 || !isLarge {
      let onCPU = Choice(share: wide <= 12 ? 0.5 : 1) { _, _ in splits }
      choices += hasDeviceForm(problem) ? activationSplits(options, onCPU) : [onCPU]
    }
    if wide <= 12 || !isPiecewiseLinear {
      choices.append(Choice(share: 1) { _, _ in general })
    }
    return choices
  }
}

/// Splits of ReLUs over bounds by gather blocks; hard cases get optimised intermediate bounds.
private let splits = ActivationSplitSearch(
  name: "activation splits, gather blocks",
  makeBounder: { problem, options in
    try await GatherBounder(problem.network, problem.verificationCase, gatherOptions(options))
  },
  makeTighter: { problem, options in
    var gather = gatherOptions(options)
    gather.intermediateIterations = 20
    gather.intermediateDeadline = .now + ContinuousClock.now.duration(to: options.deadline) * 0.15
    return try await GatherBounder(problem.network, problem.verificationCase, gather)
  })

private func gatherOptions(_ options: SearchOptions) -> GatherOptions {
  var gather = GatherOptions()
  gather.semantics = options.semantics
  gather.isRoundingSafe = options.isRoundingSafe
  gather.threads = options.threads
  gather.deadline = options.deadline
  return gather
}

extension Network {
  /// Whether every layer is affine or ReLU.
  var isReLUNetwork: Bool {
    layers.allSatisfy { layer in
      switch layer.relation {
      case .input, .affine, .function(.relu, of: _): true
      default: false
      }
    }
  }
}
