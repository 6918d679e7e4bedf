import Networks

/// Placeholder until the linear program stands.
final class LeafSolver {
  init(_ problem: SearchProblem, _ options: SearchOptions, _ bounder: any ActivationSplitBounder) {}
}

extension SplitSearchRun {
  func decideFixed(_ domain: SplitDomain) throws {
    gap = gap ?? "open leaf"
  }
}
