import Certificates
import Glibc
import Reports
import Verification

/// The part of `surety demo` that proves a property of the bundled classifier and has the proof checked.
struct DemoVerification: Encodable {
  /// "unsat": no image of the property's region changes the class.
  let verdict: String
  let seconds: Double
  let subproblems: Int
  let property: String
  let proof: String
  let accepted: Bool
  let leaves: Int
  let checkSeconds: Double

  /// The greatest change of a pixel, of 255.
  private static let change = 2

  /// Writes the property around one digit into a folder, verifies it, and replays its proof.
  init(folder: String, digit: [UInt8], label: Int, classes: Int = 10) async throws {
    property = "\(folder)/digit.vnnlib"
    proof = "\(folder)/digit.proof"
    try DurableFile.replace(property, with: Array(Self.text(digit, label: label, classes: classes).utf8))
    let started = ContinuousClock.now
    let subject = try VerificationSubject(model: try LoadedModel("\(folder)/model.onnx"), specification: property)
    let job = try VerificationJob(try SearchOptionGroup.parse([]), wantsProof: true)
    var (record, answer) = try await job.verify(subject, index: 0, timeout: 30, started: started)
    verdict = record.verdict.rawValue
    subproblems = record.subproblems
    if case .unsat(let trees?) = answer.verdict { try job.write(trees, for: subject, to: proof, record: &record) }
    seconds = (ContinuousClock.now - started).seconds
    guard record.proof != nil else {
      (accepted, leaves, checkSeconds) = (false, 0, 0)
      return
    }
    var check = ProofCheck(quiet: true)
    try check.check(file: proof, model: nil, property: nil)
    (accepted, leaves, checkSeconds) = (check.report.accepted, check.report.leaves, check.report.seconds)
  }

  /// Every pixel may change, within 0 and 1; the outputs that are forbidden give another class at least the label's score.
  private static func text(_ digit: [UInt8], label: Int, classes: Int) -> String {
    var text = "; No change of each pixel by at most \(change)/255 changes the class \(label).\n"
    for index in digit.indices { text += "(declare-const X_\(index) Real)\n" }
    for index in 0..<classes { text += "(declare-const Y_\(index) Real)\n" }
    for (index, pixel) in digit.enumerated() {
      let low = Double(max(0, Int(pixel) - change)) / 255
      let high = Double(min(255, Int(pixel) + change)) / 255
      text += "(assert (>= X_\(index) \(NumberText.decimal(low, places: 6))))\n"
      text += "(assert (<= X_\(index) \(NumberText.decimal(high, places: 6))))\n"
    }
    let others = (0..<classes).filter { $0 != label }.map { "(and (>= Y_\($0) Y_\(label)))" }
    return text + "(assert (or \(others.joined(separator: " "))))\n"
  }

  /// A few lines for the reader.
  var lines: String {
    guard verdict == "unsat" else { return "Verification of the first digit: \(verdict)." }
    return
      "Verified: no change of every pixel by up to \(Self.change)/255 changes the class of the first digit "
      + "(\(verdict) in \(NumberText.decimal(seconds, places: 2)) s, \(subproblems) subproblems).\n"
      + "Its proof was replayed by surety check with bounds of its own: \(accepted ? "accepted" : "REJECTED"), \(leaves) "
      + "leaves, \(NumberText.decimal(checkSeconds, places: 2)) s. Try:\n"
      + "  surety verify \(model) \(property) --proof digit.proof\n  surety check digit.proof"
  }

  private var model: String { property.dropLast("digit.vnnlib".count) + "model.onnx" }
}
