// Branch and bound over splits of ReLUs at 0, clause by clause (beta-CROWN, Wang et al. 2021; filtered smart branching,
// De Palma et al. 2021).
//
// A part of the region is a list of splits; the bounder proves a row of a clause on it or the part is cut in two at the
// ReLU that promises most. Parts whose ReLUs are all split are decided by a linear program that proposes multipliers.

import Networks

/// How the search spends its time; the defaults serve every network.
public struct SplitSearchSettings: Sendable {
  /// Steps of ascent at the root.
  public var rootIterations = 100
  /// Steps for a new part, and further ones where these have come close.
  public var iterations = 10
  public var furtherIterations = 20
  /// Slots tried for every split by bounding both parts; 1 trusts the bounder's scores, which measured faster.
  public var candidates = 1
  /// At most 2 to this power parts come from one part at once.
  public var deepestSplit = 6

  public init() {}
}

/// A complete search for networks of affine layers and ReLU.
///
/// Guarantee: "proven" rests on rigorous bounds alone, for every part of the region. Deterministic for a bounder whose
/// bounds are.
public struct ActivationSplitSearch: SearchEngine {
  public var name: String
  private let settings: SplitSearchSettings
  private let makeBounder: @Sendable (SearchProblem, SearchOptions) async throws -> any ActivationSplitBounder

  /// `makeBounder` bounds the region's neurons; it may throw `SplitBoundError`.
  public init(
    name: String = "activation splits, plain binary64", settings: SplitSearchSettings = .init(),
    makeBounder: @escaping @Sendable (SearchProblem, SearchOptions) async throws -> any ActivationSplitBounder = {
      try ReferenceSplitBounder($0, $1)
    }
  ) {
    self.name = name
    self.settings = settings
    self.makeBounder = makeBounder
  }

  public func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    let nothing = SearchProgress(subproblems: 0, open: problem.verificationCase.clauses.count, bound: .nan)
    let bounder: any ActivationSplitBounder
    do {
      bounder = try await makeBounder(problem, options)
    } catch SplitBoundError.timeout {
      return SearchOutcome(result: .timeout, progress: nothing)
    } catch let error as SplitBoundError {
      return SearchOutcome(result: .unknown(error.description), progress: nothing)
    }
    let run = SplitSearchRun(problem, options, events, bounder, settings)
    do {
      let result = try await run.run()
      return SearchOutcome(result: result, progress: run.progress)
    } catch let error as SpillError {
      return SearchOutcome(result: .unknown(error.description), progress: run.progress)
    }
  }
}
