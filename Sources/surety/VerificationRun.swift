import ArgumentParser
import Certificates
import Glibc
import Hashing
import Reports
import Verification

/// A run over many instances in one process: resumable, one record each.
struct VerificationRun {
  private let command: VerifyCommand

  init(_ command: VerifyCommand) { self.command = command }

  /// What the run is over, one after the other.
  private struct Item {
    var name: String
    var property: String
    var timeout: Double
    var expected: String?
    var confidence: String?
    var load: () throws -> VerificationSubject
  }

  /// Runs a list of instances.
  func run(list path: String) async throws {
    let list = try InstanceList(path)
    let models = ModelCache(memory: try command.search.memoryLimit)
    let items = list.instances.map { instance in
      Item(
        name: instance.model, property: instance.property, timeout: command.search.timeout ?? instance.timeout,
        expected: instance.expected, confidence: instance.confidence
      ) {
        let (model, network) = try models.model(list.path(instance.model))
        return try VerificationSubject(model: model, network: network, specification: list.path(instance.property))
      }
    }
    let summary = try await run(items, source: path, digest: SHA256.text(list.bytes), folder: command.out!)
    if !summary.contradictions.isEmpty { throw ExitCode(1) }
  }

  /// Verifies robustness around images.
  func runImages(model path: String) async throws {
    let (model, network) = try ModelCache(memory: try command.search.memoryLimit).model(path)
    let source = try ImageProperties(command.images, model: model, network: network)
    let items = (0..<source.count).map { index in
      Item(name: model.name, property: source.name(index), timeout: command.search.timeout ?? 300) {
        let (property, text) = try source.property(index)
        return try VerificationSubject(
          model: model, network: network, property: property, name: source.name(index), text: text)
      }
    }
    let folder = command.out
    let summary = try await run(items, source: command.images.data!, digest: source.digest, folder: folder)
    if summary.errors > 0 { throw ExitCode(2) }
    if summary.sat > 0 { throw ExitCode(1) }
    if summary.unknown + summary.timeouts > 0 { throw ExitCode(3) }
  }

  private func run(
    _ items: [Item], source: String, digest: String, folder path: String?
  ) async throws -> VerificationSummary {
    let shard = try Shard(command.shard)
    let job = try VerificationJob(command.search, wantsProof: command.proofs)
    let configuration = VerificationConfiguration(
      version: suretyVersion, instances: absolutePath(source), listSHA256: digest, count: items.count,
      skip: command.skip, limit: command.limit, shard: shard.index, shards: shard.count,
      semantics: command.search.semantics, isRoundingSafe: job.options.isRoundingSafe, timeout: command.search.timeout,
      seed: command.search.seed, wantsProofs: command.proofs, device: job.deviceName)
    let folder = try path.map { try VerificationFolder($0, configuration: configuration) }
    var records = folder?.finished ?? []
    let indices = configuration.indices()
    if !records.isEmpty, !command.outputOptions.quiet {
      Terminal.message("Resuming: \(records.count) instances are done, \(indices.count - records.count) remain.")
    }
    Interruption.onInterrupt {
      Terminal.message("Interrupted; finished instances are stored. The same command goes on from there.")
    }
    for index in indices.dropFirst(records.count) {
      let record = try await verify(items[index], index: index, job: job, folder: folder)
      try folder?.append(record)
      records.append(record)
      if command.outputOptions.json {
        print(try RecordFile.line(record))
      } else {
        print(VerificationText.line(record, of: items.count))
      }
      fflush(nil)
    }
    Interruption.onInterrupt(nil)
    let summary = VerificationSummary(records)
    try folder?.replace("summary.json", with: try JSONText.encodePretty(summary))
    if command.outputOptions.json {
      print(try JSONText.encode(["summary": summary]))
    } else {
      print(VerificationText.summary(summary, records: records))
      if let path { print("Run folder: \(path) (surety check \(path); surety report \(path))") }
    }
    return summary
  }

  private func verify(
    _ item: Item, index: Int, job: VerificationJob, folder: VerificationFolder?
  ) async throws -> VerificationRecord {
    let started = ContinuousClock.now
    let display = command.outputOptions.quiet || !Terminal.isInteractive ? nil : job.display(started: started)
    defer { display?.stop() }
    var record: VerificationRecord
    do {
      let subject = try item.load()
      let answer: VerificationAnswer
      (record, answer) = try await job.verify(subject, index: index, timeout: item.timeout, started: started)
      if let folder {
        let clock = ContinuousClock.now
        if case .sat(let witness) = answer.verdict {
          record.witness = VerificationFolder.witnessName(index)
          try DurableFile.replace("\(folder.path)/\(record.witness!)", with: Array(witness.text.utf8))
          record.seconds.write += (ContinuousClock.now - clock).seconds
        }
        if case .unsat(let trees?) = answer.verdict {
          let name = VerificationFolder.proofName(index)
          try job.write(trees, for: subject, to: "\(folder.path)/\(name)", record: &record)
          record.proof = name
        }
      }
    } catch let error as FileError {
      // Without a disk nothing can go on.
      throw error
    } catch {
      record = VerificationRecord(
        index: index, model: item.name, property: item.property, verdict: .error, seconds: .init(),
        timeout: item.timeout, engine: "none", device: job.deviceName, semantics: command.search.semantics,
        isRoundingSafe: job.options.isRoundingSafe, subproblems: 0, open: 0, modelSHA256: "", propertySHA256: "")
      record.message = "\(error)"
    }
    record.model = item.name
    record.property = item.property
    record.expected = item.expected
    record.confidence = item.confidence
    record.seconds.total = (ContinuousClock.now - started).seconds
    return record
  }
}
