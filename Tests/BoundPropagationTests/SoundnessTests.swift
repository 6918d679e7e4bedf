import BoundPropagation
import BranchAndBound
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

/// Networks whose verdict in real arithmetic is known although binary32 points the other way.
struct SoundnessTests {
  @Test(.enabled(if: TestData.isAvailable("soundness/expected.csv")))
  func noVerdictIsTheOpposite() async throws {
    var proven = 0
    for line in try TestData.lines(TestData.path("soundness/expected.csv")).dropFirst() where !line.isEmpty {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let network = try ONNXImporter.load(TestData.path("soundness/\(fields[0]).onnx")).network()
      let property = try VNNLIBReader.read(path: TestData.path("soundness/\(fields[0]).vnnlib"))
      for semantics in [Semantics.real, .both] {
        for part in property.cases {
          let outcome = try await InputSplitSearch().search(
            SearchProblem(network: network, verificationCase: VerificationCase(part, of: network)),
            SearchOptions(deadline: .now + .milliseconds(500), semantics: semantics),
            SearchEvents(isWitness: { _ in false }))
          guard case .proven = outcome.result else { continue }
          proven += 1
          // With both semantics a violation in either arithmetic forbids a proof.
          #expect(fields[2] == "unsat", "\(fields[0]) \(semantics)")
          if semantics == .both { #expect(fields[3] == "unsat", "\(fields[0]) float32") }
        }
      }
    }
    // The one network without a violation over the reals is proven.
    #expect(proven >= 1)
  }
}
