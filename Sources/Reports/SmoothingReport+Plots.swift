import Certificates

// The plots of a smoothing run and the table behind the curve.

extension SmoothingReport {
  private var readable: [SmoothingCertificate] { certificates.filter { $0.decision != .unreadable } }

  var plots: Markup {
    """
    <h2>Results</h2>
    <figure><h3>Certified accuracy against radius</h3>\(curve)
    <figcaption>\(curveCaption)</figcaption></figure>
    <div class="pair">
    <figure><h3>Passes per input</h3>\(passesHistogram)
    <figcaption>\(passesCaption)</figcaption></figure>
    <figure><h3>Decisions</h3>\(decisions)
    <figcaption>A certified input of a wrong class is stable, not right: the certificate speaks about the class that \
    the smoothed classifier gives.</figcaption></figure>
    </div>
    """
  }

  private var curve: Markup {
    let labelled = summary.labelled > 0
    let certified = readable.filter { $0.decision == .certified }
    func radii(_ certificates: [SmoothingCertificate]) -> [Double] { certificates.compactMap { Double($0.radius) } }
    let any = StepCurve(
      name: "certified, any class", style: labelled ? "other" : "curve", radii: radii(certified), total: read)
    var curves = [any]
    if labelled {
      let correct = certified.filter { $0.isCorrect == true }
      let accuracy = StepCurve(
        name: "certified and correct", style: "curve", radii: radii(correct), total: summary.labelled)
      curves = accuracy.steps == any.steps ? [accuracy] : [accuracy, any]
    }
    let markers: [(radius: Double, label: String)] =
      plan.kind == .sequential
      ? summary.points.compactMap { point in
        guard let radius = Double(point.radius) else { return nil }
        return labelled
          ? (radius, NumberText.percent(point.correct, of: summary.labelled))
          : (radius, NumberText.percent(point.certified, of: read))
      } : []
    let clean = NumberText.percent(summary.cleanCorrect, of: summary.labelled)
    let level: (share: Double, name: String)? =
      labelled
      ? (Double(summary.cleanCorrect) / Double(summary.labelled), "clean accuracy of the selected class, \(clean)")
      : nil
    return StepPlot(
      curves: curves, markers: markers, level: level, yTitle: labelled ? "share of labelled inputs" : "share of inputs",
      description: "Certified accuracy against the L2 radius", emptyMessage: "No finished input yet"
    ).drawing(isEmpty: read == 0)
  }

  private var curveCaption: Markup {
    var caption: Markup = """
      The curve's height at r is the share of inputs certified at least to r. It is exact at every certified radius; \
      between two of them it is a lower bound, because a certificate holds for all smaller radii too.
      """
    if plan.kind == .sequential {
      caption += """
         Dots stand at the radii that were declared before the first sample; beyond the last one nothing was tested.
        """
    }
    return caption
  }

  private var passesHistogram: Markup {
    func passes(_ decision: SmoothingCertificate.Decision) -> [Int] {
      certificates.filter { $0.decision == decision }.map(\.passes)
    }
    let fixed = plan.selection + plan.estimation
    return LogHistogram(
      series: [
        .init(name: "certified", style: "good", values: passes(.certified)),
        .init(name: "abstained", style: "none", values: passes(.abstain)),
      ],
      reference: plan.kind == .sequential ? (fixed, "fixed n: \(NumberText.grouped(fixed))") : nil,
      xTitle: "forward passes, selection and estimation (log scale)",
      description: "Number of inputs by forward passes", emptyMessage: "No finished input yet"
    ).drawing()
  }

  private var passesCaption: String {
    let sorted = readable.map(\.passes).sorted()
    guard let last = sorted.last else { return "" }
    let mean = summary.passes / sorted.count
    let median = sorted[sorted.count / 2]
    return "Mean \(NumberText.grouped(mean)), median \(NumberText.grouped(median)), most \(NumberText.grouped(last)). "
      + "In all " + SummaryText.passes(summary, plan) + "."
  }

  private var decisions: Markup {
    func count(_ include: (SmoothingCertificate) -> Bool) -> Int { certificates.filter(include).count }
    var bars: [BarPlot.Bar] = []
    let right = count { $0.isCorrect == true }
    let wrong = count { $0.decision == .certified && $0.isCorrect == false }
    let unlabelled = count { $0.decision == .certified && $0.label == nil }
    if summary.labelled > 0 {
      bars.append(.init(name: "certified, right class", style: "good", count: right))
      bars.append(.init(name: "certified, wrong class", style: "wrong", count: wrong))
    }
    if summary.labelled == 0 || unlabelled > 0 {
      bars.append(.init(name: "certified, no label", style: "good", count: unlabelled))
    }
    bars.append(.init(name: "abstained", style: "none", count: summary.abstentions))
    bars.append(.init(name: "unreadable", style: "open", count: summary.unreadable))
    return BarPlot(
      bars: bars, description: "Number of inputs by decision", emptyMessage: "No finished input yet"
    ).drawing()
  }

  /// The numbers behind the curve and how they are defined.
  var accuracyTable: Markup {
    guard read > 0 else { return "" }
    let rows = summary.points.map { point -> Markup in
      let correct: Markup =
        summary.labelled > 0 ? #"<td class="n">\#(NumberText.share(point.correct, of: summary.labelled))</td>"# : ""
      return """
        <tr><td class="n">\(point.radius)</td>\(correct)\
        <td class="n">\(NumberText.share(point.certified, of: read))</td></tr>

        """
    }
    let heading: Markup = summary.labelled > 0 ? #"<th class="n">certified and correct</th>"# : ""
    var definition: Markup = """
      Percentages are rounded down. The mean certified radius, \
      \(NumberText.significant(summary.meanRadius, digits: 6, rounding: .down)), is taken over all inputs that could \
      be read, abstentions and certificates of a wrong class counted as 0
      """
    definition += summary.labelled < read ? ", those of inputs without a label with their radius." : "."
    if summary.labelled == read {
      definition += " It is the area under the curve \u{201C}certified and correct\u{201D}."
    }
    if summary.unreadable > 0 {
      definition += " \(NumberText.grouped(summary.unreadable)) unreadable inputs are in none of the shares."
    }
    return """
      <h3>The same in numbers</h3>
      <div class="wide"><table><thead><tr><th class="n">radius</th>\(heading)<th class="n">certified, any class</th></tr>\
      </thead><tbody>\(rows)</tbody></table></div>
      <p class="note">\(definition)</p>
      """
  }
}
