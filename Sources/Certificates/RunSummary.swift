/// `summary.json`: a run's results in numbers.
package struct RunSummary: Sendable, Codable {
  /// One point of the certified accuracy curve.
  package struct Point: Sendable, Codable {
    package var radius: String
    /// Inputs certified at least this far, whatever their class.
    package var certified: Int
    /// Those of them whose class is the declared one.
    package var correct: Int
  }

  package var inputs: Int
  package var unreadable: Int
  package var labelled: Int
  /// Inputs whose selected class (not certified) is the declared one.
  package var cleanCorrect: Int
  package var abstentions: Int
  package var points: [Point]
  /// The mean certified radius over all inputs, wrong and abstaining ones counted as 0.
  package var meanRadius: Double
  package var passes: Int
  /// Passes that the same inputs would have taken with fixed sampling at n.
  package var fixedPasses: Int

  package init(_ certificates: [SmoothingCertificate], plan: SamplingPlan) {
    let read = certificates.filter { $0.decision != .unreadable }
    inputs = certificates.count
    unreadable = certificates.count - read.count
    labelled = read.filter { $0.label != nil }.count
    cleanCorrect = read.filter { $0.label != nil && $0.label == $0.topClass }.count
    abstentions = read.filter { $0.decision == .abstain }.count
    let radii = Self.radii(read, plan)
    points = radii.map { radius in
      let reached = read.filter { $0.decision == .certified && (Double($0.radius) ?? 0) >= (Double(radius) ?? 0) }
      return Point(radius: radius, certified: reached.count, correct: reached.filter { $0.isCorrect == true }.count)
    }
    let total = read.reduce(0.0) {
      $0 + ($1.decision == .certified && $1.isCorrect != false ? Double($1.radius) ?? 0 : 0)
    }
    meanRadius = read.isEmpty ? 0 : total / Double(read.count)
    passes = read.reduce(0) { $0 + $1.passes }
    fixedPasses = read.count * (plan.selection + plan.estimation)
  }

  /// The declared radii, or steps of 0.25 up to the largest one reached.
  private static func radii(_ certificates: [SmoothingCertificate], _ plan: SamplingPlan) -> [String] {
    if plan.kind == .sequential { return plan.tests.map(\.radius) }
    let largest = certificates.map { Double($0.radius) ?? 0 }.max() ?? 0
    return (0...max(4, Int(largest / 0.25) + 1)).map { CertifiedTable.decimal(Double($0) * 0.25, places: 2) }
  }
}
