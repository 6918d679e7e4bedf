import ArgumentParser
import CertificateChecking
import Certificates
import Glibc
import Hashing
import Inputs
import Reports

/// `surety check`: replays certificates with independent code; with --samples it evaluates stored votes again.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Replay certificates with independent code; evaluate stored votes again with --samples.",
    discussion: """
      Recomputes noise table, keys, boundaries, counts, classes, decisions and radii with code that shares no \
      statistics and no device with the code that produced them, and compares model and images with their hashes where \
      they are found. --samples K evaluates K random votes of every certificate again: a share f of false votes is \
      found with probability 1 - (1 - f)^K.

      For surety verify it replays proofs and witnesses: every bound of a proof is computed again, in binary64 with \
      each rounding charged, by code that shares no bound with the search.

      Examples:
        surety check property.proof --model model.onnx --property property.vnnlib
        surety check run
        surety check run --samples 200 --device cpu
      Exit codes: 0 accepted, 1 rejected, 2 error or a refused audit.
      """)

  @Argument(
    help: ArgumentHelp("A run folder, the certificates.jsonl in one, or a proof file.", valueName: "run or proof"))
  var path: String

  @Option(help: ArgumentHelp("Votes of every certificate to evaluate again.", valueName: "count"))
  var samples: Int?

  @Option(help: ArgumentHelp("Where the model is now, if it moved.", valueName: "file"))
  var model: String?

  @Option(help: ArgumentHelp("Where the property of a proof is now, if it moved.", valueName: "file"))
  var property: String?

  @Option(help: ArgumentHelp("Where the data is now, if it moved.", valueName: "path"))
  var data: String?

  @Option(help: ArgumentHelp("Where the labels are now, if they moved.", valueName: "file"))
  var labels: String?

  @Option(
    help: ArgumentHelp("Where to evaluate: auto (the kind that voted), cpu, opencl or opencl:N.", valueName: "device"))
  var device: String = "auto"

  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples must be at least 1.") }
  }

  func run() async throws {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if VerificationProof.isProof(path) {
      var check = ProofCheck(quiet: outputOptions.quiet)
      try check.check(file: path, model: model, property: property)
      return try finish(check)
    }
    let file = "certificates.jsonl"
    let folder = path == file ? "." : path.hasSuffix("/" + file) ? String(path.dropLast(file.count + 1)) : path
    if let configuration = try VerificationFolder.configurationIfPresent(folder) {
      var check = ProofCheck(quiet: outputOptions.quiet)
      try check.check(run: folder, configuration: configuration)
      return try finish(check)
    }
    guard DurableFile.exists("\(folder)/run.json") else {
      throw UserError("\(path) is neither a proof nor a run folder, which has a run.json.")
    }
    var checker = try RunChecker(path)
    try checker.check()
    let files = try CheckedFiles(checker, model: model, data: data, labels: labels)
    for problem in files.problems { checker.add(problem: problem) }
    for note in files.notes { checker.add(note: note) }
    var audit: AuditReport?
    var isRefused = false
    if let samples, checker.problems.isEmpty {
      do {
        audit = try await Auditor(checker, files: files, device: device, quiet: outputOptions.quiet)
          .audit(samples: samples)
      } catch let refusal as AuditRefusal {
        isRefused = true
        checker.add(note: "The audit is refused: \(refusal.reason). Everything else was checked.")
      }
      for problem in audit?.problems ?? [] { checker.add(problem: problem) }
      for note in audit?.notes ?? [] { checker.add(note: note) }
    }
    try report(checker, audit)
    throw ExitCode(checker.problems.isEmpty ? isRefused ? 2 : 0 : 1)
  }

  private func finish(_ check: ProofCheck) throws {
    print(outputOptions.json ? try JSONText.encode(check.report) : check.text)
    throw ExitCode(check.report.accepted ? 0 : 1)
  }

  private struct Result: Encodable {
    let accepted: Bool
    let certificates: Int
    let certified: Int
    let problems: [String]
    let notes: [String]
    let audit: AuditReport?
  }

  private func report(_ checker: RunChecker, _ audit: AuditReport?) throws {
    let certified = checker.certificates.filter { $0.decision == .certified }.count
    if outputOptions.json {
      print(
        try JSONText.encode(
          Result(
            accepted: checker.problems.isEmpty, certificates: checker.certificates.count, certified: certified,
            problems: checker.problems, notes: checker.notes, audit: audit)))
      return
    }
    for problem in checker.problems.prefix(50) { print("REJECTED: \(problem)") }
    if checker.problems.count > 50 { print("... and \(checker.problems.count - 50) more") }
    for note in checker.notes { print("Note: \(note)") }
    if let audit { print(audit.text) }
    print(
      checker.problems.isEmpty
        ? "Accepted: \(checker.certificates.count) certificates replayed, \(certified) of them certify a radius."
        : "Rejected: \(checker.problems.count) problems.")
  }
}
