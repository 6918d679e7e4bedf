// Horizontal bars with their counts: the decisions of a run.

package struct BarPlot: Sendable {
  package struct Bar: Sendable {
    package var name: String
    /// The class of its box in `ReportStyle`.
    package var style: String
    package var count: Int

    package init(name: String, style: String, count: Int) {
      self.name = name
      self.style = style
      self.count = count
    }
  }

  package var bars: [Bar]
  package var description: String
  package var emptyMessage: String

  package init(bars: [Bar], description: String, emptyMessage: String) {
    self.bars = bars
    self.description = description
    self.emptyMessage = emptyMessage
  }

  /// Bars from a common zero, each with its count and its share of all.
  package func drawing() -> Markup {
    let total = bars.map(\.count).reduce(0, +)
    let most = bars.map(\.count).max() ?? 0
    let x = AxisScale.linear(0, AxisScale.niceEnd(Double(max(most, 1))))
    var frame = PlotFrame(
      x: x, y: .linear(0, 1), xTitle: "inputs", yTitle: "", xTicks: x.ticks(5, integers: true), yTicks: [])
    (frame.left, frame.right, frame.top) = (150, 108, 16)
    if total == 0 { return frame.emptyDrawing(description: description, message: emptyMessage) }

    let pitch = (frame.height - frame.top - frame.bottom) / Double(bars.count)
    let thickness = min(34, 0.6 * pitch)
    var marks: Markup = ""
    for (position, bar) in bars.enumerated() {
      let middle = frame.top + (Double(position) + 0.5) * pitch
      let end = frame.column(Double(bar.count))
      marks += """
        <text x="\(frame.left - 10)" y="\(middle + 4)" text-anchor="end">\(bar.name)</text>\
        <rect class="\(bar.style)" x="\(frame.left)" y="\(middle - thickness / 2)" \
        width="\(end - frame.left)" height="\(thickness)"/>\
        <text class="value plain" x="\(end + 7)" y="\(middle + 4)">\(NumberText.grouped(bar.count)) \
        (\(NumberText.percent(bar.count, of: total)))</text>
        """
    }
    return frame.drawing(description: description, marks: marks)
  }
}
