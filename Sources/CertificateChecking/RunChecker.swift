import Certificates
import FoundationEssentials
import Hashing

/// Replays a run folder's certificates without a device and without any of the producer's statistics.
///
/// Recomputed here: the noise table and its hash, tau, the null probabilities, the error probability of the boundaries,
/// the integer radii, every key, every class from its selection votes, every count from its bitmap, every decision and
/// radius. Checksums of lines prove nothing, since a forger can recompute them. What this cannot see is whether the
/// stored votes are the classifier's: that takes an audit (`VoteAudit`).
package struct RunChecker {
  package let folder: String
  package let configuration: RunConfiguration
  package let certificates: [SmoothingCertificate]
  /// Why the run is rejected; empty: accepted.
  package private(set) var problems: [String] = []
  /// What could not be verified, or should be known.
  package private(set) var notes: [String] = []
  /// The checker's own noise table.
  package let table: CheckedNoiseTable
  private let alpha: ExactRational
  private let sigma: ExactRational

  /// Reads a run folder, or the certificates.jsonl in one.
  ///
  /// - Throws: a sentence if something cannot be read at all; what can be read and is wrong is a problem.
  package init(_ path: String) throws {
    let file = "certificates.jsonl"
    folder = path == file ? "." : path.hasSuffix("/" + file) ? String(path.dropLast(file.count + 1)) : path
    guard let configuration = try RunFolder.configurationIfPresent(folder) else {
      throw FileError("\(folder) is no run folder: it has no run.json")
    }
    guard let bytes = try DurableFile.read(folder + "/certificates.jsonl") else {
      throw FileError("\(folder) has no certificates.jsonl")
    }
    self.configuration = configuration
    sigma = try ExactRational(decimal: configuration.noise.sigma)
    alpha = try ExactRational(decimal: configuration.sampling.alpha)
    table = try CheckedNoiseTable(sigma: configuration.noise.arithmetic == .exact ? sigma : .one)
    let bounds = PlausibleNumbers(configuration)
    if let problem = bounds.problem { problems.append(problem) }
    do {
      let contents = try CertificateFile.read(bytes, path: folder + "/certificates.jsonl")
      let implausible = contents.records.indices.filter { !bounds.admits(contents.records[$0]) }
      for position in implausible {
        problems.append("certificate \(position + 1) states sizes or counts that no run has")
      }
      certificates = implausible.isEmpty && bounds.problem == nil ? contents.records : []
      if contents.isTorn { notes.append("The last line of certificates.jsonl is torn; resume the run to finish it.") }
    } catch let error as FileError {
      certificates = []
      problems.append(error.description)
    }
  }

  /// Runs every check that needs no model and no data.
  package mutating func check() throws {
    guard problems.isEmpty else { return }
    checkConfiguration()
    checkPlan()
    let claim = try configuration.claimDigest()
    let order = configuration.data.indices()
    for (position, certificate) in certificates.enumerated() {
      let place = "certificate \(position + 1) (input \(certificate.index), \(certificate.name))"
      do {
        if position >= order.count || order[position] != certificate.index {
          throw StatisticsRejection("it stands in the wrong place")
        }
        try CertificateRules(
          configuration, plan: configuration.sampling, claim: claim, sigma: sigma, alpha: alpha, half: table.half
        )
        .check(certificate, votes: try DurableFile.read("\(folder)/votes/\(certificate.index).bits"))
      } catch {
        problems.append("\(place): \(error)")
      }
    }
    if certificates.count < order.count {
      notes.append("The run is not finished: \(certificates.count) of \(order.count) inputs have a certificate.")
      if try DurableFile.read(folder + "/summary.json") != nil {
        problems.append(
          "there is a summary.json, which only a finished run has, but \(order.count - certificates.count) of "
            + "\(order.count) inputs have no certificate")
      }
    }
    // What follows compares texts; it means nothing for certificates that do not hold.
    if problems.isEmpty { try checkSummaries() }
  }

  private mutating func checkConfiguration() {
    if configuration.format != RunConfiguration.currentFormat {
      problems.append("run.json has the format \(configuration.format), which this version does not know")
    }
    if (try? configuration.digest()) != configuration.configurationSHA256 {
      problems.append("run.json does not match its own digest")
    }
    if configuration.noise.law != "gaussian" { problems.append("the noise law is not gaussian") }
    if configuration.noise.tableHalf != table.half {
      problems.append("the noise table has \(configuration.noise.tableHalf) entries a side, not \(table.half)")
    }
    if configuration.noise.tableSHA256 != table.sha256 {
      problems.append("the noise table is not the one of sigma \(configuration.noise.sigma)")
    }
    if bytes(hexadecimal: configuration.nonce)?.isEmpty != false { problems.append("the nonce is not hexadecimal") }
    if alpha <= .zero || alpha >= .half { problems.append("alpha is not between 0 and 0.5") }
  }

  /// The plan's looks follow its schedule, its boundaries spend no more than alpha in the schedule's shares.
  private mutating func checkPlan() {
    let plan = configuration.sampling
    do {
      guard plan.selection > 0, plan.estimation > 0 else { throw StatisticsRejection("n0 or n is not positive") }
      guard plan.kind == .sequential else {
        guard plan.looks == [plan.estimation], plan.tests.isEmpty else {
          throw StatisticsRejection("fixed sampling has one look, at n")
        }
        return
      }
      guard let schedule = CheckedSchedule(named: plan.schedule ?? "") else {
        throw StatisticsRejection("the schedule of looks is not a known one")
      }
      let looks = schedule.looks(samples: plan.estimation)
      guard looks.map(\.samples) == plan.looks else {
        throw StatisticsRejection("the looks are not those of the schedule at n = \(plan.estimation)")
      }
      guard !plan.tests.isEmpty else { throw StatisticsRejection("no radius is declared") }
      let dimension = try Self.dimension(certificates)
      let tau =
        configuration.noise.arithmetic == .exact
        ? CheckedNull.totalVariation(dimension: dimension, half: table.half) : .zero
      var previous: ExactRational?
      for test in plan.tests {
        let radius = try ExactRational(decimal: test.radius)
        if let previous, radius <= previous { throw StatisticsRejection("the radii do not ascend") }
        previous = radius
        guard test.boundaries.count == looks.count, test.spent.count == looks.count else {
          throw StatisticsRejection("the radius \(test.radius) does not have a boundary for every look")
        }
        let null = try CheckedNull.probability(radius: radius, sigma: sigma, totalVariation: tau)
        let bounds = try CheckedSequence.verify(
          looks: zip(plan.looks, test.boundaries).map { CheckedLook(samples: $0, boundary: $1) },
          nullProbability: null.upper, alpha: alpha, recordedSpent: test.spent)
        for (look, bound) in zip(looks, bounds) where bound > alpha * look.share {
          throw StatisticsRejection(
            "the boundaries of the radius \(test.radius) spend more by look \(look.samples) than the schedule allows")
        }
        guard CheckedNull.squaredLevels(radius: radius) == test.squaredLevels else {
          throw StatisticsRejection("the integer radius of \(test.radius) is not \(test.squaredLevels)")
        }
        guard (test.nullProbability - null.upper.approximation).magnitude <= 1e-9 else {
          throw StatisticsRejection("p0 of the radius \(test.radius) is not \(test.nullProbability)")
        }
      }
    } catch {
      problems.append("the sampling plan: \(error)")
    }
  }

  /// The number of pixels d, which must be the same for all inputs.
  private static func dimension(_ certificates: [SmoothingCertificate]) throws -> Int {
    let dimensions = Set(certificates.filter { $0.decision != .unreadable }.map { $0.imageShape.reduce(1, *) })
    guard dimensions.count <= 1 else { throw StatisticsRejection("the inputs have different sizes") }
    return dimensions.first ?? 1
  }

  /// The table and the summary say what the certificates say.
  private mutating func checkSummaries() throws {
    if let bytes = try DurableFile.read(folder + "/summary.json") {
      let stated = String(decoding: bytes, as: UTF8.self)
      if stated != (try JSONText.encodePretty(RunSummary(certificates, plan: configuration.sampling))) {
        problems.append("summary.json does not say what the certificates say")
      }
    }
    if let bytes = try DurableFile.read(folder + "/certified.tsv") {
      func withoutTime(_ line: String) -> String { line.split(separator: "\t").dropLast().joined(separator: "\t") }
      let stated = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { withoutTime(String($0)) }
      let rows = [CertifiedTable.header] + certificates.map { CertifiedTable.row($0, seconds: 0) }
      if stated != rows.map(withoutTime) { problems.append("certified.tsv does not say what the certificates say") }
    }
  }

  /// Records what an outer check found (files, audit).
  package mutating func add(problem: String) { problems.append(problem) }
  package mutating func add(note: String) { notes.append(note) }
}
