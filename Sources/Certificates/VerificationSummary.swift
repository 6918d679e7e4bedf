/// `summary.json` of a verification run: verdicts against what was expected, and times.
package struct VerificationSummary: Sendable, Codable, Equatable {
  package var instances: Int
  package var unsat: Int
  package var sat: Int
  package var unknown: Int
  package var timeouts: Int
  package var errors: Int
  /// Instances whose list names a verdict, and those of them that were solved with it.
  package var expected: Int
  package var solvedAsExpected: Int
  /// Places of instances whose verdict contradicts the list's.
  package var contradictions: [Int]
  package var proofs: Int
  /// Over solved instances, in seconds.
  package var medianSeconds: Double
  package var largestSeconds: Double
  package var totalSeconds: Double

  package init(_ records: [VerificationRecord]) {
    func count(_ verdict: VerificationRecord.Verdict) -> Int { records.filter { $0.verdict == verdict }.count }
    instances = records.count
    unsat = count(.unsat)
    sat = count(.sat)
    unknown = count(.unknown)
    timeouts = count(.timeout)
    errors = count(.error)
    let known = records.filter { $0.expected != nil }
    expected = known.count
    solvedAsExpected = known.filter { $0.verdict.rawValue == $0.expected }.count
    contradictions = records.filter(\.contradicts).map(\.index)
    proofs = records.filter { $0.proof != nil }.count
    let times = records.filter { $0.verdict == .unsat || $0.verdict == .sat }.map(\.seconds.total).sorted()
    medianSeconds = times.isEmpty ? 0 : (times[times.count / 2] + times[(times.count - 1) / 2]) / 2
    largestSeconds = times.last ?? 0
    totalSeconds = records.reduce(0) { $0 + $1.seconds.total }
  }
}
