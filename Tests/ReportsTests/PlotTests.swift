import Reports
import Testing

@Suite struct PlotTests {
  @Test func linearTicksAreRoundAscendingInsideAndFew() {
    var random = SyntheticRun.Random(state: 11)
    for _ in 0..<2000 {
      let low = Double.random(in: -10...10, using: &random)
      let high =
        low + Double.random(in: 1...10, using: &random) * [1e-4, 0.01, 1, 1e3, 1e7].randomElement(using: &random)!
      let count = Int.random(in: 2...10, using: &random)
      let axis = AxisScale.linear(low, high)
      let ticks = axis.ticks(count)
      #expect((1...(count + 1)).contains(ticks.count), "seed 11: \(low) \(high) \(ticks)")
      for (tick, next) in zip(ticks, ticks.dropFirst()) { #expect(tick.value < next.value) }
      #expect(Set(ticks.map(\.label)).count == ticks.count, "seed 11: labels repeat in \(ticks)")
      for tick in ticks { #expect(tick.value >= low - 1e-6 * (high - low) && tick.value <= high + 1e-6 * (high - low)) }
      if ticks.count > 2 {
        let step = ticks[1].value - ticks[0].value
        for (tick, next) in zip(ticks, ticks.dropFirst()) {
          #expect(abs(next.value - tick.value - step) < 1e-6 * step)
        }
      }
    }
  }

  @Test func ticksOfKnownAxes() {
    #expect(AxisScale.linear(0, 1).ticks(5).map(\.label) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(AxisScale.linear(0, 2).ticks(6, integers: true).map(\.label) == ["0", "1", "2"])
    #expect(AxisScale.logarithmic(80, 150_000).ticks(6).map(\.label) == ["100", "1,000", "10,000", "100,000"])
    #expect(AxisScale.logarithmic(90, 1200).ticks(6).map(\.label) == ["100", "200", "500", "1,000"])
  }

  @Test func logarithmicAxesHaveTicksInsideForEverySpan() {
    var random = SyntheticRun.Random(state: 12)
    for _ in 0..<1000 {
      let low = Double.random(in: 1...1000, using: &random)
      let high = low * Double.random(in: 2...1e9, using: &random)
      let ticks = AxisScale.logarithmic(low, high).ticks(6)
      #expect((1...8).contains(ticks.count), "seed 12: \(low) \(high) \(ticks)")
      #expect(ticks.allSatisfy { $0.value >= low * 0.999 && $0.value <= high * 1.001 })
    }
  }

  @Test func everyNumberHasAPlaceOnEveryAxis() {
    let axes: [AxisScale] = [
      .linear(0, 1), .linear(.nan, 3), .linear(2, 2), .logarithmic(0, 10), .logarithmic(5, 5), .logarithmic(1, 1e9),
    ]
    for axis in axes {
      for x in [-1, 0, 0.5, 1e300, Double.infinity, -.infinity, .nan] {
        #expect((0...1).contains(axis.fraction(x)), "\(axis) \(x)")
      }
      #expect(axis.fraction(axis.low) == 0 && abs(axis.fraction(axis.high) - 1) < 1e-12)
    }
  }

  @Test func axisEndsAreNotBelowTheData() {
    for x in [1e-6, 0.06, 0.99, 1, 1.01, 7, 99, 12_345] {
      #expect(AxisScale.niceEnd(x) >= x * (1 - 1e-9) && AxisScale.niceEnd(x) <= 1.3 * x)
    }
    #expect(AxisScale.niceEnd(0) == 1 && AxisScale.niceEnd(.nan) == 1)
  }

  @Test func aStepCurveIsTheShareCertifiedAtLeastThatFar() {
    var random = SyntheticRun.Random(state: 13)
    for _ in 0..<200 {
      let radii = (0..<Int.random(in: 0...30, using: &random)).map { _ in
        Double(Int.random(in: 1...8, using: &random)) / 8
      }
      let total = radii.count + Int.random(in: 1...10, using: &random)
      let curve = StepCurve(name: "", style: "", radii: radii + [.nan, 0, -1, .infinity], total: total)
      for r in [0, 0.1, 0.125, 0.126, 0.5, 0.9, 1, 1.1] {
        let expected = Double(radii.filter { $0 >= r }.count) / Double(total)
        #expect(curve.share(at: r) == expected, "seed 13, r = \(r)")
      }
    }
  }

  @Test func histogramBinsHoldEveryValueOnce() {
    let values = [1, 9, 10, 99, 100, 120, 125, 126, 1000, 10_100, 0, -5]
    let histogram = LogHistogram(
      series: [.init(name: "a", style: "good", values: values), .init(name: "b", style: "none", values: [100, 1000])],
      reference: (10_100, "n"), xTitle: "x", description: "d", emptyMessage: "none")
    let bins = histogram.counts()
    #expect(bins.map { $0.counts[0] }.reduce(0, +) == 10)
    #expect(bins.map { $0.counts[1] }.reduce(0, +) == 2)
    let hundred = bins.first { $0.bin == 20 }  // 100 <= v < 125.9
    #expect(hundred?.counts == [3, 1])
    #expect(imbalance(histogram.drawing().source) == nil)
  }

  @Test func plotsWithoutDataSaySo() {
    let drawings = [
      StepPlot(
        curves: [], markers: [], level: nil, yTitle: "", description: "", emptyMessage: "nothing here"
      ).drawing(isEmpty: true),
      LogHistogram(series: [], reference: nil, xTitle: "", description: "", emptyMessage: "nothing here").drawing(),
      BarPlot(bars: [], description: "", emptyMessage: "nothing here").drawing(),
    ]
    for drawing in drawings {
      #expect(drawing.source.has("nothing here"))
      #expect(imbalance(drawing.source) == nil)
    }
  }
}
