import Certificates

// The summary that a command prints when it ends.

package enum SummaryText {
  /// What `surety smooth certify` found: clean and certified accuracy at the radii, abstentions, mean radius, passes
  /// used and saved against fixed sampling, time and rate. Ends with a newline.
  ///
  /// Percentages and the mean radius are rounded down. Without labels the shares of certified inputs stand alone.
  /// - Parameters:
  ///   - planned: the inputs of the run; where fewer are finished, the text says so.
  ///   - wallSeconds: the time of this process; nil leaves time and rate out.
  ///   - passesInThatTime: passes that this process did (a resumed run did only part of them); nil means all.
  package static func smoothing(
    summary: RunSummary, plan: SamplingPlan, planned: Int? = nil, wallSeconds: Double? = nil,
    passesInThatTime: Int? = nil
  ) -> String {
    let read = summary.inputs - summary.unreadable
    guard summary.inputs > 0 else { return "No input is finished yet.\n" }
    var text = ""
    if let planned, planned > summary.inputs {
      text += "\(NumberText.grouped(summary.inputs)) of \(NumberText.grouped(planned)) inputs are finished; "
      text += "run the same command again to go on.\n\n"
    }
    text += accuracyTable(summary, read: read).text + "\n"
    var facts = TextTable([], alignment: [.left, .left])
    if summary.labelled > 0 {
      facts.append(["clean accuracy", NumberText.share(summary.cleanCorrect, of: summary.labelled)])
    }
    facts.append(["abstentions", NumberText.share(summary.abstentions, of: read)])
    if summary.unreadable > 0 {
      facts.append(["unreadable", "\(NumberText.grouped(summary.unreadable)), in none of the shares"])
    }
    facts.append([
      "mean radius",
      NumberText.significant(summary.meanRadius, digits: 4, rounding: .down) + " (abstentions and wrong classes as 0)",
    ])
    facts.append(["passes", passes(summary, plan)])
    if let wallSeconds, wallSeconds > 0 {
      let done = passesInThatTime ?? summary.passes
      facts.append([
        "wall time",
        "\(NumberText.duration(wallSeconds)), \(NumberText.rate(Double(done) / wallSeconds)) passes/s",
      ])
    }
    return text + facts.text
  }

  private static func accuracyTable(_ summary: RunSummary, read: Int) -> TextTable {
    let labelled = summary.labelled > 0
    var table = TextTable(
      labelled
        ? ["radius", "certified accuracy", "inputs", "certified, any class", "inputs"]
        : ["radius", "certified", "inputs"], alignment: [.right, .right, .right, .right, .right])
    for point in summary.points {
      func cells(_ part: Int, _ whole: Int) -> [String] {
        [NumberText.percent(part, of: whole), "\(NumberText.grouped(part)) of \(NumberText.grouped(whole))"]
      }
      let certified = cells(point.certified, read)
      table.append([point.radius] + (labelled ? cells(point.correct, summary.labelled) : []) + certified)
    }
    return table
  }

  /// "123,456; 94.1 % fewer than the 2,100,000 of fixed sampling at n = 100,000".
  static func passes(_ summary: RunSummary, _ plan: SamplingPlan) -> String {
    let used = NumberText.grouped(summary.passes)
    guard plan.kind == .sequential, summary.fixedPasses > 0 else { return used }
    let saved = summary.fixedPasses - summary.passes
    return "\(used); \(NumberText.percent(max(0, saved), of: summary.fixedPasses)) fewer than the "
      + "\(NumberText.grouped(summary.fixedPasses)) of fixed sampling at n = \(NumberText.grouped(plan.estimation))"
  }
}
