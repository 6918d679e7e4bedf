import Certificates
import FoundationEssentials
import Hashing
import TestSupport
import Testing

// Random edits of a run folder's texts: the checker never crashes, and accepts only what still says the same.

extension CommandTests {
  @Suite struct MutatedRuns {
    private let scratch: Scratch
    private let original: String

    init() throws {
      scratch = try Scratch("mutated")
      original = scratch("original")
      let options = "--sampling fixed --n 60 --n0 10 --limit 2 --batch 16 --nonce 0dd"
      try run(try DemoFiles.shared.get().certify(options + "0", out: original))
    }

    private static let extremes = [
      "-1", "0", "1", "255", "2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
      "1e300",
      "0.5", "null", "true", "[]", "{}", "\"\"", "\"x\"", "\"1e9999\"", "\"-0.5\"", "\"nan\"",
    ]

    /// A byte changed, removed, added or doubled, or a number or text replaced by an extreme one.
    private func mutate(_ text: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
      var text = text
      let place = Int.random(in: 0..<text.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: text[place] = UInt8.random(in: 0...255, using: &generator)
      case 1: text.remove(at: place)
      case 2: text.insert("0123456789ab\",:{}[]-".utf8.randomElement(using: &generator)!, at: place)
      default:
        // The value that follows the next colon or comma.
        guard
          let start = text[place...].firstIndex(where: { ":,[".utf8.contains($0) }),
          let end = text[(start + 1)...].firstIndex(where: { ",]}\n".utf8.contains($0) })
        else { return text }
        text.replaceSubrange((start + 1)..<end, with: Self.extremes.randomElement(using: &generator)!.utf8)
      }
      return text
    }

    /// Checks the mutated folder: an exit code of its own, no signal, no endless work.
    private func check(_ what: String) throws -> Int32 {
      let result = try Program.run(["check", scratch("run")], within: 60)
      #expect([0, 1, 2].contains(result.code), "\(what): \(result.code) \(result.output)\(result.messages)")
      return result.code
    }

    @Test("Edits of run.json, as they are and with its digests recomputed")
    func configurations() throws {
      let seed: UInt64 = 7
      var generator = SeededGenerator(seed: seed)
      let text = try TestData.bytes(original + "/run.json")
      let honest = try JSONText.decode(RunConfiguration.self, from: text)
      var accepted = 0
      for round in 0..<50 {
        try copyFolder(original, to: scratch("run"))
        let mutated = mutate(text, &generator)
        try writeFile(scratch("run/run.json"), mutated)
        let code = try check("seed \(seed), round \(round)")
        let decoded = try? JSONText.decode(RunConfiguration.self, from: mutated)
        if code == 0 {
          accepted += 1
          // Paths, version and the latest start's classifier are hints.
          #expect(try decoded?.digest() == honest.digest(), "seed \(seed), round \(round)")
          #expect(decoded?.data.shard == honest.data.shard)
        }
        guard let decoded, code != 0 else { continue }
        var forger = try Forger(scratch("run"))
        forger.configuration = decoded
        // The forger's own summary needs numbers that can be added.
        guard (1...1_000_000).contains(decoded.sampling.estimation),
          (1...1_000_000).contains(decoded.sampling.selection)
        else { continue }
        try forger.save()
        _ = try check("seed \(seed), round \(round), recomputed")
      }
      print("run.json: \(accepted) of 50 edits change nothing that counts")
    }

    @Test("Edits of certificates.jsonl, as they are and with their lines' checksums recomputed")
    func certificates() throws {
      let seed: UInt64 = 8
      var generator = SeededGenerator(seed: seed)
      let file = scratch("run/certificates.jsonl")
      let text = try TestData.bytes(original + "/certificates.jsonl")
      let honest = try CertificateFile.read(text, path: file).records
      var accepted = 0
      for round in 0..<50 {
        try copyFolder(original, to: scratch("run"))
        var mutated: [UInt8]
        if round.isMultiple(of: 3) {
          mutated = mutate(text, &generator)
        } else {
          var record = try JSONText.encode(honest[0])
          record = String(decoding: mutate(Array(record.utf8), &generator), as: UTF8.self)
          mutated = Array("{\"checksum\":\"\(SHA256.text(Array(record.utf8)))\",\"record\":\(record)}\n".utf8)
          mutated += Array((try CertificateFile.line(honest[1]) + "\n").utf8)
        }
        try writeFile(file, mutated)
        guard try check("seed \(seed), round \(round)") == 0 else { continue }
        accepted += 1
        var decoded = try CertificateFile.read(mutated, path: file).records
        // Which machine voted is seen by an audit on it only.
        for position in decoded.indices {
          decoded[position].classifier = honest[position].classifier
          decoded[position].problem = nil
        }
        #expect(decoded == honest, "seed \(seed), round \(round)")
      }
      print("certificates.jsonl: \(accepted) of 50 edits change nothing that counts")
    }
  }
}
