import Certificates
import FoundationEssentials
import Hashing
import TestSupport

/// Someone who edits a run folder and then makes all that can be recomputed without the model agree again: checksums of
/// lines, hashes of votes, the claim, the configuration's digest, table and summary.
struct Forger {
  let folder: String
  var configuration: RunConfiguration
  var certificates: [SmoothingCertificate]
  /// The stored bitmaps by input.
  var votes: [Int: VoteBitmap] = [:]

  init(_ folder: String) throws {
    self.folder = folder
    guard let configuration = try RunFolder.configurationIfPresent(folder) else {
      throw Program.Failure(description: "\(folder) is no run")
    }
    self.configuration = configuration
    let file = folder + "/certificates.jsonl"
    certificates = try CertificateFile.read(try TestData.bytes(file), path: file).records
    for certificate in certificates {
      votes[certificate.index] = VoteBitmap(
        bytes: try TestData.bytes("\(folder)/votes/\(certificate.index).bits"), count: certificate.samples)
    }
  }

  /// Counts every look again and tests it against the plan, so that bitmap, counts, decision and radius agree.
  mutating func recount(_ position: Int) {
    var certificate = certificates[position]
    guard let bitmap = votes[certificate.index] else { return }
    let plan = configuration.sampling
    var claimed = 0
    for (index, look) in certificate.looks.enumerated() {
      let count = bitmap.votes(in: look.n)
      var tests: [SmoothingCertificate.Test] = []
      while claimed < plan.tests.count {
        let test = plan.tests[claimed]
        let passed = count >= test.boundaries[index]
        tests.append(.init(radius: test.radius, boundary: test.boundaries[index], passed: passed))
        guard passed else { break }
        claimed += 1
      }
      certificate.looks[index] = .init(n: look.n, votes: count, tests: tests)
    }
    if plan.kind == .sequential {
      certificate.decision = claimed > 0 ? .certified : .abstain
      certificate.radius = claimed > 0 ? plan.tests[claimed - 1].radius : "0"
      certificate.squaredLevels = claimed > 0 ? plan.tests[claimed - 1].squaredLevels : nil
    }
    certificates[position] = certificate
  }

  /// Recomputes every key from nonce and image, as the producer does.
  mutating func recomputeKeys() {
    let nonce = bytes(hexadecimal: configuration.nonce) ?? []
    for position in certificates.indices {
      let image = bytes(hexadecimal: certificates[position].imageSHA256) ?? []
      certificates[position].key = hexadecimal(configuration.noise.key(nonce: nonce, imageSHA256: image))
    }
  }

  /// Writes everything. `keepingHashes` leaves the hashes of the votes as they were edited.
  mutating func save(keepingVoteHashes: Bool = false) throws {
    configuration.configurationSHA256 = try configuration.digest()
    let claim = try configuration.claimDigest()
    for position in certificates.indices {
      certificates[position].claimSHA256 = claim
      let index = certificates[position].index
      guard let bitmap = votes[index] else { continue }
      if !keepingVoteHashes { certificates[position].votesSHA256 = PartialVotes.digest(bitmap) }
      try writeFile("\(folder)/votes/\(index).bits", bitmap.bytes)
    }
    try writeFile(folder + "/run.json", try JSONText.encodePretty(configuration).utf8)
    let lines = try certificates.map { try CertificateFile.line($0) + "\n" }.joined()
    try writeFile(folder + "/certificates.jsonl", lines.utf8)
    let rows = [CertifiedTable.header] + certificates.map { CertifiedTable.row($0, seconds: 0) }
    try writeFile(folder + "/certified.tsv", (rows.joined(separator: "\n") + "\n").utf8)
    let summary = RunSummary(certificates, plan: configuration.sampling)
    try writeFile(folder + "/summary.json", try JSONText.encodePretty(summary).utf8)
  }
}
