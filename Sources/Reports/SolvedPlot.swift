import Certificates

// Instances solved within t seconds, for all t: the curve by which verifiers are compared.

struct SolvedPlot {
  /// Seconds of solved instances, ascending.
  private let unsat: [Double]
  private let sat: [Double]
  private let total: Int

  init(_ records: [VerificationRecord]) {
    unsat = records.filter { $0.verdict == .unsat }.map(\.seconds.total).sorted()
    sat = records.filter { $0.verdict == .sat }.map(\.seconds.total).sorted()
    total = records.count
  }

  var drawing: Markup {
    let all = (unsat + sat).sorted()
    let low = max(0.001, all.first ?? 0.001) / 1.2
    let high = max(low * 10, (all.last ?? 1) * 1.2)
    let x = AxisScale.logarithmic(low, high)
    let y = AxisScale.linear(0, AxisScale.niceEnd(Double(max(1, total))))
    var frame = PlotFrame(
      x: x, y: y, xTitle: "seconds for one instance (log scale)", yTitle: "instances solved", xTicks: x.ticks(12),
      yTicks: y.ticks(6, integers: true))
    (frame.width, frame.height, frame.top) = (960, 350, 48)
    let description = "Instances solved against time"
    if all.isEmpty { return frame.emptyDrawing(description: description, message: "No instance is solved yet") }
    let marks: Markup = """
      <line class="level" x1="\(frame.left)" x2="\(frame.width - frame.right)" y1="\(frame.row(Double(total)))" \
      y2="\(frame.row(Double(total)))"/>\(curve(unsat, "other", in: frame))\(curve(all, "curve", in: frame))
      """
    let legend = [
      LegendEntry("solved", style: "curve", sample: .line),
      LegendEntry("of these unsat", style: "other", sample: .line),
      LegendEntry("all \(NumberText.grouped(total)) instances", style: "level", sample: .line),
    ]
    return frame.drawing(description: description, legend: legend, marks: marks)
  }

  private func curve(_ times: [Double], _ style: String, in frame: PlotFrame) -> Markup {
    guard !times.isEmpty else { return "" }
    var path: Markup = "M\(frame.column(frame.x.low)) \(frame.row(0))"
    for (position, time) in times.enumerated() {
      path += "H\(frame.column(time))V\(frame.row(Double(position + 1)))"
    }
    path += "H\(frame.column(frame.x.high))"
    return """
      <path class="\(style)" d="\(path)"/>
      """
  }
}
