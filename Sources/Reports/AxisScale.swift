import Glibc

// How data become positions along an axis, and where its ticks stand.

/// An axis from `low` to `high`, linear or logarithmic.
package struct AxisScale: Sendable, Equatable {
  package enum Kind: Sendable { case linear, logarithmic }

  package let kind: Kind
  package let low: Double
  package let high: Double

  /// A linear axis; bounds that are not finite or not ascending are replaced by 0 and 1.
  package static func linear(_ low: Double, _ high: Double) -> AxisScale {
    low.isFinite && high.isFinite && low < high
      ? AxisScale(kind: .linear, low: low, high: high) : AxisScale(kind: .linear, low: 0, high: 1)
  }

  /// A logarithmic axis; bounds that are not finite, positive and ascending are replaced by 1 and 10.
  package static func logarithmic(_ low: Double, _ high: Double) -> AxisScale {
    low.isFinite && high.isFinite && low > 0 && low < high
      ? AxisScale(kind: .logarithmic, low: low, high: high) : AxisScale(kind: .logarithmic, low: 1, high: 10)
  }

  private init(kind: Kind, low: Double, high: Double) {
    self.kind = kind
    self.low = low
    self.high = high
  }

  /// Where x lies: 0 at `low`, 1 at `high`, within 0...1 for every x; 0 for NaN.
  package func fraction(_ x: Double) -> Double {
    guard !x.isNaN else { return 0 }
    let inside = min(max(x, low), high)
    switch kind {
    case .linear: return (inside - low) / (high - low)
    case .logarithmic: return log(inside / low) / log(high / low)
    }
  }

  package struct Tick: Sendable, Equatable {
    package let value: Double
    package let label: String
  }

  /// At most about `count` + 1 round values within the axis, ascending and labelled.
  ///
  /// Linear: multiples of 1, 2 or 5 times a power of ten (whole numbers only if `integers`). Logarithmic: 1, 2, 5
  /// times powers of ten, or only powers of ten where those would be more than `count`.
  package func ticks(_ count: Int, integers: Bool = false) -> [Tick] {
    switch kind {
    case .linear: linearTicks(max(1, count), integers: integers)
    case .logarithmic: logarithmicTicks(max(1, count))
    }
  }

  /// The least step of the form 1, 2 or 5 times a power of ten that is not below `least` > 0, with its exponent.
  static func niceStep(atLeast least: Double) -> (step: Double, exponent: Int) {
    let exponent = Int(floor(log10(least)))
    for (offset, factor) in [(0, 1.0), (0, 2.0), (0, 5.0), (1, 1.0), (1, 2.0)] {
      let step = factor * pow(10, Double(exponent + offset))
      if step >= least * (1 - 1e-12) { return (step, exponent + offset) }
    }
    return (10 * pow(10, Double(exponent)), exponent + 1)
  }

  private func linearTicks(_ count: Int, integers: Bool) -> [Tick] {
    var (step, exponent) = Self.niceStep(atLeast: (high - low) / Double(count))
    if integers && step < 1 { (step, exponent) = (1, 0) }
    let slack = 1e-9 * step
    var ticks: [Tick] = []
    var index = ceil((low - slack) / step)
    while index * step <= high + slack && ticks.count <= 2 * count {
      let value = index * step
      ticks.append(Tick(value: value, label: Self.label(value, decimals: max(0, -exponent))))
      index += 1
    }
    // An axis shorter than one step may hold none of its multiples; a finer step has at most three there.
    return ticks.isEmpty && !integers && count < 64 ? linearTicks(2 * count, integers: false) : ticks
  }

  private func logarithmicTicks(_ count: Int) -> [Tick] {
    let first = Int(floor(log10(low)))
    let last = Int(ceil(log10(high)))
    func values(_ factors: [Double], every: Int) -> [Tick] {
      stride(from: first, through: last, by: every).flatMap { exponent in
        factors.map { factor in
          Tick(
            value: factor * pow(10, Double(exponent)),
            label: Self.label(factor * pow(10, Double(exponent)), decimals: max(0, -exponent)))
        }
      }.filter { $0.value >= low * (1 - 1e-9) && $0.value <= high * (1 + 1e-9) }
    }
    for factors in [[1.0, 2, 5], [1.0, 3], [1.0]] {
      let ticks = values(factors, every: 1)
      if ticks.count <= count && ticks.count >= 2 { return ticks }
    }
    let sparse = values([1], every: max(1, (last - first + count - 1) / count))
    return sparse.isEmpty ? values([1, 2, 5], every: 1) : sparse
  }

  private static func label(_ value: Double, decimals: Int) -> String {
    if value.magnitude >= 1e15 || decimals > 9 { return "\(value)" }
    return decimals == 0 ? NumberText.grouped(Int(value.rounded())) : NumberText.decimal(value, places: decimals)
  }

  /// A round number that is not below x, for the end of an axis that starts at 0; 1 where x is not positive.
  package static func niceEnd(_ x: Double) -> Double {
    guard x.isFinite, x > 0 else { return 1 }
    let (step, _) = niceStep(atLeast: x / 8)
    return ceil(x / step - 1e-9) * step
  }
}
