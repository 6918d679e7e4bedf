import Glibc

// A histogram over a logarithmic axis with stacked series: passes per input.

package struct LogHistogram: Sendable {
  package struct Series: Sendable {
    package var name: String
    /// The class of its boxes in `ReportStyle`.
    package var style: String
    package var values: [Int]

    package init(name: String, style: String, values: [Int]) {
      self.name = name
      self.style = style
      self.values = values
    }
  }

  package var series: [Series]
  /// A value shown as a vertical line, with its name.
  package var reference: (value: Int, name: String)?
  package var xTitle: String
  package var description: String
  package var emptyMessage: String

  static let binsPerDecade = 10.0

  package init(
    series: [Series], reference: (value: Int, name: String)?, xTitle: String, description: String, emptyMessage: String
  ) {
    self.series = series
    self.reference = reference
    self.xTitle = xTitle
    self.description = description
    self.emptyMessage = emptyMessage
  }

  /// The bin of a value: bin b holds 10^(b/10) <= v < 10^((b+1)/10). Values below 1 have none.
  static func bin(_ value: Int) -> Int? {
    value < 1 ? nil : Int(floor(log10(Double(value)) * binsPerDecade + 1e-9))
  }

  /// For every occupied bin, ascending, the number of values of each series.
  package func counts() -> [(bin: Int, counts: [Int])] {
    var table: [Int: [Int]] = [:]
    for (position, one) in series.enumerated() {
      for bin in one.values.compactMap(Self.bin) {
        table[bin, default: [Int](repeating: 0, count: series.count)][position] += 1
      }
    }
    return table.map { (bin: $0.key, counts: $0.value) }.sorted { $0.bin < $1.bin }
  }

  package func drawing() -> Markup {
    let bins = counts()
    let referenceBin = reference.flatMap { Self.bin($0.value) }
    let places = bins.map(\.bin) + (referenceBin.map { [$0] } ?? [])
    let least = places.min() ?? 20
    let greatest = places.max() ?? 40
    let margin = max(2, (20 - (greatest - least)) / 2)  // at least two decades, so that one bar stays a bar
    let first = Double(least - margin)
    let last = Double(greatest + margin + 1)
    let x = AxisScale.logarithmic(Self.edge(max(0, first)), Self.edge(last))
    let most = bins.map { $0.counts.reduce(0, +) }.max() ?? 0
    let y = AxisScale.linear(0, AxisScale.niceEnd(1.08 * Double(max(most, 1))))
    let frame = PlotFrame(
      x: x, y: y, xTitle: xTitle, yTitle: "inputs", xTicks: x.ticks(6), yTicks: y.ticks(6, integers: true))
    if bins.isEmpty { return frame.emptyDrawing(description: description, message: emptyMessage) }

    var marks: Markup = ""
    for (bin, counts) in bins {
      let left = frame.column(Self.edge(Double(bin)))
      let right = frame.column(Self.edge(Double(bin + 1)))
      var below = 0
      for (position, count) in counts.enumerated() where count > 0 {
        let top = frame.row(Double(below + count))
        let bottom = frame.row(Double(below))
        marks += """
          <rect class="\(series[position].style)" x="\(left + 0.75)" y="\(top)" \
          width="\(max(1, right - left - 1.5))" height="\(bottom - top)"/>
          """
        below += count
      }
    }
    if let reference, reference.value > 0 {
      let place = frame.column(Double(reference.value))
      marks += """
        <line class="level" x1="\(place)" x2="\(place)" y1="\(frame.top)" y2="\(frame.height - frame.bottom)"/>\
        <text class="value plain" x="\(place - 6)" y="\(frame.top + 10)" text-anchor="end">\(reference.name)</text>
        """
    }
    let legend = series.filter { !$0.values.isEmpty }.map { LegendEntry($0.name, style: $0.style, sample: .box) }
    return frame.drawing(description: description, legend: legend, marks: marks)
  }

  private static func edge(_ bin: Double) -> Double { pow(10, bin / binsPerDecade) }
}
