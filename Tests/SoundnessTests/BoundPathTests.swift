// Every bound path on every network of data/soundness: none proves what its column denies.

import GatherBounds
import Networks
import TestSupport
import Testing

@Suite(
  "Soundness networks", .serialized,
  .enabled(if: SoundnessRow.isAvailable, "data/soundness is missing; set SURETY_DATA"))
struct BoundPathTests {
  @Test(arguments: BoundPath.all) func neverProvesTheOpposite(_ path: BoundPath) async throws {
    var answers = 0
    for row in SoundnessRow.all {
      let problem = try row.problem()
      for semantics in Semantics.allCases {
        guard let isProven = try await path.isProven(problem, semantics) else { continue }
        answers += 1
        #expect(!isProven || row.allowsProof(semantics), "\(row), \(semantics)")
        // What holds over the reals by more than rounding is proven.
        if path.isWide, row.real == "unsat", semantics == .real { #expect(isProven, "\(row)") }
      }
    }
    #expect(answers >= path.answers)
  }

  /// Networks that one term keeps from being proven by gather blocks, whose private sums are short. The other terms are
  /// left out on both sides, because their room to spare hides the omission.
  static let omissions: [(name: String, term: ErrorTerm, others: Set<ErrorTerm>)] = [
    ("underflow", .floor, []), ("coef_dot", .affine, [.bias, .intercept, .concretise]),
    ("residual", .affine, [.bias, .intercept, .concretise]),
  ]

  @Test(arguments: omissions) func gatherBlocksNoticeAnOmittedTerm(
    _ omission: (name: String, term: ErrorTerm, others: Set<ErrorTerm>)
  ) async throws {
    let problem = try SoundnessRow.named(omission.name).problem()
    for level: Int32 in 0...2 {
      for isDense in [false, true] {
        var options = GatherOptions(repeatsInBinary64: false)
        (options.level, options.isDense, options.omitted) = (level, isDense, omission.others)
        #expect(try await BoundPath.isProven(problem, options) == false)
        options.omitted.insert(omission.term)
        #expect(try await BoundPath.isProven(problem, options) == true, "level \(level), dense \(isDense)")
      }
    }
  }
}
