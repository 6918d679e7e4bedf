/// How many noise samples a run draws per image and when it stops: fixed before the first sample.
package struct SamplingPlan: Sendable, Hashable, Codable {
  package enum Kind: String, Sendable, Codable {
    /// Group-sequential tests of declared radii.
    case sequential
    /// A fixed number of samples and a Clopper-Pearson bound (CERTIFY of Cohen et al. 2019).
    case fixed
  }

  package var kind: Kind
  /// The probability that a certificate is wrong, as an exact decimal.
  package var alpha: String
  /// Samples that choose the class.
  package var selection: Int
  /// The most samples that estimate its probability.
  package var estimation: Int
  /// The name of the looks' schedule (sequential only).
  package var schedule: String?
  /// The number of samples at each look.
  package var looks: [Int]
  /// The declared radii, ascending exact decimals, and their boundaries (sequential only).
  package var tests: [RadiusTest]

  package init(
    kind: Kind, alpha: String, selection: Int, estimation: Int, schedule: String?, looks: [Int], tests: [RadiusTest]
  ) {
    self.kind = kind
    self.alpha = alpha
    self.selection = selection
    self.estimation = estimation
    self.schedule = schedule
    self.looks = looks
    self.tests = tests
  }
}

/// The test of one declared radius.
package struct RadiusTest: Sendable, Hashable, Codable {
  /// In units of the full pixel range, as an exact decimal.
  package var radius: String
  /// The largest class probability that the radius leaves possible, rounded up.
  package var nullProbability: Double
  /// The least number of votes that certifies at each look; more than the look's samples where it cannot.
  package var boundaries: [Int]
  /// An upper bound on the error probability spent up to each look.
  package var spent: [Double]
  /// D = floor((255 r)^2).
  package var squaredLevels: Int

  package init(
    radius: String, nullProbability: Double, boundaries: [Int], spent: [Double], squaredLevels: Int
  ) {
    self.radius = radius
    self.nullProbability = nullProbability
    self.boundaries = boundaries
    self.spent = spent
    self.squaredLevels = squaredLevels
  }
}
