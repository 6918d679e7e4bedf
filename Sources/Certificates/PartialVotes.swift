import Hashing

/// How far an unfinished input has come: what stands beside its bits in `votes/INDEX.part`.
package struct PartialVotes: Sendable, Equatable, Codable {
  package var index: Int
  package var imageSHA256: String
  package var key: String
  package var topClass: Int
  package var selectionVotes: [Int]
  /// Estimation samples 0 ..< samples have voted.
  package var samples: Int
  package var votes: Int
  package var votesSHA256: String
  /// `ClassifierIdentity.digest` of the classifier that voted.
  package var classifierSHA256: String

  package init(
    index: Int, imageSHA256: String, key: String, topClass: Int, selectionVotes: [Int], votes: VoteBitmap,
    classifierSHA256: String
  ) {
    self.index = index
    self.imageSHA256 = imageSHA256
    self.key = key
    self.topClass = topClass
    self.selectionVotes = selectionVotes
    samples = votes.count
    self.votes = votes.votes(in: votes.count)
    votesSHA256 = Self.digest(votes)
    self.classifierSHA256 = classifierSHA256
  }

  /// SHA-256 of a bitmap's bytes.
  package static func digest(_ votes: VoteBitmap) -> String { SHA256.text(votes.bytes) }
}
