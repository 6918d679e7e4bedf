import Certificates
import FoundationEssentials
import Glibc
import Inputs
import TestSupport
import Testing

// Bad input gets exit code 2 and a sentence on standard error that says what to do; nothing that was there is lost.

extension CommandTests {
  @Suite struct BadInput {
    private let demo: DemoFiles
    private let scratch: Scratch

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("bad-input")
    }

    /// Expects an error whose first line is a sentence with all of `words`.
    @discardableResult
    private func refused(
      _ arguments: [String], _ words: String..., environment: [String] = [], launcher: [String] = [],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Program.Result {
      let result = try run(
        arguments, expecting: 2, environment: environment, launcher: launcher, sourceLocation: sourceLocation)
      let lines = result.messages.split(separator: "\n").filter { !$0.contains("trying a batch of") }
      let sentence = lines.first.map(String.init) ?? ""
      #expect(sentence.hasPrefix("Error: "), "\(result.messages)", sourceLocation: sourceLocation)
      for word in words { #expect(sentence.contains(word), "\(sentence)", sourceLocation: sourceLocation) }
      // A mistake on the command line is followed by the usage; anything else is one line.
      let rest = lines.dropFirst().first.map(String.init) ?? ""
      #expect(
        rest.isEmpty || rest.hasPrefix("Usage:") || rest.hasPrefix("Help:"), "\(result.messages)",
        sourceLocation: sourceLocation)
      #expect(result.output.isEmpty, sourceLocation: sourceLocation)
      return result
    }

    /// A certification with some of the usual options replaced.
    private func certify(_ replacements: [String: String] = [:], _ more: String = "") -> [String] {
      var options = [
        "--model": demo.model, "--data": demo.digits, "--labels": demo.labels, "--preprocess": "unit",
        "--device": "cpu",
        "--sigma": "0.25", "--limit": "2", "--n": "100", "--n0": "10", "--sampling": "fixed", "--out": scratch("run"),
      ]
      options.merge(replacements) { $1 }
      return ["smooth", "certify", "--quiet"] + options.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        + more.split(separator: " ").map(String.init)
    }

    @Test("Models that are missing, torn, none at all or beyond what is understood")
    func models() throws {
      let bytes = try TestData.bytes(demo.model)
      try refused(certify(["--model": scratch("nothing.onnx")]), "nothing.onnx", "No such file")
      for keep in [0, 1, 100, bytes.count / 2, bytes.count - 1] {
        let path = try scratch.write("torn.onnx", bytes.prefix(keep))
        try refused(certify(["--model": path]), "torn.onnx")
      }
      try refused(certify(["--model": try scratch.write("text.onnx", Array("not a model at all\n".utf8))]), "text.onnx")
      try refused(certify(["--model": scratch.path]), scratch.path)
      // The operator's name is replaced by one of equal length.
      let unknown = Self.replacing(Array("Relu".utf8), by: Array("Rilu".utf8), in: bytes)
      let result = try refused(certify(["--model": try scratch.write("unknown.onnx", unknown)]), "Rilu")
      #expect(result.messages.contains("operator"))
      #expect(access(scratch("run"), F_OK) != 0, "nothing may be left behind")
    }

    private static func replacing(_ old: [UInt8], by new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
      var result = bytes
      for start in 0..<(bytes.count - old.count) where bytes[start..<(start + old.count)].elementsEqual(old) {
        result.replaceSubrange(start..<(start + old.count), with: new)
      }
      return result
    }

    @Test("Data and labels that do not fit the model")
    func data() throws {
      try refused(certify(["--data": scratch("nothing.npy")]), "nothing.npy")
      try NumPyArray(shape: [2, 20, 20], bytes: [UInt8](repeating: 7, count: 800)).write(to: scratch("small.npy"))
      try scratch.write("small.csv", Array("row,label\n0,1\n1,2\n".utf8))
      try refused(certify(["--data": scratch("small.npy"), "--labels": scratch("small.csv")]), "20", "28")
      try refused(certify(["--labels": scratch("nothing.csv")]), "nothing.csv")
      let labels = try TestData.lines(demo.labels)
      try scratch.write("beyond.csv", Array(((labels.dropLast() + ["49,12"]).joined(separator: "\n") + "\n").utf8))
      try refused(certify(["--labels": scratch("beyond.csv")]), "12", "10 classes")
      try scratch.write("few.csv", Array((labels.prefix(10).joined(separator: "\n") + "\n").utf8))
      try refused(certify(["--labels": scratch("few.csv")]), "few.csv")
      try refused(certify([:], "--skip 50"), "--skip")
      try scratch.write("empty.npy", [])
      try refused(certify(["--data": scratch("empty.npy")]), "empty.npy")
    }

    @Test("An image that does not decode stops the run, or is recorded with --skip-bad")
    func images() throws {
      let folder = scratch("images")
      try DurableFile.makeFolder(folder)
      let digits = try NumPyArray(contentsOf: demo.digits).bytes()
      for index in 0..<4 {
        try writeFile("\(folder)/\(index).png", greyPNG(Array(digits[(index * 784)..<(index * 784 + 784)]), width: 28))
      }
      let good = try TestData.bytes(folder + "/1.png")
      try writeFile(folder + "/1.png", good.prefix(good.count / 2))
      var arguments = certify(["--data": folder, "--limit": "4"])
      let labels = arguments.firstIndex(of: "--labels")!
      arguments.removeSubrange(labels...(labels + 1))
      try refused(arguments, "1.png", "--skip-bad")
      // What was finished before the bad image stays, and the same command with --skip-bad goes on from there.
      let before = try TestData.bytes(scratch("run/certificates.jsonl"))
      try run(arguments + ["--skip-bad"])
      let file = scratch("run/certificates.jsonl")
      #expect(try TestData.bytes(file).starts(with: before))
      let certificates = try CertificateFile.read(try TestData.bytes(file), path: file).records
      #expect(certificates.map { $0.decision == .unreadable } == [false, true, false, false])
      #expect(certificates[1].problem?.contains("1.png") == true)
      try run(["check", scratch("run"), "--samples", "20"])
      try refused(arguments, "--skip-bad")
    }

    @Test("Numbers out of range or in the wrong units")
    func numbers() throws {
      try refused(certify(["--sigma": "64"]), "--sigma 64", "0.2510")
      for sigma in ["0", "-1", "abc", "nan", ""] { try refused(certify(["--sigma": sigma]), "sigma") }
      for alpha in ["0", "1", "2", "abc"] { try refused(certify(["--alpha": alpha]), "alpha") }
      try refused(certify(["--n": "5"]), "--n 5 can never certify", "at least 10")
      try refused(certify(["--n": "5", "--sampling": "sequential"]), "--n 5 can never certify")
      try refused(certify(["--n": "0"]), "--n")
      try refused(certify(["--n0": "0"]), "--n0")
      try refused(certify(["--sampling": "sequential", "--radii": "0.5,0.25"]), "--radii must ascend")
      try refused(certify(["--sampling": "sequential", "--radii": "0.5,x"]), "x")
      try refused(certify(["--sampling": "sequential", "--radii": "-0.5"]), "radi")
      try refused(certify(["--radii": "0.5"]), "--radii")
      try refused(certify(["--sampling": "sometimes"]), "--sampling")
      try refused(certify(["--nonce": "xyz"]), "nonce")
      try refused(certify(["--nonce": "abc"]), "nonce")
      for shard in ["3/3", "-1/3", "0/0", "1"] { try refused(certify(["--shard": shard]), "--shard") }
      try refused(certify(["--limit": "0"]), "--limit")
      try refused(certify(["--batch": "0"]), "--batch")
      try refused(certify(["--noise": "laplace"]), "--noise")
      #expect(access(scratch("run"), F_OK) != 0, "nothing may be left behind")
    }

    @Test("Preprocessing that is unknown or cannot fit")
    func preprocessing() throws {
      try refused(certify(["--preprocess": "imagenot"]), "imagenot", "efficientnet-lite")
      let mean = "{\"mean\":[120],\"std\":[60],\"scale\":1}"
      try refused(certify(["--preprocess": try scratch.write("p.json", Array(mean.utf8))]), "scale", "255")
      try refused(certify(["--preprocess": try scratch.write("q.json", Array("{\"mean\":".utf8))]), "q.json")
      try refused(
        certify(["--preprocess": try scratch.write("r.json", Array("{\"mean\":[0],\"std\":[0]}".utf8))]), "std")
    }

    @Test("Devices and precisions that are not there")
    func devices() throws {
      try refused(certify(["--device": "gpu"]), "--device", "surety devices")
      try refused(certify(["--device": "opencl:99"]), "99")
      try refused(certify(["--device": "opencl"]), "OpenCL", environment: noOpenCL(scratch.path))
      try refused(certify(["--precision": "bfloat16"]), "bfloat16", "float32", environment: ["DNNL_MAX_CPU_ISA=AVX2"])
      try refused(certify(["--precision": "float99"]), "--precision")
      try refused(certify(["--isa": "avx99"]), "--isa")
      try refused(certify(["--memory": "1K"]), "memory")
      try refused(certify(["--memory": "much"]), "--memory")
    }

    @Test("A folder of another run, an edited certificate, a folder that cannot be written")
    func folders() throws {
      try run(certify(["--nonce": "aa"]))
      let before = try RunContents(scratch("run"))
      try refused(certify(["--nonce": "ab"]), "another configuration", "nonce", "--out")
      try refused(certify(["--sigma": "0.3"]), "another configuration", "--out")
      try refused(certify(["--n": "101"]), "another configuration", "n was 100", "--out")
      try refused(certify(["--limit": "3"]), "another configuration", "limit", "--out")
      try refused(certify(["--preprocess": "none"]), "another configuration", "preprocessing", "--out")
      // Without --nonce the run goes on with its own.
      try run(certify())
      #expect(try RunContents(scratch("run")) == before)

      let file = scratch("run/certificates.jsonl")
      var bytes = try TestData.bytes(file)
      bytes[bytes.firstIndex(of: UInt8(ascii: "\n"))! - 10] ^= 1
      try writeFile(file, bytes)
      try refused(certify(), "line 1", "edited or damaged")
      #expect(try TestData.bytes(file) == bytes, "the file must be left as it is")
      try run(["check", scratch("run")], expecting: 1)

      try refused(certify(["--out": demo.labels + "/run"]), "labels.csv")
      try refused(certify(["--out": "/proc/surety"]), "/proc/surety")
      try refused(["check", scratch("nothing")], "nothing")
      try refused(["report", scratch("nothing")], "nothing")
    }

    @Test("A full disk: a sentence, nothing lost, and the run goes on when there is space")
    func fullDisk() throws {
      let options = ["--limit": "4", "--n": "4000", "--nonce": "dd"]
      // A limit on file sizes of one block of 512 bytes stops at the first long file.
      let limited = ["/bin/sh", "-c", "ulimit -f 1; exec \"$@\"", "sh"]
      try refused(certify(options), "nothing written so far is lost", launcher: limited)
      try run(certify(options))
      try run(certify(options.merging(["--out": scratch("whole")]) { $1 }))
      #expect(try RunContents(scratch("run")) == RunContents(scratch("whole")))

      // MS_REMOUNT and MNT_DETACH of the kernel, which glibc declares as enumerations.
      let again: UInt = 32
      let lazily: Int32 = 2
      let disk = scratch("disk")
      try DurableFile.makeFolder(disk)
      guard mount("tmpfs", disk, "tmpfs", 0, "size=40k") == 0 else {
        print("SKIPPED: a full disk needs the right to mount; only the limit on file sizes was tested")
        return
      }
      defer { umount2(disk, lazily) }
      let onDisk = options.merging(["--out": disk + "/run", "--limit": "20"]) { $1 }
      let result = try refused(certify(onDisk), "nothing written so far is lost", "free some space")
      #expect(result.messages.contains("No space left"))
      #expect(mount("tmpfs", disk, "tmpfs", again, "size=1m") == 0)
      try run(certify(onDisk))
      try run(certify(onDisk.merging(["--out": scratch("twenty")]) { $1 }))
      #expect(try RunContents(disk + "/run") == RunContents(scratch("twenty")))
    }
  }
}

/// A grey PNG file with uncompressed rows.
private func greyPNG(_ pixels: [UInt8], width: Int) -> [UInt8] {
  func word(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
  func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(kind.utf8) + data
    var crc: UInt32 = 0xffff_ffff
    for byte in body {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return word(data.count) + body + word(Int(~crc))
  }
  let height = pixels.count / width
  var rows: [UInt8] = []
  for row in 0..<height { rows += [0] + pixels[(row * width)..<((row + 1) * width)] }
  var low = 1
  var high = 0
  for byte in rows {
    low = (low + Int(byte)) % 65521
    high = (high + low) % 65521
  }
  let size = [UInt8(rows.count & 0xff), UInt8(rows.count >> 8)]
  let stream = [0x78, 0x01, 0x01] + size + size.map { ~$0 } + rows + word(high << 16 | low)
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    + chunk("IHDR", word(width) + word(height) + [8, 0, 0, 0, 0]) + chunk("IDAT", stream) + chunk("IEND", [])
}
