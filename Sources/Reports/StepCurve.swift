// Certified accuracy against radius: F(r) = #{inputs certified to at least r} / N, a step curve that falls at the
// certified radii and is continuous from the left.

/// A named step curve.
package struct StepCurve: Sendable {
  package var name: String
  /// The class of its line in `ReportStyle`.
  package var style: String
  /// Where the curve falls, ascending, with its height up to and including that place.
  package private(set) var steps: [Step]

  package struct Step: Sendable, Equatable {
    package let radius: Double
    package let share: Double
  }

  /// The share of `total` inputs whose radius is at least r, as a function of r. Radii that are not finite and
  /// positive count as never certified.
  package init(name: String, style: String, radii: [Double], total: Int) {
    self.name = name
    self.style = style
    let sorted = radii.filter { $0.isFinite && $0 > 0 }.sorted()
    steps = []
    guard total > 0 else { return }
    for (position, radius) in sorted.enumerated() where position == 0 || radius > sorted[position - 1] {
      steps.append(Step(radius: radius, share: Double(sorted.count - position) / Double(total)))
    }
  }

  /// F(r).
  package func share(at radius: Double) -> Double { steps.first { $0.radius >= radius }?.share ?? 0 }

  func path(in frame: PlotFrame) -> Markup {
    var path: Markup = "M\(frame.column(0)) \(frame.row(steps.first?.share ?? 0))"
    for (position, step) in steps.enumerated() {
      let next = position + 1 < steps.count ? steps[position + 1].share : 0
      path += "H\(frame.column(step.radius))V\(frame.row(next))"
    }
    path += "H\(frame.column(frame.x.high))"
    return """
      <path class="\(style)" d="\(path)"/>
      """
  }
}

/// The plot of one or two step curves.
package struct StepPlot: Sendable {
  package var curves: [StepCurve]
  /// Places where the first curve's value is marked (the declared radii).
  package var markers: [(radius: Double, label: String)]
  /// A level shown as a horizontal line, with its name.
  package var level: (share: Double, name: String)?
  package var yTitle: String
  package var description: String
  package var emptyMessage: String

  package init(
    curves: [StepCurve], markers: [(radius: Double, label: String)], level: (share: Double, name: String)?,
    yTitle: String, description: String, emptyMessage: String
  ) {
    self.curves = curves
    self.markers = markers
    self.level = level
    self.yTitle = yTitle
    self.description = description
    self.emptyMessage = emptyMessage
  }

  package func drawing(isEmpty: Bool) -> Markup {
    let reached = curves.flatMap(\.steps).map(\.radius) + markers.map(\.radius)
    let end = AxisScale.niceEnd(1.1 * (reached.filter(\.isFinite).max() ?? 0))
    let x = AxisScale.linear(0, end)
    let percent = AxisScale.linear(0, 100).ticks(5).map {
      AxisScale.Tick(value: $0.value / 100, label: $0.label + " %")
    }
    var frame = PlotFrame(
      x: x, y: .linear(0, 1), xTitle: "L2 radius r (1 = the full pixel range of 255 levels)", yTitle: yTitle,
      xTicks: x.ticks(10), yTicks: percent)
    (frame.width, frame.height, frame.top) = (960, 350, 48)
    if isEmpty { return frame.emptyDrawing(description: description, message: emptyMessage) }

    var legend = curves.map { LegendEntry($0.name, style: $0.style, sample: .line) }
    var marks: Markup = ""
    if let level {
      legend.append(LegendEntry(level.name, style: "level", sample: .line))
      marks += """
        <line class="level" x1="\(frame.left)" x2="\(frame.width - frame.right)" \
        y1="\(frame.row(level.share))" y2="\(frame.row(level.share))"/>
        """
    }
    for curve in curves.reversed() { marks += curve.path(in: frame) }
    marks += markerMarks(in: frame)
    return frame.drawing(description: description, legend: legend, marks: marks)
  }

  /// Dots on the first curve; up to six have their values beside them where there is room.
  private func markerMarks(in frame: PlotFrame) -> Markup {
    guard let curve = curves.first else { return "" }
    var marks: Markup = ""
    var labelEnd = -Double.infinity
    for marker in markers {
      let place = frame.column(marker.radius)
      let height = frame.row(curve.share(at: marker.radius))
      marks += """
        <circle class="marker" cx="\(place)" cy="\(height)" r="4.5"/>
        """
      guard markers.count <= 6, place + 8 > labelEnd else { continue }
      labelEnd = place + 8 + PlotLegend.width(of: marker.label)
      marks += """
        <text class="value" x="\(place + 8)" y="\(height - 7)">\(marker.label)</text>
        """
    }
    return marks
  }
}
