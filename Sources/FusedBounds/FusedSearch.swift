// Complete search by halving the input box (Bunel et al. 2018; clipping after Zhou et al. 2024): every box is bounded by
// backward linear bounds in binary64 with all roundings charged, cut by what the rows refute, and halved along the axis
// that matters most for the worst clause.

import BranchAndBound
import CFusedBounds
import Networks
import Synchronization

/// Input-split search for small networks of affine layers and ReLU.
///
/// The verdict does not depend on threads: boxes are taken breadth-first in rounds whose results are read in order, and
/// depth-first only when the open boxes take half the memory. `proven` is rigorous for the semantics asked.
public struct FusedSearch: SearchEngine {
  public var name: String { "fused input splits, binary64" }

  /// - Throws: `FusedBoundsError` with the reason if the network does not fit.
  public init(_ problem: SearchProblem) throws(FusedBoundsError) {
    try FusedProblem.checkFit(problem)
  }

  public func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    if options.semantics != .real, let reason = problem.network.float32Problem {
      return SearchOutcome(
        result: .unknown("No claim about binary32 evaluations is possible: \(reason)"), progress: .none)
    }
    if zip(problem.verificationCase.lower, problem.verificationCase.upper).contains(where: { !($0 <= $1) }) {
      return SearchOutcome(
        result: .unknown("The input box is empty or not a number; correct the property's limits."), progress: .none)
    }
    if problem.verificationCase.clauses.isEmpty {
      let leaf = ProofTree.Node.leaf(ProofTree.Leaf(recomputesBounds: true))
      return SearchOutcome(
        result: .proven(options.wantsProof ? ProofTree(nodes: [leaf]) : nil), progress: .none)
    }
    let fused = try FusedProblem(
      problem, semantics: options.semantics, isRoundingSafe: options.isRoundingSafe)
    let hasHalfSpaces = !problem.verificationCase.inputRows.isEmpty
    if options.wantsProof {
      // Another evaluation's error must fit between the bound and 0. Trees have no word for a cut by a half-space.
      fused.pointer.pointee.error_factor = 8
    } else if hasHalfSpaces {
      fused.pointer.pointee.clips = Int32(CFB_CLIPS_ROWS | CFB_CLIPS_INPUTS)
    }
    let state = try InputSplits(fused, options, events)
    return await state.run()
  }
}

extension SearchProgress {
  static var none: SearchProgress { SearchProgress(subproblems: 0, open: 0, bound: .nan) }
}
