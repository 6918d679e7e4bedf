// What a search is asked and what it answers; the engines below differ in what they can bound and how they split.

import Networks

/// One way of deciding a case: it proves, finds a point, or says what stopped it.
public protocol SearchEngine: Sendable {
  /// For messages and records, for example "fused input splits, binary64".
  var name: String { get }

  /// Decides one case until the deadline. A point that is found is a candidate only: the caller proves it. A refuted
  /// candidate is reported back through `isWitness`, which returns false, and the search goes on.
  func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome
}

/// A network with one case of a property.
public struct SearchProblem: Sendable {
  public var network: Network
  public var verificationCase: VerificationCase

  public init(network: Network, verificationCase: VerificationCase) {
    self.network = network
    self.verificationCase = verificationCase
  }
}

public struct SearchOptions: Sendable {
  /// When the search must have returned; the clock is read inside the loops.
  public var deadline: ContinuousClock.Instant
  public var semantics: Semantics
  /// False leaves every error term out: for measuring what rounding-safety costs, never for a verdict.
  public var isRoundingSafe: Bool
  public var seed: UInt64
  /// Bytes that the search may hold.
  public var memory: Int
  public var threads: Int
  public var wantsProof: Bool

  public init(
    deadline: ContinuousClock.Instant, semantics: Semantics = .real, isRoundingSafe: Bool = true, seed: UInt64 = 0,
    memory: Int = 4 << 30, threads: Int = 2, wantsProof: Bool = false
  ) {
    self.deadline = deadline
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    self.seed = seed
    self.memory = memory
    self.threads = threads
    self.wantsProof = wantsProof
  }
}

/// What a search tells while it runs; called from any thread.
public struct SearchEvents: Sendable {
  /// Decides about a candidate input: true if it is a proven witness, and then the search ends.
  public var isWitness: @Sendable ([Double]) -> Bool
  public var progress: @Sendable (SearchProgress) -> Void
  /// True once the answer is known elsewhere or nobody waits for it: the search returns as at its deadline. Asked
  /// wherever the clock is read.
  public var isStopped: @Sendable () -> Bool

  public init(
    isWitness: @escaping @Sendable ([Double]) -> Bool,
    progress: @escaping @Sendable (SearchProgress) -> Void = { _ in },
    isStopped: @escaping @Sendable () -> Bool = { false }
  ) {
    self.isWitness = isWitness
    self.progress = progress
    self.isStopped = isStopped
  }
}

/// How far a search is.
public struct SearchProgress: Sendable {
  /// Subproblems bounded so far and those still open.
  public var subproblems: Int
  public var open: Int
  /// The least bound of an open subproblem's most promising row; proven when positive. NaN before the first.
  public var bound: Double

  public init(subproblems: Int, open: Int, bound: Double) {
    self.subproblems = subproblems
    self.open = open
    self.bound = bound
  }
}

public struct SearchOutcome: Sendable {
  public enum Result: Sendable {
    /// Nothing forbidden exists; the tree is there if one was asked for.
    case proven(ProofTree?)
    /// `isWitness` accepted this input.
    case witness([Double])
    case timeout
    /// The search is over without an answer, for a reason in words.
    case unknown(String)
  }

  public var result: Result
  public var progress: SearchProgress

  public init(result: Result, progress: SearchProgress) {
    self.result = result
    self.progress = progress
  }
}
