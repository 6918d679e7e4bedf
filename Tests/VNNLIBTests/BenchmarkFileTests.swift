import Inputs
import Networks
import Statistics
import TestSupport
import Testing
import VNNLIB

/// The properties of the verification competitions; `SOURCE.md` there states shapes and counts.
private let hasData = TestData.isAvailable("vnncomp/acasxu_2023/instances.csv")

private struct Benchmark: Sendable {
  var folder: String
  var instances: Int
  var inputs: [Int]
  var outputs: [Int]
}

private let benchmarks: [Benchmark] = [
  Benchmark(folder: "test", instances: 5, inputs: [1, 5], outputs: [1, 5]),
  Benchmark(folder: "acasxu_2023", instances: 113, inputs: [5], outputs: [5]),
  Benchmark(folder: "mnist_fc", instances: 60, inputs: [784], outputs: [10]),
  Benchmark(folder: "rl_benchmarks", instances: 200, inputs: [4, 8], outputs: [2, 4]),
  Benchmark(folder: "reach_prob_density", instances: 24, inputs: [3, 5], outputs: [3, 5]),
  Benchmark(folder: "collins_rul_cnn_2023", instances: 43, inputs: [400], outputs: [1]),
  Benchmark(folder: "oval21", instances: 20, inputs: [3072], outputs: [10]),
  Benchmark(folder: "sri_resnet_a", instances: 32, inputs: [3072], outputs: [10]),
  Benchmark(folder: "vit_2023", instances: 42, inputs: [3072], outputs: [10]),
  Benchmark(folder: "tllverifybench_2023", instances: 14, inputs: [2], outputs: [1]),
  Benchmark(folder: "dist_shift_2023", instances: 36, inputs: [792], outputs: [10]),
  Benchmark(folder: "ml4acopf_2023", instances: 14, inputs: [22], outputs: [186]),
  Benchmark(folder: "lsnc", instances: 20, inputs: [6], outputs: [8]),
  Benchmark(folder: "safenlp", instances: 273, inputs: [30], outputs: [2]),
  Benchmark(folder: "cgan_2023", instances: 4, inputs: [5], outputs: [1]),
  Benchmark(folder: "linearizenn", instances: 6, inputs: [4], outputs: [2]),
  Benchmark(folder: "traffic_signs_recognition_2023", instances: 15, inputs: [2700], outputs: [43]),
  Benchmark(folder: "eran", instances: 36, inputs: [784], outputs: [10]),
  Benchmark(folder: "verivital", instances: 40, inputs: [784], outputs: [10]),
  Benchmark(folder: "cifar10_resnet", instances: 41, inputs: [3072], outputs: [10]),
  Benchmark(folder: "nn4sys_2023", instances: 11, inputs: [48], outputs: [6]),
  Benchmark(folder: "cctsdb_yolo_2023", instances: 8, inputs: [12296], outputs: [1]),
  Benchmark(folder: "carvana_unet_2022", instances: 12, inputs: [5828], outputs: [1]),
  Benchmark(folder: "yolo_2023", instances: 8, inputs: [8112], outputs: [21125]),
]

private func propertyPath(_ folder: String, _ name: String) -> String {
  TestData.path("vnncomp/\(folder)/vnnlib/\(name).vnnlib.gz")
}

@Suite(.enabled(if: hasData, "the properties of the verification competitions are not there"))
struct BenchmarkFileTests {
  @Test func thereAre1077Instances() { #expect(benchmarks.reduce(0) { $0 + $1.instances } == 1077) }

  @Test(arguments: benchmarks)
  private func everyInstanceReadsWithTheStatedShape(benchmark: Benchmark) throws {
    let folder = "vnncomp/" + benchmark.folder
    let rows = try TestData.lines(TestData.path(folder + "/instances.csv")).dropFirst()
    #expect(rows.count == benchmark.instances)
    let files = Set(rows.map { String($0.split(separator: ",")[1]) })
    for file in files.sorted() {
      let property = try VNNLIBReader.read(path: TestData.path(folder + "/" + file))
      #expect(benchmark.inputs.contains(property.inputCount), "\(file)")
      #expect(benchmark.outputs.contains(property.outputCount), "\(file)")
      for region in property.cases {
        #expect(zip(region.lower, region.upper).allSatisfy { $0 <= $1 }, "\(file)")
        #expect(region.inputConstraints.isEmpty && region.ball == nil && !region.clauses.isEmpty, "\(file)")
        #expect(region.clauses.allSatisfy { !$0.isEmpty }, "\(file)")
      }
    }
  }

  @Test func acasProperty6HasTwoRegionsOfFourClauses() throws {
    let property = try VNNLIBReader.read(path: propertyPath("acasxu_2023", "prop_6"))
    #expect(property.cases.count == 2)
    #expect(property.cases.map { $0.clauses.count } == [4, 4])
    #expect(property.cases.map { $0.lower[1].text } == ["0.11140846", "-0.499999896"])
    #expect(property.cases.map { $0.upper[1].text } == ["0.499999896", "-0.11140846"])
    #expect(property.cases[0].lower[0] == property.cases[1].lower[0])
  }

  @Test func severalOutputAssertionsAreOneClause() throws {
    // Property 3 of ACAS Xu: clear-of-conflict is minimal, four comparisons at once.
    let property = try VNNLIBReader.read(path: propertyPath("acasxu_2023", "prop_3"))
    #expect(property.cases.count == 1 && property.cases[0].clauses.map(\.count) == [4])
  }

  @Test func lyapunovFilesJoinAnOrWithAnAnd() throws {
    let property = try VNNLIBReader.read(path: propertyPath("lsnc", "quadrotor2d_state_0"))
    #expect(property.cases.count == 1)
    // Every alternative is joined with the assertion Y_1 <= 1.3392 (and its lower limit, where the file has one).
    #expect(property.cases[0].clauses.allSatisfy { $0.count >= 2 })
    #expect(property.cases[0].clauses.count >= 13)
  }

  @Test func largeFilesReadInATenthOfASecond() throws {
    var slowest: [(String, Duration)] = []
    for (folder, name, limit) in [
      ("yolo_2023", "TinyYOLO_prop_000003_eps_1_255", 100), ("cctsdb_yolo_2023", "spec_onnx_patch-1_idx_00559_0", 100),
      ("acasxu_2023", "prop_6", 2),
    ] {
      let path = propertyPath(folder, name)
      var best = Duration.seconds(1000)
      for _ in 0..<5 {
        let time = try ContinuousClock().measure { _ = try VNNLIBReader.read(path: path) }
        best = min(best, time)
      }
      #expect(!Timing.isMeasured || best < .milliseconds(limit), "\(folder)/\(name)")
      slowest.append((name, best))
    }
    print("reading:", slowest.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
  }

  /// Truncated, mutated and shuffled real files are read or refused, never a crash.
  @Test func damagedFilesNeverCrash() throws {
    let seed: UInt64 = 20
    var generator = SeededGenerator(seed: seed)
    var sources: [[UInt8]] = []
    for (folder, name) in [
      ("acasxu_2023", "prop_6"), ("lsnc", "quadrotor2d_state_0"), ("ml4acopf_2023", "14_ieee_prop1"),
      ("nn4sys_2023", "pensieve_simple_1"), ("cgan_2023", "cGAN_imgSz32_nCh_1_prop_0_input_eps_0.010_output_eps_0.015"),
    ] {
      sources.append(try Gzip.inflate(contentsOf: propertyPath(folder, name)))
    }
    let pieces: [[UInt8]] = ["(", ")", "(and ", "(or ", "(not ", "(* ", "-", "1e9", "X_0", "Y_99", ";", "\n", "=", " "]
      .map { Array($0.utf8) }
    var refused = 0
    let rounds = 4000
    for _ in 0..<rounds {
      var bytes = sources[Int.random(in: 0..<sources.count, using: &generator)]
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(contentsOf: pieces.randomElement(using: &generator)!, at: position)
        case 3:
          let end = Int.random(in: position..<min(bytes.count, position + 60), using: &generator)
          let copy = Array(bytes[position...end])
          bytes.insert(contentsOf: copy, at: Int.random(in: 0...bytes.count, using: &generator))
        default: if position > 0 { bytes.removeLast(bytes.count - position) }
        }
        if bytes.isEmpty { bytes = [40] }
      }
      do {
        let property = try VNNLIBReader.read(bytes: bytes)
        #expect(property.cases.allSatisfy { $0.lower.count == property.inputCount }, "seed \(seed)")
      } catch {
        refused += 1
      }
    }
    // Most mutations of a formal text break it; some only change a number or a comment.
    #expect(refused > rounds / 4 && refused < rounds, "seed \(seed): \(refused)")
  }
}
