// data/soundness: networks whose verdict is known exactly although binary32 bounds point the other way.

import BranchAndBound
import Graphs
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

/// A row of expected.csv, as far as bounds are concerned.
struct SoundnessRow: Sendable, CustomStringConvertible {
  /// A term whose omission makes a bound of this network a wrong proof, on devices that keep subnormal numbers or flush
  /// them.
  struct Omission: Sendable, CustomStringConvertible {
    var row: SoundnessRow
    var term: FlatBounds.Term
    var flushes: Bool

    var description: String { "\(row) without \(term)\(flushes ? ", flushing" : "")" }
  }

  var name: String
  /// "sat", "unsat" or "depends" (on the order of evaluation).
  var real: String
  var float32: String
  /// The exact output at the witness, to binary64; no true bound is above it.
  var value: Double
  /// The bound with all terms, to nine digits; nil: none.
  var bound: Double?
  private var noticed: String

  var description: String { name }

  static let isAvailable = TestData.isAvailable("soundness/expected.csv")
  static let all: [SoundnessRow] = {
    guard isAvailable, let lines = try? TestData.lines(TestData.path("soundness/expected.csv")) else { return [] }
    return lines.dropFirst().map { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return SoundnessRow(
        name: fields[0], real: fields[2], float32: fields[3], value: number(fields[5]), bound: Double(fields[8]),
        noticed: fields[10])
    }
  }()

  static func named(_ name: String) throws -> SoundnessRow {
    try #require(all.first { $0.name == name })
  }

  /// "-1/16" or "-0.0625".
  private static func number(_ text: String) -> Double {
    let parts = text.split(separator: "/").map { Double($0)! }
    return parts.count == 2 ? parts[0] / parts[1] : parts[0]
  }

  /// The pairs of the column `omission_noticed`: "bias bias/ftz".
  var omissions: [Omission] {
    noticed.split(separator: " ").map { pair in
      let parts = pair.split(separator: "/").map(String.init)
      return Omission(row: self, term: FlatBounds.Term(rawValue: parts[0])!, flushes: parts.last == "ftz")
    }
  }

  func problem() throws -> SearchProblem {
    let network = try ONNXImporter.load(TestData.path("soundness/\(name).onnx")).network()
    let property = try VNNLIBReader.read(path: TestData.path("soundness/\(name).vnnlib"))
    return SearchProblem(network: network, verificationCase: VerificationCase(property.cases[0], of: network))
  }

  /// Whether "proven" is true under these semantics.
  func allowsProof(_ semantics: Semantics) -> Bool {
    switch semantics {
    case .real: real == "unsat"
    case .float32: float32 == "unsat"
    case .both: real == "unsat" && float32 == "unsat"
    }
  }
}
