import Certificates
import FoundationEssentials
import TestSupport
import Testing

// int8: the scales are part of the classifier. They are measured once, stand in run.json, and every resume, audit and
// prediction takes them from there.

extension CommandTests {
  @Suite struct Int8Runs {
    private let demo: DemoFiles
    private let scratch: Scratch
    private static let options = "--precision int8 --n 1000 --limit 4 --batch 8 --nonce 08"

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("int8")
    }

    /// An int8 run in the scratch folder; nil where the processor has no int8.
    private func certify(_ name: String, _ more: String = "") throws -> String? {
      let result = try Program.run(demo.certify(Self.options + " " + more, out: scratch(name)))
      if result.code == 2, result.messages.contains("does not offer int8") { return nil }
      #expect(result.code == 0, "\(result.messages)")
      return scratch(name)
    }

    @Test("A run that was cut short resumes with its scales, and leaves the same bytes")
    func resumes() throws {
      guard let whole = try certify("whole") else { return }
      let cut = scratch("cut")
      try copyFolder(whole, to: cut)
      let lines = try TestData.lines(cut + "/certificates.jsonl")
      #expect(lines.count == 4)
      try writeFile(cut + "/certificates.jsonl", (lines.prefix(2).joined(separator: "\n") + "\n").utf8)
      TemporaryFolder.remove(cut + "/summary.json")
      #expect(try certify("cut") != nil)
      #expect(try RunContents(cut) == RunContents(whole))
      let configurations = try [whole, cut].map { try TestData.bytes($0 + "/run.json") }
      #expect(configurations[0] == configurations[1])
      // Measured again from the beginning, the scales are the same numbers.
      guard let again = try certify("again") else { return }
      #expect(try RunContents(again) == RunContents(whole))
    }

    @Test("The votes are the classifier's, and --calibration RUN gives the same one; other data, another")
    func isOneClassifier() throws {
      guard let whole = try certify("whole") else { return }
      let check = try run(["check", whole, "--samples", "100"])
      #expect(check.output.contains("Accepted: 4"), "\(check.output)")
      let configuration = try RunFolder.configurationIfPresent(whole)!
      #expect(configuration.quantization!.values.count >= 2 && configuration.classifier.quantizationSHA256 != nil)
      // The scales of that run, though measuring on other inputs would give others.
      guard let taken = try certify("taken", "--skip 4 --calibration \(whole)"),
        let measured = try certify("measured", "--skip 40")
      else { return }
      let others = try [taken, measured].map { try RunFolder.configurationIfPresent($0)! }
      #expect(others[0].classifier == configuration.classifier && others[0].quantization == configuration.quantization)
      #expect(others[1].classifier != configuration.classifier)
      // A folder that holds a run with other scales is not resumed.
      let refused = try Program.run(
        demo.certify(Self.options + " --calibration \(measured)", out: whole))
      #expect(refused.code == 2 && refused.messages.contains("the int8 scales differ"), "\(refused.messages)")
    }

    @Test("A changed scale is rejected, whatever else its forger makes agree")
    func changedScale() throws {
      guard let whole = try certify("whole") else { return }
      let forged = scratch("forged")
      func check(_ change: (inout Forger) throws -> Void, save: Bool = true) throws -> Program.Result {
        TemporaryFolder.remove(forged)
        try copyFolder(whole, to: forged)
        var forger = try Forger(forged)
        try change(&forger)
        if save { try forger.save() }
        return try Program.run(["check", forged, "--samples", "50"])
      }
      func scaled(_ forger: inout Forger) { forger.configuration.quantization!.values[0].scale *= 1.5 }

      let plain = try check(
        { forger in
          scaled(&forger)
          try writeFile(forged + "/run.json", try JSONText.encodePretty(forger.configuration).utf8)
        }, save: false)
      #expect(plain.code == 1 && plain.output.contains("does not match its own digest"), "\(plain.output)")
      let digested = try check { scaled(&$0) }
      #expect(digested.code == 1 && digested.output.contains("other int8 scales"), "\(digested.output)")
      let removed = try check { $0.configuration.quantization = nil }
      #expect(removed.code == 1 && removed.output.contains("int8 scales belong"), "\(removed.output)")
      let doubled = try check { forger in
        let first = forger.configuration.quantization!.values[0]
        forger.configuration.quantization!.values.append(first)
      }
      #expect(doubled.code == 1 && doubled.output.contains("the int8 scales cannot be"), "\(doubled.output)")
      // With the classifier's own record changed as well, it claims another classifier: that one's logits are not its.
      let renamed = try check { forger in
        scaled(&forger)
        let digest = try forger.configuration.quantization!.digest()
        forger.configuration.classifier.quantizationSHA256 = digest
        for position in forger.certificates.indices {
          forger.certificates[position].classifier.quantizationSHA256 = digest
        }
      }
      #expect(renamed.code == 2 && renamed.output.contains("another classifier"), "\(renamed.output)")
    }

    @Test("int8 is refused where it would not be exact, or has no kernels")
    func refusals() throws {
      for (arguments, environment) in [
        (["--isa", "avx512_core"], []), ([], ["DNNL_MAX_CPU_ISA=AVX2"]), (["--device", "opencl"], []),
      ] {
        var command = demo.certify(Self.options, out: scratch("refused")) + arguments
        if arguments.first == "--device", let old = command.firstIndex(of: "--device") {
          command.removeSubrange(old...old + 1)
        }
        let result = try Program.run(command, environment: environment)
        #expect(result.code == 2, "\(arguments) \(environment): \(result.messages)")
        #expect(
          result.messages.contains("does not offer int8") && result.messages.contains("VNNI"), "\(result.messages)")
        #expect(!FileManager.default.fileExists(atPath: scratch("refused")))
      }
      let misplaced = try Program.run(demo.certify("--calibration \(demo.digits) --n 100", out: scratch("refused")))
      #expect(misplaced.code != 0 && misplaced.messages.contains("belongs to --precision int8"))
    }
  }
}
