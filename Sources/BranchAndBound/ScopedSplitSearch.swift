// The search by scopes: the region first, then pieces of it that have bounds of their own.
//
// Splits alone leave the bounds of all neurons behind them as they are at the root. A scope that stays open after some
// parts is cut up by a few splits, and each piece is bounded anew with those splits in force (Xu et al. 2021 do so for
// every part; here once for many parts, since it costs as much as hundreds of them).

import Networks

/// Decides one case; used once.
final class ScopedSplitSearch {
  private let problem: SearchProblem
  private let options: SearchOptions
  private let events: SearchEvents
  private let settings: SplitSearchSettings
  private var proof: SplitProof?
  private var rootSlopes: [ProofTree.RootSlopes] = []
  private var subproblems = 0

  init(_ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents, _ settings: SplitSearchSettings) {
    self.problem = problem
    self.options = options
    self.events = events
    self.settings = settings
  }

  func run(
    _ makeBounder: @escaping ActivationSplitSearch.MakeBounder, _ makeTighter: ActivationSplitSearch.MakeBounder?
  ) async throws -> SearchOutcome {
    var run = try await wholeRun(makeBounder)
    if makeTighter != nil { run.mostParts = settings.partsBeforeTighter }
    do {
      var end = try await run.run()
      if case .exhausted = end, let makeTighter {
        subproblems = run.subproblems
        run = try await wholeRun(makeTighter)
        end = try await run.run()
      }
      var progress = run.progress
      progress.subproblems += subproblems
      switch end {
      case .finished:
        let tree = proof?.preorder.map { ProofTree(rootSlopes: rootSlopes, nodes: $0) }
        return SearchOutcome(result: run.gap.map { .unknown($0) } ?? .proven(tree), progress: progress)
      case .witness(let input): return SearchOutcome(result: .witness(input), progress: progress)
      case .timeout: return SearchOutcome(result: .timeout, progress: progress)
      case .exhausted:
        let pieces = PieceSearch(problem, options, events, settings, proof, rootSlopes, progress.subproblems)
        return try await pieces.decide(after: run)
      }
    } catch let error as SpillError {
      return SearchOutcome(result: .unknown(error.description), progress: run.progress)
    }
  }

  /// A run of all clauses on the region, with a new proof.
  private func wholeRun(_ make: ActivationSplitSearch.MakeBounder) async throws -> SplitSearchRun {
    proof = options.wantsProof ? SplitProof(clauseCount: problem.verificationCase.clauses.count) : nil
    let bounder = try await make(problem, options)
    rootSlopes = bounder.rootSlopes
    let scope = SplitScope(problem.verificationCase)
    let run = SplitSearchRun(problem, options, events, bounder, settings, scope, proof)
    // In proportion to what bounding a piece anew costs; each piece gets as many.
    run.mostParts = max(settings.partsBeforeNarrowing, 2 * bounder.slots.count)
    return run
  }
}
