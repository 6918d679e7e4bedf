import CPUCompute
import CertificateChecking
import Certificates
import Compute
import Glibc
import Graphs
import Hashing
import Networks
import Reports
import Synchronization
import Tensors
import VNNLIB
import Verification
import Witnesses

/// Replays proofs and witnesses of `surety verify`: single proof files, and all that a verification run left.
struct ProofCheck {
  /// What came out, for `--json` and the exit code.
  struct Report: Encodable {
    var accepted = true
    var proofs = 0
    var witnesses = 0
    var leaves = 0
    var seconds = 0.0
    var problems: [String] = []
    var notes: [String] = []

    mutating func reject(_ problem: String) {
      accepted = false
      problems.append(problem)
    }
  }

  private(set) var report = Report()
  private let quiet: Bool
  private let models = ModelCache()
  /// Models whose relations were compared with their operators, by hash.
  private var compared: Set<String> = []
  private let threads = CPUDevice(.init()).concurrency
  private let started = ContinuousClock.now

  init(quiet: Bool) { self.quiet = quiet }

  /// Replays one proof file for a model and a property, which are sought where the proof says they were.
  mutating func check(file path: String, model: String?, property: String?) throws {
    let header = try VerificationProof.readHeader(path)
    guard let modelPath = model ?? header.modelPath else {
      throw UserError("\(path) does not say where its model is; name it with --model.")
    }
    let (loaded, network) = try models.model(modelPath)
    let subject: VerificationSubject
    if let text = header.robustness, property == nil {
      subject = try imageSubject(text, loaded, network, path)
      report.notes.append(
        "The proof speaks about the region around an image that it carries (\(text.prefix { $0 != "\n" })); whether the "
          + "image is yours is not checked.")
    } else {
      guard let propertyPath = property ?? header.propertyPath else {
        throw UserError("\(path) does not say where its property is; name it with --property.")
      }
      subject = try VerificationSubject(model: loaded, network: network, specification: propertyPath)
    }
    guard header.modelSHA256 == loaded.sha256 else {
      throw UserError(
        "\(path) is the proof for another model: the SHA-256 of \(modelPath) is \(loaded.sha256.prefix(16))..., and the "
          + "proof names \(header.modelSHA256.prefix(16))...; name its own model with --model.")
    }
    guard header.propertySHA256 == subject.propertySHA256 else {
      throw UserError(
        "\(path) is the proof for another property: the SHA-256 of \(subject.propertyName) is "
          + "\(subject.propertySHA256.prefix(16))..., and the proof names \(header.propertySHA256.prefix(16))...; name its "
          + "own property with --property.")
    }
    try replay(path, subject, name: path)
    report.seconds = (ContinuousClock.now - started).seconds
  }

  /// The property that the proof of an image run carries.
  private func imageSubject(
    _ text: String, _ model: LoadedModel, _ network: Network, _ name: String
  ) throws -> VerificationSubject {
    try VerificationSubject(
      model: model, network: network, property: RobustnessText.property(text, name: name), name: name, text: text)
  }

  /// Replays the proofs of a run over images. Each carries its region; the images are not read again.
  private mutating func check(images folder: String, _ records: [VerificationRecord]) throws {
    for record in records {
      let name = "image \(record.index) (\(record.property))"
      switch record.verdict {
      case .unsat:
        guard let proof = record.proof else {
          report.notes.append("\(name): unsat without a proof.")
          continue
        }
        let path = "\(folder)/\(proof)"
        let header = try VerificationProof.readHeader(path)
        guard let text = header.robustness, let modelPath = header.modelPath else {
          report.reject("\(name): its proof carries no property of an image")
          continue
        }
        let (model, network) = try models.model(modelPath)
        let subject = try imageSubject(text, model, network, path)
        guard record.modelSHA256 == model.sha256, record.propertySHA256 == subject.propertySHA256 else {
          report.reject("\(name): model or property is another one than the one that was verified")
          continue
        }
        try replay(path, subject, name: name, sha256: record.proofSHA256)
      case .sat: report.notes.append("\(name): sat; its witness can be replayed in the model only.")
      case .unknown, .timeout, .error: break
      }
    }
    report.notes.append("Each proof carries the region around its image; the images were not read again.")
    report.seconds = (ContinuousClock.now - started).seconds
  }

  /// Replays every proof and witness of a verification run.
  mutating func check(run folder: String, configuration: VerificationConfiguration) throws {
    let contents: RecordFile<VerificationRecord>.Contents
    do { contents = try VerificationFolder.contents(folder) } catch let error as FileError {
      report.reject(error.description)
      return
    }
    if contents.isTorn {
      report.notes.append("The last line of certificates.jsonl is torn; resume the run to finish it.")
    }
    let order = configuration.indices()
    if contents.records.count < order.count {
      report.notes.append("The run is not finished: \(contents.records.count) of \(order.count) instances.")
    }
    if !configuration.isRoundingSafe {
      report.reject("the run left out the error terms (--rounding ignore): none of its verdicts proves anything")
    }
    let first = contents.records.lazy.compactMap(\.proof).first
    if let first, try VerificationProof.readHeader("\(folder)/\(first)").robustness != nil {
      return try check(images: folder, contents.records)
    }
    let instances: InstanceList
    do { instances = try InstanceList(configuration.instances) } catch {
      throw UserError("the run's list is not where it was (\(error)); single proofs can be checked by file name.")
    }
    if SHA256.text(instances.bytes) != configuration.listSHA256 {
      report.reject("\(configuration.instances) is another list than the one of the run (its SHA-256 differs)")
      return
    }
    for (position, record) in contents.records.enumerated() {
      let name = "instance \(record.index) (\(record.model), \(record.property))"
      guard position < order.count, record.index == order[position], record.index < instances.instances.count else {
        report.reject("\(name): it stands in the wrong place")
        continue
      }
      let instance = instances.instances[record.index]
      guard instance.model == record.model, instance.property == record.property else {
        report.reject("\(name): the list names \(instance.model), \(instance.property) there")
        continue
      }
      switch record.verdict {
      case .unsat where record.proof == nil: report.notes.append("\(name): unsat without a proof.")
      case .unsat, .sat:
        let (model, network) = try models.model(instances.path(instance.model))
        let subject = try VerificationSubject(
          model: model, network: network, specification: instances.path(instance.property))
        guard record.modelSHA256 == model.sha256, record.propertySHA256 == subject.propertySHA256 else {
          report.reject("\(name): model or property is another file than the one that was verified")
          continue
        }
        if record.verdict == .unsat {
          try replay("\(folder)/\(record.proof!)", subject, name: name, sha256: record.proofSHA256)
        } else {
          try replayWitness("\(folder)/\(record.witness ?? "")", subject, name: name)
        }
      case .unknown, .timeout, .error: break
      }
    }
    report.seconds = (ContinuousClock.now - started).seconds
  }

  private mutating func replay(
    _ path: String, _ subject: VerificationSubject, name: String, sha256: String? = nil
  ) throws {
    if let sha256, let bytes = try DurableFile.read(path), SHA256.text(bytes) != sha256 {
      report.reject("\(name): the proof is another file than the one of the record (its SHA-256 differs)")
      return
    }
    let proof: VerificationProof
    do { proof = try VerificationProof.read(path) } catch let error as FileError {
      report.reject("\(name): \(error.description)")
      return
    }
    let checker = ProofChecker(
      network: subject.network, property: subject.property, modelSHA256: subject.model.sha256,
      propertySHA256: subject.propertySHA256)
    if let problem = try semanticsProblem(checker, subject) {
      report.reject("\(name): \(problem)")
      return
    }
    let share = ShareDone()
    let display = quiet ? nil : ProgressDisplay { "\(ProgressDisplay.bar(share: share.value, width: $0))\(name)" }
    defer { display?.stop() }
    let verdict = checker.check(proof, options: .init(threads: threads)) { share.value = $0 }
    report.proofs += 1
    report.leaves += verdict.leaves
    if !verdict.isAccepted { report.reject("\(name): \(verdict.reasons.joined(separator: " "))") }
  }

  /// Compares the network of relations with the operators' own definitions at points of the region, since both the
  /// search and this check rest on it.
  private mutating func semanticsProblem(_ checker: ProofChecker, _ subject: VerificationSubject) throws -> String? {
    guard compared.insert(subject.model.sha256).inserted else { return nil }
    let shaped = try subject.model.graph.shaped(batch: nil)
    return try checker.checkSemantics(points: 2) { try shaped.evaluate($0) }
  }

  private mutating func replayWitness(_ path: String, _ subject: VerificationSubject, name: String) throws {
    report.witnesses += 1
    guard let bytes = try DurableFile.read(path) else {
      report.reject("\(name): its witness file is missing")
      return
    }
    do {
      let text = try WitnessText.parse(String(decoding: bytes, as: UTF8.self), name: path)
      let judge = WitnessJudge(network: subject.network, property: subject.property, semantics: .real)
      if !judge.accepts(text.inputs) { report.reject("\(name): the witness does not violate the property") }
    } catch {
      report.reject("\(name): \(error)")
    }
  }

  /// What a user reads.
  var text: String {
    var lines = report.problems.prefix(50).map { "REJECTED: \($0)" }
    if report.problems.count > 50 { lines.append("... and \(report.problems.count - 50) more") }
    lines += report.notes.prefix(20).map { "Note: \($0)" }
    if report.notes.count > 20 { lines.append("... and \(report.notes.count - 20) more notes") }
    let seconds = NumberText.decimal(report.seconds, places: 1)
    lines.append(
      report.accepted
        ? "Accepted: \(NumberText.grouped(report.proofs)) proofs with \(NumberText.grouped(report.leaves)) leaves and "
          + "\(NumberText.grouped(report.witnesses)) witnesses replayed in \(seconds) s."
        : "Rejected: \(NumberText.grouped(report.problems.count)) problems.")
    return lines.joined(separator: "\n")
  }
}

/// A share in 0...1 that a progress line reads while others write it.
private final class ShareDone: Sendable {
  private let bits = Atomic<UInt64>(0)

  var value: Double {
    get { Double(bitPattern: bits.load(ordering: .relaxed)) }
    set { bits.store(newValue.bitPattern, ordering: .relaxed) }
  }
}
