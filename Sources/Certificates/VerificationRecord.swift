/// What was found for one property of one model, with what it takes to look at it again.
///
/// `unsat` claims that no input of the property's region gives a forbidden output, in the arithmetic that `semantics`
/// names; the proof, where one was written, lets `surety check` replay the claim. `sat` comes with a witness file.
package struct VerificationRecord: Sendable, Equatable, Codable {
  package enum Verdict: String, Sendable, Codable, CaseIterable { case unsat, sat, unknown, timeout, error }

  /// The instance's place in the list.
  package var index: Int
  /// What was verified, as the list names it.
  package var model: String
  package var property: String
  package var verdict: Verdict
  /// The verdict that the list expects, if it says one, and whether it is trusted ("two", "one").
  package var expected: String?
  package var confidence: String?
  /// Why there is no answer, or what should be known about one.
  package var message: String?
  package var seconds: Seconds
  /// The time limit that was in force.
  package var timeout: Double
  /// What decided: "falsifier", or the name of a search engine.
  package var engine: String
  package var device: String
  package var semantics: String
  /// False: bounds carried no error terms, and the verdict is worth nothing but a measurement.
  package var isRoundingSafe: Bool
  /// Subproblems that were bounded, and those left open.
  package var subproblems: Int
  package var open: Int
  /// The least bound of an open subproblem when the search ended; a decimal, absent before the first bound.
  package var bound: String?
  /// How a binary32 evaluation of the graph as written repeats the witness: certain, observed or fails.
  package var replay: String?
  /// Paths below the run folder, or as given on the command line.
  package var witness: String?
  package var proof: String?
  package var proofSHA256: String?
  package var modelSHA256: String
  package var propertySHA256: String

  /// Where the time went.
  package struct Seconds: Sendable, Equatable, Codable {
    /// Reading model and property and expressing the network.
    package var load = 0.0
    package var falsify = 0.0
    package var search = 0.0
    /// Encoding and writing witness or proof.
    package var write = 0.0
    package var total = 0.0

    package init() {}
  }

  package init(
    index: Int, model: String, property: String, verdict: Verdict, seconds: Seconds, timeout: Double, engine: String,
    device: String, semantics: String, isRoundingSafe: Bool, subproblems: Int, open: Int, modelSHA256: String,
    propertySHA256: String
  ) {
    self.index = index
    self.model = model
    self.property = property
    self.verdict = verdict
    self.seconds = seconds
    self.timeout = timeout
    self.engine = engine
    self.device = device
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    self.subproblems = subproblems
    self.open = open
    self.modelSHA256 = modelSHA256
    self.propertySHA256 = propertySHA256
  }

  /// Whether the verdict says the opposite of what the list expects.
  package var contradicts: Bool {
    switch (verdict, expected) {
    case (.sat, "unsat"?), (.unsat, "sat"?): true
    default: false
    }
  }
}
