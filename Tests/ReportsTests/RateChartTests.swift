import Reports
import Testing

@Suite struct RateChartTests {
  @Test func barsAreAsLongAsTheirRates() throws {
    let bars = [40.0, 10, 20].map { RateChart.Bar(name: "d\($0)", style: .strong, rate: $0) }
    let chart = RateChart(title: "t", subtitle: "s", panels: [.init(title: "p", bars: bars)])
    #expect(imbalance(chart.document) == nil)
    let widths = chart.document.split(separator: "class=\"strong\"").dropFirst().map { part in
      Double(part.split(separator: " width=\"")[1].prefix { $0 != "\"" })!
    }
    try #require(widths.count == 3)
    // The axis starts at 0: lengths are to each other as rates, up to the two decimals of coordinates.
    #expect(abs(widths[0] - 4 * widths[1]) < 0.05 && abs(widths[2] - 2 * widths[1]) < 0.05)
  }

  @Test func namesCannotOpenTags() {
    let bar = RateChart.Bar(name: "<script>", style: .weak, rate: 1, range: 0.5...2, note: "a & b")
    let document = RateChart(title: "\"quoted\"", subtitle: "<b>", panels: [.init(title: "&", bars: [bar])]).document
    #expect(imbalance(document) == nil && !document.contains("<script>") && !document.contains("<b>"))
    #expect(document.contains("a &amp; b"))
  }

  @Test func noBarsAndNoRateAreDrawnToo() {
    let nothing = RateChart(title: "t", subtitle: "", panels: [])
    let zero = RateChart(
      title: "t", subtitle: "", panels: [.init(title: "", bars: [.init(name: "a", style: .strong, rate: 0)])])
    for document in [nothing.document, zero.document] {
      #expect(imbalance(document) == nil && !document.contains("nan") && !document.contains("inf"))
    }
  }
}
