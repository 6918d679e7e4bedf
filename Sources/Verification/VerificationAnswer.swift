// What a verification was asked and what came out of it.

import BranchAndBound
import Networks
import Witnesses

/// How a verification is to be done.
public struct VerifierOptions: Sendable {
  /// Seconds for everything, from the call on.
  public var timeout: Double
  public var semantics: Semantics
  /// False: bounds carry no error terms; only for measuring what they cost.
  public var isRoundingSafe: Bool
  public var seed: UInt64
  /// Bytes.
  public var memory: Int
  public var threads: Int
  public var wantsProof: Bool
  /// A device beside the CPU for the engines that can use one; nil: only the CPU.
  public var device: VerificationDevice?

  public init(
    timeout: Double = 300, semantics: Semantics = .real, isRoundingSafe: Bool = true, seed: UInt64 = 0,
    memory: Int = 4 << 30, threads: Int = 2, wantsProof: Bool = false, device: VerificationDevice? = nil
  ) {
    self.timeout = timeout
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    self.seed = seed
    self.memory = memory
    self.threads = threads
    self.wantsProof = wantsProof
    self.device = device
  }
}

/// The answer for one property.
public struct VerificationAnswer: Sendable {
  public enum Verdict: Sendable {
    /// Nothing forbidden exists. One tree for each case of the property, if a proof was asked for.
    case unsat([ProofTree]?)
    /// A proven witness.
    case sat(ProvenWitness)
    /// No answer, for this reason.
    case unknown(String)
    case timeout
  }

  public var verdict: Verdict
  /// What decided, or what ran last.
  public var engine: String
  /// The name of the device that its bounds came from; nil: the CPU.
  public var device: String?
  public var falsifySeconds = 0.0
  public var searchSeconds = 0.0
  public var progress = SearchProgress(subproblems: 0, open: 0, bound: .nan)
  /// What should be known beside the verdict, such as a violation in binary32 that is none in real arithmetic.
  public var note: String?

  public init(verdict: Verdict, engine: String) {
    self.verdict = verdict
    self.engine = engine
  }

  /// Adds a sentence to the note, once.
  mutating func remark(_ text: String) {
    guard let note else {
      self.note = text
      return
    }
    // contains(text) would bind to full Foundation, which brings 40 MB of ICU into the bundle.
    if note.firstRange(of: text) == nil { self.note = "\(note); \(text)" }
  }

  /// The witness of a `sat`.
  public var witness: ProvenWitness? {
    if case .sat(let witness) = verdict { return witness }
    return nil
  }
}
