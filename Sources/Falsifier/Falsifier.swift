// Looks for forbidden points by gradient descent from many starts (Madry et al. 2018; Croce & Hein 2020).

import Networks
import Statistics
import Synchronization

/// Attacks one case of a property. What it finds is a candidate; whoever calls proves it.
public final class Falsifier: Sendable {
  private let network: PanelNetwork
  private let target: VerificationCase
  private let region: AttackRegion

  /// - Parameter exact: the case's decimals, so that candidates lie inside the exact box; a binary32 number wherever
  ///   the interval holds one. Without it the outward limits of `target` pass for the exact ones.
  /// - Complexity: one pass over the network's coefficients, of which a copy in binary32 is kept.
  public init(network: Network, target: VerificationCase, exact: Property.Case? = nil) {
    self.network = PanelNetwork(network)
    self.target = target
    region = AttackRegion(target, exact: exact)
  }

  /// Tries rounds of starts until `accept` takes a candidate, the rounds are done or the deadline comes.
  ///
  /// Candidates satisfy one clause and the region's ball and half-spaces in a binary64 evaluation; within a round they
  /// come by falling margin. After the first hit a panel goes on for some steps to improve the margin.
  ///
  /// The answer is that of one thread: with the same seed the same inputs are offered in the same order, as long as the
  /// deadline does not cut in.
  public func search(
    _ options: FalsifierOptions, accept: @escaping @Sendable ([Double]) -> Bool
  ) async -> FalsifierOutcome {
    var outcome = FalsifierOutcome(accepted: nil, refused: 0, starts: 0, best: .infinity, bestInput: nil)
    if target.clauses.isEmpty { return outcome }
    let plan = PanelPlan(network, options)
    let attacks = (0..<plan.workers).map { _ in
      Worker(Attack(network, target, region, options, lanes: plan.lanes))
    }
    var round = options.firstRound
    let end = options.rounds.map { round + $0 } ?? Int.max
    var elite = options.nearby.filter { $0.count == region.low.count }.map { input in
      PanelResult.Near(value: .infinity, input: input.map { Float($0) })
    }
    while round < end, !options.isStopped(), ContinuousClock.now < options.deadline {
      let results = await runRound(round, plan, attacks, elite.map(\.input))
      outcome.starts += plan.panels * plan.lanes
      for result in results where result.best < outcome.best {
        outcome.best = result.best
        outcome.bestInput = result.bestInput
      }
      // Only the panel that finished first, by steps and then by number: others may have been stopped anywhere.
      let finished = results.filter { $0.finish != nil }.min { ($0.finish!, $0.panel) < ($1.finish!, $1.panel) }
      elite += (finished.map { [$0] } ?? results).flatMap(\.near)
      elite = Array(elite.sorted { $0.value < $1.value }.prefix(6))
      outcome.nearby = elite.map { $0.input.map { Double($0) } }
      if let first = finished {
        for candidate in first.candidates {
          if accept(candidate.input) {
            outcome.accepted = candidate
            return outcome
          }
          outcome.refused += 1
        }
      }
      round += 1
    }
    return outcome
  }

  private func runRound(
    _ round: Int, _ plan: PanelPlan, _ workers: [Worker], _ elite: [[Float]]
  ) async -> [PanelResult] {
    let board = FinishBoard()
    let results = await withTaskGroup(of: [PanelResult].self) { group in
      for (number, worker) in workers.enumerated() {
        group.addTask { [self] in
          stride(from: number, to: plan.panels, by: plan.workers).map {
            self.run(worker.attack, round: round, panel: $0, board: board, elite: elite)
          }
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    return results.sorted { $0.panel < $1.panel }
  }

  /// One panel of one round.
  private func run(
    _ attack: Attack, round: Int, panel: Int, board: FinishBoard, elite: [[Float]]
  ) -> PanelResult {
    var seeds = LaneGenerator(seed: attack.options.seed)
    for _ in 0..<(round & 1023) { _ = seeds.next() }
    attack.reset(seed: seeds.next() ^ (UInt64(panel) << 32 | UInt64(round)), elite: elite)
    var result = PanelResult(panel: panel, best: .infinity)
    var hitStep: Int?
    var previousNearest = Float.infinity
    if attack.begin(round: round, panelNumber: panel) {
      attack.follow { step in
        if board.isBeaten(step: step, panel: panel) { return false }
        guard let nearest = attack.nearest.min(), nearest <= 0 else { return true }
        let first = hitStep ?? step
        hitStep = first
        // Some more steps for a better margin: until it stalls, but no more than 12.
        let isStalled = step > first && nearest > 1.02 * previousNearest
        previousNearest = nearest
        let isTiny = nearest > -1e-5
        guard (step >= first + 12 || (isStalled && step >= first + 3)) && !isTiny || step == attack.options.steps else {
          return true
        }
        result.candidates = self.candidates(of: attack)
        if result.candidates.isEmpty {
          // Forbidden by rounding errors of binary32 only: look further.
          attack.forgetHits()
          hitStep = nil
          previousNearest = .infinity
          return true
        }
        result.finish = step
        board.finish(step: step, panel: panel)
        return false
      }
    }
    // What a deadline cut off is worth offering all the same.
    if hitStep != nil && result.finish == nil && attack.isOver() {
      result.candidates = candidates(of: attack)
      result.finish = result.candidates.isEmpty ? nil : Int.max
    }
    if let lane = attack.nearest.indices.min(by: { attack.nearest[$0] < attack.nearest[$1] }) {
      result.best = Double(attack.nearest[lane])
      if result.best.isFinite { result.bestInput = attack.nearestInput(lane, in: region) }
    }
    let order = attack.nearest.indices.sorted { (attack.nearest[$0], $0) < (attack.nearest[$1], $1) }
    for lane in order.prefix(3) where attack.nearest[lane].isFinite {
      result.near.append(PanelResult.Near(value: attack.nearest[lane], input: attack.nearestNumbers(lane)))
    }
    return result
  }

  /// The inputs of an attack that are forbidden in binary64 too, the largest margin first; at most eight.
  private func candidates(of attack: Attack) -> [Candidate] {
    let lanes = attack.nearest.indices.filter { attack.nearest[$0] <= 0 }
      .sorted { (attack.nearest[$0], $0) < (attack.nearest[$1], $1) }
    var result: [Candidate] = []
    for (number, lane) in lanes.prefix(8).enumerated() {
      // After the deadline one evaluation is all there is time for.
      if number > 0 && attack.isOver() { break }
      if let candidate = candidate(at: attack.nearestInput(lane, in: region)) { result.append(candidate) }
    }
    return result.sorted { $0.margin > $1.margin }
  }

  /// The candidate that an input is by an evaluation in binary64; nil if it is none.
  public func candidate(at input: [Double]) -> Candidate? {
    guard region.contains(input) else { return nil }
    let values = network.network.evaluate(input)
    var best: Candidate?
    for (clause, rows) in target.clauses.enumerated() {
      var largest = -Double.infinity
      var holds = true
      for index in rows {
        let value = target.rows[index].value { values[$0] }
        holds = holds && (target.rows[index].isStrict ? value < 0 : value <= 0)
        largest = max(largest, value)
      }
      if holds && -largest > (best?.margin ?? -.infinity) {
        best = Candidate(input: input, margin: -largest, clause: clause)
      }
    }
    return best
  }
}

/// A panel's memory, which one task at a time uses.
private struct Worker: @unchecked Sendable {
  let attack: Attack

  init(_ attack: Attack) { self.attack = attack }
}

private struct PanelResult: Sendable {
  var panel: Int
  /// The step at which the panel had its candidates.
  var finish: Int?
  var candidates: [Candidate] = []
  var best: Double
  var bestInput: [Double]?
  /// The least max phi of some lanes, for later rounds to start from.
  var near: [Near] = []

  struct Near: Sendable {
    var value: Float
    var input: [Float]
  }

  init(panel: Int, best: Double) {
    self.panel = panel
    self.best = best
  }
}

/// The panel that is first in the order of steps, then of numbers.
private final class FinishBoard: Sendable {
  private let first = Mutex<(step: Int, panel: Int)>((Int.max, Int.max))

  func finish(step: Int, panel: Int) { first.withLock { if (step, panel) < $0 { $0 = (step, panel) } } }

  /// Whether a panel at this step can no longer be first.
  func isBeaten(step: Int, panel: Int) -> Bool { first.withLock { $0 < (step, panel) } }
}

/// How many lanes and workers fit.
private struct PanelPlan: Sendable {
  var lanes: Int
  var panels: Int
  var workers: Int

  init(_ network: PanelNetwork, _ options: FalsifierOptions) {
    // Half the lanes for large networks, so that a step stays short and the first answer comes early.
    let isLarge = network.work > 1_000_000 || Panel.bytes(network.network, lanes: 32) > options.memory / 4
    lanes = isLarge ? 16 : 32
    panels = isLarge ? max(2, options.starts / 2 / lanes) : max(1, (options.starts + lanes - 1) / lanes)
    let fitting = max(1, options.memory / max(1, Panel.bytes(network.network, lanes: lanes)))
    workers = max(1, min(options.threads, panels, fitting))
  }
}

extension Attack {
  /// The nearest input of a lane as it is offered.
  func nearestInput(_ lane: Int, in region: AttackRegion) -> [Double] {
    region.input { nearestInputs[$0 * lanes + lane] }
  }

  /// The same as the panel holds it.
  func nearestNumbers(_ lane: Int) -> [Float] { (0..<inputs).map { nearestInputs[$0 * lanes + lane] } }
}
