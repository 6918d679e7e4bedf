// A point of the forbidden set, proven (soundness.md 4.3).

import Networks
import Statistics
import VNNLIB

/// An input of the region with an output that satisfies one whole clause.
public struct ProvenWitness: Sendable {
  /// The input, exactly as it is printed.
  public var input: [ExactDecimal]
  /// The outputs at the input, to binary64's precision.
  public var outputs: [Double]
  /// Which case and clause of the property are met.
  public var caseIndex: Int
  public var clause: Int
  /// Whether the violation holds in real arithmetic.
  public var isReal: Bool
  public var binary32: Replay

  /// How binary32 evaluations of the graph as written repeat the violation.
  public enum Replay: String, Sendable, Codable {
    /// In every order of evaluation.
    case certain
    /// In the one that was tried.
    case observed
    /// Not in the one that was tried.
    case fails
    /// The input is no binary32 number, or nothing is known about binary32 evaluations of this graph.
    case unknown
  }

  /// For records.
  public var replay: String { binary32.rawValue }

  /// The witness as a file of VNN-COMP's form; it reads back to exactly `input`.
  public var text: String {
    WitnessText(
      inputs: input, outputs: outputs.map { ExactDecimal(signed: $0.description) ?? ExactDecimal(0) }
    ).text
  }
}
