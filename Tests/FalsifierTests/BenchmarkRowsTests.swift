import Falsifier
import Graphs
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

/// Rows of the verification competitions that have a counterexample.
private let folders: [(name: String, rows: Int)] = [
  ("acasxu_2023", 12), ("rl_benchmarks", 12), ("reach_prob_density", 6), ("tllverifybench_2023", 8), ("safenlp", 12),
  ("linearizenn", 1), ("mnist_fc", 5), ("collins_rul_cnn_2023", 6), ("sri_resnet_a", 2), ("test", 1),
]

@Suite(
  .enabled(if: TestData.isAvailable("vnncomp/acasxu_2023/instances.csv"), "the verification benchmarks are not there"),
  .serialized)
struct BenchmarkRowsTests {
  @Test(arguments: folders)
  func satisfiableRowsAreFoundInsideTheExactBox(folder: String, rows: Int) async throws {
    let root = TestData.path("vnncomp/" + folder)
    var networks: [String: Network] = [:]
    var count = 0
    for line in try TestData.lines(root + "/instances.csv").dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard fields[3] == "sat", count < rows else { continue }
      count += 1
      let network = try networks[fields[0]] ?? ONNXImporter.load(root + "/" + fields[0]).network()
      networks[fields[0]] = network
      let property = try VNNLIBReader.read(path: root + "/" + fields[1])
      var found: [Double]?
      for region in property.cases where found == nil {
        let falsifier = Falsifier(
          network: network, target: VerificationCase(region, of: network), exact: region)
        let options = FalsifierOptions(deadline: .now + .seconds(300))
        guard let candidate = await falsifier.search(options, accept: { _ in true }).accepted else { continue }
        found = candidate.input
        for (index, value) in candidate.input.enumerated() where region.lower[index] < region.upper[index] {
          #expect(region.lower[index].roundedUp <= value && value <= region.upper[index].roundedDown, "\(line)")
        }
        let outputs = network.outputs(candidate.input)
        let holds = region.clauses[candidate.clause].allSatisfy { constraint in
          let sum = constraint.terms.reduce(0.0) { sum, term in
            switch term.variable {
            case .input(let index): sum + term.coefficient.nearest * candidate.input[index]
            case .output(let index): sum + term.coefficient.nearest * outputs[index]
            }
          }
          return sum <= constraint.bound.roundedUp
        }
        #expect(holds, "\(line)")
      }
      #expect(found != nil, "\(line)")
    }
    #expect(count == rows)
  }
}
