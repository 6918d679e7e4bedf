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
    let wide = zip(problem.verificationCase.lower, problem.verificationCase.upper).filter { $0 < $1 }.count
    let isPiecewiseLinear = problem.network.isReLUNetwork
    var choices: [Choice] = []
    if isPiecewiseLinear, wide <= 12 {
      choices.append(Choice(share: 0.5) { problem, _ in try FusedSearch(problem) })
    }
    if isPiecewiseLinear {
      choices.append(Choice(share: 0.8) { problem, options in try gather(problem, options) })
    }
    if wide <= 32 {
      choices.append(Choice(share: 0.7) { _, _ in InputSplitSearch() })
    }
    choices.append(Choice(share: 1) { _, _ in GeneralSplitSearch() })
    return choices
  }
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
