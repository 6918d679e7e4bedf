import ArgumentParser
import Certificates
import Hashing

/// `surety merge`: joins the shards of a job after proving them disjoint and complete.
struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Join the shards of a certification run after proving them disjoint and complete.",
    discussion: """
      Every shard must come from the same model, data, noise, nonce and sampling plan, and every input must be certified \
      exactly once. Give each shard the same --nonce.

      Example:
        surety merge part0 part1 part2 part3 --out run
      """)

  @Argument(help: ArgumentHelp("The run folders of all shards.", valueName: "run"))
  var runs: [String]

  @Option(help: ArgumentHelp("The folder for the joined run.", valueName: "folder"))
  var out: String

  @OptionGroup var outputOptions: OutputOptions

  func run() async throws {
    var parts: [(path: String, configuration: RunConfiguration, certificates: [SmoothingCertificate])] = []
    for path in runs {
      guard let configuration = try RunFolder.configurationIfPresent(path) else {
        throw UserError("\(path) is no run folder: it has no run.json.")
      }
      let file = path + "/certificates.jsonl"
      let contents = try CertificateFile.read(try DurableFile.read(file) ?? [], path: file)
      parts.append((path, configuration, contents.records))
    }
    let first = parts[0]
    guard first.configuration.data.shards == parts.count else {
      throw UserError(
        "\(first.path) is one of \(first.configuration.data.shards) shards, but \(parts.count) folders were given.")
    }
    var owner: [Int: String] = [:]
    for part in parts {
      var data = part.configuration.data
      data.shard = first.configuration.data.shard
      var same = part.configuration
      same.data = data
      same.skipBad = first.configuration.skipBad
      if let difference = first.configuration.difference(from: same) {
        throw UserError("\(part.path) is no part of the same job as \(first.path): \(difference).")
      }
      if let other = owner.updateValue(part.path, forKey: part.configuration.data.shard) {
        throw UserError("\(part.path) and \(other) are the same shard \(part.configuration.data.shard).")
      }
      let wanted = part.configuration.data.indices()
      guard part.certificates.map(\.index) == wanted else {
        throw UserError(
          "\(part.path) is not finished: \(part.certificates.count) of \(wanted.count) inputs; run its command again.")
      }
    }
    var joined = first.configuration
    joined.data.shard = 0
    joined.data.shards = 1
    joined.skipBad = parts.contains { $0.configuration.skipBad }
    for part in parts { joined.list(classifiersOf: part.certificates) }
    joined.configurationSHA256 = try joined.digest()
    let folder = try RunFolder(out, configuration: joined, unfinished: .keep)
    let certificates = parts.flatMap { part in part.certificates.map { (part.path, $0) } }.sorted {
      $0.1.index < $1.1.index
    }
    guard certificates.map(\.1.index) == joined.data.indices() else {
      throw UserError("the shards do not cover every input exactly once.")
    }
    for (path, certificate) in certificates.dropFirst(folder.finished.count) {
      let bytes = try DurableFile.read("\(path)/votes/\(certificate.index).bits") ?? []
      guard let votes = VoteBitmap(bytes: bytes, count: certificate.samples),
        certificate.decision == .unreadable || SHA256.text(votes.bytes) == certificate.votesSHA256
      else { throw UserError("\(path)/votes/\(certificate.index).bits does not match its certificate.") }
      try folder.append(certificate, votes: votes, seconds: 0)
    }
    let summary = RunSummary(certificates.map(\.1), plan: joined.sampling)
    try folder.replace("summary.json", with: try JSONText.encodePretty(summary))
    if outputOptions.json {
      print(try JSONText.encode(summary))
    } else {
      print("Joined \(parts.count) shards, \(certificates.count) certificates, in \(out).")
    }
  }
}
