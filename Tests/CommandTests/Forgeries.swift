import Certificates
import Hashing
import TestSupport
import Testing

// Forgeries by someone who recomputes every checksum, hash and summary that the folder holds. What contradicts the
// claim itself is rejected without a model; consistent lies about votes are found by evaluating some again.

extension CommandTests {
  @Suite struct Forgeries {
    private let scratch: Scratch
    private static let sequential = Result { try honest("--radii 0.25,0.5,0.75 --n 2000 --limit 6") }
    private static let fixedSampling = Result { try honest("--sampling fixed --n 400 --limit 4") }

    init() throws { scratch = try Scratch("forgery") }

    /// An honest run at sigma 0.5: most digits are certified at least at the smallest radius.
    private static func honest(_ options: String) throws -> String {
      let folder = try TemporaryFolder.makeUntilExit("honest")
      try run(try DemoFiles.shared.get().certify(options + " --batch 16 --nonce 5eed", out: folder))
      return folder
    }

    /// A copy of an honest run in the forger's hands.
    private func forger(fixed: Bool = false) throws -> Forger {
      try copyFolder(try (fixed ? Self.fixedSampling : Self.sequential).get(), to: scratch("run"))
      return try Forger(scratch("run"))
    }

    /// Expects that a run is rejected for a stated reason.
    private func expectRejection(
      _ what: String, _ options: [String] = [], because reason: String? = nil,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let result = try Program.run(["check", scratch("run")] + options)
      #expect(result.code == 1, "\(what): \(result.output)\(result.messages)", sourceLocation: sourceLocation)
      #expect(result.output.contains("REJECTED"), "\(what): \(result.output)", sourceLocation: sourceLocation)
      if let reason {
        #expect(result.output.contains(reason), "\(what): \(result.output)", sourceLocation: sourceLocation)
      }
    }

    @Test("An honest run that the forger's code writes again is accepted", arguments: [false, true])
    func control(fixed: Bool) throws {
      var forger = try forger(fixed: fixed)
      for position in forger.certificates.indices { forger.recount(position) }
      forger.recomputeKeys()
      try forger.save()
      try run(["check", scratch("run"), "--samples", "50"])
    }

    /// An edit and the words by which the checker names it.
    struct Edit: Sendable, CustomTestStringConvertible {
      let name: String
      var keepsVoteHashes = false
      var reason: String?
      let make: @Sendable (inout Forger) throws -> Void

      var testDescription: String { name }
    }

    private static let edits: [Edit] = votesAndHashes + claims + order

    private static let votesAndHashes: [Edit] = [
      Edit(name: "one count changed", reason: "the bitmap has") { $0.certificates[0].looks[0].votes += 1 },
      Edit(name: "one vote flipped but not its count", reason: "the bitmap has") {
        let index = $0.certificates[1].index
        $0.votes[index]![0].toggle()
      },
      Edit(name: "a vote flipped and its hash kept", keepsVoteHashes: true, reason: "recorded hash") {
        let index = $0.certificates[1].index
        $0.votes[index]![3].toggle()
      },
      Edit(name: "the votes' hash", keepsVoteHashes: true, reason: "recorded hash") {
        $0.certificates[0].votesSHA256 = SHA256.text([1])
      },
      Edit(name: "the image's hash") { $0.certificates[0].imageSHA256 = SHA256.text([2]) },
      Edit(name: "the image's hash and its key", reason: "another image") {
        $0.certificates[0].imageSHA256 = SHA256.text([2])
        $0.recomputeKeys()
      },
      Edit(name: "the model's hash in the certificate", reason: "another model") {
        $0.certificates[0].classifier.modelSHA256 = SHA256.text([3])
      },
      Edit(name: "the model's hash everywhere", reason: "another file") {
        $0.configuration.model.sha256 = SHA256.text([3])
        for position in $0.certificates.indices { $0.certificates[position].classifier.modelSHA256 = SHA256.text([3]) }
      },
      Edit(name: "the table's hash", reason: "noise table") { $0.configuration.noise.tableSHA256 = SHA256.text([4]) },
      Edit(name: "the look-up table's hash", reason: "look-up table") {
        $0.certificates[2].classifier.lookupSHA256 = SHA256.text([5])
      },
      Edit(name: "the preprocessing's hash", reason: "preprocessing") {
        $0.certificates[2].classifier.preprocessingSHA256 = SHA256.text([5])
      },
      Edit(name: "the key", reason: "key does not follow") { $0.certificates[0].key = "0000000000000000" },
      Edit(name: "the image's shape", reason: "another image") { $0.certificates[0].imageShape = [14, 56, 1] },
    ]

    private static let claims: [Edit] = [
      Edit(name: "a larger radius", reason: "radius") {
        $0.certificates[0].radius = "0.8"
        $0.certificates[0].squaredLevels = 41616
      },
      Edit(name: "a smaller radius", reason: "radius") {
        $0.certificates[0].radius = "0.2"
        $0.certificates[0].squaredLevels = 2601
      },
      Edit(name: "a larger integer radius", reason: "integer radius") { $0.certificates[0].squaredLevels! += 1 },
      Edit(name: "an integer radius of the plan") { $0.configuration.sampling.tests[0].squaredLevels += 1 },
      Edit(name: "the nonce without its keys", reason: "key does not follow") { $0.configuration.nonce = "5eee" },
      Edit(name: "the class alone", reason: "most selection votes") {
        $0.certificates[0].topClass = ($0.certificates[0].topClass! + 1) % 10
      },
      Edit(name: "a lower boundary in the plan alone") { $0.configuration.sampling.tests[0].boundaries[0] -= 1 },
      Edit(name: "lower boundaries, used", reason: "the sampling plan") {
        for test in $0.configuration.sampling.tests.indices {
          for look in $0.configuration.sampling.looks.indices {
            $0.configuration.sampling.tests[test].boundaries[look] -= 20
          }
        }
        for position in $0.certificates.indices { $0.recount(position) }
      },
      Edit(name: "a smaller alpha", reason: "the sampling plan") { $0.configuration.sampling.alpha = "0.0005" },
      Edit(name: "alpha 0.6", reason: "alpha") { $0.configuration.sampling.alpha = "0.6" },
      Edit(name: "another n", reason: "the looks") { $0.configuration.sampling.estimation = 1999 },
      Edit(name: "another n0", reason: "selection votes") { $0.configuration.sampling.selection = 99 },
      Edit(name: "a larger sigma") { $0.configuration.noise.sigma = "0.6" },
      Edit(name: "moved looks", reason: "the looks") { $0.configuration.sampling.looks[1] += 1 },
      Edit(name: "a first look removed", reason: "looks") {
        let position = $0.certificates.firstIndex { $0.looks.count > 1 }!
        $0.certificates[position].looks.removeFirst()
      },
      Edit(name: "a last look removed", reason: "samples") {
        let position = $0.certificates.firstIndex { $0.looks.count > 1 }!
        $0.certificates[position].looks.removeLast()
      },
      Edit(name: "the smallest radius skipped", reason: "not the plan's") {
        let look = $0.certificates[0].looks.firstIndex { $0.tests.contains { $0.passed } }!
        let second = $0.configuration.sampling.tests[1]
        $0.certificates[0].looks[look].tests = [
          .init(radius: second.radius, boundary: second.boundaries[look], passed: true)
        ]
        $0.certificates[0].radius = second.radius
      },
      Edit(name: "a failed test called passed") {
        let position = $0.certificates.firstIndex { $0.looks.contains { $0.tests.contains { !$0.passed } } }!
        let look = $0.certificates[position].looks.firstIndex { $0.tests.contains { !$0.passed } }!
        let test = $0.certificates[position].looks[look].tests.firstIndex { !$0.passed }!
        $0.certificates[position].looks[look].tests[test].passed = true
      },
      Edit(name: "certified turned into an abstention") {
        let position = $0.certificates.firstIndex { $0.decision == .certified }!
        $0.certificates[position].decision = .abstain
        $0.certificates[position].radius = "0"
        $0.certificates[position].squaredLevels = nil
      },
      Edit(name: "called unreadable", reason: "unreadable") {
        let old = $0.certificates[0]
        $0.certificates[0] = SmoothingCertificate(
          index: old.index, name: old.name, label: old.label, decision: .unreadable, problem: "torn", imageShape: [],
          imageSHA256: "", key: "", topClass: nil, selectionVotes: [], looks: [], samples: 0, votesSHA256: "",
          radius: "0", squaredLevels: nil, claimSHA256: old.claimSHA256, classifier: old.classifier)
        $0.votes[old.index] = nil
      },
      Edit(name: "called unreadable in a run that passes over such inputs", reason: "can be read") {
        let old = $0.certificates[0]
        $0.configuration.skipBad = true
        $0.certificates[0] = SmoothingCertificate(
          index: old.index, name: old.name, label: old.label, decision: .unreadable, problem: "torn", imageShape: [],
          imageSHA256: "", key: "", topClass: nil, selectionVotes: [], looks: [], samples: 0, votesSHA256: "",
          radius: "0", squaredLevels: nil, claimSHA256: old.claimSHA256, classifier: old.classifier)
        $0.votes[old.index] = nil
      },
    ]

    private static let order: [Edit] = [
      Edit(name: "the first certificate dropped", reason: "wrong place") { $0.certificates.removeFirst() },
      Edit(name: "the last certificate dropped from a finished run", reason: "summary") {
        $0.certificates.removeLast()
      },
      Edit(name: "two certificates swapped", reason: "wrong place") { $0.certificates.swapAt(1, 2) },
      Edit(name: "a certificate twice", reason: "wrong place") { $0.certificates[2] = $0.certificates[1] },
      Edit(name: "the results of two inputs swapped") {
        let first = $0.certificates[1]
        $0.certificates[1].index = $0.certificates[2].index
        $0.certificates[2].index = first.index
        $0.certificates.swapAt(1, 2)
        let votes = $0.votes[1]
        $0.votes[1] = $0.votes[2]
        $0.votes[2] = votes
      },
      Edit(name: "the label", reason: "another label") {
        $0.certificates[0].label = ($0.certificates[0].label! + 1) % 10
      },
      Edit(name: "the name", reason: "another name") { $0.certificates[0].name = "something else" },
    ]

    @Test("Rejected without evaluating a vote", arguments: edits)
    func contradictions(edit: Edit) throws {
      var forger = try forger()
      try edit.make(&forger)
      try forger.save(keepingVoteHashes: edit.keepsVoteHashes)
      try expectRejection(edit.name, because: edit.reason)
    }

    private static let fixedEdits: [Edit] = [
      Edit(name: "a radius 1 % larger", reason: "votes do not exclude") {
        let radius = Double($0.certificates[0].radius)! * 1.01
        $0.certificates[0].radius = "\(radius)"
        $0.certificates[0].squaredLevels = Int((255 * radius) * (255 * radius))
      },
      Edit(name: "a radius 1 % smaller", reason: "smaller than") {
        let radius = Double($0.certificates[0].radius)! * 0.99
        $0.certificates[0].radius = "\(radius)"
        $0.certificates[0].squaredLevels = Int((255 * radius) * (255 * radius))
      },
      Edit(name: "a smaller integer radius", reason: "integer radius") { $0.certificates[0].squaredLevels! -= 1 },
      Edit(name: "an integer radius of 2^62", reason: "integer radius") { $0.certificates[0].squaredLevels = 1 << 62 },
      Edit(name: "certified turned into an abstention", reason: "abst") {
        let position = $0.certificates.firstIndex { $0.decision == .certified }!
        $0.certificates[position].decision = .abstain
        $0.certificates[position].radius = "0"
        $0.certificates[position].squaredLevels = nil
      },
      Edit(name: "a smaller alpha", reason: "votes do not exclude") { $0.configuration.sampling.alpha = "0.0005" },
      Edit(name: "another n") { $0.configuration.sampling.estimation = 401 },
      Edit(name: "another n in the plan's look as well", reason: "looks") {
        $0.configuration.sampling.estimation = 401
        $0.configuration.sampling.looks = [401]
      },
      Edit(name: "the look removed") {
        $0.certificates[0].looks = []
        $0.certificates[0].samples = 0
        $0.votes[$0.certificates[0].index] = VoteBitmap(count: 0)
      },
    ]

    @Test("Fixed sampling: rejected without evaluating a vote", arguments: fixedEdits)
    func fixedContradictions(edit: Edit) throws {
      var forger = try forger(fixed: true)
      try edit.make(&forger)
      try forger.save()
      try expectRejection(edit.name, because: edit.reason)
    }

    private static let lies: [Edit] = [
      // The class gets a tenth of the votes that it did not have, or loses a tenth; counts and decisions follow.
      Edit(name: "10 % of the votes with their counts") { forger in
        for position in forger.certificates.indices {
          let index = forger.certificates[position].index
          for sample in stride(from: 3, to: forger.votes[index]!.count, by: 10) {
            forger.votes[index]![sample].toggle()
          }
          forger.recount(position)
        }
      },
      Edit(name: "the nonce with its keys") {
        $0.configuration.nonce = "0123"
        $0.recomputeKeys()
      },
      Edit(name: "the class with its selection votes") {
        let old = $0.certificates[0].topClass!
        $0.certificates[0].topClass = (old + 1) % 10
        for sample in $0.certificates[0].selectionVotes.indices {
          $0.certificates[0].selectionVotes[sample] = (old + 1) % 10
        }
      },
      Edit(name: "a tenth of the selection votes") { forger in
        for position in forger.certificates.indices {
          let top = forger.certificates[position].topClass!
          for sample in stride(from: 0, to: 100, by: 8) {
            forger.certificates[position].selectionVotes[sample] =
              forger.certificates[position].selectionVotes[sample] == top ? (top + 1) % 10 : top
          }
        }
      },
      Edit(name: "the preprocessing with its hashes") { forger in
        let text = forger.configuration.preprocessing.replacing("\"mean\":[0.0]", with: "\"mean\":[0.4]")
        guard text != forger.configuration.preprocessing else {
          throw Program.Failure(description: "no mean in \(text)")
        }
        forger.configuration.preprocessing = text
        let half = forger.configuration.noise.tableHalf
        let lookup: [Float] = ((255 - half)...half).map { Float(Double($0) / 255 - 0.4) }
        for position in forger.certificates.indices {
          forger.certificates[position].classifier.preprocessingSHA256 = SHA256.text(Array(text.utf8))
          forger.certificates[position].classifier.lookupSHA256 = SHA256.text(lookup.withUnsafeBytes { Array($0) })
        }
      },
    ]

    @Test("Consistent lies about votes are found by --samples 200", arguments: lies)
    func lie(edit: Edit) throws {
      var forger = try forger()
      try edit.make(&forger)
      try forger.save()
      try expectRejection(edit.name, ["--samples", "200"])
    }
  }
}
