import ArgumentParser
import CertificateChecking
import Certificates
import Compute
import DemoAssets
import Glibc
import Inputs
import OpenCLCompute
import Reports

/// `surety demo`: certifies a small bundled classifier on the CPU and on OpenCL, compares and checks the two.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Certify and verify a small bundled classifier of handwritten digits, check the proofs, write a report.",
    discussion: """
      Needs no files and no network, and takes some seconds. The folder that it leaves behind has the model, the \
      images, a run on each device and a report; every other command can be tried on it.

      Example:
        surety demo --out surety-demo
      """)

  @Option(help: ArgumentHelp("The folder to write; it must be new or a demo's.", valueName: "folder"))
  var out: String = "surety-demo"

  @Option(help: ArgumentHelp("The noise's standard deviation.", valueName: "S"))
  var sigma: String = "0.25"

  @Option(help: ArgumentHelp("Certify at most this many of the images.", valueName: "count"))
  var limit: Int = 50

  @OptionGroup var outputOptions: OutputOptions

  private static let radii = "0.125,0.25,0.5"

  private struct DeviceResult: Encodable {
    let device: String
    let kind: String
    let seconds: Double
    let passes: Int
    let samplesPerSecond: Double
    let certified: [RunSummary.Point]
    let accepted: Bool
    let run: String
  }

  private struct Agreement: Encodable {
    let inputs: Int
    let sameDecision: Int
    let selectionVotes: Int
    let differentSelectionVotes: Int
  }

  private struct Result: Encodable {
    let devices: [DeviceResult]
    let agreement: Agreement?
    let verification: DemoVerification
    let report: String
  }

  func run() async throws {
    try writeAssets()
    var names = ["cpu"]
    var absence: String?
    do {
      if let first = try OpenCLDevice.all().first {
        names.append("opencl")
        say("Devices: the CPU, and by OpenCL \(first.name)")
      }
    } catch { absence = "\(error)" }
    if let absence { say("Devices: the CPU only. \(absence)") }
    var nonce: String?
    var runs: [(name: String, outcome: SmoothCertify.Outcome, folder: String)] = []
    for name in names {
      let folder = "\(out)/run-\(name)"
      say("Certifying \(limit) digits on \(name), sigma \(sigma), radii \(Self.radii) ...")
      var arguments = [
        "--model", "\(out)/model.onnx", "--data", "\(out)/digits.npy", "--labels", "\(out)/labels.csv", "--preprocess",
        "unit", "--sigma", sigma, "--radii", Self.radii, "--n", "10000", "--limit", String(limit), "--device", name,
        "--batch", "32", "--out", folder, "--quiet",
      ]
      if let nonce { arguments += ["--nonce", nonce] }
      let outcome = try await SmoothCertify.parse(arguments).certify { _ in }
      nonce = outcome.configuration.nonce
      runs.append((name, outcome, folder))
    }
    var results: [DeviceResult] = []
    for run in runs {
      let accepted = try await check(run.folder)
      let rate = Double(run.outcome.passes) / max(run.outcome.seconds, 0.001)
      results.append(
        DeviceResult(
          device: run.outcome.configuration.classifier.deviceName, kind: run.name, seconds: run.outcome.seconds,
          passes: run.outcome.passes, samplesPerSecond: rate, certified: run.outcome.summary.points,
          accepted: accepted, run: run.folder))
    }
    let report = "\(out)/report.html"
    try ReportCommand.write(runs[0].folder, to: report, classNames: (0...9).map(String.init))
    let agreement = runs.count > 1 ? compare(runs[0].outcome.certificates, runs[1].outcome.certificates) : nil
    say("Verifying a property of the classifier and checking its proof ...")
    let verification = try await verify()
    let result = Result(devices: results, agreement: agreement, verification: verification, report: report)
    if outputOptions.json { print(try JSONText.encode(result)) } else { printTable(result, runs[0].outcome) }
    guard results.allSatisfy(\.accepted), verification.accepted else { throw ExitCode(1) }
    if let agreement, agreement.sameDecision < agreement.inputs {
      say("Note: decisions at a boundary can differ where two devices round a logit differently.")
    }
  }

  /// Proves a property around the first digit.
  private func verify() async throws -> DemoVerification {
    var label: UInt8 = 0
    guard let digit = surety_demo_digit(0, &label) else { throw UserError("a bundled image is missing.") }
    let count = Int(surety_demo_digit_height() * surety_demo_digit_width())
    return try await DemoVerification(
      folder: out, digit: Array(UnsafeBufferPointer(start: digit, count: count)), label: Int(label))
  }

  private func say(_ text: String) { if !outputOptions.quiet { Terminal.message(text) } }

  /// Replays a run's certificates and evaluates 20 votes of each again.
  private func check(_ folder: String) async throws -> Bool {
    var checker = try RunChecker(folder)
    try checker.check()
    let files = try CheckedFiles(checker, model: nil, data: nil, labels: nil)
    for problem in files.problems { checker.add(problem: problem) }
    let audit = try await Auditor(checker, files: files, device: "auto", quiet: true).audit(samples: 20)
    for problem in audit.problems { checker.add(problem: problem) }
    for problem in checker.problems { Terminal.message("REJECTED: \(problem)") }
    say(
      "Checked \(folder): \(checker.problems.isEmpty ? "accepted" : "rejected"). \(audit.text.split(separator: "\n")[0])"
    )
    return checker.problems.isEmpty
  }

  private func compare(_ first: [SmoothingCertificate], _ second: [SmoothingCertificate]) -> Agreement {
    let pairs = Array(zip(first, second))
    let votes = pairs.flatMap { zip($0.0.selectionVotes, $0.1.selectionVotes) }
    return Agreement(
      inputs: pairs.count,
      sameDecision: pairs.filter { $0.0.topClass == $0.1.topClass && $0.0.radius == $0.1.radius }.count,
      selectionVotes: votes.count, differentSelectionVotes: votes.filter { $0.0 != $0.1 }.count)
  }

  private func printTable(_ result: Result, _ outcome: SmoothCertify.Outcome) {
    print(SummaryText.smoothing(summary: outcome.summary, plan: outcome.configuration.sampling))
    var table = TextTable(["device", "kind", "passes", "seconds", "samples/s", "certificates"])
    for device in result.devices {
      table.append([
        device.device, device.kind, NumberText.grouped(device.passes), NumberText.decimal(device.seconds, places: 2),
        NumberText.grouped(Int(device.samplesPerSecond)), device.accepted ? "accepted" : "REJECTED",
      ])
    }
    print(table.text)
    if let agreement = result.agreement {
      print(
        "Agreement of CPU and OpenCL: the same decision on \(agreement.sameDecision) of \(agreement.inputs) inputs; "
          + "\(agreement.differentSelectionVotes) of \(NumberText.grouped(agreement.selectionVotes)) selection votes differ."
      )
    } else {
      print("CPU only: no OpenCL device was found, so there is nothing to compare with.")
    }
    print(result.verification.lines)
    print("Run folders: \(result.devices.map(\.run).joined(separator: ", "))\nReport: \(result.report)")
  }

  /// Writes model, images and labels, so that the checker and the user find them. Runs of an earlier demo go.
  private func writeAssets() throws {
    for name in ["run-cpu", "run-opencl"] { try removeEarlierRun("\(out)/\(name)") }
    try DurableFile.makeFolder(out)
    var size = 0
    guard let model = surety_demo_model(&size) else { throw UserError("the bundled model is missing.") }
    try DurableFile.replace("\(out)/model.onnx", with: Array(UnsafeBufferPointer(start: model, count: size)))
    let count = Int(surety_demo_digit_count())
    let height = Int(surety_demo_digit_height())
    let width = Int(surety_demo_digit_width())
    var pixels: [UInt8] = []
    var labels = "row,label\n"
    for index in 0..<count {
      var label: UInt8 = 0
      guard let digit = surety_demo_digit(UInt32(index), &label) else { throw UserError("a bundled image is missing.") }
      pixels += UnsafeBufferPointer(start: digit, count: height * width)
      labels += "\(index),\(label)\n"
    }
    try NumPyArray(shape: [count, height, width], bytes: pixels).write(to: "\(out)/digits.npy")
    try DurableFile.replace("\(out)/labels.csv", with: Array(labels.utf8))
  }

  /// Removes what an earlier demo left; a folder that is no run of the demo's model stays, and is an error.
  private func removeEarlierRun(_ folder: String) throws {
    guard let configuration = try RunFolder.configurationIfPresent(folder) else { return }
    guard configuration.model.path.hasSuffix("/model.onnx") else {
      throw UserError("\(folder) is a run of another model; choose another folder with --out.")
    }
    for index in configuration.data.indices() {
      try DurableFile.remove("\(folder)/votes/\(index).bits")
      try DurableFile.remove("\(folder)/votes/\(index).part")
    }
    for name in ["run.json", "certificates.jsonl", "certified.tsv", "summary.json", "run.lock", "report.html"] {
      try DurableFile.remove("\(folder)/\(name)")
    }
  }
}
