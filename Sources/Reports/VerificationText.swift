import Certificates

// What `surety verify` prints.

package enum VerificationText {
  /// The verdict on the first line, a witness after it as VNN-COMP wants it, then what a reader wants to know.
  package static func verdict(_ record: VerificationRecord, witness: String?) -> String {
    var text = witness ?? "\(record.verdict.rawValue)\n"
    text += facts(record).map { "; \($0)" }.joined(separator: "\n")
    return text
  }

  private static func facts(_ record: VerificationRecord) -> [String] {
    var facts: [String] = []
    if let message = record.message { facts.append(message) }
    let seconds = NumberText.decimal(record.seconds.total, places: 3)
    var line = "\(record.engine), \(record.semantics) semantics, \(seconds) s"
    if record.subproblems > 0 {
      line += ", \(NumberText.grouped(record.subproblems)) subproblem\(record.subproblems == 1 ? "" : "s")"
    }
    if record.open > 0 { line += ", \(NumberText.grouped(record.open)) open" }
    if let bound = record.bound, record.verdict != .unsat, record.verdict != .sat { line += ", last bound \(bound)" }
    facts.append(line)
    if let replay = record.replay { facts.append("binary32 replay of the witness: \(replay)") }
    if let witness = record.witness { facts.append("witness: \(witness)") }
    if let proof = record.proof { facts.append("proof: \(proof)") }
    return facts
  }

  /// One line for one instance of a run.
  package static func line(_ record: VerificationRecord, of count: Int) -> String {
    let width = String(count).count
    let place = String(record.index)
    var text = String(repeating: " ", count: max(0, width - place.count)) + place
    text += "  " + record.verdict.rawValue + String(repeating: " ", count: 8 - record.verdict.rawValue.count)
    let seconds = NumberText.decimal(record.seconds.total, places: 3)
    text += String(repeating: " ", count: max(0, 8 - seconds.count)) + seconds + " s"
    let nodes = NumberText.grouped(record.subproblems)
    text += String(repeating: " ", count: max(0, 11 - nodes.count)) + nodes
    text += "  \(record.model) \(record.property)"
    if record.contradicts { text += "  CONTRADICTS \(record.expected!)" }
    if let message = record.message { text += "  (\(message))" }
    return text
  }

  /// The end of a run.
  package static func summary(_ summary: VerificationSummary, records: [VerificationRecord]) -> String {
    var table = TextTable([], alignment: [.left, .left])
    table.append(["solved", NumberText.share(summary.unsat + summary.sat, of: summary.instances)])
    table.append(["unsat", "\(summary.unsat)" + (summary.proofs > 0 ? ", \(summary.proofs) with a proof" : "")])
    table.append(["sat", "\(summary.sat)"])
    table.append(["undecided", "\(summary.unknown) unknown, \(summary.timeouts) timeout"])
    if summary.errors > 0 { table.append(["errors", "\(summary.errors)"]) }
    if summary.expected > 0 {
      table.append(["as expected", NumberText.share(summary.solvedAsExpected, of: summary.expected)])
      table.append([
        "contradictions",
        summary.contradictions.isEmpty ? "none" : summary.contradictions.map(String.init).joined(separator: ", "),
      ])
    }
    table.append([
      "seconds",
      "median \(NumberText.decimal(summary.medianSeconds, places: 3)) and largest "
        + "\(NumberText.decimal(summary.largestSeconds, places: 2)) of those solved, "
        + "\(NumberText.decimal(summary.totalSeconds, places: 1)) in all",
    ])
    return "\n" + table.text
  }
}
