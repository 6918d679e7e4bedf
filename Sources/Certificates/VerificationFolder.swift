/// The folder of a verification run: configuration, one record per instance in the list's order, proofs, witnesses.
///
/// A record is on the disk, and so are the files that it names, before the call that appends it returns. One process at
/// a time holds the folder.
package final class VerificationFolder {
  package let path: String
  /// The records that the folder held when it was opened, in order.
  package let finished: [VerificationRecord]
  private let records: AppendOnlyFile
  private let lock: FolderLock

  /// Opens a new folder, or an old one of the same configuration to go on in it.
  package init(_ path: String, configuration: VerificationConfiguration) throws {
    self.path = path
    for folder in [path, path + "/proofs", path + "/witnesses"] { try DurableFile.makeFolder(folder) }
    lock = try FolderLock(path)
    let file = path + "/certificates.jsonl"
    var contents = RecordFile<VerificationRecord>.Contents(records: [], completeBytes: 0, isTorn: false)
    if let old = try Self.configurationIfPresent(path) {
      if let difference = old.difference(from: configuration) {
        throw FileError(
          "\(path) holds a run of another configuration: \(difference). Choose another folder with --out, or repeat "
            + "the options in \(path)/run.json")
      }
      contents = try Self.contents(path)
      let indices = configuration.indices()
      guard contents.records.count <= indices.count else {
        throw FileError("\(file) has more records than the run has instances")
      }
      for (position, record) in contents.records.enumerated() where record.index != indices[position] {
        throw FileError("\(file) line \(position + 1) is instance \(record.index), not \(indices[position])")
      }
    } else if try DurableFile.read(file)?.isEmpty == false {
      throw FileError("\(file) exists without a verification run's run.json; choose another folder with --out")
    }
    finished = contents.records
    try DurableFile.replace(path + "/run.json", with: Array(try JSONText.encodePretty(configuration).utf8))
    records = try AppendOnlyFile(file, keeping: contents.completeBytes)
  }

  /// The configuration in a folder, or nil if there is none or it is of another kind of run.
  package static func configurationIfPresent(_ path: String) throws -> VerificationConfiguration? {
    guard let bytes = try DurableFile.read(path + "/run.json") else { return nil }
    struct Header: Codable { var format: String }
    guard let header = try? JSONText.decode(Header.self, from: bytes),
      header.format == VerificationConfiguration.currentFormat
    else { return nil }
    do {
      return try JSONText.decode(VerificationConfiguration.self, from: bytes)
    } catch {
      throw FileError("\(path)/run.json is no run configuration of this version: \(error)")
    }
  }

  /// The records of a folder.
  package static func contents(_ path: String) throws -> RecordFile<VerificationRecord>.Contents {
    let file = path + "/certificates.jsonl"
    return try RecordFile<VerificationRecord>.read(try DurableFile.read(file) ?? [], path: file)
  }

  /// Where the proof of an instance belongs, below the folder.
  package static func proofName(_ index: Int) -> String { "proofs/\(index).proof" }
  /// Where the witness of an instance belongs, below the folder.
  package static func witnessName(_ index: Int) -> String { "witnesses/\(index).txt" }

  /// Stores a finished instance; its files must be in the folder already.
  package func append(_ record: VerificationRecord) throws {
    try records.append(try RecordFile<VerificationRecord>.line(record))
  }

  /// Writes a file of the folder that may be replaced at any time (summary.json).
  package func replace(_ name: String, with text: String) throws {
    try DurableFile.replace(path + "/" + name, with: Array(text.utf8))
  }
}
