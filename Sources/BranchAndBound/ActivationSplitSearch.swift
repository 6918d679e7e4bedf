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
  /// After so many parts the search starts again with tighter bounds of the region, where those can be had.
  public var partsBeforeTighter = 200
  /// After so many parts a part of the region is cut up, and the bounds of all neurons are computed anew for each piece:
  /// at least this many, and more where that takes more rows.
  public var partsBeforeNarrowing = 256
  /// Pieces are cut by so many splits, each the best of so many slots by the bounds of both halves after a few steps.
  public var narrowingDepth = 3
  public var narrowingCandidates = 16
  public var narrowingIterations = 20
  /// Bounds under the clause's own constraint take so many steps each, and are repeated while they gain a share of a
  /// layer's width.
  public var constrainedIterations = 30
  public var constrainedRounds = 16
  public var constrainedGain = 0.015
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
  /// Bounds a region's neurons; it may throw `SplitBoundError`.
  public typealias MakeBounder =
    @Sendable (SearchProblem, SearchOptions) async throws -> any ActivationSplitBounder

  private let makeBounder: MakeBounder
  private let makeTighter: MakeBounder?

  /// `makeBounder` bounds the region's neurons quickly; `makeTighter`, if there is one, takes its time for better
  /// bounds and is asked once the quick ones turn out not to be enough.
  public init(
    name: String = "activation splits, plain binary64", settings: SplitSearchSettings = .init(),
    makeBounder: @escaping MakeBounder = { try ReferenceSplitBounder($0, $1) }, makeTighter: MakeBounder? = nil
  ) {
    self.name = name
    self.settings = settings
    self.makeBounder = makeBounder
    self.makeTighter = makeTighter
  }

  public func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    do {
      return try await ScopedSplitSearch(problem, options, events, settings).run(makeBounder, makeTighter)
    } catch SplitBoundError.timeout {
      let clauses = problem.verificationCase.clauses.count
      return SearchOutcome(
        result: .timeout, progress: SearchProgress(subproblems: 0, open: clauses, bound: .nan))
    } catch let error as SplitBoundError {
      let nothing = SearchProgress(subproblems: 0, open: problem.verificationCase.clauses.count, bound: .nan)
      return SearchOutcome(result: .unknown(error.description), progress: nothing)
    }
  }
}
