import FoundationEssentials
import Glibc

/// The folder of one run: configuration, certificates in input order, vote bitmaps, table and summary.
///
/// Everything a resumed run relies on is on the disk before the call that wrote it returns. One process at a time holds
/// the folder (a lock on `run.lock`). Calls must not overlap: a run's scheduler makes them one at a time, and whoever
/// opened the folder calls only before and after it; nothing else makes it `Sendable`.
package final class RunFolder: @unchecked Sendable {
  package let path: String
  package private(set) var configuration: RunConfiguration
  /// The certificates that the folder held when it was opened, in order.
  package let finished: [SmoothingCertificate]
  private let certificates: AppendOnlyFile
  private let table: AppendOnlyFile
  private let lock: FolderLock

  /// What to do where the folder holds unfinished votes of another classifier.
  package enum Unfinished: Sendable { case keep, restart }

  /// Opens a new folder, or an old one of the same configuration to go on in it.
  ///
  /// Another configuration, or another classifier without `.restart`, is refused with a sentence that says what differs.
  package init(_ path: String, configuration: RunConfiguration, unfinished: Unfinished) throws {
    self.path = path
    try DurableFile.makeFolder(path)
    try DurableFile.makeFolder(path + "/votes")
    lock = try FolderLock(path)
    (finished, certificates, table, self.configuration) = try Self.enter(path, configuration, unfinished)
  }

  private static func enter(
    _ path: String, _ configuration: RunConfiguration, _ unfinished: Unfinished
  ) throws -> ([SmoothingCertificate], AppendOnlyFile, AppendOnlyFile, RunConfiguration) {
    var configuration = configuration
    var finished: [SmoothingCertificate] = []
    var keep = 0
    let file = path + "/certificates.jsonl"
    if let old = try configurationIfPresent(path) {
      if let difference = old.difference(from: configuration) {
        throw FileError(
          "\(path) holds a run of another configuration: \(difference). Choose another folder with --out, or repeat "
            + "the options in \(path)/run.json")
      }
      if let bytes = try DurableFile.read(file) {
        let contents = try CertificateFile.read(bytes, path: file)
        finished = contents.records
        keep = contents.completeBytes
      }
      try checkOrder(finished, configuration, file)
      if Set(old.classifiers) != Set(configuration.classifiers) {
        let open = finished.count < configuration.data.indices().count
        if open && unfinished == .keep {
          throw FileError(
            "\(path) was begun with another classifier (\(describe(old.classifiers)); now "
              + "\(describe(configuration.classifiers))). Votes of two classifiers must not be mixed: run where it began, "
              + "or add --restart-unfinished, which keeps finished certificates and discards partial votes")
        }
        try discardPartialVotes(path, after: finished)
      }
      try removeLeftovers(path, after: finished)
      configuration.list(classifiersOf: finished)
    } else if try DurableFile.read(file)?.isEmpty == false {
      throw FileError("\(file) exists without run.json; choose another folder with --out")
    }
    try DurableFile.replace(path + "/run.json", with: Array(try JSONText.encodePretty(configuration).utf8))
    let certificates = try AppendOnlyFile(file, keeping: keep)
    let table = try CertifiedTable.rewrite(path + "/certified.tsv", for: finished)
    return (finished, certificates, table, configuration)
  }

  /// The configuration in a folder, or nil if there is none.
  package static func configurationIfPresent(_ path: String) throws -> RunConfiguration? {
    guard let bytes = try DurableFile.read(path + "/run.json") else { return nil }
    do {
      return try JSONText.decode(RunConfiguration.self, from: bytes)
    } catch {
      throw FileError("\(path)/run.json is no run configuration of this version: \(error)")
    }
  }

  private static func checkOrder(
    _ finished: [SmoothingCertificate], _ configuration: RunConfiguration, _ file: String
  ) throws {
    let indices = configuration.data.indices()
    guard finished.count <= indices.count else {
      throw FileError("\(file) has more certificates than the run has inputs")
    }
    for (position, certificate) in finished.enumerated() where certificate.index != indices[position] {
      throw FileError("\(file) line \(position + 1) is input \(certificate.index), not \(indices[position])")
    }
  }

  private static func describe(_ classifiers: [ClassifierIdentity]) -> String {
    classifiers.map { classifier in
      "\(classifier.deviceKind) \(classifier.deviceName), \(classifier.software), \(classifier.variant), batch "
        + "\(classifier.paddedBatch), logits \(classifier.logitsSHA256.prefix(8))"
    }.joined(separator: " and ")
  }

  private static func discardPartialVotes(_ path: String, after finished: [SmoothingCertificate]) throws {
    let keep = Set(finished.map { "\($0.index).bits" })
    for name in try FileManager.default.contentsOfDirectory(atPath: path + "/votes") where !keep.contains(name) {
      try DurableFile.remove(path + "/votes/" + name)
    }
  }

  /// Removes what a kill can leave behind: files that were not renamed yet, and notes of finished inputs.
  private static func removeLeftovers(_ path: String, after finished: [SmoothingCertificate]) throws {
    let notes = Set(finished.map { "\($0.index).part" })
    for name in try FileManager.default.contentsOfDirectory(atPath: path + "/votes")
    where name.hasSuffix(".new") || notes.contains(name) {
      try DurableFile.remove(path + "/votes/" + name)
    }
  }

  // MARK: Finished inputs

  package func votesPath(_ index: Int) -> String { "\(path)/votes/\(index).bits" }

  private func partialPath(_ index: Int) -> String { "\(path)/votes/\(index).part" }

  /// Stores a finished input: its votes, then its certificate, then its row. Inputs must come in the run's order.
  package func append(_ certificate: SmoothingCertificate, votes: VoteBitmap, seconds: Double) throws {
    if certificate.decision != .unreadable {
      try DurableFile.replace(votesPath(certificate.index), with: votes.bytes)
    }
    try certificates.append(try CertificateFile.line(certificate))
    try table.append(CertifiedTable.row(certificate, seconds: seconds))
    try DurableFile.remove(partialPath(certificate.index))
  }

  // MARK: Unfinished inputs

  /// Stores an unfinished input's votes: first the bits, then the note that names how many of them count.
  package func store(_ partial: PartialVotes, votes: VoteBitmap) throws {
    try DurableFile.replace(votesPath(partial.index), with: votes.bytes)
    try DurableFile.replace(partialPath(partial.index), with: Array(try JSONText.encode(partial).utf8))
  }

  /// The stored votes of an unfinished input, or nil where there are none or they do not match their note.
  package func partialVotes(_ index: Int) throws -> (PartialVotes, VoteBitmap)? {
    guard let note = try DurableFile.read(partialPath(index)), let bytes = try DurableFile.read(votesPath(index)),
      let partial = try? JSONText.decode(PartialVotes.self, from: note), partial.index == index,
      let votes = VoteBitmap(bytes: bytes, count: partial.samples), votes.votes(in: votes.count) == partial.votes,
      partial.votesSHA256 == PartialVotes.digest(votes)
    else { return nil }
    return (partial, votes)
  }

  /// Writes a file of the folder that may be replaced at any time (summary.json).
  package func replace(_ name: String, with text: String) throws {
    try DurableFile.replace(path + "/" + name, with: Array(text.utf8))
  }
}
