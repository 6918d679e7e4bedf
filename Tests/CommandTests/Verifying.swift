import Certificates
import Glibc
import TestSupport
import Testing

// `surety verify`, `attack` and `check` on the competition's small instances: verdicts, exit codes, witnesses, proofs,
// resumed runs, and bad input.

extension CommandTests {
  @Suite(.enabled(if: TestData.isAvailable("vnncomp/test/instances.csv"))) struct Verifying {
    private let scratch: Scratch
    private let folder = TestData.path("vnncomp")

    init() throws { scratch = try Scratch("verifying") }

    private func file(_ name: String) -> String { "\(folder)/\(name)" }

    @Test("The first line is the verdict, and the exit code says the same")
    func verdicts() throws {
      let unsat = try run([
        "verify", file("test/onnx/test_nano.onnx.gz"), file("test/vnnlib/test_nano.vnnlib.gz"), "--quiet",
      ])
      #expect(unsat.output.hasPrefix("unsat\n"))
      let sat = try run(
        [
          "verify", file("test/onnx/test_sat.onnx.gz"), file("test/vnnlib/test_prop.vnnlib.gz"), "--quiet", "--witness",
          scratch("witness.txt"),
        ], expecting: 1)
      #expect(sat.output.hasPrefix("sat\n((X_0 "))
      let witness = String(decoding: try TestData.bytes(scratch("witness.txt")), as: UTF8.self)
      #expect(sat.output.hasPrefix(witness))
      let attack = try run(
        ["attack", file("test/onnx/test_sat.onnx.gz"), file("test/vnnlib/test_prop.vnnlib.gz"), "--quiet"],
        expecting: 1)
      #expect(attack.output.hasPrefix("sat\n((X_0 "))
    }

    @Test("A small instance is answered in under 0.2 s, start included")
    func startUp() throws {
      let seconds = try medianSeconds(5) {
        _ = try run([
          "verify", file("test/onnx/test_nano.onnx.gz"), file("test/vnnlib/test_nano.vnnlib.gz"), "--quiet",
        ])
      }
      #expect(!Timing.isMeasured || seconds < 0.2)
    }

    @Test("A proof is accepted for its own model and property, and for no others")
    func proofs() throws {
      let model = file("acasxu_2023/onnx/ACASXU_run2a_1_1_batch_2000.onnx.gz")
      let property = file("acasxu_2023/vnnlib/prop_4.vnnlib.gz")
      let proof = scratch("property.proof")
      let result = try run(["verify", model, property, "--timeout", "30", "--proof", proof, "--quiet"])
      #expect(result.output.hasPrefix("unsat\n"))
      let accepted = try run(["check", proof, "--quiet"])
      #expect(accepted.output.hasPrefix("Accepted: 1 proofs"))
      let other = file("acasxu_2023/onnx/ACASXU_run2a_1_2_batch_2000.onnx.gz")
      let refused = try run(["check", proof, "--model", other, "--quiet"], expecting: 2)
      #expect(refused.messages.contains("the proof for another model"))
      let nearby = file("acasxu_2023/vnnlib/prop_3.vnnlib.gz")
      let unlike = try run(["check", proof, "--property", nearby, "--quiet"], expecting: 2)
      #expect(unlike.messages.contains("the proof for another property"))
      var bytes = try TestData.bytes(proof)
      bytes[bytes.count - 20] ^= 1
      let damaged = try scratch.write("damaged.proof", bytes)
      _ = try run(["check", damaged, "--quiet"], expecting: 2)
    }

    @Test("Searches on an OpenCL device give the CPU's verdicts, and name the device; what has no form there says so")
    func openCL() throws {
      let small = [
        file("acasxu_2023/onnx/ACASXU_run2a_2_2_batch_2000.onnx.gz"), file("acasxu_2023/vnnlib/prop_3.vnnlib.gz"),
      ]
      let dense = [file("mnist_fc/onnx/mnist-net_256x2.onnx.gz"), file("mnist_fc/vnnlib/prop_0_0.03.vnnlib.gz")]
      let device = ["--device", "opencl:0", "--timeout", "300", "--quiet"]
      let search = try run(["verify"] + small + device)
      #expect(search.output.hasPrefix("unsat\n; fused input splits, binary64, opencl "))
      // No proofs from there: the CPU searches, and the answer says why.
      let proof = scratch("small.proof")
      let fallen = try run(["verify"] + small + device + ["--proof", proof])
      #expect(fallen.output.hasPrefix("unsat\n; the search by input splits writes proofs on the CPU only"))
      _ = try run(["check", proof, "--quiet"])
      let splits = try run(["verify"] + dense + device + ["--json", "--proof", scratch("dense.proof")])
      let record = try JSONText.decode(VerificationRecord.self, from: Array(splits.output.utf8))
      #expect(record.verdict == .unsat && record.engine.hasPrefix("activation splits, gather blocks on "))
      #expect(record.engine.hasSuffix(record.device))
      _ = try run(["check", scratch("dense.proof"), "--quiet"])
    }

    @Test("Rates of bounds come with their spread, for every path of both devices")
    func boundRates() throws {
      let result = try run([
        "bench", "bounds", "--device", "cpu,opencl", "--seconds", "0.2", "--json", "--chart", scratch("bounds.svg"),
      ])
      struct Row: Decodable {
        var network: String
        var path: String
        var device: String
        var rounding: String
        var boundsPerSecond: Double
        var least: Double
        var greatest: Double
        var subproblemsPerHour: Double
        var multiplyAddsPerSecond: Double?
        var peakMultiplyAddsPerSecond: Double?
        var shareOfPeak: Double?
      }
      let rows = try result.output.split(separator: "\n").map { try JSONText.decode(Row.self, from: Array($0.utf8)) }
      // On a busy machine a whole turn may pass without a bound.
      #expect(rows.allSatisfy { 0 <= $0.least && $0.least <= $0.boundsPerSecond && $0.boundsPerSecond <= $0.greatest })
      #expect(rows.allSatisfy { 0 < $0.boundsPerSecond })
      // One bound of 784-256x4-10 is 784 x 256 + 3 x 256 x 256 + 256 x 10 products, and a subproblem 11 bounds.
      for row in rows {
        let isGather = row.path.hasPrefix("gather")
        #expect(row.subproblemsPerHour == 3600 * row.boundsPerSecond / (isGather ? 11 : 1))
        #expect((row.multiplyAddsPerSecond != nil) == isGather)
        guard let products = row.multiplyAddsPerSecond else { continue }
        #expect((products / row.boundsPerSecond).rounded() == (row.network == "784-256x4-10" ? 399_872 : 13_000))
        let share = try #require(row.shareOfPeak)
        #expect(share == products / row.peakMultiplyAddsPerSecond!)
      }
      let chart = String(decoding: try TestData.bytes(scratch("bounds.svg")), as: UTF8.self)
      #expect(chart.contains("784-256x4-10, gather blocks, binary32") && chart.hasSuffix("</svg>\n"))
      for path in ["fused, binary64", "gather blocks, binary32"] {
        for device in ["cpu", "opencl"] {
          for rounding in ["safe", "ignore"] {
            #expect(rows.contains { $0.path == path && $0.device == device && $0.rounding == rounding })
          }
        }
      }
    }

    @Test("A list is run in one process, resumed after a kill, checked and reported")
    func lists() throws {
      let list = file("test/instances.csv")
      let out = scratch("run")
      let arguments = ["verify", "--instances", list, "--out", out, "--proofs", "--quiet"]
      let first = try run(arguments + ["--limit", "5"])
      #expect(first.output.contains("contradictions  none"))
      #expect(first.output.contains("as expected     100.0 % (5 of 5)"))
      let records = try TestData.bytes(out + "/certificates.jsonl")
      // A torn last line, as a kill leaves it: the run goes on from the line before.
      try writeFile(out + "/certificates.jsonl", records.dropLast(10))
      let second = try run(arguments + ["--limit", "5"])
      #expect(second.output.contains("as expected     100.0 % (5 of 5)"))
      let checked = try run(["check", out, "--quiet"])
      #expect(checked.output.contains("4 proofs"))
      #expect(checked.output.contains("1 witnesses"))
      _ = try run(["report", out])
      let page = String(decoding: try TestData.bytes(out + "/report.html"), as: UTF8.self)
      #expect(page.contains("Solved against time"))
      // Another configuration in the same folder is refused.
      let refused = try run(arguments + ["--limit", "4"], expecting: 2)
      #expect(refused.messages.contains("another configuration"))
    }

    @Test("Proofs around images carry their regions and are replayed, alone and by the run")
    func images() throws {
      let demo = try DemoFiles.shared.get()
      let out = scratch("run")
      _ = try run([
        "verify", demo.model, "--data", demo.digits, "--labels", demo.labels, "--epsilon", "1/255", "--limit", "2",
        "--proofs", "--out", out, "--quiet", "--timeout", "300",
      ])
      let all = try run(["check", out, "--quiet"])
      #expect(all.output.contains("Accepted: 2 proofs"))
      let one = try run(["check", out + "/proofs/0.proof", "--quiet"])
      #expect(one.output.contains("label") && one.output.contains("Accepted: 1 proofs"))
    }

    @Test(
      "Killed with -9 at random moments, a run loses at most the instance under way and ends with the same verdicts")
    func killed() throws {
      let arguments = [
        "verify", "--instances", file("acasxu_2023/instances.csv"), "--limit", "25", "--quiet", "--proofs",
      ]
      let whole = scratch("whole")
      let start = ContinuousClock.now
      try run(arguments + ["--out", whole])
      let duration = (ContinuousClock.now - start).inSeconds
      let expected = try records(whole)
      let seed: UInt64 = 20_261_124
      var generator = SeededGenerator(seed: seed)
      let out = scratch("killed")
      var kills = 0
      var stored: [VerificationRecord] = []
      while kills < 12 {
        let process = try Program(arguments + ["--out", out])
        usleep(UInt32(Double.random(in: 0.05..<max(0.1, duration / 4), using: &generator) * 1e6))
        process.signal(SIGKILL)
        let result = try process.finish()
        // What was stored stays as it was, line by line, and so does every instance that this run told of.
        let now = try records(out)
        let told = result.output.split(separator: "\n").prefix { !$0.hasPrefix("solved") }.count
        #expect(now.starts(with: stored), "seed \(seed), kill \(kills)")
        #expect(now.count >= min(25, stored.count + told), "seed \(seed), kill \(kills): \(result.output)")
        stored = now
        if result.code != -SIGKILL { break }
        kills += 1
      }
      #expect(kills >= 2, "only \(kills) kills came before the end, of a run of \(duration) s")
      try run(arguments + ["--out", out])
      let found = try records(out)
      #expect(found.starts(with: stored))
      #expect(found.map(\.verdict) == expected.map(\.verdict))
      #expect(found.map(\.index) == Array(0..<25))
      try run(["check", out, "--quiet"])
    }

    private func records(_ folder: String) throws -> [VerificationRecord] {
      let path = folder + "/certificates.jsonl"
      guard access(path, R_OK) == 0 else { return [] }
      return try RecordFile<VerificationRecord>.read(try TestData.bytes(path), path: path).records
    }

    @Test("A forged verdict in a run is found")
    func forgedVerdict() throws {
      let out = scratch("run")
      _ = try run(["verify", "--instances", file("test/instances.csv"), "--out", out, "--proofs", "--quiet"])
      let path = out + "/certificates.jsonl"
      var contents = try RecordFile<VerificationRecord>.read(try TestData.bytes(path), path: path).records
      // The sat instance is said to be proven by another instance's proof.
      let sat = try #require(contents.firstIndex { $0.verdict == .sat })
      let unsat = try #require(contents.first { $0.verdict == .unsat })
      contents[sat].verdict = .unsat
      contents[sat].proof = unsat.proof
      contents[sat].proofSHA256 = unsat.proofSHA256
      let lines = try contents.map { try RecordFile<VerificationRecord>.line($0) + "\n" }.joined()
      try writeFile(path, lines.utf8)
      let result = try run(["check", out, "--quiet"], expecting: 1)
      #expect(result.output.contains("REJECTED"))
    }

    @Test("Bad input gets a sentence and exit code 2")
    func badInput() throws {
      let model = file("test/onnx/test_nano.onnx.gz")
      let property = file("test/vnnlib/test_nano.vnnlib.gz")
      let wide = file("test/vnnlib/test_prop.vnnlib.gz")
      func refused(_ arguments: [String], _ words: String...) throws {
        let result = try run(["verify"] + arguments, expecting: 2)
        for word in words { #expect(result.messages.contains(word), "\(result.messages)") }
      }
      try refused([model, wide], "5 inputs", "1")
      try refused([model, property, "--timeout", "0"], "--timeout")
      try refused([model, property, "--proof", scratch("nowhere/x.proof")], "cannot write")
      try refused([model, property, "--proof", "/tmp"], "it is a folder")
      try refused([model, scratch("missing.vnnlib")], "missing.vnnlib")
      let broken = try scratch.write(
        "broken.vnnlib", "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n(assert (<= X_0 1)\n".utf8)
      try refused([model, broken], "broken.vnnlib", "3")
      let open = try scratch.write(
        "open.vnnlib", "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n(assert (<= X_0 1))\n".utf8)
      try refused([model, open], "X_0")
      let empty = try scratch.write(
        "empty.vnnlib",
        "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n(assert (<= X_0 1))\n(assert (>= X_0 2))\n".utf8)
      try refused([model, empty], "X_0")
    }

    @Test("A timeout is met within 0.2 s")
    func timeout() throws {
      let model = file("mnist_fc/onnx/mnist-net_256x4.onnx.gz")
      let property = file("mnist_fc/vnnlib/prop_6_0.03.vnnlib.gz")
      let start = ContinuousClock.now
      let result = try run(["verify", model, property, "--timeout", "2", "--quiet"], expecting: 3)
      let elapsed = ContinuousClock.now - start
      #expect(result.output.hasPrefix("timeout\n"))
      // The process's own start and end beside the 0.2 s that a timeout may be missed by.
      #expect(!Timing.isMeasured || elapsed < .milliseconds(2400))
    }

    /// 218 million weights once unrolled: loading alone takes longer.
    @Test("A timeout is met while a model is being loaded, and a model that does not fit in the memory is refused")
    func timeoutWhileLoading() throws {
      let files = [
        "carvana_unet_2022/onnx/unet_simp_small.onnx.gz",
        "carvana_unet_2022/vnnlib/spec_unet_simp_small_idx_0cdf5b5d0ce1_16_eps_0.00400.vnnlib.gz",
      ].map(file)
      let start = ContinuousClock.now
      let result = try run(["verify"] + files + ["--timeout", "1", "--quiet"], expecting: 3)
      let elapsed = ContinuousClock.now - start
      #expect(result.output.hasPrefix("timeout\n"))
      #expect(!Timing.isMeasured || elapsed < .milliseconds(1400))
      let refused = try run(["verify"] + files + ["--memory", "1G", "--quiet"], expecting: 2)
      #expect(refused.messages.contains("raise --memory"))
      #expect(refused.peakMemory < 200 << 20)
    }

    @Test("A search stays below its memory cap")
    func memory() throws {
      // A sum of six that is 6 everywhere, though no linear bound sees it: open boxes pile up.
      let model = try scratch.write("constant.onnx", TinyModel.constantInDisguise(inputs: 6))
      let box = (0..<6).map { "(declare-const X_\($0) Real)\n(assert (>= X_\($0) -2))\n(assert (<= X_\($0) 2))\n" }
      let text = box.joined() + "(declare-const Y_0 Real)\n(assert (<= Y_0 5.9999))\n"
      let property = try scratch.write("constant.vnnlib", text.utf8)
      let result = try run(["verify", model, property, "--timeout", "8", "--memory", "100M", "--quiet"], expecting: 3)
      #expect(result.peakMemory <= 100 << 20, "\(result.peakMemory >> 20) MiB")
    }
  }
}
