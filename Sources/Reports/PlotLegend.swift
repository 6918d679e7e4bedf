// Legends: a sample of each mark and its name, in one row above the plot.

/// One entry; `style` is the mark's class in `ReportStyle`.
package struct LegendEntry: Sendable {
  package enum Sample: Sendable { case line, box }

  package var name: String
  package var style: String
  package var sample: Sample

  package init(_ name: String, style: String, sample: Sample) {
    self.name = name
    self.style = style
    self.sample = sample
  }
}

package enum PlotLegend {
  /// Width that a text of the plots' size takes at most, in pixels (no font is measured: 6.6 per character at 12 px).
  static func width(of text: String) -> Double { 6.6 * Double(text.count) }

  static func row(_ entries: [LegendEntry], left: Double, baseline: Double) -> Markup {
    var markup: Markup = ""
    var x = left
    for entry in entries {
      switch entry.sample {
      case .line:
        markup += """
          <line class="\(entry.style)" x1="\(x)" x2="\(x + 26)" y1="\(baseline - 4)" y2="\(baseline - 4)"/>
          """
      case .box:
        markup += """
          <rect class="\(entry.style)" x="\(x + 7)" y="\(baseline - 10)" width="12" height="12"/>
          """
      }
      markup += """
        <text x="\(x + 32)" y="\(baseline)">\(entry.name)</text>
        """
      x += 32 + width(of: entry.name) + 18
    }
    return markup
  }
}
