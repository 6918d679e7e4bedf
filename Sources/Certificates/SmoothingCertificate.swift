/// What was found for one input by randomized smoothing, with everything that a replay needs beside the run's
/// configuration and the vote bitmap.
///
/// If `decision` is `certified` and the arithmetic is exact, the claim is: for every X' in {0..255}^d with
/// sum (X' - X)^2 <= squaredLevels, the class of the smoothed classifier at X' is `topClass`; the claim is wrong with
/// probability at most alpha over the draw of the nonce.
package struct SmoothingCertificate: Sendable, Equatable, Codable {
  package enum Decision: String, Sendable, Codable { case certified, abstain, unreadable }

  /// The input's place in the data.
  package var index: Int
  package var name: String
  /// The class that the data declares, if any.
  package var label: Int?
  package var decision: Decision
  /// Why an input has no answer (`unreadable`).
  package var problem: String?
  /// Rows, columns and channels of the image after resize and crop, or the shape of a real-valued input.
  package var imageShape: [Int]
  /// SHA-256 of the image's bytes after resize and crop.
  package var imageSHA256: String
  /// The Philox key in hexadecimal.
  package var key: String
  /// The class with most selection votes.
  package var topClass: Int?
  /// The class of each selection sample; -1 where a logit was NaN.
  package var selectionVotes: [Int]
  /// The looks that were taken, in order.
  package var looks: [Look]
  /// Samples that the bitmap holds.
  package var samples: Int
  /// SHA-256 of the bitmap.
  package var votesSHA256: String
  /// The certified radius in units of the full pixel range: a declared decimal, or a number rounded down. "0" for none.
  package var radius: String
  /// D: the certificate's integer radius; absent for real arithmetic and where nothing is certified.
  package var squaredLevels: Int?
  /// SHA-256 of the run's claim: noise law, sampling plan and nonce (`RunConfiguration.claimDigest`).
  package var claimSHA256: String
  /// The classifier that voted.
  package var classifier: ClassifierIdentity

  /// One look at the votes.
  package struct Look: Sendable, Equatable, Codable {
    /// Samples 0 ..< n were counted.
    package var n: Int
    /// Votes for the class among them.
    package var votes: Int
    /// The boundaries of the radii tested at this look, in order, and whether each was reached.
    package var tests: [Test]

    package init(n: Int, votes: Int, tests: [Test]) {
      self.n = n
      self.votes = votes
      self.tests = tests
    }
  }

  package struct Test: Sendable, Equatable, Codable {
    package var radius: String
    package var boundary: Int
    package var passed: Bool

    package init(radius: String, boundary: Int, passed: Bool) {
      self.radius = radius
      self.boundary = boundary
      self.passed = passed
    }
  }

  package init(
    index: Int, name: String, label: Int?, decision: Decision, problem: String? = nil, imageShape: [Int],
    imageSHA256: String, key: String, topClass: Int?, selectionVotes: [Int], looks: [Look], samples: Int,
    votesSHA256: String, radius: String, squaredLevels: Int?, claimSHA256: String, classifier: ClassifierIdentity
  ) {
    self.index = index
    self.name = name
    self.label = label
    self.decision = decision
    self.problem = problem
    self.imageShape = imageShape
    self.imageSHA256 = imageSHA256
    self.key = key
    self.topClass = topClass
    self.selectionVotes = selectionVotes
    self.looks = looks
    self.samples = samples
    self.votesSHA256 = votesSHA256
    self.radius = radius
    self.squaredLevels = squaredLevels
    self.claimSHA256 = claimSHA256
    self.classifier = classifier
  }

  /// Whether the certified class is the declared one; nil without a label.
  package var isCorrect: Bool? { label.map { decision == .certified && topClass == $0 } }
  /// Forward passes spent on this input.
  package var passes: Int { selectionVotes.count + samples }
}
