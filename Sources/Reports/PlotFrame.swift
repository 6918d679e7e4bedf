// The frame of a plot: size, margins, grid, axes with ticks and titles. Positions are in pixels of the view box.

package struct PlotFrame: Sendable {
  package var width = 470.0
  package var height = 300.0
  package var left = 58.0
  package var right = 16.0
  package var top = 40.0
  package var bottom = 46.0
  package var x: AxisScale
  package var y: AxisScale
  package var xTitle: String
  package var yTitle: String
  package var xTicks: [AxisScale.Tick]
  package var yTicks: [AxisScale.Tick]

  package init(
    x: AxisScale, y: AxisScale, xTitle: String, yTitle: String, xTicks: [AxisScale.Tick], yTicks: [AxisScale.Tick]
  ) {
    self.x = x
    self.y = y
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xTicks = xTicks
    self.yTicks = yTicks
  }

  package func column(_ value: Double) -> Double { left + x.fraction(value) * (width - left - right) }
  package func row(_ value: Double) -> Double { height - bottom - y.fraction(value) * (height - top - bottom) }

  /// The whole drawing: the frame, then the marks, in an `svg` element with a description for screen readers.
  package func drawing(description: String, legend: [LegendEntry] = [], marks: Markup) -> Markup {
    Self.svg(width: width, height: height, description: description) {
      grid + marks + axes + PlotLegend.row(legend, left: left, baseline: 16)
    }
  }

  /// The same frame with a sentence in place of marks.
  package func emptyDrawing(description: String, message: String) -> Markup {
    drawing(
      description: description,
      marks: """
        <text class="empty" x="\((left + width - right) / 2)" y="\((top + height - bottom) / 2)" \
        text-anchor="middle">\(message)</text>
        """)
  }

  static func svg(width: Double, height: Double, description: String, _ content: () -> Markup) -> Markup {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" role="img" \
    aria-label="\(description)" style="min-width:\(min(width, 430))px;max-width:\(width)px">\
    <title>\(description)</title>\(content())</svg>
    """
  }

  private var grid: Markup {
    var lines: Markup = ""
    for tick in yTicks {
      lines += """
        <line class="grid" x1="\(left)" x2="\(width - right)" y1="\(row(tick.value))" y2="\(row(tick.value))"/>
        """
    }
    return lines
  }

  private var axes: Markup {
    let floor = height - bottom
    var axes: Markup = """
      <line class="axis" x1="\(left)" x2="\(width - right)" y1="\(floor)" y2="\(floor)"/>\
      <line class="axis" x1="\(left)" x2="\(left)" y1="\(top)" y2="\(floor)"/>
      """
    for tick in xTicks {
      let place = column(tick.value)
      axes += """
        <line class="axis" x1="\(place)" x2="\(place)" y1="\(floor)" y2="\(floor + 4)"/>\
        <text x="\(place)" y="\(floor + 17)" text-anchor="middle">\(tick.label)</text>
        """
    }
    for tick in yTicks {
      axes += """
        <text x="\(left - 7)" y="\(row(tick.value) + 4)" text-anchor="end">\(tick.label)</text>
        """
    }
    let middle = (top + floor) / 2
    axes += """
      <text class="title" x="\((left + width - right) / 2)" y="\(height - 8)" text-anchor="middle">\(xTitle)</text>\
      <text class="title" x="14" y="\(middle)" text-anchor="middle" \
      transform="rotate(-90 14 \(middle))">\(yTitle)</text>
      """
    return axes
  }
}
