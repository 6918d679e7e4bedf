// The falsifier before and beside the search.

import BranchAndBound
import Falsifier
import Networks
import Synchronization
import Witnesses

/// Looks for witnesses of one case with budgets that fit the network.
final class Attack: Sendable {
  private let caseIndex: Int
  private let options: VerifierOptions
  private let judge: WitnessJudge
  private let falsifier: Falsifier
  /// Seconds that one gradient step from one start takes, roughly.
  private let stepSeconds: Double

  init(_ problem: SearchProblem, _ exact: Property.Case, caseIndex: Int, options: VerifierOptions, judge: WitnessJudge)
  {
    self.caseIndex = caseIndex
    self.options = options
    self.judge = judge
    falsifier = Falsifier(network: problem.network, target: problem.verificationCase, exact: exact)
    // Two passes of two operations per coefficient, at some 10 GFLOP/s.
    stepSeconds = 4e-10 * Double(problem.network.entryCount) + 1e-8 * Double(problem.network.neuronCount)
  }

  /// A first look: most violations are easy to find, and most properties have none.
  func look(deadline: ContinuousClock.Instant) async -> ProvenWitness? {
    let starts = 32
    let steps = max(12, min(40, Int(0.2 / (stepSeconds * Double(starts)))))
    var nearby: [[Double]] = []
    return await run(
      seed: options.seed, starts: starts, steps: steps, rounds: 1, threads: options.threads, deadline, nearby: &nearby)
  }

  /// Goes on until a witness is found, the search is over or the deadline comes, on a quarter of one core.
  func runBeside(deadline: ContinuousClock.Instant, found: FoundWitness) async {
    var round = 1
    var nearby: [[Double]] = []
    var pause = Duration.milliseconds(100)
    while !found.isStopped, ContinuousClock.now < deadline {
      try? await Task.sleep(for: pause, tolerance: .zero)
      if found.isStopped { return }
      let start = ContinuousClock.now
      let witness = await run(
        seed: options.seed, starts: 32, steps: round % 3 == 0 ? 150 : 60, rounds: 1, threads: 1, deadline, found: found,
        round: round, nearby: &nearby)
      if let witness {
        found.set(witness)
        return
      }
      round += 1
      pause = min(.seconds(5), max(.milliseconds(20), (ContinuousClock.now - start) * 3))
    }
  }

  /// All there is until the deadline.
  func exhaust(deadline: ContinuousClock.Instant) async -> ProvenWitness? {
    var nearby: [[Double]] = []
    return await run(
      seed: options.seed &+ 1_000_003, starts: 64, steps: 100, rounds: nil, threads: options.threads, deadline,
      nearby: &nearby)
  }

  private func run(
    seed: UInt64, starts: Int, steps: Int, rounds: Int?, threads: Int, _ deadline: ContinuousClock.Instant,
    found: FoundWitness? = nil, round: Int = 0, nearby: inout [[Double]]
  ) async -> ProvenWitness? {
    let box = WitnessBox()
    let (judge, caseIndex) = (judge, caseIndex)
    let settings = FalsifierOptions(
      seed: seed, starts: starts, steps: steps, rounds: rounds, firstRound: round, nearby: nearby, deadline: deadline,
      threads: threads, memory: options.memory / 4, isStopped: { found?.isStopped ?? false })
    let outcome = await falsifier.search(settings) { point in
      guard let witness = judge.witness(at: point, caseIndex: caseIndex) else { return false }
      box.set(witness)
      return true
    }
    nearby = outcome.nearby
    return box.witness
  }
}

/// A place for one witness.
private final class WitnessBox: Sendable {
  private let state = Mutex<ProvenWitness?>(nil)

  func set(_ witness: ProvenWitness) { state.withLock { $0 = witness } }
  var witness: ProvenWitness? { state.withLock { $0 } }
}

extension Network {
  /// Coefficients of all affine layers.
  var entryCount: Int {
    layers.reduce(0) { count, layer in
      if case .affine(let affine) = layer.relation { return count + affine.rows.values.count }
      return count
    }
  }
}
