import Certificates

// The page of a smoothing run: one HTML file that needs nothing else, for a screen, paper or a dossier.

/// Writes a run's report.
package struct SmoothingReport {
  let configuration: RunConfiguration
  let certificates: [SmoothingCertificate]
  let seconds: [Int: Double]
  let audit: String?
  let classNames: [String]
  let summary: RunSummary

  /// The whole page.
  ///
  /// Every number is that of `RunSummary` or of a certificate; percentages and radii are rounded down, error
  /// probabilities up. The page loads nothing, runs no script, and forbids itself both. All text from files is escaped.
  /// A run without finished inputs makes a page that says so.
  /// - Parameters:
  ///   - seconds: the time of each input by its index; may be empty.
  ///   - audit: what `surety check` printed about the run, shown as it is.
  ///   - classNames: the classes' names in the order of their indices, if known.
  package static func html(
    configuration: RunConfiguration, certificates: [SmoothingCertificate], seconds: [Int: Double] = [:],
    audit: String? = nil, classNames: [String] = []
  ) throws -> String {
    try SmoothingReport(
      configuration: configuration, certificates: certificates, seconds: seconds, audit: audit, classNames: classNames,
      summary: RunSummary(certificates, plan: configuration.sampling)
    ).page().source
  }

  private func page() throws -> Markup {
    let title = "Randomized smoothing of \(modelName), sigma \(configuration.noise.sigma)"
    return try ReportStyle.page(
      title: title,
      """
      \(heading(title))
      \(try warnings())
      \(tiles)
      \(plots)
      \(accuracyTable)
      \(claimSection)
      \(limitsSection)
      \(threatSection)
      \(methodSection)
      \(try identitySection())
      \(checkSection)
      \(inputsSection)
      """)
  }

  // MARK: Names and numbers that several parts use

  var plan: SamplingPlan { configuration.sampling }
  var isExact: Bool { configuration.noise.arithmetic == .exact }
  /// Inputs that could be read.
  var read: Int { summary.inputs - summary.unreadable }
  var modelName: String {
    configuration.model.path.split(separator: "/").last.map { String($0) } ?? "a classifier"
  }

  func className(_ index: Int) -> String? {
    classNames.indices.contains(index) && !classNames[index].isEmpty ? classNames[index] : nil
  }

  /// "281 (tabby)".
  func classText(_ index: Int) -> String { className(index).map { "\(index) (\($0))" } ?? "\(index)" }

  func hash(_ text: String) -> Markup { #"<span class="hash">\#(text)</span>"# }

  /// A table of names and values.
  func facts(_ rows: [(String, Markup)]) -> Markup {
    let cells = rows.map { row -> Markup in "<tr><th>\(row.0)</th><td>\(row.1)</td></tr>\n" }
    return #"<table class="facts"><tbody>\#(cells)</tbody></table>"#
  }

  // MARK: Head of the page

  private func heading(_ title: String) -> Markup {
    let planned = configuration.data.indices().count
    let part =
      configuration.data.shards > 1
      ? " This is shard \(configuration.data.shard) of \(configuration.data.shards) of the work." : ""
    let state =
      summary.inputs < planned
      ? "\(NumberText.grouped(summary.inputs)) of \(NumberText.grouped(planned)) inputs are finished."
      : "All \(NumberText.grouped(summary.inputs)) inputs are finished."
    return """
      <h1>\(title)</h1>
      <p class="sub">L2 robustness certificates for \(configuration.data.path), made by surety \
      \(configuration.version). \(state)\(part)</p>
      """
  }

  /// What keeps a reader from trusting the numbers: an unfinished run, records that do not belong to it.
  private func warnings() throws -> Markup {
    var sentences: [String] = []
    let planned = configuration.data.indices().count
    if summary.inputs == 0 {
      sentences.append("No input is finished yet: there is nothing certified to report.")
    } else if summary.inputs < planned {
      sentences.append(
        "The run is not finished. All shares are of the inputs finished so far, which are the first in the data's "
          + "order.")
    }
    let claim = try configuration.claimDigest()
    let foreign = certificates.filter { $0.claimSHA256 != claim }.count
    if foreign > 0 {
      sentences.append(
        "\(foreign) records were made for another noise law, sampling plan or nonce than run.json names. This page "
          + "does not describe them; run surety check.")
    }
    let repeated = certificates.count - Set(certificates.map(\.index)).count
    if repeated > 0 {
      sentences.append("\(repeated) records repeat an input that has one already; run surety check.")
    }
    let boxes = sentences.map { sentence -> Markup in #"<div class="warning"><p>\#(sentence)</p></div>"# }
    return "\(boxes)"
  }

  private var tiles: Markup {
    guard read > 0 else { return "" }
    var tiles: [(String, String, String)] = []
    // With many radii the first, the middle and the last that anything reaches stand for all; the table has the rest.
    let points = summary.points.filter { $0.radius != "0.00" }
    let reached = points.lastIndex { $0.certified > 0 } ?? 0
    let chosen = points.count <= 4 ? Array(points.indices) : Set([0, reached / 2, reached]).sorted()
    for point in chosen.map({ points[$0] }) {
      if summary.labelled > 0 {
        tiles.append(
          (
            NumberText.percent(point.correct, of: summary.labelled), "certified accuracy at radius \(point.radius)",
            "\(NumberText.grouped(point.correct)) of \(NumberText.grouped(summary.labelled)) inputs"
          ))
      } else {
        tiles.append(
          (
            NumberText.percent(point.certified, of: read), "certified at radius \(point.radius)",
            "\(NumberText.grouped(point.certified)) of \(NumberText.grouped(read)) inputs, no labels"
          ))
      }
    }
    if summary.labelled > 0 {
      tiles.append(
        (
          NumberText.percent(summary.cleanCorrect, of: summary.labelled), "clean accuracy",
          "selected class right, \(NumberText.grouped(summary.cleanCorrect)) of \(NumberText.grouped(summary.labelled))"
        ))
    }
    tiles.append(
      (
        NumberText.grouped(summary.abstentions), "abstentions",
        "\(NumberText.percent(summary.abstentions, of: read)) of \(NumberText.grouped(read)) inputs"
      ))
    tiles.append(
      (
        NumberText.significant(summary.meanRadius, digits: 4, rounding: .down), "mean certified radius",
        "abstentions and wrong classes count 0"
      ))
    let saved = max(0, summary.fixedPasses - summary.passes)
    tiles.append(
      (
        NumberText.grouped(summary.passes), "forward passes",
        plan.kind == .sequential
          ? "\(NumberText.percent(saved, of: summary.fixedPasses)) saved against fixed n"
          : "fixed sampling, \(NumberText.grouped(plan.selection + plan.estimation)) per input"
      ))
    let boxes = tiles.map { tile -> Markup in
      #"<div class="tile"><span>\#(tile.1)</span><b>\#(tile.0)</b><span>\#(tile.2)</span></div>"#
    }
    // As many columns as fill their rows: 5 tiles in one row, 6 in two of three, 7 or 8 in two of four.
    let columns = boxes.count == 5 ? "five" : boxes.count == 6 ? "three" : "four"
    return #"<div class="tiles \#(columns)">\#(boxes)</div>"#
  }
}
