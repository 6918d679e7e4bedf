import Certificates
import FoundationEssentials
import Glibc
import TestSupport
import Testing

// A run that is killed at any moment and resumed leaves the same certificates and votes, byte for byte, as one that
// was not: noise is a function of nonce, image and sample number, and files are synced before anything relies on them.

extension CommandTests {
  @Suite struct KillAndResume {
    private let demo: DemoFiles
    private let scratch: Scratch

    init() throws {
      demo = try DemoFiles.shared.get()
      scratch = try Scratch("kill")
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double { try medianSeconds(1, body) }

    @Test(
      "Killed with -9 at 20 random moments and resumed: the same bytes",
      arguments: [
        "--sampling fixed --n 700 --batch 16 --limit 12",
        "--sampling sequential --radii 0.25,0.5,0.75,1.0 --n 3000 --batch 16 --limit 12",
      ])
    func killed(options: String) throws {
      let options = options + " --nonce 0123456789abcdef"
      let whole = scratch("whole")
      let duration = try seconds { try run(demo.certify(options, out: whole)) }
      let expected = try RunContents(whole)
      let seed: UInt64 = 20_261_123
      var generator = SeededGenerator(seed: seed)
      var interrupted = 0
      for trial in 0..<10 {
        let folder = scratch("run")
        TemporaryFolder.remove(folder)
        var moments: [Double] = []
        // Each trial is killed twice: once in a fresh run, once while it resumes.
        for _ in 0..<2 {
          let process = try Program(demo.certify(options, out: folder))
          moments.append(Double.random(in: 0..<(duration * 0.9), using: &generator))
          usleep(UInt32(moments.last! * 1e6))
          process.signal(SIGKILL)
          if try process.finish().code == -SIGKILL { interrupted += 1 }
        }
        try run(demo.certify(options, out: folder))
        let found = try RunContents(folder)
        #expect(found == expected, "seed \(seed), trial \(trial), killed after \(moments) s of \(duration) s")
      }
      // The second kill of a trial can come after the end.
      #expect(interrupted >= 12, "only \(interrupted) of 20 kills came before the end")
      let check = try run(["check", scratch("run"), "--samples", "50"])
      #expect(check.output.contains("Accepted"))
    }

    @Test("Votes of an unfinished input are stored and taken up again")
    func partialVotes() throws {
      let options = "--sampling fixed --n 120000 --batch 1 --limit 1 --nonce 77"
      let folder = scratch("long")
      let process = try Program(demo.certify(options, out: folder))
      let deadline = ContinuousClock.now + .seconds(60)
      while access(folder + "/votes/0.part", R_OK) != 0, ContinuousClock.now < deadline { usleep(20_000) }
      process.signal(SIGKILL)
      #expect(try process.finish().code == -SIGKILL)
      let note = try JSONText.decode(PartialVotes.self, from: try TestData.bytes(folder + "/votes/0.part"))
      #expect(note.samples > 100)
      try run(demo.certify(options, out: folder))
      let whole = scratch("whole")
      try run(demo.certify(options, out: whole))
      #expect(try RunContents(folder) == RunContents(whole))
    }

    @Test("A torn last line, a lost row and left-over files are repaired")
    func torn() throws {
      let options = "--sampling fixed --n 200 --batch 16 --limit 5 --nonce 88"
      let whole = scratch("whole")
      try run(demo.certify(options, out: whole))
      let expected = try RunContents(whole)
      let table = try Self.withoutTimes(whole)
      var generator = SeededGenerator(seed: 5)
      for _ in 0..<6 {
        let folder = scratch("torn")
        try copyFolder(whole, to: folder)
        let keep = Int.random(in: 0..<expected.certificates.count, using: &generator)
        try writeFile(folder + "/certificates.jsonl", expected.certificates.prefix(keep))
        let rows = try TestData.bytes(folder + "/certified.tsv")
        try writeFile(folder + "/certified.tsv", rows.prefix(Int.random(in: 0..<rows.count, using: &generator)))
        TemporaryFolder.remove(folder + "/summary.json")
        // What a kill between a file and its renaming, or before the note's removal, leaves behind.
        try writeFile(folder + "/votes/3.bits.new", [1, 2, 3])
        try writeFile(folder + "/votes/0.part", Array("{\"index\":0".utf8))
        try writeFile(folder + "/run.json.new", Array("{".utf8))
        try run(demo.certify(options, out: folder))
        #expect(try RunContents(folder) == expected, "cut to \(keep) bytes")
        #expect(try Self.withoutTimes(folder) == table)
        try run(["check", folder])
      }
    }

    private static func withoutTimes(_ folder: String) throws -> [String] {
      try TestData.lines(folder + "/certified.tsv").map {
        $0.split(separator: "\t").dropLast().joined(separator: "\t")
      }
    }

    @Test(
      "SIGINT ends with 130 within a second, with everything stored; the same command goes on",
      arguments: [
        SIGINT, SIGTERM,
      ])
    func interrupted(signal: Int32) throws {
      let options = "--sampling fixed --n 30000 --batch 1 --limit 2 --nonce 99"
      let folder = scratch("interrupted-\(signal)")
      let process = try Program(demo.certify(options, out: folder))
      let deadline = ContinuousClock.now + .seconds(60)
      while access(folder + "/certificates.jsonl", R_OK) != 0, ContinuousClock.now < deadline { usleep(5000) }
      usleep(700_000)
      let start = ContinuousClock.now
      process.signal(signal)
      let result = try process.finish(within: 20)
      let seconds = (ContinuousClock.now - start).inSeconds
      print("signal \(signal): ended after \(seconds) s")
      #expect(result.code == 128 + signal)
      // 0.9 s is the program's own limit; the rest is for a loaded machine.
      #expect(seconds < 1.5)
      #expect(result.messages.contains("The same command goes on"))
      let stored = try FileManager.default.contentsOfDirectory(atPath: folder + "/votes").filter {
        $0.hasSuffix(".part")
      }
      #expect(stored.count >= 1)
      for name in stored {
        let note = try JSONText.decode(PartialVotes.self, from: try TestData.bytes(folder + "/votes/" + name))
        #expect(note.selectionVotes.count == 100)
      }
      try run(demo.certify(options, out: folder))
      let whole = scratch("whole")
      if signal == SIGINT {
        try run(demo.certify(options, out: whole))
        #expect(try RunContents(folder) == RunContents(whole))
      }
    }

    @Test("A second SIGINT ends at once")
    func interruptedTwice() throws {
      let folder = scratch("twice")
      let process = try Program(demo.certify("--n 50000 --sampling fixed --batch 32 --limit 50", out: folder))
      let deadline = ContinuousClock.now + .seconds(60)
      while access(folder + "/certificates.jsonl", R_OK) != 0, ContinuousClock.now < deadline { usleep(5000) }
      let start = ContinuousClock.now
      process.signal(SIGINT)
      usleep(1000)
      process.signal(SIGINT)
      #expect(try process.finish(within: 20).code == 130)
      #expect((ContinuousClock.now - start).inSeconds < 1)
    }

    @Test("Only one process at a time works in a folder")
    func locked() throws {
      let folder = scratch("locked")
      let arguments = demo.certify("--sampling fixed --n 50000 --batch 32 --limit 50", out: folder)
      let process = try Program(arguments)
      let deadline = ContinuousClock.now + .seconds(60)
      while access(folder + "/certificates.jsonl", R_OK) != 0, ContinuousClock.now < deadline { usleep(5000) }
      let second = try run(arguments, expecting: 2)
      #expect(second.messages.contains("another process"))
      process.signal(SIGKILL)
      _ = try process.finish()
    }
  }
}
