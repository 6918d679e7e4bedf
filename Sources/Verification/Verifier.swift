// Falsifier, search engines and witness rule put together: one question, one answer.

import BranchAndBound
import Compute
import Networks
import Synchronization
import Witnesses

/// What a verification is doing.
public struct SearchStatus: Sendable {
  /// "falsifier", or an engine's name.
  public var phase: String
  public var progress: SearchProgress
}

/// Decides whether a network can give a forbidden output for an input of a property's region.
///
/// `unsat` rests on an engine's bounds (rigorous in floating point), `sat` on the exact rule for witnesses; a time
/// limit, an error term or a NaN never turns into either.
public struct Verifier: Sendable {
  public let network: Network
  public let property: Property
  public let options: VerifierOptions
  private let judge: WitnessJudge

  public init(network: Network, property: Property, options: VerifierOptions) {
    self.network = network
    self.property = property
    self.options = options
    judge = WitnessJudge(network: network, property: property, semantics: options.semantics)
  }

  /// Searches until the time is up. `status` is called from any thread.
  public func verify(status: @escaping @Sendable (SearchStatus) -> Void) async throws -> VerificationAnswer {
    if options.semantics != .real, let problem = network.float32Problem {
      return VerificationAnswer(
        verdict: .unknown("nothing can be claimed about binary32 evaluations of this model: \(problem)"),
        engine: "none")
    }
    let start = ContinuousClock.now
    let deadline = start + .seconds(options.timeout)
    let problems = property.cases.map {
      SearchProblem(network: network, verificationCase: VerificationCase($0, of: network))
    }
    var answer = VerificationAnswer(verdict: .timeout, engine: "falsifier")
    let attacks = problems.indices.map {
      Attack(problems[$0], property.cases[$0], caseIndex: $0, options: options, judge: judge)
    }

    // A short attack on every case first: most violations are easy to find.
    status(SearchStatus(phase: "falsifier", progress: answer.progress))
    for attack in attacks {
      if let witness = await attack.look(deadline: deadline) {
        answer.verdict = .sat(witness)
        answer.falsifySeconds = (ContinuousClock.now - start).inSeconds
        return answer
      }
    }
    answer.falsifySeconds = (ContinuousClock.now - start).inSeconds

    var trees: [ProofTree] = []
    var open: [String] = []
    var isTimeout = false
    for (index, problem) in problems.enumerated() {
      let now = ContinuousClock.now
      // What is left is shared by the cases that are left.
      let share = (deadline - now) / (problems.count - index)
      let outcome = try await search(
        problem, caseIndex: index, attack: attacks[index], deadline: now + share, answer: &answer, status: status)
      switch outcome {
      case .proven(let tree): if let tree { trees.append(tree) }
      case .witness(let witness):
        answer.verdict = .sat(witness)
        answer.searchSeconds = (ContinuousClock.now - start).inSeconds - answer.falsifySeconds
        return answer
      case .timeout: isTimeout = true
      case .unknown(let reason): open.append(reason)
      }
    }
    answer.searchSeconds = (ContinuousClock.now - start).inSeconds - answer.falsifySeconds
    if isTimeout {
      answer.verdict = .timeout
    } else if let reason = open.first {
      answer.verdict = .unknown(reason)
    } else {
      answer.verdict = .unsat(options.wantsProof && trees.count == problems.count ? trees : nil)
    }
    if let note = judge.note { answer.remark(note) }
    return answer
  }

  private enum CaseOutcome {
    case proven(ProofTree?)
    case witness(ProvenWitness)
    case timeout
    case unknown(String)
  }

  /// Only looks for a witness.
  public func attack(status: @escaping @Sendable (SearchStatus) -> Void) async throws -> VerificationAnswer {
    let start = ContinuousClock.now
    let deadline = start + .seconds(options.timeout)
    var answer = VerificationAnswer(verdict: .timeout, engine: "falsifier")
    status(SearchStatus(phase: "falsifier", progress: answer.progress))
    for (index, region) in property.cases.enumerated() {
      let now = ContinuousClock.now
      let problem = SearchProblem(network: network, verificationCase: VerificationCase(region, of: network))
      let attack = Attack(problem, region, caseIndex: index, options: options, judge: judge)
      if let witness = await attack.exhaust(deadline: now + (deadline - now) / (property.cases.count - index)) {
        answer.verdict = .sat(witness)
        break
      }
    }
    answer.falsifySeconds = (ContinuousClock.now - start).inSeconds
    answer.note = judge.note
    return answer
  }

  /// Searches one case with the engines that can bound it, one after the other, while the falsifier goes on beside.
  private func search(
    _ problem: SearchProblem, caseIndex: Int, attack: Attack, deadline: ContinuousClock.Instant,
    answer: inout VerificationAnswer, status: @escaping @Sendable (SearchStatus) -> Void
  ) async throws -> CaseOutcome {
    let judge = judge
    let found = FoundWitness()
    let beside = Task.detached(priority: .low) {
      await attack.runBeside(deadline: deadline, found: found)
    }
    defer {
      found.stop()
      beside.cancel()
    }
    var reasons: [String] = []
    var isTimeout = false
    if let remark = EngineTable.remark(on: problem, options) { answer.remark(remark) }
    let choices = EngineTable.engines(for: problem, options)
    for (position, choice) in choices.enumerated() {
      let now = ContinuousClock.now
      guard now < deadline else {
        isTimeout = true
        break
      }
      let end = position == choices.count - 1 ? deadline : now + (deadline - now) * choice.share
      let engine: any SearchEngine
      do {
        engine = try choice.make(problem, options)
      } catch {
        // No device is no reason why the CPU has no answer.
        if !(error is DeviceError) { reasons.append("\(error)") }
        continue
      }
      (answer.engine, answer.device) = (engine.name, choice.isOnDevice ? options.device?.name : nil)
      let name = engine.name
      let givesWay = choice.givesWay
      let searchOptions = SearchOptions(
        deadline: end, semantics: options.semantics, isRoundingSafe: options.isRoundingSafe, seed: options.seed,
        memory: options.memory, threads: options.threads, wantsProof: options.wantsProof)
      let events = SearchEvents(
        isWitness: { point in
          guard let witness = judge.witness(at: point, caseIndex: caseIndex) else { return false }
          found.set(witness)
          return true
        },
        progress: { status(SearchStatus(phase: name, progress: $0)) },
        isStopped: { found.isStopped || givesWay?() == true })
      let outcome: SearchOutcome
      do { outcome = try await engine.search(problem, searchOptions, events) } catch  where choice.isOnDevice {
        // A device that fails must not cost the answer: the CPU's engines follow.
        answer.remark("\(name): \(error)")
        continue
      }
      answer.progress = outcome.progress
      if let witness = found.witness {
        if case .witness = outcome.result {} else { (answer.engine, answer.device) = ("falsifier", nil) }
        return .witness(witness)
      }
      switch outcome.result {
      case .proven(let tree): return .proven(tree)
      case .witness: reasons.append("\(name) found a point that is no proven witness")
      case .timeout: if givesWay == nil || ContinuousClock.now >= end { isTimeout = true }
      case .unknown(let reason):
        reasons.append(reason)
        if choice.isOnDevice { answer.remark("\(name): \(reason)") }
      }
    }
    // No engine got further: the falsifier may use what is left of the time.
    if let witness = await attack.exhaust(deadline: deadline) {
      (answer.engine, answer.device) = ("falsifier", nil)
      return .witness(witness)
    }
    if isTimeout { return .timeout }
    return .unknown(reasons.last ?? "no search engine can bound this network")
  }
}

/// A witness that one of several searchers found, and the sign for the others to stop.
final class FoundWitness: Sendable {
  private let state = Mutex<(witness: ProvenWitness?, isStopped: Bool)>((nil, false))

  func set(_ witness: ProvenWitness) {
    state.withLock {
      if $0.witness == nil { $0.witness = witness }
      $0.isStopped = true
    }
  }

  func stop() { state.withLock { $0.isStopped = true } }
  var witness: ProvenWitness? { state.withLock { $0.witness } }
  var isStopped: Bool { state.withLock { $0.isStopped } }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
