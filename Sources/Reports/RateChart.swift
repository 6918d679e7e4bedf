// Rates as horizontal bars from a common zero, in a file of their own: what `surety bench --chart` draws.

/// Panels of bars below each other, each panel with its own axis. Colours stand in the file, in light and dark.
package struct RateChart: Sendable {
  package enum Style: String, Sendable { case strong, weak }

  package struct Bar: Sendable {
    package var name: String
    package var style: Style
    package var rate: Double
    /// The least and the greatest measurement, shown as a whisker.
    package var range: ClosedRange<Double>?
    /// What stands behind the rate.
    package var note: String

    package init(
      name: String, style: Style, rate: Double, range: ClosedRange<Double>? = nil, note: String = ""
    ) {
      self.name = name
      self.style = style
      self.rate = rate
      self.range = range
      self.note = note
    }
  }

  package struct Panel: Sendable {
    package var title: String
    package var bars: [Bar]

    package init(title: String, bars: [Bar]) {
      self.title = title
      self.bars = bars
    }
  }

  package var title: String
  package var subtitle: String
  package var panels: [Panel]

  package init(title: String, subtitle: String, panels: [Panel]) {
    self.title = title
    self.subtitle = subtitle
    self.panels = panels
  }

  // Lengths in pixels of the view box.
  private static let width = 820.0
  fileprivate static let pitch = 30.0
  fileprivate static let thickness = 18.0
  fileprivate static let axisHeight = 26.0

  /// The whole SVG file.
  package var document: String {
    var y = 66.0
    var marks: Markup = ""
    for panel in panels {
      let (drawing, height) = panel.drawing(top: y, left: left, right: Self.width - right)
      marks += drawing
      y += height + 18
    }
    let height = panels.isEmpty ? 80 : y
    let drawing: Markup = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width) \(height)" width="\(Self.width)" \
      height="\(height)" role="img" aria-label="\(title)"><title>\(title)</title><style>\(Self.sheet)</style>\
      <rect class="page" width="\(Self.width)" height="\(height)"/>\
      <text class="heading" x="20" y="30">\(title)</text><text class="soft" x="20" y="50">\(subtitle)</text>\
      \(marks)</svg>
      """
    return drawing.source + "\n"
  }

  /// Room for the longest name, and for the longest text behind a bar.
  private var left: Double {
    28 + PlotLegend.width(of: panels.flatMap(\.bars).map(\.name).max { $0.count < $1.count } ?? "")
  }
  private var right: Double {
    24 + PlotLegend.width(of: panels.flatMap(\.bars).map(\.text).max { $0.count < $1.count } ?? "")
  }

  private static let sheet: Markup = """
    text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#1b1f24}\
    .heading{font-size:16px;font-weight:600}.panel{font-weight:600}.soft{fill:#57606a}.page{fill:#fff}\
    .grid{stroke:#d4d9df;stroke-width:.7}.axis,.whisker{stroke:#57606a;stroke-width:1}\
    .strong{fill:#0072b2}.weak{fill:#8a929b}\
    @media (prefers-color-scheme:dark){text{fill:#e6e9ed}.soft{fill:#a3acb7}.page{fill:#14171b}\
    .grid{stroke:#3a424c}.axis,.whisker{stroke:#a3acb7}.strong{fill:#56b4e9}.weak{fill:#7d8794}}
    """
}

extension RateChart.Bar {
  /// The rate and the note, as they stand behind the bar.
  fileprivate var text: String { NumberText.rate(rate) + (note.isEmpty ? "" : ", " + note) }
}

extension RateChart.Panel {
  /// The panel's marks and its height.
  fileprivate func drawing(top: Double, left: Double, right: Double) -> (Markup, Double) {
    let heading = title.isEmpty ? 0.0 : 24.0
    let floor = top + heading + RateChart.pitch * Double(bars.count)
    let most = bars.map { max($0.rate, $0.range?.upperBound ?? 0) }.filter(\.isFinite).max() ?? 0
    let axis = AxisScale.linear(0, AxisScale.niceEnd(most))
    func column(_ rate: Double) -> Double { left + axis.fraction(rate) * (right - left) }
    var marks: Markup = """
      <text class="panel" x="20" y="\(top + 10)">\(title)</text>
      """
    for tick in axis.ticks(4) {
      let x = column(tick.value)
      marks += """
        <line class="grid" x1="\(x)" x2="\(x)" y1="\(top + heading)" y2="\(floor)"/>\
        <text class="soft" x="\(x)" y="\(floor + 16)" text-anchor="middle">\(tick.label)</text>
        """
    }
    for (position, bar) in bars.enumerated() {
      let middle = top + heading + RateChart.pitch * (Double(position) + 0.5)
      let end = column(bar.rate)
      marks += """
        <text x="\(left - 8)" y="\(middle + 4)" text-anchor="end">\(bar.name)</text>\
        <rect class="\(bar.style.rawValue)" x="\(left)" y="\(middle - RateChart.thickness / 2)" \
        width="\(end - left)" height="\(RateChart.thickness)"/>
        """
      var textStart = end
      if let range = bar.range {
        textStart = max(end, column(range.upperBound))
        marks += """
          <path class="whisker" fill="none" d="M\(column(range.lowerBound)) \(middle)H\(textStart)\
          M\(column(range.lowerBound)) \(middle - 4)v8M\(textStart) \(middle - 4)v8"/>
          """
      }
      marks += """
        <text x="\(textStart + 7)" y="\(middle + 4)">\(bar.text)</text>
        """
    }
    marks += """
      <line class="axis" x1="\(left)" x2="\(left)" y1="\(top + heading)" y2="\(floor)"/>
      """
    return (marks, floor - top + RateChart.axisHeight)
  }
}
