import Certificates

// The page of a verification run: one HTML file that needs nothing else.

/// Writes a verification run's report.
package struct VerificationReport {
  let configuration: VerificationConfiguration
  let records: [VerificationRecord]
  let summary: VerificationSummary

  /// The whole page. It loads nothing, runs no script, and forbids itself both; all text from files is escaped.
  package static func html(configuration: VerificationConfiguration, records: [VerificationRecord]) -> String {
    VerificationReport(configuration: configuration, records: records, summary: VerificationSummary(records))
      .page().source
  }

  private func page() -> Markup {
    let title = "Verification of \(listName)"
    return ReportStyle.page(
      title: title,
      """
      <h1>\(title)</h1>
      <p class="sub">\(state) Made by surety \(configuration.version) on \(configuration.device).</p>
      \(warnings)
      \(tiles)
      <h2>Solved against time</h2>
      <figure>\(SolvedPlot(records).drawing)
      <figcaption>The curve's height at t is the number of instances that were solved within t seconds each, start, \
      reading and writing included.</figcaption></figure>
      \(claims)
      \(undecided)
      \(table)
      """)
  }

  private var listName: String {
    let parts = configuration.instances.split(separator: "/").map { String($0) }
    return parts.suffix(2).joined(separator: "/")
  }

  private var state: String {
    let planned = configuration.indices().count
    let done = NumberText.grouped(records.count)
    return records.count < planned
      ? "\(done) of \(NumberText.grouped(planned)) instances are finished." : "All \(done) instances are finished."
  }

  private var warnings: Markup {
    var warnings: Markup = ""
    if !configuration.isRoundingSafe {
      warnings += """
        <div class="warning"><p>This run left out the error terms (<code>--rounding ignore</code>): it measures what \
        they cost. None of its verdicts proves anything.</p></div>
        """
    }
    if !summary.contradictions.isEmpty {
      warnings += """
        <div class="warning"><p>\(summary.contradictions.count) verdicts contradict what the list expects: instances \
        \(summary.contradictions.map(String.init).joined(separator: ", ")).</p></div>
        """
    }
    return warnings
  }

  private var tiles: Markup {
    func tile(_ number: String, _ text: String) -> Markup {
      #"<div class="tile"><b>\#(number)</b><span>\#(text)</span></div>"#
    }
    let solved = summary.unsat + summary.sat
    return """
      <div class="tiles four">
      \(tile(NumberText.grouped(summary.unsat), "proven (unsat)"))
      \(tile(NumberText.grouped(summary.sat), "refuted with a witness (sat)"))
      \(tile(NumberText.grouped(records.count - solved), "undecided"))
      \(tile("\(NumberText.decimal(summary.medianSeconds, places: 3)) s", "median of those solved"))
      </div>
      """
  }

  private var claims: Markup {
    let arithmetic: Markup =
      switch configuration.semantics {
      case "float32": "every binary32 evaluation order of the graph as written"
      case "both": "real arithmetic and every binary32 evaluation order of the graph as written"
      default: "real arithmetic with the file's weights"
      }
    return """
      <h2>What the verdicts mean</h2>
      <ul>
      <li><b>unsat</b>: no input of the property's region gives a forbidden output, in \(arithmetic). Every rounding \
      error of the bounds is accounted for.</li>
      <li><b>sat</b>: the witness lies in the region exactly, and an enclosure of the network's outputs there satisfies \
      one forbidden clause entirely. Its binary32 replay is recorded beside it.</li>
      <li>\(NumberText.grouped(summary.proofs)) of the unsat verdicts have a proof; <code>surety check</code> replays \
      them with code that shares no bound with the search.</li>
      </ul>
      """
  }

  private var undecided: Markup {
    let open = records.filter { $0.verdict != .unsat && $0.verdict != .sat }
    guard !open.isEmpty else { return "" }
    let rows = open.map { record -> Markup in
      """
      <tr><td class="n">\(record.index)</td><td class="name">\(record.model)<small>\(record.property)</small></td>\
      <td>\(record.verdict.rawValue)</td><td class="n">\(record.bound ?? "–")</td>\
      <td class="n">\(NumberText.grouped(record.subproblems))</td><td>\(record.message ?? "")</td></tr>

      """
    }
    return """
      <h2>Undecided</h2>
      <p>The bound is the least one of an open subproblem when the search ended; a positive one would have proven it.</p>
      <div class="scroll"><table><thead><tr><th class="n">#</th><th>instance</th><th>answer</th><th class="n">last \
      bound</th><th class="n">subproblems</th><th>why</th></tr></thead><tbody>
      \(rows)</tbody></table></div>
      """
  }

  private var table: Markup {
    let rows = records.map { record -> Markup in
      let dot: Markup =
        switch record.verdict {
        case .unsat: "good"
        case .sat: "wrong"
        default: "open"
        }
      let files = [record.witness, record.proof].compactMap { $0 }.joined(separator: " ")
      return """
        <tr><td class="n">\(record.index)</td><td class="name">\(record.model)<small>\(record.property)</small></td>\
        <td><span class="dot \(dot)"></span>\(record.verdict.rawValue)</td><td>\(record.expected ?? "")</td>\
        <td class="n">\(NumberText.decimal(record.seconds.total, places: 3))</td>\
        <td class="n">\(NumberText.grouped(record.subproblems))</td><td>\(record.engine)</td>\
        <td class="name">\(files)</td></tr>

        """
    }
    return """
      <h2>All instances</h2>
      <div class="scroll"><table><thead><tr><th class="n">#</th><th>instance</th><th>answer</th><th>expected</th>\
      <th class="n">seconds</th><th class="n">subproblems</th><th>decided by</th><th>files</th></tr></thead><tbody>
      \(rows)</tbody></table></div>
      """
  }
}
