import Certificates
import Hashing
import TestSupport
import Testing

/// A small run with made-up votes.
private struct Fixture {
  let folder: String
  var configuration: RunConfiguration

  init(logits: String = "aa", n: Int = 100) throws {
    folder = try TemporaryFolder.make("run")
    configuration = try Self.configuration(logits: logits, n: n)
  }

  static func configuration(logits: String, n: Int) throws -> RunConfiguration {
    try RunConfiguration(
      version: "test", model: .init(path: "/m.onnx", sha256: "m", classes: 3, inputShape: [1, 2, 2]),
      data: .init(
        path: "/d", labels: nil, listSHA256: "l", count: 4, skip: 0, limit: nil, shard: 0, shards: 1),
      preprocessing: "{}",
      noise: NoiseDescription(law: "gaussian", sigma: "0.5", arithmetic: .exact, tableHalf: 1020, tableSHA256: "t"),
      nonce: "00",
      sampling: SamplingPlan(
        kind: .fixed, alpha: "0.001", selection: 2, estimation: n, schedule: nil, looks: [n], tests: []),
      precision: "float32", skipBad: false, classifier: classifier(logits))
  }

  static func classifier(_ logits: String) -> ClassifierIdentity {
    ClassifierIdentity(
      modelSHA256: "m", preprocessingSHA256: "p", lookupSHA256: "t", precision: "float32", paddedBatch: 8,
      deviceKind: "cpu", deviceName: "test", software: "none", variant: "none", logitsSHA256: logits)
  }

  func open(_ unfinished: RunFolder.Unfinished = .keep) throws -> RunFolder {
    try RunFolder(folder, configuration: configuration, unfinished: unfinished)
  }

  func certificate(_ index: Int, votes: VoteBitmap) throws -> SmoothingCertificate {
    SmoothingCertificate(
      index: index, name: "image \(index)", label: 1, decision: .abstain, imageShape: [2, 2, 1], imageSHA256: "i",
      key: "k", topClass: 1, selectionVotes: [1, 1],
      looks: [.init(n: votes.count, votes: votes.votes(in: votes.count), tests: [])], samples: votes.count,
      votesSHA256: PartialVotes.digest(votes), radius: "0", squaredLevels: nil,
      claimSHA256: try configuration.claimDigest(), classifier: configuration.classifier)
  }

  func partial(_ index: Int, _ votes: VoteBitmap) throws -> PartialVotes {
    PartialVotes(
      index: index, imageSHA256: "i", key: "k", topClass: 1, selectionVotes: [1, 1], votes: votes,
      classifierSHA256: try configuration.classifier.digest())
  }

  var file: String { folder + "/certificates.jsonl" }
}

private func bitmap(_ count: Int, every step: Int = 3) -> VoteBitmap {
  var votes = VoteBitmap(count: count)
  for sample in stride(from: 0, to: count, by: step) { votes[sample] = true }
  return votes
}

@Suite struct RunFolderTests {
  @Test func finishedCertificatesComeBackInOrder() throws {
    let fixture = try Fixture()
    do {
      let run = try fixture.open()
      for index in 0..<3 {
        try run.append(fixture.certificate(index, votes: bitmap(100)), votes: bitmap(100), seconds: 1.5)
      }
    }
    let again = try fixture.open()
    #expect(again.finished.map(\.index) == [0, 1, 2])
    #expect(again.finished[1] == (try fixture.certificate(1, votes: bitmap(100))))
    let table = String(decoding: try TestData.bytes(fixture.folder + "/certified.tsv"), as: UTF8.self)
    #expect(table == CertifiedTable.header + "\n" + (0..<3).map { "\($0)\t1\t-1\t0.0\t0\t1.500\n" }.joined())
  }

  /// The file cut anywhere within its last line: the complete lines stay, and the file can be continued to the same bytes.
  @Test func tornLastLineIsDropped() throws {
    let fixture = try Fixture()
    do {
      let run = try fixture.open()
      for index in 0..<2 {
        try run.append(fixture.certificate(index, votes: bitmap(100)), votes: bitmap(100), seconds: 0)
      }
    }
    let whole = try TestData.bytes(fixture.file)
    let first = whole.firstIndex(of: UInt8(ascii: "\n"))! + 1
    for cut in [first + 1, first + 70, whole.count - 1] {
      try DurableFile.replace(fixture.file, with: Array(whole[..<cut]))
      let run = try fixture.open()
      #expect(run.finished.count == 1, "cut at \(cut)")
      try run.append(fixture.certificate(1, votes: bitmap(100)), votes: bitmap(100), seconds: 0)
      #expect(try TestData.bytes(fixture.file) == whole)
    }
  }

  @Test func editedLinesAreRefused() throws {
    let fixture = try Fixture()
    do { try fixture.open().append(fixture.certificate(0, votes: bitmap(100)), votes: bitmap(100), seconds: 0) }
    let whole = try TestData.bytes(fixture.file)
    for place in [3, 30, 90, whole.count / 2, whole.count - 3] {
      var edited = whole
      edited[place] ^= 1
      try DurableFile.replace(fixture.file, with: edited)
      #expect(throws: FileError.self, "byte \(place)") { try fixture.open() }
    }
  }

  @Test func anotherConfigurationIsRefusedByName() throws {
    let fixture = try Fixture()
    _ = try fixture.open()
    var other = fixture
    other.configuration = try Fixture.configuration(logits: "aa", n: 200)
    #expect {
      try other.open()
    } throws: { error in
      "\(error)".contains("n was 100 there and is 200 now")
    }
  }

  /// Unfinished votes of another classifier are refused, or discarded with `.restart`; finished certificates stay.
  @Test func anotherClassifierNeedsARestart() throws {
    let fixture = try Fixture()
    do {
      let run = try fixture.open()
      try run.append(fixture.certificate(0, votes: bitmap(100)), votes: bitmap(100), seconds: 0)
      try run.store(fixture.partial(1, bitmap(40)), votes: bitmap(40))
    }
    var other = fixture
    other.configuration = try Fixture.configuration(logits: "bb", n: 100)
    #expect {
      try other.open()
    } throws: { error in
      "\(error)".contains("--restart-unfinished")
    }
    let run = try other.open(.restart)
    #expect(run.finished.count == 1)
    #expect(try run.partialVotes(1) == nil)
  }

  /// A run on several devices goes on with the same set of classifiers only; the records' classifiers stay listed, and
  /// none of them is part of the configuration's digest.
  @Test func theSetOfClassifiersIsCompared() throws {
    var fixture = try Fixture()
    let alone = fixture.configuration
    fixture.configuration.furtherClassifiers = [Fixture.classifier("bb")]
    #expect(try fixture.configuration.digest() == alone.digest())
    do {
      let run = try fixture.open()
      var certificate = try fixture.certificate(0, votes: bitmap(100))
      certificate.classifier = Fixture.classifier("bb")
      try run.append(certificate, votes: bitmap(100), seconds: 0)
      try run.store(fixture.partial(1, bitmap(40)), votes: bitmap(40))
    }
    var swapped = fixture
    swapped.configuration.classifier = Fixture.classifier("bb")
    swapped.configuration.furtherClassifiers = [Fixture.classifier("aa")]
    do {
      let run = try swapped.open()
      #expect(try run.partialVotes(1) != nil && run.configuration.earlierClassifiers == nil)
    }
    var one = fixture
    one.configuration = alone
    #expect {
      try one.open()
    } throws: { error in
      "\(error)".contains("--restart-unfinished")
    }
    let run = try one.open(.restart)
    #expect(try run.finished.count == 1 && run.partialVotes(1) == nil)
    #expect(run.configuration.classifiers == [Fixture.classifier("aa")])
    #expect(run.configuration.earlierClassifiers == [Fixture.classifier("bb")])
    #expect(run.configuration.names(Fixture.classifier("bb")) && !run.configuration.names(Fixture.classifier("cc")))
  }

  @Test func partialVotesComeBackOnlyWhole() throws {
    let fixture = try Fixture()
    let run = try fixture.open()
    let votes = bitmap(41)
    try run.store(fixture.partial(2, votes), votes: votes)
    let restored = try #require(try run.partialVotes(2))
    #expect(restored.1 == votes)
    #expect(restored.0.votes == 14)
    // More bits than the note counts: the crash came between the two files; the note decides.
    try DurableFile.replace(run.votesPath(2), with: bitmap(80).bytes)
    #expect(try run.partialVotes(2)?.1 == votes)
    // Other bits: not believed.
    try DurableFile.replace(run.votesPath(2), with: bitmap(80, every: 2).bytes)
    #expect(try run.partialVotes(2) == nil)
    try DurableFile.replace(run.votesPath(2), with: [1])
    #expect(try run.partialVotes(2) == nil)
  }

  @Test func twoProcessesCannotShareAFolder() throws {
    let fixture = try Fixture()
    let first = try fixture.open()
    #expect {
      try fixture.open()
    } throws: { error in
      "\(error)".contains("another process")
    }
    withExtendedLifetime(first) {}
  }
}

@Suite struct VoteBitmapTests {
  /// Counts, prefixes and growth against a plain array of booleans.
  @Test func agreesWithAnArray() throws {
    var generator = SeededGenerator(seed: 11)
    for count in [0, 1, 7, 8, 9, 63, 64, 65, 1000] {
      let plain = (0..<count).map { _ in Bool.random(using: &generator) }
      var votes = VoteBitmap(count: 0)
      votes.grow(to: count)
      for (sample, vote) in plain.enumerated() { votes[sample] = vote }
      for end in [0, count / 3, count] {
        #expect(votes.votes(in: end) == plain[..<end].filter { $0 }.count)
        #expect(votes.prefix(end) == VoteBitmap(bytes: votes.bytes, count: end))
        #expect(votes.prefix(end).votes(in: end) == votes.votes(in: end))
      }
      #expect(VoteBitmap(bytes: votes.bytes, count: count + 9) == nil)
    }
  }
}

@Suite struct NoiseDescriptionTests {
  /// The key is the first eight bytes of SHA-256("gaussian;sigma=0.25;exact\n", nonce, SHA-256 of the image), computed
  /// here with coreutils' sha256sum: printf 'gaussian;sigma=0.25;exact\n\x01\x02' followed by 32 zero bytes.
  @Test func keyFollowsItsDefinition() {
    let noise = NoiseDescription(law: "gaussian", sigma: "0.25", arithmetic: .exact, tableHalf: 510, tableSHA256: "")
    let key = noise.key(nonce: [1, 2], imageSHA256: [UInt8](repeating: 0, count: 32))
    #expect(hexadecimal(key) == "51db79e041baf29a")
    let words = NoiseDescription.words([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff])
    #expect(words.0 == 0x0001_0203 && words.1 == 0xfcfd_feff)
  }
}

@Suite struct SHA256Tests {
  /// The examples of FIPS 180-4: the empty message and "abc".
  @Test func publishedExamples() {
    #expect(SHA256.text([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(SHA256.text(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(bytes(hexadecimal: "00fFa0") == [0, 255, 160])
    #expect(bytes(hexadecimal: "0g") == nil && bytes(hexadecimal: "0") == nil)
  }
}

@Suite struct CertifiedTableTests {
  @Test func decimalsAreFixed() {
    #expect(CertifiedTable.decimal(1.25, places: 1) == "1.3")
    #expect(CertifiedTable.decimal(-0.04, places: 1) == "0.0")
    #expect(CertifiedTable.decimal(0, places: 3) == "0.000")
    #expect(CertifiedTable.decimal(12.3456, places: 2) == "12.35")
    #expect(CertifiedTable.decimal(7, places: 0) == "7")
  }
}
