import CPUCompute
import Certificates
import Compute
import Glibc
import Hashing
import Networks
import Reports
import Synchronization
import Verification

/// Verifies one subject after the other with the same options.
struct VerificationJob: Sendable {
  let options: VerifierOptions
  /// The device that the user named, else the processor.
  let deviceName: String
  private let processorName: String
  private let live = LiveProgress()

  init(_ search: SearchOptionGroup, wantsProof: Bool) throws {
    let choice = try DeviceChoice(name: search.device, memory: search.memory)
    let cpu = CPUDevice(.init(concurrency: search.threads))
    let device = try choice.verificationDevice()
    options = VerifierOptions(
      semantics: Semantics(rawValue: search.semantics)!, isRoundingSafe: search.rounding == "safe", seed: search.seed,
      memory: try search.memoryLimit, threads: cpu.concurrency, wantsProof: wantsProof,
      device: device)
    processorName = cpu.identity.name
    deviceName = device?.name ?? processorName
  }

  /// A line about the search under way.
  func display(started: ContinuousClock.Instant) -> ProgressDisplay {
    let live = live
    return ProgressDisplay { _ in live.text(since: started) }
  }

  /// Limits for one property, from before its model is loaded: their answer is a record like any other.
  func limits(
    _ model: String, _ property: String, timeout: Double, started: ContinuousClock.Instant, isJSON: Bool
  ) -> HardLimits {
    HardLimits(
      deadline: started + .seconds(timeout), memory: options.memory,
      code: VerificationRecord.Verdict.timeout.exitCode
    ) { [self] breach in
      let status = live.status
      var record = VerificationRecord(
        index: 0, model: model, property: property, verdict: breach == .time ? .timeout : .unknown,
        seconds: .init(), timeout: timeout, engine: status?.phase ?? "loading", device: deviceName,
        semantics: options.semantics.rawValue, isRoundingSafe: options.isRoundingSafe,
        subproblems: status?.progress.subproblems ?? 0, open: status?.progress.open ?? 0, modelSHA256: "",
        propertySHA256: "")
      record.seconds.total = (ContinuousClock.now - started).seconds
      if breach == .memory {
        record.message = "this needs more than the \(options.memory >> 20) MiB that it may use; raise --memory"
      }
      Terminal.clearBar()
      let text = isJSON ? try? JSONText.encode(record) : VerificationText.verdict(record, witness: nil)
      print(text ?? record.verdict.rawValue)
    }
  }

  /// Verifies a subject; the record has everything but the paths of files.
  func verify(
    _ subject: VerificationSubject, index: Int, timeout: Double, started: ContinuousClock.Instant
  ) async throws -> (VerificationRecord, VerificationAnswer) {
    try await record(subject, index: index, timeout: timeout, started: started) { verifier, status in
      try await verifier.verify(status: status)
    }
  }

  /// Only looks for a witness.
  func attack(
    _ subject: VerificationSubject, index: Int, timeout: Double, started: ContinuousClock.Instant
  ) async throws -> (VerificationRecord, VerificationAnswer) {
    try await record(subject, index: index, timeout: timeout, started: started) { verifier, status in
      try await verifier.attack(status: status)
    }
  }

  private func record(
    _ subject: VerificationSubject, index: Int, timeout: Double, started: ContinuousClock.Instant,
    _ work: (Verifier, @escaping @Sendable (SearchStatus) -> Void) async throws -> VerificationAnswer
  ) async throws -> (VerificationRecord, VerificationAnswer) {
    var options = options
    let load = (ContinuousClock.now - started).seconds
    options.timeout = max(0.01, timeout - load)
    live.begin()
    let live = live
    let answer = try await work(
      Verifier(network: subject.network, property: subject.property, options: options)
    ) { live.note($0) }
    var record = VerificationRecord(
      index: index, model: subject.model.name, property: subject.propertyName, verdict: answer.verdict.recorded,
      seconds: .init(), timeout: timeout, engine: answer.engine,
      device: answer.device ?? processorName,
      semantics: options.semantics.rawValue, isRoundingSafe: options.isRoundingSafe,
      subproblems: answer.progress.subproblems, open: answer.progress.open, modelSHA256: subject.model.sha256,
      propertySHA256: subject.propertySHA256)
    record.seconds.load = load
    record.seconds.falsify = answer.falsifySeconds
    record.seconds.search = answer.searchSeconds
    record.seconds.total = (ContinuousClock.now - started).seconds
    if answer.progress.bound.isFinite { record.bound = "\(answer.progress.bound)" }
    record.message = answer.note
    if case .unknown(let reason) = answer.verdict { record.message = reason }
    if !options.isRoundingSafe {
      record.message = "bounds without error terms (--rounding ignore): this verdict proves nothing"
    }
    record.replay = answer.witness?.replay
    return (record, answer)
  }

  /// Writes a proof, durably, and notes it in the record.
  func write(
    _ trees: [ProofTree], for subject: VerificationSubject, to path: String, record: inout VerificationRecord
  ) throws {
    let clock = ContinuousClock.now
    let proof = VerificationProof(
      header: .init(
        program: "surety \(suretyVersion)", modelSHA256: subject.model.sha256, propertySHA256: subject.propertySHA256,
        semantics: options.semantics, modelPath: subject.model.path, propertyPath: subject.propertyPath,
        robustness: subject.robustness), trees: trees)
    let bytes = try proof.encoded()
    try DurableFile.replace(path, with: bytes)
    record.proofSHA256 = SHA256.text(bytes)
    record.proof = path
    record.seconds.write += (ContinuousClock.now - clock).seconds
  }
}

extension SearchOptionGroup {
  /// Bytes that a search may hold: what `--memory` says, else 70 % of the machine.
  var memoryLimit: Int {
    get throws { try DeviceChoice(name: device, memory: memory).memoryLimit ?? CPUDevice(.init()).memory / 10 * 7 }
  }
}

extension VerificationAnswer.Verdict {
  var recorded: VerificationRecord.Verdict {
    switch self {
    case .unsat: .unsat
    case .sat: .sat
    case .unknown: .unknown
    case .timeout: .timeout
    }
  }
}

/// What the search said last, for the progress line.
private final class LiveProgress: Sendable {
  private let state = Mutex<SearchStatus?>(nil)

  func begin() { state.withLock { $0 = nil } }
  func note(_ status: SearchStatus) { state.withLock { $0 = status } }
  var status: SearchStatus? { state.withLock { $0 } }

  func text(since started: ContinuousClock.Instant) -> String {
    let seconds = NumberText.decimal((ContinuousClock.now - started).seconds, places: 1)
    guard let status else { return "\(seconds) s" }
    var text = "\(seconds) s, \(status.phase)"
    if status.progress.subproblems > 0 {
      text += ": \(NumberText.grouped(status.progress.subproblems)) subproblems, "
      text += "\(NumberText.grouped(status.progress.open)) open"
    }
    if status.progress.bound.isFinite { text += ", bound \(NumberText.decimal(status.progress.bound, places: 4))" }
    return text
  }
}
