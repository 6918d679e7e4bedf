import CertificateChecking
import Certificates
import Hashing
import Synchronization
import TestSupport
import Testing

// The checker on run folders that no producer wrote: made here from the certificates' own types and the checker's exact
// decisions, so that nothing of the producer's statistics takes part.

@Suite struct RunCheckerTests {
  @Test("Runs of fixed sampling with any count of votes are accepted, in both arithmetics", arguments: [true, false])
  func accepted(isExact: Bool) throws {
    for votes in [0, 20, 31, 39, 44, 55, 59, 60] {
      let run = try SyntheticRun(votes: votes, of: 60, isExact: isExact)
      defer { run.remove() }
      #expect(try run.problems() == [], "\(votes) of 60 votes, radius \(run.certificates[0].radius)")
    }
  }

  @Test("60 samples at alpha 0.001 certify from 43 votes on: more is claimed by none, less is an abstention by mistake")
  func boundary() throws {
    // P[Bin(60, 1/2) >= 42] = 0.00134, P[Bin(60, 1/2) >= 43] = 0.00053.
    #expect(try SyntheticRun.radius(votes: 42, of: 60, isExact: true) == nil)
    #expect(try SyntheticRun.radius(votes: 43, of: 60, isExact: true) != nil)
    var run = try SyntheticRun(votes: 43, of: 60, isExact: true)
    defer { run.remove() }
    run.certificates[0].decision = .abstain
    run.certificates[0].radius = "0"
    run.certificates[0].squaredLevels = nil
    try run.write()
    #expect(try run.problems().first?.contains("abstains where its votes certify") == true)
  }

  @Test("A radius is neither enlarged nor shrunk by a hundred-thousandth")
  func radius() throws {
    for factor in [1.00001, 1.5, 0.99999, 0.5] {
      var run = try SyntheticRun(votes: 58, of: 60, isExact: true)
      defer { run.remove() }
      let radius = Double(run.certificates[0].radius)! * factor
      run.certificates[0].radius = "\(radius)"
      run.certificates[0].squaredLevels = Int((255 * radius) * (255 * radius))
      try run.write()
      let problems = try run.problems()
      let reason = factor > 1 ? "do not exclude" : "smaller than the one its votes certify"
      #expect(problems.count == 1 && problems[0].contains(reason), "factor \(factor): \(problems)")
    }
  }

  @Test("An integer radius belongs to exact arithmetic only")
  func integerRadius() throws {
    var real = try SyntheticRun(votes: 58, of: 60, isExact: false)
    defer { real.remove() }
    real.certificates[0].squaredLevels = 1
    try real.write()
    #expect(try real.problems().first?.contains("no integer radius") == true)
    var exact = try SyntheticRun(votes: 58, of: 60, isExact: true)
    defer { exact.remove() }
    exact.certificates[0].squaredLevels = nil
    try exact.write()
    #expect(try exact.problems().first?.contains("integer radius is missing") == true)
  }

  /// An edit that makes a number too large, too small or of the wrong sign for any run.
  struct Extreme: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (inout SyntheticRun, Int) -> Void

    init(_ name: String, _ make: @escaping @Sendable (inout SyntheticRun, Int) -> Void) {
      testDescription = name
      self.make = make
    }
  }

  private static let extremes: [Extreme] = [
    Extreme("inputs") { $0.configuration.data.count = $1 },
    Extreme("skip") { $0.configuration.data.skip = $1 },
    Extreme("limit") { $0.configuration.data.limit = $1 },
    Extreme("shard") { $0.configuration.data.shard = $1 },
    Extreme("shards") { $0.configuration.data.shards = $1 },
    Extreme("classes") { $0.configuration.model.classes = $1 },
    Extreme("input shape") { $0.configuration.model.inputShape = [$1, $1, 2] },
    Extreme("table") { $0.configuration.noise.tableHalf = $1 },
    Extreme("n0") { $0.configuration.sampling.selection = $1 },
    Extreme("n") { $0.configuration.sampling.estimation = $1 },
    Extreme("n and its look") {
      $0.configuration.sampling.estimation = $1
      $0.configuration.sampling.looks = [$1]
    },
    Extreme("image shape") { $0.certificates[0].imageShape = [$1, $1, 2] },
    Extreme("channels") { $0.certificates[0].imageShape = [1, 1, $1] },
    Extreme("samples") { $0.certificates[0].samples = $1 },
    Extreme("look") { $0.certificates[0].looks[0].n = $1 },
    Extreme("votes") { $0.certificates[0].looks[0].votes = $1 },
    Extreme("class") { $0.certificates[0].topClass = $1 },
    Extreme("selection vote") { $0.certificates[0].selectionVotes[0] = $1 },
    Extreme("integer radius") { $0.certificates[0].squaredLevels = $1 },
    Extreme("index") { $0.certificates[0].index = $1 },
    Extreme("batch") { $0.certificates[0].classifier.paddedBatch = $1 },
  ]

  @Test("Numbers that no run has are rejected without a crash", arguments: extremes)
  func extremeNumbers(extreme: Extreme) throws {
    for number in [Int.max, 1 << 40, -1] {
      var run = try SyntheticRun(votes: 58, of: 60, isExact: true)
      defer { run.remove() }
      extreme.make(&run, number)
      try run.write(summary: false)
      #expect(try !run.problems().isEmpty, "\(extreme.testDescription) \(number)")
    }
  }

  @Test("An unreadable input has no result, in a run that passes over such inputs")
  func unreadable() throws {
    for skipBad in [true, false] {
      var run = try SyntheticRun(votes: 58, of: 60, isExact: true)
      defer { run.remove() }
      run.configuration.skipBad = skipBad
      var certificate = run.certificates[0]
      certificate.decision = .unreadable
      certificate.radius = "0"
      certificate.squaredLevels = nil
      certificate.topClass = nil
      certificate.selectionVotes = []
      certificate.looks = []
      certificate.samples = 0
      run.certificates[0] = certificate
      try run.write()
      #expect(try run.problems().isEmpty == skipBad)
      run.certificates[0].radius = "0.1"
      try run.write()
      #expect(try !run.problems().isEmpty)
    }
  }

  @Test("A run without its last certificate is unfinished; with a summary it is rejected")
  func unfinished() throws {
    var run = try SyntheticRun(votes: 58, of: 60, isExact: true)
    defer { run.remove() }
    run.certificates.removeLast()
    try run.write(summary: false)
    var checker = try RunChecker(run.folder)
    try checker.check()
    #expect(checker.problems.isEmpty && checker.notes.contains { $0.contains("not finished") })
    try run.write()
    #expect(try !run.problems().isEmpty)
  }
}

/// A run folder of fixed sampling with two inputs, whose counts are given and whose radius is the largest provable one.
struct SyntheticRun {
  let folder: String
  var configuration: RunConfiguration
  var certificates: [SmoothingCertificate]
  private let bitmap: VoteBitmap

  private static let sigma = "0.25"
  private static let alpha = "0.001"
  private static let dimension = 2 * 3
  private static let exactTable = Result { try CheckedNoiseTable(sigma: try ExactRational(decimal: sigma)) }
  private static let realTable = Result { try CheckedNoiseTable(sigma: .one) }
  private static let radii = Mutex<[String: String?]>([:])

  init(votes: Int, of samples: Int, isExact: Bool) throws {
    folder = try TemporaryFolder.make("synthetic")
    let preprocessing = "{\"mean\":[0.0],\"scale\":1.0,\"std\":[1.0]}"
    let table = try (isExact ? Self.exactTable : Self.realTable).get()
    let noise = NoiseDescription(
      law: "gaussian", sigma: Self.sigma, arithmetic: isExact ? .exact : .real, tableHalf: table.half,
      tableSHA256: table.sha256)
    let lookup = try CheckedLookup(preprocessing: preprocessing, half: table.half, channels: 1)
    let model = SHA256.text(Array("a model".utf8))
    let classifier = ClassifierIdentity(
      modelSHA256: model, preprocessingSHA256: SHA256.text(Array(preprocessing.utf8)),
      lookupSHA256: isExact ? SHA256.text(lookup.bytes) : "", precision: "float32", paddedBatch: 8, deviceKind: "cpu",
      deviceName: "none", software: "none", variant: "none", logitsSHA256: SHA256.text([0]))
    configuration = try RunConfiguration(
      version: "test", model: .init(path: "/nowhere.onnx", sha256: model, classes: 10, inputShape: [1, 2, 3]),
      data: .init(
        path: "/nowhere.npy", labels: nil, listSHA256: SHA256.text([1]), count: 2, skip: 0, limit: nil, shard: 0,
        shards: 1),
      preprocessing: preprocessing, noise: noise, nonce: "c0ffee",
      sampling: SamplingPlan(
        kind: .fixed, alpha: Self.alpha, selection: 3, estimation: samples, schedule: nil, looks: [samples], tests: []),
      precision: "float32", skipBad: false, classifier: classifier)
    var bitmap = VoteBitmap(count: samples)
    for sample in 0..<votes { bitmap[(sample * 7) % samples] = true }
    self.bitmap = bitmap
    guard bitmap.votes(in: samples) == votes else {
      throw Program.Failure(description: "7 and the number of samples must have no common divisor")
    }
    let radius = try Self.radius(votes: votes, of: samples, isExact: isExact)
    let levels = try radius.map { CheckedNull.squaredLevels(radius: try ExactRational(decimal: $0)) }
    let (fixedConfiguration, fixedBitmap) = (configuration, bitmap)
    certificates = try (0..<2).map { index in
      let image = SHA256.digest([UInt8(index)])
      return SmoothingCertificate(
        index: index, name: "input \(index)", label: 4, decision: radius == nil ? .abstain : .certified,
        imageShape: [2, 3, 1], imageSHA256: hexadecimal(image),
        key: hexadecimal(noise.key(nonce: bytes(hexadecimal: "c0ffee")!, imageSHA256: image)), topClass: 4,
        selectionVotes: [4, 4, 1], looks: [.init(n: samples, votes: votes, tests: [])], samples: samples,
        votesSHA256: PartialVotes.digest(fixedBitmap), radius: radius ?? "0",
        squaredLevels: isExact ? levels.map { Int($0) } : nil, claimSHA256: try fixedConfiguration.claimDigest(),
        classifier: classifier)
    }
    try write()
  }

  /// The largest radius that the checker's exact test allows, to 2^-26, or nil.
  static func radius(votes: Int, of samples: Int, isExact: Bool) throws -> String? {
    let name = "\(votes) of \(samples), \(isExact)"
    if let known = radii.withLock({ $0[name] }) { return known }
    let found = try search(votes: votes, of: samples, isExact: isExact)
    radii.withLock { $0[name] = .some(found) }
    return found
  }

  private static func search(votes: Int, of samples: Int, isExact: Bool) throws -> String? {
    let sigma = try ExactRational(decimal: Self.sigma)
    let alpha = try ExactRational(decimal: Self.alpha)
    let half = isExact ? CheckedNoiseTable.half(sigma: sigma) : 0
    let tau = CheckedNull.totalVariation(dimension: dimension, half: half)
    func holds(_ steps: Int) throws -> Bool {
      let radius = try ExactRational(exactly: Double(steps) / 67_108_864)
      do {
        try CheckedFixedSampling.verify(
          radius: radius, sigma: sigma, totalVariation: tau, votes: votes, samples: samples, alpha: alpha)
        return true
      } catch { return false }
    }
    var low = 0
    var high = 2 * 67_108_864
    while high - low > 1 {
      let middle = (low + high) / 2
      if try holds(middle) { low = middle } else { high = middle }
    }
    // The text must not stand above the number.
    return low < 2 ? nil : "\((Double(low - 1) / 67_108_864))"
  }

  /// Writes the folder with everything recomputed that can be.
  mutating func write(summary: Bool = true) throws {
    try DurableFile.makeFolder(folder + "/votes")
    configuration.configurationSHA256 = try configuration.digest()
    let claim = try configuration.claimDigest()
    for position in certificates.indices {
      certificates[position].claimSHA256 = claim
      try DurableFile.replace("\(folder)/votes/\(certificates[position].index).bits", with: bitmap.bytes)
    }
    try DurableFile.replace(folder + "/run.json", with: Array(try JSONText.encodePretty(configuration).utf8))
    let lines = try certificates.map { try CertificateFile.line($0) + "\n" }.joined()
    try DurableFile.replace(folder + "/certificates.jsonl", with: Array(lines.utf8))
    guard summary else { return try DurableFile.remove(folder + "/summary.json") }
    let text = try JSONText.encodePretty(RunSummary(certificates, plan: configuration.sampling))
    try DurableFile.replace(folder + "/summary.json", with: Array(text.utf8))
  }

  func problems() throws -> [String] {
    var checker = try RunChecker(folder)
    try checker.check()
    return checker.problems
  }

  func remove() { TemporaryFolder.remove(folder) }
}
