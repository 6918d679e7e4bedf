import Certificates
import Glibc
import TestSupport
import Testing

// `--device all`: the CPU and OpenCL side by side, every input on one of them, as if that device had run alone.

extension CommandTests {
  @Suite struct SeveralDevices {
    private let demo: DemoFiles
    private let scratch: Scratch
    private static let options = "--sampling fixed --n 6000 --limit 8 --nonce a11e"
    private static let alone = Result { try ["cpu", "opencl"].map { try Self.finished(on: $0) } }
    private static let together = Result { try Self.finished(on: "all") }

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("several")
    }

    private static func arguments(_ device: String, _ options: String = options, out: String) throws -> [String] {
      let all = try DemoFiles.shared.get().certify(options, out: out)
      let place = all.firstIndex(of: "--device")! + 1
      return all[..<place] + [device] + all[(place + 1)...]
    }

    /// A finished run on one device or on all.
    private static func finished(on device: String) throws -> String {
      let folder = try TemporaryFolder.makeUntilExit("on-\(device)")
      try run(try arguments(device, out: folder))
      return folder
    }

    private func certificates(_ folder: String) throws -> [SmoothingCertificate] {
      let file = folder + "/certificates.jsonl"
      return try CertificateFile.read(try TestData.bytes(file), path: file).records
    }

    private func configuration(_ folder: String) throws -> RunConfiguration {
      try #require(try RunFolder.configurationIfPresent(folder))
    }

    /// Expects that each record and its votes are those of a run on the record's device alone.
    private func expectRecordsOfTheirDevices(_ folder: String) throws {
      let alone = try Self.alone.get()
      let single = try alone.map { ($0, try certificates($0)) }
      let found = try certificates(folder)
      #expect(found.count == 8)
      for (position, certificate) in found.enumerated() {
        let (path, records) = try #require(single.first { $0.1[position].classifier == certificate.classifier })
        #expect(certificate == records[position])
        let votes = try [folder, path].map { try TestData.bytes("\($0)/votes/\(certificate.index).bits") }
        #expect(votes[0] == votes[1], "votes of input \(certificate.index)")
      }
    }

    @Test("Both devices certify; each record is the one that its device alone gives; the run is accepted")
    func together() throws {
      let folder = try Self.together.get()
      let kinds = try certificates(folder).map(\.classifier.deviceKind)
      print("devices of the records: \(kinds)")
      #expect(Set(kinds) == ["cpu", "opencl"])
      try expectRecordsOfTheirDevices(folder)
      let listed = try configuration(folder).classifiers.map(\.deviceKind)
      #expect(listed == ["opencl", "cpu"])
      let check = try run(["check", folder, "--samples", "20"])
      #expect(check.output.contains("Accepted: 8") && check.output.contains("(cpu) and "), "\(check.output)")
      #expect(!check.output.contains("another classifier identity"))
      // One device: run.json has no word of others.
      for path in try Self.alone.get() {
        let text = String(decoding: try TestData.bytes(path + "/run.json"), as: UTF8.self)
        #expect(!text.contains("furtherClassifiers") && !text.contains("earlierClassifiers"))
        #expect(try configuration(path).configurationSHA256 == configuration(folder).configurationSHA256)
      }
      try run(["report", folder, "--out", scratch("report.html")])
      let page = String(decoding: try TestData.bytes(scratch("report.html")), as: UTF8.self)
      #expect(page.contains("2 classifiers voted in this run") && page.contains("--device all --precision float32"))
    }

    @Test("Interrupted and resumed: stored votes go on where they were cast")
    func resumed() throws {
      let folder = scratch("run")
      let arguments = try Self.arguments("all", out: folder)
      var notes: [Int: String] = [:]
      // Until both devices have left votes: an interruption can come before a device has chosen its first class.
      for trial in 1...10 where Set(notes.values).count < 2 {
        TemporaryFolder.remove(folder)
        let process = try Program(arguments)
        let deadline = ContinuousClock.now + .seconds(60)
        while access(folder + "/certificates.jsonl", R_OK) != 0, ContinuousClock.now < deadline { usleep(2000) }
        usleep(UInt32(trial) * 100_000)
        process.signal(SIGINT)
        _ = try process.finish(within: 20)
        notes = [:]
        for index in 0..<8 where access("\(folder)/votes/\(index).part", R_OK) == 0 {
          let note = try JSONText.decode(
            PartialVotes.self, from: try TestData.bytes("\(folder)/votes/\(index).part"))
          notes[index] = note.classifierSHA256
        }
      }
      print("interrupted: votes of inputs \(notes.keys.sorted()) by \(Set(notes.values).count) devices")
      #expect(Set(notes.values).count == 2)
      let refused = try run(Self.arguments("cpu", out: folder), expecting: 2)
      #expect(refused.messages.contains("--restart-unfinished"), "\(refused.messages)")
      try run(arguments)
      try expectRecordsOfTheirDevices(folder)
      for certificate in try certificates(folder) {
        guard let digest = notes[certificate.index] else { continue }
        #expect(try certificate.classifier.digest() == digest, "input \(certificate.index) changed its device")
      }
      try run(["check", folder])
    }

    @Test("Restarted on one device: finished records keep their devices, and the run still lists them")
    func restarted() throws {
      let folder = scratch("restarted")
      try copyFolder(try Self.together.get(), to: folder)
      let lines = try TestData.lines(folder + "/certificates.jsonl")
      let kept = 1 + (try certificates(folder).firstIndex { $0.classifier.deviceKind == "opencl" })!
      try writeFile(folder + "/certificates.jsonl", (lines.prefix(kept).joined(separator: "\n") + "\n").utf8)
      TemporaryFolder.remove(folder + "/summary.json")
      let arguments = try Self.arguments("cpu", out: folder)
      #expect(try run(arguments, expecting: 2).messages.contains("--restart-unfinished"))
      try run(arguments + ["--restart-unfinished"])
      try expectRecordsOfTheirDevices(folder)
      #expect(try TestData.lines(folder + "/certificates.jsonl").prefix(kept) == lines.prefix(kept))
      #expect(try certificates(folder).dropFirst(kept).allSatisfy { $0.classifier.deviceKind == "cpu" })
      #expect(try configuration(folder).classifiers.map(\.deviceKind) == ["cpu"])
      #expect(try configuration(folder).earlierClassifiers?.map(\.deviceKind) == ["opencl"])
      try run(["check", folder, "--samples", "20"])
    }

    @Test("Shards of all devices and of one are joined, and the joined run is accepted")
    func merged() throws {
      let parts = [scratch("part0"), scratch("part1")]
      for (shard, device) in ["cpu", "all"].enumerated() {
        try run(Self.arguments(device, Self.options + " --shard \(shard)/2", out: parts[shard]))
      }
      let joined = scratch("joined")
      for _ in 0..<2 {
        try run(["merge"] + parts + ["--out", joined])
        try expectRecordsOfTheirDevices(joined)
        let check = try run(["check", joined, "--samples", "20"])
        #expect(check.output.contains("Accepted: 8"))
      }
    }

    @Test("A record of another classifier is rejected; one of the other device's is held to that device's votes")
    func swapped() throws {
      let folder = scratch("swapped")
      try copyFolder(try Self.together.get(), to: folder)
      var forger = try Forger(folder)
      let honest = forger.certificates
      let cpu = try #require(honest.first { $0.classifier.deviceKind == "cpu" }).classifier
      // All records in the name of the CPU: no other device is asked, and no rounding of another device excuses a vote.
      for position in forger.certificates.indices { forger.certificates[position].classifier = cpu }
      try forger.save()
      try run(["check", folder])
      let renamed = try Program.run(["check", folder, "--samples", "20"])
      #expect(renamed.output.contains("(cpu):") && !renamed.output.contains("(opencl)"), "\(renamed.output)")
      #expect(!renamed.output.contains("differ within"))
      // Selection votes that the CPU's classifier does not cast, in a record taken from the other device.
      let position = try #require(
        honest.firstIndex { certificate in
          certificate.classifier.deviceKind == "opencl"
            && certificate.selectionVotes.filter { $0 == certificate.topClass }.count > 95
        })
      let top = honest[position].topClass!
      for sample in 0..<45 { forger.certificates[position].selectionVotes[sample] = top == 0 ? 1 : 0 }
      try forger.save()
      try run(["check", folder])
      let audited = try run(["check", folder, "--samples", "20"], expecting: 1)
      #expect(audited.output.contains("are not the classifier's"), "\(audited.output)")
      // A classifier that the run does not list.
      forger.certificates = honest
      forger.certificates[0].classifier.logitsSHA256 = String(repeating: "0", count: 64)
      try forger.save()
      let foreign = try run(["check", folder], expecting: 1)
      #expect(
        foreign.output.contains("certificate 1 ") && foreign.output.contains("its classifier is none of the run's"))
    }

    @Test(
      "Other commands say what to name instead of all devices",
      arguments: [
        "smooth predict --n 100 --sigma 0.5", "smooth sample --sigma 0.5 --samples 3 --out x",
      ])
    func refused(command: String) throws {
      for device in ["all", "opencl:all"] {
        let result = try run(
          command.split(separator: " ").map(String.init) + demo.inputs.dropLast(2) + ["--device", device],
          expecting: 2)
        #expect(result.messages.contains("only smooth certify uses; choose auto, cpu, opencl or opencl:N"))
        #expect(result.messages.split(separator: "\n").count == 1, "\(result.messages)")
      }
    }
  }
}
