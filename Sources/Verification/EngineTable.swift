// Which engine is tried on which network: the only list of them.

import BoundPropagation
import BranchAndBound
import FusedBounds
import GatherBounds
import Networks

/// Chooses search engines by what a network is made of and how many of its inputs vary.
enum EngineTable {
  struct Choice: Sendable {
    /// The part of the remaining time that it may use when others follow.
    var share: Double
    var make: @Sendable (SearchProblem, VerifierOptions) throws -> any SearchEngine
  }

  /// The engines for a problem, the most promising first.
  static func engines(for problem: SearchProblem) -> [Choice] {
    let isPiecewiseLinear = problem.network.isReLUNetwork
    let wide = zip(problem.verificationCase.lower, problem.verificationCase.upper).filter { $0 < $1 }.count
    var choices: [Choice] = []
    if isPiecewiseLinear, wide <= 12, problem.network.entryCount <= 400_000 {
      choices.append(Choice(share: 0.8) { problem, _ in try FusedSearch(problem) })
    }
    let isLarge = problem.network.entryCount > 4_000_000
    if isPiecewiseLinear, wide > 12 || !isLarge {
      choices.append(Choice(share: wide <= 12 ? 0.5 : 1) { _, _ in splits })
    }
    if wide <= 12 || !isPiecewiseLinear {
      choices.append(Choice(share: 1) { _, _ in InputSplitSearch() })
    }
    return choices
  }
}

/// Splits of ReLUs over bounds by gather blocks.
private let splits = ActivationSplitSearch(name: "activation splits, gather blocks") { problem, options in
  var gather = GatherOptions()
  gather.semantics = options.semantics
  gather.isRoundingSafe = options.isRoundingSafe
  gather.threads = options.threads
  gather.deadline = options.deadline
  return try await GatherBounder(problem.network, problem.verificationCase, gather)
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
