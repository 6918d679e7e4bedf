import Certificates
import FoundationEssentials
import Inputs
import TestSupport
import Testing

// The same noise bits whatever the device, the batch and the instruction set; the same votes up to explained margins.

extension CommandTests {
  @Suite struct Determinism {
    private let demo: DemoFiles
    private let scratch: Scratch

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("determinism")
    }

    private func samples(_ name: String, _ options: [String], environment: [String] = []) throws -> [[Float]] {
      let arguments =
        ["smooth", "sample"] + demo.inputs.dropLast(2) + ["--sigma", "0.5", "--samples", "3..<40", "--limit", "3"]
        + ["--nonce", "facade", "--quiet", "--out", scratch(name)] + options
      try run(arguments, environment: environment)
      return try (0..<3).map { try NumPyArray(contentsOf: scratch("\(name)/logits-\($0).npy")).floats() }
    }

    /// Expects equal noisy inputs, byte for byte, and equal classes where the margin is no rounding matter.
    private func compare(_ first: (String, [[Float]]), _ second: (String, [[Float]])) throws {
      for index in 0..<3 {
        let bits = try [first.0, second.0].map { try TestData.bytes(scratch("\($0)/input-\(index).npy")) }
        #expect(bits[0] == bits[1], "the noisy inputs of \(first.0) and \(second.0) differ at input \(index)")
      }
      var differing = 0
      for (a, b) in zip(first.1, second.1) {
        #expect(a.count == 37 * 10 && b.count == a.count)
        for sample in 0..<37 {
          let x = a[(sample * 10)..<(sample * 10 + 10)].map { $0 }
          let y = b[(sample * 10)..<(sample * 10 + 10)].map { $0 }
          let scale = x.map(\.magnitude).max()!
          for (p, q) in zip(x, y) { #expect((p - q).magnitude <= 1e-4 * scale) }
          let top = x.indices.max { x[$0] < x[$1] }!
          let other = y.indices.max { y[$0] < y[$1] }!
          if top != other {
            differing += 1
            #expect(x[top] - x[other] < 1e-4 * scale)
          }
        }
      }
      print("\(first.0) and \(second.0): \(differing) of 111 classes differ")
    }

    @Test("Noisy inputs are bit-equal across batches, instruction sets and devices; logits agree")
    func sample() throws {
      let reference = ("cpu-8", try samples("cpu-8", ["--device", "cpu", "--batch", "8"]))
      try compare(reference, ("cpu-32", try samples("cpu-32", ["--device", "cpu", "--batch", "32"])))
      try compare(reference, ("cpu-1", try samples("cpu-1", ["--device", "cpu", "--batch", "1"])))
      let narrow = try samples(
        "avx2", ["--device", "cpu", "--batch", "8"], environment: ["DNNL_MAX_CPU_ISA=AVX2"])
      try compare(reference, ("avx2", narrow))
      try compare(reference, ("opencl", try samples("opencl", ["--device", "opencl", "--batch", "8"])))
    }

    @Test("Two runs with one nonce are equal; without one they differ")
    func nonce() throws {
      let options = "--sampling fixed --n 150 --limit 3 --batch 16"
      try run(demo.certify(options + " --nonce 00ff", out: scratch("a")))
      try run(demo.certify(options + " --nonce 00ff", out: scratch("b")))
      #expect(try RunContents(scratch("a")) == RunContents(scratch("b")))
      try run(demo.certify(options, out: scratch("c")))
      try run(demo.certify(options, out: scratch("d")))
      let nonces = try ["c", "d"].map { try RunFolder.configurationIfPresent(scratch($0))!.nonce }
      #expect(nonces[0] != nonces[1] && nonces[0].count == 32)
    }

    @Test("The order in which samples are drawn changes no vote: batches of 8 and of 32")
    func batches() throws {
      let options = "--sampling fixed --n 300 --limit 6 --nonce 00ff --batch"
      try run(demo.certify(options + " 8", out: scratch("8")))
      try run(demo.certify(options + " 32", out: scratch("32")))
      var differing = 0
      for index in 0..<6 {
        let votes = try ["8", "32"].map {
          VoteBitmap(bytes: try TestData.bytes(scratch("\($0)/votes/\(index).bits")), count: 300)!
        }
        for sample in 0..<300 where votes[0][sample] != votes[1][sample] { differing += 1 }
      }
      // A vote can differ only where two logits are equal up to rounding, once in some ten thousand votes.
      print("batches of 8 and 32: \(differing) of 1800 votes differ")
      #expect(differing <= 1)
    }

    @Test("An unfinished run is not resumed by another classifier unless it restarts its unfinished inputs")
    func otherIdentity() throws {
      let options = "--sampling fixed --n 300 --limit 6 --nonce 00ff --batch 16"
      let folder = scratch("half")
      try run(demo.certify(options, out: scratch("whole")))
      try copyFolder(scratch("whole"), to: folder)
      let lines = try TestData.lines(folder + "/certificates.jsonl")
      try writeFile(folder + "/certificates.jsonl", (lines.prefix(3).joined(separator: "\n") + "\n").utf8)
      TemporaryFolder.remove(folder + "/summary.json")
      let before = try RunContents(folder)
      let narrow = ["DNNL_MAX_CPU_ISA=AVX2"]
      for (other, environment) in [(options, narrow), (options.replacing("16", with: "32"), [])] {
        let refused = try run(demo.certify(other, out: folder), expecting: 2, environment: environment)
        #expect(refused.messages.contains("--restart-unfinished"), "\(refused.messages)")
        #expect(try RunContents(folder) == before)
      }
      try run(demo.certify(options + " --restart-unfinished", out: folder), environment: narrow)
      let file = folder + "/certificates.jsonl"
      #expect(try TestData.lines(file).prefix(3) == lines.prefix(3))
      let certificates = try CertificateFile.read(try TestData.bytes(file), path: file).records
      #expect(certificates.count == 6)
      #expect(certificates.prefix(3).allSatisfy { $0.classifier != certificates[5].classifier })
      #expect(certificates[5].classifier.variant.contains("AVX2"))
      let check = try run(["check", folder, "--samples", "100"])
      #expect(check.output.contains("Accepted"))
      // A finished run has no votes that could be mixed: any machine may open it again.
      try run(demo.certify(options, out: scratch("whole")), environment: narrow)
    }

    @Test(
      "Batch invariance and agreement on the CPU, with and without AVX-512", arguments: [[], ["DNNL_MAX_CPU_ISA=AVX2"]])
    func selfTest(environment: [String]) throws {
      let result = try run(["devices", "--self-test", "--device", "cpu"], environment: environment)
      print(result.output.split(separator: "\n").suffix(3).joined(separator: "\n"))
    }
  }
}
