// The falsifier before and beside the search.

import BranchAndBound
import Networks
import Witnesses

/// Looks for witnesses with budgets that fit the network.
struct Attack: Sendable {
  let network: Network
  let options: VerifierOptions
  let judge: WitnessJudge

  /// Seconds for the first look at a case, and for the last one where no engine helps.
  var firstBudget: Double { 0.1 }
  var lastBudget: Double { 5 }

  func run(_ problem: SearchProblem, caseIndex: Int, seconds: Double, round: Int) -> ProvenWitness? {
    let region = problem.verificationCase
    return judge.witness(at: zip(region.lower, region.upper).map { $0 / 2 + $1 / 2 }, caseIndex: caseIndex)
  }

  func runBeside(
    _ problem: SearchProblem, caseIndex: Int, deadline: ContinuousClock.Instant, found: FoundWitness
  ) {}
}
