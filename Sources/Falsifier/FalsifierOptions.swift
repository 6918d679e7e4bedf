// How hard to look for a forbidden point.

/// Budget and methods of a falsifier; the defaults serve every network.
public struct FalsifierOptions: Sendable {
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// Projected gradient descent with Adam steps (Madry et al. 2018; Kingma & Ba 2015).
    case adam
    /// Auto-PGD: sign steps with momentum whose size halves where progress stalls (Croce & Hein 2020).
    case apgd
    /// Half of the starts each.
    case both
  }

  /// The same seed gives the same candidates on the same machine, with any number of threads.
  public var seed: UInt64
  /// Starts of a round; rounded up to full panels.
  public var starts: Int
  /// Gradient steps from each start.
  public var steps: Int
  /// Rounds of new starts; nil: until the deadline.
  public var rounds: Int?
  /// The number of the first round. To go on where a call ended, add its rounds and hand its `nearby` over. Round 0
  /// looks for what is easy to find; samples and diversified starts take more room in later ones.
  public var firstRound: Int
  /// Inputs worth looking around, for example those where a bound was least.
  public var nearby: [[Double]]
  /// When to return; read at every layer of every pass.
  public var deadline: ContinuousClock.Instant
  public var threads: Int
  /// Bytes that values and gradients may take.
  public var memory: Int
  public var method: Method
  /// Asked between passes; true ends the call.
  public var isStopped: @Sendable () -> Bool

  public init(
    seed: UInt64 = 0, starts: Int = 64, steps: Int = 60, rounds: Int? = nil, firstRound: Int = 0,
    nearby: [[Double]] = [], deadline: ContinuousClock.Instant, threads: Int = 2, memory: Int = 2 << 30,
    method: Method = .both,
    isStopped: @escaping @Sendable () -> Bool = { false }
  ) {
    self.seed = seed
    self.starts = starts
    self.steps = steps
    self.rounds = rounds
    self.firstRound = firstRound
    self.nearby = nearby
    self.deadline = deadline
    self.threads = threads
    self.memory = memory
    self.method = method
    self.isStopped = isStopped
  }
}

/// An input that seems to be forbidden.
public struct Candidate: Sendable {
  public var input: [Double]
  /// How far every constraint of the clause is satisfied, at least, by a binary64 evaluation: -max phi >= 0.
  public var margin: Double
  /// The clause of the case that is satisfied with that margin.
  public var clause: Int
}

/// What a call of the falsifier did.
public struct FalsifierOutcome: Sendable {
  /// The candidate that was accepted.
  public var accepted: Candidate?
  /// Candidates that were offered and refused.
  public var refused: Int
  /// Starts that were followed.
  public var starts: Int
  /// The least max phi over all inputs and clauses: how near the attack came; not positive where a candidate was found.
  public var best: Double
  /// The input there.
  public var bestInput: [Double]?
  /// Up to six inputs that came nearest, for the next call.
  public var nearby: [[Double]] = []
}
