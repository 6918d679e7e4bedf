import TestSupport
import Testing

extension CommandTests {
  /// Votes in bfloat16 can be evaluated again on an equal classifier only: elsewhere the audit is refused with its reason,
  /// everything else is still checked and reported, and the exit code says that the audit is missing.
  @Test func bfloat16AuditIsRefusedElsewhere() throws {
    let files = try DemoFiles.shared.get()
    let scratch = try Scratch("audit")
    let run = scratch("run")
    let made = try Program.run(
      files.certify("--precision bfloat16 --n 1000 --limit 3 --nonce 0b", out: run))
    if made.code == 2, made.messages.contains("does not offer bfloat16") { return }  // No hardware for it here.
    #expect(made.code == 0, "\(made.messages)")
    let here = try Program.run(["check", run, "--samples", "20"])
    #expect(here.code == 0 && here.output.contains("Accepted: 3"), "\(here.output)\(here.messages)")
    let elsewhere = try Program.run(["check", run, "--samples", "20"], environment: ["DNNL_MAX_CPU_ISA=AVX2"])
    #expect(elsewhere.code == 2)
    #expect(elsewhere.output.contains("The audit is refused") && elsewhere.output.contains("Accepted: 3"))
    let plain = try Program.run(["check", run], environment: ["DNNL_MAX_CPU_ISA=AVX2"])
    #expect(plain.code == 0)
  }

  /// A certificates file may be named instead of its folder.
  @Test func certificatesFileStandsForItsFolder() throws {
    let files = try DemoFiles.shared.get()
    let scratch = try Scratch("file")
    let run = scratch("run")
    #expect(try Program.run(files.certify("--n 500 --limit 2", out: run)).code == 0)
    #expect(try Program.run(["check", run + "/certificates.jsonl"]).code == 0)
    #expect(try Program.run(["check", "certificates.jsonl"], in: run).code == 0)
    #expect(try Program.run(["check", run + "/"]).code == 0)
  }
}
