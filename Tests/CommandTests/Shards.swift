import Certificates
import TestSupport
import Testing

// Shards with one nonce, joined, are the unsharded run; nothing else can be joined.

extension CommandTests {
  @Suite struct Shards {
    private let demo: DemoFiles
    private let scratch: Scratch
    private let options = "--sampling fixed --n 200 --batch 16 --limit 8"

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("shards")
    }

    @Test("Three shards joined equal the whole run, byte for byte; what is no such set is refused")
    func merge() throws {
      let parts = (0..<3).map { scratch("part\($0)") }
      for (index, part) in parts.enumerated() {
        try run(demo.certify(options + " --nonce ab --shard \(index)/3", out: part))
      }
      try run(demo.certify(options + " --nonce ab", out: scratch("whole")))
      try run(["merge", parts[2], parts[0], parts[1], "--out", scratch("joined")])
      #expect(try RunContents(scratch("joined")) == RunContents(scratch("whole")))
      #expect(try TestData.bytes(scratch("joined/summary.json")) == TestData.bytes(scratch("whole/summary.json")))
      let check = try run(["check", scratch("joined"), "--samples", "20"])
      #expect(check.output.contains("8 certificates"))
      try run(["check", parts[1]])
      // Joining again changes nothing.
      try run(["merge"] + parts + ["--out", scratch("joined")])
      #expect(try RunContents(scratch("joined")) == RunContents(scratch("whole")))

      func refuse(_ runs: [String], _ reason: String) throws {
        let result = try run(["merge"] + runs + ["--out", scratch("refused")], expecting: 2)
        #expect(result.messages.contains(reason), "\(result.messages)")
        #expect(result.messages.split(separator: "\n").count == 1, "\(result.messages)")
      }
      try refuse([parts[0], parts[1]], "3 shards")
      try refuse([parts[0], parts[1], parts[1]], "same shard")
      try refuse([parts[0], parts[1], scratch("nothing")], "no run folder")
      try run(demo.certify(options + " --nonce ac --shard 2/3", out: scratch("foreign")))
      try refuse([parts[0], parts[1], scratch("foreign")], "nonce")
      try run(
        demo.certify("--sampling fixed --n 201 --batch 16 --limit 8 --nonce ab --shard 2/3", out: scratch("other")))
      try refuse([parts[0], parts[1], scratch("other")], "no part of the same job")
      try copyFolder(parts[2], to: scratch("unfinished"))
      let lines = try TestData.lines(parts[2] + "/certificates.jsonl")
      try writeFile(scratch("unfinished/certificates.jsonl"), (lines.dropLast().joined(separator: "\n") + "\n").utf8)
      try refuse([parts[0], parts[1], scratch("unfinished")], "not finished")
      try copyFolder(parts[2], to: scratch("damaged"))
      try writeFile(scratch("damaged/votes/2.bits"), [UInt8](repeating: 1, count: 25))
      try refuse([parts[0], parts[1], scratch("damaged")], "does not match")
    }
  }
}
